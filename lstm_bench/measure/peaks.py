"""What the machine can do at best, measured beside the cells: the roof of the roofline."""

from __future__ import annotations

from functools import partial

import torch

from lstm_bench.measure.clock import clock_for

PRODUCTS = (512, 1024, 2048)
"""Sizes of square matrix products; the fastest counts."""

COPIED = 64 * 2**20
"""Bytes of the tensor that is copied: more than what caches hold on most machines."""

REPEATS = 5


def peaks(device: torch.device | str, dtype: torch.dtype) -> dict[str, float]:
    """``gflops`` (1e9/s) of a matrix product and ``gbytes`` (1e9/s) read and written by a copy.

    The best of several, with the threads that are set, in about a second on two cores.
    """
    clock = clock_for(device)
    best = 0.0
    for size in PRODUCTS:
        a, b = (torch.randn(size, size).to(device=device, dtype=dtype) for _ in range(2))
        product = partial(torch.mm, a, b, out=torch.empty_like(a))
        seconds = [clock.time(product)[0] for _ in range(REPEATS)]
        best = max(best, 2 * size**3 / min(seconds) / 1e9)
    source = torch.ones(COPIED // 4, device=device)
    target = torch.empty_like(source)
    seconds = [clock.time(lambda: target.copy_(source))[0] for _ in range(REPEATS)]
    return {"gflops": best, "gbytes": 2 * COPIED / min(seconds) / 1e9}
