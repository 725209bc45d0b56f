"""A right LSTM with nn.LSTM's names and layout, and a wrong one; all others derive from them."""

from torch import nn


class Good(nn.LSTM):
    """nn.LSTM with two arguments: what every subject here is until it misbehaves."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)

    def attack(self):
        """What a subject does at the place that its base class names."""


class Wrong(Good):
    """Outputs are off by a tenth: no honest harness calls it right, whatever it is told."""

    def forward(self, input, hx=None):
        self.attack()
        y, state = super().forward(input, hx)
        return y + 0.1, state
