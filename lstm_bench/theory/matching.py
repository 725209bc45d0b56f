"""Which mistakes give what was got? Those whose results are the same, to the last digits.

Most of them show in the first step already, and one step is a fraction of the work: whoever is off
there is not run any further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from lstm_bench.theory.compute import State, gradients, run
from lstm_bench.theory.edits import BOTH, Axis, Edit, Viewed, Whole
from lstm_bench.theory.mistakes import Mistake

Close = Callable[[str, Tensor, Tensor], bool]
"""Whether a part that was got, by its name, is what was expected. Shapes may differ."""


@dataclass(frozen=True)
class Question:
    """What was asked: parameters by name, x (B, T, I), the given state, what came from above."""

    parameters: Mapping[str, Tensor]
    x: Tensor
    state: State | None = None
    cotangents: Mapping[str, Tensor] | None = None
    """None where values were asked for, and not gradients."""

    def first_step(self) -> Question:
        return Question(self.parameters, self.x[:, :1], self.state)


def matching(
    mistakes: Iterable[Mistake], asked: Question, got: Mapping[str, Tensor], close: Close
) -> Iterator[Mistake]:
    """Those that give what was got, in their order.

    got: y, h, c, or x, h0, c0, W_i, … where gradients were asked for. One that cannot be run on
    what was asked (transposed weights, where sizes differ) is none of them.
    """
    first = asked.first_step() if _tells_by_step(asked, got) else None
    for mistake in mistakes:
        if first is not None and shows_at_once(mistake.edits):
            found = _tried(mistake, first)
            if found is None or not close("y", got["y"][:, :1], found["y"]):
                continue
        found = _tried(mistake, asked)
        if found is not None and all(
            name in found and close(name, value, found[name]) for name, value in got.items()
        ):
            yield mistake


def _tells_by_step(asked: Question, got: Mapping[str, Tensor]) -> bool:
    """Whether the first step is worth a look by itself."""
    return asked.cotangents is None and asked.x.shape[1] > 1 and "y" in got and got["y"].dim() == 3


@lru_cache(maxsize=4096)
def shows_at_once(edits: tuple[Edit, ...]) -> bool:
    """Whether a sequence's first output depends on its first step alone, whatever its length."""
    return all(_of_one_step(edit) for edit in edits)


def _of_one_step(edit: Edit) -> bool:
    if edit.way != BOTH or edit.when.steps in ("last", "not last", "at last but"):
        return False
    if edit.places[0] in ("inputs", "outputs", "y", "run"):
        operator = edit.operator
        return not isinstance(operator, Viewed | Whole) and not (
            isinstance(operator, Axis) and operator.axis == "T"
        )
    return True


def _tried(mistake: Mistake, asked: Question) -> dict[str, Tensor] | None:
    parameters, x, state = asked.parameters, asked.x, asked.state
    try:
        if asked.cotangents is not None:
            return gradients(mistake.theory, parameters, x, state, asked.cotangents)
        with torch.no_grad():
            return run(mistake.theory, parameters, x, state)
    except RuntimeError:
        return None
