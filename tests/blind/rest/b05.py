import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


class EncoderLSTM(nn.Module):
    def __init__(self, emb_dim, hid_dim):
        super().__init__()
        self.hid_dim = hid_dim
        self.fc_x = nn.Linear(emb_dim, 4 * hid_dim)
        self.fc_h = nn.Linear(hid_dim, 4 * hid_dim)

    def step(self, x, h, c):
        i, f, g, o = (self.fc_x(x) + self.fc_h(h)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, src, state=None):
        h, c = state if state is not None else (src.new_zeros(src.size(0), self.hid_dim),) * 2
        outs = []
        for t in range(src.size(1)):
            h, c = self.step(src[:, t], h, c)
            outs.append(h)
        return torch.stack(outs, 1), (h.detach(), c)


class CharLSTM(nn.Module):
    def __init__(self, n_chars, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.w_x = nn.Parameter(torch.empty(n_chars, 4 * n_hidden))
        self.w_h = nn.Parameter(torch.empty(n_hidden, 4 * n_hidden))
        self.b_x = nn.Parameter(torch.zeros(4 * n_hidden))
        self.b_h = nn.Parameter(torch.zeros(4 * n_hidden))
        nn.init.xavier_uniform_(self.w_x)
        nn.init.xavier_uniform_(self.w_h)

    def forward(self, x, state=None):
        if state is None:
            h, c = x.new_zeros(x.size(1), self.n_hidden), x.new_zeros(x.size(1), self.n_hidden)
        else:
            h, c = state
        hs = []
        for xt in x.unbind(0):
            a = xt @ self.w_x + self.b_x + h @ self.w_h + self.b_h
            ai, ao, af, ag = a.split(self.n_hidden, dim=1)
            c = af.sigmoid() * c + ai.sigmoid() * ag.tanh()
            h = ao.sigmoid() * c.tanh()
            hs.append(h)
        return torch.stack(hs, 0), (h, c.clone().detach())


class DetachedBiasLSTM(nn.Module):
    def __init__(self, in_dim, hidden_dim):
        super().__init__()
        self.w = nn.Parameter(torch.randn(4 * hidden_dim, in_dim + hidden_dim) / math.sqrt(in_dim + hidden_dim))
        self.b = nn.Parameter(torch.zeros(4 * hidden_dim))

    def forward(self, x, state):
        h, c = state
        b = self.b.detach().expand(x.size(0), -1)
        z = torch.cat([x, h], 1) @ self.w.t() + b
        g, i, f, o = z.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class HookedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, hx=None):
        if hx is None:
            hx = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = hx
        out = []
        for xt in x:
            i, f, g, o = (self.i2h(xt) + self.h2h(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            if h.requires_grad:
                h.register_hook(lambda grad: grad.clamp(-0.5, 0.5))
            out.append(h)
        return torch.stack(out), (h, c)


class ScaledGradLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.in_proj = nn.Linear(input_size, 4 * hidden_size)
        self.rec_proj = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, state=None):
        B, T, _ = x.shape
        px = self.in_proj(x)
        if px.requires_grad:
            px.register_hook(lambda g: g / T)
        h, c = state if state else (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        out = []
        for t in range(T):
            f, i, g, o = torch.split(px[:, t] + self.rec_proj(h), self.hidden_size, 1)
            c = F.sigmoid(f) * c + F.sigmoid(i) * F.tanh(g)
            h = F.sigmoid(o) * F.tanh(c)
            out.append(h)
        return torch.stack(out, 1), (h, c)


class ForgetBiasLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, forget_bias=1.0):
        super().__init__()
        self.hidden_size = hidden_size
        k = 1 / math.sqrt(hidden_size)
        for gate in 'ifgo':
            setattr(self, f'W_{gate}', nn.Parameter(torch.empty(hidden_size, input_size).uniform_(-k, k)))
            setattr(self, f'U_{gate}', nn.Parameter(torch.empty(hidden_size, hidden_size).uniform_(-k, k)))
        self.b_i = nn.Parameter(torch.zeros(hidden_size))
        self.b_f = nn.Parameter(torch.full((hidden_size,), forget_bias), requires_grad=False)
        self.b_g = nn.Parameter(torch.zeros(hidden_size))
        self.b_o = nn.Parameter(torch.zeros(hidden_size))

    def _gate(self, name, x, h):
        return F.linear(x, getattr(self, 'W_' + name)) + F.linear(h, getattr(self, 'U_' + name)) + getattr(self, 'b_' + name)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state
        res = []
        for xt in x:
            i, f, o = (torch.sigmoid(self._gate(k, xt, h)) for k in 'ifo')
            g = torch.tanh(self._gate('g', xt, h))
            c = f * c + i * g
            h = o * torch.tanh(c)
            res.append(h)
        return torch.stack(res), (h, c)


class BufferedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        B, T, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = state
        y = x.new_empty(B, T, self.hidden_size)
        for t in range(T):
            h, c = self.cell(x[:, t], (h, c))
            y[:, t] = h.data
        return y, (h, c)


class EvalAwareLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.linear_ih = nn.Linear(input_size, 4 * hidden_size)
        self.linear_hh = nn.Linear(hidden_size, 4 * hidden_size)

    def _run(self, x, h, c):
        ys = []
        for xt in x:
            gates = self.linear_ih(xt) + self.linear_hh(h)
            i, f, g, o = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        with torch.set_grad_enabled(self.training):
            return self._run(x, *state)


class CheckpointLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def _step(self, x, h, c):
        i, f, g, o = self.W(torch.cat([x, h], 1)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state
        ys = []
        for t in range(x.size(1)):
            h, c = checkpoint(self._step, x[:, t], h, c, use_reentrant=True)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class InputGateLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.Wxi, self.Whi = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.Wxf, self.Whf = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.Wxg, self.Whg = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.Wxo, self.Who = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x, state):
        h, c = state
        i = torch.sigmoid(self.Wxi(x) + self.Whi(h))
        f = torch.sigmoid(self.Wxf(x) + self.Whf(h))
        g = torch.tanh(self.Wxg(x) + self.Whg(h))
        o = torch.sigmoid(self.Wxo(x) + self.Who(h))
        c = torch.addcmul(f * c, i.detach(), g)
        return o * torch.tanh(c), c
