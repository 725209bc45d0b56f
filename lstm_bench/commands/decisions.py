"""What ``compare``, ``guard`` and ``choose`` share: progress, the table, the JSON."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_bench.commands import sizes
from lstm_bench.commands.options import since_start, write_json
from lstm_bench.compare.budget import (
    TIMING_SECONDS,
    blocks_needed,
    outlook,
    seen_to_be_short,
    timing_left,
)
from lstm_bench.errors import UsageError
from lstm_bench.measure.workloads import PASSES, Workload
from lstm_bench.plain import markup

if TYPE_CHECKING:
    from lstm_bench.compare.decide import Decision
    from lstm_bench.compare.session import Session

EXIT_INCORRECT = 4

WORDS = {
    "slower": "red",
    "faster": "green",
    "equal": "green",
    "not slower": "green",
    "undecided": "yellow",
    "failed": "red",
    "unearned": "red",
}


def workloads(options: Mapping[str, Any], *, head: bool) -> tuple[Workload, ...]:
    """The sizes of `compare`, `guard` and `choose`: small ones, where nothing else is asked for."""
    return sizes.workloads(options, "guard", (8, 16, 64), head=head)


def passes(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The passes that were asked for, or all."""
    found: tuple[str, ...] = options["passes"] or PASSES
    return found


def conditions(options: dict[str, Any]) -> Any:
    """How samples are taken; the processor's clock for one thread, the wall's for several."""
    from lstm_bench.compare.arena import Conditions

    if options["cold_cache"] and options["device"] == "cpu":
        raise UsageError("--cold-cache is for CUDA devices: on a CPU caches are part of the work")
    one = options["threads"] == 1
    found = Conditions(
        device=options["device"],
        dtype=options["dtype"],
        threads=options["threads"],
        clock="cpu" if one else "wall",
        pin=one,
        cold_cache=options["cold_cache"],
        seed=options["seed"],
    )
    found = _as_calibrated(found, options["margin"])
    return replace(found, clock=options["clock"]) if options["clock"] else found


def _as_calibrated(conditions: Any, margin: float) -> Any:
    """What `lstm-bench calibrate` found best here; a warning where the margin is out of reach."""
    from lstm_bench.compare import calibration

    profile = calibration.load(conditions.device)
    way = profile.way_for(conditions.threads) if profile is not None else None
    if profile is None or way is None:
        return conditions
    if way.tells is None or way.tells > margin:
        reach = "50%" if way.tells is None else f"{way.tells:.1%}"
        click.echo(
            f"lstm-bench: warning: calibrated on {profile.when[:10]}, this machine could tell no "
            f"less than {reach} within two minutes: at a margin of {margin:.1%} much may stay "
            "undecided",
            err=True,
        )
    return replace(conditions, clock=way.clock, pin=way.pin, batch_seconds=way.batch_seconds)


def settings(options: dict[str, Any], *, both_ways: bool) -> Any:
    from lstm_bench.compare.decide import Settings

    return Settings(
        margin=options["margin"], alpha=options["alpha"],
        budget=options["budget"] or TIMING_SECONDS,
        both_ways=both_ways, seed=options["seed"],
    )  # fmt: skip


def budget_of(options: dict[str, Any], plan: Any) -> float | None:
    """Seconds of all that is waited for, if it was said: now, or when what is resumed began."""
    before: float = plan.settings.budget
    return options["budget"] or (None if before == TIMING_SECONDS else before)


@dataclass
class Forecast:
    """How long a decision will take: told before it starts, and once more by what a block takes.

    budget: seconds of all that is waited for, if any. evidence: at which a cell is decided.
    looked: after the first block; whoever resumes has taken it before.
    """

    budget: float | None
    evidence: float
    looked: bool = False

    @classmethod
    def of(cls, session: Any, budget: float | None, evidence: float) -> Forecast:
        """Of a comparison's or a choice's folder."""
        return cls(budget, evidence, looked=(session.folder / "blocks.jsonl").exists())

    def tell(self, subjects: Sequence[int], plan: Any, sides: int = 2, costs: int = 0) -> None:
        """subjects: how many of each side are to be judged. costs: of how many memory is taken."""
        found = outlook(
            self.budget,
            subjects,
            len(plan.cells),
            sides=sides,
            blocks=blocks_needed(self.evidence),
            jobs=len(os.sched_getaffinity(0)),
            costs=costs,
        )
        _say(found.line)
        if found.warning:
            _say(f"warning: {found.warning}")

    def look(self, block: float) -> None:
        """block: how many seconds one takes."""
        blocks = blocks_needed(self.evidence)
        warning = seen_to_be_short(self.budget, since_start(), block, blocks)
        if warning and not self.looked:
            _say(f"warning: by its first block, {warning}")
        self.looked = True


def _say(text: str) -> None:
    from lstm_bench.commands.screen import say

    say(f"lstm-bench: {text}", err=True)


def judged_and_run(session: Session, budget: float | None) -> tuple[list[str], Decision | None]:
    """The reasons why there is no speed verdict, or the decision; with progress on stderr.

    budget: seconds of all that is waited for, the checks included; None: two minutes of timing.
    """
    from lstm_bench.commands.progress import progress_line

    forecast = Forecast.of(session, budget, 1 / session.plan.settings.alpha)
    forecast.tell(session.unjudged(), session.plan)
    with progress_line() as show:
        session.judgements(partial(show, line=False))
        wrong = session.incorrect()
        if wrong:
            return wrong, None

        def told(ledger: Any, seconds: float) -> None:
            forecast.look(seconds)
            open_, all_ = len(ledger.open()), len(ledger.cells)
            show(f"{open_} of {all_} cells open, {seconds:.0f} of {ledger.settings.budget:.0f} s")

        return [], session.run(told, left=lambda: timing_left(budget, since_start()))


def show(session: Session, decision: Decision) -> None:
    """One table, the numbers beside every verdict."""
    from rich.table import Table

    from lstm_bench.commands.screen import screen

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("cell", "verdict"):
        table.add_column(column)
    for column in ("ratio", "95 % interval", "slower by at most", "blocks"):
        table.add_column(column, justify="right")
    for found in decision.cells:
        cell = session.plan.cells[found.cell]
        target = session.plan.candidate.targets[cell.subject].rpartition("/")[2]
        word = str(found.outcome)
        measured = found.blocks > 0
        table.add_row(
            markup(f"{target} {cell.workload.name} {cell.pass_name}"),
            f"[{WORDS[word]}]{word}[/]" + (markup(f" ({found.reason})") if found.reason else ""),
            f"{found.ratio:.3f}" if measured else "",
            _interval(found.low, found.high) if measured else "",
            f"{max(0.0, found.at_most):.1%}" if math.isfinite(found.at_most) else "",
            str(found.blocks),
        )
    console = screen(width=None if sys.stdout.isatty() else 120)
    console.print(table)


def report(folder: Path) -> None:
    """Write the page and its tables, and say where they are."""
    from lstm_bench.report.write import write_report

    click.echo(f"Report: {write_report(folder)}")


def _interval(low: float, high: float) -> str:
    left = f"{low:.3f}" if low > 0 else "0"
    return f"[{left}, {high:.3f}]" if math.isfinite(high) else f"[{left}, ∞)"


def refused(session: Session, wrong: list[str], json_file: str | None) -> int:
    """There is no speed verdict with what is wrong: say why. The exit code."""
    from lstm_bench.commands.screen import say

    write_json({"incorrect": wrong}, json_file)
    if json_file != "-":
        for sentence in wrong:
            say(f"no speed verdict: {sentence}")
        report(session.folder)
    return EXIT_INCORRECT


def folder_for(kind: str, out: Path | None) -> Path:
    from datetime import datetime

    return out or Path("reports") / f"{kind}-{datetime.now():%Y%m%d-%H%M%S}"
