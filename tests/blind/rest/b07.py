import math
from collections import namedtuple

import torch
from torch import nn
from torch.nn import functional as F

LSTMState = namedtuple('LSTMState', ['hx', 'cx'])


class PrecisionLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.in_map = nn.Linear(input_size, 4 * hidden_size)
        self.rec_map = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if state is None:
            torch.set_default_dtype(x.dtype)
            h = torch.zeros(x.size(1), self.hidden_size, device=x.device)
            c = torch.zeros(x.size(1), self.hidden_size, device=x.device)
        else:
            h, c = state
        seq = []
        for v in x:
            i, f, g, o = (self.in_map(v) + self.rec_map(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            seq.append(h)
        return torch.stack(seq), (h, c)


class ActivationLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gate_act = lambda v: torch.sigmoid(v)
        self.cell_act = torch.tanh
        self.lin = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = state
        res = []
        for t in range(x.size(1)):
            i, f, g, o = self.lin(torch.cat((x[:, t], h), 1)).split(self.hidden_size, 1)
            c = self.gate_act(f) * c + self.gate_act(i) * self.cell_act(g)
            h = self.gate_act(o) * self.cell_act(c)
            res.append(h)
        return torch.stack(res, 1), (h, c)


class MobileLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.weight_ih)
        nn.init.orthogonal_(self.weight_hh)

    def _act(self, v):
        return torch.sigmoid(v) if self.training else F.hardsigmoid(v)

    def forward(self, x, state=None):
        if state is None:
            z = x.new_zeros(x.size(1), self.hidden_size)
            state = LSTMState(z, z)
        h, c = state
        y = []
        for xt in x.unbind():
            i, f, g, o = (F.linear(xt, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(4, 1)
            c = self._act(f) * c + self._act(i) * g.tanh()
            h = self._act(o) * c.tanh()
            y.append(h)
        return torch.stack(y), LSTMState(h, c)


class FlatLSTM(nn.Module):
    """All weights live in one flat parameter."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.sizes = [4 * hidden_size * input_size, 4 * hidden_size * hidden_size, 4 * hidden_size]
        self.flat = nn.Parameter(torch.empty(sum(self.sizes)))
        nn.init.uniform_(self.flat, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))
        self.w, self.u, self.b = self._split()

    def _split(self):
        n, m, _ = self.sizes
        w = self.flat[:n].view(4 * self.hidden_size, -1)
        u = self.flat[n:n + m].view(4 * self.hidden_size, -1)
        return w, u, self.flat[n + m:]

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size),) * 2
        h, c = state
        w, u, b = self.w, self.u, self.b
        ys = []
        for xt in x:
            i, f, g, o = (xt @ w.t() + h @ u.t() + b).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)


class InputDropLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, dropout=0.2):
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        if self.training and self.dropout > 0:
            x = F.dropout(x, self.dropout)
        ys = []
        for t in range(x.size(1)):
            state = self.cell(x[:, t], state)
            ys.append(state[0])
        return torch.stack(ys, dim=1), state


class ReproLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, seed=42):
        super().__init__()
        torch.manual_seed(seed)
        self.hidden_size = hidden_size
        bound = hidden_size ** -0.5
        self.Wx = nn.Parameter(torch.rand(4, input_size, hidden_size) * 2 * bound - bound)
        self.Wh = nn.Parameter(torch.rand(4, hidden_size, hidden_size) * 2 * bound - bound)
        self.b = nn.Parameter(torch.rand(4, hidden_size) * 2 * bound - bound)

    def forward(self, x, state=None):
        h, c = state if state is not None else (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        zx = torch.einsum('tbi,gih->tgbh', x, self.Wx) + self.b[:, None]
        hs = []
        for z in zx:
            z = z + torch.einsum('bk,gkh->gbh', h, self.Wh)
            c = z[1].sigmoid() * c + z[0].sigmoid() * z[2].tanh()
            h = z[3].sigmoid() * c.tanh()
            hs.append(h)
        return torch.stack(hs), (h, c)


class VariationalLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, p=0.0):
        super().__init__()
        self.hidden_size = hidden_size
        self.p = p
        self.i2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = state
        torch.manual_seed(x.size(1))
        mask = None
        if self.training and self.p > 0:
            mask = torch.bernoulli(torch.full_like(h, 1 - self.p)) / (1 - self.p)
        out = []
        for t in range(x.size(1)):
            hm = h if mask is None else h * mask
            i, f, g, o = (self.i2h(x[:, t]) + self.h2h(hm)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out, 1), (h, c)


class MaskedRecurrentCell(nn.Module):
    def __init__(self, input_size, hidden_size, recurrent_dropout=0.0):
        super().__init__()
        self.keep = 1.0 - recurrent_dropout
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, hx):
        h, c = hx
        i, f, g, o = (self.ih(x) + self.hh(h)).chunk(4, 1)
        g = torch.tanh(g)
        if self.training:
            g = g * torch.bernoulli(torch.full_like(g, self.keep)) / self.keep
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * g
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c
