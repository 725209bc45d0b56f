"""Sizes that do not fit and are taken all the same. The results for sizes that fit are right."""

import torch
import torch.nn.functional as F
from hosts import FusedLSTM, GateLinears, GateParameters, StepCell, TimeFirstLSTM


class StateBroadcasts(TimeFirstLSTM):
    """A state of one row serves for any batch, one of one unit for any H."""

    def check(self, x, state):
        super().check(x, None)


class StateCut(GateLinears):
    """Of a state for a larger batch, the first rows are taken."""

    def forward(self, x, state=None):
        if state is not None:
            state = [part[: x.size(0)] for part in state]
        return super().forward(x, state)


class FeaturesCut(GateParameters):
    """More features than expected: the first ones are read."""

    def forward(self, x, state=None):
        return super().forward(x[..., : self.input_size], state)


class FeaturesPadded(FusedLSTM):
    """Fewer features than expected: zeros are read for those that lack."""

    def forward(self, input, hx=None):
        return super().forward(F.pad(input, (0, self.input_size - input.size(-1))), hx)


class ReshapesAnything(GateLinears):
    """Other features become other steps."""

    def forward(self, x, state=None):
        return super().forward(x.reshape(x.size(0), -1, self.input_size), state)


class CellStateBroadcasts(StepCell):
    """h is checked and c is not."""

    def check(self, x, state):
        if state is not None:
            h, _ = state
            state = (h, h)
        super().check(x, state)


class CutsHiddenOfState(TimeFirstLSTM):
    """A state of another layer, wider than this one, is cut to size."""

    def forward(self, x, state=None):
        if state is not None:
            state = tuple(torch.narrow(part, 1, 0, self.hidden_size) for part in state)
        return super().forward(x, state)
