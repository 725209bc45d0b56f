"""LSTMs whose hidden state may be projected to another width, right ones and with one mistake."""

import torch
from torch import nn


class Projected(nn.Module):
    """Time first; states (layers · directions, B, P) and (layers · directions, B, H)."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False, proj_size=0):
        super().__init__()
        self.hidden_size, self.ways = hidden_size, 1 + bidirectional
        self.width = proj_size or hidden_size
        wide = [input_size] + [self.ways * self.width] * (num_layers - 1)
        runs = [w for w in wide for _ in range(self.ways)]
        self.over_x = nn.ModuleList(nn.Linear(w, 4 * hidden_size) for w in runs)
        self.over_h = nn.ModuleList(
            nn.Linear(self.width, 4 * hidden_size, bias=False) for _ in runs
        )
        if proj_size:
            self.proj = nn.ModuleList(nn.Linear(hidden_size, proj_size, bias=False) for _ in runs)
        self.projects = bool(proj_size)

    def project(self, h, k):
        return self.proj[k](h) if self.projects else h

    def one_way(self, k, x, h, c, back):
        outputs = []
        for x_t in x.flip(0) if back else x:
            i, f, g, o = (self.over_x[k](x_t) + self.over_h[k](h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = self.project(o.sigmoid() * c.tanh(), k)
            outputs.append(h)
        y = torch.stack(outputs)
        return (y.flip(0) if back else y), (h, c)

    def forward(self, x, state=None):
        count = len(self.over_x)
        if state is None:
            state = (
                x.new_zeros(count, x.shape[1], self.width),
                x.new_zeros(count, x.shape[1], self.hidden_size),
            )
        ends = []
        for layer in range(count // self.ways):
            outputs = []
            for way in range(self.ways):
                k = layer * self.ways + way
                y, end = self.one_way(k, x, state[0][k], state[1][k], way == 1)
                outputs.append(y)
                ends.append(end)
            x = torch.cat(outputs, -1)
        return x, tuple(torch.stack(parts) for parts in zip(*ends, strict=True))


class ByWidth(Projected):
    """The option is off with None, and its matrix is a parameter (H, P)."""

    def __init__(self, input_size, hidden_size, num_layers=1, width=None):
        super().__init__(input_size, hidden_size, num_layers, proj_size=width or 0)
        if width:
            del self.proj
            self.down = nn.ParameterList(
                nn.Parameter(torch.randn(hidden_size, width)) for _ in self.over_x
            )

    def project(self, h, k):
        return h @ self.down[k] if self.projects else h


class Squashed(Projected):
    def project(self, h, k):
        return super().project(h, k).tanh() if self.projects else h


class Cut(Projected):
    def project(self, h, k):
        return super().project(h, k).detach() if self.projects else h


class StateUnprojected(Projected):
    """What is returned as the hidden state is not what is fed back."""

    def one_way(self, k, x, h, c, back):
        y, (h, c) = super().one_way(k, x, h, c, back)
        return y, (2 * h if self.projects else h, c)


class OutputAlone(nn.Module):
    def __init__(self, input_size, hidden_size, proj_size=0):
        super().__init__()
        self.rnn = nn.LSTM(input_size, hidden_size)
        self.proj = nn.Linear(hidden_size, proj_size, bias=False) if proj_size else nn.Identity()

    def forward(self, x, state=None):
        y, state = self.rnn(x, state)
        return self.proj(y), state


RIGHT = ("Projected", "ByWidth")

WRONG = {
    "Squashed": "the projected hidden state goes through tanh",
    "Cut": "no gradient flows through the projection",
    "StateUnprojected": "a returned state is no layer's",
}
