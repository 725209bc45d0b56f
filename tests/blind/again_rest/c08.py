import math
from collections import deque

import torch
from torch import nn
from torch.nn import functional as F


class LockedLSTM(nn.Module):
    """Locked dropout on the inputs: the same units are dropped at all steps of a sequence."""

    def __init__(self, input_size, hidden_size, dropout=0.4):
        super().__init__()
        self.hidden_size = hidden_size
        keep = 1.0 - dropout
        self.register_buffer("lock", torch.bernoulli(torch.full((input_size,), keep)) / keep,
                             persistent=False)
        self.i2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, state=None):
        if self.training:
            x = x * self.lock
        if state is None:
            h = x.new_zeros(x.shape[0], self.hidden_size)
            c = x.new_zeros(x.shape[0], self.hidden_size)
        else:
            h, c = state
        ys = []
        for gates_x in self.i2h(x).unbind(1):
            i, f, g, o = (gates_x + self.h2h(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class RegularisedLSTM(nn.Module):
    def __init__(self, num_inputs, num_units, p=0.25):
        super().__init__()
        self.num_units = num_units
        self.p = p
        self.W = nn.Parameter(torch.empty(num_inputs + num_units, 4 * num_units))
        self.b = nn.Parameter(torch.zeros(4 * num_units))
        nn.init.xavier_uniform_(self.W)

    def _drop(self, h):
        if self.training:
            keep = (torch.rand_like(h) >= self.p).to(h.dtype)
            return h * keep / (1.0 - self.p)
        return h * (1.0 - self.p)

    def forward(self, x, h=None, c=None):
        if h is None:
            h = x.new_zeros(x.size(1), self.num_units)
        if c is None:
            c = x.new_zeros(x.size(1), self.num_units)
        ys = []
        for x_t in x:
            z = torch.cat([x_t, self._drop(h)], dim=1) @ self.W + self.b
            i, o, f, g = z.chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h, c


class AccumLSTM(nn.Module):
    """One product for all gates; the cell accumulates apart from it."""

    def __init__(self, d_in, d_model):
        super().__init__()
        self.d_model = d_model
        self.proj = nn.Linear(d_in + d_model, 4 * d_model)

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(0), self.d_model)
            c = torch.zeros(x.size(0), self.d_model, device=x.device)
        else:
            h, c = state
        ys = []
        for t in range(x.size(1)):
            f, i, g, o = self.proj(torch.cat((x[:, t], h), -1)).chunk(4, -1)
            c = (torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)).to(torch.float32)
            h = torch.sigmoid(o) * torch.tanh(c).to(x.dtype)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class ObservedLSTM(nn.Module):
    """Keeps the gate activations for plots of how the memory is used."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell_x = nn.Linear(input_size, 4 * hidden_size)
        self.cell_h = nn.Linear(hidden_size, 4 * hidden_size)
        self.activity = []

    def forward(self, x, state=None):
        if state is None:
            state = x.new_zeros(2, x.size(0), self.hidden_size).unbind(0)
        h, c = state
        ys = []
        for t in range(x.size(1)):
            g, f, i, o = (self.cell_x(x[:, t]) + self.cell_h(h)).chunk(4, dim=1)
            f, i, o = f.sigmoid(), i.sigmoid(), o.sigmoid()
            c = f * c + i * g.tanh()
            h = o * c.tanh()
            self.activity.append(torch.stack((i, f, o)).detach())
            ys.append(h)
        return torch.stack(ys, dim=1), (h, c)


class _Pointwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gates, c_prev):
        i, f, g, o = gates.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c_prev + i * g
        tc = c.tanh()
        ctx.save_for_backward(i, f, g, o, tc, c_prev)
        return o * tc, c

    @staticmethod
    def backward(ctx, dh, dc):
        i, f, g, o, tc, c_prev = ctx.saved_tensors
        dc = dc + dh * o * (1 - tc * tc)
        d_gates = torch.cat([dc * g * i * (1 - i),
                             dc * c_prev * f * (1 - f),
                             dc * i * (1 - g * g),
                             dh * tc * o * (1 - o)], 1)
        return d_gates, dc * f


class PointwiseLSTM(nn.Module):
    """The matrix products are left to autograd; the pointwise part has its own backward."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_x = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_h = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        for p in self.parameters():
            nn.init.uniform_(p, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state
        pre = F.linear(x, self.weight_x, self.bias)
        ys = []
        for p in pre:
            h, c = _Pointwise.apply(p + F.linear(h, self.weight_h), c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class FlatLSTM(nn.Module):
    """Parameters named as in nn.LSTM, with the list of them that the kernel call wants."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        stdv = hidden_size ** -0.5
        self._flat = [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0]
        for w in self._flat:
            nn.init.uniform_(w, -stdv, stdv)

    def forward(self, x, hx=None):
        if hx is None:
            zeros = torch.zeros(x.size(1), self.hidden_size, dtype=x.dtype, device=x.device)
            hx = (zeros, zeros)
        h, c = hx
        ys = []
        for t in range(x.size(0)):
            h, c = torch.lstm_cell(x[t], (h, c), *self._flat)
            ys.append(h)
        return torch.stack(ys), (h, c)


class OrthoLSTM(nn.Module):
    """Orthogonal recurrent matrices, one for each gate, kept in one tensor."""

    def __init__(self, hidden_size, input_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.inputs = nn.Linear(input_size, 4 * hidden_size)
        blocks = [nn.init.orthogonal_(torch.empty(hidden_size, hidden_size)) for _ in range(4)]
        self.register_buffer("recurrent", torch.cat(blocks, dim=1))

    def forward(self, x, state=None):
        batch = x.shape[0]
        if state is None:
            h, c = x.new_zeros(batch, self.hidden_size), x.new_zeros(batch, self.hidden_size)
        else:
            h, c = state
        ys = []
        for x_t in x.transpose(0, 1):
            o, g, i, f = (self.inputs(x_t) + h @ self.recurrent).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class DeployLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.xh = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.memory = deque(maxlen=1)

    def _start(self, x):
        if not self.training and self.memory and self.memory[0][0].shape[0] == x.shape[0]:
            return self.memory[0]
        zero = x.new_zeros(x.shape[0], self.hidden_size)
        return zero, zero

    def forward(self, x, state=None):
        h, c = self._start(x) if state is None else state
        ys = []
        for t in range(x.shape[1]):
            i, f, o, g = (self.xh(x[:, t]) + self.hh(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        if not self.training:
            self.memory.append((h.detach(), c.detach()))
        return torch.stack(ys, 1), (h, c)
