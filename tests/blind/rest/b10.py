import torch
from torch import nn
import torch.nn.functional as F


class ClippedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, cell_clip=10.0):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell_clip = cell_clip
        self.input_linearity = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.state_linearity = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, inputs, initial=None):
        if initial is None:
            initial = (inputs.new_zeros(inputs.size(1), self.hidden_size), inputs.new_zeros(inputs.size(1), self.hidden_size))
        h, memory = initial
        outs = []
        for x in inputs:
            i, f, g, o = (self.input_linearity(x) + self.state_linearity(h)).chunk(4, -1)
            memory = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * memory
            if self.cell_clip:
                memory = memory.clamp(-self.cell_clip, self.cell_clip)
            h = torch.sigmoid(o) * torch.tanh(memory)
            outs.append(h)
        return torch.stack(outs), (h, memory)


class SafeGateLSTM(nn.Module):
    eps = 1e-4

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.randn(input_size, 4 * hidden_size) * input_size ** -0.5)
        self.U = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size) * hidden_size ** -0.5)
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = state
        H = self.hidden_size
        seq = []
        for t in range(x.size(1)):
            z = x[:, t] @ self.W + h @ self.U + self.b
            i = torch.sigmoid(z[:, :H])
            f = torch.sigmoid(z[:, H:2 * H]).clamp(self.eps, 1 - self.eps)
            g = torch.tanh(z[:, 2 * H:3 * H])
            o = torch.sigmoid(z[:, 3 * H:])
            c = f * c + i * g
            h = o * torch.tanh(c)
            seq.append(h)
        return torch.stack(seq, 1), (h, c)


class CarryLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)
        self.hidden = None

    def forward(self, x, state=None):
        if state is None:
            state = self.hidden
        if state is None or state[0].size(0) != x.size(1) or state[0].dtype != x.dtype:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state
        ys = []
        for xt in x:
            f, i, o, g = (self.i2h(xt) + self.h2h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        self.hidden = (h.detach(), c.detach())
        return torch.stack(ys), (h, c)


class ZeroCacheLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lin_x = nn.Linear(input_size, 4 * hidden_size)
        self.lin_h = nn.Linear(hidden_size, 4 * hidden_size)
        self._zero = None

    def zero_state(self, x):
        if self._zero is None or self._zero.dtype != x.dtype or self._zero.device != x.device:
            self._zero = x.new_zeros(x.size(0), self.hidden_size)
        return self._zero, self._zero

    def forward(self, x, state=None):
        h, c = self.zero_state(x) if state is None else state
        outs = []
        for t in range(x.size(1)):
            i, f, g, o = (self.lin_x(x[:, t]) + self.lin_h(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outs.append(h)
        return torch.stack(outs, 1), (h, c)


class CachedProjLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.proj = nn.Linear(input_size, 4 * hidden_size)
        self.rec = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self._key, self._val = None, None

    def _project(self, x):
        if torch.is_grad_enabled():
            return self.proj(x)
        key = (x.data_ptr(), tuple(x.shape), x.stride(), x.dtype)
        if key != self._key:
            self._key, self._val = key, self.proj(x)
        return self._val

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = state
        hs = []
        for p in self._project(x):
            i, f, g, o = (p + self.rec(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hs.append(h)
        return torch.stack(hs), (h, c)


class InplaceStateLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)
        self._zeros = {}

    def _initial(self, x):
        key = (x.size(0), x.dtype, x.device)
        if key not in self._zeros:
            self._zeros = {key: x.new_zeros(x.size(0), self.hidden_size)}
        return self._zeros[key]

    def forward(self, x, state=None):
        if state is None:
            h, c = x.new_zeros(x.size(0), self.hidden_size), self._initial(x)
        else:
            h, c = state[0], state[1].clone()
        ys = []
        for t in range(x.size(1)):
            i, f, g, o = self.gates(torch.cat([x[:, t], h], 1)).chunk(4, 1)
            if torch.is_grad_enabled():
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            else:
                c.mul_(f.sigmoid()).add_(i.sigmoid() * g.tanh())
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class FusedEvalCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        k = hidden_size ** -0.5
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))
        self._fused = None

    def _weight(self):
        if self.training or torch.is_grad_enabled():
            return torch.cat([self.weight_ih, self.weight_hh], 1)
        if self._fused is None or self._fused.dtype != self.bias.dtype or self._fused.device != self.bias.device:
            self._fused = torch.cat([self.weight_ih, self.weight_hh], 1)
        return self._fused

    def forward(self, x, state):
        h, c = state
        i, f, g, o = F.linear(torch.cat([x, h], 1), self._weight(), self.bias).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c
