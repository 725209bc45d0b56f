"""What earning a speed costs: the defences of the clock, as a share of the time on it.

    python -m bench.overhead                     # some six minutes on a quiet machine
    python -m bench.overhead --preset documented --impl torch_nn --out reports/examples/overhead

In one process, in turns: batches as a run takes them (new values in every call, questions by
chance, the kernel's account), and batches of bare calls on buffers that nobody touches. What the
former take off the clock beyond what the latter take (by their medians, questions apart), all
questions, all looks at calls that hurried, and all that comes when a pass ends (repeats, what the
kernel says), is what the defences cost, as a share of the time on the clock. Every pass is taken
some times from its beginning to its end, and seconds are added up. What is done once a workload
(answers, parameters) or once a pass is told beside it, and so is how much longer a call is by the
clock when its values are new.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import torch

from lstm_bench.measure.examiner import Account, Examiner, Exams, Terms
from lstm_bench.measure.folders import replace_file
from lstm_bench.measure.machine import facts, settle
from lstm_bench.measure.peaks import Ceiling, peaks
from lstm_bench.measure.sampler import calibrate
from lstm_bench.measure.workloads import PASSES, PRESETS, Workload
from lstm_bench.subject.parcel import Parcel

ABOVE = 1e-3
"""Seconds of a call above which the share is promised."""

GOAL = 0.05


def measured(examiner: Examiner, pass_name: str, seconds: float, times: int) -> dict[str, float]:
    """Seconds a call, and what defences add to it, as a share; seconds of the pass's beginning.

    The pass is taken so many times, so many seconds each, and what it took is added up.
    """
    found = [_once(examiner, pass_name, seconds) for _ in range(times)]
    median = statistics.median
    return {
        "call": median(one.call for one in found), "inner": found[0].inner,
        "share": sum(one.added for one in found) / sum(one.clock for one in found),
        "new": median(one.call / one.bare for one in found),
        "begin": median(one.begin for one in found),
        "questions": sum(one.questions for one in found), "looks": sum(one.looks for one in found),
        "batches": sum(one.batches for one in found),
    }  # fmt: skip


@dataclass(frozen=True)
class Once:
    """A pass from its beginning to its end: seconds, and how often something was done.

    call, bare: the median of a guarded and of a bare call. clock: of all guarded calls. added: by
    the defences. begin: before the clock.
    """

    call: float
    bare: float
    clock: float
    added: float
    begin: float
    inner: int
    batches: int
    questions: int
    looks: int


def _once(examiner: Examiner, pass_name: str, seconds: float) -> Once:
    began = time.perf_counter()
    examiner.begin(pass_name)
    beginning = time.perf_counter() - began
    inner = calibrate(examiner.take)
    guarded, bare = Taken(), Taken()
    until, over = time.perf_counter() + seconds, False
    while not over:
        over = time.perf_counter() >= until and len(guarded.clock) >= 7
        if over:
            examiner.last_one()
        asked = examiner.asked_so_far + examiner.looked
        guarded.add(lambda: examiner.take(inner))
        if examiner.asked_so_far + examiner.looked > asked:
            guarded.beside.pop()
        before = replace(examiner.account), examiner.called
        bare.add(lambda: examiner._sampled(inner, again=True))
        _forget(examiner, *before)
    batches, median = len(guarded.clock), statistics.median
    spent = examiner.spent + examiner.deepened + examiner.looking
    began = time.perf_counter()
    examiner.finish()
    ended = time.perf_counter() - began
    return Once(
        call=median(guarded.clock) / inner, bare=median(bare.clock) / inner,
        clock=sum(guarded.clock),
        added=batches * (median(guarded.beside) - median(bare.beside)) + spent + ended,
        begin=beginning, inner=inner, batches=batches,
        questions=examiner.asked_so_far, looks=examiner.looked,
    )  # fmt: skip


def _forget(examiner: Examiner, account: Account, called: int) -> None:
    """Bare calls are no part of a run: what questions may take is a share of a run's own clock."""
    examiner.called = called
    for name in ("clock", "passed", "busy", "behind"):
        setattr(examiner.account, name, getattr(account, name))


@dataclass
class Taken:
    """Seconds of each batch: on the clock, and of its wall time beside it."""

    clock: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)

    def add(self, batch: Callable[[], list[float]]) -> None:
        began = time.perf_counter()
        self.clock.append(sum(batch()))
        self.beside.append(time.perf_counter() - began - self.clock[-1])


def summary(rows: list[dict[str, Any]], machine: dict[str, Any]) -> str:
    """The table as Markdown."""
    counted = [r for r in rows if r["call"] >= ABOVE]
    clock = [r["call"] * r["inner"] for r in counted]  # a run takes as many batches of every cell
    whole = sum(r["share"] * c for r, c in zip(counted, clock, strict=True)) / (sum(clock) or 1.0)
    lines = [
        "# What earning a speed costs",
        "",
        f"In cells whose calls take {ABOVE * 1e3:.0f} ms or more: {whole:.1%} of the time on the "
        f"clock, at most {max((r['share'] for r in counted), default=0):.1%} in one of them.",
        "",
        f"Made by `python -m bench.overhead` on {machine['cpu']}, {machine['threads']} thread(s). "
        f"The goal, less than {GOAL:.0%}, is {'met' if whole < GOAL else '**missed**'}.",
        "",
        "| implementation | workload | pass | ms a call | defences | new values | begin, ms "
        "| questions | looks |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['impl']} | {r['workload']} | {r['pass']} | {r['call'] * 1e3:.3g} | "
        f"{r['share']:.1%} | ×{r['new']:.2f} | {r['begin'] * 1e3:.0f} | "
        f"{r['questions']} of {r['batches']} batches | {r['looks']} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--preset", default="quick", type=click.Choice(list(PRESETS)))
@click.option("--impl", default="torch_nn,documented_loop")
@click.option("--seconds", default=2.0, help="Of each pass, at least eight batches.")
@click.option("--times", default=3, help="How often each pass is taken.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports/overhead"))
def main(preset: str, impl: str, seconds: float, times: int, out: Path) -> None:
    """Measure every cell and write results.json and summary.md."""
    out.mkdir(parents=True, exist_ok=True)
    settle("cpu", 1)
    exams, rows = Exams(Ceiling({("cpu", "float32", 1): peaks("cpu", "float32", 1)["gflops"]})), []
    for workload in PRESETS[preset].workloads:
        for name in impl.split(","):
            with Examiner(Parcel(name, name), Terms()) as examiner:
                examiner.open(workload.head if ":" not in name else None)
                examiner.sit(workload, exams)
                rows += [_row(examiner, name, workload, p, seconds, times) for p in PASSES]
            click.echo(summary(rows, facts()).splitlines()[-1])
            replace_file(out / "results.json", json.dumps(rows, indent=1) + "\n")
            replace_file(out / "summary.md", summary(rows, facts()))
    click.echo((out / "summary.md").read_text().splitlines()[2])


def _row(
    examiner: Examiner, name: str, workload: Workload, pass_name: str, seconds: float, times: int
) -> dict[str, Any]:
    found = measured(examiner, pass_name, seconds, times)
    return {"impl": name, "workload": workload.name, "pass": pass_name, **found}


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
