"""What the machine can do at best, measured beside the cells: the roof of the roofline."""

from __future__ import annotations

from functools import partial

import torch

from lstm_bench.measure.clock import clock_for
from lstm_bench.measure.machine import settle, use

PRODUCTS = (512, 1024, 2048)
"""Sizes of square matrix products; the fastest counts."""

COPIED = 64 * 2**20
"""Bytes of the tensor that is copied: more than what caches hold on most machines."""

REPEATS = 5

TOLERATED = 1.5
"""How far beyond the measured limit a rate may be before nobody can believe it. The limit is the
best of a few products, perhaps on a core that was slow just then: cores here differ by 1.7."""


def peaks(device: str, dtype: str = "float32", threads: int | None = None) -> dict[str, float]:
    """``gflops`` (1e9/s) of a matrix product and ``gbytes`` (1e9/s) read and written by a copy.

    The best of several, in about a second on two cores. For a process of its own: sets threads.
    """
    settle(device, threads)
    use(device)
    clock = clock_for(device)
    best = 0.0
    for size in PRODUCTS:
        a, b = (torch.randn(size, size).to(device, getattr(torch, dtype)) for _ in range(2))
        product = partial(torch.mm, a, b, out=torch.empty_like(a))
        seconds = [clock.time(product)[0] for _ in range(REPEATS)]
        best = max(best, 2 * size**3 / min(seconds) / 1e9)
    source = torch.ones(COPIED // 4, device=device)
    target = torch.empty_like(source)
    seconds = [clock.time(lambda: target.copy_(source))[0] for _ in range(REPEATS)]
    return {"gflops": best, "gbytes": 2 * COPIED / min(seconds) / 1e9}


def beyond(flops: int, seconds: float, gflops: float) -> str | None:
    """In words, where so much arithmetic in such a time is more than the machine can do."""
    rate = flops / max(seconds, 1e-12) / 1e9
    if rate <= TOLERATED * gflops:
        return None
    return (
        f"{rate:.0f} GFLOP/s is faster than the machine, whose matrix products reach "
        f"{gflops:.0f} GFLOP/s"
    )
