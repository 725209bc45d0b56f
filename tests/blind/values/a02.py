from typing import Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class DropInLSTM(nn.Module):
    """Drop-in for nn.LSTM(input_size, hidden_size) (time first), parameter names compatible."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        for p in self.parameters():
            nn.init.uniform_(p, -hidden_size ** -0.5, hidden_size ** -0.5)

    def forward(self, input, hx=None):
        T, B, _ = input.shape
        if hx is None:
            h = c = input.new_zeros(B, self.hidden_size)
        else:
            h, c = hx[0][0], hx[1][0]
        ys = []
        for t in range(T):
            z = F.linear(input[t], self.weight_ih_l0, self.bias_ih_l0)
            z = z + F.linear(h, self.weight_hh_l0, self.bias_hh_l0)
            i, f, g, o = z.chunk(4, -1)
            c = torch.sigmoid(f + 1.0) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h[None], c[None])


class SeqModel(nn.Module):
    def __init__(self, nx, nh, bias=True):
        super().__init__()
        self.nh = nh
        self.Wx = nn.Linear(nx, nh * 4, bias=bias)
        self.Wh = nn.Linear(nh, nh * 4, bias=False)

    def forward(self, x):
        x = x.transpose(0, 1)
        h = x.new_zeros(x.size(1), self.nh)
        c = x.new_zeros(x.size(1), self.nh)
        res = []
        for xt in x:
            a = self.Wx(xt) + self.Wh(h)
            ifo = torch.sigmoid(a[:, : 3 * self.nh])
            g = torch.tanh(a[:, 3 * self.nh :])
            i, f, o = ifo.chunk(3, 1)
            c = f * c + i * g
            h = o * torch.tanh(g)
            res.append(h)
        return torch.stack(res).transpose(0, 1)


class JitCell(nn.Module):
    """scriptable cell"""

    def __init__(self, in_dim: int, out_dim: int):
        super().__init__()
        self.lin = nn.Linear(in_dim + out_dim, 4 * out_dim)

    def forward(self, x: Tensor, state: Tuple[Tensor, Tensor]) -> Tuple[Tensor, Tensor]:
        h, c = state
        f, i, g, o = self.lin(torch.cat([x, h], dim=1)).chunk(4, dim=1)
        c = torch.sigmoid(f) * (c + torch.sigmoid(i) * torch.tanh(g))
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


def _gate(x, h, w, u, b, act):
    return act(F.linear(x, w, b) + F.linear(h, u))


class FunctionalLSTM(nn.Module):
    def __init__(self, n_inputs, n_units):
        super().__init__()
        self.n_units = n_units
        mk = lambda *s: nn.Parameter(torch.randn(*s) / n_units ** 0.5)
        self.wi, self.ui, self.bi = mk(n_units, n_inputs), mk(n_units, n_units), mk(n_units)
        self.wf, self.uf, self.bf = mk(n_units, n_inputs), mk(n_units, n_units), mk(n_units)
        self.wc, self.uc, self.bc = mk(n_units, n_inputs), mk(n_units, n_units), mk(n_units)
        self.wo, self.uo, self.bo = mk(n_units, n_inputs), mk(n_units, n_units), mk(n_units)

    def forward(self, x, h=None, c=None):
        # x: (seq_len, batch, n_inputs)
        if h is None:
            h = x.new_zeros(x.shape[1], self.n_units)
        if c is None:
            c = x.new_zeros(x.shape[1], self.n_units)
        out = []
        for xt in x.unbind(0):
            i = _gate(xt, h, self.wi, self.ui, self.bi, torch.sigmoid)
            f = _gate(xt, h, self.wf, self.uf, self.bf, torch.sigmoid)
            g = _gate(xt, h, self.wc, self.uc, self.bc, torch.tanh)
            o = _gate(xt, h, self.wo, self.uo, None, torch.sigmoid)
            c = f * c + i * g
            h = o * torch.tanh(c)
            out.append(h)
        return torch.stack(out, 0), (h, c)


class TinyLSTM(nn.Module):
    def __init__(self, inp, hid):
        super().__init__()
        self.hid = hid
        self.xf, self.hf = nn.Linear(inp, hid), nn.Linear(hid, hid)
        self.xi, self.hi = nn.Linear(inp, hid), nn.Linear(hid, hid)
        self.xc, self.hc = nn.Linear(inp, hid), nn.Linear(hid, hid)
        self.xo, self.ho = nn.Linear(inp, hid), nn.Linear(hid, hid)

    def forward(self, x, state=None):
        B, T, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.hid), x.new_zeros(B, self.hid)
        else:
            h, c = state
        ys = []
        for t in range(T):
            xt = x[:, t]
            f = torch.sigmoid(self.xf(xt) + self.hf(h))
            i = torch.sigmoid(self.xi(xt) + self.hi(h))
            g = torch.tanh(self.xc(xt) + self.hc(h))
            c = f * c + i * g
            h = torch.tanh(c)
            o = torch.sigmoid(self.xo(xt) + self.ho(h))
            h = o * h
            ys.append(h)
        return torch.stack(ys, dim=1), (h, c)


class LSTMNumpyStyle(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) * 0.2)
        self.b = nn.Parameter(torch.zeros(4 * H))

    def forward(self, X, h0=None, c0=None):
        T, N, D = X.shape
        H = self.H
        h = X.new_zeros(N, H) if h0 is None else h0
        c = X.new_zeros(N, H) if c0 is None else c0
        hs = []
        for t in range(T):
            prev_c = c
            a = torch.cat([X[t], h], 1) @ self.W + self.b
            ai, af, ao, ag = a[:, :H], a[:, H:2 * H], a[:, 2 * H:3 * H], a[:, 3 * H:]
            c = torch.sigmoid(af) * prev_c + torch.sigmoid(ai) * torch.tanh(ag)
            h = torch.sigmoid(ao) * torch.tanh(prev_c)
            hs.append(h)
        return torch.stack(hs), (h, c)


class CompatLSTM(nn.Module):
    """Same parameter names and shapes as torch.nn.LSTM(batch_first=True), so that
    state dicts can be loaded directly."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.Tensor(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.Tensor(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.Tensor(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.Tensor(4 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self):
        std = 1.0 / self.hidden_size ** 0.5
        for w in self.parameters():
            w.data.uniform_(-std, std)

    def forward(self, x: Tensor, hx: Optional[Tuple[Tensor, Tensor]] = None):
        if hx is None:
            z = x.new_zeros(1, x.size(0), self.hidden_size)
            hx = (z, z)
        h, c = hx[0].squeeze(0), hx[1].squeeze(0)
        outs = []
        for xt in x.unbind(1):
            gates = xt @ self.weight_ih_l0.t() + self.bias_ih_l0 + h @ self.weight_hh_l0.t() + self.bias_hh_l0
            i, f, o, g = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs, 1), (h.unsqueeze(0), c.unsqueeze(0))
