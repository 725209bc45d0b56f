"""The contract that every implementation in this package keeps.

Shape legend, used in every file of the package::

    B  batch size            T  number of time steps
    I  input_size            H  hidden_size
    4  the gates in the order i, f, o, a (input, forget, output, candidate)

One step of the recurrence, for each sequence of the batch::

    i = σ(x W_i + h U_i + b_i)          f = σ(x W_f + h U_f + b_f)
    o = σ(x W_o + h U_o + b_o)          ã = tanh(x W_a + h U_a + b_a)
    c ← f ⊙ c + i ⊙ ã                   h ← o ⊙ tanh(c)
    y = h W_h + b_h                     (the output layer, or "head"; without one, y = h)
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from impls.parameters import Parameters

State = tuple[Tensor, Tensor]
"""``(h, c)``: hidden state and cell state, each (B, H)."""


@runtime_checkable
class LSTMLayer(Protocol):
    """An LSTM layer over a batch of sequences. Structural: no base class is asked for.

    The constructor takes ``(input_size, hidden_size, *, head=True)``.
    """

    input_size: int
    hidden_size: int

    def init_state(self, batch_size: int) -> State:
        """Zeros, each (B, H), with the device and dtype of the parameters."""
        ...

    def __call__(self, inputs: Tensor, states: State | None = None) -> tuple[Tensor, State]:
        """Run all T steps.

        inputs: (B, T, I). states: (h, c), each (B, H); zeros where None.
        Returns outputs (T·B, H), **time-major rows** (step t of sequence b is row t·B + b),
        and the state (h, c) after the last step, each (B, H).
        Raises ValueError where a rank or size does not fit.
        """
        ...

    def load_parameters(self, parameters: Parameters) -> None:
        """Take these values; exact, whatever the layer's own layout."""
        ...

    def read_parameters(self) -> Parameters:
        """The layer's values in canonical form; the inverse of :meth:`load_parameters`."""
        ...

    def load_gradients(self, gradients: Parameters) -> None:
        """Set every parameter's ``.grad`` from canonical gradients."""
        ...

    def read_gradients(self) -> Parameters:
        """The gradients in canonical form. Raises ValueError where there are none yet."""
        ...


def check_arguments(
    inputs: Tensor, states: State | None, input_size: int, hidden_size: int
) -> None:
    """Refuse inputs (B, T, I) and states (h, c) of wrong rank or size.

    Broadcasting would turn most of these mistakes into a wrong answer without a word.
    """
    if inputs.dim() != 3:
        raise ValueError(
            f"inputs: expected 3 dimensions (batch, steps, {input_size}), "
            f"got {inputs.dim()}: {tuple(inputs.shape)}"
        )
    batch, steps, features = inputs.shape
    if features != input_size:
        raise ValueError(f"inputs: expected {input_size} features in the last axis, got {features}")
    if batch == 0 or steps == 0:
        raise ValueError(
            f"inputs: expected at least one sequence and one step, got ({batch}, {steps})"
        )
    if states is None:
        return
    if not isinstance(states, (tuple, list)) or len(states) != 2:
        raise ValueError("states: expected a pair (h, c)")
    for name, state in zip(("h", "c"), states, strict=True):
        if tuple(state.shape) != (batch, hidden_size):
            raise ValueError(
                f"states: expected {name} of shape ({batch}, {hidden_size}), "
                f"got {tuple(state.shape)}"
            )


def zero_state(batch_size: int, hidden_size: int, like: Tensor) -> State:
    """Zeros (B, H) for h and c, on the device and in the dtype of ``like``."""
    h = torch.zeros(batch_size, hidden_size, device=like.device, dtype=like.dtype)
    return h, torch.zeros_like(h)
