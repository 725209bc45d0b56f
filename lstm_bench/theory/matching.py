"""Which mistakes give what was got? Those whose results are the same, to the last digits.

Several hundred are asked, so that most must be passed over without being run. One whose first step
alone is far off is not run any further, and one that only changes the gradients of some parameters
is not run at all where others are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from lstm_bench.theory.compute import State, gradients, run
from lstm_bench.theory.edits import BACK, BOTH, Axis, Edit, Other, Theory, Viewed, Whole, With
from lstm_bench.theory.families import LSTM
from lstm_bench.theory.mistakes import Mistake

Part = tuple[str, Tensor]
"""y, h, c, or x, h0, c0, W_i, … where gradients were asked for; and what was got. A name is there
twice where a module holds the parameter twice."""

Close = Callable[[str, Tensor, Tensor], bool]
"""Whether a part that was got, by its name, is what was expected. Shapes may differ."""

FAR = 1e-3
"""A first output that is off by this share of the largest entry is no rounding error."""


@dataclass(frozen=True)
class Question:
    """What was asked: parameters by name, x (B, T, I), the given state, what came from above.

    Values that mistakes may read stand among the parameters, by names of their own.
    """

    parameters: Mapping[str, Tensor]
    x: Tensor
    state: State | None = None
    cotangents: Mapping[str, Tensor] | None = None
    """None where values were asked for, and not gradients."""

    def first_step(self) -> Question:
        return replace(self, x=self.x[:, :1])

    def answered_by(self, theory: Theory) -> dict[str, Tensor]:
        """What a theory gives. RuntimeError: it cannot be run on these sizes."""
        if self.cotangents is not None:
            return gradients(theory, self.parameters, self.x, self.state, self.cotangents)
        with torch.no_grad():
            return run(theory, self.parameters, self.x, self.state)


def matching(
    mistakes: Iterable[Mistake], asked: Question, got: Collection[Part], close: Close
) -> Iterator[Mistake]:
    """Those that give what was got, in their order.

    One that cannot be run on what was asked (transposed weights, where sizes differ) is none.
    """
    possible = _glance(asked, got) if asked.cotangents is None else _sifted(asked, got, close)
    for mistake in mistakes:
        if not possible(mistake):
            continue
        found = _tried(mistake, asked)
        if found is not None and all(
            name in found and close(name, value, found[name]) for name, value in got
        ):
            yield mistake


def _tried(mistake: Mistake, asked: Question) -> dict[str, Tensor] | None:
    try:
        return asked.answered_by(mistake.theory)
    except RuntimeError:
        return None


# -- values: a glance at the first step -----------------------------------------------------------


def _glance(asked: Question, got: Collection[Part]) -> Callable[[Mistake], bool]:
    """Whether the first output may be this mistake's."""
    y = dict(got).get("y")
    if y is None or y.dim() != 3 or asked.x.shape[1] == 1:  # its last one alone, say
        return lambda mistake: True
    begun, first = asked.first_step(), y[:, :1].to(asked.x.dtype)

    def possible(mistake: Mistake) -> bool:
        if not shows_at_once(mistake.edits):
            return True
        found = _tried(mistake, begun)
        if found is None or found["y"].shape != first.shape:
            return False
        scale = found["y"].abs().max()
        return not bool((first - found["y"]).abs().max() > FAR * scale)  # NaN tells nothing

    return possible


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


# -- gradients: which of them are wrong -----------------------------------------------------------


def _sifted(asked: Question, got: Collection[Part], close: Close) -> Callable[[Mistake], bool]:
    """Whether all that is wrong is what the mistake may change."""
    right = asked.answered_by(Theory(LSTM))
    wrong = {n for n, value in got if n not in right or not close(n, value, right[n])}

    def possible(mistake: Mistake) -> bool:
        changed = changes_only(mistake.edits)
        return changed is None or wrong <= changed

    return possible


@lru_cache(maxsize=4096)
def changes_only(edits: tuple[Edit, ...]) -> frozenset[str] | None:
    """The parts whose gradients alone these edits change; None where it may be any."""
    found: set[str] = set()
    for edit in edits:
        others = (edit.operator.name,) if isinstance(edit.operator, Other | With) else ()
        for place in (*edit.places, *others):
            if edit.way != BACK or not (place in LEAVES or LSTM.is_parameter(place)):
                return None
            found.add(LEAVES.get(place, place))
    return frozenset(found)


LEAVES = {"inputs": "x", "given h": "h0", "given c": "c0", "W_h": "W_h", "b_h": "b_h"}
"""Where a gradient ends, besides the cell's parameters: places, and the part of the result."""
