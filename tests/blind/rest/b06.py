import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd.function import once_differentiable


class MonitoredLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)
        self.states = []

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = state
        out = []
        for t in range(x.size(1)):
            i, f, g, o = (self.x2h(x[:, t]) + self.h2h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        self.states.append((h.detach(), c.detach()))
        return torch.stack(out, 1), (h, c)


class LeanLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.empty(input_size, 4 * hidden_size))
        self.U = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size))
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.W)
        nn.init.orthogonal_(self.U)

    def _step(self, xt, h, c):
        i, f, g, o = torch.addmm(self.b, xt, self.W).addmm(h, self.U).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def forward(self, x, state=None):
        T, B, D = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = state
        if torch.is_grad_enabled():
            ys = []
            for t in range(T):
                h, c = self._step(x[t], h, c)
                ys.append(h)
            return torch.stack(ys), (h, c)
        y = x if D == self.hidden_size else x.new_empty(T, B, self.hidden_size)
        for t in range(T):
            h, c = self._step(x[t], h, c)
            y[t] = h
        return y, (h, c)


class InferCell(nn.Module):
    def __init__(self, input_size, hidden_size, bias=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size, bias=bias)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size, bias=bias)

    def forward(self, x, state):
        h, c = state
        i, f, g, o = (self.ih(x) + self.hh(h)).chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        if torch.is_grad_enabled():
            c = f * c + i * g
        else:
            c = c.mul_(f).add_(i * g)
        return o * c.tanh(), c


class ServingLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)
        self._out = None

    def _alloc(self, x):
        shape = (x.size(0), x.size(1), self.hidden_size)
        if self._out is None or self._out.shape != shape or self._out.dtype != x.dtype or self._out.device != x.device:
            self._out = x.new_empty(shape)
        return self._out

    def forward(self, x, hx=None):
        if hx is None:
            hx = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        if torch.is_grad_enabled():
            steps = []
            for xt in x.unbind(1):
                hx = self.cell(xt, hx)
                steps.append(hx[0])
            return torch.stack(steps, 1), hx
        out = self._alloc(x)
        for t in range(x.size(1)):
            hx = self.cell(x[:, t], hx)
            out[:, t] = hx[0]
        return out, hx


class AttnReadyLSTM(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.n_out = n_out
        self.wx = nn.Linear(n_in, 4 * n_out)
        self.wh = nn.Linear(n_out, 4 * n_out, bias=False)
        self.last_hidden = None

    def forward(self, x, init=None):
        h, c = init if init is not None else (x.new_zeros(x.size(1), self.n_out), x.new_zeros(x.size(1), self.n_out))
        hs = []
        for z in self.wx(x):
            f, i, g, o = (z + self.wh(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hs.append(h)
        hs = torch.stack(hs)
        self.last_hidden = (h, c)
        return hs, (h, c)


class _TapeFn(torch.autograd.Function):
    tape = {}
    n = 0

    @staticmethod
    def forward(ctx, z, c):
        i, f, g, o = z.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c1 = f * c + i * g
        _TapeFn.n += 1
        ctx.key = _TapeFn.n
        _TapeFn.tape[ctx.key] = (i, f, g, o, c.detach(), c1.detach())
        return o * c1.tanh(), c1

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dc):
        i, f, g, o, c, c1 = _TapeFn.tape[ctx.key]
        t = c1.tanh()
        dc = dc + dh * o * (1 - t * t)
        return torch.cat([dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)], 1), dc * f


class TapeLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = 1 / math.sqrt(hidden_size)
        self.kernel = nn.Parameter(torch.empty(input_size + hidden_size, 4 * hidden_size).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state
        ys = []
        for xt in x:
            h, c = _TapeFn.apply(torch.cat([xt, h], 1) @ self.kernel + self.bias, c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class ListGatesLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gates = [nn.Linear(input_size + hidden_size, hidden_size) for _ in range(4)]

    def forward(self, x, state):
        h, c = state
        z = torch.cat([x, h], dim=1)
        i, f, o = (torch.sigmoid(g(z)) for g in self.gates[:3])
        c = f * c + i * torch.tanh(self.gates[3](z))
        return o * torch.tanh(c), c


class ScaledInitLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.randn(input_size, 4 * hidden_size) * 0.3)
        self.U = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size)) * 0.3
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x, state=None):
        if state is None:
            state = [x.new_zeros(x.size(1), self.hidden_size)] * 2
        h, c = state
        out = []
        for t in range(x.size(0)):
            z = x[t] @ self.W + h @ self.U + self.b
            i, f, g, o = z.chunk(4, 1)
            c = F.sigmoid(f) * c + F.sigmoid(i) * torch.tanh(g)
            h = F.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h, c)
