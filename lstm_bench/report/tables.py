"""A run's summary as text: tables in the terminal, and what goes into each cell."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table

from lstm_bench.plain import markup

HEADINGS = ("implementation", "median ms", "± %", "× torch_nn", "GFLOP/s", "MiB")


def terminal_tables(summary: pd.DataFrame) -> list[Table]:
    """One table a workload, 80 columns wide at the most; passes in sections."""
    tables = []
    for key, workload in summary.groupby(["workload", "device", "dtype"], sort=False):
        name, device, dtype = key
        title = markup(f"{name} on {device} in {dtype}")
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column(HEADINGS[0], overflow="fold", min_width=17)  # alone gives way
        for heading in HEADINGS[1:]:
            table.add_column(heading, justify="right", no_wrap=True)
        for pass_name, group in workload.groupby("pass", sort=False):
            table.add_row(f"[bold]{pass_name}[/bold]")
            for row in group.to_dict("records"):
                subject, *cells = cells_of(row)
                table.add_row(f"  {markup(subject)}", *map(markup, cells))
        tables.append(table)
    return tables


def cells_of(row: dict[Any, Any]) -> tuple[str, ...]:
    """A summary row as text; one without a speed says so, and :func:`reasons` say why."""
    name = short(row["subject"])
    if row["status"] != "ok":
        return (f"{name}: {row['status'].split(':')[0]}", "–", "–", "–", "–", "–")
    return (
        name,
        number(row["median_ms"], 4),
        number(100 * row["spread"], 2),
        interval(row),
        _three(row["gflops"]),
        _three(row["peak_mib"]),
    )


def interval(row: dict[Any, Any]) -> str:
    """``1.23 [1.20, 1.27]``; the baseline itself is 1. Short enough for a table's column."""
    if _missing(row["ratio"]):
        return "–"
    if row["ratio_low"] == row["ratio_high"] == 1:
        return "1"
    found = [row[k] for k in ("ratio", "ratio_low", "ratio_high")]
    ratio, low, high = (number(value, 3 if value >= 0.1 else 2) for value in found)
    return f"{ratio} [{low}, {high}]"


def short(subject: str) -> str:
    """``path/to/file.py:Class`` without its folders."""
    return subject.rpartition("/")[2]


def reasons(summary: pd.DataFrame) -> list[str]:
    """Why some cells have no speed: a line for each subject and reason, at its first cell."""
    rows = summary[summary["status"] != "ok"].drop_duplicates(["subject", "status"])
    return [
        f"{short(row['subject'])} on {row['workload']}, {row['pass']}: {row['status']}"
        for row in rows.to_dict("records")
    ]


def number(value: float | None, digits: int) -> str:
    """``digits`` significant digits, no exponent; a dash where nothing was measured."""
    if value is None or _missing(value):
        return "–"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 6)}f}"


def _three(value: float | None) -> str:
    """Three digits of what is worth them; a tiny value is as good as none, and fits a column."""
    return number(value, 1 if value is not None and value < 0.1 else 3)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
