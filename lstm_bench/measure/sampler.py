"""Taking samples: the one function, and the interleaved rounds around it.

A sample is the mean over a batch of calls, long enough for the clock (a few milliseconds). All
subjects of a cell are sampled in rounds, in a new random order each round, so that the ratios
come from neighbouring moments: on a shared machine absolute times drift by tens of percent
within minutes, and what drifts slowly cancels in a ratio.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

Take = Callable[[int], list[float]]
"""Makes so many calls and gives the seconds of each; raises whatever goes wrong with them."""

BATCH_SECONDS = 0.004
"""A batch lasts at least this long: a thousand times the clock's grain, a scheduler's slice."""

LEAST_ROUNDS = 3
"""Rounds that are taken whatever they cost."""

LONG_CALL = 0.02
"""Seconds of a call that needs no more warming up than two calls give it."""

STEADY, WARM = 0.05, 0.05
"""Warm-up ends when two batches in a row differ by less than a share, or after so many seconds."""


@dataclass(frozen=True)
class Sample:
    """Seconds a call, as the mean over ``inner`` calls, in round ``round`` at place ``place``."""

    seconds: float
    inner: int
    round: int
    place: int


class SubjectFailedError(Exception):
    """One of the calls raised or gave a wrong result; the others are not to blame."""

    def __init__(self, name: str, error: Exception) -> None:
        super().__init__(f"{name}: {error}")
        self.name = name
        self.error = error


def calibrate(take: Take, *, most: int = 10_000, batches: int = 8) -> int:
    """How many calls make a batch of BATCH_SECONDS, found in calls whose times do not count.

    Batches warm up until two in a row agree, or for WARM seconds, at most ``batches`` of them;
    whose calls last LONG_CALL is warm before.
    """
    seconds = min(take(1)[0] for _ in range(2))  # one that is held up is not a long one
    if seconds >= LONG_CALL:
        return 1
    seconds = min(seconds, *(take(1)[0] for _ in range(2)))
    inner = max(1, min(most, math.ceil(BATCH_SECONDS / max(seconds, 1e-9))))
    spent = before = 0.0
    for _ in range(batches):
        now = fmean(take(inner))
        spent += now * inner
        if abs(now - before) <= STEADY * before or spent >= WARM:
            break
        before = now
    return inner


def interleave(
    takes: Mapping[str, Take],
    *,
    rounds: int,
    seed: int,
    budget: float = float("inf"),
    last_one: Callable[[], None] = lambda: None,
) -> dict[str, list[Sample]]:
    """``rounds`` samples of everyone, all once a round, in a new random order each.

    From LEAST_ROUNDS on that round is the last one with which ``budget`` seconds on the clock are
    likely spent. last_one: told before the last round. Raises SubjectFailedError with the name of
    whoever fails.
    """
    order = list(takes)
    shuffle = random.Random(seed)
    inner = {}
    for name, take in takes.items():
        with _blamed_on(name):
            inner[name] = calibrate(take)
    samples: dict[str, list[Sample]] = {name: [] for name in takes}
    spent = 0.0
    for number in range(1, rounds + 1):
        # A round takes what those before it took, on the average.
        enough = number >= LEAST_ROUNDS and spent * number / max(1, number - 1) >= budget
        if enough or number == rounds:
            last_one()
        shuffle.shuffle(order)
        for place, name in enumerate(order):
            with _blamed_on(name):
                seconds = fmean(takes[name](inner[name]))
            samples[name].append(Sample(seconds, inner[name], number - 1, place))
            spent += seconds * inner[name]
        if enough:
            break
    return samples


@contextlib.contextmanager
def _blamed_on(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a subject may raise anything
        raise SubjectFailedError(name, error) from error
