import math

import torch
from torch import nn
import torch.nn.functional as F


class VariationalLSTM(nn.Module):
    """LSTM with one dropout mask for all time steps on the inputs (Gal & Ghahramani)."""

    def __init__(self, input_size, hidden_size, dropout=0.3, batch_first=True):
        super().__init__()
        self.dropout = dropout
        self.batch_first = batch_first
        self.rnn = nn.LSTM(input_size, hidden_size, batch_first=batch_first)
        self._mask = None

    def mask_for(self, x):
        t = 1 if self.batch_first else 0
        like = x.select(t, 0)
        m = self._mask
        if m is None or m.shape != like.shape or m.dtype != like.dtype or m.device != like.device:
            keep = 1.0 - self.dropout
            self._mask = torch.empty_like(like, requires_grad=False).bernoulli_(keep).div_(keep)
        return self._mask.unsqueeze(t)

    def forward(self, x, hx=None):
        if self.training and self.dropout > 0:
            x = x * self.mask_for(x.detach())
        return self.rnn(x, hx)


class SafeLSTM(nn.Module):
    """LSTM layer that may be given half, single or double precision; answers in the input's."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = 1 / math.sqrt(hidden_size)
        self.w_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.w_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.b_ih = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))
        self.b_hh = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))

    def forward(self, x, state=None):
        dtype = x.dtype
        x = x.float()
        w, u = self.w_ih.float(), self.w_hh.float()
        b = self.b_ih.float() + self.b_hh.float()
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state[0][0].float(), state[1][0].float()
        ys = []
        for xt in F.linear(x, w, b):
            i, f, g, o = (xt + F.linear(h, u)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys).to(dtype), (h[None].to(dtype), c[None].to(dtype))


class PortableCell(nn.Module):
    """LSTM cell that travels between processes (its slices are rebuilt on arrival)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.Wx = nn.Parameter(torch.empty(input_size, 4 * hidden_size))
        self.Wh = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size))
        self.b = nn.Parameter(torch.empty(4 * hidden_size))
        self._setup()

    def _setup(self):
        H = self.hidden_size
        self._slices = {g: slice(n * H, (n + 1) * H) for n, g in enumerate("fiog")}
        s = 1.0 / math.sqrt(H)
        with torch.no_grad():
            for p in (self.Wx, self.Wh, self.b):
                p.uniform_(-s, s)

    def __getstate__(self):
        state = self.__dict__.copy()
        state.pop("_slices")
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        self._setup()

    def forward(self, x, h=None, c=None):
        if h is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
        if c is None:
            c = x.new_zeros(x.size(0), self.hidden_size)
        z = x @ self.Wx + h @ self.Wh + self.b
        s = self._slices
        c = torch.sigmoid(z[:, s["f"]]) * c + torch.sigmoid(z[:, s["i"]]) * torch.tanh(z[:, s["g"]])
        h = torch.sigmoid(z[:, s["o"]]) * torch.tanh(c)
        return h, c


class RobustCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        h, c = self.cell(x, state)
        h = torch.nan_to_num(h)
        c = torch.nan_to_num(c)
        return h, (h, c)


class TimeLoopLSTM(nn.Module):
    """Batch first, per-gate Linear layers over [x; h]."""

    def __init__(self, embed_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.seq_len = None
        n = embed_size + hidden_size
        self.forget_gate = nn.Linear(n, hidden_size)
        self.input_gate = nn.Linear(n, hidden_size)
        self.candidate = nn.Linear(n, hidden_size)
        self.output_gate = nn.Linear(n, hidden_size)

    def forward(self, x, state=None):
        if self.seq_len is None:
            self.seq_len = x.shape[1]
        if state is None:
            h = torch.zeros(x.shape[0], self.hidden_size).to(x)
            c = torch.zeros(x.shape[0], self.hidden_size).to(x)
        else:
            h, c = state
        outputs = []
        for t in range(self.seq_len):
            xh = torch.cat((x[:, t, :], h), dim=1)
            f = torch.sigmoid(self.forget_gate(xh))
            i = torch.sigmoid(self.input_gate(xh))
            g = torch.tanh(self.candidate(xh))
            o = torch.sigmoid(self.output_gate(xh))
            c = f * c + i * g
            h = o * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c)
