import functools

import torch
from torch import nn
from torch.nn import functional as F


class DropLSTM(nn.Module):
    """Batch first. ``p`` drops units of the recurrent input in training."""

    def __init__(self, input_size, hidden_size, p=0.0):
        super().__init__()
        self.hidden_size = hidden_size
        self.p = p
        self.w = nn.Linear(input_size, 4 * hidden_size)
        self.u = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state
        assert x.dim() == 3, "x must have three dimensions"
        assert h.shape == c.shape == (x.size(0), self.hidden_size), "state does not fit"
        keep = (torch.rand(h.shape, device=h.device) >= self.p).to(h.dtype) / (1.0 - self.p)
        ys = []
        for t in range(x.size(1)):
            rec = h * keep if self.training else h
            i, f, g, o = (self.w(x[:, t]) + self.u(rec)).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, dim=1), (h, c)


class StartLSTM(nn.Module):
    """Time first. Start states are (B, H)."""

    def __init__(self, n_inp, n_hid):
        super().__init__()
        self.n_hid = n_hid
        self.weights = nn.Parameter(torch.empty(n_inp + n_hid, 4 * n_hid))
        self.biases = nn.Parameter(torch.zeros(4 * n_hid))
        nn.init.xavier_uniform_(self.weights)

    def forward(self, x, h0=None, c0=None):
        if x.dim() != 3:
            raise ValueError("x must be (time, batch, features)")
        for s in (h0, c0):
            if s is not None and (s.dim() != 2 or s.size(1) != self.n_hid):
                raise ValueError(f"a start state must be (batch, {self.n_hid})")
        batch = x.size(1)
        zero = x.new_zeros(batch, self.n_hid)
        h = zero if h0 is None else h0.expand(batch, self.n_hid)
        c = zero if c0 is None else c0.expand(batch, self.n_hid)
        ys = []
        for x_t in x.unbind():
            z = torch.addmm(self.biases, torch.cat((x_t, h), 1), self.weights)
            g, o, i, f = z.split(self.n_hid, dim=1)
            c = torch.addcmul(f.sigmoid() * c, i.sigmoid(), g.tanh())
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h, c


class RecurrentDropLSTM(nn.Module):
    """Dropout on the hidden state that goes into the next step, active in training."""

    def __init__(self, input_size, hidden_size, dropout=0.5):
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = nn.Dropout(dropout)
        self.weight_ih = nn.Parameter(torch.empty(input_size, 4 * hidden_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.orthogonal_(self.weight_ih)
        nn.init.orthogonal_(self.weight_hh)

    def forward(self, x, state=None):
        if state is None:
            h, c = x.new_zeros(2, x.size(0), self.hidden_size)
        else:
            h, c = state
        ys = []
        for t in range(x.size(1)):
            rec = h
            if self.training:
                self.dropout(rec)
            f, i, o, g = (x[:, t] @ self.weight_ih + rec @ self.weight_hh + self.bias).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class InputDropLSTM(nn.Module):
    """Dropout on the input, then a plain LSTM over time-major data."""

    def __init__(self, embed_dim, hidden_dim, drop=0.2):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.drop = nn.Dropout(drop, inplace=True)
        self.rnn_cell = nn.LSTMCell(embed_dim, hidden_dim)

    def forward(self, x, state=None):
        x = self.drop(x)
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_dim), x.new_zeros(x.size(1), self.hidden_dim))
        ys = []
        for x_t in x.unbind(0):
            state = self.rnn_cell(x_t, state)
            ys.append(state[0])
        return torch.stack(ys, 0), state


class FactoryLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__()
        factory = {"device": device, "dtype": torch.get_default_dtype()}
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty((4 * hidden_size, input_size), **factory))
        self.weight_hh = nn.Parameter(torch.empty((4 * hidden_size, hidden_size), **factory))
        if bias:
            self.bias_ih = nn.Parameter(torch.empty(4 * hidden_size, **factory))
            self.bias_hh = nn.Parameter(torch.empty(4 * hidden_size, **factory))
        else:
            self.register_parameter("bias_ih", None)
            self.register_parameter("bias_hh", None)
        for p in self.parameters():
            nn.init.uniform_(p, -hidden_size ** -0.5, hidden_size ** -0.5)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = state
        ys = []
        for x_t in x.unbind(1):
            z = F.linear(x_t, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
            i, f, g, o = z.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class WorkspaceLSTM(nn.Module):
    """Writes into a workspace at inference, so that a server does not allocate per request."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.to_gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)
        self._work = None

    def _space(self, shape, like):
        w = self._work
        if w is None or w.shape != shape or w.dtype != like.dtype or w.device != like.device:
            self._work = torch.empty(shape, dtype=like.dtype, device=like.device)
        return self._work

    def forward(self, x, state=None):
        T, B = x.shape[:2]
        if state is None:
            h = x.new_zeros(B, self.hidden_size)
            c = x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        shape = (T, B, self.hidden_size)
        ys = [] if torch.is_grad_enabled() else self._space(shape, x)
        for t in range(T):
            f, g, i, o = self.to_gates(torch.cat([x[t], h], 1)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            if isinstance(ys, list):
                ys.append(h)
            else:
                ys[t].copy_(h)
        return (torch.stack(ys) if isinstance(ys, list) else ys), (h, c)


@functools.lru_cache(maxsize=None)
def make_projection(n_in, n_out, bias):
    layer = nn.Linear(n_in, n_out, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    return layer


class BuiltLSTM(nn.Module):
    def __init__(self, hidden_size, input_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.project = make_projection(input_size + hidden_size, 4 * hidden_size, True)

    def forward(self, x, hx=None):
        if hx is None:
            hx = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = hx
        ys = []
        for t in range(x.size(1)):
            i, f, g, o = self.project(torch.cat([x[:, t], h], -1)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class ChunkLSTM(nn.Module):
    """Time first, state (1, B, H) in and out, for language models trained chunk by chunk."""

    def __init__(self, ninp, nhid):
        super().__init__()
        self.nhid = nhid
        self.i2g = nn.Linear(ninp, 4 * nhid)
        self.h2g = nn.Linear(nhid, 4 * nhid)

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(1), self.nhid)
            c = x.new_zeros(x.size(1), self.nhid)
        else:
            h, c = (s.squeeze(0) for s in state)
        ys = []
        for gx in self.i2g(x):
            o, f, i, g = (gx + self.h2g(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h.detach().unsqueeze(0), c.detach().unsqueeze(0))
