"""Options of a constructor that are right as they stand, and wrong the other way."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Biased(nn.Module):
    def __init__(self, input_size, hidden_size, use_bias=True):
        super().__init__()
        self.W = nn.Parameter(torch.randn(input_size, 4 * hidden_size) / 3)
        self.U = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size) / 3)
        self.b = nn.Parameter(torch.randn(4 * hidden_size)) if use_bias else None

    def over(self, x, h):
        z = x @ self.W + h @ self.U
        return z if self.b is None else z + self.b

    def forward(self, x, state=None):
        h, c = state or x.new_zeros(2, x.shape[1], len(self.U))
        outputs = []
        for x_t in x:
            i, f, g, o = self.over(x_t, h).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class ForgetsHWithoutBias(Biased):
    def over(self, x, h):
        return x @ self.W if self.b is None else super().over(x, h)


class Packing(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=batch_first)

    def padded(self, y):
        return pad_packed_sequence(y, batch_first=self.lstm.batch_first)[0]

    def forward(self, x, state=None, lengths=None):
        if lengths is None:
            return self.lstm(x, state)
        first = self.lstm.batch_first
        packed = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
        y, state = self.lstm(packed, state)
        return self.padded(y), state


class PaddedTimeFirst(Packing):
    def padded(self, y):
        return pad_packed_sequence(y)[0]


RIGHT = ("Biased", "Packing")

WRONG = {
    "ForgetsHWithoutBias": "with use_bias=False, the output sequence y is wrong",
    "PaddedTimeFirst": "with batch_first=True and `lengths`, ",
}
