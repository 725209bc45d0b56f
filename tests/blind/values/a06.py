import torch
import torch.nn as nn
import torch.nn.functional as F


class ReversedScan(nn.Module):
    def __init__(self, n_feats, n_cells):
        super().__init__()
        self.n_cells = n_cells
        self.proj = nn.Linear(n_feats, 4 * n_cells)
        self.recur = nn.Linear(n_cells, 4 * n_cells, bias=False)

    def forward(self, x, state=None):
        seq = list(self.proj(x).unbind(1))
        if state is None:
            h = c = x.new_zeros(x.size(0), self.n_cells)
        else:
            h, c = state
        out = []
        while seq:
            i, f, g, o = (seq.pop() + self.recur(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            out.append(h)
        return torch.stack(out, 1), (h, c)


class SqueezeLSTM(nn.Module):
    """x: T x B x I -> T x B x H"""

    def __init__(self, isize, hsize):
        super().__init__()
        self.hsize = hsize
        self.x_h = nn.Linear(isize, 4 * hsize)
        self.h_h = nn.Linear(hsize, 4 * hsize)

    def forward(self, x):
        h = x.new_zeros(x.size(1), self.hsize)
        c = x.new_zeros(x.size(1), self.hsize)
        out = []
        for xt in torch.split(x, 1, dim=0):
            gates = self.x_h(xt.squeeze(0)) + self.h_h(h)
            i, f, g, o = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out).squeeze()


class LastStateLSTM(nn.Module):
    # returns the representation of the sequence = output of the last time step, (batch, hid)
    def __init__(self, in_size, hid_size):
        super().__init__()
        self.hid_size = hid_size
        self.cell_x = nn.Linear(in_size, hid_size * 4)
        self.cell_h = nn.Linear(hid_size, hid_size * 4)

    def forward(self, x):
        x = x.permute(1, 0, 2)  # (B, T, I) -> (T, B, I)
        h, c = x.new_zeros(2, x.size(1), self.hid_size).unbind(0)
        states = []
        for xt in x:
            i, f, o, u = (self.cell_x(xt) + self.cell_h(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(u)
            h = torch.sigmoid(o) * torch.tanh(c)
            states.append(h)
        states = torch.stack(states)
        return states[:, -1]


class ChunkedBatchLSTM(nn.Module):
    """Works on at most `block` rows at a time, to bound the memory."""

    def __init__(self, input_dim, hidden_dim, block=64):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.block = block
        self.core = nn.LSTMCell(input_dim, hidden_dim)

    def _run(self, x):
        h = x.new_zeros(x.size(0), self.hidden_dim)
        c = torch.zeros_like(h)
        ys = []
        for t in range(x.size(1)):
            h, c = self.core(x[:, t], (h, c))
            ys.append(h)
        return torch.stack(ys, 1)

    def forward(self, x):
        n = x.size(0)
        if n <= self.block:
            return self._run(x)
        out = x.new_zeros(n, x.size(1), self.hidden_dim)
        for k in range(n // self.block):
            rows = slice(k * self.block, (k + 1) * self.block)
            out[rows] = self._run(x[rows])
        return out


class LaggedLSTM(nn.Module):
    def __init__(self, dim_in, dim_h):
        super().__init__()
        self.dim_h = dim_h
        self.net = nn.Linear(dim_in + dim_h, 4 * dim_h)

    def forward(self, x, hx=None):
        T, B, _ = x.shape
        h, c = hx if hx is not None else (x.new_zeros(B, self.dim_h), x.new_zeros(B, self.dim_h))
        y = []
        for t in range(T):
            y.append(h)
            i, f, g, o = self.net(torch.cat([x[t], h], -1)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return torch.stack(y), (h, c)


class PreallocLSTM(nn.Module):
    """batch first, writes into a preallocated output"""

    def __init__(self, num_features, num_hidden):
        super().__init__()
        self.num_hidden = num_hidden
        b = num_hidden ** -0.5
        self.W_ih = nn.Parameter(torch.empty(4 * num_hidden, num_features).uniform_(-b, b))
        self.W_hh = nn.Parameter(torch.empty(4 * num_hidden, num_hidden).uniform_(-b, b))
        self.b_h = nn.Parameter(torch.empty(4 * num_hidden).uniform_(-b, b))

    def forward(self, x):
        B, T, _ = x.shape
        h = x.new_zeros(B, self.num_hidden)
        c = x.new_zeros(B, self.num_hidden)
        out = x.new_zeros(B, T, self.num_hidden)
        for t in range(max(T - 1, 1)):
            z = F.linear(x[:, t], self.W_ih, self.b_h) + F.linear(h, self.W_hh)
            i, f, g, o = z.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            out[:, t] = h
        return out, (h, c)


class PositionLimitedLSTM(nn.Module):
    """LSTM over (time, batch, features)."""

    def __init__(self, in_sz, out_sz, max_steps=100):
        super().__init__()
        self.out_sz, self.max_steps = out_sz, max_steps
        self.i2g = nn.Linear(in_sz, 4 * out_sz)
        self.h2g = nn.Linear(out_sz, 4 * out_sz)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.out_sz), x.new_zeros(x.size(1), self.out_sz))
        h, c = state
        out = []
        for t in range(x.size(0)):
            if t < self.max_steps:
                i, f, g, o = (self.i2g(x[t]) + self.h2g(h)).chunk(4, -1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h, c)


class FlexibleLSTM(nn.Module):
    """Input (batch, seq, feature), output (batch, seq, hidden)."""

    def __init__(self, feature_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Linear(feature_size, 4 * hidden_size)
        self.weight_hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x):
        batch, seq, feat = x.shape
        # loop runs over time
        steps = x.contiguous().view(seq, batch, feat)
        h = x.new_zeros(batch, self.hidden_size)
        c = x.new_zeros(batch, self.hidden_size)
        out = []
        for s in steps:
            i, f, g, o = (self.weight_ih(s) + self.weight_hh(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out, dim=1)
