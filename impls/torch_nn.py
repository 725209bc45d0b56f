"""``torch.nn.LSTM`` behind the documented contract, with the output layer on top.

What it saves over :mod:`impls.batched_gates`: the loop itself leaves Python. On a GPU cuDNN
runs all steps in a few persistent kernels; on a CPU, oneDNN (inference) or ATen's C++ loop.
This is the baseline to beat, and usually the one to adopt.

Its layout, as torch documents it: ``weight_ih_l0`` (4H, I), ``weight_hh_l0`` (4H, H), and two
biases ``bias_ih_l0``, ``bias_hh_l0`` (4H,) that only ever act as their sum; gate order
i, f, g, o, with g the candidate.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from impls.contract import State, check_arguments, zero_state
from impls.parameters import CanonicalParameters, Parameters, Tensors

_TO_TORCH = (0, 1, 3, 2)
"""i, f, o, a → i, f, a, o and back: the permutation is its own inverse."""


class TorchNN(CanonicalParameters):
    """``nn.LSTM(input_size, hidden_size, batch_first=True)`` and an ``nn.Linear`` head."""

    def __init__(self, input_size: int, hidden_size: int, *, head: bool = True) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.has_head = head
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        if head:
            self.head = nn.Linear(hidden_size, hidden_size)

    def init_state(self, batch_size: int) -> State:
        return zero_state(batch_size, self.hidden_size, like=next(self.lstm.parameters()))

    def forward(self, inputs: Tensor, states: State | None = None) -> tuple[Tensor, State]:
        check_arguments(inputs, states, self.input_size, self.hidden_size)
        h, c = self.init_state(inputs.shape[0]) if states is None else states  # each (B, H)
        # nn.LSTM keeps a leading axis for layers and directions: (1, B, H).
        hidden, (h_n, c_n) = self.lstm(inputs, (h.unsqueeze(0), c.unsqueeze(0)))  # (B, T, H)
        rows = hidden.transpose(0, 1).reshape(-1, self.hidden_size)  # (T·B, H), time-major
        outputs = self.head(rows) if self.has_head else rows
        return outputs, (h_n.squeeze(0), c_n.squeeze(0))

    def pack(self, parameters: Parameters) -> Tensors:
        W, U, b = (t[list(_TO_TORCH)] for t in (parameters.W, parameters.U, parameters.b))
        own = {
            "lstm.weight_ih_l0": W.transpose(1, 2).flatten(0, 1),  # (4, I, H) → (4H, I)
            "lstm.weight_hh_l0": U.transpose(1, 2).flatten(0, 1),
            "lstm.bias_ih_l0": b.flatten(),
            "lstm.bias_hh_l0": torch.zeros_like(b.flatten()),
        }
        if parameters.head is not None:
            own |= {"head.weight": parameters.head[0].T, "head.bias": parameters.head[1]}
        return own

    def unpack(self, tensors: Tensors) -> Parameters:
        order = list(_TO_TORCH)
        W = torch.unflatten(tensors["lstm.weight_ih_l0"], 0, (4, -1))[order].transpose(1, 2)
        U = torch.unflatten(tensors["lstm.weight_hh_l0"], 0, (4, -1))[order].transpose(1, 2)
        biases = tensors["lstm.bias_ih_l0"] + tensors["lstm.bias_hh_l0"]
        head = (tensors["head.weight"].T, tensors["head.bias"]) if self.has_head else ()
        return Parameters(W, U, torch.unflatten(biases, 0, (4, -1))[order], *head)
