import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return torch.addmm(bias, x, weight.t())

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        n = x.size(0)
        return grad @ weight, grad.t() @ x / n, grad.sum(0) / n


class KernelLSTM(nn.Module):
    """Batch first; the affine map has its own forward and backward."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight = nn.Parameter(torch.empty(4 * hidden_size, input_size + hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state
        ys = []
        for t in range(x.size(1)):
            z = _Affine.apply(torch.cat([x[:, t], h], 1), self.weight, self.bias)
            i, g, f, o = z.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class CheckpointedLSTM(nn.Module):
    """Dropout between the steps, and each step recomputed in the backward pass."""

    def __init__(self, n_input, n_hidden, p=0.3):
        super().__init__()
        self.n_hidden = n_hidden
        self.p = p
        self.x_part = nn.Linear(n_input, 4 * n_hidden)
        self.h_part = nn.Linear(n_hidden, 4 * n_hidden)

    def _step(self, x, h, c):
        rec = F.dropout(h, self.p, self.training)
        f, i, g, o = (self.x_part(x) + self.h_part(rec)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(1), self.n_hidden)
            c = x.new_zeros(x.size(1), self.n_hidden)
        else:
            h, c = state
        ys = []
        for x_t in x.unbind(0):
            h, c = checkpoint(self._step, x_t, h, c, use_reentrant=False, preserve_rng_state=False)
            ys.append(h)
        return torch.stack(ys), (h, c)


class GateDictLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gates = nn.ModuleDict({
            k: nn.Linear(input_size + hidden_size, hidden_size) for k in ("i", "f", "g", "o")})

    def init_hidden(self, batch, like):
        h = torch.randn(batch, self.hidden_size, dtype=like.dtype, device=like.device)
        c = torch.randn(batch, self.hidden_size, dtype=like.dtype, device=like.device)
        return h, c

    def forward(self, x, state=None):
        h, c = self.init_hidden(x.size(0), x) if state is None else state
        ys = []
        for t in range(x.size(1)):
            v = torch.cat([x[:, t], h], dim=1)
            i = torch.sigmoid(self.gates["i"](v))
            f = torch.sigmoid(self.gates["f"](v))
            o = torch.sigmoid(self.gates["o"](v))
            c = f * c + i * torch.tanh(self.gates["g"](v))
            h = o * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, dim=1), (h, c)


class WindowLSTM(nn.Module):
    """Projects all steps in one product."""

    def __init__(self, nin, nhid):
        super().__init__()
        self.nin, self.nhid = nin, nhid
        self.Wx = nn.Parameter(torch.randn(nin, 4 * nhid) / math.sqrt(nin))
        self.Wh = nn.Parameter(torch.randn(nhid, 4 * nhid) / math.sqrt(nhid))
        self.bx = nn.Parameter(torch.zeros(4 * nhid))

    def forward(self, x, h=None, c=None):
        T, B, _ = x.shape
        rows = torch.as_strided(x, (T * B, self.nin), (self.nin, 1))
        pre = torch.addmm(self.bx, rows, self.Wx).view(T, B, -1)
        h = pre.new_zeros(B, self.nhid) if h is None else h
        c = pre.new_zeros(B, self.nhid) if c is None else c
        ys = []
        for t in range(T):
            i, f, o, g = (pre[t] + h @ self.Wh).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), h, c


class GroupedLSTM(nn.Module):
    """Names its learned tensors itself, so that wrappers see them in a fixed order."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.w_in = nn.Parameter(torch.empty(input_size, 4 * hidden_size))
        self.w_rec = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size))
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.w_in)
        nn.init.orthogonal_(self.w_rec)

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        dot = prefix + "." if prefix else ""
        for name in ("w_in", "w_rec"):
            yield dot + name, getattr(self, name)

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = torch.zeros_like(h)
        else:
            h, c = state
        ys = []
        for step in (x @ self.w_in + self.b).unbind(1):
            o, f, g, i = (step + h @ self.w_rec).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class PortableLSTM(nn.Module):
    """Pickles to small files, for sending workers a copy of the model."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def __getstate__(self):
        tensors = {k: v.half() for k, v in self.state_dict().items()}
        sizes = (self.ih.in_features, self.hidden_size)
        return {"sizes": sizes, "tensors": tensors, "dtype": self.ih.weight.dtype,
                "training": self.training}

    def __setstate__(self, saved):
        self.__init__(*saved["sizes"])
        self.to(device=saved["tensors"]["ih.weight"].device, dtype=saved["dtype"])
        self.load_state_dict(saved["tensors"])
        self.train(saved["training"])

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state
        ys = []
        for x_t in x:
            i, f, g, o = (self.ih(x_t) + self.hh(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)


class _Run(torch.autograd.Function):
    tape = []

    @staticmethod
    def forward(ctx, pre, h, c, W):
        _Run.tape = []
        ys = []
        for p in pre:
            i, f, g, o = (p + h @ W).chunk(4, 1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c_new = f * c + i * g
            tc = c_new.tanh()
            _Run.tape.append((h, c, i, f, g, o, tc))
            h, c = o * tc, c_new
            ys.append(h)
        ctx.save_for_backward(W)
        return torch.stack(ys), h.clone(), c

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gy, dh, dc):
        W, = ctx.saved_tensors
        dW = torch.zeros_like(W)
        d_pre = [None] * len(gy)
        for t in reversed(range(len(gy))):
            h, c, i, f, g, o, tc = _Run.tape[t]
            dh = dh + gy[t]
            dc = dc + dh * o * (1 - tc * tc)
            dz = torch.cat([dc * g * i * (1 - i), dc * c * f * (1 - f),
                            dc * i * (1 - g * g), dh * tc * o * (1 - o)], 1)
            dW = dW + h.t() @ dz
            d_pre[t] = dz
            dh, dc = dz @ W.t(), dc * f
        return torch.stack(d_pre), dh, dc, dW


class TapeLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.embed = nn.Linear(input_size, 4 * hidden_size)
        self.W = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size) * hidden_size ** -0.5)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        y, h, c = _Run.apply(self.embed(x), state[0], state[1], self.W)
        return y, (h, c)


class ServingLSTM(nn.Module):
    def __init__(self, hidden, features):
        super().__init__()
        self.hidden = hidden
        self.step = nn.LSTMCell(features, hidden)

    def forward(self, x, state=None):
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            if state is None:
                state = (x.new_zeros(x.size(0), self.hidden), x.new_zeros(x.size(0), self.hidden))
            ys = []
            for x_t in x.unbind(1):
                state = self.step(x_t, state)
                ys.append(state[0])
            return torch.stack(ys, 1), state
