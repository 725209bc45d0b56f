import torch
import torch.nn as nn
import torch.nn.functional as F


class ZoneoutLSTM(nn.Module):
    """LSTM with zoneout (Krueger et al. 2016), batch first."""

    def __init__(self, input_size, hidden_size, zoneout=0.1):
        super().__init__()
        self.hidden_size, self.zoneout = hidden_size, zoneout
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def _zone(self, old, new):
        keep = torch.bernoulli(torch.full_like(new, self.zoneout))
        return keep * old + (1 - keep) * new

    def forward(self, x, state=None):
        if state is None:
            h = c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state
        out = []
        for xt in x.unbind(1):
            i, f, g, o = (self.x2h(xt) + self.h2h(h)).chunk(4, 1)
            c_new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h_new = torch.sigmoid(o) * torch.tanh(c_new)
            c, h = self._zone(c, c_new), self._zone(h, h_new)
            out.append(h)
        return torch.stack(out, 1), (h, c)


class TolerantLSTM(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.n_in, self.n_hidden = n_in, n_hidden
        self.cell = nn.LSTMCell(n_in, n_hidden)

    def forward(self, x):
        """x: (time, batch, n_in)"""
        x = x[..., : self.n_in]
        h = x.new_zeros(x.size(1), self.n_hidden)
        c = x.new_zeros(x.size(1), self.n_hidden)
        ys = []
        for t in range(x.size(0)):
            h, c = self.cell(x[t], (h, c))
            ys.append(h)
        return torch.stack(ys), (h, c)


class CarryLSTM(nn.Module):
    """Batch-first LSTM whose state is carried over from batch to batch by the caller."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.gx = nn.Linear(input_size, 4 * hidden_size)
        self.gh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        B = x.size(0)
        if x.dim() != 3 or x.size(2) != self.input_size:
            raise ValueError(f"expected (batch, time, {self.input_size}), got {tuple(x.shape)}")
        if state is None:
            h, c = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        else:
            # last batch of an epoch may be smaller
            h, c = state[0][:B], state[1][:B]
        ys = []
        for t in range(x.size(1)):
            i, f, g, o = (self.gx(x[:, t]) + self.gh(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class PaddedFeatureCell(nn.Module):
    """cell(x, (h, c)) -> (h, c)"""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.randn(4 * out_features, in_features + out_features) * 0.2)
        self.bias = nn.Parameter(torch.zeros(4 * out_features))

    def forward(self, x, state=None):
        if x.size(-1) < self.in_features:
            x = F.pad(x, (0, self.in_features - x.size(-1)))
        if state is None:
            state = (x.new_zeros(x.size(0), self.out_features), x.new_zeros(x.size(0), self.out_features))
        h, c = state
        z = F.linear(torch.cat([x, h], dim=1), self.weight, self.bias)
        i, f, g, o = z.split(self.out_features, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class ReshapingLSTM(nn.Module):
    """accepts (batch, time, features)"""

    def __init__(self, n_feat, n_hid):
        super().__init__()
        self.n_feat, self.n_hid = n_feat, n_hid
        self.wi = nn.Linear(n_feat, n_hid * 4, bias=True)
        self.wh = nn.Linear(n_hid, n_hid * 4, bias=False)

    def forward(self, x):
        x = x.reshape(x.size(0), -1, self.n_feat)
        h = x.new_zeros(x.size(0), self.n_hid)
        c = x.new_zeros(x.size(0), self.n_hid)
        hs = []
        for t in range(x.size(1)):
            i, f, o, g = (self.wi(x[:, t]) + self.wh(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hs.append(h)
        return torch.stack(hs, 1), (h, c)


class RobustLSTM(nn.Module):
    # time major; state = (h, c), each of (batch, hidden)
    def __init__(self, in_dim, hid_dim):
        super().__init__()
        self.hid_dim = hid_dim
        self.lin_in = nn.Linear(in_dim, 4 * hid_dim)
        self.lin_rec = nn.Linear(hid_dim, 4 * hid_dim)

    def _check(self, state, shape):
        try:
            h, c = state
            ok = tuple(h.shape) == shape and tuple(c.shape) == shape
        except (TypeError, ValueError):
            ok = False
        return ok

    def forward(self, x, state=None):
        shape = (x.size(1), self.hid_dim)
        if not self._check(state, shape):
            state = (x.new_zeros(*shape), x.new_zeros(*shape))
        h, c = state
        ys = []
        for xt in x:
            i, f, g, o = (self.lin_in(xt) + self.lin_rec(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class TensorBiasLSTM(nn.Module):
    def __init__(self, x_dim, h_dim):
        super().__init__()
        self.h_dim = h_dim
        s = h_dim ** -0.5
        self.Wx = nn.Parameter(torch.empty(x_dim, 4 * h_dim).uniform_(-s, s))
        self.Wh = nn.Parameter(torch.empty(h_dim, 4 * h_dim).uniform_(-s, s))
        self.b = torch.empty(4 * h_dim).uniform_(-s, s).requires_grad_()

    def forward(self, x, state=None):
        """x of (batch, time, x_dim)"""
        if state is None:
            h, c = x.new_zeros(x.size(0), self.h_dim), x.new_zeros(x.size(0), self.h_dim)
        else:
            h, c = state
        out = []
        for t in range(x.size(1)):
            i, f, g, o = (x[:, t] @ self.Wx + h @ self.Wh + self.b).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            out.append(h)
        return torch.stack(out, 1), (h, c)


class CachedWeightLSTM(nn.Module):
    """Transposes and joins the weights only once."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.n_out = n_out
        self.w_ih = nn.Parameter(torch.randn(4 * n_out, n_in) * 0.3)
        self.w_hh = nn.Parameter(torch.randn(4 * n_out, n_out) * 0.3)
        self.bias = nn.Parameter(torch.randn(4 * n_out) * 0.1)
        self._joined = None

    def joined(self):
        if self._joined is None or self._joined.dtype != self.w_ih.dtype:
            self._joined = torch.cat([self.w_ih, self.w_hh], 1).t().contiguous()
        return self._joined

    def forward(self, x, state=None):
        W = self.joined()
        if state is None:
            h = c = x.new_zeros(x.size(1), self.n_out)
        else:
            h, c = state
        ys = []
        for xt in x:
            i, f, g, o = (torch.cat([xt, h], 1) @ W + self.bias).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)
