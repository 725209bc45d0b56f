"""What each file of each kind of folder holds: the one place that says so.

A file that is written anew gets its shape here, or nothing reads it. Words that other rooms own
(passes, verdicts) stand here too, because this room knows none of them; a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lstm_bench.store.shapes import (
    Shape,
    also,
    anything,
    flag,
    items,
    like,
    maybe,
    number,
    one_of,
    record,
    row,
    table,
    text,
    whole,
)

Json = Mapping[str, Any]

PASSES = ("forward", "forward_train", "backward", "step")
VERDICTS = ("conforms", "defective", "variant", "inconclusive", "unsupported", "error")
STATUSES = ("pass", "fail", "warning", "inconclusive", "unsupported", "skipped", "error")
OUTCOMES = ("slower", "faster", "equal", "not slower", "undecided", "failed", "unearned")
STANDINGS = ("best", "tied", "slower", "undecided", "failed", "unearned")
STATES = ("decided", "tie", "undecided", "failed")

_seconds = number(1e-9, 1e7)
"""Of a call: neither nothing nor months."""
_lasting = number(0, 1e9)
_size = whole(1)
_share = number(1e-9, 1)
_ratio = number(1e-9, 1e9)
_end = number(0, 1e30)
"""Of an interval of a ratio."""

# -- what several files share --------------------------------------------------------------------

_SIZES = {"batch": _size, "steps": _size, "input_size": _size, "hidden_size": _size}
workload = record(_SIZES, {"head": flag}, rest=False)
_device = like(r"(cpu|cuda)(:\d{1,3})?", "cpu or cuda")
_dtype = one_of("float32", "float64", "bfloat16", "float16")
_threads = whole(1, 2**31 - 1)
_seed = whole(-(2**63), 2**64 - 1)

_check = record({"name": text, "class": text, "status": one_of(*STATUSES), "message": text})
judgement = record(
    {
        "target": text,
        "verdict": one_of(*VERDICTS),
        "diagnosis": items(text),
        "interface": table(anything),
        "checks": items(_check),
        "seconds": _lasting,
    },
    {"side": text},
)
judgements = items(judgement)


def header(plan: Shape) -> Shape:
    """The file that tells what a folder holds, when it was begun, and on which machine."""
    return record(
        {"format": text, "plan": plan, "machine": table(anything), "fingerprint": text},
        {"started": text},
    )


# -- run -----------------------------------------------------------------------------------------

run_plan = record(
    {
        "subjects": items(text, least=1, distinct=str),
        "workloads": items(workload, least=1),
        "passes": items(one_of(*PASSES), least=1, distinct=str),
    },
    {
        "device": _device,
        "dtype": _dtype,
        "threads": maybe(_threads),
        "rounds": whole(1),
        "budget": number(0, math.inf),
        "seed": _seed,
        "command": text,
    },
    rest=False,
)
_sample = record({"seconds": _seconds, "inner": whole(1), "round": whole(), "place": whole()})
measured = {
    "subject": text,
    "workload": text,
    **_SIZES,
    "head": flag,
    "pass": one_of(*PASSES),
    "device": text,
    "dtype": text,
    "flops": whole(0, 10**40),
    "agrees": maybe(flag),
    "error": text,
    "peak_bytes": maybe(whole()),
}
cell = record(
    {**measured, "samples": items(_sample, distinct=lambda sample: sample["round"])},
    {"cold_seconds": maybe(_lasting), "unearned": text},
)
CELL_KEY = ("subject", "workload", "pass", "device", "dtype")
_stats = record({"median": _seconds}, {"data": items(_seconds), "iterations": whole(1)})
_info = record({"lstm_bench": record(measured, {"machine": table(anything)})})
suite = record({"benchmarks": items(record({"name": text, "extra_info": _info, "stats": _stats}))})
"""What ``pytest bench --benchmark-json`` writes."""

cold = table(maybe(_lasting))
peaks = record({"gflops": number(1e-6, 1e9), "gbytes": number(1e-6, 1e9)})

# -- compare, guard, choose ----------------------------------------------------------------------

conditions = record(
    {},
    {
        "device": _device,
        "dtype": _dtype,
        "threads": _threads,
        "clock": one_of("cpu", "wall"),
        "pin": flag,
        "batch_seconds": number(1e-6, 10),
        "rounds": whole(1, 10**6),
        "most_rounds": whole(1, 10**6),
        "cell_seconds": _lasting,
        "block_seconds": _lasting,
        "cold_cache": flag,
        "seed": _seed,
    },
    rest=False,
)
settings = record(
    {"margin": _share, "alpha": number(1e-9, 0.999)},
    {
        "tolerance": number(0, 1),
        "budget": _lasting,
        "both_ways": flag,
        "most_blocks": whole(1, 10**6),
        "seed": _seed,
    },
    rest=False,
)


def _cells(subjects: int) -> Shape:
    """Of a plan. subjects: how many there may be at the most."""
    one = {"subject": whole(0, subjects - 1), "workload": workload, "pass_name": one_of(*PASSES)}
    return items(record(one, rest=False), least=1)


_decided = {"question": text, "conditions": conditions, "settings": settings, "command": text}
side = record({"name": text, "targets": items(text, least=1)}, {"root": maybe(text)}, rest=False)


def _subjects_are_there(plan: Json) -> str | None:
    most = min(len(plan[name]["targets"]) for name in ("baseline", "candidate"))
    wrong = any(found["subject"] >= most for found in plan["cells"])
    return "has a cell of a subject that is not among its targets" if wrong else None


comparison_plan = also(
    record(
        {**_decided, "baseline": side, "candidate": side, "cells": _cells(10**6)},
        {
            "trees": maybe(record({"repository": text, "commit": text, "digest": text})),
            "missing": items(text),
        },
    ),
    _subjects_are_there,
)
choice_plan = record(
    {**_decided, "candidates": items(text, least=1, distinct=str), "cells": _cells(1)}
)

_turns = items(row(whole(0, 10**6), items(_seconds, least=1)), least=1)
_block = {"block": whole(), "cell": whole()}
_taken = {"inner": whole(1), "first": whole(), "device": maybe(table(anything))}
comparison_block = record(
    {**_block, "score": number(-50, 50)}, {**_taken, "rounds": items(_turns)}, rest=False
)


def _same_sides(block: Json) -> str | None:
    """Ratios are taken within each round."""
    sides = [{who for who, _ in turns} for turns in block["rounds"]]
    return "has rounds of different sides" if any(s != sides[0] for s in sides) else None


choice_block = also(
    record(
        {
            **_block,
            "score": maybe(number(-50, 50)),
            "inner": whole(1),
            "first": whole(),
            "rounds": items(_turns, least=1),
        },
        {"device": maybe(table(anything))},
        rest=False,
    ),
    _same_sides,
)
comparison_decision = record(
    {
        "alarm": flag,
        "seconds": _lasting,
        "margin": _share,
        "alpha": _share,
        "cells": items(
            record(
                {
                    "baseline": text,
                    "candidate": text,
                    "workload": text,
                    "pass": text,
                    "verdict": one_of(*OUTCOMES),
                    "ratio": maybe(_ratio),
                    "low": maybe(_end),
                    "high": maybe(_end),
                    "at_most": maybe(number(-1, 1e30)),
                    "blocks": whole(),
                    "reason": text,
                }
            ),
            least=1,
        ),
    },
    {"question": text, "interrupted": flag},
)
_place = record(
    {
        "target": text,
        "rank": whole(),
        "verdict": one_of(*STANDINGS),
        "ratio": maybe(_ratio),
        "low": maybe(_end),
        "high": maybe(_end),
        "milliseconds": maybe(number(1e-6, 1e10)),
        "peak_mib": maybe(number(0)),
        "blocks": whole(),
        "reason": text,
    }
)
_start = {"load_seconds": _lasting, "build_seconds": _lasting, "first_call_seconds": _lasting}
choice_decision = record(
    {
        "answer": text,
        "cells": items(
            record(
                {
                    "workload": text,
                    **_SIZES,
                    "pass": text,
                    "verdict": one_of(*STATES),
                    "best": items(text),
                    "ranking": items(_place, least=1),
                }
            )
        ),
        "break_even": items(text),
        "cold_start": items(record({"target": text, **_start})),
        "left_out": items(record({"target": text, "reason": text})),
    },
    {"question": text, "alpha": _share, "margin": _share, "seconds": _lasting, "interrupted": flag},
)
_arm = like(r"\d{1,6}", "a candidate's number")
costs = record(
    {
        "peak_bytes": items(row(whole(), whole(), maybe(whole()))),
        "cold": table(record(_start, rest=False), _arm),
        "out": table(text, _arm),
    },
    rest=False,
)

# -- calibrate -----------------------------------------------------------------------------------

_way = record(
    {"threads": _threads, "clock": one_of("cpu", "wall"), "pin": flag},
    {
        "batch_seconds": number(1e-6, 10),
        "blocks": whole(),
        "spread": maybe(_lasting),
        "tail": maybe(_lasting),
        "block_seconds": maybe(_lasting),
        "tells": maybe(_share),
    },
    rest=False,
)
profile = record(
    {
        "format": one_of("lstm-bench machine 1"),
        "ways": items(_way, least=1),
        "machine": table(anything),
        "fingerprint": text,
        "when": text,
    },
    {"device": text, "budget": _lasting, "noise": table(_lasting)},
    rest=False,
)

# -- the experiments that prove the harness -------------------------------------------------------

PROTOCOLS = ("kernelbench", "fastrnns", "assert_close")
matrix = items(
    record(
        {
            "name": text,
            "class": text,
            "expected": text,
            "accepted": items(text),
            "verdict": text,
            "named": flag,
            "seconds": _lasting,
            "diagnosis": items(text),
            "failed": items(text),
            "warned": items(text),
            **dict.fromkeys(PROTOCOLS, flag),
        }
    ),
    least=1,
)
_replayed_run = record(
    {
        "slower by": number(0, 10),
        "everywhere": flag,
        "runs": whole(1),
        "alarms": whole(),
        "alarms at most": number(0, 1),
        "cleared": whole(),
        "runs with an undecided cell": whole(),
        "intervals that hold the truth": whole(),
        "agreement on a re-run": number(0, 1),
        "seconds, median": _lasting,
        "seconds, 95 %": _lasting,
    }
)


def _has_the_effects(part: Json) -> str | None:
    """The answer needs the runs without a slowdown, and with 5 and 10 % in one cell."""
    single = {found["slower by"] for found in part["rows"] if not found["everywhere"]}
    missing = [effect for effect in (0.0, 0.05, 0.10) if effect not in single]
    return f"has no runs with {missing[0]:.0%} in one cell" if missing else None


_replayed = also(
    record(
        {
            "name": text,
            "blocks": whole(),
            "spread": _lasting,
            "machine": table(anything),
            "rows": items(_replayed_run),
        }
    ),
    _has_the_effects,
)
_curve = record(
    {
        "statistic": text,
        "threshold": _lasting,
        "false alarms": number(0, 1),
        "5 % in one cell caught": number(0, 1),
    }
)
_trial = record({"branch": text, "code": whole(-256, 256), "seconds": _lasting})
_asv = record({"branch": text, "seconds": _lasting, "alarms": table(whole())})


def _goes_together(found: Json) -> str | None:
    names = {part["name"] for part in found["replayed"]}
    if any(rival["name"] not in names for rival in found["rivals"][:1]):
        return "has rivals of noise that was not replayed"
    runs = found.get("asv", [])
    if runs and {run["branch"] for run in runs} < {"comment", "copy"}:
        return "has asv's runs of one branch only"
    if any(set(run["alarms"]) != set(runs[0]["alarms"]) for run in runs):
        return "has asv's runs at different factors"
    return None


proof = also(
    record(
        {
            "replayed": items(_replayed, least=1, distinct=lambda part: part["name"]),
            "rivals": items(record({"name": text, "curves": items(_curve, least=1)}), least=1),
        },
        {
            "simulated": record({"runs": whole(1), "alarms": whole(), "alarms at most": _share}),
            "trials": items(_trial),
            "asv": items(_asv),
            "command": text,
        },
    ),
    _goes_together,
)
