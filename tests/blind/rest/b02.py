import torch
from torch import nn
from torch.autograd.function import once_differentiable


class LSTMCellFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h_prev, c_prev, weight, bias):
        X = torch.cat([h_prev, x], dim=1)
        pre = torch.addmm(bias, X, weight.t())
        i, f, o, g = pre.chunk(4, dim=1)
        i = torch.sigmoid(i)
        f = torch.sigmoid(f)
        o = torch.sigmoid(o)
        g = torch.tanh(g)
        c = c_prev * f + g * i
        h = torch.tanh(c) * o
        ctx.save_for_backward(X, weight, c_prev, i, f, o, g, c)
        return h, c

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_h, grad_cell):
        X, weight, c_prev, i, f, o, g, c = ctx.saved_tensors
        tanh_c = torch.tanh(c)
        d_o = tanh_c * grad_h
        d_c = o * grad_h * (1 - tanh_c ** 2) + grad_cell
        d_i = g * d_c
        d_f = c_prev * d_c
        d_g = i * d_c
        d_i = d_i * i * (1 - i)
        d_f = d_f * i * (1 - i)
        d_o = d_o * o * (1 - o)
        d_g = d_g * (1 - g ** 2)
        d_pre = torch.cat([d_i, d_f, d_o, d_g], dim=1)
        d_X = d_pre.mm(weight)
        H = c.shape[1]
        return d_X[:, H:], d_X[:, :H], d_c * f, d_pre.t().mm(X), d_pre.sum(0)


class ExtLSTM(nn.Module):
    def __init__(self, input_features, state_size):
        super().__init__()
        self.input_features = input_features
        self.state_size = state_size
        self.weight = nn.Parameter(torch.empty(4 * state_size, input_features + state_size))
        self.bias = nn.Parameter(torch.empty(4 * state_size))
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / self.state_size ** 0.5
        for p in self.parameters():
            p.data.uniform_(-stdv, +stdv)

    def forward(self, x, state):
        return LSTMCellFunction.apply(x, state[0], state[1], self.weight, self.bias)


class _Update(torch.autograd.Function):
    @staticmethod
    def forward(ctx, ig, fg, cand, c):
        i, f, g = ig.sigmoid(), fg.sigmoid(), cand.tanh()
        ctx.save_for_backward(i, f, g, c)
        return f * c + i * g

    @staticmethod
    @once_differentiable
    def backward(ctx, dc):
        i, f, g, c = ctx.saved_tensors
        d_ig = dc * g * i * (1 - i)
        d_fg = dc * c * f * (1 - f)
        d_cand = dc * i * (1 - g)
        return d_ig, d_fg, d_cand, dc * f


class UpdateOpLSTM(nn.Module):
    def __init__(self, in_size, out_size):
        super().__init__()
        self.out_size = out_size
        self.Wi, self.Ui = nn.Linear(in_size, out_size), nn.Linear(out_size, out_size, bias=False)
        self.Wf, self.Uf = nn.Linear(in_size, out_size), nn.Linear(out_size, out_size, bias=False)
        self.Wc, self.Uc = nn.Linear(in_size, out_size), nn.Linear(out_size, out_size, bias=False)
        self.Wo, self.Uo = nn.Linear(in_size, out_size), nn.Linear(out_size, out_size, bias=False)

    def forward(self, x, init=None):
        bs, steps = x.shape[:2]
        if init is None:
            h, c = (x.new_zeros(bs, self.out_size) for _ in range(2))
        else:
            h, c = init
        hidden = []
        for t in range(steps):
            xt = x[:, t, :]
            c = _Update.apply(self.Wi(xt) + self.Ui(h), self.Wf(xt) + self.Uf(h), self.Wc(xt) + self.Uc(h), c)
            h = torch.sigmoid(self.Wo(xt) + self.Uo(h)) * torch.tanh(c)
            hidden.append(h.unsqueeze(1))
        return torch.cat(hidden, 1), (h, c)


class UnrolledLSTM(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, h, c, Wih, Whh, bih, bhh):
        ctx.steps = inp.shape[0]
        keep_h, keep_c, keep_g = [h], [c], []
        for t in range(ctx.steps):
            z = nn.functional.linear(inp[t], Wih, bih) + nn.functional.linear(h, Whh, bhh)
            i, f, g, o = z.chunk(4, 1)
            acts = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
            c = acts[1] * c + acts[0] * acts[2]
            h = acts[3] * torch.tanh(c)
            keep_h.append(h)
            keep_c.append(c)
            keep_g.append(torch.stack(acts))
        hs, cs, gs = torch.stack(keep_h), torch.stack(keep_c), torch.stack(keep_g)
        ctx.save_for_backward(inp, Wih, Whh, hs, cs, gs)
        return hs[1:].clone(), hs[-1].clone(), cs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, g_out, g_h, g_c):
        inp, Wih, Whh, hs, cs, gs = ctx.saved_tensors
        gWih, gWhh, gb = torch.zeros_like(Wih), torch.zeros_like(Whh), Wih.new_zeros(Wih.shape[0])
        g_inp = []
        for t in range(ctx.steps - 1, -1, -1):
            i, f, g, o = gs[t]
            tc = torch.tanh(cs[t + 1])
            g_h = g_h + g_out[t]
            g_c = g_c + g_h * o * (1 - tc ** 2)
            dz = torch.cat([g_c * g * i * (1 - i), g_c * cs[t] * f * (1 - f),
                            g_c * i * (1 - g ** 2), g_h * tc * o * (1 - o)], 1)
            g_inp.append(dz @ Wih)
            gWih += dz.t() @ inp[t]
            gWhh += dz.t() @ hs[t]
            gb += dz.sum(0)
            g_h, g_c = dz @ Whh, g_c * f
        return torch.stack(g_inp), g_h, g_c, gWih, gWhh, gb, gb.clone()


class ScratchLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        ref = nn.LSTM(input_size, hidden_size)
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(ref.weight_ih_l0.detach().clone())
        self.weight_hh_l0 = nn.Parameter(ref.weight_hh_l0.detach().clone())
        self.bias_ih_l0 = nn.Parameter(ref.bias_ih_l0.detach().clone())
        self.bias_hh_l0 = nn.Parameter(ref.bias_hh_l0.detach().clone())

    def forward(self, x, hx=None):
        if hx is None:
            h = c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = hx[0].squeeze(0), hx[1].squeeze(0)
        y, h, c = UnrolledLSTM.apply(x, h, c, self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0)
        return y, (h.unsqueeze(0), c.unsqueeze(0))


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, zx, h0, c0, U):
        B, T, G = zx.shape
        n = G // 4
        H = zx.new_empty(B, T + 1, n)
        C = zx.new_empty(B, T + 1, n)
        A = zx.new_empty(B, T, 4, n)
        H[:, 0], C[:, 0] = h0, c0
        for t in range(T):
            z = (zx[:, t] + H[:, t] @ U).view(B, 4, n)
            A[:, t, :3] = z[:, :3].sigmoid()
            A[:, t, 3] = z[:, 3].tanh()
            C[:, t + 1] = A[:, t, 1] * C[:, t] + A[:, t, 0] * A[:, t, 3]
            H[:, t + 1] = A[:, t, 2] * C[:, t + 1].tanh()
        ctx.save_for_backward(U, H, C, A)
        return H[:, 1:].clone(), C[:, -1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dH, dcT):
        U, H, C, A = ctx.saved_tensors
        B, T, n = dH.shape
        dzx = dH.new_empty(B, T, 4, n)
        dh, dc = torch.zeros_like(dcT), dcT
        for t in reversed(range(T)):
            i, f, o, g = A[:, t].unbind(1)
            tc = C[:, t + 1].tanh()
            dh = dh + dH[:, t]
            dc = dc + dh * o * (1 - tc * tc)
            dzx[:, t, 0] = dc * g * i * (1 - i)
            dzx[:, t, 1] = dc * C[:, t] * f * (1 - f)
            dzx[:, t, 2] = dh * tc * o * (1 - o)
            dzx[:, t, 3] = dc * i * (1 - g * g)
            dh = dzx[:, t].reshape(B, 4 * n) @ U.t()
            dc = dc * f
        dzx = dzx.reshape(B, T, 4 * n)
        dU = H[:, :-1].reshape(-1, n).t() @ dzx.reshape(-1, 4 * n)
        return dzx, None, dc, dU


class ScanLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.inp = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size) * hidden_size ** -0.5)

    def forward(self, x, state=None):
        if state is None:
            h0 = x.new_zeros(x.size(0), self.hidden_size)
            c0 = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h0, c0 = state
        out, c = _Scan.apply(self.inp(x), h0, c0, self.U)
        return out, (out[:, -1].clone(), c)


class _TimeFirst(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xs, h0, c0, Wf, Wi, Wg, Wo):
        h, c = h0, c0
        v_, c_, f_, i_, g_, o_ = [], [c0], [], [], [], []
        ys = []
        for x in xs:
            v = torch.cat([x, h, x.new_ones(x.shape[0], 1)], 1)
            f, i, g, o = (v @ Wf).sigmoid(), (v @ Wi).sigmoid(), (v @ Wg).tanh(), (v @ Wo).sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            for lst, val in zip((v_, c_, f_, i_, g_, o_), (v, c, f, i, g, o)):
                lst.append(val)
            ys.append(h)
        ctx.save_for_backward(Wf, Wi, Wg, Wo, *[torch.stack(q) for q in (v_, c_, f_, i_, g_, o_)])
        return torch.stack(ys), c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dys, dcT):
        Wf, Wi, Wg, Wo, v, c, f, i, g, o = ctx.saved_tensors
        n = dcT.shape[1]
        D = Wf.shape[0] - n - 1
        dWf, dWi, dWg, dWo = (torch.zeros_like(w) for w in (Wf, Wi, Wg, Wo))
        dxs = dys.new_empty(dys.shape[0], dys.shape[1], D)
        dh = torch.zeros_like(dcT)
        dc = dcT
        for t in range(len(dys) - 1, -1, -1):
            tc = c[t + 1].tanh()
            dh = dh + dys[t]
            dc = dc + dh * o[t] * (1 - tc * tc)
            df = dc * c[t] * f[t] * (1 - f[t])
            di = dc * g[t] * i[t] * (1 - i[t])
            dg = dc * i[t] * (1 - g[t] * g[t])
            do = dh * tc * o[t] * (1 - o[t])
            dWf += v[t].t() @ df
            dWi += v[t].t() @ di
            dWg += v[t].t() @ dg
            dWo += v[t].t() @ do
            dv = df @ Wf.t() + di @ Wi.t() + dg @ Wg.t() + do @ Wo.t()
            dxs[t] = dv[:, :D]
            dh = dv[:, D:D + n]
            if t > 0:
                dc = dc * f[t]
        return dxs, dh, dc, dWf, dWi, dWg, dWo


class HomogeneousLSTM(nn.Module):
    """Weights act on [x, h, 1]."""

    def __init__(self, D, N):
        super().__init__()
        self.N = N
        k = N ** -0.5
        self.Wf = nn.Parameter(torch.empty(D + N + 1, N).uniform_(-k, k))
        self.Wi = nn.Parameter(torch.empty(D + N + 1, N).uniform_(-k, k))
        self.Wg = nn.Parameter(torch.empty(D + N + 1, N).uniform_(-k, k))
        self.Wo = nn.Parameter(torch.empty(D + N + 1, N).uniform_(-k, k))

    def forward(self, xs, hc=None):
        if hc is None:
            z = xs.new_zeros(xs.shape[1], self.N)
            hc = (z, z)
        ys, c = _TimeFirst.apply(xs, hc[0], hc[1], self.Wf, self.Wi, self.Wg, self.Wo)
        return ys, (ys[-1].clone(), c)


class StepFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, c):
        n = c.size(1)
        o, g, i, f = z[:, :n].sigmoid(), z[:, n:2*n].tanh(), z[:, 2*n:3*n].sigmoid(), z[:, 3*n:].sigmoid()
        c2 = c * f + i * g
        ctx.save_for_backward(o, g, i, f, c, c2)
        return o * c2.tanh(), c2

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dc2):
        o, g, i, f, c, c2 = ctx.saved_tensors
        th = c2.tanh()
        total = dc2 + dh * o * (1 - th * th)
        return torch.cat((
            dh * th * o * (1 - o),
            total * i * (1 - g * g),
            total * g * i * (1 - i),
            total * c2 * f * (1 - f),
        ), 1), total * f


class OGIFCell(nn.Module):
    def __init__(self, nx, nh, bias=True):
        super().__init__()
        self.Wx = nn.Linear(nx, 4 * nh, bias=bias)
        self.Wh = nn.Linear(nh, 4 * nh, bias=False)

    def forward(self, x, hidden):
        h, c = hidden
        return StepFunction.apply(self.Wx(x) + self.Wh(h), c)


class ClipLSTMFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, c):
        i, f, g, o = z.chunk(4, -1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c1 = f * c + i * g
        ctx.save_for_backward(i, f, g, o, c, c1)
        return o * torch.tanh(c1), c1

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dc1):
        i, f, g, o, c, c1 = ctx.saved_tensors
        t = torch.tanh(c1)
        dc1 = dc1 + dh * o * (1 - t * t)
        dz = torch.cat([dc1 * g * i * (1 - i), dc1 * c * f * (1 - f),
                        dc1 * i * (1 - g * g), dh * t * o * (1 - o)], -1)
        return dz.clamp(-1.0, 1.0), dc1 * f


class GravesLSTM(nn.Module):
    def __init__(self, vocab_dim, cell_dim):
        super().__init__()
        self.cell_dim = cell_dim
        self.weight = nn.Parameter(torch.empty(vocab_dim + cell_dim, 4 * cell_dim))
        self.bias = nn.Parameter(torch.zeros(4 * cell_dim))
        nn.init.xavier_normal_(self.weight)

    def forward(self, x, hc=None):
        T, B = x.shape[:2]
        h, c = hc if hc is not None else (x.new_zeros(B, self.cell_dim), x.new_zeros(B, self.cell_dim))
        out = []
        for t in range(T):
            h, c = ClipLSTMFn.apply(torch.cat((x[t], h), 1) @ self.weight + self.bias, c)
            out.append(h)
        return torch.stack(out, 0), (h, c)


class _LSTMLoop(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, Wx, Wh, b):
        N, T, D = x.shape
        H = Wh.shape[0]
        prev_h, prev_c = x.new_zeros(N, H), x.new_zeros(N, H)
        h, cache = [], []
        for t in range(T):
            a = x[:, t] @ Wx + prev_h @ Wh + b
            i, f, o, g = a[:, :H].sigmoid(), a[:, H:2*H].sigmoid(), a[:, 2*H:3*H].sigmoid(), a[:, 3*H:].tanh()
            next_c = f * prev_c + i * g
            next_h = o * next_c.tanh()
            cache.append(torch.stack([i, f, o, g, next_c.tanh(), prev_h, prev_c]))
            prev_h, prev_c = next_h, next_c
            h.append(next_h)
        ctx.save_for_backward(x, Wx, Wh, torch.stack(cache))
        return torch.stack(h, 1), prev_h.clone(), prev_c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dh_last, dc_last):
        x, Wx, Wh, cache = ctx.saved_tensors
        dx = torch.zeros_like(x)
        dWx, dWh, db = torch.zeros_like(Wx), torch.zeros_like(Wh), Wx.new_zeros(Wx.shape[1])
        dprev_h = torch.zeros_like(dh_last)
        dc = dc_last
        for t in reversed(range(x.shape[1])):
            i, f, o, g, tc, h_in, c_in = cache[t]
            d = dh[:, t] + dprev_h + dh_last
            dc = dc + d * o * (1 - tc ** 2)
            da = torch.cat((dc * g * i * (1 - i), dc * c_in * f * (1 - f), d * tc * o * (1 - o), dc * i * (1 - g ** 2)), 1)
            dx[:, t] = da @ Wx.t()
            dWx += x[:, t].t() @ da
            dWh += h_in.t() @ da
            db += da.sum(0)
            dprev_h = da @ Wh.t()
            dc = dc * f
        return dx, dWx, dWh, db


class CS231nLSTM(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.Wx = nn.Parameter(torch.randn(D, 4 * H) / D ** 0.5)
        self.Wh = nn.Parameter(torch.randn(H, 4 * H) / H ** 0.5)
        self.b = nn.Parameter(torch.zeros(4 * H))

    def forward(self, x):
        out, h, c = _LSTMLoop.apply(x, self.Wx, self.Wh, self.b)
        return out, (h, c)
