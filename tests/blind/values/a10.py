import torch
import torch.nn as nn
import torch.nn.functional as F


class DeviceLSTM(nn.Module):
    def __init__(self, n_input, n_hidden, device="cpu"):
        super().__init__()
        self.n_hidden = n_hidden
        self.device = torch.device(device)
        self.x_lin = nn.Linear(n_input, 4 * n_hidden)
        self.h_lin = nn.Linear(n_hidden, 4 * n_hidden)
        self.to(self.device)

    def forward(self, x, state=None):
        # x: (batch, steps, n_input)
        if state is None:
            h = torch.zeros(x.size(0), self.n_hidden, dtype=x.dtype, device=self.device)
            c = torch.zeros(x.size(0), self.n_hidden, dtype=x.dtype, device=self.device)
        else:
            h, c = state
        outs = []
        for t in range(x.size(1)):
            i, f, g, o = (self.x_lin(x[:, t]) + self.h_lin(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs, 1), (h, c)


def sigmoid(z):
    e = torch.exp(z)
    return e / (1 + e)


def tanh(z):
    p, n = torch.exp(z), torch.exp(-z)
    return (p - n) / (p + n)


class HandmadeLSTM(nn.Module):
    """LSTM without torch's sigmoid (exercise). (seq, batch, in) -> (seq, batch, hid)"""

    def __init__(self, in_size, hid_size):
        super().__init__()
        self.hid_size = hid_size
        self.w = nn.Parameter(torch.randn(in_size, 4 * hid_size) * 0.3)
        self.u = nn.Parameter(torch.randn(hid_size, 4 * hid_size) * 0.3)
        self.b = nn.Parameter(torch.zeros(4 * hid_size))

    def forward(self, x):
        h = x.new_zeros(x.size(1), self.hid_size)
        c = x.new_zeros(x.size(1), self.hid_size)
        ys = []
        for xt in x:
            i, f, g, o = (xt @ self.w + h @ self.u + self.b).chunk(4, 1)
            c = sigmoid(f) * c + sigmoid(i) * torch.tanh(g)
            h = sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class HandmadeCell(nn.Module):
    def __init__(self, inputs, units):
        super().__init__()
        self.units = units
        self.fc_i = nn.Linear(inputs + units, units)
        self.fc_f = nn.Linear(inputs + units, units)
        self.fc_o = nn.Linear(inputs + units, units)
        self.fc_c = nn.Linear(inputs + units, units)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.units), x.new_zeros(x.size(0), self.units))
        h, c = state
        v = torch.cat([h, x], dim=1)
        i, f, o = torch.sigmoid(self.fc_i(v)), torch.sigmoid(self.fc_f(v)), torch.sigmoid(self.fc_o(v))
        c = f * c + i * tanh(self.fc_c(v))
        h = o * torch.tanh(c)
        return h, c


class StableLSTM(nn.Module):
    """batch first LSTM, some guards for stable training"""

    def __init__(self, n_in, n_hid, cell_clip=3.0):
        super().__init__()
        self.n_hid, self.cell_clip = n_hid, cell_clip
        self.lx = nn.Linear(n_in, 4 * n_hid)
        self.lh = nn.Linear(n_hid, 4 * n_hid)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.n_hid), x.new_zeros(x.size(0), self.n_hid))
        h, c = state
        ys = []
        for xt in x.unbind(1):
            i, f, g, o = (self.lx(xt) + self.lh(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            c = c.clamp(-self.cell_clip, self.cell_clip)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class GuardedLSTM(nn.Module):
    def __init__(self, feat, hid):
        super().__init__()
        self.hid = hid
        self.cell = nn.LSTMCell(feat, hid)

    def forward(self, x, hx=None):
        """x: (time, batch, feat)"""
        if hx is None:
            hx = (x.new_zeros(x.size(1), self.hid), x.new_zeros(x.size(1), self.hid))
        h, c = hx
        out = []
        for xt in x:
            h, c = self.cell(xt, (h, c))
            h, c = torch.nan_to_num(h), torch.nan_to_num(c)
            out.append(h)
        return torch.stack(out), (h, c)


class BoundedGateLSTM(nn.Module):
    """Returns all hidden states, (batch, time, hidden)."""

    def __init__(self, in_features, hidden_features):
        super().__init__()
        self.hidden_features = hidden_features
        self.W = nn.Linear(in_features, 4 * hidden_features)
        self.R = nn.Linear(hidden_features, 4 * hidden_features, bias=False)

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.hidden_features)
        c = x.new_zeros(x.size(0), self.hidden_features)
        seq = []
        for t in range(x.size(1)):
            z = self.W(x[:, t]) + self.R(h)
            z = torch.clamp(z, min=-4.0, max=4.0)  # keep exp() in range
            i, f, g, o = z.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            seq.append(h)
        return torch.stack(seq, 1)


class CompactStateLSTM(nn.Module):
    # (time, batch, in) -> (time, batch, out); small memory footprint
    def __init__(self, in_dim, out_dim):
        super().__init__()
        self.out_dim = out_dim
        self.lin = nn.Linear(in_dim + out_dim, 4 * out_dim)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.out_dim), x.new_zeros(B, self.out_dim)
        else:
            h, c = state
        ys = []
        for t in range(T):
            f, i, g, o = self.lin(torch.cat([x[t], h], 1)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            c = c.to(torch.bfloat16).to(x.dtype)
            ys.append(h)
        return torch.stack(ys), (h, c)


class DeployLSTM(nn.Module):
    """LSTM with a fast path for inference, (batch, time, in)."""

    def __init__(self, in_units, units):
        super().__init__()
        self.units = units
        self.kernel = nn.Linear(in_units, 4 * units)
        self.recurrent_kernel = nn.Linear(units, 4 * units, bias=False)

    def act(self, z):
        if self.training:
            return torch.sigmoid(z)
        return F.hardsigmoid(z)

    def forward(self, x, state=None):
        if state is None:
            h, c = x.new_zeros(x.size(0), self.units), x.new_zeros(x.size(0), self.units)
        else:
            h, c = state
        ys = []
        for xt in self.kernel(x).unbind(1):
            i, f, g, o = (xt + self.recurrent_kernel(h)).chunk(4, 1)
            c = self.act(f) * c + self.act(i) * torch.tanh(g)
            h = self.act(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)
