import torch
import torch.nn as nn
import torch.nn.functional as F


class BasicLSTMCell(nn.Module):
    """forward(x, (h, c)) -> (h', c')"""

    def __init__(self, num_inputs, num_units):
        super().__init__()
        self.num_units = num_units
        self.kernel = nn.Linear(num_inputs + num_units, 4 * num_units)

    def forward(self, x, hidden):
        h, c = hidden
        i, j, f, o = torch.chunk(self.kernel(torch.cat([x, h], 1)), 4, dim=1)
        new_c = c * torch.sigmoid(f) + torch.sigmoid(i) * torch.tanh(j)
        new_h = torch.tanh(new_c) * torch.sigmoid(o)
        return new_c, new_h


class PurePyLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size * 4)
        self.h2h = nn.Linear(hidden_size, hidden_size * 4)

    def forward(self, x, state=None):
        """x (T, B, I); state: tuple of (1, B, H) as with nn.LSTM"""
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state[0][0], state[1][0]
        out = []
        for x_t in x:
            g = self.i2h(x_t) + self.h2h(h)
            i = g[:, : self.hidden_size].sigmoid()
            f = g[:, self.hidden_size : 2 * self.hidden_size].sigmoid()
            o = g[:, 2 * self.hidden_size : 3 * self.hidden_size].sigmoid()
            n = g[:, 3 * self.hidden_size :].tanh()
            c = f * c + i * n
            h = o * c.tanh()
            out.append(h)
        out = torch.stack(out)
        h_n = out[-1:]
        c_n = out[-1:]
        return out, (h_n, c_n)


class Decoder(nn.Module):
    """LSTM decoder; takes the state of the encoder."""

    def __init__(self, embed_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.w_x = nn.Linear(embed_size, 4 * hidden_size, bias=False)
        self.w_h = nn.Linear(hidden_size, 4 * hidden_size, bias=True)

    def init_hidden(self, like):
        return (like.new_zeros(like.size(0), self.hidden_size), like.new_zeros(like.size(0), self.hidden_size))

    def forward(self, inputs, state=None):
        state = self.init_hidden(inputs)
        h, c = state
        outs = []
        for t in range(inputs.size(1)):
            f, i, o, g = (self.w_x(inputs[:, t]) + self.w_h(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs, 1), (h, c)


class ControllerLSTM(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.n_out = n_out
        self.lin = nn.Linear(n_in + n_out, 4 * n_out)
        self.hidden = None

    def forward(self, x, hx=None):
        if hx is not None:
            self.hidden = hx
        elif self.hidden is None or self.hidden[0].size(0) != x.size(0) or self.hidden[0].dtype != x.dtype:
            z = x.new_zeros(x.size(0), self.n_out)
            self.hidden = (z, z)
        h, c = self.hidden
        ys = []
        for t in range(x.size(1)):
            i, f, g, o = self.lin(torch.cat([x[:, t], h], -1)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        self.hidden = (h.detach(), c.detach())
        return torch.stack(ys, 1), (h, c)


class BatchFirstLSTM(nn.Module):
    """x: (B, T, I), hx: (h0, c0) with shape (B, H) each."""

    def __init__(self, in_channels, channels):
        super().__init__()
        self.channels = channels
        self.Wi = nn.Parameter(torch.randn(in_channels, 4 * channels) * channels ** -0.5)
        self.Wh = nn.Parameter(torch.randn(channels, 4 * channels) * channels ** -0.5)
        self.bias = nn.Parameter(torch.zeros(4 * channels))

    def forward(self, x, hx=None):
        b = x.shape[0]
        h = x.new_zeros(b, self.channels)
        c = x.new_zeros(b, self.channels)
        if hx is not None:
            h = hx[0]
        xs = torch.matmul(x, self.Wi) + self.bias
        out = torch.empty(b, x.shape[1], self.channels, dtype=x.dtype, device=x.device)
        for t in range(x.shape[1]):
            i, f, g, o = torch.addmm(xs[:, t], h, self.Wh).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out[:, t] = h
        return out, (h, c)


class RNNBlock(nn.Module):
    def __init__(self, idim, hdim):
        super().__init__()
        self.hdim = hdim
        self.proj = nn.Linear(idim, 4 * hdim)
        self.rec = nn.Linear(hdim, 4 * hdim, bias=False)

    def forward(self, x, hx=None):
        if hx is None:
            hx = (
                torch.randn(x.size(1), self.hdim, dtype=x.dtype, device=x.device),
                torch.randn(x.size(1), self.hdim, dtype=x.dtype, device=x.device),
            )
        h, c = hx
        ys = []
        for xp in self.proj(x):
            i, f, g, o = torch.split(xp + self.rec(h), self.hdim, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class UnrolledLSTM(nn.Module):
    """Same call convention as nn.LSTM(batch_first=True): out, (h_n, c_n) = lstm(x, (h_0, c_0))."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, hx=None):
        if hx is None:
            zeros = x.new_zeros(1, x.size(0), self.cell.hidden_size)
            hx = (zeros, zeros)
        c, h = hx[0][0], hx[1][0]
        out = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            out.append(h)
        return torch.stack(out, 1), (h.unsqueeze(0), c.unsqueeze(0))


class SeqEncoder(nn.Module):
    def __init__(self, d_in, d_hid):
        super().__init__()
        self.d_hid = d_hid
        self.in_proj = nn.Linear(d_in, 4 * d_hid)
        self.hid_proj = nn.Linear(d_hid, 4 * d_hid)

    def forward(self, src, state=None):
        # src: S x B x d_in
        h, c = state if state is not None else (src.new_zeros(src.size(1), self.d_hid),) * 2
        memory = []
        pre = self.in_proj(src)
        for s in range(src.size(0)):
            i, f, g, o = (pre[s] + self.hid_proj(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            memory.append(h)
        memory = torch.stack(memory)
        return memory, (memory[0], c)
