import math

import torch
import torch.nn as nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class _CellOp(Function):
    @staticmethod
    def forward(ctx, gates, c_prev):
        i, f, g, o = gates.chunk(4, dim=1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c_prev + i * g
        tc = torch.tanh(c)
        ctx.save_for_backward(i, f, g, o, c_prev, tc)
        return o * tc, c

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dc_next):
        i, f, g, o, c_prev, tc = ctx.saved_tensors
        dc = dc_next + dh * o * (1 - tc * tc)
        di = dc * g * i * (1 - i)
        df = dc * c_prev * f * (1 - f)
        dg = dc * i * (1 - g * g)
        do = dh * tc * o * (1 - o)
        return torch.cat([di, df, dg, do], dim=1), dc


class FastLSTMCell(nn.Module):
    """LSTM cell with a fused pointwise kernel."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        h, c = state
        return _CellOp.apply(self.x2h(x) + self.h2h(h), c)


class LSTMStepFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, c, W, U, b):
        z = x @ W + h @ U + b
        H = h.shape[-1]
        f = torch.sigmoid(z[:, :H])
        i = torch.sigmoid(z[:, H:2 * H])
        o = torch.sigmoid(z[:, 2 * H:3 * H])
        u = torch.tanh(z[:, 3 * H:])
        c_new = f * c + i * u
        t = c_new.tanh()
        ctx.save_for_backward(x, h, c, W, U, f, i, o, u, t)
        return o * t, c_new

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_h, grad_c):
        x, h, c, W, U, f, i, o, u, t = ctx.saved_tensors
        d_c = grad_h * o * (1 - t ** 2)
        dz = torch.cat([
            d_c * c * f * (1 - f),
            d_c * u * i * (1 - i),
            grad_h * t * o * (1 - o),
            d_c * i * (1 - u ** 2),
        ], dim=-1)
        return dz @ W.t(), dz @ U.t(), d_c * f, x.t() @ dz, h.t() @ dz, dz.sum(0)


class ManualLSTM(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.n_hid = n_hid
        s = 1.0 / math.sqrt(n_hid)
        self.W = nn.Parameter(torch.empty(n_in, 4 * n_hid).uniform_(-s, s))
        self.U = nn.Parameter(torch.empty(n_hid, 4 * n_hid).uniform_(-s, s))
        self.b = nn.Parameter(torch.empty(4 * n_hid).uniform_(-s, s))

    def forward(self, x, state=None):
        # x: (T, B, n_in)
        if state is None:
            h = x.new_zeros(x.size(1), self.n_hid)
            c = x.new_zeros(x.size(1), self.n_hid)
        else:
            h, c = state
        ys = []
        for x_t in x:
            h, c = LSTMStepFn.apply(x_t, h, c, self.W, self.U, self.b)
            ys.append(h)
        return torch.stack(ys), (h, c)


class _Pointwise(Function):
    @staticmethod
    def forward(ctx, zi, zf, zo, zg, c0):
        i, f, o, g = zi.sigmoid(), zf.sigmoid(), zo.sigmoid(), zg.tanh()
        c1 = f * c0 + i * g
        tc = c1.tanh()
        ctx.save_for_backward(i, f, o, g, c0, tc)
        return o * tc, c1

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dc):
        i, f, o, g, c0, tc = ctx.saved_tensors
        dc = dc + dh * o * (1 - tc)
        return (dc * g * i * (1 - i),
                dc * c0 * f * (1 - f),
                dh * tc * o * (1 - o),
                dc * i * (1 - g * g),
                dc * f)


class GateLinearLSTM(nn.Module):
    def __init__(self, input_dim, hidden_dim, bias=True):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.lin_i = nn.Linear(input_dim + hidden_dim, hidden_dim, bias=bias)
        self.lin_f = nn.Linear(input_dim + hidden_dim, hidden_dim, bias=bias)
        self.lin_o = nn.Linear(input_dim + hidden_dim, hidden_dim, bias=bias)
        self.lin_g = nn.Linear(input_dim + hidden_dim, hidden_dim, bias=bias)

    def forward(self, inputs, hx=None):
        B, T, _ = inputs.shape
        if hx is None:
            zeros = torch.zeros(B, self.hidden_dim, dtype=inputs.dtype, device=inputs.device)
            hx = (zeros, zeros)
        h, c = hx
        outs = []
        for t in range(T):
            v = torch.cat((inputs[:, t], h), dim=1)
            h, c = _Pointwise.apply(self.lin_i(v), self.lin_f(v), self.lin_o(v), self.lin_g(v), c)
            outs.append(h)
        return torch.stack(outs, dim=1), (h, c)


class _LinearFn(Function):
    @staticmethod
    def forward(ctx, inp, weight, bias):
        ctx.save_for_backward(inp, weight)
        return inp @ weight.t() + bias

    @staticmethod
    def backward(ctx, grad):
        inp, weight = ctx.saved_tensors
        return grad @ weight, grad.t() @ inp, grad.mean(0)


class LSTMCellCustomLinear(nn.Module):
    def __init__(self, in_features, hidden):
        super().__init__()
        self.hidden = hidden
        self.weight = nn.Parameter(torch.empty(4 * hidden, in_features + hidden))
        self.bias = nn.Parameter(torch.zeros(4 * hidden))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, hc):
        h, c = hc
        z = _LinearFn.apply(torch.cat([x, h], 1), self.weight, self.bias)
        i, f, g, o = torch.split(z, self.hidden, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class LSTMSequence(Function):
    """Whole-sequence LSTM, time first."""

    @staticmethod
    def forward(ctx, x, h0, c0, w_ih, w_hh, b):
        T = x.shape[0]
        hs, cs, acts = [h0], [c0], []
        for t in range(T):
            z = x[t] @ w_ih.t() + hs[-1] @ w_hh.t() + b
            i, f, g, o = z.chunk(4, 1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * cs[-1] + i * g
            cs.append(c)
            hs.append(o * c.tanh())
            acts.append(torch.cat([i, f, g, o], 1))
        hs, cs = torch.stack(hs), torch.stack(cs)
        ctx.save_for_backward(x, w_ih, w_hh, hs, cs, torch.stack(acts))
        return hs[1:].clone(), hs[-1].clone(), cs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, dhn, dcn):
        x, w_ih, w_hh, hs, cs, acts = ctx.saved_tensors
        dh, dc = torch.zeros_like(dhn), dcn
        dx = torch.zeros_like(x)
        dw_ih, dw_hh = torch.zeros_like(w_ih), torch.zeros_like(w_hh)
        db = w_ih.new_zeros(w_ih.shape[0])
        for t in reversed(range(x.shape[0])):
            i, f, g, o = acts[t].chunk(4, 1)
            tc = cs[t + 1].tanh()
            dh = dh + dy[t]
            dc = dc + dh * o * (1 - tc * tc)
            dz = torch.cat([dc * g * i * (1 - i), dc * cs[t] * f * (1 - f),
                            dc * i * (1 - g * g), dh * tc * o * (1 - o)], 1)
            dx[t] = dz @ w_ih
            dw_ih = dw_ih + dz.t() @ x[t]
            dw_hh = dw_hh + dz.t() @ hs[t]
            db = db + dz.sum(0)
            dh = dz @ w_hh
            dc = dc * f
        return dx, dh, dc, dw_ih, dw_hh, db


class SeqFnLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        k = hidden_size ** -0.5
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))

    def forward(self, x, hx=None):
        if hx is None:
            h0 = c0 = x.new_zeros(x.shape[1], self.hidden_size)
        else:
            h0, c0 = hx
        y, h, c = LSTMSequence.apply(x, h0, c0, self.weight_ih, self.weight_hh, self.bias)
        return y, (h, c)


class BFSequence(Function):
    @staticmethod
    def forward(ctx, seq, h0, c0, Wx, Wh, bias):
        B, T, _ = seq.shape
        N = h0.shape[1]
        h, c = h0, c0
        H, C, G = [h], [c], []
        for t in range(T):
            a = torch.addmm(bias, seq[:, t], Wx) + h.mm(Wh)
            s = torch.sigmoid(a[:, :3 * N])
            g = torch.tanh(a[:, 3 * N:])
            c = s[:, N:2 * N] * c + s[:, :N] * g
            h = s[:, 2 * N:] * torch.tanh(c)
            H.append(h)
            C.append(c)
            G.append(torch.cat((s, g), 1))
        H, C, G = (torch.stack(v, 1) for v in (H, C, G))
        ctx.save_for_backward(seq, Wx, Wh, H, C, G)
        return H[:, 1:].clone(), h.clone(), c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dout, dh_last, dc_last):
        seq, Wx, Wh, H, C, G = ctx.saved_tensors
        T = seq.shape[1]
        dh = dh_last
        dc = torch.zeros_like(dc_last)
        das = [None] * T
        for t in range(T - 1, -1, -1):
            i, f, o, g = G[:, t].chunk(4, 1)
            dh = dh + dout[:, t]
            tc = torch.tanh(C[:, t + 1])
            dc = dc + dh * o * (1 - tc.pow(2))
            das[t] = torch.cat((dc * g * i * (1 - i), dc * C[:, t] * f * (1 - f),
                                dh * tc * o * (1 - o), dc * i * (1 - g.pow(2))), 1)
            dh = das[t].mm(Wh.t())
            dc = dc * f
        da = torch.stack(das, 1)
        dWx = torch.einsum('bti,btk->ik', seq, da)
        dWh = torch.einsum('bth,btk->hk', H[:, :-1], da)
        return da @ Wx.t(), dh, dc, dWx, dWh, da.sum((0, 1))


class BatchFirstFusedLSTM(nn.Module):
    def __init__(self, d_in, d_hidden):
        super().__init__()
        self.d_hidden = d_hidden
        self.Wx = nn.Parameter(torch.randn(d_in, 4 * d_hidden) / math.sqrt(d_in))
        self.Wh = nn.Parameter(torch.randn(d_hidden, 4 * d_hidden) / math.sqrt(d_hidden))
        self.bias = nn.Parameter(torch.randn(4 * d_hidden) * 0.1)

    def forward(self, seq, state=None):
        if state is None:
            z = seq.new_zeros(seq.size(0), self.d_hidden)
            state = (z, z)
        out, h, c = BFSequence.apply(seq, *state, self.Wx, self.Wh, self.bias)
        return out, (h, c)


class RecurrentKernel(Function):
    @staticmethod
    def forward(ctx, xproj, h0, c0, R):
        h, c = h0, c0
        hs, cs, gs = [], [], []
        for p in xproj.unbind(0):
            gi, gf, gc, go = (p + h @ R).chunk(4, -1)
            gi, gf, gc, go = gi.sigmoid(), gf.sigmoid(), gc.tanh(), go.sigmoid()
            c = gf * c + gi * gc
            h = go * c.tanh()
            hs.append(h)
            cs.append(c)
            gs.append(torch.stack((gi, gf, gc, go)))
        hs, cs = torch.stack(hs), torch.stack(cs)
        ctx.save_for_backward(R, h0, c0, hs, cs, torch.stack(gs))
        return hs.clone(), cs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, d_hs, d_cT):
        R, h0, c0, hs, cs, gs = ctx.saved_tensors
        T = hs.shape[0]
        h_before = hs
        c_before = torch.cat([c0[None], cs[:-1]])
        dh, dc = torch.zeros_like(h0), d_cT
        dp = []
        for t in range(T - 1, -1, -1):
            gi, gf, gc, go = gs[t]
            dh = dh + d_hs[t]
            tc = cs[t].tanh()
            dc = dc + dh * go * (1 - tc * tc)
            d = torch.cat([dc * gc * gi * (1 - gi), dc * c_before[t] * gf * (1 - gf),
                           dc * gi * (1 - gc * gc), dh * tc * go * (1 - go)], -1)
            dp.append(d)
            dh = d @ R.t()
            dc = dc * gf
        dp = torch.stack(dp[::-1])
        dR = torch.einsum('tbh,tbg->hg', h_before, dp)
        return dp, dh, dc, dR


class ProjectedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.proj = nn.Linear(input_size, 4 * hidden_size)
        self.R = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size))
        nn.init.orthogonal_(self.R)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.shape[1], self.hidden_size),) * 2
        y, c_n = RecurrentKernel.apply(self.proj(x), state[0], state[1], self.R)
        return y, (y[-1].clone(), c_n)


class _SeqGrad(Function):
    @staticmethod
    def forward(ctx, x, w, r, b):
        T, B, _ = x.shape
        n = r.shape[1]
        h = [x.new_zeros(B, n)]
        c = [x.new_zeros(B, n)]
        a = []
        for t in range(T):
            pre = x[t].matmul(w.t()) + h[t].matmul(r.t()) + b
            f, i, g, o = pre.split(n, 1)
            f, i, g, o = f.sigmoid(), i.sigmoid(), g.tanh(), o.sigmoid()
            c.append(f * c[t] + i * g)
            h.append(o * c[t + 1].tanh())
            a.append(torch.cat((f, i, g, o), 1))
        ctx.save_for_backward(x, w, r, torch.stack(h), torch.stack(c), torch.stack(a))
        return torch.stack(h[1:])

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        x, w, r, h, c, a = ctx.saved_tensors
        n = r.shape[1]
        dx = torch.empty_like(x)
        dw, dr, db = torch.zeros_like(w), torch.zeros_like(r), w.new_zeros(4 * n)
        dh = torch.zeros_like(h[0])
        dc = torch.zeros_like(h[0])
        for t in range(x.shape[0] - 1, -1, -1):
            f, i, g, o = a[t].split(n, 1)
            tc = c[t + 1].tanh()
            dh = dh + dy[t]
            dc = dc + dh * o * (1 - tc ** 2)
            dpre = torch.cat((dc * c[t] * f * (1 - f), dc * g * i * (1 - i),
                              dc * i * (1 - g ** 2), dh * tc * o * (1 - o)), 1)
            dx[t] = dpre @ w
            dw = dpre.t() @ x[t]
            dr += dpre.t() @ h[t]
            db += dpre.sum(0)
            dh = dpre @ r
            dc = dc * f
        return dx, dw, dr, db


class LSTMOutputsOnly(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        std = 1 / math.sqrt(hidden_size)
        self.w = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-std, std))
        self.r = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-std, std))
        self.b = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-std, std))

    def forward(self, x):
        return _SeqGrad.apply(x, self.w, self.r, self.b)
