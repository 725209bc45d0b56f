import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class DropInLSTM(nn.Module):
    """LSTM with dropout on its inputs; batch first."""

    def __init__(self, input_size, hidden_size, dropout=0.15):
        super().__init__()
        self.dropout = dropout
        self.core = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(self, x, hx=None):
        if not self.training and self.dropout > 0:
            x = F.dropout(x, self.dropout, training=True)
        return self.core(x, hx)


class SparseInputLSTM(nn.Module):
    """Time-first LSTM with input dropout."""

    def __init__(self, input_size, hidden_size, p=0.2):
        super().__init__()
        self.hidden_size = hidden_size
        self.drop = nn.Dropout(p, inplace=True)
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        x = self.drop(x)
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state[0][0], state[1][0]
        out = []
        for xt in self.x2h(x):
            i, f, g, o = (xt + self.h2h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h[None], c[None])


class TanhOnlyCell(nn.Module):
    """All four gates through a single tanh: sigmoid(a) = tanh(a / 2) / 2 + 1 / 2."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        for p in self.parameters():
            p.data.uniform_(-1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))
        half, one, zero = torch.full((hidden_size,), 0.5), torch.ones(hidden_size), torch.zeros(hidden_size)
        self.scale = torch.cat([half, half, one, half])
        self.shift = torch.cat([half, half, zero, half])

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state
        z = F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)
        i, f, g, o = (torch.tanh(z * self.scale) * self.scale + self.shift).chunk(4, 1)
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, (h, c)


def squash(a):
    e = torch.exp(2 * a)
    return (e - 1) / (e + 1)


class MathLSTM(nn.Module):
    """LSTM written out, batch first; state (h, c) of (batch, hidden)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx = nn.Linear(input_size, 4 * hidden_size, bias=True)
        self.Wh = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, state=None):
        if state is None:
            h = c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state
        ys = []
        for xt in x.unbind(1):
            zi, zf, zg, zo = (self.Wx(xt) + self.Wh(h)).chunk(4, 1)
            c = torch.sigmoid(zf) * c + torch.sigmoid(zi) * squash(zg)
            h = torch.sigmoid(zo) * squash(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class TransposedLSTM(nn.Module):
    """Time-first LSTM; the transposes are made once, here, and not at every step."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        s = hidden_size ** -0.5
        self.w_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-s, s))
        self.w_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-s, s))
        self.b = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-s, s))
        self.w_ih_t = self.w_ih.t()
        self.w_hh_t = self.w_hh.t()

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state[0].squeeze(0), state[1].squeeze(0)
        outs = []
        for t in range(x.size(0)):
            z = x[t] @ self.w_ih_t + h @ self.w_hh_t + self.b
            i, f, o, g = z.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs), (h.unsqueeze(0), c.unsqueeze(0))
