"""Results that chance decides, and chance that results are taken from."""

import torch
import torch.nn.functional as F
from hosts import ConcatLSTM, FusedLSTM, GateLinears, StepCell, TimeFirstLSTM


class DropoutInEval(FusedLSTM):
    """F.dropout drops in evaluation, too, unless told otherwise."""

    def write_output(self, outputs):
        return F.dropout(super().write_output(outputs), p=0.1)


class DropoutOnlyInEval(GateLinears):
    def combine(self, i, f, g, o, c):
        return super().combine(i, f, F.dropout(g, 0.2, training=not self.training), o, c)


class NoisyGates(StepCell):
    """A little noise 'as a regulariser', always."""

    def gates(self, x, h):
        return [z + 0.01 * torch.randn_like(z) for z in super().gates(x, h)]


class WeightDropKept(TimeFirstLSTM):
    """DropConnect written into .data: what is dropped never comes back."""

    def __init__(self, input_size, hidden_size, weight_dropout=0.1):
        super().__init__(input_size, hidden_size)
        self.weight_dropout = weight_dropout

    def run(self, x, h, c):
        if self.training:
            self.U.data = F.dropout(self.U.data, self.weight_dropout) * (1 - self.weight_dropout)
        return super().run(x, h, c)


class ConsumesTheGenerator(ConcatLSTM):
    """A dropout mask is drawn even where p = 0."""

    p = 0.0

    def step(self, x, h, c):
        keep = torch.rand_like(h) >= self.p
        return super().step(x, h * keep, c)


class SetsTheSeed(TimeFirstLSTM):
    """Reproducible, and with it everything that others draw afterwards."""

    def initial_state(self, x):
        torch.manual_seed(0)
        return super().initial_state(x)
