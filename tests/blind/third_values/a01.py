"""Small recurrent blocks."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class RecurrentUnit(nn.Module):
    """One LSTM step: ``h, c = unit(x, h, c)`` with x (B, I) and h, c (B, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lin = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, h, c):
        if h.shape != c.shape or h.shape[-1] != self.hidden_size:
            raise ValueError("h and c must both be (batch, hidden_size)")
        i, f, g, o = self.lin(torch.cat((x, h), dim=1)).chunk(4, dim=1)
        new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        new_h = torch.sigmoid(o) * torch.tanh(c)
        return new_h, new_c


class SequenceEncoder(nn.Module):
    """LSTM over (T, B, I), or (B, T, I) with batch_first.

    ``out, (h, c) = enc(x, (h0, c0))``, states (1, B, H).
    """

    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.batch_first = batch_first
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        T, B, _ = x.shape
        if state is None:
            h = x.new_zeros(B, self.hidden_size)
            c = x.new_zeros(B, self.hidden_size)
        else:
            for s in state:
                if s.shape != (1, B, self.hidden_size):
                    raise ValueError("expected states of shape (1, %d, %d)" % (B, self.hidden_size))
            c, h = (s.squeeze(0) for s in state)
        pre = self.i2h(x)
        out = []
        for t in range(T):
            a, b, d, e = (pre[t] + self.h2h(h)).split(self.hidden_size, dim=-1)
            c = b.sigmoid() * c + a.sigmoid() * d.tanh()
            h = e.sigmoid() * c.tanh()
            out.append(h)
        out = torch.stack(out, dim=1 if self.batch_first else 0)
        return out, (h.unsqueeze(0), c.unsqueeze(0))


class StepwiseLSTM(nn.Module):
    """Batch-first LSTM that drives an ``nn.LSTMCell``; x is (B, T, I), the output (B, T, H)."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.cell = nn.LSTMCell(input_dim, hidden_dim)

    def forward(self, x, hx=None):
        B, T, I = x.shape
        steps = x.reshape(T, B, I)
        outs = []
        for step in steps:
            hx = self.cell(step, hx)
            outs.append(hx[0])
        return torch.stack(outs, dim=1), hx


def _sig(v):
    return torch.sigmoid(v)


def _tanh(v):
    e = torch.exp(2 * v)
    return (e - 1) / (e + 1)


class PlainLSTM(nn.Module):
    """LSTM with separate weights for each gate, time first. Returns ``out, (h_n, c_n)``."""

    def __init__(self, n_in, n_hid):
        super().__init__()
        self.n_hid = n_hid
        s = 1 / math.sqrt(n_hid)
        for g in "ifog":
            setattr(self, "W_" + g, nn.Parameter(torch.empty(n_in, n_hid).uniform_(-s, s)))
            setattr(self, "U_" + g, nn.Parameter(torch.empty(n_hid, n_hid).uniform_(-s, s)))
            setattr(self, "b_" + g, nn.Parameter(torch.empty(n_hid).uniform_(-s, s)))

    def forward(self, x, state=None):
        T, B, _ = x.size()
        if state is None:
            state = (x.new_zeros(B, self.n_hid), x.new_zeros(B, self.n_hid))
        h, c = state
        if h.shape != (B, self.n_hid) or c.shape != (B, self.n_hid):
            raise ValueError("state must be a pair of (B, H)")
        ys = []
        for t in range(T):
            i = _sig(x[t] @ self.W_i + h @ self.U_i + self.b_i)
            f = _sig(x[t] @ self.W_f + h @ self.U_f + self.b_f)
            o = _sig(x[t] @ self.W_o + h @ self.U_o + self.b_o)
            g = _tanh(x[t] @ self.W_g + h @ self.U_g + self.b_g)
            c = f * c + i * g
            h = o * _tanh(c)
            ys.append(h)
        return torch.stack(ys, 0), (h, c)


class CompatLSTM(nn.Module):
    """A single-layer LSTM with nn.LSTM's parameter names; its checkpoints load as they are."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        k = hidden_size ** -0.5
        for p in self.parameters():
            nn.init.uniform_(p, -k, k)

    def forward(self, x, hx=None):
        T, B, I = x.shape
        H = self.hidden_size
        if hx is None:
            hx = (x.new_zeros(1, B, H), x.new_zeros(1, B, H))
        if hx[0].shape != (1, B, H) or hx[1].shape != (1, B, H):
            raise RuntimeError("bad state shape")
        h, c = hx[0][0], hx[1][0]
        w = self.weight_ih_l0.view(self.input_size, 4 * H)
        gx = torch.matmul(x, w) + self.bias_ih_l0
        out = []
        for t in range(T):
            z = gx[t] + F.linear(h, self.weight_hh_l0, self.bias_hh_l0)
            i, f, g, o = z.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h[None], c[None])
