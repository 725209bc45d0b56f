"""The summary for people: a table in the terminal, and one in Markdown."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from rich import box
from rich.markup import escape
from rich.table import Table

HEADINGS = ("implementation", "median ms", "± %", "× torch_nn", "GFLOP/s", "MiB")


def terminal_tables(summary: pd.DataFrame) -> list[Table]:
    """One table a workload, 80 columns wide at the most; passes in sections."""
    tables = []
    for key, workload in summary.groupby(["workload", "device", "dtype"], sort=False):
        name, device, dtype = key
        title = f"{name} on {device} in {dtype}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for k, heading in enumerate(HEADINGS):
            table.add_column(heading, justify="left" if k == 0 else "right", no_wrap=k > 0)
        for pass_name, group in workload.groupby("pass", sort=False):
            table.add_row(f"[bold]{pass_name}[/bold]")
            for row in group.to_dict("records"):
                subject, *cells = cells_of(row)
                table.add_row(f"  {escape(subject)}", *cells)
        tables.append(table)
    return tables


def markdown(summary: pd.DataFrame) -> str:
    """The whole summary as one Markdown table."""
    head = ("workload", "pass", *HEADINGS)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in summary.to_dict("records"):
        cells = (row["workload"], row["pass"], *cells_of(row))
        lines.append("| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines) + "\n"


def cells_of(row: dict[Any, Any]) -> tuple[str, ...]:
    """A summary row as text; a cell without a speed says why."""
    if row["status"] != "ok":
        return (f"{row['subject']} ({row['status']})", "–", "–", "–", "–", "–")
    return (
        row["subject"],
        number(row["median_ms"], 4),
        number(100 * row["spread"], 2),
        interval(row),
        number(row["gflops"], 3),
        number(row["peak_mib"], 3),
    )


def interval(row: dict[Any, Any]) -> str:
    """``1.23 [1.20, 1.27]``; the baseline itself is 1."""
    if _missing(row["ratio"]):
        return "–"
    if row["ratio_low"] == row["ratio_high"] == 1:
        return "1"
    ratio, low, high = (number(row[k], 3) for k in ("ratio", "ratio_low", "ratio_high"))
    return f"{ratio} [{low}, {high}]"


def number(value: float | None, digits: int) -> str:
    """``digits`` significant digits, no exponent; a dash where nothing was measured."""
    if value is None or _missing(value):
        return "–"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 6)}f}"


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
