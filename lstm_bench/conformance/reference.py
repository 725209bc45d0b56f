"""The reference: an LSTM written step by step, slow, and obviously right.

Everything here runs in the dtype of its arguments; hand it float64 to judge others. Gradients
come from autograd through these lines, so there is no backward formula to get wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impls.parameters import GATES, Parameters

State = tuple[Tensor, Tensor]

Gate = tuple[Tensor, Tensor, Tensor]
"""W (I, H), U (H, H) and b (H,), or (B, H), of one gate."""


@dataclass(frozen=True)
class Trace:
    """What a run gave. y: (B, T, K), after the output layer where there is one (else K = H).

    h, c: the state after the last step, each (B, H). A subject may lack any of the three.
    """

    y: Tensor | None
    h: Tensor | None
    c: Tensor | None

    def named(self) -> dict[str, Tensor]:
        """The parts that are there, by name."""
        parts = {"y": self.y, "h": self.h, "c": self.c}
        return {name: part for name, part in parts.items() if part is not None}


@dataclass(frozen=True)
class Cotangents:
    """dL/d of each part of a Trace; None where that part takes no part in the loss."""

    y: Tensor | None = None
    h: Tensor | None = None
    c: Tensor | None = None

    def loss(self, trace: Trace) -> Tensor:
        """The scalar ⟨cotangents, trace⟩, whose gradient is the vector-Jacobian product."""
        pairs = [
            (part, value)
            for part, value in (
                (self.y, trace.y),
                (self.h, trace.h),
                (self.c, trace.c),
            )
            if part is not None and value is not None
        ]
        return torch.stack([(part * value).sum() for part, value in pairs]).sum()


@dataclass(frozen=True)
class Gradients:
    """The vector-Jacobian product. x: (B, T, I); h0, c0: (B, H); parameters in canonical form."""

    x: Tensor | None
    h0: Tensor | None
    c0: Tensor | None
    parameters: Parameters | None

    def named(self) -> dict[str, Tensor]:
        """One entry for x, h0, c0 and each canonical parameter that is there."""
        states = {"x": self.x, "h0": self.h0, "c0": self.c0}
        found = {name: value for name, value in states.items() if value is not None}
        return found | (dict(self.parameters.named()) if self.parameters is not None else {})


def gates_of(parameters: Parameters) -> list[Gate]:
    """Each gate's own matrices, in the order of GATES."""
    p = parameters
    return list(zip(p.W.unbind(), p.U.unbind(), p.b.unbind(), strict=True))


def step(gates: Sequence[Gate], x: Tensor, state: State) -> State:
    """One step for a batch. x: (B, I); state: (h, c), each (B, H). Returns the new (h, c)."""
    h, c = state
    z = {gate: x @ W + h @ U + b for gate, (W, U, b) in zip(GATES, gates, strict=True)}
    i, f, o = torch.sigmoid(z["i"]), torch.sigmoid(z["f"]), torch.sigmoid(z["o"])
    a = torch.tanh(z["a"])
    c = f * c + i * a
    h = o * torch.tanh(c)
    return h, c


def states(parameters: Parameters, x: Tensor, state: State | None) -> Sequence[State]:
    """The T states after each step. x: (B, T, I); zeros where ``state`` is None."""
    if state is None:
        zeros = x.new_zeros(x.shape[0], parameters.hidden_size)
        state = (zeros, zeros)
    gates = gates_of(parameters)  # once: a gradient through W[k] fills a whole W each time
    trajectory = []
    for t in range(x.shape[1]):
        state = step(gates, x[:, t], state)
        trajectory.append(state)
    return trajectory


def run(parameters: Parameters, x: Tensor, state: State | None = None) -> Trace:
    """The whole sequence. x: (B, T, I). The head, where ``parameters`` has one, is applied."""
    trajectory = states(parameters, x, state)
    outputs = torch.stack([h for h, _ in trajectory], dim=1)  # (B, T, H)
    if parameters.head is not None:
        W_h, b_h = parameters.head
        outputs = outputs @ W_h + b_h
    h, c = trajectory[-1]
    return Trace(outputs, h, c)


def solve(
    parameters: Parameters, x: Tensor, state: State | None, cotangents: Cotangents
) -> tuple[Trace, Gradients]:
    """What a run gives, and the gradient of ⟨cotangents, run(...)⟩ in all that it was given."""
    leaves = parameters.map(lambda t: t.detach().clone().requires_grad_())
    x = x.detach().clone().requires_grad_()
    given = None if state is None else tuple(s.detach().clone().requires_grad_() for s in state)
    trace = run(leaves, x, given)  # type: ignore[arg-type]
    cotangents.loss(trace).backward()  # type: ignore[no-untyped-call]
    h0, c0 = (None, None) if given is None else (_grad(s) for s in given)
    kept = Trace(*(None if t is None else t.detach() for t in (trace.y, trace.h, trace.c)))
    return kept, Gradients(_grad(x), h0, c0, leaves.map(_grad))


def _grad(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
