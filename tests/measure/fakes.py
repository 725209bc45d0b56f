"""A clock that never waits: it advances by what the simulated machine says a call takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from lstm_bench.measure.passes import TimedCall


class FakeClock:
    """Each call, when made, says how long it took; drift multiplies what comes later."""

    def __init__(self, drift: Callable[[int], float] = lambda _: 1.0) -> None:
        self.calls = 0
        self._drift = drift

    def time(self, call: Callable[[], object]) -> tuple[float, object]:
        self.calls += 1
        seconds = call()
        assert isinstance(seconds, float)
        return seconds * self._drift(self.calls), seconds


def call_of(
    seconds: float | Iterator[float], log: list[str] | None = None, name: str = ""
) -> TimedCall:
    """A timed call that 'takes' so many seconds on the fake clock, and logs its name."""
    durations = itertools.repeat(seconds) if isinstance(seconds, float) else seconds

    def prepare() -> Callable[[], float]:
        if log is not None:
            log.append(name)
        return lambda: next(durations)

    return TimedCall(prepare, lambda result: None)
