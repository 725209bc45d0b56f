import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class BasicLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def init_hidden(self, x):
        return torch.zeros(x.size(0), self.hidden_size), torch.zeros(x.size(0), self.hidden_size)

    def forward(self, x, hidden=None):
        h, c = self.init_hidden(x) if hidden is None else hidden
        out = []
        for t in range(x.size(1)):
            i, f, g, o = (self.i2h(x[:, t]) + self.h2h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out, 1), (h, c)


class DeviceLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self.W = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        x = x.to(self.device)
        device = self.device
        if state is None:
            h = torch.zeros(x.size(1), self.hidden_size, dtype=x.dtype, device=device)
            c = torch.zeros(x.size(1), self.hidden_size, dtype=x.dtype, device=device)
        else:
            h, c = (s.to(device) for s in state)
        ys = []
        for xt in x:
            i, f, o, g = self.W(torch.cat([xt, h], 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)


class MixedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.w = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.r = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.b = nn.Parameter(torch.empty(4 * hidden_size))
        for p in self.parameters():
            nn.init.uniform_(p, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def forward(self, x, state=None):
        dtype = x.dtype
        acc = torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
        w, r, b = self.w.to(acc), self.r.to(acc), self.b.to(acc)
        x = x.to(acc)
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state[0].to(acc), state[1].to(acc)
        ys = []
        for xt in x:
            i, f, g, o = (F.linear(xt, w, b) + F.linear(h, r)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        y = torch.stack(ys)
        return y, (h, c)


class StableCellLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx = nn.Linear(input_size, 4 * hidden_size)
        self.Wh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = state
        out = []
        for xt in x.unbind(1):
            i, f, g, o = (self.Wx(xt) + self.Wh(h)).chunk(4, -1)
            c = (torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)).float()
            h = torch.sigmoid(o) * torch.tanh(c).to(o.dtype)
            out.append(h)
        return torch.stack(out, 1), (h, c.to(h.dtype))


class ForgetOffsetCell(nn.Module):
    def __init__(self, input_size, hidden_size, forget_bias=0.0):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.forget_bias = torch.full((hidden_size,), forget_bias)

    def forward(self, x, state):
        h, c = state
        i, f, g, o = (self.ih(x) + self.hh(h)).chunk(4, 1)
        c = torch.sigmoid(f + self.forget_bias) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


def _sigm(v):
    e = torch.exp(v)
    return e / (1 + e)


class HandSigmoidLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.kernel = nn.Parameter(torch.empty(input_size, 4 * hidden_size))
        self.recurrent_kernel = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.kernel)
        nn.init.orthogonal_(self.recurrent_kernel)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state
        outs = []
        for xt in x:
            z = xt @ self.kernel + h @ self.recurrent_kernel + self.bias
            zi, zf, zg, zo = z.chunk(4, 1)
            c = _sigm(zf) * c + _sigm(zi) * torch.tanh(zg)
            h = _sigm(zo) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs), (h, c)


def logistic(a):
    return 1.0 / (1.0 + torch.exp(-a))


class LogisticCell(nn.Module):
    def __init__(self, n_x, n_h):
        super().__init__()
        self.f = nn.Linear(n_x + n_h, n_h)
        self.i = nn.Linear(n_x + n_h, n_h)
        self.g = nn.Linear(n_x + n_h, n_h)
        self.o = nn.Linear(n_x + n_h, n_h)

    def forward(self, x, state):
        h, c = state
        xh = torch.cat((x, h), dim=1)
        c = logistic(self.f(xh)) * c + logistic(self.i(xh)) * torch.tanh(self.g(xh))
        h = logistic(self.o(xh)) * torch.tanh(c)
        return h, c


class RobustLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = state
        y = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            h, c = torch.nan_to_num(h), torch.nan_to_num(c)
            y.append(h)
        return torch.stack(y, 1), (h, c)
