"""Somebody's package: an LSTM of their own, written without a thought of lstm-bench."""

import torch
from torch import nn


class TheirLSTM(nn.Module):
    def __init__(self, n_in: int, n_hidden: int) -> None:
        super().__init__()
        self.n_hidden = n_hidden
        self.gates = nn.Linear(n_in + n_hidden, 4 * n_hidden)

    def forward(self, x, state=None):  # x: (batch, time, n_in)
        if state is None:
            zeros = x.new_zeros(x.shape[0], self.n_hidden)
            state = zeros, zeros
        h, c = state
        outputs = []
        for x_t in x.unbind(1):
            f, i, o, g = self.gates(torch.cat([x_t, h], dim=1)).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c)
