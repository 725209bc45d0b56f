"""Folders as run, compare, choose, check and planted leave them, with figures that are known."""

import json
import math
import random

from lstm_bench.measure.workloads import PASSES, Workload, grid

MACHINE = {"cpu": "a <fast> one", "cores": 2, "threads": 1, "torch": "9.9", "python": "3.99"}
SUBJECTS = ("documented_loop", "batched_gates", "torch_nn")
SPEEDS = {"documented_loop": 4.0, "batched_gates": 2.0, "torch_nn": 1.0}

JUDGEMENTS = [
    {
        "target": name,
        "verdict": "conforms",
        "diagnosis": [],
        "interface": {"layout": "batch first"},
        "seconds": 3.2,
        "checks": [
            {"name": "sequence", "class": "equations", "status": "pass", "message": ""},
            {"name": "float64", "class": "dtype_device", "status": "warning", "message": "none"},
        ],
    }
    for name in SUBJECTS
]
DEFECTIVE = {
    "target": "path/to/wrong.py:Wrong",
    "verdict": "defective",
    "diagnosis": ["the forget gate is <not> used"],
    "interface": {},
    "seconds": 2.0,
    "checks": [{"name": "sequence", "class": "equations", "status": "fail", "message": "y is off"}],
}


def header(form, plan, **more):
    return {
        "format": form,
        "started": "2031-05-01T12:00:00+00:00",
        "plan": plan,
        "machine": MACHINE,
        "fingerprint": "abc",
    } | more


def run_cells(workloads, subjects=SUBJECTS, passes=PASSES, factor=1.0, rounds=8):
    """Times grow with the work; a subject's factor is the same everywhere, noise aside."""
    noise = random.Random(1)
    cells = []
    for workload in workloads:
        for pass_name in passes:
            base = 1e-9 * workload.flops(pass_name) * factor
            drift = [1 + 0.3 * noise.random() for _ in range(rounds)]
            for subject in subjects:
                cells.append(
                    {
                        "subject": subject,
                        "workload": workload.name,
                        **vars(workload),
                        "pass": pass_name,
                        "device": "cpu",
                        "dtype": "float32",
                        "flops": workload.flops(pass_name),
                        "agrees": True,
                        "error": "",
                        "samples": [
                            {
                                "seconds": base * d * SPEEDS[subject] * (1 + 0.02 * noise.random()),
                                "inner": 1,
                                "round": k,
                                "place": 0,
                            }
                            for k, d in enumerate(drift)
                        ],
                        "peak_bytes": 2**20 * (1 + workload.batch),
                        "cold_seconds": 0.004,
                    }
                )
    return cells


def run_folder(folder, workloads=None, wrong=False, **more):
    workloads = workloads or grid((1, 8, 32), (4,), (32, 64))
    folder.mkdir(parents=True, exist_ok=True)
    plan = {
        "subjects": SUBJECTS, "workloads": [vars(w) for w in workloads],
        "passes": more.get("passes", PASSES),
        "command": "lstm-bench run --preset <three>",
    }  # fmt: skip
    told = {k: v for k, v in more.items() if k in ("fingerprint", "started", "machine")}
    (folder / "run.json").write_text(json.dumps(header("lstm-bench run 1", plan, **told)))
    rest = {k: v for k, v in more.items() if k not in told}
    cells = run_cells(workloads, **rest)
    if wrong:
        cells[0] |= {"samples": [], "agrees": False, "error": "y is <off>", "peak_bytes": None}
    (folder / "cells.jsonl").write_text("".join(json.dumps(c) + "\n" for c in cells))
    (folder / "checks.json").write_text(json.dumps(JUDGEMENTS))
    (folder / "peaks.json").write_text(json.dumps({"gflops": 50.0, "gbytes": 10.0}))
    return folder


def comparison_folder(folder, decided=True):
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [Workload(1, 8, 32, 32), Workload(16, 8, 64, 64, head=False)]
    ratios = {0: 1.0, 1: 1.06, 2: 0.8, 3: 1.0}
    cells = [
        {"subject": 0, "workload": vars(w), "pass_name": p}
        for w in sizes
        for p in ("forward", "step")
    ]
    plan = {
        "question": "The working tree against main:",
        "baseline": {"name": "main", "targets": ["mine.py:L"], "root": None},
        "candidate": {"name": "the working tree", "targets": ["mine.py:L"], "root": None},
        "cells": cells, "conditions": {}, "command": "lstm-bench guard --against git:main",
        "settings": {"margin": 0.05, "alpha": 0.01},
    }  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(header("lstm-bench comparison 1", plan)))
    noise = random.Random(2)
    lines = []
    for block in range(12):
        for cell, ratio in ratios.items():
            far = 0.3 if (block, cell) == (7, 0) else 0.0
            score = math.log(ratio) + noise.gauss(0, 0.005) + far
            lines.append({"block": block, "cell": cell, "score": score, "rounds": []})
    (folder / "blocks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    sides = [JUDGEMENTS[0] | {"side": side} for side in ("main", "the working tree")]
    (folder / "checks.json").write_text(json.dumps(sides))
    if decided:
        verdicts = ("equal", "slower", "faster", "undecided")
        found = [
            {
                "baseline": "mine.py:L", "candidate": "mine.py:L",
                "workload": Workload(**c["workload"]).name, "pass": c["pass_name"],
                "verdict": verdicts[n], "ratio": ratios[n], "low": ratios[n] - 0.02,
                "high": None if n == 3 else ratios[n] + 0.02, "at_most": None if n == 3 else 0.03,
                "blocks": 12, "reason": "",
            }
            for n, c in enumerate(cells)
        ]  # fmt: skip
        decision = {
            "question": plan["question"], "alarm": True, "seconds": 61.0, "interrupted": False,
            "margin": 0.05, "alpha": 0.01, "cells": found,
        }  # fmt: skip
        (folder / "decision.json").write_text(json.dumps(decision))
    return folder


def choice_folder(folder):
    folder.mkdir(parents=True, exist_ok=True)
    plan = {
        "question": "Which of a, b, c is fastest?", "candidates": ["a", "b", "x/c.py:C"],
        "cells": [
            {"subject": 0, "workload": vars(Workload(batch, 8, 32, 32, False)),
             "pass_name": "forward"}
            for batch in (1, 64)
        ],
        "conditions": {}, "settings": {"margin": 0.05, "alpha": 0.01},
        "command": "lstm-bench choose --impl a,b",
    }  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(header("lstm-bench choice 1", plan)))
    cells = []
    for batch, (first, second) in ((1, ("a", "b")), (64, ("b", "a"))):
        places = [
            {
                "target": name, "rank": k + 1, "verdict": "slower" if k else "best",
                "ratio": 1.0 + k, "low": 1.0 + 0.9 * k, "high": 1.0 + 1.1 * k,
                "milliseconds": 0.2 * (1 + k) * batch, "peak_mib": 0.5, "blocks": 11, "reason": "",
            }
            for k, name in enumerate((first, second))
        ]  # fmt: skip
        cells.append(
            {
                "workload": f"B{batch}-T8-I32-H32-nohead", "batch": batch, "steps": 8,
                "input_size": 32, "hidden_size": 32, "pass": "forward", "verdict": "decided",
                "best": [first], "ranking": places,
            }
        )  # fmt: skip
    decision = {
        "answer": "Of 2 cells, a is fastest in 1, b is fastest in 1; sure at 99%.",
        "question": plan["question"], "alpha": 0.01, "margin": 0.05, "seconds": 20.0,
        "interrupted": False, "cells": cells,
        "break_even": ["forward: a at batch 1, b at batch 64"],
        "cold_start": [
            {"target": "a", "load_seconds": 0.1, "build_seconds": 0.002, "first_call_seconds": 0.01}
        ],
        "left_out": [{"target": "x/c.py:C", "reason": "defective: the forget gate is not used"}],
    }  # fmt: skip
    (folder / "decision.json").write_text(json.dumps(decision))
    (folder / "checks.json").write_text(json.dumps([*JUDGEMENTS, DEFECTIVE]))
    return folder


def check_file(path):
    path.write_text(json.dumps([*JUDGEMENTS, DEFECTIVE]))
    return path


def matrix_folder(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "name": f"Defect{n}", "class": ("equations", "gradients")[n % 2],
            "expected": "defective", "accepted": ["defective"],
            "verdict": "conforms" if n == 3 else "defective", "named": n != 3, "seconds": 3.0,
            "diagnosis": ["named"], "failed": ["sequence"] if n % 2 else ["sequence", "gradients"],
            "warned": [], "kernelbench": n % 2 == 0, "fastrnns": True, "assert_close": False,
        }
        for n in range(10)
    ]  # fmt: skip
    (folder / "matrix.json").write_text(json.dumps(rows))
    return folder


def proof_folder(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "slower by": effect, "everywhere": everywhere, "runs": 100,
            "alarms": 100 if effect else 0, "alarms at most": 0.03, "cleared": 0,
            "runs with an undecided cell": 2, "intervals that hold the truth": 97,
            "agreement on a re-run": 0.99,
            "seconds, median": 60.0, "seconds, 95 %": 70.0,
        }
        for effect in (0.0, 0.05, 0.10)
        for everywhere in (False, True)
    ]  # fmt: skip
    curves = [
        {"statistic": s, "threshold": t, "false alarms": 1 - 2 * t, "5 % in one cell caught": 1 - t}
        for s in ("min", "median")
        for t in (0.01, 0.1, 0.5)
    ]
    found = {
        "replayed": [
            {"name": "idle", "blocks": 60, "spread": 0.012, "machine": MACHINE, "rows": rows}
        ],
        "rivals": [{"name": "idle", "curves": curves}],
        "simulated": {"runs": 1000, "alarms": 1, "alarms at most": 0.005},
        "trials": [
            {"branch": b, "code": int(b == "copy"), "seconds": 50.0, "said": []}
            for b in ("comment", "copy")
        ],
        "asv": [
            {"branch": b, "run": 0, "seconds": 50.0, "alarms": {"1.01": 2, "1.5": 0}}
            for b in ("comment", "copy")
        ],
        "command": "python -m bench.guard_proof replay",
    }
    (folder / "proof.json").write_text(json.dumps(found))
    return folder


def every_kind(folder):
    """One folder or file of each kind, by its name."""
    return {
        "run": run_folder(folder / "run", wrong=True),
        "comparison": comparison_folder(folder / "comparison"),
        "choice": choice_folder(folder / "choice"),
        "check": check_file(folder / "checks.json"),
        "matrix": matrix_folder(folder / "matrix"),
        "proof": proof_folder(folder / "proof"),
    }
