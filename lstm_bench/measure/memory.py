"""Peak memory of one pass, measured apart from its time.

On a CUDA device the allocator counts. On a CPU the profiler reports every allocation and
release of tensor memory; the running sum's peak is what the pass needs beyond what is there
before it (inputs, parameters).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import torch
from torch.profiler import ProfilerActivity, profile

from lstm_bench.measure.passes import TimedCall


def peak_bytes(timed_call: TimedCall, device: torch.device | str = "cpu") -> int | None:
    """Bytes at the peak of one call beyond those held before it, or None where unmeasured."""
    call = timed_call.prepare()
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        result = call()
        torch.cuda.synchronize()
        del result
        return torch.cuda.max_memory_allocated() - before
    counting = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
    with _uninterrupted(), _silenced(), counting as recorded:
        result = call()
    del result
    events = recorded.profiler
    if events is None or events.kineto_results is None:
        return None
    level = peak = 0
    allocations = [e for e in events.kineto_results.events() if e.name() == "[memory]"]
    if not allocations:
        return None
    for event in sorted(allocations, key=lambda e: e.start_ns()):
        level += event.nbytes()
        peak = max(peak, level)
    return peak


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C is answered at the end of the block.

    An interrupt between the profiler's start and its ``with`` leaves it running, and a running
    profiler takes the interpreter down when that exits: a segmentation fault (torch 2.13).
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal is answered in any other thread
        return
    pressed: list[tuple[int, FrameType | None]] = []
    answer = signal.signal(signal.SIGINT, lambda *press: pressed.append(press))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, answer)
    if pressed and callable(answer):
        answer(*pressed[0])


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Without what the profiler's C++ writes to the standard error stream of its own accord."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
