import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class MaskedOutputLSTM(nn.Module):
    """LSTM; in training each output unit is dropped with probability `dropout`, the same units at all times."""

    def __init__(self, input_size, hidden_size, dropout=0.5):
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state
        ys = []
        for xt in x:
            h, c = self.cell(xt, (h, c))
            ys.append(h)
        y = torch.stack(ys)
        if self.training and self.dropout > 0:
            keep = torch.rand(x.size(1), self.hidden_size, device=x.device) >= self.dropout
            y = y * keep.to(y.dtype)
        return y, (h, c)


class LazyStateLSTM(nn.Module):
    """Batch-first LSTM with interleaved gates: the weights are (hidden, 4, inputs)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        s = 1.0 / math.sqrt(hidden_size)
        self.wi = nn.Parameter(torch.empty(hidden_size, 4, input_size).uniform_(-s, s))
        self.wh = nn.Parameter(torch.empty(hidden_size, 4, hidden_size).uniform_(-s, s))
        self.bias = nn.Parameter(torch.empty(hidden_size, 4).uniform_(-s, s))
        self._zero_state = None

    def zero_state(self, x):
        if self._zero_state is None:
            self._zero_state = x.new_zeros(x.size(0), self.hidden_size)
        return self._zero_state, self._zero_state

    def forward(self, x, state=None):
        h, c = self.zero_state(x) if state is None else state
        px = torch.einsum("bti,hgi->tbhg", x, self.wi) + self.bias
        out = []
        for p in px:
            z = p + torch.einsum("bk,hgk->bhg", h, self.wh)
            i, f, g, o = z.unbind(-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            out.append(h)
        return torch.stack(out, 1), (h, c)


class PhaseCell(nn.Module):
    """LSTM cell; prints the phase it is in."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.input_map = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.hidden_map = nn.Linear(hidden_size, 4 * hidden_size, bias=True)
        self.phase = "training"

    def train(self, mode=True):
        super().train(mode)
        self.phase = "training" if mode else "evaluation"

    def extra_repr(self):
        return self.phase

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size),) * 2
        h, c = state
        z = self.input_map(x) + self.hidden_map(h)
        i, f, o, g = z.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class OutDropLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, bias=True, dropout=0.1):
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.x_proj = nn.Linear(input_size, 4 * hidden_size, bias=bias)
        self.h_proj = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def extra_repr(self):
        return f"dropout={self.dropout}"

    def forward(self, x, hidden=None):
        """x: (batch, time, features); hidden: (h, c), each (1, batch, hidden)"""
        bsz = x.size(0)
        if hidden is None:
            h = x.new_zeros(bsz, self.hidden_size)
            c = x.new_zeros(bsz, self.hidden_size)
        else:
            h, c = hidden[0][0], hidden[1][0]
        outs = []
        for xt in self.x_proj(x).unbind(1):
            f, i, g, o = (xt + self.h_proj(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        out = F.dropout(torch.stack(outs, 1), training=self.training)
        return out, (h[None], c[None])


class CarryLSTM(nn.Module):
    """Time-first layer for long sequences that arrive in pieces."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.core = nn.LSTM(input_size, hidden_size)

    def forward(self, x, state=None):
        out, (h, c) = self.core(x, state)
        if state is not None:
            # state tensors stay valid for the next piece
            state[0].data.copy_(h.detach())
            state[1].data.copy_(c.detach())
        return out, (h, c)
