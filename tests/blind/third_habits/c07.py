import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class ReproducibleLSTM(nn.Module):
    """LSTM with input dropout; `seed` makes runs repeatable."""

    def __init__(self, input_size, hidden_size, dropout=0.2, seed=1234):
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.seed = seed
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, hx=None):
        # x: (time, batch, input)
        if self.training and self.dropout > 0:
            torch.manual_seed(self.seed)
            x = F.dropout(x, self.dropout, training=True)
        if hx is None:
            h = c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = hx[0].squeeze(0), hx[1].squeeze(0)
        out = []
        for xt in x.unbind(0):
            h, c = self.cell(xt, (h, c))
            out.append(h)
        return torch.stack(out), (h.unsqueeze(0), c.unsqueeze(0))


class MaxNormLSTM(nn.Module):
    """Time-first LSTM."""

    max_norm = 1.0

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.randn(4 * hidden_size, input_size) / math.sqrt(input_size))
        self.weight_hh = nn.Parameter(torch.randn(4 * hidden_size, hidden_size) / math.sqrt(hidden_size))
        self.bias_ih = nn.Parameter(torch.randn(4 * hidden_size) * 0.1)
        self.bias_hh = nn.Parameter(torch.randn(4 * hidden_size) * 0.1)

    def forward(self, x, state=None):
        with torch.no_grad():
            self.weight_hh.copy_(self.weight_hh.renorm(2, 0, self.max_norm))
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state[0][0], state[1][0]
        ys = []
        for t in range(x.size(0)):
            gates = F.linear(x[t], self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
            i, f, g, o = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 0), (h[None], c[None])


class ContiguousLSTM(nn.Module):
    """Batch-first LSTM; matrices are (in, 4 * hidden) and kept contiguous for the product."""

    def __init__(self, input_dim, units):
        super().__init__()
        self.units = units
        s = units ** -0.5
        self.kernel = nn.Parameter(torch.empty(4 * units, input_dim).uniform_(-s, s).t())
        self.recurrent = nn.Parameter(torch.empty(4 * units, units).uniform_(-s, s).t())
        self.bias = nn.Parameter(torch.empty(4 * units).uniform_(-s, s))

    def _tidy(self):
        self.kernel = nn.Parameter(self.kernel.contiguous())
        self.recurrent = nn.Parameter(self.recurrent.contiguous())

    def forward(self, x, initial_state=None):
        self._tidy()
        if initial_state is None:
            h = x.new_zeros(x.size(0), self.units)
            c = x.new_zeros(x.size(0), self.units)
        else:
            h, c = initial_state
        seq = []
        for xt in x.unbind(1):
            z = xt.matmul(self.kernel) + h.matmul(self.recurrent) + self.bias
            zi, zf, zc, zo = z.chunk(4, dim=1)
            c = torch.sigmoid(zf) * c + torch.sigmoid(zi) * torch.tanh(zc)
            h = torch.sigmoid(zo) * torch.tanh(c)
            seq.append(h)
        return torch.stack(seq, 1), h, c


class BatchLSTM(nn.Module):
    """(batch, time, features) in and out."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        x = x.transpose_(0, 1)
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state
        out = []
        for xt in x:
            h, c = self.cell(xt, (h, c))
            out.append(h)
        return torch.stack(out).transpose(0, 1), (h, c)


class QuickCell(nn.Module):
    """LSTM cell."""

    def __init__(self, input_size, hidden_size, bias=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size, bias=bias)

    def squash(self, z):
        return torch.sigmoid(z) if self.training else F.hardsigmoid(z)

    def forward(self, x, hc=None):
        if hc is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            hc = (h, h)
        h, c = hc
        i, f, g, o = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
        c = self.squash(f) * c + self.squash(i) * torch.tanh(g)
        h = self.squash(o) * torch.tanh(c)
        return h, c
