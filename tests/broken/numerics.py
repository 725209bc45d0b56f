"""Right for moderate numbers: overflow, clipping, approximation, and NaN made to disappear."""

import torch
from hosts import (
    ConcatLSTM,
    FusedLSTM,
    GateLinears,
    GateParameters,
    HandBackwardLSTM,
    LSTMWithHead,
    StepCell,
    TimeFirstLSTM,
)


def naive_sigmoid(z):
    e = torch.exp(z)
    return e / (1 + e)


def naive_tanh(z):
    up, down = torch.exp(z), torch.exp(-z)
    return (up - down) / (up + down)


class SigmoidOverflows(TimeFirstLSTM):
    def activate(self, i, f, g, o):
        return naive_sigmoid(i), naive_sigmoid(f), torch.tanh(g), naive_sigmoid(o)


class TanhOverflows(GateLinears):
    def activate(self, i, f, g, o):
        return torch.sigmoid(i), torch.sigmoid(f), naive_tanh(g), torch.sigmoid(o)


class SigmoidGradientOverflows(StepCell):
    """1 / (1 + exp(-z)) is right for every z; its gradient is 0 * inf."""

    def activate(self, i, f, g, o):
        i, f, o = (1 / (1 + torch.exp(-z)) for z in (i, f, o))
        return i, f, torch.tanh(g), o


class CellClipped(FusedLSTM):
    """Nothing in its name or its arguments says that the cell state ends at 3."""

    def combine(self, i, f, g, o, c):
        c = torch.clamp(f * c + i * g, -3, 3)
        return o * torch.tanh(c), c


class CellClippedFarOut(GateParameters):
    def combine(self, i, f, g, o, c):
        c = torch.clamp(f * c + i * g, -50, 50)
        return o * torch.tanh(c), c


class PreActivationsClipped(ConcatLSTM):
    """Against overflow, but sigmoid(5) is 0.993, and its gradient is gone."""

    def activate(self, i, f, g, o):
        return super().activate(*(z.clamp(-5, 5) for z in (i, f, g, o)))


class NaNCleaned(TimeFirstLSTM):
    def combine(self, i, f, g, o, c):
        h, c = super().combine(i, f, g, o, c)
        return torch.nan_to_num(h), torch.nan_to_num(c)


class NaNInputCleaned(LSTMWithHead):
    """Missing values count as zero."""

    def run(self, x, h, c):
        return super().run(torch.where(x.isnan(), torch.zeros_like(x), x), h, c)


class EpsilonInSigmoid(GateLinears):
    """Nothing can be divided by zero here, and everything is off by a ten-thousandth."""

    def activate(self, i, f, g, o):
        i, f, o = (1 / (1 + torch.exp(-z) + 1e-4) for z in (i, f, o))
        return i, f, torch.tanh(g), o


class ApproximateTanh(GateParameters):
    """A rational function, good to 2 %."""

    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        z = c.clamp(-3, 3)
        return o * z * (27 + z * z) / (27 + 9 * z * z), c


class SmallValuesFlushed(FusedLSTM):
    """Cell states below 0.05 become zero, 'for sparsity'."""

    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        c = torch.where(c.abs() < 0.05, torch.zeros_like(c), c)
        return o * torch.tanh(c), c


class GatesRounded(StepCell):
    """Gates are rounded to steps of 1/256; gradients pass by."""

    def activate(self, i, f, g, o):
        gates = super().activate(i, f, g, o)
        return [gate + ((gate * 256).round() / 256 - gate).detach() for gate in gates]


class HiddenClipped(HandBackwardLSTM):
    """Outputs are kept below 0.5, although the states are not."""

    def forward(self, x, h0=None, c0=None):
        y, h, c = super().forward(x, h0, c0)
        return y.clamp(-0.5, 0.5), h, c
