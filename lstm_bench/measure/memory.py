"""Peak memory of one pass, measured apart from its time.

On a CUDA device the allocator counts. On a CPU every allocation and release of tensor memory is
recorded; the running sum's peak is what the pass needs beyond what is there before it (inputs,
parameters). The recorder is torch's older one: the newer one reports the same, and takes a second
to start in every process.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import torch


def peak_bytes(call: Callable[[], Any], device: torch.device | str = "cpu") -> int | None:
    """Bytes at the peak of one call beyond those held before it, or None where unmeasured."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        result = call()
        torch.cuda.synchronize()
        del result
        return torch.cuda.max_memory_allocated() - before
    sizes = [size for _, size in sorted(_recorded(call))]
    return max(0, *itertools.accumulate(sizes)) if sizes else None


def _recorded(call: Callable[[], Any]) -> list[tuple[float, int]]:
    """(microseconds, bytes) of each allocation, and negative bytes of each release."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is called deprecated
        from torch.autograd import profiler_legacy

        legacy: Any = profiler_legacy
        config = legacy.profile(profile_memory=True).config()
    recorder: Any = torch.autograd
    recorder._enable_profiler_legacy(config)
    try:
        result = call()
    finally:
        threads = recorder._disable_profiler_legacy()
    del result
    records: list[Any] = list(itertools.chain.from_iterable(threads))
    start = next(record for record in records if record.name() == "__start_profile")
    return [
        (start.cpu_elapsed_us(record), record.cpu_memory_usage())
        for record in records
        if record.kind() == "memory_alloc" and record.cpu_memory_usage()
    ]
