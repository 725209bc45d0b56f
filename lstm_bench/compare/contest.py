"""Which of several is the fastest? Cell by cell, what is not is left out as soon as that is shown.

Every ordered pair (a, b) of a cell has two bets (see evidence.py): that a is slower than b by more
than the tolerance, and that a is not slower than b by the margin.

*a is not the fastest.* If a were, all of its bets of the first kind would be fair, and so their
mean, which reaches K/α in one of K cells with a probability of at most α/K. Only one arm of a cell
is the fastest, so nothing more is paid for there being many: with a probability of 1 − α the
fastest arm of every cell is among those that are left there.

*Those that are left are tied* when each bet of the second kind among the N of them has reached
K·N/α: whichever is taken, at most the margin is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from lstm_bench.compare import evidence
from lstm_bench.compare.decide import CellFailedError, Settings, spend

Pair = tuple[int, int]
SLOWER, WITHIN = 0, 1

APART = 40.0
"""The evidence at which two that are both not the fastest get different ranks: 95 % a pair, as
with the intervals. Who leaves a cell is measured there no more, so that more would never come."""


class Standing(StrEnum):
    """What is said of an arm in a cell."""

    BEST = "best"
    TIED = "tied"
    SLOWER = "slower"
    UNDECIDED = "undecided"
    FAILED = "failed"
    UNEARNED = "unearned"


class State(StrEnum):
    """What is said of a cell."""

    DECIDED = "decided"
    TIE = "tie"
    UNDECIDED = "undecided"
    FAILED = "failed"


@dataclass(frozen=True)
class Found:
    """A block's yield in one cell: seconds a call of each arm, log ratio of each pair (a < b)."""

    seconds: Mapping[int, float]
    ratios: Mapping[Pair, float]


class Source(Protocol):
    """Where blocks come from."""

    def block(self, wanted: Mapping[int, Sequence[int]]) -> Mapping[int, Found]:
        """One block of fresh processes: the arms that are named for each cell."""
        ...

    def now(self) -> float:
        """Seconds."""
        ...


@dataclass(frozen=True)
class Place:
    """One arm in one cell. ratio: its time over the first one's; seconds: of a call."""

    arm: int
    rank: int
    standing: Standing
    ratio: float
    low: float
    high: float
    seconds: float
    blocks: int
    reason: str = ""


class Contest:
    """All blocks so far, and what follows from them."""

    def __init__(self, cells: Iterable[int], arms: int, settings: Settings) -> None:
        self.cells, self.arms, self.settings = tuple(cells), arms, settings
        self.seconds: dict[Pair, list[float]] = {}
        self.scores: dict[tuple[int, int, int], list[float]] = {}
        self.failed: dict[Pair, str] = {}
        """(cell, arm) → why it cannot be measured there."""
        self.unearned: dict[int, str] = {}
        """Arms that were found to fool the clock: out of every cell, and why."""
        shape = (len(self.cells), arms, arms, 2)
        limits = np.broadcast_to([settings.slack, settings.bound], shape).copy()
        self._bets = evidence.Bets(limits, above=np.array([True, False]))
        self._row = {cell: row for row, cell in enumerate(self.cells)}

    # -- what comes in ------------------------------------------------------------------------

    def add(self, block: Mapping[int, Found]) -> None:
        for cell, found in block.items():
            for arm, seconds in found.seconds.items():
                self.seconds.setdefault((cell, arm), []).append(seconds)
            for (a, b), score in found.ratios.items():
                for one, other, signed in ((a, b, score), (b, a, -score)):
                    self.scores.setdefault((cell, one, other), []).append(signed)
                    self._bets.see(signed, (self._row[cell], one, other))

    def fail(self, failure: CellFailedError) -> None:
        if failure.unearned:
            self.unearned[failure.side] = failure.reason
        cells = self.cells if failure.unearned else [failure.cell]
        self.failed.update({(cell, failure.side): failure.reason for cell in cells})

    # -- what follows -------------------------------------------------------------------------

    def running(self, cell: int) -> list[int]:
        """The arms that can be measured there."""
        return [a for a in range(self.arms) if (cell, a) not in self.failed]

    def left(self, cell: int) -> list[int]:
        """The arms that may yet be the fastest there."""
        running = self.running(cell)
        capital = self._bets.capital[self._row[cell], :, :, SLOWER]
        enough = len(self.cells) / self.settings.alpha
        others = max(1, self.arms - 1)
        return [
            a for a in running if sum(capital[a, b] for b in running if b != a) / others < enough
        ]

    def state(self, cell: int) -> State:
        left = self.left(cell)
        if not left:
            return State.FAILED
        if len(self.running(cell)) == 1:
            return State.DECIDED  # by default: there is nobody to take turns with
        if not all((cell, a) in self.seconds for a in left):
            return State.UNDECIDED
        if len(left) == 1:
            return State.DECIDED
        capital = self._bets.capital[self._row[cell], :, :, WITHIN]
        enough = len(self.cells) * self.arms / self.settings.alpha
        tied = all(capital[a, b] >= enough for a in left for b in left if a != b)
        return State.TIE if tied else State.UNDECIDED

    def open(self) -> dict[int, tuple[int, ...]]:
        """The cells that are undecided, and the arms that another block should take there."""
        return {c: tuple(self.left(c)) for c in self.cells if self.state(c) is State.UNDECIDED}

    def ranking(self, cell: int) -> list[Place]:
        """Every arm: what is best or may be, then the others; what is not told apart shares a rank.

        Ratios and their 95 % intervals are to the first one's time.
        """
        left = self.left(cell)
        if not left:
            return [self._failure(cell, arm) for arm in range(self.arms)]
        first = min(left, key=lambda a: sum(self.median(cell, a, b) for b in left if b != a))
        others = [a for a in self.running(cell) if a not in left]
        word = {State.DECIDED: Standing.BEST, State.TIE: Standing.TIED}
        standing = word.get(self.state(cell), Standing.UNDECIDED)
        places = [self._place(cell, a, first, 1, standing) for a in self._sorted(cell, left, first)]
        rank, head = 1, first
        for number, arm in enumerate(self._sorted(cell, others, first), len(left) + 1):
            if rank == 1 or self._slower(cell, arm, head):
                rank, head = number, arm
            places.append(self._place(cell, arm, first, rank, Standing.SLOWER))
        failed = [a for a in range(self.arms) if (cell, a) in self.failed]
        return places + [self._failure(cell, arm) for arm in failed]

    def median(self, cell: int, a: int, b: int) -> float:
        """The log ratio of a's time to b's; 0 for itself, infinite where they never met."""
        if a == b:
            return 0.0
        scores = self.scores.get((cell, a, b))
        return float(np.median(scores)) if scores else math.inf

    def _sorted(self, cell: int, arms: Iterable[int], first: int) -> list[int]:
        return sorted(arms, key=lambda a: self.median(cell, a, first))

    def _slower(self, cell: int, a: int, b: int) -> bool:
        return bool(self._bets.capital[self._row[cell], a, b, SLOWER] >= APART)

    def _place(self, cell: int, arm: int, first: int, rank: int, standing: Standing) -> Place:
        scores = self.scores.get((cell, arm, first), [])
        low, high = (0.0, 0.0) if arm == first else evidence.interval(scores, 0.95)
        seconds = self.seconds.get((cell, arm), [])
        return Place(
            arm, rank, standing, _exp(self.median(cell, arm, first)), _exp(low), _exp(high),
            float(np.median(seconds)) if seconds else math.nan, len(seconds),
        )  # fmt: skip

    def _failure(self, cell: int, arm: int) -> Place:
        reason = self.failed.get((cell, arm), "")
        nothing = math.nan
        blocks = len(self.seconds.get((cell, arm), []))
        word = Standing.UNEARNED if arm in self.unearned else Standing.FAILED
        return Place(arm, self.arms, word, nothing, nothing, nothing, nothing, blocks, reason)


def contest(
    source: Source,
    cells: Iterable[int],
    arms: int,
    settings: Settings,
    *,
    before: Iterable[Mapping[int, Found]] = (),
    without: Mapping[Pair, str] | None = None,
    told: Callable[[Any, float], None] = lambda *_: None,
) -> tuple[Contest, float, bool]:
    """Take blocks until every cell is decided or the budget is spent.

    before: blocks from a resumed run. without: (cell, arm) → why it is not to be measured there.
    Returns what is known, the seconds, and whether it was interrupted.
    """
    book = Contest(cells, arms, settings)
    book.failed.update(without or {})
    for block in before:
        book.add(block)
    seconds, interrupted = spend(source, book, told)
    return book, seconds, interrupted


def _exp(log: float) -> float:
    return math.exp(log) if log < 50 else math.inf
