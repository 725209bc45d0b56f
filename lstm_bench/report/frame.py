"""A run's cells as pandas frames, with columns that stay.

Samples: one row a sample: subject, workload, batch, steps, input_size, hidden_size, head, pass,
device, dtype, flops, round, place, inner, seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.errors import UsageError
from lstm_bench.plain import all_plain
from lstm_bench.store.files import CELL_KEY, suite
from lstm_bench.store.folder import MissingError, UnusableError, read

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
        benchmarks = read(path, suite)["benchmarks"]
    except MissingError:
        raise UsageError(f"no such file: {path}") from None
    except UnusableError as error:
        why = str(error).removeprefix("is damaged: ")
        raise UsageError(
            f"{path} is not a pytest-benchmark JSON that this project's bench/ wrote ({why})"
        ) from None
    if not benchmarks:
        raise UsageError(f"{path} holds no benchmarks: none was run, or none passed")
    cells = [_cell(benchmark) for benchmark in all_plain(benchmarks)]
    return list({tuple(cell[name] for name in CELL_KEY): cell for cell in cells}.values())


def _cell(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    stats = benchmark["stats"]
    samples = [
        {"seconds": seconds, "inner": stats.get("iterations", 1), "round": number, "place": 0}
        for number, seconds in enumerate(stats.get("data") or [stats["median"]])
    ]
    return {**benchmark["extra_info"]["lstm_bench"], "samples": samples}
