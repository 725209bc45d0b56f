import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd.function import once_differentiable


class RegularizedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, noise_std=0.01):
        super().__init__()
        self.hidden_size = hidden_size
        self.noise_std = noise_std
        self.w_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.w_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.w_ih)
        nn.init.orthogonal_(self.w_hh)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state
        w_hh = self.w_hh
        if self.training and self.noise_std > 0:
            w_hh = w_hh + self.noise_std * torch.randn_like(w_hh)
        ys = []
        for xt in x:
            i, f, o, g = F.linear(xt, self.w_ih, self.b).add(F.linear(h, w_hh)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)


class ZoneoutLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, zoneout=0.05):
        super().__init__()
        self.hidden_size = hidden_size
        self.zoneout = zoneout
        self.fc = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state
        out = []
        for step in x:
            f, i, o, g = self.fc(torch.cat([step, h], dim=-1)).chunk(4, dim=-1)
            new_c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            new_h = o.sigmoid() * new_c.tanh()
            if self.training and self.zoneout > 0:
                m = torch.rand_like(h) < self.zoneout
                new_h = torch.where(m, h, new_h)
            h, c = new_h, new_c
            out.append(h)
        return torch.stack(out), (h, c)


class FlattenLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.embed = nn.Linear(input_size, 4 * hidden_size)
        self.rec = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, hx=None):
        T, B = x.size(0), x.size(1)
        flat = x.view(T * B, x.size(2))
        pre = self.embed(flat).view(T, B, 4 * self.hidden_size)
        if hx is None:
            hx = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = hx
        ys = []
        for t in range(T):
            i, f, g, o = (pre[t] + self.rec(h)).split(self.hidden_size, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class ZeroCopyLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        T, B, D = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        ys = []
        for t in range(T):
            xt = torch.as_strided(x, (B, D), (D, 1), x.storage_offset() + t * B * D)
            state = self.cell(xt, state)
            ys.append(state[0])
        return torch.stack(ys), state


class _PackedSeq(torch.autograd.Function):
    @staticmethod
    def forward(ctx, px, h0, c0, U):
        B, T, G = px.shape
        H = G // 4
        h, c = h0, c0
        hs, cs, acts = [h0], [c0], []
        for t in range(T):
            z = px[:, t] + h @ U
            s, g = z[:, :3 * H].sigmoid(), z[:, 3 * H:].tanh()
            c = s[:, H:2 * H] * c + s[:, :H] * g
            h = s[:, 2 * H:] * c.tanh()
            hs.append(h)
            cs.append(c)
            acts.append(torch.cat([s, g], 1))
        ctx.save_for_backward(U, torch.stack(hs), torch.stack(cs), torch.stack(acts))
        return torch.stack(hs[1:], 1), c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, dc):
        U, hs, cs, acts = ctx.saved_tensors
        B, T, H = dy.shape
        dy = dy.view(B, T * H)
        dh = torch.zeros_like(dc)
        dU = torch.zeros_like(U)
        dpx = dy.new_empty(B, T, 4 * H)
        for t in range(T - 1, -1, -1):
            i, f, o, g = acts[t].chunk(4, 1)
            tc = cs[t + 1].tanh()
            dh = dh + dy[:, t * H:(t + 1) * H]
            dc = dc + dh * o * (1 - tc * tc)
            d = torch.cat([dc * g * i * (1 - i), dc * cs[t] * f * (1 - f), dh * tc * o * (1 - o), dc * i * (1 - g * g)], 1)
            dpx[:, t] = d
            dU += hs[t].t() @ d
            dh = d @ U.t()
            dc = dc * f
        return dpx, dh, dc, dU


class PackedKernelLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size) * hidden_size ** -0.5)

    def forward(self, x, state=None):
        if state is None:
            z = x.new_zeros(x.size(0), self.hidden_size)
            state = (z, z)
        y, c = _PackedSeq.apply(self.W(x), state[0], state[1], self.U)
        return y, (y[:, -1].clone(), c)


class SqueezeLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        N, L, _ = x.shape
        if state is None:
            state = (x.new_zeros(N, self.hidden_size), x.new_zeros(N, self.hidden_size))
        h, c = state
        outputs = []
        for t in range(L):
            g, i, f, o = torch.chunk(self.x2h(x[:, t]) + self.h2h(h), 4, dim=1)
            c = c * torch.sigmoid(f) + torch.sigmoid(i) * torch.tanh(g)
            h = torch.tanh(c) * torch.sigmoid(o)
            outputs.append(h)
        return torch.stack(outputs, dim=1).squeeze(0), (h, c)


class AutoLayoutLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.empty(4 * hidden_size, input_size + hidden_size))
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.W)

    def forward(self, x):
        # x: (seq, batch, feature)
        swapped = x.size(0) < x.size(1)
        if swapped:
            x = x.transpose(0, 1)
        h = x.new_zeros(x.size(1), self.hidden_size)
        c = x.new_zeros(x.size(1), self.hidden_size)
        ys = []
        for xt in x:
            f, i, g, o = F.linear(torch.cat([h, xt], 1), self.W, self.b).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        y = torch.stack(ys)
        return y.transpose(0, 1) if swapped else y


class MicroBatchLSTM(nn.Module):
    max_rows = 64

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def _part(self, x, h, c):
        ys = []
        for p in self.ih(x):
            i, f, g, o = (p + self.hh(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h, c

    def forward(self, x, state=None):
        B = x.size(1)
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h0, c0 = state
        parts = []
        for s in range(0, B, self.max_rows):
            xs = x[:, s:s + self.max_rows]
            n = xs.size(1)
            parts.append(self._part(xs, h0[:n], c0[:n]))
        y, h, c = zip(*parts)
        return torch.cat(y, 1), (torch.cat(h), torch.cat(c))
