"""The one seam for time: a wall clock for the CPU, events for a GPU, and a fake for tests."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import Any, Protocol

import torch


class Clock(Protocol):
    """Times a call. A test's clock need not wait."""

    def time(self, call: Callable[[], Any]) -> tuple[float, Any]:
        """Seconds that ``call`` took, its work on the device included, and its result.

        Handing the result out keeps it alive until the clock has stopped: to free a recorded
        graph takes time that is not the forward pass's.
        """
        ...


class WallClock:
    """``perf_counter``: what a CPU call takes is what passes meanwhile."""

    def time(self, call: Callable[[], Any]) -> tuple[float, Any]:
        started = perf_counter_ns()
        result = call()
        return (perf_counter_ns() - started) / 1e9, result


class CpuClock:
    """The processor's time that this process used, in all of its threads.

    What a neighbour takes while the process waits for its turn is not on this clock, which is
    most of the noise of a shared machine; what waiting the call itself does is not on it either.
    For comparing single-threaded work, not for saying how long a user waits.
    """

    def time(self, call: Callable[[], Any]) -> tuple[float, Any]:
        started = process_time_ns()
        result = call()
        return (process_time_ns() - started) / 1e9, result


class CudaClock:
    """CUDA events around the call, the device synchronised on both sides.

    Launching is asynchronous: without the synchronisation before, earlier work would be timed,
    and without the one after, nothing but launches. Events see their own stream alone. Work that
    goes on in another one is over when the whole device has stopped: a call takes no less than the
    wall time until then, but for what the synchronisation itself takes.
    """

    def __init__(self) -> None:
        self._idle: float | None = None

    def time(self, call: Callable[[], Any]) -> tuple[float, Any]:
        if self._idle is None:
            self._idle = 2 * median(self._timed(lambda: None)[1] for _ in range(16))
        seconds, wall, result = self._timed(call)
        return max(seconds, wall - self._idle), result

    def _timed(self, call: Callable[[], Any]) -> tuple[float, float, Any]:
        """Seconds between the events, and of the wall clock between the synchronisations."""
        start, end = (_event() for _ in range(2))
        torch.cuda.synchronize()
        began = perf_counter_ns()
        start.record()
        result = call()
        end.record()
        torch.cuda.synchronize()
        wall = (perf_counter_ns() - began) / 1e9
        return float(start.elapsed_time(end)) / 1e3, wall, result


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def clock_for(device: torch.device | str) -> Clock:
    return CudaClock() if torch.device(device).type == "cuda" else WallClock()
