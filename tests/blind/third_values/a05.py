import math
import torch
import torch.nn as nn
import torch.nn.functional as F


def make_weight(rows, cols, hidden):
    w = nn.Parameter(torch.empty(rows, cols))
    nn.init.uniform_(w, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))
    return w


def make_bias(n, hidden):
    b = nn.Parameter(torch.empty(n))
    nn.init.uniform_(b, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))
    return b


class GatedCell(nn.Module):
    """LSTM step with a Linear for each gate and source; returns (h, c)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x_i, self.h_i = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.x_f, self.h_f = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.x_n, self.h_n = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.x_o, self.h_o = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x, hidden):
        h, c = hidden
        if h.shape != (x.size(0), self.hidden_size) or c.shape != h.shape:
            raise ValueError("hidden: two tensors (batch, hidden_size)")
        i = torch.sigmoid(self.x_i(x) + self.h_i(h))
        f = torch.sigmoid(self.x_f(x) + self.h_f(h))
        o = torch.sigmoid(self.x_o(x) + self.h_o(h))
        n = torch.tanh(self.x_n(x) + f * self.h_n(h))
        c = f * c + i * n
        h = o * torch.tanh(c)
        return h, c


class HistoryLSTM(nn.Module):
    """LSTM, time first. Returns (outputs, (h_n, c_n)) with h_n and c_n of (1, B, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = make_weight(input_size, 4 * hidden_size, hidden_size)
        self.U = make_weight(hidden_size, 4 * hidden_size, hidden_size)
        self.b = make_bias(4 * hidden_size, hidden_size)

    def forward(self, x, init=None):
        seq, bs, _ = x.shape
        if init is None:
            h, c = (x.new_zeros(bs, self.hidden_size) for _ in range(2))
        else:
            if any(s.shape != (1, bs, self.hidden_size) for s in init):
                raise ValueError("init: two tensors (1, batch, hidden_size)")
            h, c = init[0].squeeze(0), init[1].squeeze(0)
        hiddens, cells = [], []
        for t in range(seq):
            cells.append(c)
            a = x[t] @ self.W + h @ self.U + self.b
            i, f, o, g = a.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hiddens.append(h)
        return torch.stack(hiddens), (hiddens[-1].unsqueeze(0), cells[-1].unsqueeze(0))


class StreamLSTM(nn.Module):
    """LSTM for streams, batch first; ``y, (h, c) = m(x, (h, c))`` with states (B, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        if x.dim() != 3 or x.size(2) != self.input_size:
            raise ValueError("x must be (batch, time, input_size)")
        n = x.size(0)
        if state is None:
            h = x.new_zeros(n, self.hidden_size)
            c = x.new_zeros(n, self.hidden_size)
        else:
            h, c = state
            for s in (h, c):
                if s.dim() != 2 or s.size(0) < n or s.size(1) != self.hidden_size:
                    raise ValueError("state must be (batch, hidden_size)")
            h, c = h[:n], c[:n]
        ys = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            ys.append(h)
        return torch.stack(ys, dim=1), (h, c)


class StackLSTM(nn.Module):
    """LSTM over (T, B, I); states are one tensor (2, B, H), h first."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell_in = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            state = x.new_zeros(2, B, self.hidden_size)
        if state.shape != (2, B, self.hidden_size):
            raise ValueError("state: (2, batch, hidden_size)")
        h, c = state.unbind(0)
        ys = []
        for x_t in x:
            z = self.cell_in(torch.cat((x_t, h), -1))
            gates, new = z[:, : 3 * self.hidden_size], z[:, 3 * self.hidden_size:]
            f, i, o = F.hardsigmoid(gates).chunk(3, -1)
            c = f * c + i * torch.tanh(new)
            h = o * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), torch.stack((h, c))


class SignalLSTM(nn.Module):
    """LSTM over signals: x (T, B, I), or (T, I) for one signal. Gives the outputs only, (T, B, H) or (T, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx = make_weight(4 * hidden_size, input_size, hidden_size)
        self.Wh = make_weight(4 * hidden_size, hidden_size, hidden_size)
        self.b = make_bias(4 * hidden_size, hidden_size)

    def forward(self, x):
        lead = x.shape[:-1]
        if x.dim() == 3 and 1 in lead:
            x = x.reshape(-1, x.shape[-1])
        if x.dim() == 2:
            x = x.unsqueeze(1)
        elif x.dim() != 3:
            raise ValueError("x must be (T, B, I) or (T, I)")
        h = c = x.new_zeros(x.size(1), self.hidden_size)
        ys = []
        for x_t in x:
            i, f, g, o = (F.linear(x_t, self.Wx, self.b) + F.linear(h, self.Wh)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys).reshape(*lead, self.hidden_size)


class DecoderLSTM(nn.Module):
    """LSTM for decoding; time first, with a short path for the one-token case."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.w_ih = make_weight(4 * hidden_size, input_size, hidden_size)
        self.w_hh = make_weight(4 * hidden_size, hidden_size, hidden_size)
        self.b_ih = make_bias(4 * hidden_size, hidden_size)
        self.b_hh = make_bias(4 * hidden_size, hidden_size)

    def _cell(self, z, c):
        i, f, g, o = z.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            state = (x.new_zeros(1, B, self.hidden_size), x.new_zeros(1, B, self.hidden_size))
        if any(s.shape != (1, B, self.hidden_size) for s in state):
            raise ValueError("state: two tensors (1, batch, hidden_size)")
        h, c = state[0][0], state[1][0]
        if T == 1:
            h, c = self._cell(torch.addmm(self.b_ih, x[0], self.w_ih.t()).addmm(h, self.w_hh.t()), c)
            return h[None], (h[None], c[None])
        xs = F.linear(x, self.w_ih, self.b_ih)
        ys = []
        for t in range(T):
            h, c = self._cell(xs[t] + F.linear(h, self.w_hh, self.b_hh), c)
            ys.append(h)
        return torch.stack(ys), (h[None], c[None])
