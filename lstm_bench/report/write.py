"""All summaries of a run, into its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.report.page import answer, page
from lstm_bench.report.summary import summarise
from lstm_bench.report.tables import markdown, reasons


def write_summaries(
    folder: Path, cells: Sequence[dict[str, Any]], header: Mapping[str, Any]
) -> pd.DataFrame:
    """summary.csv, summary.json, summary.md and report.html; returns the summary."""
    summary = summarise(cells)
    said = answer(summary, expected=expected_cells(header))
    summary.to_csv(folder / "summary.csv", index=False)
    rows = json.loads(summary.to_json(orient="records"))
    document = {"answer": said, "machine": header.get("machine", {}), "cells": rows}
    (folder / "summary.json").write_text(json.dumps(document, indent=2) + "\n")
    why = "".join(f"\n- {reason}" for reason in reasons(summary))
    (folder / "summary.md").write_text(f"{said}\n{why}\n\n{markdown(summary)}")
    (folder / "report.html").write_text(page(summary, header, said))
    return summary


def expected_cells(header: Mapping[str, Any]) -> int | None:
    """How many cells the run was to have; None where nobody can know."""
    plan = header.get("plan", {})
    parts = [plan.get(name) for name in ("subjects", "workloads", "passes")]
    return None if None in parts else math.prod(len(part) for part in parts)
