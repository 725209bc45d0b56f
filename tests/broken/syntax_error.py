"""Left in the middle of a line. No formatter or test may read this file."""

from torch import nn


class Unfinished(nn.LSTM):
    def forward(self, x, state=None:
        return super().forward(x, state)
