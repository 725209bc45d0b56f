"""LSTM layers for the time series models."""
import math

import torch
from torch import nn


class ForecastLSTM(nn.Module):
    """LSTM layer, (T, B, I) -> (T, B, H). One fused weight, gates i, f, o, g."""

    def __init__(self, num_features, num_units):
        super().__init__()
        self.num_units = num_units
        self.weight = nn.Parameter(torch.empty(4 * num_units, num_features + num_units))
        self.bias = nn.Parameter(torch.empty(4 * num_units))
        std = 1.0 / math.sqrt(num_units)
        nn.init.uniform_(self.weight, -std, std)
        nn.init.uniform_(self.bias, -std, std)

    def forward(self, x, state=None):
        steps, batch, _ = x.shape
        n = self.num_units
        if state is None:
            h = c = x.new_zeros((batch, n))
        else:
            h, c = state
            if h.shape != (batch, n) or c.shape != (batch, n):
                raise ValueError(f"state must be two tensors of shape {(batch, n)}")
        out = []
        for k in range(steps):
            z = torch.cat([x[k], h], dim=1) @ self.weight.T
            i, f, o = torch.sigmoid(z[:, :3 * n] + self.bias[:3 * n]).chunk(3, dim=1)
            g = torch.tanh(z[:, 3 * n:])
            c = f * c + i * g
            h = o * torch.tanh(c)
            out.append(h)
        return torch.stack(out, dim=0), (h, c)


class SeriesLSTM(nn.Module):
    """Batch-first LSTM around nn.LSTM. ``out, (h, c) = m(x, state)``; the state is optional."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)

    def init_state(self, x):
        shape = (1, x.size(0), self.hidden_size)
        h = torch.randn(shape, dtype=x.dtype, device=x.device)
        c = torch.randn(shape, dtype=x.dtype, device=x.device)
        return h, c

    def forward(self, x, state=None):
        if x.dim() != 3:
            raise ValueError("x must be (batch, time, features)")
        if state is None:
            state = self.init_state(x)
        return self.lstm(x, state)


class TrendCell(nn.Module):
    """LSTM cell with Keras-shaped kernels (I, 4H); call as ``h, [h, c] = cell(x, [h, c])``."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        std = 1.0 / math.sqrt(hidden_size)
        self.kernel = nn.Parameter(torch.empty(input_size, 4 * hidden_size).uniform_(-std, std))
        self.recurrent = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size).uniform_(-std, std))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-std, std))

    def forward(self, x, states):
        h, c = states
        if h.shape != (x.size(0), self.hidden_size) or c.shape != h.shape:
            raise ValueError("states do not fit the batch")
        z = x.float() @ self.kernel.float() + h.float() @ self.recurrent.float() + self.bias.float()
        i, f, g, o = z.chunk(4, dim=1)
        new_c = torch.sigmoid(f) * c.float() + torch.sigmoid(i) * torch.tanh(g)
        new_h = torch.sigmoid(o) * torch.tanh(new_c)
        new_h, new_c = new_h.to(x.dtype), new_c.to(x.dtype)
        return new_h, [new_h, new_c]


class LongSeriesLSTM(nn.Module):
    """Time-first LSTM that walks long sequences segment by segment; states are (B, H).

    A unit's four gates lie next to each other in the weights.
    """

    segment = 64

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x_gates = nn.Linear(input_size, 4 * hidden_size, bias=True)
        self.h_gates = nn.Linear(hidden_size, 4 * hidden_size, bias=True)

    def _walk(self, x, h, c):
        pre = self.x_gates(x)
        out = []
        for p in pre:
            f, i, o, g = (p + self.h_gates(h)).view(-1, self.hidden_size, 4).unbind(-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), h, c

    def forward(self, x, state=None):
        _, batch, _ = x.shape
        if state is None:
            h, c = x.new_zeros(batch, self.hidden_size), x.new_zeros(batch, self.hidden_size)
        else:
            h, c = state
            if h.shape != (batch, self.hidden_size) or c.shape != h.shape:
                raise ValueError("state does not fit the batch")
        out = []
        for piece in x.split(self.segment, dim=0):
            y, h, c_last = self._walk(piece, h, c)
            out.append(y)
        return torch.cat(out, dim=0), (h, c_last)


class SensorLSTM(nn.Module):
    """LSTM layer for sensors, time first, states (1, B, H)."""

    def __init__(self, n_sensors, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        std = 1.0 / math.sqrt(n_hidden)
        self.Wx = nn.Parameter(torch.empty(n_sensors, 4 * n_hidden).uniform_(-std, std))
        self.Wh = nn.Parameter(torch.empty(n_hidden, 4 * n_hidden).uniform_(-std, std))
        self.b = torch.empty(4 * n_hidden).uniform_(-std, std)

    def forward(self, x, state=None):
        steps, batch, _ = x.shape
        if state is None:
            state = (x.new_zeros(1, batch, self.n_hidden), x.new_zeros(1, batch, self.n_hidden))
        for s in state:
            if s.shape != (1, batch, self.n_hidden):
                raise ValueError("state does not fit the batch")
        h, c = state[0].squeeze(0), state[1].squeeze(0)
        b = self.b.to(x)
        out = []
        for k in range(steps):
            i, f, g, o = (x[k] @ self.Wx + h @ self.Wh + b).chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h.unsqueeze(0), c.unsqueeze(0))
