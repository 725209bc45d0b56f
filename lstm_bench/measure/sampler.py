"""Taking samples: the one function, and the interleaved rounds around it.

A sample is the mean over a batch of calls, long enough for the clock (a few milliseconds). All
subjects of a cell are sampled in rounds, in a new random order each round, so that the ratios
come from neighbouring moments: on a shared machine absolute times drift by tens of percent
within minutes, and what drifts slowly cancels in a ratio.
"""

from __future__ import annotations

import contextlib
import gc
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lstm_bench.measure.clock import Clock
from lstm_bench.measure.passes import TimedCall

BATCH_SECONDS = 0.004
"""A batch lasts at least this long: a thousand times the clock's grain, a scheduler's slice."""

LEAST_ROUNDS = 3
"""Rounds that are taken whatever they cost."""

LONG_SECONDS = 0.1
"""A call that lasts this long needs no more warming up than one call gives it."""

STEADY = 0.05
"""Warm-up ends when two successive samples differ by less than this share."""


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


def take_sample(timed_call: TimedCall, clock: Clock, inner: int) -> float:
    """Seconds a call, as the mean over ``inner`` calls; see :func:`take_times`."""
    return sum(take_times(timed_call, clock, inner)) / inner


def take_times(timed_call: TimedCall, clock: Clock, inner: int) -> list[float]:
    """Seconds of each of ``inner`` calls; only the calls themselves are on the clock.

    The last result is checked. Raises WrongResultError, or whatever the call raises.
    """
    times, result = [], None
    for _ in range(inner):
        result = None  # what the last call left is freed here, off the clock
        call = timed_call.prepare()
        seconds, result = clock.time(call)
        times.append(seconds)
    timed_call.check(result)
    return times


def calibrate(timed_call: TimedCall, clock: Clock, *, most: int = 10_000) -> int:
    """How many calls make a batch of BATCH_SECONDS, after one call that nobody times."""
    timed_call.check(timed_call.prepare()())
    seconds = take_sample(timed_call, clock, 1)
    if seconds < LONG_SECONDS:
        seconds = min(seconds, *(take_sample(timed_call, clock, 1) for _ in range(2)))
    return max(1, min(most, round(BATCH_SECONDS / max(seconds, 1e-9))))


def warm_up(timed_call: TimedCall, clock: Clock, inner: int, *, most: int = 8) -> None:
    """Samples until two in a row agree, at most ``most``."""
    before = take_sample(timed_call, clock, inner)
    if before >= LONG_SECONDS:
        return
    for _ in range(most - 1):
        now = take_sample(timed_call, clock, inner)
        if abs(now - before) <= STEADY * before:
            return
        before = now


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No garbage collection while samples are taken."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def interleave(
    calls: Mapping[str, TimedCall],
    clock: Clock,
    *,
    rounds: int,
    seed: int,
    budget: float = float("inf"),
) -> dict[str, list[Sample]]:
    """``rounds`` samples of every call, all calls once a round, in a new random order each.

    After LEAST_ROUNDS no new round begins once ``budget`` seconds were spent on the clock.
    Raises SubjectFailedError with the name of a call that fails.
    """
    order = list(calls)
    shuffle = random.Random(seed)
    inner = {}
    for name, call in calls.items():
        with _blamed_on(name):
            inner[name] = calibrate(call, clock)
            warm_up(call, clock, inner[name])
    samples: dict[str, list[Sample]] = {name: [] for name in calls}
    spent = 0.0
    with quiet():
        for number in range(rounds):
            if number >= LEAST_ROUNDS and spent >= budget:
                break
            shuffle.shuffle(order)
            for place, name in enumerate(order):
                with _blamed_on(name):
                    seconds = take_sample(calls[name], clock, inner[name])
                samples[name].append(Sample(seconds, inner[name], number, place))
                spent += seconds * inner[name]
    return samples


@contextlib.contextmanager
def _blamed_on(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a subject may raise anything
        raise SubjectFailedError(name, error) from error
