"""The documented LSTM: one gate at a time, one step at a time.

The equations as textbooks print them, one line a gate. Nothing is shared between gates or
steps: a step costs eight small matrix products (four gates, from x and from h) and about
twenty element-wise kernels, so for small sizes the time goes into launching operations, not
into arithmetic. It is the implementation to read first and to adopt last.

The parameters keep their documented names and shapes: W_g (I, H), U_g (H, H), b_g (1, H) for
g in i, f, o, a, and the output layer W_h (H, H), b_h (1, H); all drawn from N(0, 1).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from impls.contract import State, check_arguments, zero_state
from impls.parameters import GATES, CanonicalParameters, Parameters, Tensors


class DocumentedLoop(CanonicalParameters):
    """The documented layer ``LSTM(input_size, hidden_size)``; see :mod:`impls.contract`."""

    def __init__(self, input_size: int, hidden_size: int, *, head: bool = True) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.has_head = head
        I, H = input_size, hidden_size  # noqa: E741
        self.W_i = nn.Parameter(torch.randn(I, H))
        self.W_f = nn.Parameter(torch.randn(I, H))
        self.W_o = nn.Parameter(torch.randn(I, H))
        self.W_a = nn.Parameter(torch.randn(I, H))
        self.U_i = nn.Parameter(torch.randn(H, H))
        self.U_f = nn.Parameter(torch.randn(H, H))
        self.U_o = nn.Parameter(torch.randn(H, H))
        self.U_a = nn.Parameter(torch.randn(H, H))
        self.b_i = nn.Parameter(torch.randn(1, H))
        self.b_f = nn.Parameter(torch.randn(1, H))
        self.b_o = nn.Parameter(torch.randn(1, H))
        self.b_a = nn.Parameter(torch.randn(1, H))
        if head:
            self.W_h = nn.Parameter(torch.randn(H, H))
            self.b_h = nn.Parameter(torch.randn(1, H))

    def init_state(self, batch_size: int) -> State:
        # The parameters, not the global defaults, say where the state lives and in what dtype.
        return zero_state(batch_size, self.hidden_size, like=self.W_i)

    def forward(self, inputs: Tensor, states: State | None = None) -> tuple[Tensor, State]:
        check_arguments(inputs, states, self.input_size, self.hidden_size)
        h, c = self.init_state(inputs.shape[0]) if states is None else states  # each (B, H)
        outputs = []
        for step in range(inputs.shape[1]):
            x = inputs[:, step, :]  # (B, I)
            i = torch.sigmoid(x @ self.W_i + h @ self.U_i + self.b_i)  # (B, H)
            f = torch.sigmoid(x @ self.W_f + h @ self.U_f + self.b_f)
            o = torch.sigmoid(x @ self.W_o + h @ self.U_o + self.b_o)
            a = torch.tanh(x @ self.W_a + h @ self.U_a + self.b_a)
            c = f * c + i * a
            h = o * torch.tanh(c)
            outputs.append(h @ self.W_h + self.b_h if self.has_head else h)
        return torch.cat(outputs, dim=0), (h, c)  # T blocks of (B, H): time-major rows

    def pack(self, parameters: Parameters) -> Tensors:
        own = {f"W_{g}": parameters.W[k] for k, g in enumerate(GATES)}
        own |= {f"U_{g}": parameters.U[k] for k, g in enumerate(GATES)}
        own |= {f"b_{g}": parameters.b[k].unsqueeze(0) for k, g in enumerate(GATES)}
        if parameters.head is not None:
            own |= {"W_h": parameters.head[0], "b_h": parameters.head[1].unsqueeze(0)}
        return own

    def unpack(self, tensors: Tensors) -> Parameters:
        W, U, b = (torch.stack([tensors[f"{name}_{g}"] for g in GATES]) for name in "WUb")
        head = (tensors["W_h"], tensors["b_h"].squeeze(0)) if self.has_head else ()
        return Parameters(W, U, b.squeeze(1), *head)
