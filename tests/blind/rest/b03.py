import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class ParamFn(Function):
    @staticmethod
    def forward(ctx, x, h, c, w_ih, w_hh, b_ih, b_hh):
        gates = F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh)
        i, f, g, o = gates.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        cy = f * c + i * g
        ctx.save_for_backward(x, h, c, w_ih, w_hh, i, f, g, o, cy)
        return o * cy.tanh(), cy

    @staticmethod
    @once_differentiable
    def backward(ctx, dhy, dcy):
        x, h, c, w_ih, w_hh, i, f, g, o, cy = ctx.saved_tensors
        t = cy.tanh()
        dcy = dcy + dhy * o * (1 - t * t)
        d = torch.cat([dcy * g * i * (1 - i), dcy * c * f * (1 - f), dcy * i * (1 - g * g), dhy * t * o * (1 - o)], 1)
        db = d.sum(0)
        return d @ w_ih, d @ w_hh, dcy * f, d.t() @ x, d.t() @ h, db, None


class TorchLikeCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(4 * hidden_size))
        bound = 1 / math.sqrt(hidden_size)
        for p in self.parameters():
            nn.init.uniform_(p, -bound, bound)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        return ParamFn.apply(x, *state, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)


class IFOGFunction(Function):
    @staticmethod
    def forward(ctx, xh, c, W, b):
        n = c.size(-1)
        z = F.linear(xh, W, b)
        i, f, o = torch.sigmoid(z[:, :3 * n]).split(n, -1)
        g = torch.tanh(z[:, 3 * n:])
        c_new = f * c + i * g
        h_new = o * torch.tanh(c_new)
        ctx.save_for_backward(xh, c, W, i, f, o, g, c_new)
        return h_new, c_new

    @staticmethod
    @once_differentiable
    def backward(ctx, gh, gc):
        xh, c, W, i, f, o, g, c_new = ctx.saved_tensors
        th = torch.tanh(c_new)
        gc = gc + gh * o * (1 - th * th)
        zi = gc * g * i * (1 - i)
        zf = gc * c * f * (1 - f)
        zo = gh * th * o * (1 - o)
        zg = gc * i * (1 - g * g)
        dz = torch.cat([zi, zf, zg, zo], -1)
        return dz @ W, gc * f, dz.t() @ xh, dz.sum(0)


class IFOGLayer(nn.Module):
    def __init__(self, in_dim, units):
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(torch.empty(4 * units, in_dim + units))
        self.bias = nn.Parameter(torch.zeros(4 * units))
        nn.init.kaiming_uniform_(self.kernel, a=math.sqrt(5))

    def forward(self, x, state=None):
        if state is None:
            h = c = x.new_zeros(x.size(0), self.units)
        else:
            h, c = state
        seq = []
        for t in range(x.size(1)):
            h, c = IFOGFunction.apply(torch.cat([x[:, t], h], -1), c, self.kernel, self.bias)
            seq.append(h)
        return torch.stack(seq, 1), (h, c)


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        y, = ctx.saved_tensors
        return grad * y


class SigmoidOpLSTM(nn.Module):
    def __init__(self, in_sz, hid_sz):
        super().__init__()
        self.W_i = nn.Linear(in_sz + hid_sz, hid_sz)
        self.W_f = nn.Linear(in_sz + hid_sz, hid_sz)
        self.W_c = nn.Linear(in_sz + hid_sz, hid_sz)
        self.W_o = nn.Linear(in_sz + hid_sz, hid_sz)

    def forward(self, x, state):
        h, c = state
        comb = torch.cat([x, h], dim=-1)
        c = torch.sigmoid(self.W_f(comb)) * c + torch.sigmoid(self.W_i(comb)) * torch.tanh(self.W_c(comb))
        return Sigmoid.apply(self.W_o(comb)) * torch.tanh(c), c


class MyTanh(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.tanh(x)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, grad):
        y, = ctx.saved_tensors
        return grad * (1 - y * y)


class TanhOpLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, hx=None):
        if hx is None:
            hx = [x.new_zeros(x.size(1), self.hidden_size) for _ in "hc"]
        h, c = hx
        pre = self.ih(x)
        ys = []
        for p in pre:
            i, f, g, o = (p + self.hh(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * MyTanh.apply(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class CellForDouble(Function):
    @staticmethod
    def forward(ctx, z, c):
        i, f, g, o = z.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c1 = f * c + i * g
        ctx.save_for_backward(i, f, g, o, c, c1)
        return o * c1.tanh(), c1

    @staticmethod
    def backward(ctx, gh, gc):
        i, f, g, o, c, c1 = ctx.saved_tensors
        t = c1.tanh()
        gc = gc + gh * o * (1 - t * t)
        gz = torch.cat([gc * g * i * (1 - i), gc * c * f * (1 - f), gc * i * (1 - g * g), gh * t * o * (1 - o)], 1)
        return gz, gc * f


class KernelLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size)
        h, c = state
        out = []
        for xt in self.ih(x).unbind(1):
            h, c = CellForDouble.apply(xt + self.hh(h), c)
            out.append(h)
        return torch.stack(out, 1), (h, c)


class InplaceSeq(Function):
    @staticmethod
    def forward(ctx, pre, h0, c0, U):
        h, c = h0, c0
        hs, cs, gs = [h0], [c0], []
        for p in pre:
            i, f, g, o = (p + h @ U.t()).chunk(4, 1)
            a = torch.stack([i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()])
            c = a[1] * c + a[0] * a[2]
            h = a[3] * c.tanh()
            hs.append(h)
            cs.append(c)
            gs.append(a)
        ctx.save_for_backward(U, torch.stack(hs), torch.stack(cs), torch.stack(gs))
        return torch.stack(hs[1:]), c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, dc):
        U, hs, cs, gs = ctx.saved_tensors
        T = dy.shape[0]
        dpre = [None] * T
        for t in range(T - 1, -1, -1):
            i, f, g, o = gs[t]
            tc = cs[t + 1].tanh()
            dh = dy[t]
            dc = dc + dh * o * (1 - tc * tc)
            d = torch.cat([dc * g * i * (1 - i), dc * cs[t] * f * (1 - f), dc * i * (1 - g * g), dh * tc * o * (1 - o)], 1)
            dpre[t] = d
            dc = dc * f
            if t > 0:
                dy[t - 1] += d @ U
        dpre = torch.stack(dpre)
        dU = torch.einsum('tbg,tbh->gh', dpre, hs[:-1])
        return dpre, dpre[0] @ U, dc, dU


class CompactLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.inp = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        nn.init.orthogonal_(self.U)

    def forward(self, x, state=None):
        if state is None:
            h0 = c0 = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h0, c0 = state
        y, c = InplaceSeq.apply(self.inp(x), h0, c0, self.U)
        return y, (y[-1].clone(), c)


class CachedFn(Function):
    saved = None

    @staticmethod
    def forward(ctx, z, c):
        f, i, o, g = z.chunk(4, -1)
        f, i, o, g = f.sigmoid(), i.sigmoid(), o.sigmoid(), g.tanh()
        c1 = c * f + g * i
        t = c1.tanh()
        ctx.save_for_backward(c, t)
        CachedFn.saved = (f, i, o, g)
        return t * o, c1

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dc):
        c, t = ctx.saved_tensors
        f, i, o, g = CachedFn.saved
        dc = dc + dh * o * (1 - t * t)
        return torch.cat([dc * c * f * (1 - f), dc * g * i * (1 - i), dh * t * o * (1 - o), dc * i * (1 - g * g)], -1), dc * f


class SlimCell(nn.Module):
    def __init__(self, n_inputs, n_units):
        super().__init__()
        self.W = nn.Linear(n_inputs + n_units, 4 * n_units)

    def forward(self, x, hc):
        h, c = hc
        return CachedFn.apply(self.W(torch.cat([x, h], -1)), c)
