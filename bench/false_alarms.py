"""Is a right LSTM ever called wrong? Every correct spelling of the tests, judged with many seeds.

    python -m bench.proof spellings                      # some half an hour on two cores
    python -m bench.proof spellings --seeds 2 --only scripted

Every judgement runs all checks on other random data: the logic in float64 where the subject
runs in float64, and float32 besides. What is wanted: ``conforms`` every time, no error.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from scipy.stats import beta  # before the fork: an import under way is a lock that a child inherits

from bench.kept import JUDGING, Known
from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Options
from tests.spellings import SPELLINGS


def _judged(task: tuple[str, dict[str, Any], int]) -> dict[str, Any]:
    """All judgements of one spelling, and what was said where it was not ``conforms``."""
    target, kwargs, seeds = task
    began = time.monotonic()
    judgements = [judge(target, Options(kwargs=kwargs, seed=seed)) for seed in range(seeds)]
    return {
        "target": target,
        "kwargs": kwargs,
        "seconds": round(time.monotonic() - began, 1),
        "verdicts": [str(j.verdict) for j in judgements],
        "precision": judgements[0].interface.get("precision", ""),
        "errors": sum(str(c.status) == "error" for j in judgements for c in j.checks),
        "checks": sum(str(c.status) == "pass" for j in judgements for c in j.checks),
        "said": list(_said(judgements)),
    }


def _said(judgements: list[Any]) -> Iterator[str]:
    for seed, judgement in enumerate(judgements):
        if str(judgement.verdict) != "conforms":
            yield f"seed {seed}: {'; '.join(judgement.diagnosis[:2])}"


def _write(rows: list[dict[str, Any]], out: Path) -> None:
    rows = sorted(rows, key=lambda row: row["target"])
    seeds = max((len(row["verdicts"]) for row in rows), default=0)
    (out / "judgements.json").write_text(json.dumps(rows, indent=1) + "\n")
    judged = sum(len(row["verdicts"]) for row in rows)
    alarms = sum(v != "conforms" for row in rows for v in row["verdicts"])
    both = sum("float64" in row["precision"] for row in rows)
    lines = [
        "# False alarms",
        "",
        f"{len(rows)} correct spellings × {seeds} seeds = {judged} judgements, with "
        f"{sum(row['checks'] for row in rows):,} checks passed, in "
        f"{sum(row['seconds'] for row in rows):.0f} s of one core.",
        "",
        f"- not `conforms`: **{alarms}** (at 95 % fewer than "
        f"{_at_most(alarms, judged):.2%} of such judgements)",
        f"- checks that could not be carried out: {sum(row['errors'] for row in rows)}",
        f"- judged in float64 and float32: {both}; in float32 alone: {len(rows) - both}",
        f"- torch {torch.__version__}, one thread",
        "",
    ]
    lines += [f"- {row['target']}: {said}" for row in rows for said in row["said"]]
    text = "\n".join(lines).rstrip() + "\n"
    (out / "summary.md").write_text(text)


def _at_most(seen: int, of: int) -> float:
    """Upper end of the exact one-sided 95 % interval (Clopper and Pearson)."""
    return float(beta.ppf(0.95, seen + 1, of - seen)) if seen < of else 1.0


def _in_words(row: Mapping[str, Any]) -> str:
    bad = [v for v in row["verdicts"] if v != "conforms"]
    return f"{len(bad)} FALSE ALARMS" if bad else "conforms throughout"


def known(seeds: int) -> Known:
    """Every correct spelling, to be judged with so many seeds."""
    tasks = [(s.target, dict(s.kwargs), seeds) for s in SPELLINGS]
    rests_on = (*JUDGING, "tests/spellings", "bench/false_alarms.py")
    return Known({repr(task): task for task in tasks}, rests_on, _judged, _in_words, _write)
