"""Batch and time mixed up, steps lost or repeated, rows that know of each other, bad sizes."""

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

# --- axes ----------------------------------------------------------------------------------------


class IgnoresBatchFirst(TimeFirstLSTM):
    """Takes the argument and does not look at it."""

    def __init__(self, input_size, hidden_size, batch_first=True):
        super().__init__(input_size, hidden_size)
        self.batch_first = batch_first


class ViewInsteadOfTransposeOut(FusedLSTM):
    """Stacked time first and viewed as batch first: the right shape, scrambled rows."""

    def write_output(self, outputs):
        stacked = torch.stack(outputs)
        return stacked.view(stacked.size(1), stacked.size(0), -1)


class ReshapeInsteadOfTransposeIn(ConcatLSTM):
    def run(self, x, h, c):
        steps = x.reshape(x.size(1), x.size(0), -1)
        return super().run(steps.transpose(0, 1), h, c)


class RowsScrambled(LSTMWithHead):
    """Stacked along the last axis, then reshaped to rows."""

    def write_output(self, outputs):
        return self.head(torch.stack(outputs, dim=2).reshape(-1, self.hidden_size))


class DefaultStateOfTheOtherAxis(GateLinears):
    """The default state has a row for every step, which fits where B = T."""

    def initial_state(self, x):
        zeros = x.new_zeros(x.size(1), self.hidden_size)
        return zeros, zeros


# --- steps ---------------------------------------------------------------------------------------


class TimeReversed(FusedLSTM):
    """Runs from the last step to the first."""

    def run(self, x, h, c):
        outputs, h, c = super().run(x.flip(1), h, c)
        return outputs[::-1], h, c


class OutputsReversed(TimeFirstLSTM):
    """Puts each output in front of those before it."""

    def write_output(self, outputs):
        return torch.stack(outputs[::-1])


class LastStepRepeated(GateLinears):
    def write_output(self, outputs):
        return outputs[-1].unsqueeze(1).expand(-1, len(outputs), -1)


class LastStepDropped(FusedLSTM):
    """range(T - 1), and the last row of a buffer of zeros stays as it is."""

    def run(self, x, h, c):
        T = x.size(1)
        outputs = [torch.zeros_like(h)] * T
        for t in range(T - 1):
            h, c = self.step(x[:, t], h, c)
            outputs[t] = h
        return outputs, h, c


class FirstStepSkipped(TimeFirstLSTM):
    def run(self, x, h, c):
        outputs = [h]
        for t in range(1, x.size(0)):
            h, c = self.step(x[t], h, c)
            outputs.append(h)
        return outputs, h, c


class FirstStepTwice(ConcatLSTM):
    """A warm-up step that is not taken back."""

    def run(self, x, h, c):
        h, c = self.step(x[:, 0], h, c)
        return super().run(x, h, c)


class OutputOneStepLate(GateParameters):
    """Each output is the hidden state that went into its step."""

    def run(self, x, h, c):
        outputs = []
        for x_t in x:
            outputs.append(h)
            h, c = self.step(x_t, h, c)
        return outputs, h, c


class NextInput(TimeFirstLSTM):
    """Each step reads the input of the next."""

    def run(self, x, h, c):
        return super().run(torch.cat([x[1:], x[-1:]]), h, c)


class CentredInput(GateLinears):
    """The mean over time is known only at the end of it."""

    def run(self, x, h, c):
        return super().run(x - x.mean(dim=1, keepdim=True), h, c)


class BackwardPassLeaks(FusedLSTM):
    """A second run from the end is added, but this layer has one direction."""

    def run(self, x, h, c):
        outputs, h_n, c_n = super().run(x, h, c)
        reverse, *_ = super().run(x.flip(1), h, c)
        return [a + 0.1 * b for a, b in zip(outputs, reverse[::-1])], h_n, c_n


# --- rows ----------------------------------------------------------------------------------------


class MixesRows(GateParameters):
    """Each feature is centred over the batch."""

    def gates(self, x, h):
        return super().gates(x - x.mean(dim=0), h)


class NormalisesHiddenOverBatch(ConcatLSTM):
    def gates(self, x, h):
        return super().gates(x, h / h.detach().norm(dim=0).clamp(min=1))


class NaNReachesOtherRows(TimeFirstLSTM):
    """Rows are picked by a product with a one-hot matrix, and 0 * nan is nan."""

    def step(self, x, h, c):
        pick = torch.eye(x.size(0), dtype=x.dtype, device=x.device)
        return super().step(pick @ x, h, c)


class FirstRowWins(StepCell):
    """The candidate of row 0 is used for every row."""

    def activate(self, i, f, g, o):
        return super().activate(i, f, g[:1], o)


# --- sizes ---------------------------------------------------------------------------------------


class SqueezesHiddenOne(GateLinears):
    def write_output(self, outputs):
        return super().write_output(outputs).squeeze(-1)


class SqueezesBatchOne(FusedLSTM):
    """Meant for an axis of layers, squeeze(0) takes a batch of one away."""

    def write_state(self, h, c):
        return super().write_state(h.squeeze(0), c.squeeze(0))


class SqueezesOneStep(ConcatLSTM):
    def write_output(self, outputs):
        return super().write_output(outputs).squeeze(1)


class SingleStepShortcut(FusedLSTM):
    """A shortcut for T = 1 takes the cell state to be zero."""

    def run(self, x, h, c):
        if x.size(1) > 1:
            return super().run(x, h, c)
        i, f, g, o = self.activate(*self.gates(x[:, 0], h))
        c = i * g
        h = o * torch.tanh(c)
        return [h], h, c


class RowsBeyondOneTile(TimeFirstLSTM):
    """The batch is cut into tiles of 109 rows; each starts from the state of the first tile."""

    TILE = 109

    def step(self, x, h, c):
        tiles = x.split(self.TILE)
        done = [super(RowsBeyondOneTile, self).step(t, h[: len(t)], c[: len(t)]) for t in tiles]
        return torch.cat([h for h, _ in done]), torch.cat([c for _, c in done])


class HiddenBeyondOneBlock(TimeFirstLSTM):
    """One block of 128 of the recurrent product is enough for the sizes its author had."""

    BLOCK = 128

    def gates(self, x, h):
        recurrent = h[:, : self.BLOCK] @ self.U[: self.BLOCK]
        i, f, o, g = (x @ self.W + recurrent + self.b).chunk(4, dim=1)
        return i, f, g, o


class StepsBeyondTheBuffer(FusedLSTM):
    """Steps beyond the 64th are cut off; the last state is repeated to keep the shape."""

    MAX_LEN = 64

    def run(self, x, h, c):
        outputs, h, c = super().run(x[:, : self.MAX_LEN], h, c)
        return outputs + [h] * (x.size(1) - len(outputs)), h, c


class ChunksForget(GateParameters):
    """Long sequences go in chunks of 32 steps; c is not handed from one to the next."""

    CHUNK = 32

    def run(self, x, h, c):
        outputs, c_0 = [], c
        for chunk in x.split(self.CHUNK):
            ys, h, c = super().run(chunk, h, c_0)
            outputs += ys
        return outputs, h, c


class LeftoverUnits(GateLinears):
    """Units are handled in fours; those left over keep their old cell state."""

    def combine(self, i, f, g, o, c):
        whole = self.hidden_size // 4 * 4
        new = f * c + i * g
        c = torch.cat([new[:, :whole], c[:, whole:]], dim=1)
        return o * torch.tanh(c), c


class FeaturesBeyondOneBlock(LSTMWithHead):
    """Of more than 64 input features, only 64 are read."""

    def gates(self, x, h):
        weight = self.x2h.weight[:, :64]
        from_x = torch.nn.functional.linear(x[:, :64], weight, self.x2h.bias)
        return (from_x + self.h2h(h)).chunk(4, dim=1)


class EvenStepsOnly(HandBackwardLSTM):
    """Two steps at a time; the odd one at the end is left out."""

    def forward(self, x, h0=None, c0=None):
        even = x[: len(x) // 2 * 2] if len(x) > 1 else x
        y, h, c = super().forward(even, h0, c0)
        return torch.cat([y, y[-1:]]) if len(y) < len(x) else y, h, c


class LastPartForgotten(StepCell):
    """A batch is worked through in parts of 64 rows; the last part is forgotten if it is short."""

    PART = 64

    def step(self, x, h, c):
        h_new, c_new = h.clone(), c.clone()
        for start in range(0, max(len(x) - self.PART, 0) + 1, self.PART):
            rows = slice(start, start + self.PART)
            h_new[rows], c_new[rows] = super().step(x[rows], h[rows], c[rows])
        return h_new, c_new
