"""States that are ignored, swapped, invented, stale, or kept from another call."""

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

# --- in ------------------------------------------------------------------------------------------


class IgnoresHidden(FusedLSTM):
    def read_state(self, state):
        h, c = super().read_state(state)
        return torch.zeros_like(h), c


class IgnoresCell(TimeFirstLSTM):
    def read_state(self, state):
        h, c = state
        return h, torch.zeros_like(c)


class IgnoresState(GateParameters):
    """The state is checked, and then replaced by the default one."""

    def forward(self, x, state=None):
        self.check(x, state)
        return super().forward(x)


class HiddenForBoth(ConcatLSTM):
    def read_state(self, state):
        h, _ = state
        return h, h


class SwappedIn(FusedLSTM):
    def read_state(self, state):
        c, h = super().read_state(state)
        return h, c


class SwappedArguments(HandBackwardLSTM):
    def forward(self, x, h0=None, c0=None):
        return super().forward(x, c0, h0)


class FirstRowForAll(TimeFirstLSTM):
    """The state of row 0 is given to every row."""

    def read_state(self, state):
        h, c = state
        return h[:1].expand_as(h), c[:1].expand_as(c)


class StateScaled(GateLinears):
    """The handed-over state is squashed, although it was squashed when it was made."""

    def read_state(self, state):
        h, c = state
        return torch.tanh(h), c


class ReshapedState(FusedLSTM):
    """Filled in for (H, B): reshape never complains."""

    def read_state(self, state):
        h, c = super().read_state(state)
        return h.reshape(h.size(1), h.size(0)).t(), c


# --- the default ---------------------------------------------------------------------------------


class RandomDefault(ConcatLSTM):
    def initial_state(self, x):
        h, c = super().initial_state(x)
        return torch.randn_like(h), torch.randn_like(c)


class OnesDefault(GateLinears):
    def initial_state(self, x):
        h, c = super().initial_state(x)
        return torch.ones_like(h), torch.ones_like(c)


class FirstBatchDefault(GateLinears):
    """Zeros made for the first batch serve for every later one, whatever its size."""

    zeros = None

    def initial_state(self, x):
        if self.zeros is None:
            self.zeros = super().initial_state(x)
        return self.zeros


# --- between calls -------------------------------------------------------------------------------


class LeaksBetweenCalls(FusedLSTM):
    last = None

    def initial_state(self, x):
        zeros, _ = super().initial_state(x)
        return self.last if self.last and self.last[0].shape == zeros.shape else (zeros, zeros)

    def write_state(self, h, c):
        self.last = h.detach(), c.detach()
        return super().write_state(h, c)


class CellKeepsItsOwnState(StepCell):
    """A cell that remembers c itself, so that two sequences get mixed up."""

    c = None

    def write_state(self, h, c):
        self.c = c.detach()
        return h, c

    def read_state(self, state):
        h, c = state
        return h, c if self.c is None or self.c.shape != c.shape else self.c


class HiddenLeaks(LSTMWithHead):
    """Only h of the last call is left behind."""

    h = None

    def initial_state(self, x):
        h, c = super().initial_state(x)
        return (h if self.h is None or self.h.shape != h.shape else self.h), c

    def write_state(self, h, c):
        self.h = h.detach()
        return h, c


# --- between steps -------------------------------------------------------------------------------


class CellNotCarried(GateLinears):
    def run(self, x, h, c):
        c_0 = c
        outputs = []
        for x_t in x.unbind(1):
            h, c = self.step(x_t, h, c_0)
            outputs.append(h)
        return outputs, h, c


class HiddenNotCarried(TimeFirstLSTM):
    def run(self, x, h, c):
        outputs = []
        for x_t in x:
            h_t, c = self.step(x_t, h, c)
            outputs.append(h_t)
        return outputs, h_t, c


class HiddenOneStepStale(ConcatLSTM):
    """The gates read h of the step before the last."""

    def run(self, x, h, c):
        hs = [h, h]
        for x_t in x.unbind(1):
            h, c = self.step(x_t, hs[-2], c)
            hs.append(h)
        return hs[2:], h, c


class CellOfOldHidden(GateParameters):
    """From the second step on, h is carried where c should be."""

    def run(self, x, h, c):
        outputs = []
        for x_t in x:
            h, c_t = self.step(x_t, h, c)
            c = h
            outputs.append(h)
        return outputs, h, c_t


# --- out -----------------------------------------------------------------------------------------


class SwappedOut(TimeFirstLSTM):
    def write_state(self, h, c):
        return c, h


class SwappedOutCell(StepCell):
    def write_state(self, h, c):
        return c, h


class HiddenReturnedAsCell(FusedLSTM):
    def write_state(self, h, c):
        return super().write_state(h, h)


class CellReturnedSquashed(HandBackwardLSTM):
    def forward(self, x, h0=None, c0=None):
        y, h, c = super().forward(x, h0, c0)
        return y, h, torch.tanh(c)


class CellAsOutput(GateLinears):
    """The outputs are the cell states."""

    def run(self, x, h, c):
        outputs = []
        for x_t in x.unbind(1):
            h, c = self.step(x_t, h, c)
            outputs.append(c)
        return outputs, h, c


class FirstStepState(TimeFirstLSTM):
    """The state after the first step is returned."""

    def run(self, x, h, c):
        outputs, *_ = super().run(x, h, c)
        return outputs, *self.step(x[0], h, c)


class StateBeforeLastStep(FusedLSTM):
    def run(self, x, h, c):
        outputs = []
        for x_t in x.unbind(1):
            before = h, c
            h, c = self.step(x_t, h, c)
            outputs.append(h)
        return outputs, *before


class ReturnsGivenState(ConcatLSTM):
    def run(self, x, h, c):
        outputs, *_ = super().run(x, h, c)
        return outputs, h, c


class StateOfRowsReversed(GateParameters):
    """Rows are sorted for speed; the states are not sorted back."""

    def run(self, x, h, c):
        order = x[0, :, 0].argsort(descending=True)
        outputs, h_n, c_n = super().run(x[:, order], h[order], c[order])
        back = order.argsort()
        return [y[back] for y in outputs], h_n, c_n
