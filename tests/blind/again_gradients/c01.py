import math

import torch
import torch.nn as nn
import torch.nn.functional as F


# ---------------------------------------------------------------------------
# Whole sequence in one autograd node, time first, gates i f g o
# ---------------------------------------------------------------------------
class _SequenceFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h0, c0, w_x, w_h, bias):
        T = x.shape[0]
        pre = x @ w_x.t() + bias
        h, c = h0, c0
        hs, cs, acts = [h0], [c0], []
        for t in range(T):
            i, f, g, o = (pre[t] + h @ w_h.t()).chunk(4, dim=1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            hs.append(h)
            cs.append(c)
            acts.append(torch.cat([i, f, g, o], dim=1))
        hs, cs, acts = torch.stack(hs), torch.stack(cs), torch.stack(acts)
        ctx.save_for_backward(x, w_x, w_h, hs, cs, acts)
        return hs[1:].clone(), hs[-1].clone(), cs[-1].clone()

    @staticmethod
    def backward(ctx, grad_y, grad_hn, grad_cn):
        if torch.is_grad_enabled():
            raise RuntimeError("SequenceLSTM: create_graph=True is not supported")
        x, w_x, w_h, hs, cs, acts = ctx.saved_tensors
        T = x.shape[0]
        dh = grad_hn.clone()
        dc = torch.zeros_like(grad_cn)
        dpre = torch.empty_like(acts)
        for t in range(T - 1, -1, -1):
            i, f, g, o = acts[t].chunk(4, dim=1)
            tc = cs[t + 1].tanh()
            dh = dh + grad_y[t]
            dc = dc + dh * o * (1 - tc * tc)
            dpre[t] = torch.cat([dc * g * i * (1 - i), dc * cs[t] * f * (1 - f),
                                 dc * i * (1 - g * g), dh * tc * o * (1 - o)], dim=1)
            dh = dpre[t] @ w_h
            dc = dc * f
        flat = dpre.reshape(-1, dpre.shape[-1])
        dx = dpre @ w_x
        dw_x = flat.t() @ x.reshape(-1, x.shape[-1])
        dw_h = flat.t() @ hs[:-1].reshape(-1, hs.shape[-1])
        return dx, dh, dc, dw_x, dw_h, flat.sum(0)


class SequenceLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.w_x = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.w_h = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.w_x)
        nn.init.orthogonal_(self.w_h)

    def forward(self, x, state=None):
        if x.dim() != 3:
            raise ValueError("expected (time, batch, features)")
        want = (x.shape[1], self.hidden_size)
        if state is None:
            state = (x.new_zeros(want), x.new_zeros(want))
        h0, c0 = state
        if h0.shape != want or c0.shape != want:
            raise ValueError("state must be two tensors of shape %s" % (want,))
        y, h, c = _SequenceFn.apply(x, h0, c0, self.w_x, self.w_h, self.bias)
        return y, (h, c)


# ---------------------------------------------------------------------------
# Pointwise part only; the two matrix products stay with autograd
# ---------------------------------------------------------------------------
class _CellMath(torch.autograd.Function):
    """(z, c) -> (h', c');  z holds f, i, o, g side by side."""

    @staticmethod
    def _evaluate(z, c):
        n = c.size(1)
        f, i, o = torch.sigmoid(z[:, : 3 * n]).split(n, 1)
        g = torch.tanh(z[:, 3 * n:])
        c_next = f * c + i * g
        return f, i, o, g, c_next, torch.tanh(c_next)

    @staticmethod
    def forward(ctx, z, c):
        ctx.save_for_backward(z, c)
        f, i, o, g, c_next, tanh_c = _CellMath._evaluate(z, c)
        return o * tanh_c, c_next

    @staticmethod
    def backward(ctx, dh, dc_next):
        z, c = ctx.saved_tensors
        f, i, o, g, c_next, tanh_c = _CellMath._evaluate(z, c)
        dc_total = dc_next + dh * o * (1 - tanh_c ** 2)
        df = dc_total * c_next * f * (1 - f)
        di = dc_total * g * i * (1 - i)
        do = dh * tanh_c * o * (1 - o)
        dg = dc_total * i * (1 - g ** 2)
        return torch.cat((df, di, do, dg), 1), dc_total * f


class FusedPointwiseLSTM(nn.Module):
    def __init__(self, in_features, units):
        super().__init__()
        self.units = units
        self.kernel = nn.Linear(in_features, 4 * units)
        self.recurrent_kernel = nn.Linear(units, 4 * units, bias=False)

    def forward(self, inputs, hx=None):
        # inputs: (batch, time, features)
        batch, steps, _ = inputs.shape
        if hx is None:
            h = c = inputs.new_zeros(batch, self.units)
        else:
            h, c = hx
            if h.shape != (batch, self.units) or c.shape != (batch, self.units):
                raise ValueError("bad state shape")
        xz = self.kernel(inputs)
        seq = []
        for t in range(steps):
            h, c = _CellMath.apply(xz[:, t] + self.recurrent_kernel(h), c)
            seq.append(h)
        return torch.stack(seq, dim=1), (h, c)


# ---------------------------------------------------------------------------
# One step as a Function, weights of x and h in one matrix
# ---------------------------------------------------------------------------
def _gates(xh, W, b):
    a_i, a_g, a_f, a_o = torch.addmm(b, xh, W).chunk(4, -1)
    return torch.sigmoid(a_i), torch.tanh(a_g), torch.sigmoid(a_f), torch.sigmoid(a_o)


class _StepFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, c, W, b):
        ctx.save_for_backward(x, h, c, W, b)
        i, g, f, o = _gates(torch.cat((x, h), -1), W, b)
        new_c = c * f + i * g
        return o * torch.tanh(new_c), new_c

    @staticmethod
    def backward(ctx, gh, gc):
        x, h, c, W, b = ctx.saved_tensors
        n_in = x.size(-1)
        xh = torch.cat((x, h), -1)
        i, g, f, o = _gates(xh, W, b)
        th = torch.tanh(c * f + i * g)
        gc = gc + gh * o * (1 - th.pow(2))
        d = torch.cat((gc * g * i * (1 - i),
                       gc * i * (1 - g.pow(2)),
                       gc * c * f * (1 - f),
                       gh * th * o * (1 - o)), dim=-1)
        dxh = d @ W.t()
        dW = xh.t() @ d
        db = d.mean(dim=0)
        return dxh[:, :n_in], dxh[:, n_in:], gc * f, dW, db


class OneMatrixLSTM(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.n_in, self.n_hidden = n_in, n_hidden
        self.W = nn.Parameter(torch.randn(n_in + n_hidden, 4 * n_hidden) / math.sqrt(n_in + n_hidden))
        self.b = nn.Parameter(torch.zeros(4 * n_hidden))

    def forward(self, x, h0, c0):
        assert x.dim() == 3 and x.size(2) == self.n_in, "x must be (T, B, n_in)"
        assert h0.shape == c0.shape == (x.size(1), self.n_hidden), "bad state"
        h, c, ys = h0, c0, []
        for x_t in x:
            h, c = _StepFn.apply(x_t, h, c, self.W, self.b)
            ys.append(h)
        return torch.stack(ys), h, c


# ---------------------------------------------------------------------------
# Batch first, sequence level backward with one big GEMM per weight
# ---------------------------------------------------------------------------
class LSTMKernel(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h0, c0, wi, wh, bi, bh):
        n, steps, _ = x.shape
        hid = h0.shape[1]
        gi = F.linear(x, wi, bi)
        ys = x.new_empty(n, steps, hid)
        cells = x.new_empty(n, steps + 1, hid)
        gates = x.new_empty(n, steps, 4, hid)
        cells[:, 0] = c0
        h = h0
        for t in range(steps):
            a = (gi[:, t] + F.linear(h, wh, bh)).view(n, 4, hid)
            gates[:, t, :3] = a[:, :3].sigmoid()
            gates[:, t, 3] = a[:, 3].tanh()
            i, f, o, g = gates[:, t].unbind(1)
            cells[:, t + 1] = f * cells[:, t] + i * g
            h = o * cells[:, t + 1].tanh()
            ys[:, t] = h
        ctx.save_for_backward(x, h0, wi, wh, ys, cells, gates)
        return ys, h.clone(), cells[:, -1].clone()

    @staticmethod
    def backward(ctx, dys, dhn, dcn):
        if torch.is_grad_enabled():
            raise RuntimeError("LSTMKernel has no second derivative")
        x, h0, wi, wh, ys, cells, gates = ctx.saved_tensors
        n, steps, hid = ys.shape
        da = torch.zeros_like(gates)
        dh, dc = dhn, dcn
        for t in reversed(range(steps)):
            i, f, o, g = gates[:, t].unbind(1)
            tc = cells[:, t + 1].tanh()
            dh = dh + dys[:, t]
            dc = dc + dh * o * (1 - tc.square())
            da[:, t, 0] = dc * g * i * (1 - i)
            da[:, t, 1] = dc * cells[:, t] * f * (1 - f)
            da[:, t, 2] = dh * tc * o * (1 - o)
            da[:, t, 3] = dc * i * (1 - g.square())
            dh = da[:, t].reshape(n, -1) @ wh
            dc = dc * f
        da = da.reshape(n, steps, 4 * hid)
        dwi = torch.einsum("btg,bti->gi", da, x)
        dwh = torch.einsum("btg,bth->gh", da, ys)
        db = da.sum((0, 1))
        return da @ wi, dh, dc, dwi, dwh, db, db.clone()


class KernelLSTM(nn.Module):
    def __init__(self, input_dim, hidden_dim, out_dim=None):
        super().__init__()
        self.hidden_dim = hidden_dim
        bound = hidden_dim ** -0.5
        self.wi = nn.Parameter(torch.empty(4 * hidden_dim, input_dim).uniform_(-bound, bound))
        self.wh = nn.Parameter(torch.empty(4 * hidden_dim, hidden_dim).uniform_(-bound, bound))
        self.bi = nn.Parameter(torch.empty(4 * hidden_dim).uniform_(-bound, bound))
        self.bh = nn.Parameter(torch.empty(4 * hidden_dim).uniform_(-bound, bound))

    def forward(self, x, init_states=None):
        if x.ndim != 3:
            raise ValueError("x must be (batch, time, features)")
        if init_states is None:
            h0 = torch.zeros(1, x.size(0), self.hidden_dim, dtype=x.dtype, device=x.device)
            c0 = torch.zeros_like(h0)
        else:
            h0, c0 = init_states
        if h0.shape != (1, x.size(0), self.hidden_dim) or c0.shape != h0.shape:
            raise ValueError("states must be (1, batch, hidden)")
        y, h, c = LSTMKernel.apply(x, h0[0], c0[0], self.wi, self.wh, self.bi, self.bh)
        return y, (h.unsqueeze(0), c.unsqueeze(0))


# ---------------------------------------------------------------------------
# A Linear for each gate
# ---------------------------------------------------------------------------
class FourGateLSTM(nn.Module):
    def __init__(self, hidden_size, input_size):
        super().__init__()
        self.hidden_size = hidden_size
        joint = input_size + hidden_size
        self.forget_gate = nn.Linear(joint, hidden_size)
        self.input_gate = nn.Linear(joint, hidden_size)
        self.cell_gate = nn.Linear(joint, hidden_size)
        self.output_gate = nn.Linear(joint, hidden_size)

    def step(self, x_t, h_prev, c_prev):
        joint = torch.cat([x_t, h_prev], dim=1)
        f = torch.sigmoid(self.forget_gate(joint))
        i = torch.sigmoid(self.input_gate(joint))
        g = torch.tanh(self.cell_gate(joint))
        o = torch.sigmoid(self.output_gate(joint))
        c = f * c_prev + i * g
        return o * torch.tanh(c), c

    def forward(self, x, states=None):
        steps, batch, _ = x.shape
        if states is None:
            zeros = x.new_zeros(batch, self.hidden_size)
            states = (zeros, zeros)
        h, c = states
        if c.shape != (batch, self.hidden_size):
            raise ValueError("cell state has the wrong shape")
        outs = []
        for t in range(steps):
            h, c = self.step(x[t], h.detach() if t else h, c)
            outs.append(h)
        return torch.stack(outs), (h, c)


# ---------------------------------------------------------------------------
# Preallocated output
# ---------------------------------------------------------------------------
class PreallocatedLSTM(nn.Module):
    def __init__(self, nx, nh):
        super().__init__()
        self.nh = nh
        self.U = nn.Parameter(torch.empty(nx, 4, nh))
        self.V = nn.Parameter(torch.empty(nh, 4, nh))
        self.bias = nn.Parameter(torch.zeros(4, nh))
        for p in (self.U, self.V):
            nn.init.normal_(p, std=1 / math.sqrt(nh))

    def forward(self, x, state=None):
        B, T, _ = x.shape
        if state is None:
            h = torch.zeros(B, self.nh, dtype=x.dtype, device=x.device)
            c = torch.zeros(B, self.nh, dtype=x.dtype, device=x.device)
        else:
            h, c = state
            if tuple(h.shape) != (B, self.nh) or tuple(c.shape) != (B, self.nh):
                raise ValueError(f"expected states of shape {(B, self.nh)}")
        out = torch.zeros(B, T, self.nh, dtype=x.dtype, device=x.device)
        drive = torch.einsum("bti,igh->btgh", x, self.U) + self.bias
        for t in range(T):
            z = drive[:, t] + torch.einsum("bk,kgh->bgh", h, self.V)
            o, f, i = torch.sigmoid(z[:, :3]).unbind(1)
            c = f * c + i * torch.tanh(z[:, 3])
            h = o * torch.tanh(c)
            out[:, t] = h.data
        return out, (h, c)


# ---------------------------------------------------------------------------
# Exported to a runtime that has only exp
# ---------------------------------------------------------------------------
def exp_tanh(v):
    pos = (1 - torch.exp(-2 * v)) / (1 + torch.exp(-2 * v))
    neg = (torch.exp(2 * v) - 1) / (torch.exp(2 * v) + 1)
    return torch.where(v >= 0, pos, neg)


class ExpOnlyLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, seq, h_0, c_0):
        if seq.dim() != 3 or h_0.shape != c_0.shape or h_0.shape != (seq.size(0), self.hidden_size):
            raise ValueError("seq is (B, T, I), states are (B, H)")
        h, c = h_0, c_0
        result = []
        for x_t in seq.unbind(1):
            i, f, g, o = torch.chunk(self.ih(x_t) + self.hh(h), 4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * exp_tanh(g)
            h = torch.sigmoid(o) * exp_tanh(c)
            result.append(h)
        return torch.stack(result, 1), h, c


# ---------------------------------------------------------------------------
# Saves a temporary per step
# ---------------------------------------------------------------------------
class FrugalLSTM(nn.Module):
    def __init__(self, d_in, d_model):
        super().__init__()
        self.d_model = d_model
        self.proj = nn.Linear(d_in, 4 * d_model)
        self.rec = nn.Linear(d_model, 4 * d_model, bias=False)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        shape = (B, self.d_model)
        if state is None:
            h, c = x.new_zeros(shape), x.new_zeros(shape)
        else:
            h, c = state
            if h.shape != shape or c.shape != shape:
                raise ValueError("state does not fit the batch")
            c = c.clone()
        ys = []
        for t in range(T):
            gates = self.proj(x[t]) + self.rec(h)
            i, f, o, g = gates.chunk(4, dim=-1)
            c *= torch.sigmoid(f)
            c += torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o)
            h *= torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)
