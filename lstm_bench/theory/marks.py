"""Which steps of each sequence in a batch count, and how a recurrence heeds that, rightly or not.

Sequences of different lengths travel in one tensor, and something tells which of its steps are
theirs: lengths, or a mask. Another mask may let the state start anew within a sequence. A
:class:`Heeding` says what is made of that; as it stands it is right, and each field of another
value is a mistake and has its sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Marks:
    """counts, anew: (B, T) of bool. A step counts where it is one of its sequence; before a step
    marked anew the state is set back to zeros.
    """

    counts: Tensor
    anew: Tensor

    @classmethod
    def until(cls, lengths: Sequence[int], steps: int) -> Marks:
        """Sequences of these lengths, each of its first steps."""
        counts = torch.arange(steps) < torch.tensor(lengths)[:, None]
        return cls(counts, torch.zeros_like(counts))

    @classmethod
    def starting(cls, places: Sequence[Sequence[int]], steps: int) -> Marks:
        """Sequences of all steps; each starts anew before the steps at its places."""
        anew = torch.zeros(len(places), steps, dtype=torch.bool)
        for row, mine in enumerate(places):
            anew[row, list(mine)] = True
        return cls(torch.ones_like(anew), anew)

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many steps of each sequence count."""
        return tuple(int(n) for n in self.counts.sum(1))

    def taken_as(self, lengths: str) -> Marks:
        """These where sequences are taken to be of other lengths; see :class:`Heeding`."""
        own, steps = self.lengths, self.counts.shape[1]
        if lengths == "own":
            return self
        others = {
            "first row's": [own[0]] * len(own),
            "shortest": [min(own)] * len(own),
            "one less": [max(n - 1, 1) for n in own],
        }[lengths]
        return Marks(Marks.until(others, steps).counts, self.anew)

    @property
    def order(self) -> Tensor:
        """The rows by their lengths, the longest first."""
        return torch.tensor(self.lengths).argsort(descending=True, stable=True)


@dataclass(frozen=True)
class Heeding:
    """What is made of marks.

    lengths: how long sequences are taken to be. inputs: what is read at a step that does not count.
    hidden, cell: what becomes of a state there. ends: the step whose state is returned. shows,
    returns, takes: the order in which outputs and states are returned, and the given states are
    taken. backward: where that direction starts. layers: which ones heed the marks at all. resets:
    when and what a mark sets back.
    """

    lengths: str = "own"
    inputs: str = "own"
    hidden: str = "held"
    cell: str = "held"
    ends: str = "own"
    shows: str = "own"
    returns: str = "own"
    takes: str = "own"
    backward: str = "own end"
    layers: str = "all"
    resets: str = "before"


HEEDED = Heeding()

_BOTH = {"hidden": "runs on", "cell": "runs on"}

OF_PADDING: tuple[tuple[dict[str, str], str], ...] = (
    (
        _BOTH,
        "the returned states are those of the last step, not of each sequence's last valid one",
    ),
    (
        {"cell": "runs on"},
        "beyond a sequence's end the hidden state is held and the cell state is not",
    ),
    (
        {"hidden": "runs on"},
        "beyond a sequence's end the cell state is held and the hidden state is not",
    ),
    (
        {"hidden": "zeroed", "cell": "zeroed"},
        "beyond a sequence's end the states are set to zero, so what is returned of a short "
        "one is zeros",
    ),
    ({"hidden": "zeroed"}, "beyond a sequence's end the hidden state is set to zero, not held"),
    ({"cell": "zeroed"}, "beyond a sequence's end the cell state is set to zero, not held"),
    (
        {"ends": "one early"},
        "the returned states are those of the step before each sequence's last valid one",
    ),
    (
        {"ends": "one late"},
        "the returned states are those of the step after each sequence's last valid one",
    ),
    (
        {"ends": "hidden alone"},
        "the returned hidden state is that of each sequence's last valid step, the cell state "
        "that of the last step of all",
    ),
    (
        {"ends": "cell alone"},
        "the returned cell state is that of each sequence's last valid step, the hidden state "
        "that of the last step of all",
    ),
    ({"lengths": "first row's"}, "all sequences are taken to be as long as the first one"),
    ({"lengths": "shortest"}, "all sequences are taken to be as short as the shortest one"),
    ({"lengths": "one less"}, "every sequence is taken to be one step shorter than it is"),
    (
        {"inputs": "zeros", **_BOTH},
        "steps beyond a sequence's end are run with zeros for x, and move the states",
    ),
    ({"ends": "shortest"}, "the returned states of all are those at the shortest sequence's end"),
    (
        {"ends": "first row's"},
        "the returned states of all are those at the end of the first sequence",
    ),
    (
        {"shows": "sorted", "returns": "sorted"},
        "outputs and states come back sorted by length: the order of the rows is not restored",
    ),
    (
        {"shows": "sorted"},
        "the outputs come back sorted by length: the order of the rows is not restored",
    ),
    (
        {"returns": "sorted"},
        "the states come back sorted by length: the order of the rows is not restored",
    ),
    (
        {"shows": "sorted twice", "returns": "sorted twice"},
        "the order of the rows is restored by the order itself, not by its inverse",
    ),
    (
        {"shows": "sorted twice"},
        "the order of the outputs' rows is restored by the order itself, not by its inverse",
    ),
    (
        {"returns": "sorted twice"},
        "the order of the states' rows is restored by the order itself, not by its inverse",
    ),
    (
        {"takes": "unsorted"},
        "the rows are sorted by length and the given states are not sorted along",
    ),
    ({"takes": "sorted"}, "the given states are taken in another order than the rows"),
    (
        {"backward": "padding"},
        "the backward direction starts in the padding, not at each sequence's own end",
    ),
    (
        {"backward": "inverted"},
        "the backward direction takes the steps that count for padding, and padding for steps that "
        "count",
    ),
    ({"layers": "first"}, "in the first layer alone sequences end where they should"),
    ({"layers": "last"}, "in the last layer alone sequences end where they should"),
)
"""Mistakes with steps that do not count: the fields of a Heeding, and the sentence."""

OF_RESETS: tuple[tuple[dict[str, str], str], ...] = (
    ({"resets": "after"}, "the state starts anew after a marked step, not before it"),
    (
        {"resets": "hidden"},
        "where the state starts anew, the cell state goes on: the hidden state alone is set back",
    ),
    (
        {"resets": "cell"},
        "where the state starts anew, the hidden state goes on: the cell state alone is set back",
    ),
    ({"resets": "all rows"}, "where one sequence starts anew, all of the batch do"),
    ({"resets": "late"}, "the state starts anew one step after the marked one"),
    ({"resets": "early"}, "the state starts anew one step before the marked one"),
    (
        {"resets": "start alone"},
        "the state starts anew at the first step alone; marks further on play no part",
    ),
    (
        {"resets": "given back"},
        "where the state starts anew, it goes back to the given state, not to zeros",
    ),
    ({"layers": "first"}, "in the first layer alone the state starts anew"),
    ({"layers": "last"}, "in the last layer alone the state starts anew"),
)
"""The same of marks that let the state start anew."""


@dataclass(frozen=True)
class Misheard:
    """A mistake, and what is wrong in a sentence."""

    heeding: Heeding
    sentence: str


def misheard(*, resets: bool, layers: int, directions: int, given: bool) -> Iterator[Misheard]:
    """Every mistake that shows with so many layers and directions, the plainest first.

    given: whether a state is. resets: whether the marks are those of states that start anew.
    """
    for told, sentence in OF_RESETS if resets else OF_PADDING:
        needs = {"layers": layers > 1, "backward": directions > 1, "takes": given}
        if all(needs.get(name, True) for name in told) and (
            given or "given back" not in told.values()
        ):
            yield Misheard(_heeding(told), sentence)


def _heeding(told: dict[str, Any]) -> Heeding:
    return replace(HEEDED, **told)


def in_order(rows: Tensor, how: str, marks: Marks) -> Tensor:
    """Rows of a batch in one of the orders of :class:`Heeding`."""
    if how == "own":
        return rows
    order = marks.order
    if how == "unsorted":
        return rows[order.argsort()]
    return rows[order] if how == "sorted" else rows[order][order]
