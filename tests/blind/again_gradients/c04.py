import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


# --------------------------------------------------------------------- tiles

TILE = 64


class _TiledCell(torch.autograd.Function):
    """Pointwise cell, processed in tiles of units as the device kernel does."""

    @staticmethod
    def forward(ctx, i, f, g, o, c):
        ctx.save_for_backward(i, f, g, o, c)
        c_out, h_out = torch.empty_like(c), torch.empty_like(c)
        n = c.shape[1]
        for lo in range(0, n, TILE):
            s = slice(lo, min(lo + TILE, n))
            c_out[:, s] = f[:, s].sigmoid() * c[:, s] + i[:, s].sigmoid() * g[:, s].tanh()
            h_out[:, s] = o[:, s].sigmoid() * c_out[:, s].tanh()
        return h_out, c_out

    @staticmethod
    def backward(ctx, dh, dc):
        if torch.is_grad_enabled():
            raise RuntimeError("_TiledCell: second derivative not available")
        i, f, g, o, c = ctx.saved_tensors
        grads = [torch.zeros_like(c) for _ in range(5)]
        n = c.shape[1]
        n_tiles = max(1, n // TILE)
        for k in range(n_tiles):
            s = slice(k * TILE, min((k + 1) * TILE, n))
            si, sf, so = i[:, s].sigmoid(), f[:, s].sigmoid(), o[:, s].sigmoid()
            tg = g[:, s].tanh()
            tc = (sf * c[:, s] + si * tg).tanh()
            d = dc[:, s] + dh[:, s] * so * (1 - tc * tc)
            grads[0][:, s] = d * tg * si * (1 - si)
            grads[1][:, s] = d * c[:, s] * sf * (1 - sf)
            grads[2][:, s] = d * si * (1 - tg * tg)
            grads[3][:, s] = dh[:, s] * tc * so * (1 - so)
            grads[4][:, s] = d * sf
        return tuple(grads)


class TiledLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.fc_x = nn.Linear(input_size, 4 * hidden_size)
        self.fc_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        if h.shape != (B, self.hidden_size) or c.shape != (B, self.hidden_size):
            raise ValueError("state shape")
        ys = []
        for t in range(T):
            h, c = _TiledCell.apply(*(self.fc_x(x[t]) + self.fc_h(h)).chunk(4, 1), c)
            ys.append(h)
        return torch.stack(ys), (h, c)


# ------------------------------------------------------------- sequence function

class _LeanSequence(torch.autograd.Function):
    """Stores the gates only; earlier cell states are rebuilt on the way back."""

    @staticmethod
    def forward(ctx, zx, h0, c0, U):
        h, c, hs, gates = h0, c0, [h0], []
        for z in zx.unbind(0):
            i, f, o, g = (z + h @ U.t()).chunk(4, 1)
            i, f, o, g = i.sigmoid(), f.sigmoid(), o.sigmoid(), g.tanh()
            c = f * c + i * g
            h = o * c.tanh()
            hs.append(h)
            gates.append(torch.stack((i, f, o, g)))
        ctx.save_for_backward(torch.stack(hs), torch.stack(gates), c, U)
        return torch.stack(hs[1:]), h.clone(), c.clone()

    @staticmethod
    def backward(ctx, dy, dh, dc):
        if torch.is_grad_enabled():
            raise RuntimeError("_LeanSequence has no second derivative")
        hs, gates, c, U = ctx.saved_tensors
        dz, dU = [], torch.zeros_like(U)
        for t in range(gates.shape[0] - 1, -1, -1):
            i, f, o, g = gates[t]
            c_prev = (c - i * g) / f
            tc = c.tanh()
            dh = dh + dy[t]
            dc = dc + dh * o * (1 - tc * tc)
            d = torch.cat((dc * g * i * (1 - i), dc * c_prev * f * (1 - f),
                           dh * tc * o * (1 - o), dc * i * (1 - g * g)), 1)
            dz.append(d)
            dU += d.t() @ hs[t]
            dh, dc, c = d @ U, dc * f, c_prev
        return torch.stack(dz[::-1]), dh, dc, dU


class LeanLSTM(nn.Module):
    def __init__(self, n_input, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.embed = nn.Linear(n_input, 4 * n_hidden)
        self.U = nn.Parameter(torch.randn(4 * n_hidden, n_hidden) / math.sqrt(n_hidden))

    def forward(self, x, h0, c0):
        if x.dim() != 3:
            raise ValueError("x is (T, B, n_input)")
        if h0.shape != (x.shape[1], self.n_hidden) or c0.shape != h0.shape:
            raise ValueError("h0 and c0 are (B, n_hidden)")
        y, h, c = _LeanSequence.apply(self.embed(x), h0, c0, self.U)
        return y, (h, c)


# ------------------------------------------------------ einsum, after Graves

class GravesStep(torch.autograd.Function):
    @staticmethod
    def _gates(x, h, Wx, Wh, b):
        a = torch.einsum("bi,gni->gbn", x, Wx) + torch.einsum("bk,gnk->gbn", h, Wh) + b[:, None]
        return a[0].sigmoid(), a[1].sigmoid(), a[2].tanh(), a[3].sigmoid()

    @staticmethod
    def forward(ctx, x, h, c, Wx, Wh, b):
        ctx.save_for_backward(x, h, c, Wx, Wh, b)
        i, f, g, o = GravesStep._gates(x, h, Wx, Wh, b)
        c = f * c + i * g
        return o * c.tanh(), c

    @staticmethod
    def backward(ctx, eps_h, eps_c):
        x, h, c, Wx, Wh, b = ctx.saved_tensors
        i, f, g, o = GravesStep._gates(x, h, Wx, Wh, b)
        tc = (f * c + i * g).tanh()
        eps_c = eps_c + eps_h * o * (1 - tc * tc)
        delta = torch.stack((eps_c * g * i * (1 - i), eps_c * c * f * (1 - f),
                             eps_c * i * (1 - g * g), eps_h * tc * o * (1 - o)))
        delta = delta.clamp(-1.0, 1.0)
        return (torch.einsum("gbn,gni->bi", delta, Wx),
                torch.einsum("gbn,gnk->bk", delta, Wh),
                eps_c * f,
                torch.einsum("gbn,bi->gni", delta, x),
                torch.einsum("gbn,bk->gnk", delta, h),
                delta.sum(1))


class GravesLSTM(nn.Module):
    def __init__(self, n_in, n_cell):
        super().__init__()
        self.n_cell = n_cell
        self.Wx = nn.Parameter(torch.randn(4, n_cell, n_in) * 0.1)
        self.Wh = nn.Parameter(torch.randn(4, n_cell, n_cell) * 0.1)
        self.b = nn.Parameter(torch.zeros(4, n_cell))

    def forward(self, x, state=None):
        B, T, _ = x.shape
        if state is None:
            state = x.new_zeros(B, self.n_cell), x.new_zeros(B, self.n_cell)
        h, c = state
        if h.shape != (B, self.n_cell) or c.shape != (B, self.n_cell):
            raise ValueError("expected two (B, n_cell) states")
        ys = []
        for t in range(T):
            h, c = GravesStep.apply(x[:, t], h, c, self.Wx, self.Wh, self.b)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


# ------------------------------------------------------------- step function

class _FrozenAware(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, c, weight, bias):
        ctx.save_for_backward(x, h, c, weight, bias)
        _, _, _, o, c = _FrozenAware._eval(x, h, c, weight, bias)
        return o * torch.tanh(c), c

    @staticmethod
    def _eval(x, h, c, weight, bias):
        z = F.linear(torch.cat([h, x], 1), weight, bias)
        n = h.size(1)
        i, f = torch.sigmoid(z[:, :n]), torch.sigmoid(z[:, n:2 * n])
        o, g = torch.sigmoid(z[:, 2 * n:3 * n]), torch.tanh(z[:, 3 * n:])
        return i, f, g, o, f * c + i * g

    @staticmethod
    def backward(ctx, dh, dc):
        x, h, c, weight, bias = ctx.saved_tensors
        i, f, g, o, c_new = _FrozenAware._eval(x, h, c, weight, bias)
        t = torch.tanh(c_new)
        dc = dc + dh * o * (1 - t ** 2)
        dz = torch.cat([dc * g * i * (1 - i), dc * c * f * (1 - f),
                        dh * t * o * (1 - o), dc * i * (1 - g ** 2)], 1)
        dx = dh_prev = dw = db = None
        if ctx.needs_input_grad[0]:
            dx = dz @ weight[:, h.size(1):]
        if ctx.needs_input_grad[1]:
            dh_prev = dz @ weight[:, :h.size(1)]
        if ctx.needs_input_grad[3]:
            dw = dz.t() @ torch.cat([h, x], 1)
        if ctx.needs_input_grad[4] and ctx.needs_input_grad[0]:
            db = dz.sum(0)
        return dx, dh_prev, dc * f, dw, db


class SelectiveLSTM(nn.Module):
    def __init__(self, hidden_size, input_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight = nn.Parameter(torch.empty(4 * hidden_size, hidden_size + input_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        else:
            h, c = state[0], state[1]
            if h.shape != (1, B, self.hidden_size) or c.shape != h.shape:
                raise ValueError("states are (1, B, H)")
            h, c = h[0], c[0]
        ys = []
        for x_t in x:
            h, c = _FrozenAware.apply(x_t, h, c, self.weight, self.bias)
            ys.append(h)
        return torch.stack(ys), (h.unsqueeze(0), c.unsqueeze(0))


# ------------------------------------------------------------ replica wrapper

class ReplicatedLSTM(nn.Module):
    """Every call works on its own copy of the cell, so that threads may share the module."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        if x.dim() != 3:
            raise ValueError("x must be (B, T, I)")
        cell = copy.deepcopy(self.cell)
        if state is None:
            zeros = x.new_zeros(x.size(0), self.hidden_size)
            state = (zeros, zeros)
        outs = []
        for x_t in x.transpose(0, 1):
            state = cell(x_t, state)
            outs.append(state[0])
        return torch.stack(outs, 1), state


# ------------------------------------------------------------------- windows

class WindowedLSTM(nn.Module):
    def __init__(self, feature_size, hidden_size, window=16):
        super().__init__()
        self.hidden_size, self.window = hidden_size, window
        self.i2h = nn.Linear(feature_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def _window(self, part, h, c):
        ys = []
        for z in self.i2h(part):
            o, f, i, g = (z + self.h2h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return ys, h, c

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h = c = x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
            if h.shape != (B, self.hidden_size) or c.shape != (B, self.hidden_size):
                raise ValueError("state must be (B, H)")
        ys = []
        for start in range(0, T, self.window):
            if start:
                h, c = h.detach(), c.detach()
            part, h, c = self._window(x[start:start + self.window], h, c)
            ys += part
        return torch.stack(ys), (h, c)


# ------------------------------------------------------------ inference path

class TwoPathLSTM(nn.Module):
    def __init__(self, in_dim, hid_dim):
        super().__init__()
        self.hid_dim = hid_dim
        self.wx = nn.Linear(in_dim, 4 * hid_dim)
        self.wh = nn.Linear(hid_dim, 4 * hid_dim, bias=False)

    def forward(self, x, h, c):
        T, B, _ = x.shape
        if h.shape != (B, self.hid_dim) or c.shape != (B, self.hid_dim):
            raise ValueError("h and c must be (B, H)")
        pre = self.wx(x)
        ys = []
        for t in range(T):
            i, f, g, o = (pre[t] + self.wh(h)).chunk(4, 1)
            if torch.is_grad_enabled():
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            else:
                c.mul_(f.sigmoid_()).addcmul_(i.sigmoid_(), g.tanh_())
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h, c


# -------------------------------------------------------------- trace for debug

class TracedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gate_f = nn.Linear(input_size + hidden_size, hidden_size)
        self.gate_i = nn.Linear(input_size + hidden_size, hidden_size)
        self.gate_o = nn.Linear(input_size + hidden_size, hidden_size)
        self.cand = nn.Linear(input_size + hidden_size, hidden_size)
        self.trace = []

    def __getstate__(self):
        return {**self.__dict__, "trace": []}

    def forward(self, x, state=None):
        B, T, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = state
        if c.shape != (B, self.hidden_size) or h.shape != (B, self.hidden_size):
            raise ValueError("h and c must be (batch, hidden)")
        ys = []
        for t in range(T):
            v = torch.cat((x[:, t], h), dim=1)
            f, i, o = (torch.sigmoid(m(v)) for m in (self.gate_f, self.gate_i, self.gate_o))
            c = f * c + i * torch.tanh(self.cand(v))
            h = o * torch.tanh(c)
            ys.append(h)
        y = torch.stack(ys, dim=1)
        self.trace.append((y, h, c))
        return y, (h, c)
