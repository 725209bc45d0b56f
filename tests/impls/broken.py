"""LSTMs with one defect each, of the kinds found in public code.

They subclass the correct layers and keep everything else right, so that a property that fails
on one of them fails because of that defect. Most come in a handful of lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from impls.batched_gates import BatchedGates
from impls.contract import State
from impls.parameters import Parameters, Tensors
from impls.torch_nn import TorchNN

Result = tuple[Tensor, State]


class StepByStep(BatchedGates):
    """Correct, with the places where defects are planted as attributes and methods."""

    forget: Callable[[Tensor], Tensor] = staticmethod(torch.sigmoid)

    def carry(self, h: Tensor, c: Tensor) -> State:
        """The state that goes from one step to the next."""
        return h, c

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        h, c = self.init_state(inputs.shape[0]) if states is None else states
        outputs = []
        for x in inputs.unbind(1):
            i, f, o, a = (x @ self.W + h @ self.U + self.b).chunk(4, dim=1)
            c = self.forget(f) * c + i.sigmoid() * a.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h @ self.W_h + self.b_h if self.has_head else h)
            h, c = self.carry(h, c)
        return torch.cat(outputs), (h, c)


class ForgetGateTanh(StepByStep):
    forget = staticmethod(torch.tanh)


class HiddenStateUnsquashed(StepByStep):
    """Hands c on as the hidden state."""

    def carry(self, h: Tensor, c: Tensor) -> State:
        return c, c


class HistoryDetached(StepByStep):
    """No gradient through the hidden state from one step to the one before."""

    def carry(self, h: Tensor, c: Tensor) -> State:
        return h.detach(), c


class AcceptsAnything(StepByStep):
    """No check of the arguments: what broadcasts, passes."""


class OutputForgetGatesSwapped(BatchedGates):
    def pack(self, parameters: Parameters) -> Tensors:
        order = [0, 2, 1, 3]
        swapped = (t[order] for t in (parameters.W, parameters.U, parameters.b))
        return super().pack(Parameters(*swapped, *(parameters.head or ())))

    def unpack(self, tensors: Tensors) -> Parameters:
        order = [0, 2, 1, 3]
        found = super().unpack(tensors)
        swapped = (t[order] for t in (found.W, found.U, found.b))
        return Parameters(*swapped, *(found.head or ()))


class ReturnsStateSwapped(BatchedGates):
    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        outputs, (h, c) = super().forward(inputs, states)
        return outputs, (c, h)


class TakesStateSwapped(BatchedGates):
    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        return super().forward(inputs, None if states is None else (states[1], states[0]))


class IgnoresHidden(BatchedGates):
    """The given h0 is dropped, as if it were zeros."""

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        if states is not None:
            states = (torch.zeros_like(states[0]), states[1])
        return super().forward(inputs, states)


class RandomDefaultState(BatchedGates):
    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        if states is None:
            states = tuple(torch.randn_like(part) for part in self.init_state(len(inputs)))  # type: ignore[assignment]
        return super().forward(inputs, states)


class LeaksState(BatchedGates):
    """Without a state, goes on from the last call's."""

    last: State | None = None

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        if states is None and self.last is not None and len(self.last[0]) == len(inputs):
            states = self.last
        outputs, (h, c) = super().forward(inputs, states)
        self.last = h.detach(), c.detach()
        return outputs, (h, c)


class BatchMajorRows(BatchedGates):
    """The order that the documented shape (batch · steps, H) suggests, and does not mean."""

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        outputs, state = super().forward(inputs, states)
        batch, steps, _ = inputs.shape
        return outputs.view(steps, batch, -1).transpose(0, 1).reshape(steps * batch, -1), state


class MixesBatch(BatchedGates):
    """Centres the inputs over the batch, as a misplaced normalisation does."""

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        return super().forward(inputs - inputs.mean(dim=0, keepdim=True), states)


class DriftsOverTheBatch(BatchedGates):
    """Slightly off for every place in the batch but the first, as kernels with tails are."""

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        place = torch.arange(len(inputs), dtype=inputs.dtype, device=inputs.device)
        return super().forward(inputs * (1 + 1e-6 * place[:, None, None]), states)


class DetachesGivenState(BatchedGates):
    """Truncates where nobody asked for it: h0 and c0 get no gradient."""

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        if states is not None:
            states = (states[0].detach(), states[1].detach())
        return super().forward(inputs, states)


class DropsCellCotangent(BatchedGates):
    """The returned cell state is cut off: a loss on it reaches no parameter through time."""

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        outputs, (h, c) = super().forward(inputs, states)
        return outputs, (h, c.detach() + 0 * h)


class BiasTwice(TorchNN):
    """The one canonical bias goes into both of nn.LSTM's."""

    def pack(self, parameters: Parameters) -> Tensors:
        own = dict(super().pack(parameters))
        return own | {"lstm.bias_hh_l0": own["lstm.bias_ih_l0"]}


class HalfPrecisionInside(BatchedGates):
    """Falls back to a smaller type without a word: in float64 it computes in float32."""

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        smaller = torch.float32 if inputs.dtype == torch.float64 else torch.bfloat16
        outputs, state = super().forward(inputs.to(smaller).to(inputs.dtype), states)
        return outputs, state


class PlainStates(BatchedGates):
    """The documented listing's zeros: on the CPU, in float32, whatever the parameters are."""

    def init_state(self, batch_size: int) -> State:
        return torch.zeros(batch_size, self.hidden_size), torch.zeros(batch_size, self.hidden_size)


class OneBuffer(BatchedGates):
    """Keeps its outputs in a buffer that the next call of the same size fills again."""

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        outputs, state = super().forward(inputs, states)
        if torch.is_grad_enabled():
            return outputs, state
        self.__dict__.setdefault("buffer", outputs.new_empty(1000, outputs.shape[1]))
        view = self.buffer[: len(outputs)]
        return view.copy_(outputs), state


class WritesIntoState(BatchedGates):
    """Saves an allocation by updating the caller's state in place."""

    def forward(self, inputs: Tensor, states: State | None = None) -> Result:
        outputs, (h, c) = super().forward(inputs, states)
        if states is not None and not torch.is_grad_enabled():
            states[0].copy_(h)
        return outputs, (h, c)


class StateAsList(BatchedGates):
    def forward(self, inputs: Tensor, states: State | None = None) -> Any:
        outputs, state = super().forward(inputs, states)
        return outputs, list(state)


class LoadsRounded(BatchedGates):
    """Parameters pass through float16 on their way in."""

    def pack(self, parameters: Parameters) -> Tensors:
        return super().pack(parameters.map(lambda t: t.half().to(t.dtype)))


class GradientsUntransposed(BatchedGates):
    """Reads the gradients of U in the layout (out, in): right only for symmetric matrices."""

    def read_gradients(self) -> Parameters:
        g = super().read_gradients()
        return Parameters(g.W, g.U.transpose(1, 2), g.b, *(g.head or ()))
