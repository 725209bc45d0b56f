"""A stack of LSTMs as in many a tutorial. One line of it is wrong, which no test of shapes sees."""

import torch
from torch import nn


class DeepLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=2):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(nn.LSTMCell(size, hidden_size) for size in sizes)
        self.shape = (2, num_layers, -1, hidden_size)

    def forward(self, x, state=None):  # x: (steps, batch, features)
        zeros = x.new_zeros(2 * len(self.cells) * x.shape[1] * self.shape[-1])
        h0, c0 = zeros.view(self.shape) if state is None else state
        ends = []
        for cell in self.cells:
            h, c = h0[0], c0[0]
            outputs = []
            for x_t in x:
                h, c = cell(x_t, (h, c))
                outputs.append(h)
            x = torch.stack(outputs)
            ends.append((h, c))
        h, c = (torch.stack(part) for part in zip(*ends, strict=True))
        return x, (h, c)
