"""Whoever is sampled, without a process and without waiting: a simulated machine says the times."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from lstm_bench.measure.sampler import Take


class Machine:
    """Counts the calls of everyone; drift multiplies what comes later."""

    def __init__(self, drift: Callable[[int], float] = lambda _: 1.0) -> None:
        self.calls = 0
        self._drift = drift

    def take_of(
        self, seconds: float | Iterator[float], log: list[str] | None = None, name: str = ""
    ) -> Take:
        """Someone whose calls 'take' so many seconds here, and who logs its name each time."""
        durations = itertools.repeat(seconds) if isinstance(seconds, float) else seconds

        def take(calls: int) -> list[float]:
            if log is not None:
                log.append(name)
            found = []
            for _ in range(calls):
                self.calls += 1
                found.append(next(durations) * self._drift(self.calls))
            return found

        return take
