"""A stored run as the baseline: advice, since its moment has passed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.measure.folders import must_be_this_machine
from lstm_bench.measure.machine import settle
from lstm_bench.measure.run import Plan, Run, execute, read_cells, read_header


@dataclass(frozen=True)
class Advice:
    """One cell, now against then, by medians."""

    name: str
    ratio: float
    remark: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def again(stored: Path, out: Path) -> list[Advice]:
    """Measure a stored run's plan once more.

    Raises UsageError on another machine, and where the run holds no times.
    """
    header = read_header(stored)
    plan = Plan.from_json(header["plan"])
    settle(plan.device, plan.threads)
    must_be_this_machine(header, stored, plan.device, "its times are no baseline here")
    then = _medians(read_cells(stored))
    if not then:
        raise UsageError(f"{stored} holds no times to compare with")
    run = Run.create(out, plan)
    execute(run)
    now = _medians(read_cells(run.folder))
    rows = []
    for key in (key for key in now if key in then):
        ratio = now[key] / then[key]
        remark = "within what two runs differ by" if 0.7 < ratio < 1.4 else "more than usual"
        rows.append(Advice(" ".join(key), ratio, remark))
    return rows


def _medians(cells: list[Mapping[str, Any]] | list[dict[str, Any]]) -> dict[tuple[str, ...], float]:
    return {
        (cell["subject"], cell["workload"], cell["pass"]): statistics.median(
            sample["seconds"] for sample in cell["samples"]
        )
        for cell in cells
        if cell["samples"]
    }
