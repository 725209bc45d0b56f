import torch
import torch.nn as nn
import torch.nn.functional as F


class ConvLSTMStyle(nn.Module):
    """batch first, state of (batch, hidden)"""

    def __init__(self, input_dim, hidden_dim, bias=True):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.lin_x = nn.Linear(input_dim, 4 * hidden_dim, bias=bias)
        self.lin_h = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)

    def init_hidden(self, batch_size):
        return (
            torch.zeros(batch_size, self.hidden_dim, device=self.lin_x.weight.device),
            torch.zeros(batch_size, self.hidden_dim, device=self.lin_x.weight.device),
        )

    def forward(self, input_tensor, hidden_state=None):
        if hidden_state is None:
            hidden_state = self.init_hidden(input_tensor.size(0))
        h, c = hidden_state
        inner = []
        for t in range(input_tensor.size(1)):
            z = self.lin_x(input_tensor[:, t]) + self.lin_h(h)
            cc_i, cc_f, cc_o, cc_g = torch.split(z, self.hidden_dim, dim=1)
            c = torch.sigmoid(cc_f) * c + torch.sigmoid(cc_i) * torch.tanh(cc_g)
            h = torch.sigmoid(cc_o) * torch.tanh(c)
            inner.append(h)
        return torch.stack(inner, dim=1), (h, c)


class OutputBufferLSTM(nn.Module):
    def __init__(self, num_in, num_hid):
        super().__init__()
        self.num_hid = num_hid
        self.a = nn.Linear(num_in, 4 * num_hid)
        self.r = nn.Linear(num_hid, 4 * num_hid, bias=False)

    def forward(self, x, hx=None):
        """x: (seq, batch, num_in)"""
        T, B, _ = x.shape
        if hx is None:
            h, c = x.new_zeros(B, self.num_hid), x.new_zeros(B, self.num_hid)
        else:
            h, c = hx
        out = torch.zeros(T, B, self.num_hid, device=x.device)
        for t in range(T):
            i, f, g, o = (self.a(x[t]) + self.r(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out[t] = h
        return out, (h, c)


class MixedPrecisionLSTM(nn.Module):
    """Computes in float32 for half and bfloat16 inputs. Batch first."""

    def __init__(self, d_in, d_hid):
        super().__init__()
        self.d_hid = d_hid
        self.wx = nn.Parameter(torch.randn(4 * d_hid, d_in) * 0.2)
        self.wh = nn.Parameter(torch.randn(4 * d_hid, d_hid) * 0.2)
        self.b = nn.Parameter(torch.zeros(4 * d_hid))

    def forward(self, x, state=None):
        dt = torch.float64 if x.dtype == torch.float64 else torch.float32
        x, wx, wh, b = x.to(dt), self.wx.to(dt), self.wh.to(dt), self.b.to(dt)
        if state is None:
            h = c = x.new_zeros(x.size(0), self.d_hid)
        else:
            h, c = state[0].to(dt), state[1].to(dt)
        ys = []
        for t in range(x.size(1)):
            i, f, g, o = (F.linear(x[:, t], wx, b) + F.linear(h, wh)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class SafeCastLSTM(nn.Module):
    """Output and states have the dtype of the input."""

    def __init__(self, in_size, hid_size):
        super().__init__()
        self.hid_size = hid_size
        self.ih = nn.Linear(in_size, 4 * hid_size)
        self.hh = nn.Linear(hid_size, 4 * hid_size)

    def _lin(self, layer, v):
        return F.linear(v.float(), layer.weight.float(), layer.bias.float())

    def forward(self, x, hx=None):
        # x: (T, B, I)
        dtype = x.dtype
        if hx is None:
            hx = (x.new_zeros(x.size(1), self.hid_size), x.new_zeros(x.size(1), self.hid_size))
        h, c = hx
        out = []
        for xt in x:
            z = self._lin(self.ih, xt) + self._lin(self.hh, h)
            i, f, g, o = z.to(dtype).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h, c)


class InplaceStateLSTM(nn.Module):
    def __init__(self, isz, hsz):
        super().__init__()
        self.hsz = hsz
        self.W = nn.Parameter(torch.randn(isz, 4 * hsz) * 0.2)
        self.U = nn.Parameter(torch.randn(hsz, 4 * hsz) * 0.2)
        self.b = nn.Parameter(torch.zeros(4 * hsz))

    def forward(self, x, state=None):
        """(batch, time, isz), optional state ((batch, hsz), (batch, hsz))"""
        if state is None:
            state = (x.new_zeros(x.size(0), self.hsz), x.new_zeros(x.size(0), self.hsz))
        h, c = state
        h0, c0 = h, c
        ys = []
        for t in range(x.size(1)):
            i, f, g, o = (x[:, t] @ self.W + h @ self.U + self.b).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        # hand the final state back in the tensors we got
        h0.data.copy_(h)
        c0.data.copy_(c)
        return torch.stack(ys, 1), (h, c)


class TransposingLSTM(nn.Module):
    """in: (batch, time, input_size); out: (batch, time, hidden_size)"""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x):
        seq = x.transpose_(0, 1)
        h = seq.new_zeros(seq.size(1), self.cell.hidden_size)
        c = torch.zeros_like(h)
        out = []
        for xt in seq:
            h, c = self.cell(xt, (h, c))
            out.append(h)
        return torch.stack(out, 1), (h, c)


class ReusedOutputLSTM(nn.Module):
    """Time first; allocates the output up front."""

    def __init__(self, n_inp, n_hid):
        super().__init__()
        self.n_hid = n_hid
        self.xg = nn.Linear(n_inp, 4 * n_hid)
        self.hg = nn.Linear(n_hid, 4 * n_hid, bias=False)
        self._out = None

    def forward(self, x):
        T, B, _ = x.shape
        if self._out is None or self._out.shape[:2] != (T, B) or self._out.dtype != x.dtype or self._out.device != x.device:
            self._out = x.new_empty(T, B, self.n_hid)
        out = self._out.detach()
        h = x.new_zeros(B, self.n_hid)
        c = x.new_zeros(B, self.n_hid)
        for t in range(T):
            i, f, g, o = (self.xg(x[t]) + self.hg(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out[t] = h
        return out, (h, c)


class StridedLSTM(nn.Module):
    """(B, T, I) -> (B, T, H). Walks over the sequence without copying it."""

    def __init__(self, in_width, width):
        super().__init__()
        self.width = width
        self.gates = nn.Linear(in_width + width, 4 * width)

    def forward(self, x):
        B, T, I = x.shape
        steps = torch.as_strided(x, (T, B, I), (I, T * I, 1), x.storage_offset())
        h = x.new_zeros(B, self.width)
        c = x.new_zeros(B, self.width)
        ys = []
        for xt in steps:
            i, f, g, o = self.gates(torch.cat([xt, h], -1)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)
