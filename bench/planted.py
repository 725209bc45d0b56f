"""How many planted defects are found, and how many named: ours beside others' protocols.

    python -m bench.proof planted                            # all, some 12 minutes on two cores

For every defect of ``tests/broken``: the verdict and whether the diagnosis names the cause (in the
words that the registry asks for), and whether three protocols in use elsewhere would have noticed,
each stated here in our own code on the same mapped weights:

- *KernelBench*: outputs only, random data from the default state, |Δ| ≤ 1e-4 absolute and relative.
- *fastrnns*: outputs and parameter gradients from the default state, max |Δ| ≤ 1e-3.
- *assert_close*: outputs and states at torch's default tolerances, from a given state.

They get what they do not have themselves: our construction, call form and weight mapping.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from bench.kept import JUDGING, Known
from lstm_bench.conformance.isolate import Limits, judge_isolated
from lstm_bench.conformance.problem import pose, solve_instance, solve_reference
from lstm_bench.report.write import write_report
from lstm_bench.subject import open_subject
from tests.broken import DEFECTS, VARIANTS

PROTOCOLS = ("kernelbench", "fastrnns", "assert_close")
WIDE = {"batch": 8, "steps": 12}


def one(defect: Any) -> dict[str, Any]:
    """The row of one defect."""
    started = time.perf_counter()
    judgement = judge_isolated(defect.target, limits=Limits(seconds=120))
    failed = [c.name for c in judgement.checks if str(c.status) == "fail"]
    warned = [c.name for c in judgement.checks if str(c.status) == "warning"]
    text = " ".join(judgement.diagnosis)
    return {
        "name": defect.name,
        "class": defect.failure_class,
        "expected": defect.verdict,
        "accepted": [defect.verdict, *defect.also],
        "verdict": str(judgement.verdict),
        "named": bool(defect.is_told_by(text)),
        "seconds": round(time.perf_counter() - started, 1),
        "diagnosis": list(judgement.diagnosis[:3]),
        "failed": failed,
        "warned": warned,
        **{name: noticed(defect.target, name) for name in PROTOCOLS},
    }


def noticed(target: str, protocol: str) -> bool:
    """Whether a protocol would have noticed; an exception is noticed."""
    try:
        subject = open_subject(target)
        instance = subject.build(12, 10, dtype=torch.float32)
        given = protocol == "assert_close" and subject.interface.takes_state
        problem = pose(instance, **WIDE, seed=0, state=given, dtype=torch.float32)
        problem = problem.with_cotangents("y") if protocol == "fastrnns" else problem
        got = solve_instance(instance, problem, gradients=protocol == "fastrnns")
        expected = solve_reference(problem, gradients=protocol == "fastrnns")
    except Exception:
        return True
    parts = {
        "kernelbench": [p for p in got if p == "y"],
        "fastrnns": [p for p in got if p == "y" or p[:6] in ("grad W", "grad U", "grad b")],
        "assert_close": [p for p in got if p in ("y", "h", "c")],
    }[protocol]
    tolerance = {
        "kernelbench": {"rtol": 1e-4, "atol": 1e-4},
        "fastrnns": {"rtol": 0.0, "atol": 1e-3},
        "assert_close": {"rtol": 1.3e-6, "atol": 1e-5},
    }[protocol]
    return not all(
        got[p].shape == expected[p].shape and torch.allclose(got[p], expected[p], **tolerance)
        for p in parts
    )


def write(rows: list[dict[str, Any]], out: Path) -> None:
    """The matrix as JSON and CSV, and its page."""
    frame = pd.DataFrame(rows).sort_values(["class", "name"])
    out.joinpath("matrix.json").write_text(
        json.dumps(json.loads(frame.to_json(orient="records")), indent=1) + "\n"
    )
    every = sorted({name for names in frame["failed"] for name in names})
    matrix = pd.DataFrame(
        {
            "defect": frame["name"],
            **{c: [int(c in names) for names in frame["failed"]] for c in every},
        }
    )
    matrix.to_csv(out / "check_by_defect.csv", index=False)
    write_report(out, ("html", "md", "csv"))  # matrix.json holds it all


KNOWN = Known(
    {d.name: d for d in (*DEFECTS, *VARIANTS)},
    (*JUDGING, "tests/broken", "bench/planted.py"),
    one,
    lambda row: str(row["verdict"]),
    write,
)
