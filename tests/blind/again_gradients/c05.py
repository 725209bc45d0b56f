import math

import torch
import torch.nn as nn
import torch.nn.functional as F


# 1 --------------------------------------------------------------------------

class _OptionalGrads(torch.autograd.Function):
    """(x, h0, c0, W, b) -> (y, h_n, c_n), W acts on [x, h]."""

    @staticmethod
    def forward(ctx, x, h0, c0, W, b):
        ctx.set_materialize_grads(False)
        h, c = h0, c0
        xh, cells, acts, ys = [], [c0], [], []
        for x_t in x:
            v = torch.cat((x_t, h), 1)
            i, f, g, o = F.linear(v, W, b).chunk(4, 1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            xh.append(v)
            cells.append(c)
            acts.append(torch.stack((i, f, g, o)))
            ys.append(h)
        ctx.save_for_backward(W, torch.stack(xh), torch.stack(cells), torch.stack(acts))
        return torch.stack(ys), h.clone(), c.clone()

    @staticmethod
    def backward(ctx, dy, dh, dc):
        if torch.is_grad_enabled():
            raise RuntimeError("this function has no second derivative")
        if dy is None:
            return None, None, None, None, None
        W, xh, cells, acts = ctx.saved_tensors
        dh = torch.zeros_like(cells[0]) if dh is None else dh
        dc = torch.zeros_like(cells[0]) if dc is None else dc
        T, _, width = xh.shape
        n_in = width - dh.shape[1]
        dW, db, dx = torch.zeros_like(W), torch.zeros_like(W[:, 0]), [None] * T
        for t in reversed(range(T)):
            i, f, g, o = acts[t]
            th = cells[t + 1].tanh()
            dh = dh + dy[t]
            dc = dc + dh * o * (1 - th * th)
            da = torch.cat((dc * g * i * (1 - i), dc * cells[t] * f * (1 - f),
                            dc * i * (1 - g * g), dh * th * o * (1 - o)), 1)
            dW += da.t() @ xh[t]
            db += da.sum(0)
            dv = da @ W
            dx[t], dh = dv[:, :n_in], dv[:, n_in:]
            dc = dc * f
        return torch.stack(dx), dh, dc, dW, db


class EconomyLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.joint = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if x.dim() != 3:
            raise ValueError("x must be (T, B, I)")
        size = (x.size(1), self.hidden_size)
        h0, c0 = state if state is not None else (x.new_zeros(size), x.new_zeros(size))
        if h0.shape != size or c0.shape != size:
            raise ValueError("states must be (B, H)")
        y, h, c = _OptionalGrads.apply(x, h0, c0, self.joint.weight, self.joint.bias)
        return y, (h, c)


# 2 --------------------------------------------------------------------------

class _WorkspaceFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h0, c0, W, U, b, ws):
        T, B, _ = x.shape
        H = h0.size(1)
        ws["h"][0], ws["c"][0] = h0, c0
        for t in range(T):
            z = torch.addmm(b, x[t], W) + ws["h"][t] @ U
            a = ws["a"][t]
            a[:, :3 * H].copy_(z[:, :3 * H].sigmoid())
            a[:, 3 * H:].copy_(z[:, 3 * H:].tanh())
            f, i, o, g = a.split(H, 1)
            ws["c"][t + 1] = f * ws["c"][t] + i * g
            ws["h"][t + 1] = o * ws["c"][t + 1].tanh()
        ctx.ws = ws
        ctx.save_for_backward(x, W, U)
        return ws["h"][1:].clone(), ws["h"][T].clone(), ws["c"][T].clone()

    @staticmethod
    def backward(ctx, dy, dh, dc):
        if torch.is_grad_enabled():
            raise RuntimeError("double backward is not supported")
        x, W, U = ctx.saved_tensors
        h, c, a = ctx.ws["h"], ctx.ws["c"], ctx.ws["a"]
        T, H = x.size(0), U.size(0)
        dz = torch.empty_like(a)
        for t in range(T - 1, -1, -1):
            f, i, o, g = a[t].split(H, 1)
            tc = c[t + 1].tanh()
            dh = dh + dy[t]
            dc = dc + dh * o * (1 - tc * tc)
            dz[t] = torch.cat((dc * c[t] * f * (1 - f), dc * g * i * (1 - i),
                               dh * tc * o * (1 - o), dc * i * (1 - g * g)), 1)
            dh, dc = dz[t] @ U.t(), dc * f
        flat = dz.flatten(0, 1)
        return (dz @ W.t(), dh, dc, x.reshape(-1, x.size(2)).t() @ flat,
                h[:-1].flatten(0, 1).t() @ flat, flat.sum(0), None)


class WorkspaceLSTM(nn.Module):
    """All activations live in buffers that are allocated once for a given shape."""

    def __init__(self, num_features, num_hidden):
        super().__init__()
        self.num_hidden = num_hidden
        self.W = nn.Parameter(torch.randn(num_features, 4 * num_hidden) / math.sqrt(num_features))
        self.U = nn.Parameter(torch.randn(num_hidden, 4 * num_hidden) / math.sqrt(num_hidden))
        self.b = nn.Parameter(torch.zeros(4 * num_hidden))
        self._ws, self._key = None, None

    def _workspace(self, x):
        T, B, _ = x.shape
        H = self.num_hidden
        key = (T, B, x.dtype, x.device, torch.is_inference_mode_enabled())
        if key != self._key:
            self._ws = {"h": x.new_empty(T + 1, B, H), "c": x.new_empty(T + 1, B, H),
                        "a": x.new_empty(T, B, 4 * H)}
            self._key = key
        return self._ws

    def forward(self, x, h0=None, c0=None):
        if x.dim() != 3:
            raise ValueError("x must be (T, B, F)")
        size = (x.size(1), self.num_hidden)
        h0 = x.new_zeros(size) if h0 is None else h0
        c0 = x.new_zeros(size) if c0 is None else c0
        if h0.shape != size or c0.shape != size:
            raise ValueError("states must be (B, H)")
        return _WorkspaceFn.apply(x, h0, c0, self.W, self.U, self.b, self._workspace(x))


# 3 --------------------------------------------------------------------------

class _ReverseSweep(torch.autograd.Function):
    @staticmethod
    def _forward(pre, h, c, R):
        steps = []
        for t in range(pre.shape[1]):
            i, f, o, g = (pre[:, t] + h @ R).chunk(4, -1)
            i, f, o, g = i.sigmoid(), f.sigmoid(), o.sigmoid(), g.tanh()
            steps.append([h, c, i, f, o, g])
            c = c * f + i * g
            h = o * c.tanh()
            steps[-1] += [c.tanh(), h]
        return steps, h, c

    @staticmethod
    def forward(ctx, pre, h0, c0, R):
        ctx.save_for_backward(pre, h0, c0, R)
        steps, h, c = _ReverseSweep._forward(pre, h0, c0, R)
        return torch.stack([s[7] for s in steps], 1), h.clone(), c.clone()

    @staticmethod
    def backward(ctx, grad_y, grad_h, grad_c):
        if torch.is_grad_enabled():
            raise RuntimeError("create_graph=True is not supported here")
        pre, h0, c0, R = ctx.saved_tensors
        steps, _, _ = _ReverseSweep._forward(pre, h0, c0, R)
        acc = grad_y.contiguous()
        acc[:, -1] += grad_h
        dpre = torch.empty_like(pre)
        dR = torch.zeros_like(R)
        for t in range(len(steps) - 1, -1, -1):
            h_prev, c_prev, i, f, o, g, tc, _ = steps[t]
            dh = acc[:, t]
            grad_c = grad_c + dh * o * (1 - tc * tc)
            d = torch.cat((grad_c * g * i * (1 - i), grad_c * c_prev * f * (1 - f),
                           dh * tc * o * (1 - o), grad_c * i * (1 - g * g)), -1)
            dpre[:, t] = d
            dR += h_prev.t() @ d
            grad_c = grad_c * f
            if t:
                acc[:, t - 1] += d @ R.t()
        return dpre, d @ R.t(), grad_c, dR


class SweepLSTM(nn.Module):
    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.pre = nn.Linear(input_dim, 4 * hidden_dim)
        self.R = nn.Parameter(torch.empty(hidden_dim, 4 * hidden_dim))
        nn.init.xavier_uniform_(self.R)

    def forward(self, x, state=None):
        if x.dim() != 3:
            raise ValueError("x must be (B, T, I)")
        B = x.size(0)
        if state is None:
            h0 = c0 = x.new_zeros(B, self.hidden_dim)
        else:
            h0, c0 = state
            if h0.shape != (1, B, self.hidden_dim) or c0.shape != h0.shape:
                raise ValueError("states must be (1, B, H)")
            h0, c0 = h0[0], c0[0]
        y, h, c = _ReverseSweep.apply(self.pre(x), h0, c0, self.R)
        return y, (h[None], c[None])


# 4 --------------------------------------------------------------------------

class _Float32Cell(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, c):
        if z.dtype != torch.float32 or c.dtype != torch.float32:
            raise TypeError("the fused cell is written for float32 only, got %s and %s" % (z.dtype, c.dtype))
        ctx.save_for_backward(z, c)
        i, f, g, o = z.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    @staticmethod
    def backward(ctx, dh, dc):
        z, c = ctx.saved_tensors
        i, f, g, o = z.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        tc = (f * c + i * g).tanh()
        dc = dc + dh * o * (1 - tc * tc)
        dz = torch.cat((dc * g * i * (1 - i), dc * c * f * (1 - f),
                        dc * i * (1 - g * g), dh * tc * o * (1 - o)), 1)
        return dz, dc * f


class FusedCellLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            state = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        h, c = state
        if h.shape != (B, self.hidden_size) or c.shape != (B, self.hidden_size):
            raise ValueError("states must be (B, H)")
        ys = []
        for x_t in x:
            h, c = _Float32Cell.apply(self.ih(x_t) + self.hh(h), c)
            ys.append(h)
        return torch.stack(ys), (h, c)


# 5 --------------------------------------------------------------------------

class CalmLSTM(nn.Module):
    """Batch first; the recurrent input is mixed from two paths."""

    def __init__(self, n_inputs, n_units, mix=0.5):
        super().__init__()
        self.n_units, self.mix = n_units, mix
        self.x_proj = nn.Linear(n_inputs, 4 * n_units)
        self.h_proj = nn.Linear(n_units, 4 * n_units, bias=False)

    def forward(self, x, state=None):
        B, T, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.n_units), x.new_zeros(B, self.n_units)
        else:
            h, c = state
        if h.shape != (B, self.n_units) or c.shape != (B, self.n_units):
            raise ValueError("states must be (B, H)")
        pre = self.x_proj(x).unbind(1)
        ys = []
        for p in pre:
            h_in = self.mix * h + (1 - self.mix) * h.detach()
            g, o, i, f = (p + self.h_proj(h_in)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


# 6 --------------------------------------------------------------------------

class PlainLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lstm_cell = nn.LSTMCell(input_size, hidden_size)

    def init_hidden(self, x):
        torch.set_grad_enabled(False)
        weight = self.lstm_cell.weight_hh
        h = weight.new_zeros(x.size(1), self.hidden_size)
        c = weight.new_zeros(x.size(1), self.hidden_size)
        torch.set_grad_enabled(True)
        return h, c

    def forward(self, x, hidden=None):
        if x.dim() != 3:
            raise ValueError("x must be (T, B, I)")
        if hidden is None:
            hidden = self.init_hidden(x)
        out = []
        for t in range(x.size(0)):
            hidden = self.lstm_cell(x[t], hidden)
            out.append(hidden[0])
        return torch.stack(out), hidden


# 7 --------------------------------------------------------------------------

class SafeStateLSTM(nn.Module):
    def __init__(self, hidden_units, input_units):
        super().__init__()
        self.hidden_units = hidden_units
        self.A = nn.Parameter(torch.empty(4, input_units, hidden_units))
        self.B = nn.Parameter(torch.empty(4, hidden_units, hidden_units))
        self.bias = nn.Parameter(torch.zeros(4, 1, hidden_units))
        for p in (self.A, self.B):
            nn.init.normal_(p, std=hidden_units ** -0.5)

    def forward(self, x, h0=None, c0=None):
        T, N, _ = x.shape
        states = []
        for s in (h0, c0):
            if s is None:
                s = x.new_zeros(N, self.hidden_units)
            if s.shape != (N, self.hidden_units):
                raise ValueError("a state must be (N, hidden)")
            states.append(s.clone().detach())
        h, c = states
        ys = []
        for t in range(T):
            i, f, g, o = (x[t] @ self.A + h @ self.B + self.bias).unbind(0)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h, c


# 8 --------------------------------------------------------------------------

class HookableLSTM(nn.Module):
    """A gradient hook may be set; it sees every dL/dh_t."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)
        self.grad_hook = lambda grad: grad

    def forward(self, x, state=None):
        if x.dim() != 3:
            raise ValueError("x must be (B, T, I)")
        if state is None:
            h, c = x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state
        ys = []
        for x_t in x.unbind(1):
            h, c = self.cell(x_t, (h, c))
            if h.requires_grad:
                h.register_hook(self.grad_hook)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)
