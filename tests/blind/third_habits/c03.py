import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd.function import once_differentiable


class SequenceEncoder(nn.Module):
    """Encodes a (time, batch, features) sequence with an LSTM cell."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def init_hidden(self, x):
        shape = (x.size(1), self.hidden_size)
        return (torch.randn(shape, dtype=x.dtype, device=x.device),
                torch.randn(shape, dtype=x.dtype, device=x.device))

    def forward(self, x, hidden=None):
        h, c = self.init_hidden(x) if hidden is None else hidden
        out = []
        for t in range(x.size(0)):
            h, c = self.cell(x[t], (h, c))
            out.append(h)
        return torch.stack(out), (h, c)


class StreamLSTM(nn.Module):
    """LSTM layer for streaming: without gradients it spares the allocator."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight = nn.Parameter(torch.empty(4 * hidden_size, input_size + hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        nn.init.xavier_uniform_(self.weight)
        nn.init.uniform_(self.bias, -0.1, 0.1)
        self._ys = None

    def _workspace(self, x, T, B):
        ws = self._ys
        if ws is None or ws.shape != (T, B, self.hidden_size) or ws.dtype != x.dtype or ws.device != x.device:
            self._ys = x.new_empty(T, B, self.hidden_size)
        return self._ys

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h = x.new_zeros(B, self.hidden_size)
            c = x.new_zeros(B, self.hidden_size)
        else:
            h, c = (s[0] for s in state)
        keep = torch.is_grad_enabled()
        ys = [] if keep else self._workspace(x, T, B)
        for t in range(T):
            z = F.linear(torch.cat((x[t], h), 1), self.weight, self.bias)
            i, g, f, o = z.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            if keep:
                ys.append(h)
            else:
                ys[t] = h
        y = torch.stack(ys) if keep else ys
        return y, (h.unsqueeze(0), c.unsqueeze(0))


class LambdaLSTM(nn.Module):
    """Per-gate weights stored (in, out); batch first."""

    def __init__(self, n_inp, n_hid):
        super().__init__()
        self.n_hid = n_hid
        for gate in "ifgo":
            setattr(self, "W_" + gate, nn.Parameter(torch.randn(n_inp, n_hid) / n_inp ** 0.5))
            setattr(self, "U_" + gate, nn.Parameter(torch.randn(n_hid, n_hid) / n_hid ** 0.5))
            setattr(self, "b_" + gate, nn.Parameter(0.1 * torch.randn(n_hid)))
        self.gate_fn = lambda a: torch.sigmoid(a)
        self.state_fn = lambda a: torch.tanh(a)

    def _pre(self, gate, x, h):
        return (x @ getattr(self, "W_" + gate) + h @ getattr(self, "U_" + gate)
                + getattr(self, "b_" + gate))

    def forward(self, x, state=None):
        if state is None:
            h, c = x.new_zeros(2, x.size(0), self.n_hid).unbind(0)
        else:
            h, c = state
        hs = []
        for xt in x.unbind(1):
            i = self.gate_fn(self._pre("i", xt, h))
            f = self.gate_fn(self._pre("f", xt, h))
            g = self.state_fn(self._pre("g", xt, h))
            o = self.gate_fn(self._pre("o", xt, h))
            c = f * c + i * g
            h = o * self.state_fn(c)
            hs.append(h)
        return torch.stack(hs, 1), (h, c)


class _FusedStep(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, c, w_ih, w_hh, bias):
        z = torch.addmm(bias, x, w_ih.t()).addmm_(h, w_hh.t())
        i, f, g, o = z.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c1 = f * c + i * g
        tc = c1.tanh()
        ctx.save_for_backward(x, h, c, w_ih, w_hh, i, f, g, o, tc)
        return o * tc, c1

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dc):
        x, h, c, w_ih, w_hh, i, f, g, o, tc = ctx.saved_tensors
        dc = dc.contiguous()
        dc += dh * o * (1 - tc * tc)
        dz = torch.cat([
            dc * g * i * (1 - i),
            dc * c * f * (1 - f),
            dc * i * (1 - g * g),
            dh * tc * o * (1 - o),
        ], dim=1)
        return dz @ w_ih, dz @ w_hh, dc * f, dz.t() @ x, dz.t() @ h, dz.sum(0)


class FusedLSTMCell(nn.Module):
    """LSTM cell with a hand-written backward pass."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = 1 / hidden_size ** 0.5
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))

    def forward(self, x, hx=None):
        if hx is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = hx
        return _FusedStep.apply(x, h, c, self.weight_ih, self.weight_hh, self.bias)


class ScaledLSTM(nn.Module):
    """Time-first LSTM with uniform initialisation in ±1/sqrt(hidden)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = hidden_size ** -0.5
        self.w_x = nn.Parameter((torch.rand(4 * hidden_size, input_size) * 2 - 1) * k)
        self.w_h = nn.Parameter((torch.rand(4 * hidden_size, hidden_size) * 2 - 1) * k)
        self.b = nn.Parameter(torch.rand(4 * hidden_size) * 2 - 1) * k

    def forward(self, x, state=None):
        B = x.shape[1]
        if state is None:
            h = x.new_zeros(B, self.hidden_size)
            c = x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        y = []
        for xt in x:
            o, i, f, g = (xt @ self.w_x.T + h @ self.w_h.T + self.b).chunk(4, -1)
            c = c * f.sigmoid() + g.tanh() * i.sigmoid()
            h = c.tanh() * o.sigmoid()
            y.append(h)
        return torch.stack(y), (h, c)
