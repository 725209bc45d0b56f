"""Tensors of the caller that are written to, results that are overwritten later, leaks."""

import torch
from hosts import ConcatLSTM, FusedLSTM, GateLinears, GateParameters, StepCell, TimeFirstLSTM


class TransposesInPlace(FusedLSTM):
    """x.transpose_: the caller's tensor has other axes afterwards."""

    def run(self, x, h, c):
        x.transpose_(0, 1)
        return super().run(x.transpose(0, 1), h, c)


class InputAsBuffer(TimeFirstLSTM):
    """Without gradients, and where sizes allow, outputs are written over the inputs."""

    def forward(self, x, state=None):
        y, state = super().forward(x, state)
        return (x.copy_(y) if x.shape == y.shape and not y.requires_grad else y), state


class CellStateModified(StepCell):
    """Without gradients, the cell state is updated where it lies: in the caller's hands."""

    def combine(self, i, f, g, o, c):
        if torch.is_grad_enabled():
            return super().combine(i, f, g, o, c)
        c.mul_(f).add_(i * g)
        return o * torch.tanh(c), c


class GivenStateMovedOn(GateLinears):
    """The given state becomes the last one, 'so that the next call goes on from there'."""

    def forward(self, x, state=None):
        y, last = super().forward(x, state)
        for given, new in zip(state or (), last):
            given.data.copy_(new)
        return y, last


class OutputBufferReused(ConcatLSTM):
    """Without gradients, outputs go into one buffer that every call overwrites."""

    buffer = None

    def write_output(self, outputs):
        y = super().write_output(outputs)
        if y.requires_grad:
            return y
        if self.buffer is None or self.buffer.shape != y.shape:
            self.buffer = torch.empty_like(y)
        return self.buffer.copy_(y)


class WeightsClipped(GateParameters):
    """Every forward pass clips the weights."""

    def run(self, x, h, c):
        for parameter in self.parameters():
            parameter.data.clamp_(-0.5, 0.5)
        return super().run(x, h, c)


class WeightsNormalised(TimeFirstLSTM):
    """The recurrent matrix is brought to norm 1 where it is larger, for good."""

    def run(self, x, h, c):
        with torch.no_grad():
            self.U /= torch.linalg.matrix_norm(self.U).clamp(min=1)
        return super().run(x, h, c)


class HistoryGrows(GateLinears):
    """Every output ever made is kept."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.history = []

    def write_output(self, outputs):
        y = super().write_output(outputs)
        self.history.append(y.detach())
        return y


class CacheGrows(StepCell):
    """A cache with an entry for every input that was ever seen."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def step(self, x, h, c):
        self.cache[x.detach().clone()] = h.detach().clone()
        return super().step(x, h, c)
