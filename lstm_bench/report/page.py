"""One self-contained HTML page: no script, no reference to anything outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from lstm_bench.report.figures import ratios
from lstm_bench.report.summary import BASELINE
from lstm_bench.report.tables import HEADINGS, cells_of


def page(summary: pd.DataFrame, header: Mapping[str, Any], baseline: str = BASELINE) -> str:
    """The page of one run."""
    environment = Environment(
        loader=PackageLoader("lstm_bench.report", "."), autoescape=True, undefined=StrictUndefined
    )
    rows, last = [], None
    for row in summary.to_dict("records"):
        key = (row["workload"], row["pass"])
        rows.append(
            {
                "workload": row["workload"],
                "pass": row["pass"],
                "cells": cells_of(row),
                "first": key != last,
                "bad": row["status"] != "ok",
            }
        )
        last = key
    return environment.get_template("page.html.j2").render(
        title="LSTM implementations side by side",
        answer=answer(summary, baseline),
        rows=rows,
        headings=HEADINGS,
        baseline=baseline,
        figure=ratios(summary, baseline),
        interleaved=header.get("interleaved", True),
        command=header.get("plan", {}).get("command") or "lstm-bench run",
        facts=[(k.replace("_", " "), v) for k, v in header.get("machine", {}).items() if v],
    )


def answer(summary: pd.DataFrame, baseline: str = BASELINE) -> str:
    """The run in a sentence or two."""
    timed = summary[summary["status"] == "ok"]
    wrong = sorted(set(summary.loc[summary["status"] != "ok", "subject"]))
    if timed.empty:
        return f"Nothing was timed: {', '.join(wrong)} did not agree with the reference."
    fastest = timed.loc[timed.groupby(["workload", "pass"])["median_ms"].idxmin(), "subject"]
    wins = fastest.value_counts()
    cells = len(fastest)
    text = f"{wins.index[0]} has the lowest median in {wins.iloc[0]} of {cells} cells"
    if len(wins) > 1:
        text += ", " + ", ".join(f"{name} in {count}" for name, count in wins.iloc[1:].items())
    text += "."
    if wrong:
        text += f" Without a speed, because incorrect: {', '.join(wrong)}."
    return text
