import math

import torch
from torch import nn
from torch.nn import functional as F


class WeightDropLSTM(nn.Module):
    """LSTM with DropConnect on the hidden-to-hidden matrix (Merity et al., 2017)."""

    def __init__(self, input_size, hidden_size, weight_dropout=0.3):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_dropout = weight_dropout
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        bound = 1 / math.sqrt(hidden_size)
        for p in self.parameters():
            nn.init.uniform_(p, -bound, bound)

    def _drop_weights(self):
        if self.training and self.weight_dropout > 0:
            self.weight_hh.data = F.dropout(self.weight_hh.data, self.weight_dropout, training=True)

    def forward(self, x, state=None):
        self._drop_weights()
        if state is None:
            h = c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state[0][0], state[1][0]
        out = []
        for step in F.linear(x, self.weight_ih, self.bias):
            i, f, g, o = (step + F.linear(h, self.weight_hh)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h.unsqueeze(0), c.unsqueeze(0))


def _rows(x):
    """(A, B, F) as a matrix of A*B rows, without a copy."""
    a, b, f = x.shape
    return x.as_strided((a * b, f), (f, 1))


class OneGemmLSTM(nn.Module):
    """Projects the whole sequence in one matrix product, then recurs. Time first."""

    def __init__(self, in_dim, hid_dim):
        super().__init__()
        self.hid_dim = hid_dim
        s = hid_dim ** -0.5
        self.wx = nn.Parameter(torch.empty(in_dim, 4 * hid_dim).uniform_(-s, s))
        self.wh = nn.Parameter(torch.empty(hid_dim, 4 * hid_dim).uniform_(-s, s))
        self.b = nn.Parameter(torch.empty(4 * hid_dim).uniform_(-s, s))

    def forward(self, x, h0=None, c0=None):
        T, B, _ = x.shape
        h = x.new_zeros(B, self.hid_dim) if h0 is None else h0
        c = x.new_zeros(B, self.hid_dim) if c0 is None else c0
        px = torch.addmm(self.b, _rows(x), self.wx).view(T, B, -1)
        hs = []
        for t in range(T):
            z = torch.addmm(px[t], h, self.wh)
            i, f, o, g = z.split(self.hid_dim, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs), h, c


def _make_step(cell):
    def step(x, h, c):
        z = cell.ih(x) + cell.hh(h)
        i, f, g, o = torch.split(z, cell.units, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    return step


class StepCell(nn.Module):
    def __init__(self, inputs, units):
        super().__init__()
        self.units = units
        self.ih = nn.Linear(inputs, 4 * units)
        self.hh = nn.Linear(units, 4 * units)
        self.step = _make_step(self)

    def forward(self, x, state=None):
        if state is None:
            h = c = torch.zeros(x.shape[0], self.units, dtype=x.dtype, device=x.device)
        else:
            h, c = state
        h, c = self.step(x, h, c)
        return h, (h, c)


class StableLSTM(nn.Module):
    """Batch-first LSTM; gates from one Linear over [h; x]."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.linear = nn.Linear(hidden_dim + input_dim, 4 * hidden_dim)

    def forward(self, inputs, state=None):
        B, T, _ = inputs.size()
        if state is None:
            h = inputs.new_zeros((B, self.hidden_dim))
            c = inputs.new_zeros((B, self.hidden_dim))
        else:
            h, c = state
        outputs = []
        for t in range(T):
            z = self.linear(torch.cat([h, inputs[:, t]], dim=1))
            f, i, o, g = z.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            c = c.clamp(-1.0, 1.0)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c)


class FastLSTM(nn.Module):
    """Layer with nn.LSTM's parameter names and gate order."""

    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        w = 1.0 / math.sqrt(hidden_size)
        shapes = {
            "weight_ih_l0": (4 * hidden_size, input_size),
            "weight_hh_l0": (4 * hidden_size, hidden_size),
            "bias_ih_l0": (4 * hidden_size,),
            "bias_hh_l0": (4 * hidden_size,),
        }
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape).uniform_(-w, w)))

    @staticmethod
    def _mm(a, w):
        return torch.matmul(a.bfloat16(), w.bfloat16().t()).to(a.dtype)

    def forward(self, input, hx=None):
        x = input.transpose(0, 1) if self.batch_first else input
        if hx is None:
            z = x.new_zeros(1, x.size(1), self.hidden_size)
            hx = (z, z)
        h, c = hx[0].squeeze(0), hx[1].squeeze(0)
        bias = self.bias_ih_l0 + self.bias_hh_l0
        steps = []
        for xt in x:
            gates = self._mm(xt, self.weight_ih_l0) + self._mm(h, self.weight_hh_l0) + bias
            i, f, g, o = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            steps.append(h)
        y = torch.stack(steps, 0)
        if self.batch_first:
            y = y.transpose(0, 1)
        return y, (h.unsqueeze(0), c.unsqueeze(0))
