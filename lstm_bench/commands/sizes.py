"""The sizes that were asked for, in every command that takes them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.measure.workloads import PRESETS, Workload, grid

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2}


def workloads(
    options: Mapping[str, Any], preset: str, rest: tuple[int, int, int], *, head: bool = True
) -> tuple[Workload, ...]:
    """preset: its sizes where none are named. rest: (batch, steps, hidden) where one is.

    Raises UsageError on sizes that this machine's memory cannot hold.
    """
    sized = any(options[name] for name in ("batch", "steps", "hidden", "inputs"))
    if sized:
        batch, steps, hidden = ((size,) for size in rest)
        found = grid(
            options["batch"] or batch, options["steps"] or steps, options["hidden"] or hidden,
            options["inputs"],
        )  # fmt: skip
    else:
        names = options["presets"] or (preset,)
        found = tuple(workload for name in names for workload in PRESETS[name].workloads)
    if options["no_head"] or not head:
        found = tuple(replace(workload, head=False) for workload in found)
    if options["device"] == "cpu":
        refuse_too_large(found, BYTES[options["dtype"]])
    return tuple(dict.fromkeys(found))


def refuse_too_large(
    found: Iterable[Workload], number: int = 4, memory: float | None = None
) -> None:
    """number: bytes of one. memory: bytes; default: the machine's.

    Raises UsageError on the first that does not fit.
    """
    memory = _memory() if memory is None else memory
    for workload in found:
        needed = number * _numbers(workload)
        if needed > memory:
            raise UsageError(
                f"{workload.name} is too large: its input, weights and output alone are "
                f"{needed / 2**30:,.0f} GiB, and this machine has {memory / 2**30:,.0f} GiB"
            )


def _numbers(w: Workload) -> int:
    """x, the output and the weights, each once: less than any implementation needs."""
    width = w.input_size + w.hidden_size
    return w.batch * w.steps * width + 4 * w.hidden_size * width


def _memory() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float("inf")
