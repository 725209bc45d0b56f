"""What a decision will take, told before it starts: the checks first, then the timing.

A budget that is given is all that one waits for, the checks included. Without one there are two
minutes of timing, after however long the checks take.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SUBJECT_SECONDS = 8.0
"""To judge one subject by all checks, as `lstm-bench check` says of ours on two cores, two at a
time. A slow or large one takes longer; what is predicted is told, what passes is counted."""

TIMING_SECONDS = 120.0
"""Of timing where no budget is given: the goal that the gate's power was proved at."""

SIDE_SECONDS = 0.2
"""One side of one cell in one block: the 27 s of reports/examples/compare, over its 8 blocks of 8
cells of two sides, are 0.21."""

MEMORY_SECONDS, COLD_SECONDS = 0.1, 1.0
"""A candidate's memory in one cell, and its cold starts: estimated, for a forecast alone."""

PAGE_SECONDS = 4.0
"""The report, and the start of the program before anything can be counted."""


@dataclass(frozen=True)
class Outlook:
    """Seconds. checking: predicted. timing: at most. needed: in all, for anything to be decided."""

    checking: float
    timing: float
    needed: float
    asked: float | None = None

    @property
    def line(self) -> str:
        """What the user is told before it starts."""
        timing = f"at most {self.timing:.0f} s of timing" if self.timing else "no time for timing"
        if not self.checking:
            return timing
        return f"about {self.checking:.0f} s of checking, then {timing}"

    @property
    def warning(self) -> str | None:
        """Why a budget that was given cannot hold what was asked; None where it can."""
        if self.asked is None or self.asked >= self.needed:
            return None
        return (
            f"a budget of {self.asked:.0f} s is too short for a decision: this needs about "
            f"{math.ceil(self.needed)} s (--budget {math.ceil(self.needed)}s), so that cells will "
            "stay undecided"
        )


def outlook(
    asked: float | None,
    subjects: Sequence[int],
    cells: int,
    *,
    sides: int = 2,
    alpha: float = 0.01,
    jobs: int = 2,
    costs: int = 0,
) -> Outlook:
    """asked: the budget, if any. subjects: how many of each side are to be judged; jobs at once.

    costs: of how many candidates memory and cold start are measured, after their checks.
    """
    checking = sum(math.ceil(number / jobs) for number in subjects) * SUBJECT_SECONDS
    checking += costs * (cells * MEMORY_SECONDS + COLD_SECONDS)
    least = blocks_needed(alpha) * cells * sides * SIDE_SECONDS
    needed = checking + least + PAGE_SECONDS
    if asked is None:
        return Outlook(checking, TIMING_SECONDS, needed)
    return Outlook(checking, timing_left(asked, checking), needed, asked)


def timing_left(asked: float | None, elapsed: float) -> float:
    """Seconds that are left for timing, so many after the start."""
    if asked is None:
        return TIMING_SECONDS
    return max(0.0, asked - elapsed - PAGE_SECONDS)


def blocks_needed(alpha: float) -> int:
    """The fewest blocks that decide anything: capital at most doubles in each, up to 1/α."""
    return math.ceil(math.log2(1 / alpha)) + 1
