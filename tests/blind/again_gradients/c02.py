import math
from typing import Optional, Tuple

import torch
import torch.nn as nn
from torch import Tensor
from torch.utils.checkpoint import checkpoint


class _Recurrence(torch.autograd.Function):
    """y, h_n, c_n from precomputed input projections (T, B, 4H), gates i f o g."""

    @staticmethod
    def forward(ctx, zx, h0, c0, R):
        H = h0.size(1)
        h, c = h0, c0
        ys, cs, gs = [], [c0], []
        for z_t in zx:
            z = z_t + h @ R
            s = torch.sigmoid(z[:, : 3 * H])
            g = torch.tanh(z[:, 3 * H:])
            i, f, o = s.split(H, dim=1)
            c = f * c + i * g
            h = o * torch.tanh(c)
            ys.append(h)
            cs.append(c)
            gs.append(torch.cat((s, g), 1))
        y, cells, gates = torch.stack(ys), torch.stack(cs), torch.stack(gs)
        ctx.save_for_backward(y, h0, cells, gates, R)
        return y, h.clone(), c.clone()

    @staticmethod
    def backward(ctx, dy, dh_n, dc_n):
        if torch.is_grad_enabled():
            raise RuntimeError("second order gradients are not implemented")
        y, h0, cells, gates, R = ctx.saved_tensors
        T, _, H = y.shape
        dz = torch.empty_like(gates)
        dR = torch.zeros_like(R)
        dh, dc = dh_n, dc_n
        for t in range(T - 1, -1, -1):
            i, f, o, g = gates[t].split(H, dim=1)
            tanh_c = torch.tanh(cells[t + 1])
            dh = dh + dy[t]
            dc = dc + dh * o * (1 - tanh_c * tanh_c)
            dz[t, :, :H] = dc * g * i * (1 - i)
            dz[t, :, H:2 * H] = dc * cells[t] * f * (1 - f)
            dz[t, :, 2 * H:3 * H] = dh * tanh_c * o * (1 - o)
            dz[t, :, 3 * H:] = dc * i * (1 - g * g)
            dh = dz[t] @ R.t()
            dc = dc * f
            if t > 0:
                dR += y[t - 1].t() @ dz[t]
        return dz, dh, dc, dR


class ProjectedLSTM(nn.Module):
    def __init__(self, num_inputs: int, num_units: int):
        super().__init__()
        self.num_units = num_units
        self.input_map = nn.Linear(num_inputs, 4 * num_units)
        self.R = nn.Parameter(torch.empty(num_units, 4 * num_units))
        nn.init.orthogonal_(self.R)

    def forward(self, x, hidden=None):
        if x.dim() != 3:
            raise ValueError("want a (T, B, I) tensor")
        if hidden is None:
            hidden = (x.new_zeros(x.size(1), self.num_units),) * 2
        for s in hidden:
            if s.shape != (x.size(1), self.num_units):
                raise ValueError("want (B, H) states")
        y, h, c = _Recurrence.apply(self.input_map(x), hidden[0], hidden[1], self.R)
        return y, (h, c)


# -----------------------------------------------------------------------------


class lstm_unit(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a_i, a_f, a_o, a_g, c_prev):
        ctx.save_for_backward(a_i, a_f, a_o, a_g, c_prev)
        c = a_f.sigmoid() * c_prev + a_i.sigmoid() * a_g.tanh()
        return a_o.sigmoid() * c.tanh(), c

    @staticmethod
    def backward(ctx, g_h, g_c):
        a_i, a_f, a_o, a_g, c_prev = ctx.saved_tensors
        i, f, o, g = a_i.sigmoid(), a_f.sigmoid(), a_o.sigmoid(), a_g.tanh()
        tc = (f * c_prev + i * g).tanh()
        g_c = g_c + g_h * o
        return (g_c * g * i * (1 - i),
                g_c * c_prev * f * (1 - f),
                g_h * tc * o * (1 - o),
                g_c * i * (1 - g * g),
                g_c * f)


class UnitLSTM(nn.Module):
    def __init__(self, in_size, out_size):
        super().__init__()
        self.out_size = out_size
        for k in "ifog":
            setattr(self, "x" + k, nn.Linear(in_size, out_size))
            setattr(self, "h" + k, nn.Linear(out_size, out_size, bias=False))

    def forward(self, x, h, c):
        """x (B, T, I); h, c (B, H)"""
        if h.shape != (x.shape[0], self.out_size) or c.shape != h.shape:
            raise ValueError(f"states must be {(x.shape[0], self.out_size)}")
        ys = []
        for x_t in x.unbind(1):
            h, c = lstm_unit.apply(self.xi(x_t) + self.hi(h), self.xf(x_t) + self.hf(h),
                                   self.xo(x_t) + self.ho(h), self.xg(x_t) + self.hg(h), c)
            ys.append(h)
        return torch.stack(ys, 1), h, c


# -----------------------------------------------------------------------------


class StepWithCache(torch.autograd.Function):
    """One step; the activated gates live in a single (B, 4H) work buffer."""

    @staticmethod
    def forward(ctx, x, h, c, w_ih, w_hh, b):
        hid = h.shape[-1]
        acts = torch.addmm(b, x, w_ih.t()).addmm_(h, w_hh.t())
        acts[:, :2 * hid].sigmoid_()
        acts[:, 2 * hid:3 * hid].tanh_()
        acts[:, 3 * hid:].sigmoid_()
        i, f, g, o = acts.chunk(4, 1)
        c_new = f * c + i * g
        ctx.save_for_backward(x, h, c, w_ih, w_hh)
        ctx.acts = acts
        ctx.tanh_c = torch.tanh(c_new)
        return o * ctx.tanh_c, c_new

    @staticmethod
    def backward(ctx, dh, dc):
        if torch.is_grad_enabled():
            raise RuntimeError("double backward through StepWithCache")
        x, h, c, w_ih, w_hh = ctx.saved_tensors
        tc = ctx.tanh_c
        i, f, g, o = ctx.acts.chunk(4, 1)
        dc = dc + dh * o * (1 - tc * tc)
        dc_prev = dc * f
        di, df, dg, do = dc * g, dc * c, dc * i, dh * tc
        # the buffer becomes the gradient of the pre-activations
        i.mul_(1 - i).mul_(di)
        f.mul_(1 - f).mul_(df)
        g.mul_(g).neg_().add_(1).mul_(dg)
        o.mul_(1 - o).mul_(do)
        da = ctx.acts
        return da @ w_ih, da @ w_hh, dc_prev, da.t() @ x, da.t() @ h, da.sum(0)


class BufferedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = 1 / math.sqrt(hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))

    def forward(self, input, state=None):
        B = input.size(1)
        if state is None:
            h = c = input.new_zeros(B, self.hidden_size)
        else:
            h, c = state
            if h.shape != (B, self.hidden_size) or c.shape != (B, self.hidden_size):
                raise ValueError("state shape mismatch")
        outs = []
        for t in range(input.size(0)):
            h, c = StepWithCache.apply(input[t], h, c, self.weight_ih, self.weight_hh, self.bias)
            outs.append(h)
        return torch.stack(outs), (h, c)


# -----------------------------------------------------------------------------


class PointwiseSaved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, c):
        i, f, g, o = z.chunk(4, dim=-1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c_out = f * c + i * g
        t = c_out.tanh()
        ctx.save_for_backward(i, f, g, o, c, t)
        return o * t, c_out

    @staticmethod
    def backward(ctx, gh, gc):
        i, f, g, o, c, t = ctx.saved_tensors
        gc = gc + gh * o * (1 - t ** 2)
        gz = torch.cat([gc * g * i * (1 - i), gc * c * f * (1 - f),
                        gc * i * (1 - g ** 2), gh * t * o * (1 - o)], -1)
        return gz, gc * f


class CellLSTM(nn.Module):
    def __init__(self, n_features, n_cells):
        super().__init__()
        self.n_cells = n_cells
        self.lin = nn.Linear(n_features + n_cells, 4 * n_cells)

    def forward(self, x, state=None):
        B, T, _ = x.size()
        if state is None:
            h, c = x.new_zeros(B, self.n_cells), x.new_zeros(B, self.n_cells)
        else:
            h, c = (s.squeeze(0) for s in state)
        if c.shape != (B, self.n_cells):
            raise ValueError("c0 must be (1, B, n_cells)")
        ys = []
        for t in range(T):
            h, c = PointwiseSaved.apply(self.lin(torch.cat((x[:, t], h), 1)), c)
            ys.append(h)
        return torch.stack(ys, 1), (h[None], c[None])


# -----------------------------------------------------------------------------


class CheckpointedLSTM(nn.Module):
    """Recomputes the sequence in the backward pass instead of storing it."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def _scan(self, x, h, c):
        ys = []
        for x_t in x.unbind(0):
            h, c = self.cell(x_t, (h, c))
            ys.append(h)
        return torch.stack(ys), h, c

    def forward(self, x, hc=None):
        if x.dim() != 3:
            raise ValueError("x: (T, B, I)")
        if hc is None:
            h = c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = hc
        if torch.is_grad_enabled():
            y, h, c = checkpoint(self._scan, x, h, c, use_reentrant=True)
        else:
            y, h, c = self._scan(x, h, c)
        return y, (h, c)


# -----------------------------------------------------------------------------


class HoistedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.empty(hidden_size * 4, input_size))
        self.U = nn.Parameter(torch.empty(hidden_size * 4, hidden_size))
        self.b = nn.Parameter(torch.zeros(hidden_size * 4))
        nn.init.kaiming_uniform_(self.W, a=math.sqrt(5))
        nn.init.orthogonal_(self.U)

    @torch.no_grad()
    def _prepare(self, x, state):
        """Shapes, default states and the input projection for all steps."""
        if x.dim() != 3:
            raise ValueError("x must have three dimensions")
        B = x.size(1)
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = state
        if h.shape != (B, self.hidden_size) or c.shape != (B, self.hidden_size):
            raise ValueError("wrong state")
        return nn.functional.linear(x, self.W, self.b), h, c

    def forward(self, x, state=None):
        projected, h, c = self._prepare(x, state)
        ys = []
        for p in projected:
            f, i, g, o = (p + h @ self.U.t()).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


# -----------------------------------------------------------------------------


class EncoderLSTM(nn.Module):
    def __init__(self, input_dim: int, hidden_dim: int):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.x2g = nn.Linear(input_dim, 4 * hidden_dim)
        self.h2g = nn.Linear(hidden_dim, 4 * hidden_dim)

    def forward(self, x: Tensor, state: Optional[Tuple[Tensor, Tensor]] = None):
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            B, T, _ = x.shape
            if state is None:
                h = x.new_zeros(B, self.hidden_dim)
                c = x.new_zeros(B, self.hidden_dim)
            else:
                h, c = state
                if h.shape != (B, self.hidden_dim) or c.shape != (B, self.hidden_dim):
                    raise ValueError("state has the wrong shape")
            pre = self.x2g(x)
            ys = []
            for t in range(T):
                g, i, f, o = (pre[:, t] + self.h2g(h)).chunk(4, dim=-1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                ys.append(h)
            return torch.stack(ys, dim=1), (h, c)


# -----------------------------------------------------------------------------


class StackedParamsLSTM(nn.Module):
    def __init__(self, hidden, inputs):
        super().__init__()
        self.hidden = hidden
        self.Wi = nn.Parameter(torch.randn(hidden, inputs + hidden) * 0.1)
        self.Wf = nn.Parameter(torch.randn(hidden, inputs + hidden) * 0.1)
        self.Wg = nn.Parameter(torch.randn(hidden, inputs + hidden) * 0.1)
        self.Wo = nn.Parameter(torch.randn(hidden, inputs + hidden) * 0.1)
        self.bi = nn.Parameter(torch.zeros(hidden))
        self.bf = nn.Parameter(torch.ones(hidden))
        self.bg = nn.Parameter(torch.zeros(hidden))
        self.bo = nn.Parameter(torch.zeros(hidden))

    def forward(self, x, h0, c0):
        W = torch.cat([self.Wi, self.Wf, self.Wg, self.Wo])
        b = torch.cat([p.data for p in (self.bi, self.bf, self.bg, self.bo)])
        if h0.shape != (x.size(1), self.hidden) or c0.shape != h0.shape:
            raise ValueError("bad initial state")
        h, c = h0, c0
        ys = []
        for t in range(x.size(0)):
            i, f, g, o = (torch.cat([x[t], h], 1) @ W.t() + b).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h, c
