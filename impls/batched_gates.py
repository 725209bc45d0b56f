"""The four gates of a step in one matrix product, the input's product out of the loop.

What it saves over :mod:`impls.documented_loop`, with G = 4H, the gates side by side:

- The four products from h become one, (B, H) @ (H, G): one launch, and a matrix wide enough
  to keep the arithmetic units busy.
- The four products from x do not depend on h, so they leave the loop: all steps at once,
  (T·B, I) @ (I, G). T·4 small products become one large one, and the bias rides along.
- σ of three gates is one kernel over 3H contiguous columns (hence the gate order i, f, o, a),
  and the output layer is one product over all steps after the loop.

A step is left with one matrix product and about eight element-wise kernels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from impls.contract import State, check_arguments, zero_state
from impls.parameters import CanonicalParameters, Parameters, Tensors


class BatchedGates(CanonicalParameters):
    """Parameters W (I, 4H), U (H, 4H), b (4H,), gates in the order i, f, o, a; head (H, H)."""

    def __init__(self, input_size: int, hidden_size: int, *, head: bool = True) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.has_head = head
        self.W = nn.Parameter(torch.randn(input_size, 4 * hidden_size))
        self.U = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size))
        self.b = nn.Parameter(torch.randn(4 * hidden_size))
        if head:
            self.W_h = nn.Parameter(torch.randn(hidden_size, hidden_size))
            self.b_h = nn.Parameter(torch.randn(hidden_size))

    def init_state(self, batch_size: int) -> State:
        return zero_state(batch_size, self.hidden_size, like=self.W)

    def forward(self, inputs: Tensor, states: State | None = None) -> tuple[Tensor, State]:
        check_arguments(inputs, states, self.input_size, self.hidden_size)
        B, T, _ = inputs.shape
        H = self.hidden_size
        h, c = self.init_state(B) if states is None else states  # each (B, H)
        rows = inputs.transpose(0, 1).reshape(T * B, -1)  # (T·B, I), time-major
        from_inputs = torch.addmm(self.b, rows, self.W).view(T, B, 4 * H)
        hidden = []
        for from_input in from_inputs.unbind(0):  # (B, 4H)
            z = torch.addmm(from_input, h, self.U)  # (B, 4H)
            i, f, o = z[:, : 3 * H].sigmoid().chunk(3, dim=1)  # each (B, H)
            a = z[:, 3 * H :].tanh()
            c = torch.addcmul(f * c, i, a)
            h = o * c.tanh()
            hidden.append(h)
        outputs = torch.cat(hidden, dim=0)  # (T·B, H), time-major rows
        if self.has_head:
            outputs = torch.addmm(self.b_h, outputs, self.W_h)
        return outputs, (h, c)

    def pack(self, parameters: Parameters) -> Tensors:
        own = {
            "W": _side_by_side(parameters.W),
            "U": _side_by_side(parameters.U),
            "b": parameters.b.reshape(-1),
        }
        if parameters.head is not None:
            own |= {"W_h": parameters.head[0], "b_h": parameters.head[1]}
        return own

    def unpack(self, tensors: Tensors) -> Parameters:
        head = (tensors["W_h"], tensors["b_h"]) if self.has_head else ()
        return Parameters(
            _stacked(tensors["W"]), _stacked(tensors["U"]), tensors["b"].view(4, -1), *head
        )


def _side_by_side(stacked: Tensor) -> Tensor:
    """(4, N, H) → (N, 4H)."""
    return stacked.transpose(0, 1).reshape(stacked.shape[1], -1)


def _stacked(side_by_side: Tensor) -> Tensor:
    """(N, 4H) → (4, N, H)."""
    return torch.unflatten(side_by_side, 1, (4, -1)).transpose(0, 1)
