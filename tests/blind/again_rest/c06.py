import math

import torch
from torch import nn
import torch.nn.functional as F


class VariationalLSTM(nn.Module):
    """LSTM with dropout on the recurrent connection. Batch first, state as a pair."""

    def __init__(self, input_size, hidden_size, recurrent_p=0.2):
        super().__init__()
        self.hidden_size = hidden_size
        self.recurrent_p = recurrent_p
        self.from_input = nn.Linear(input_size, 4 * hidden_size)
        self.from_hidden = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = torch.zeros_like(h)
        else:
            h, c = state
        projected = self.from_input(x)
        outputs = []
        for t in range(x.size(1)):
            gates = projected[:, t] + self.from_hidden(F.dropout(h, self.recurrent_p))
            i, f, o, g = gates.chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c)


class PreallocLSTM(nn.Module):
    """Time-major LSTM that writes its outputs into one preallocated block."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.n_in, self.n_out = n_in, n_out
        self.Wx = nn.Parameter(torch.empty(n_in, 4 * n_out))
        self.Wh = nn.Parameter(torch.empty(n_out, 4 * n_out))
        self.b = nn.Parameter(torch.zeros(4 * n_out))
        nn.init.xavier_uniform_(self.Wx)
        nn.init.orthogonal_(self.Wh)

    def forward(self, x, h0=None, c0=None):
        steps, batch, _ = x.shape
        h = self.Wx.new_zeros(batch, self.n_out) if h0 is None else h0
        c = self.Wx.new_zeros(batch, self.n_out) if c0 is None else c0
        ys = torch.zeros(steps, batch, self.n_out, device=x.device)
        for t in range(steps):
            z = torch.addmm(self.b, x[t], self.Wx) + h @ self.Wh
            f, i, g, o = z.split(self.n_out, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys[t] = h
        return ys, h, c


class GateLSTM(nn.Module):
    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        k = 1.0 / math.sqrt(hidden_dim)
        self.W_x = nn.Parameter(torch.empty(4, hidden_dim, input_dim).uniform_(-k, k))
        self.W_h = nn.Parameter(torch.empty(4, hidden_dim, hidden_dim).uniform_(-k, k))
        offset = torch.zeros(4, hidden_dim)
        offset[1] = 1.0
        self.offset = offset.requires_grad_()

    def forward(self, x, hx=None):
        batch = x.shape[0]
        if hx is None:
            zero = torch.zeros(batch, self.hidden_dim, dtype=x.dtype, device=x.device)
            hx = (zero, zero)
        h, c = hx
        pre = torch.einsum("bti,ghi->tgbh", x, self.W_x) + self.offset[None, :, None, :]
        ys = []
        for p in pre:
            i, f, o, g = p + torch.einsum("bk,ghk->gbh", h, self.W_h)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class CompactLSTM(nn.Module):
    """Keeps the affine map as a small callable, so that it can be swapped for a quantised one."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight = nn.Parameter(torch.empty(4 * hidden_size, input_size + hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_normal_(self.weight)
        self.affine = lambda v: F.linear(v, self.weight, self.bias)

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state
        seq = []
        for x_t in x.unbind(0):
            o, i, f, g = self.affine(torch.cat([x_t, h], dim=1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            seq.append(h)
        return torch.stack(seq), (h, c)


class StreamLSTM(nn.Module):
    def __init__(self, in_features, hidden_features):
        super().__init__()
        self.hidden_features = hidden_features
        self.cell = nn.LSTMCell(in_features, hidden_features)

    def forward(self, x, carry=[]):
        if not carry:
            carry += [x.new_zeros(x.size(0), self.hidden_features) for _ in range(2)]
        h, c = carry
        ys = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            ys.append(h)
        return torch.stack(ys, dim=1), (h, c)


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h0, c0, wx, wh, b):
        h, c = h0, c0
        hs, cs, acts = [h0], [c0], []
        for t in range(x.size(0)):
            i, f, g, o = (x[t] @ wx + h @ wh + b).chunk(4, 1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            hs.append(h)
            cs.append(c)
            acts.append(torch.stack([i, f, g, o]))
        hs, cs, acts = torch.stack(hs), torch.stack(cs), torch.stack(acts)
        ctx.save_for_backward(x, wx, wh, hs, cs, acts)
        return hs[1:].clone(), h.clone(), c.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gy, gh, gc):
        x, wx, wh, hs, cs, acts = ctx.saved_tensors
        dwx, dwh = torch.zeros_like(wx), torch.zeros_like(wh)
        db = wx.new_zeros(wx.size(1))
        dxs = []
        dh, dc = gh, gc
        for t in range(x.size(0) - 1, -1, -1):
            i, f, g, o = acts[t]
            tc = cs[t + 1].tanh()
            dh = dh + gy[t]
            dc = dc + dh * o * (1 - tc * tc)
            dz = torch.cat([dc * g * i * (1 - i),
                            dc * cs[t] * f * (1 - f),
                            dc * i * (1 - g * g),
                            dh * tc * o * (1 - o)], 1)
            dwx += x[t].t() @ dz
            dwh += hs[t].t() @ dz
            db += dz.sum(0)
            dxs.append(dz @ wx.t())
            dh = dz @ wh.t()
            dc = dc * f
        return torch.stack(dxs), dh, dc, dwx, dwh, db


class FunctionLSTM(nn.Module):
    """Time-major LSTM with a hand-written backward pass."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        s = hidden_size ** -0.5
        self.wx = nn.Parameter(torch.empty(input_size, 4 * hidden_size).uniform_(-s, s))
        self.wh = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size).uniform_(-s, s))
        self.b = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-s, s))

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state
        y, h, c = _Sequence.apply(x, h, c, self.wx, self.wh, self.b)
        return y, (h, c)


class MaskedLSTM(nn.Module):
    """One mask per sequence on h, redrawn for every call (Gal & Ghahramani)."""

    def __init__(self, input_size, hidden_size, p=0.3):
        super().__init__()
        self.hidden_size = hidden_size
        self.p = p
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def _mask(self, like):
        keep = 1.0 - self.p
        return torch.bernoulli(torch.full_like(like, keep))

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.shape[0], self.hidden_size)
            c = h.clone()
        else:
            h, c = state
        mask = self._mask(h.detach()) if self.training and self.p > 0 else None
        ys = []
        for t in range(x.shape[1]):
            rec = h if mask is None else h * mask
            f, i, o, g = (self.ih(x[:, t]) + self.hh(rec)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class PlainLSTM(nn.Module):
    def __init__(self, hidden_size, input_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 4 * hidden_size, bias=True)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size, bias=True)

    def init_state(self, batch):
        return (torch.zeros(batch, self.hidden_size),
                torch.zeros(batch, self.hidden_size))

    def forward(self, inputs, state=None):
        if inputs.dim() != 3:
            raise ValueError("expected (batch, time, features)")
        h, c = self.init_state(inputs.size(0)) if state is None else state
        for s in (h, c):
            if s.shape != (inputs.size(0), self.hidden_size):
                raise ValueError(f"state of shape {tuple(s.shape)} does not fit the batch")
        ys = []
        for x in inputs.transpose(0, 1):
            g, i, f, o = (self.x2h(x) + self.h2h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)
