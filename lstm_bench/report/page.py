"""One self-contained HTML page: no script, no reference to anything outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from lstm_bench.report.figures import ratios
from lstm_bench.report.summary import BASELINE, GROUP
from lstm_bench.report.tables import HEADINGS, cells_of, reasons, short


def page(
    summary: pd.DataFrame, header: Mapping[str, Any], said: str, baseline: str = BASELINE
) -> str:
    """The page of one run. said: the run in a few sentences, see :func:`answer`."""
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
        answer=said,
        reasons=reasons(summary),
        rows=rows,
        headings=HEADINGS,
        baseline=baseline,
        figure=ratios(summary, baseline),
        interleaved=header.get("interleaved", True),
        command=header.get("plan", {}).get("command") or "lstm-bench run",
        facts=[
            (name.replace("_", " "), _text(value))
            for name, value in header.get("machine", {}).items()
            if value not in (None, {})
        ],
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={held}" for name, held in value.items())
    return str(value)


def answer(summary: pd.DataFrame, baseline: str = BASELINE, expected: int | None = None) -> str:
    """The run in a few sentences: who is fastest, who has no speed and why, what is missing."""
    timed = summary[summary["status"] == "ok"]
    sentences = [_fastest(timed)]
    for status in ("incorrect", "failed"):
        names = _names(summary[summary["status"].str.startswith(status)])
        if names:
            sentences.append(f"Without a speed, because {status}: {names}.")
    sentences += _without_ratio(timed, baseline)
    if expected is not None and len(summary) < expected:
        sentences.append(f"Stopped early: {len(summary)} of {expected} cells are done.")
    return " ".join(sentences)


def _fastest(timed: pd.DataFrame) -> str:
    if timed.empty:
        return "Nothing was timed."
    # Only what does the same work is compared: with an output layer, or without.
    cells = timed.groupby([*GROUP, "head"], sort=False)
    wins = timed.loc[cells["median_ms"].idxmin(), "subject"].value_counts()
    wins.index = wins.index.map(short)
    text = f"{wins.index[0]} has the lowest median in {wins.iloc[0]} of {len(cells)} cells"
    return text + "".join(f", {name} in {count}" for name, count in wins.iloc[1:].items()) + "."


def _without_ratio(timed: pd.DataFrame, baseline: str) -> list[str]:
    """Why some that were timed have no ratio to the baseline."""
    if timed.empty:
        return []
    if baseline not in set(timed["subject"]):
        return [f"No ratios: {baseline} was not timed; add it to --impl."]
    names = _names(timed[timed["ratio"].isna()])
    if not names:
        return []
    other = f"in some cells, where {baseline} has no time or does other work"
    return [f"No ratio for {names} {other} (an output layer: see --no-head)."]


def _names(rows: pd.DataFrame) -> str:
    return ", ".join(sorted({short(subject) for subject in rows["subject"]}))
