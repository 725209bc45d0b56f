"""What a run says: one row a cell, by pandas.

Columns: the cell and its sizes; ``median_ms``; ``spread`` (half the interquartile range over the
median); ``ratio`` to the baseline and its 95 % interval ``ratio_low``, ``ratio_high`` (below 1 is
faster; none where the baseline does other work, such as an output layer on top); ``gflops``
(GFLOP/s); ``peak_mib``; ``cold_ms`` (building and the first call, in a fresh process);
``samples``; ``status``: "ok", or "incorrect: …", "unearned: …" or "failed: …" and why.

The ratio is the median of the ratios *within rounds*, so that what drifts slowly cancels; its
interval is that of a median by order statistics, which assumes nothing of the distribution.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lstm_bench.report.frame import CELL, SIZES, samples_frame

BASELINE = "torch_nn"
GROUP = ["workload", "pass", "device", "dtype"]
COLUMNS = [
    *CELL,
    *SIZES,
    "median_ms",
    "spread",
    "ratio",
    "ratio_low",
    "ratio_high",
    "gflops",
    "peak_mib",
    "cold_ms",
    "samples",
    "status",
]


def summarise(cells: Sequence[dict[str, Any]], baseline: str = BASELINE) -> pd.DataFrame:
    """One row a cell, in the order in which the cells came."""
    samples = samples_frame(cells)
    timed = dict(iter(samples.groupby(CELL, sort=False)))
    rows = [_row(cell, timed, baseline) for cell in cells]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(cell: dict[str, Any], timed: dict[Any, pd.DataFrame], baseline: str) -> dict[str, Any]:
    row = {column: cell[column] for column in [*CELL, *SIZES]}
    group = timed.get(tuple(cell[column] for column in CELL))
    row["status"] = status_of(cell)
    row["peak_mib"] = None if cell["peak_bytes"] is None else cell["peak_bytes"] / 2**20
    cold = cell.get("cold_seconds")
    row["cold_ms"] = None if cold is None else 1e3 * cold
    if group is None:
        return row | {"samples": 0}
    seconds = group["seconds"]
    median = float(seconds.median())
    low, high = seconds.quantile([0.25, 0.75])
    row |= {
        "median_ms": median * 1e3,
        "spread": (high - low) / 2 / median,
        "gflops": cell["flops"] / median / 1e9,
        "samples": len(seconds),
    }
    other = timed.get((baseline, *(cell[column] for column in GROUP)))
    if other is not None and other["head"].iloc[0] == cell["head"]:  # same work, or no ratio
        row |= _ratio(group, other)
    return row


def status_of(cell: Mapping[str, Any]) -> str:
    """How a cell ended: "ok", or "incorrect", "unearned" or "failed" and why."""
    if cell.get("unearned"):
        return f"unearned: {cell['unearned']}"
    if cell["agrees"] is False:
        return f"incorrect: {cell['error']}"
    return f"failed: {cell['error']}" if cell["error"] else "ok"


def _ratio(group: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    pairs = group.set_index("round")["seconds"] / other.set_index("round")["seconds"]
    pairs = pairs.dropna()
    if pairs.empty:
        return {}
    low, high = median_interval(pairs.to_numpy())
    return {"ratio": float(pairs.median()), "ratio_low": low, "ratio_high": high}


def median_interval(values: np.ndarray[Any, Any], level: float = 0.95) -> tuple[float, float]:
    """Order statistics between which the median lies with at least this probability.

    With too few values for the level the interval is the whole range.
    """
    ordered = np.sort(values)
    n, k, below = len(ordered), 0, 1  # below / 2^n: that at most k of n lie below the median
    while below / 2**n <= (1 - level) / 2:
        k += 1
        below += math.comb(n, k)
    k = max(k, 1)
    return float(ordered[k - 1]), float(ordered[n - k])
