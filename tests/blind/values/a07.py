import torch
import torch.nn as nn
import torch.nn.functional as F


class AutoLayoutLSTM(nn.Module):
    """LSTM for input of shape (batch, seq_len, input_dim).

    Output: (batch, seq_len, hidden_dim)
    """

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.fc_x = nn.Linear(input_dim, 4 * hidden_dim)
        self.fc_h = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)

    def forward(self, x):
        swap = x.size(0) <= x.size(1)  # sequence dim to the front
        if swap:
            x = x.transpose(0, 1)
        h = x.new_zeros(x.size(1), self.hidden_dim)
        c = x.new_zeros(x.size(1), self.hidden_dim)
        out = []
        for t in range(x.size(0)):
            i, f, g, o = (self.fc_x(x[t]) + self.fc_h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        out = torch.stack(out)
        return out.transpose(0, 1) if swap else out


class BlockedLSTM(nn.Module):
    """Time first LSTM; the recurrent product is done block by block for wide layers."""

    BLOCK = 64

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        s = n_hidden ** -0.5
        self.w_in = nn.Parameter(torch.empty(n_in, 4 * n_hidden).uniform_(-s, s))
        self.w_rec = nn.Parameter(torch.empty(n_hidden, 4 * n_hidden).uniform_(-s, s))
        self.b = nn.Parameter(torch.empty(4 * n_hidden).uniform_(-s, s))

    def recur(self, h):
        if self.n_hidden <= self.BLOCK:
            return h @ self.w_rec
        acc = 0
        for b in range(self.n_hidden // self.BLOCK):
            k = slice(b * self.BLOCK, (b + 1) * self.BLOCK)
            acc = acc + h[:, k] @ self.w_rec[k]
        return acc

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.n_hidden), x.new_zeros(x.size(1), self.n_hidden))
        h, c = state
        xs = x @ self.w_in + self.b
        y = []
        for xt in xs:
            i, f, g, o = (xt + self.recur(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            y.append(h)
        return torch.stack(y), (h, c)


class PrefetchLSTM(nn.Module):
    def __init__(self, in_features, hidden_features):
        super().__init__()
        self.hidden_features = hidden_features
        self.inp = nn.Linear(in_features, 4 * hidden_features)
        self.rec = nn.Linear(hidden_features, 4 * hidden_features)

    def forward(self, x):
        """x: (B, T, I)"""
        B, T, _ = x.shape
        h = x.new_zeros(B, self.hidden_features)
        c = x.new_zeros(B, self.hidden_features)
        nxt = self.inp(x[:, 0])
        ys = []
        for t in range(T):
            cur = nxt
            if t + 1 < T:
                nxt = self.inp(x[:, t + 1])
            i, f, g, _ = (cur + self.rec(h)).chunk(4, -1)
            o = (nxt + self.rec(h)).chunk(4, -1)[3]
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class SortedLSTM(nn.Module):
    """Runs the rows in order of their energy (better cache use), then puts them back."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x):
        # x: (batch, time, feature)
        n = x.size(0)
        order = x.detach().pow(2).sum((1, 2)).argsort()
        perm = torch.eye(n, dtype=x.dtype, device=x.device)[order]
        xs = x[order]
        h = x.new_zeros(n, self.hidden_size)
        c = x.new_zeros(n, self.hidden_size)
        ys = []
        for t in range(xs.size(1)):
            h, c = self.cell(xs[:, t], (h, c))
            ys.append(perm.t() @ h)
        return torch.stack(ys, 1), (perm.t() @ h, perm.t() @ c)


class RegularizedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, dropout=0.2):
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, hx=None):
        if hx is None:
            hx = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = hx
        out = []
        for t in range(x.size(1)):
            i, f, g, o = (self.ih(x[:, t]) + self.hh(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        out = F.dropout(torch.stack(out, 1), self.dropout)
        return out, (h, c)


class WeightDropLSTM(nn.Module):
    """AWD style: DropConnect on the hidden-to-hidden matrix. x is (T, B, I)."""

    def __init__(self, n_inp, n_hid, weight_p=0.3):
        super().__init__()
        self.n_hid, self.weight_p = n_hid, weight_p
        s = n_hid ** -0.5
        self.w_ih = nn.Parameter(torch.empty(4 * n_hid, n_inp).uniform_(-s, s))
        self.w_hh = nn.Parameter(torch.empty(4 * n_hid, n_hid).uniform_(-s, s))
        self.bias = nn.Parameter(torch.zeros(4 * n_hid))

    def _setweights(self):
        self.w_hh.data = F.dropout(self.w_hh.data, p=self.weight_p, training=self.training)

    def forward(self, x, hx=None):
        self._setweights()
        if hx is None:
            hx = (x.new_zeros(x.size(1), self.n_hid), x.new_zeros(x.size(1), self.n_hid))
        h, c = hx
        raw = []
        for xt in x:
            i, f, g, o = (F.linear(xt, self.w_ih, self.bias) + F.linear(h, self.w_hh)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            raw.append(h)
        return torch.stack(raw), (h, c)


class VariationalLSTM(nn.Module):
    """LSTM with one dropout mask for all the time steps of a sequence (locked dropout)."""

    def __init__(self, in_dim, hid_dim, p=0.25, seed=1234):
        super().__init__()
        self.hid_dim, self.p, self.seed = hid_dim, p, seed
        self.lstm = nn.LSTMCell(in_dim, hid_dim)

    def forward(self, x):
        B, T, D = x.shape
        torch.manual_seed(self.seed)
        mask = x.new_ones(B, D)
        if self.training and self.p > 0:
            mask = mask.bernoulli(1 - self.p) / (1 - self.p)
        h = x.new_zeros(B, self.hid_dim)
        c = x.new_zeros(B, self.hid_dim)
        ys = []
        for t in range(T):
            h, c = self.lstm(x[:, t] * mask, (h, c))
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class DropoutOutputLSTM(nn.Module):
    """LSTM with dropout on its output."""

    def __init__(self, n_features, n_units, keep_prob=0.8):
        super().__init__()
        self.n_units, self.keep_prob = n_units, keep_prob
        self.W = nn.Parameter(torch.randn(n_features + n_units, 4 * n_units) * 0.2)
        self.b = nn.Parameter(torch.zeros(4 * n_units))

    def _drop(self, y):
        if self.training:
            mask = torch.rand_like(y) < self.keep_prob
            return y * mask.to(y.dtype) / self.keep_prob
        return y * self.keep_prob

    def forward(self, x):
        # x: time, batch, features
        h = c = x.new_zeros(x.shape[1], self.n_units)
        ys = []
        for xt in x:
            i, f, g, o = (torch.cat([xt, h], 1) @ self.W + self.b).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return self._drop(torch.stack(ys)), (h, c)
