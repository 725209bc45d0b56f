"""From blocks to decisions: which cells to look at again, when to stop, what to say.

This file knows no process and no clock of the machine: blocks come from a source, real or
simulated, and are spent where something is still undecided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from lstm_bench.compare import evidence


class Outcome(StrEnum):
    """What is said of a cell: the candidate against the baseline."""

    SLOWER = "slower"
    FASTER = "faster"
    EQUAL = "equal"
    """Within the margin, both ways."""
    NOT_SLOWER = "not slower"
    """Not slower by the margin; whether it is faster was not asked for, or is open."""
    UNDECIDED = "undecided"
    FAILED = "failed"
    UNEARNED = "unearned"
    """Measured, and not to be believed: the reason says why."""


@dataclass(frozen=True)
class Settings:
    """margin: differences of this share matter (0.05). alpha: false alarms a run, over all cells.

    tolerance: what is not called slower, as a share of the margin: a third of it goes to
    differences between processes that no code is to blame for. budget: seconds on the clock.
    both_ways: whether an improvement is worth time too (compare), or only a loss (guard).
    """

    margin: float = 0.05
    alpha: float = 0.01
    tolerance: float = 0.3
    budget: float = 120.0
    both_ways: bool = False
    most_blocks: int = 400
    seed: int = 0

    @property
    def slack(self) -> float:
        """The tolerance as a log ratio."""
        return math.log1p(self.margin * self.tolerance)

    @property
    def bound(self) -> float:
        """The margin as a log ratio."""
        return math.log1p(self.margin)


class Source(Protocol):
    """Where blocks come from."""

    def block(self, cells: Sequence[int]) -> Mapping[int, float]:
        """One fresh pair of processes over these cells: the log ratio of each."""
        ...

    def now(self) -> float:
        """Seconds."""
        ...


class CellFailedError(Exception):
    """A cell cannot be measured: one side raises, or gives a wrong result."""

    def __init__(self, cell: int, reason: str, side: int = 0, *, unearned: bool = False) -> None:
        """unearned: it was measured, and the speed was not to be believed."""
        super().__init__(reason)
        self.unearned = unearned
        self.cell = cell
        self.reason = reason
        self.side = side


@dataclass
class Ledger:
    """All scores so far, and what follows from them."""

    cells: tuple[int, ...]
    settings: Settings
    scores: dict[int, list[float]] = field(default_factory=dict)
    failed: dict[int, CellFailedError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        slack, bound = self.settings.slack, self.settings.bound
        for cell in self.cells:
            self.scores.setdefault(cell, [])
        # One row a cell: slower, faster, not slower by the margin, not faster by it.
        limits = np.tile([slack, -slack, bound, -bound], (len(self.cells), 1))
        above = np.tile([True, False, False, True], (len(self.cells), 1))
        self._bets = evidence.Bets(limits, above=above)
        self._row = {cell: row for row, cell in enumerate(self.cells)}

    def add(self, scores: Mapping[int, float]) -> None:
        for cell, score in scores.items():
            self.scores[cell].append(score)
        rows = [self._row[cell] for cell in scores]
        self._bets.see(np.array(list(scores.values()))[:, None], rows)

    def fail(self, failure: CellFailedError) -> None:
        self.failed[failure.cell] = failure

    def _grown(self, bet: int) -> dict[int, float]:
        column = self._bets.capital[:, bet]
        return {c: float(column[self._row[c]]) for c in self.cells if c not in self.failed}

    def slower(self) -> dict[int, float]:
        """The capital of "slower by more than the tolerance", cell by cell."""
        return self._grown(0)

    def outcomes(self) -> dict[int, Outcome]:
        """What can be said of each cell now."""
        alpha = self.settings.alpha
        slower, faster = (evidence.named(self._grown(bet), alpha) for bet in (0, 1))
        not_slower, not_faster = self._grown(2), self._grown(3)
        found = {}
        for cell in self.cells:
            if cell in self.failed:
                found[cell] = Outcome.UNEARNED if self.failed[cell].unearned else Outcome.FAILED
            elif cell in slower:
                found[cell] = Outcome.SLOWER
            elif cell in faster:
                found[cell] = Outcome.FASTER
            elif not_slower[cell] < 1 / alpha:
                found[cell] = Outcome.UNDECIDED
            elif not_faster[cell] < 1 / alpha:
                found[cell] = Outcome.NOT_SLOWER
            else:
                found[cell] = Outcome.EQUAL
        return found

    def alarm(self) -> bool:
        """Slower somewhere, or everywhere a little: one bet spread evenly over all cells."""
        grown = list(self.slower().values())
        return bool(grown) and float(np.mean(grown)) >= 1 / self.settings.alpha

    def open(self) -> list[int]:
        """The cells that another block could still decide."""
        undecided = {Outcome.UNDECIDED}
        if self.settings.both_ways:
            undecided.add(Outcome.NOT_SLOWER)
        return [c for c, outcome in self.outcomes().items() if outcome in undecided]


@dataclass(frozen=True)
class CellDecision:
    """One cell. ratio: candidate / baseline; at_most: a slowdown beyond it is excluded."""

    cell: int
    outcome: Outcome
    ratio: float
    low: float
    high: float
    at_most: float
    blocks: int
    reason: str = ""


@dataclass(frozen=True)
class Decision:
    """The whole: alarm says that something is slower, named cells or all together."""

    cells: tuple[CellDecision, ...]
    alarm: bool
    seconds: float
    interrupted: bool = False

    def count(self, outcome: Outcome) -> int:
        return sum(cell.outcome is outcome for cell in self.cells)


class Book(Protocol):
    """What is known so far, and what is worth another block."""

    settings: Settings

    def open(self) -> Any:
        """What another block should look at, one item a cell; empty when all is decided."""
        ...

    def add(self, block: Any) -> None:
        """Take what a block has found."""
        ...

    def fail(self, failure: CellFailedError) -> None:
        """Leave out from now on what cannot be measured."""
        ...


def spend(
    source: Any, book: Book, told: Callable[[Any, float], None] = lambda *_: None
) -> tuple[float, bool]:
    """Take blocks while something is open and time is left. Ctrl-C ends with what is known.

    source: has ``block(what the book says is open)`` and ``now()``. told(book, seconds) hears of
    every block. Returns the seconds, and whether it was interrupted.
    """
    started, a_cell, settings = source.now(), 0.0, book.settings
    try:
        for _ in range(settings.most_blocks):
            wanted = book.open()
            elapsed = source.now() - started
            if not wanted or elapsed + 0.8 * a_cell * len(wanted) >= settings.budget:
                break
            began = source.now()
            try:
                book.add(source.block(wanted))
            except CellFailedError as failure:
                book.fail(failure)
            a_cell = (source.now() - began) / len(wanted)
            told(book, source.now() - started)
    except KeyboardInterrupt:
        return source.now() - started, True
    return source.now() - started, False


def decide(
    source: Source,
    cells: Iterable[int],
    settings: Settings,
    *,
    before: Iterable[Mapping[int, float]] = (),
    told: Callable[[Ledger, float], None] = lambda *_: None,
) -> Decision:
    """Candidate against baseline, cell by cell. ``before``: blocks from a resumed run."""
    ledger = ledger_of(cells, settings, before)
    seconds, interrupted = spend(source, ledger, told)
    return conclude(ledger, seconds, interrupted=interrupted)


def ledger_of(
    cells: Iterable[int], settings: Settings, blocks: Iterable[Mapping[int, float]]
) -> Ledger:
    """A ledger that holds these blocks."""
    ledger = Ledger(tuple(cells), settings)
    for scores in blocks:
        ledger.add(scores)
    return ledger


def conclude(ledger: Ledger, seconds: float, *, interrupted: bool = False) -> Decision:
    """Put what the ledger holds into words and numbers."""
    outcomes = ledger.outcomes()
    found = []
    for cell in ledger.cells:
        scores = ledger.scores[cell]
        low, high = evidence.interval(scores, 0.95)
        highest = evidence.at_most(scores, ledger.settings.alpha)
        found.append(
            CellDecision(
                cell,
                outcomes[cell],
                math.exp(float(np.median(scores))) if scores else math.nan,
                _exp(low),
                _exp(high),
                _exp(highest) - 1,
                len(scores),
                ledger.failed[cell].reason if cell in ledger.failed else "",
            )
        )
    return Decision(tuple(found), ledger.alarm(), seconds, interrupted)


def _exp(log: float) -> float:
    return math.exp(log) if log < 50 else math.inf
