from typing import Optional, Tuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class RecurrentMatmul(torch.autograd.Function):
    """h @ W.T with a blocked weight gradient."""

    BLOCK = 32

    @staticmethod
    def forward(ctx, h, W):
        ctx.save_for_backward(h, W)
        return h @ W.t()

    @staticmethod
    @once_differentiable
    def backward(ctx, dz):
        h, W = ctx.saved_tensors
        n = h.shape[1]
        blk = RecurrentMatmul.BLOCK
        dW = torch.zeros_like(W)
        if n <= blk:
            dW = dz.t() @ h
        else:
            for k in range(n // blk):
                dW[:, k * blk:(k + 1) * blk] = dz.t() @ h[:, k * blk:(k + 1) * blk]
        return dz @ W, dW


class BlockedLSTM(nn.Module):
    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.w_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.w_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.b = nn.Parameter(torch.empty(4 * hidden_size))
        for p in self.parameters():
            nn.init.uniform_(p, -hidden_size ** -0.5, hidden_size ** -0.5)

    def forward(self, x: Tensor, state: Optional[Tuple[Tensor, Tensor]] = None):
        if state is None:
            zeros = x.new_zeros(x.shape[1], self.hidden_size)
            state = (zeros, zeros)
        h, c = state
        ys = []
        for xt in x:
            z = xt @ self.w_ih.t() + RecurrentMatmul.apply(h, self.w_hh) + self.b
            i, f, g, o = z.chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)


class TruncatedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, bias=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2g = nn.Linear(input_size, 4 * hidden_size, bias=bias)
        self.h2g = nn.Linear(hidden_size, 4 * hidden_size, bias=bias)

    def forward(self, x, state=None):
        B, T, _ = x.size()
        if state is None:
            state = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        h, c = state
        gx = self.x2g(x)
        outputs = []
        for t in range(T):
            if t and t % 20 == 0:
                h, c = h.detach(), c.detach()
            i, f, g, o = (gx[:, t] + self.h2g(h)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c)


class StepLSTM(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.out_features = out_features
        self.W = nn.Parameter(torch.randn(in_features, 4, out_features) * in_features ** -0.5)
        self.U = nn.Parameter(torch.randn(out_features, 4, out_features) * out_features ** -0.5)
        self.b = nn.Parameter(torch.zeros(4, out_features))

    def forward(self, x, state=None):
        if state is None:
            h = c = torch.zeros(x.shape[1], self.out_features, dtype=x.dtype, device=x.device)
        else:
            h, c = state
        y = []
        for t in range(x.shape[0]):
            z = torch.einsum('bd,dkh->kbh', x[t], self.W) + torch.einsum('bd,dkh->kbh', h.detach(), self.U) + self.b[:, None]
            i, f, o = z[:3].sigmoid()
            c = f * c + i * z[3].tanh()
            h = o * c.tanh()
            y.append(h)
        return torch.stack(y), (h, c)


class OutputGateCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        hx, cx = state
        f, i, o, g = torch.chunk(self.gates(torch.cat((x, hx), 1)), 4, 1)
        cy = torch.sigmoid(f) * cx + torch.sigmoid(i) * torch.tanh(g)
        hy = torch.sigmoid(o) * torch.tanh(cy.detach())
        return hy, cy


class WeightDataLSTM(nn.Module):
    def __init__(self, nin, nhid):
        super().__init__()
        self.nhid = nhid
        self.V = nn.Linear(nin, nhid * 4)
        self.U = nn.Parameter(torch.empty(nhid * 4, nhid))
        nn.init.orthogonal_(self.U)

    def forward(self, x, hidden=None):
        x = x.transpose(0, 1)
        if hidden is None:
            hidden = tuple(x.new_zeros(2, x.size(1), self.nhid))
        h, c = hidden
        ys = []
        for xt in x:
            z = self.V(xt) + nn.functional.linear(h, self.U.data)
            o, i, f, g = z.chunk(4, 1)
            c = i.sigmoid() * g.tanh() + f.sigmoid() * c
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class SeqToVec(nn.Module):
    """Runs the sequence and returns the last hidden state."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size * 4)
        self.h2h = nn.Linear(hidden_size, hidden_size * 4)

    def forward(self, x):
        h = x.new_zeros(x.size(1), self.hidden_size)
        c = x.new_zeros(x.size(1), self.hidden_size)
        proj = self.i2h(x.data)
        for t in range(x.size(0)):
            pre = proj[t] + self.h2h(h)
            gates = pre[:, :3 * self.hidden_size].sigmoid()
            cand = pre[:, 3 * self.hidden_size:].tanh()
            ing, fg, og = gates.chunk(3, 1)
            c = fg * c + ing * cand
            h = og * c.tanh()
        return h


class StatefulArgLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, hidden=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        if hidden is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h = hidden[0][0].detach().clone()
            c = hidden[1][0].clone()
        out = []
        for step in x:
            h, c = self.cell(step, (h, c))
            out.append(h)
        out = torch.stack(out)
        if self.batch_first:
            out = out.transpose(0, 1)
        return out, (h.unsqueeze(0), c.unsqueeze(0))


class TensorStateLSTM(nn.Module):
    def __init__(self, d, n):
        super().__init__()
        self.n = n
        self.gates = nn.ModuleDict({k: nn.Linear(d + n, n) for k in ('i', 'f', 'g', 'o')})

    def forward(self, x, init: Optional[Tuple[Tensor, Tensor]] = None):
        B = x.shape[1]
        h = x.new_zeros(B, self.n) if init is None else init[0]
        c = x.new_zeros(B, self.n)
        if init is not None:
            c.data.copy_(init[1])
        hs = []
        for xt in x:
            u = torch.cat([xt, h], -1)
            c = self.gates['f'](u).sigmoid() * c + self.gates['i'](u).sigmoid() * self.gates['g'](u).tanh()
            h = self.gates['o'](u).sigmoid() * c.tanh()
            hs.append(h)
        return torch.stack(hs), (h, c)
