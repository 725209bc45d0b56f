import math

import torch
from torch import nn
import torch.nn.functional as F


class SmoothLSTM(nn.Module):
    """nn.LSTM, with dropout over its outputs."""

    def __init__(self, input_size, hidden_size, p=0.2):
        super().__init__()
        self.p = p
        self.lstm = nn.LSTM(input_size, hidden_size)

    def forward(self, x, hx=None):
        y, hx = self.lstm(x, hx)
        if self.training:
            y = F.dropout(y, self.p, training=True)
        else:
            y = y * (1.0 - self.p)
        return y, hx


class PrepackedLSTM(nn.Module):
    """Time-first LSTM. For inference the matrices are transposed once, not at each call."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = hidden_size ** -0.5
        self.weight_x = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.weight_h = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))
        self._pack = None

    def _matrices(self):
        if torch.is_grad_enabled():
            return self.weight_x.t(), self.weight_h.t()
        if self._pack is None:
            self._pack = (self.weight_x.t().contiguous(), self.weight_h.t().contiguous())
        return self._pack

    def forward(self, x, state=None):
        wx, wh = self._matrices()
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = torch.zeros_like(h)
        else:
            h, c = state
        ys = []
        for xt in x @ wx + self.bias:
            g, i, f, o = (xt + h @ wh).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)


class ParallelLSTM(nn.Module):
    """Batch-first LSTM that also reads checkpoints saved from nn.DataParallel."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Linear(hidden_size, 4 * hidden_size)

    def load_state_dict(self, state_dict, strict=True, assign=False):
        own = self.state_dict()
        for key, value in state_dict.items():
            key = key[len("module."):] if key.startswith("module.") else key
            if key in own:
                own[key] = value
        return super().load_state_dict(own, strict=strict, assign=assign)

    def forward(self, x, hx=None):
        if hx is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = hx
        out = []
        for t in range(x.size(1)):
            i, f, g, o = (self.W(x[:, t]) + self.U(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out, 1), (h, c)


def _bounded(grad):
    return grad.clamp(-1.0, 1.0)


class SteadyLSTM(nn.Module):
    """Time-first LSTM layer, per-gate matrices as (hidden, in)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        make = lambda *s: nn.Parameter(torch.empty(*s).uniform_(-1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size)))
        self.Wi, self.Wf, self.Wc, self.Wo = (make(hidden_size, input_size) for _ in range(4))
        self.Ui, self.Uf, self.Uc, self.Uo = (make(hidden_size, hidden_size) for _ in range(4))
        self.bi, self.bf, self.bc, self.bo = (make(hidden_size) for _ in range(4))

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = state
        hs = []
        for xt in x:
            i = torch.sigmoid(F.linear(xt, self.Wi, self.bi) + F.linear(h, self.Ui))
            f = torch.sigmoid(F.linear(xt, self.Wf, self.bf) + F.linear(h, self.Uf))
            g = torch.tanh(F.linear(xt, self.Wc, self.bc) + F.linear(h, self.Uc))
            o = torch.sigmoid(F.linear(xt, self.Wo, self.bo) + F.linear(h, self.Uo))
            c = f * c + i * g
            h = o * torch.tanh(c)
            if h.requires_grad:
                h.register_hook(_bounded)
            hs.append(h)
        return torch.stack(hs), (h, c)


class FlatLSTM(nn.Module):
    """Time first; state (h, c) of shape (1, batch, hidden)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, hx=None):
        T, B, _ = x.size()
        flat = self.ih(x.view(T * B, self.input_size))
        steps = flat.view(T, B, 4 * self.hidden_size)
        if hx is None:
            h = x.new_zeros(B, self.hidden_size)
            c = x.new_zeros(B, self.hidden_size)
        else:
            h, c = hx[0][0], hx[1][0]
        out = []
        for t in range(T):
            f, i, g, o = (steps[t] + self.hh(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h.unsqueeze(0), c.unsqueeze(0))
