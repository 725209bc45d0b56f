"""Mistakes as modules: what a stranger's LSTM with one of them would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from impls.parameters import Parameters
from lstm_bench.conformance.records import CheckResult, Status
from lstm_bench.subject import Subject
from lstm_bench.subject.subject import subject_from
from lstm_bench.theory import compute
from lstm_bench.theory.mistakes import Mistake

FAILED = [CheckResult("some_check", "equations", Status.FAIL, "something is off")]


class Plain(nn.Module):
    """A right LSTM on bare tensors, batch first, states (B, H); a subclass changes a step."""

    sigmoids = (torch.sigmoid,) * 3
    candidate = torch.tanh

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(4, input_size, hidden_size))
        self.U = nn.Parameter(torch.randn(4, hidden_size, hidden_size))
        self.b = nn.Parameter(torch.randn(4, hidden_size))

    def inputs(self, x: Tensor) -> Tensor:
        return x

    def operands(self, x: Tensor, h: Tensor) -> Tensor:
        """What goes into the gates i, f, o, a: (4, B, H)."""
        return x @ self.W + h @ self.U + self.b[:, None]

    def hidden(self, o: Tensor, c: Tensor) -> Tensor:
        return o * c.tanh()

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> Any:
        zeros = x.new_zeros(x.shape[0], self.b.shape[1])
        h, c = (zeros, zeros) if state is None else state
        outputs = []
        for x_t in self.inputs(x).unbind(1):
            *z, z_a = self.operands(x_t, h)
            i, f, o = (squash(t) for squash, t in zip(self.sigmoids, z, strict=True))
            c = f * c + i * type(self).candidate(z_a)
            h = self.hidden(o, c)
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)


class Mistaken(Plain):
    """An LSTM as a mistake has it, going forward and back."""

    mistake: Mistake

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> Any:
        named = dict(Parameters(self.W, self.U, self.b).named())
        found = compute.run(self.mistake.theory, named, x, state)
        return found["y"], (found["h"], found["c"])


PLAIN = subject_from(Plain, "Plain")


def having(mistake: Mistake) -> type[Mistaken]:
    return type("Mistaken", (Mistaken,), {"mistake": mistake})


def with_factory(factory: type[Plain]) -> Subject:
    """A subclass of Plain as a subject, with Plain's interface and mapping."""
    return replace(PLAIN, factory=factory, name=factory.__name__, findings=())
