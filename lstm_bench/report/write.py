"""All summaries of a run, into its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.report.page import answer, page
from lstm_bench.report.summary import summarise
from lstm_bench.report.tables import markdown


def write_summaries(
    folder: Path, cells: Sequence[dict[str, Any]], header: Mapping[str, Any]
) -> pd.DataFrame:
    """summary.csv, summary.json, summary.md and report.html; returns the summary."""
    summary = summarise(cells)
    summary.to_csv(folder / "summary.csv", index=False)
    rows = json.loads(summary.to_json(orient="records"))
    document = {"answer": answer(summary), "machine": header.get("machine", {}), "cells": rows}
    (folder / "summary.json").write_text(json.dumps(document, indent=2) + "\n")
    (folder / "summary.md").write_text(f"{answer(summary)}\n\n{markdown(summary)}")
    (folder / "report.html").write_text(page(summary, header))
    return summary
