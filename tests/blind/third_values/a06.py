import torch
import torch.nn as nn


class ListLSTM(nn.Module):
    """LSTM whose gates live in ModuleLists (order i, f, g, o). x: (T, B, I).

    Returns a list of the T outputs, and the last (h, c).
    """

    def __init__(self, in_features, hidden_features):
        super().__init__()
        self.hidden_features = hidden_features
        self.inp = nn.ModuleList([nn.Linear(in_features, hidden_features) for _ in range(4)])
        self.rec = nn.ModuleList([nn.Linear(hidden_features, hidden_features, bias=False)] * 4)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        H = self.hidden_features
        h, c = state if state is not None else (x.new_zeros(B, H), x.new_zeros(B, H))
        if tuple(h.shape) != (B, H) or tuple(c.shape) != (B, H):
            raise ValueError("state should be a pair of (B, H)")
        ys = []
        for t in range(T):
            i, f, g, o = [a(x[t]) + b(h) for a, b in zip(self.inp, self.rec)]
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return ys, (h, c)


class ConvProjLSTM(nn.Module):
    """Batch-first LSTM. The input half of the gates is a 1x1 convolution over time."""

    def __init__(self, in_channels, hidden_channels):
        super().__init__()
        self.hidden_channels = hidden_channels
        self.in_conv = nn.Conv1d(in_channels, 4 * hidden_channels, kernel_size=1)
        self.hid = nn.Linear(hidden_channels, 4 * hidden_channels, bias=False)

    def forward(self, x, state=None):
        B, T, _ = x.shape
        H = self.hidden_channels
        if state is None:
            state = (x.new_zeros(B, H), x.new_zeros(B, H))
        h, c = state
        if tuple(h.shape) != (B, H) or tuple(c.shape) != (B, H):
            raise ValueError("state should be a pair of (B, H)")
        pre = self.in_conv(x.transpose(1, 2)).permute(2, 0, 1)
        ys = []
        for t in range(T):
            z = pre[t] if t == 0 else pre[t] + self.hid(h)
            i, f, g, o = z.chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class BlockedLSTM(nn.Module):
    """Time-first LSTM; the recurrent product is summed over blocks of 128 hidden units."""

    BLOCK = 128

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = hidden_size ** -0.5
        self.W = nn.Parameter(torch.empty(input_size, 4 * hidden_size).uniform_(-k, k))
        self.U = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size).uniform_(-k, k))
        self.b = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))
        self.blocks = max(1, hidden_size // self.BLOCK)

    def _recurrent(self, z, h):
        for k in range(self.blocks):
            part = slice(k * self.BLOCK, (k + 1) * self.BLOCK)
            z = z + h[:, part] @ self.U[part]
        return z

    def forward(self, x, state=None):
        T, B, _ = x.shape
        H = self.hidden_size
        if state is None:
            h = x.new_zeros(B, H)
            c = x.new_zeros(B, H)
        else:
            if any(tuple(s.shape) != (1, B, H) for s in state):
                raise ValueError("state should be a pair of (1, B, H)")
            h, c = (s[0] for s in state)
        gx = x @ self.W + self.b
        ys = []
        for z in gx:
            i, f, g, o = self._recurrent(z, h).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h.unsqueeze(0), c.unsqueeze(0))


class EinsumLSTM(nn.Module):
    """Drop-in for a one-layer nn.LSTM (time first): same parameter names, shapes and gate order."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.zeros(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.zeros(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.zeros(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.zeros(4 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self):
        k = self.hidden_size ** -0.5
        with torch.no_grad():
            for p in self.parameters():
                p.uniform_(-k, k)

    def forward(self, input, hx=None):
        T, B, I = input.shape
        if I != self.input_size:
            raise ValueError("input should have input_size features")
        H = self.hidden_size
        if hx is None:
            hx = (input.new_zeros(1, B, H), input.new_zeros(1, B, H))
        if any(tuple(s.shape) != (1, B, H) for s in hx):
            raise ValueError("hx should be a pair of (1, B, H)")
        h, c = hx[0][0], hx[1][0]
        w_x = self.weight_ih_l0.view(4, H, self.input_size)
        w_h = self.weight_hh_l0.view(4, H, H)
        bias = (self.bias_ih_l0 + self.bias_hh_l0).view(4, H)
        gx = torch.einsum("tbi,ghi->tbgh", input, w_x) + bias
        ys = []
        for t in range(T):
            z = gx[t] + torch.einsum("bh,ghk->bgk", h, w_h)
            c = torch.sigmoid(z[:, 1]) * c + torch.sigmoid(z[:, 0]) * torch.tanh(z[:, 2])
            h = torch.sigmoid(z[:, 3]) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h[None], c[None])
