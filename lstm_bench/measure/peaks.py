"""What the machine can do at best, measured beside the cells: the roof of the roofline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from lstm_bench.lab.worker import apart
from lstm_bench.measure.clock import Clock, clock_for
from lstm_bench.measure.machine import settle, use

PRODUCTS, FEW = (512, 1024, 2048), (512, 1024)
"""Sizes of square matrix products; the fastest counts. Few of them take a quarter of the time."""

COPIED = 64 * 2**20
"""Bytes of the tensor that is copied: more than what caches hold on most machines."""

LEAST, SECONDS = 2, 0.2
"""The best of so many repeats counts, and of as many as fit into this time."""

TOLERATED = 1.5
"""How far beyond the measured limit a rate may be before nobody can believe it. The limit is the
best of a few products, perhaps on a core that was slow just then: cores here differ by 1.7."""


def peaks(device: str, dtype: str = "float32", threads: int | None = None) -> dict[str, float]:
    """``gflops`` (1e9/s) of a matrix product and ``gbytes`` (1e9/s) read and written by a copy.

    The best of several, in about a second on two cores. For a process of its own: sets threads.
    """
    best = product_rate(device, dtype, threads)
    clock = clock_for(device)
    source = torch.ones(COPIED // 4, device=device)
    target = torch.empty_like(source)
    seconds = _fastest(clock, lambda: target.copy_(source))
    return {"gflops": best, "gbytes": 2 * COPIED / seconds / 1e9}


def product_rate(
    device: str, dtype: str, threads: int | None, sizes: Sequence[int] = PRODUCTS
) -> float:
    """The fastest matrix product, in 1e9 floating-point operations a second. Sets threads."""
    settle(device, threads)
    use(device)
    clock = clock_for(device)
    best = 0.0
    for size in sizes:
        a, b = (torch.randn(size, size).to(device, getattr(torch, dtype)) for _ in range(2))
        product = partial(torch.mm, a, b, out=torch.empty_like(a))
        best = max(best, 2 * size**3 / _fastest(clock, product) / 1e9)
    return best


def _fastest(clock: Clock, call: Callable[[], object]) -> float:
    """Seconds of the best of several calls, the first of which warms up."""
    taken: list[float] = []
    while len(taken) <= LEAST or sum(taken) < SECONDS:
        taken.append(clock.time(call)[0])
    return min(taken)


@dataclass
class Ceiling:
    """The machine's own limit: nobody computes faster than it multiplies matrices at best.

    rates: by device, dtype and threads, in GFLOP/s; measured when first wanted.
    """

    rates: dict[tuple[str, str, int], float] = field(default_factory=dict)

    def complaint(
        self, flops: int, seconds: float, device: str, dtype: str, threads: int
    ) -> str | None:
        """In words, where the arithmetic of a call cannot have been done in its time.

        A limit that somebody exceeds is measured once more, at length: perhaps it was measured in
        a bad moment. There is no such limit to the bytes moved, for caches are faster than memory.
        """
        key = (device, dtype, threads)
        if key not in self.rates:
            self.rates[key] = self._measured(*key, FEW)
        found = beyond(flops, seconds, self.rates[key])
        if found is not None:
            self.rates[key] = max(self.rates[key], self._measured(*key, PRODUCTS))
            found = beyond(flops, seconds, self.rates[key])
        return found

    def _measured(self, device: str, dtype: str, threads: int, sizes: Sequence[int]) -> float:
        """Narrow types may be computed in float32, which is faster where the machine lacks them."""
        dtypes = {dtype} if dtype == "float64" else {dtype, "float32"}
        return max(float(apart(product_rate, device, one, threads, sizes)) for one in dtypes)


def beyond(flops: int, seconds: float, gflops: float) -> str | None:
    """In words, where so much arithmetic in such a time is more than the machine can do."""
    rate = flops / max(seconds, 1e-12) / 1e9
    if rate <= TOLERATED * gflops:
        return None
    return (
        f"{rate:.0f} GFLOP/s is faster than the machine, whose matrix products reach "
        f"{gflops:.0f} GFLOP/s"
    )
