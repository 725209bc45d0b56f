"""A run's cells as pandas frames, with columns that stay.

Samples: one row a sample: subject, workload, batch, steps, input_size, hidden_size, head, pass,
device, dtype, flops, round, place, inner, seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.errors import UsageError

CELL = ["subject", "workload", "pass", "device", "dtype"]
SIZES = ["batch", "steps", "input_size", "hidden_size", "head"]


def samples_frame(cells: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row a sample of the cells that were timed."""
    rows = [
        {column: cell[column] for column in [*CELL, *SIZES, "flops"]} | dict(sample)
        for cell in cells
        for sample in cell["samples"]
    ]
    columns = [*CELL, *SIZES, "flops", "seconds", "inner", "round", "place"]
    return pd.DataFrame(rows, columns=columns)


def cells_from_pytest_benchmark(path: Path) -> list[dict[str, Any]]:
    """Cells from the JSON that ``pytest bench --benchmark-json`` wrote. Raises UsageError."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise UsageError(f"no such file: {path}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    benchmarks = found.get("benchmarks") if isinstance(found, dict) else None
    if not isinstance(benchmarks, list):
        raise UsageError(f"{path} is not a pytest-benchmark JSON (it has no list 'benchmarks')")
    if not benchmarks:
        raise UsageError(f"{path} holds no benchmarks: none was run, or none passed")
    cells = []
    for benchmark in benchmarks:
        info = benchmark.get("extra_info", {})
        if "lstm_bench" not in info:
            raise UsageError(
                f"{path} was not written by this project's bench/: "
                f"'{benchmark.get('name')}' has no lstm_bench facts"
            )
        data = benchmark["stats"].get("data") or [benchmark["stats"]["median"]]
        cell = dict(info["lstm_bench"])
        cell["samples"] = [
            {"seconds": s, "inner": benchmark["stats"].get("iterations", 1), "round": k, "place": 0}
            for k, s in enumerate(data)
        ]
        cells.append(cell)
    return cells
