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
        return None if self.asked is None else too_short(self.asked, self.needed)


def outlook(
    asked: float | None,
    subjects: Sequence[int],
    cells: int,
    *,
    sides: int = 2,
    blocks: int = 8,
    jobs: int = 2,
    costs: int = 0,
) -> Outlook:
    """asked: the budget, if any. subjects: how many of each side are to be judged; jobs at once.

    blocks: the fewest that decide anything. costs: of how many candidates memory and cold start
    are measured, after their checks.
    """
    checking = sum(math.ceil(number / jobs) for number in subjects) * SUBJECT_SECONDS
    checking += costs * (cells * MEMORY_SECONDS + COLD_SECONDS)
    least = blocks * cells * sides * SIDE_SECONDS
    needed = checking + least + PAGE_SECONDS
    if asked is None:
        return Outlook(checking, TIMING_SECONDS, needed)
    return Outlook(checking, timing_left(asked, checking), needed, asked)


def timing_left(asked: float | None, elapsed: float) -> float:
    """Seconds that are left for timing, so many after the start."""
    if asked is None:
        return TIMING_SECONDS
    return max(0.0, asked - elapsed - PAGE_SECONDS)


def blocks_needed(evidence: float) -> int:
    """The fewest blocks that decide anything: capital at most doubles in each, up to so much."""
    return math.ceil(math.log2(evidence)) + 1


def seen_to_be_short(asked: float | None, elapsed: float, block: float, blocks: int) -> str | None:
    """The same warning after one of so many blocks, from what it took; None where there is time."""
    needed = elapsed + (blocks - 1) * block + PAGE_SECONDS
    return None if asked is None else too_short(asked, needed)


def too_short(asked: float, needed: float) -> str | None:
    """A sentence where a budget cannot hold what was asked for. Seconds."""
    if asked >= needed:
        return None
    return (
        f"a budget of {asked:.0f} s is too short for a decision by what this usually takes, about "
        f"{math.ceil(needed)} s (--budget {math.ceil(needed)}s): cells may stay undecided"
    )
