"""What ``compare`` and ``guard`` share: options, progress, the table, the JSON."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_bench.commands.options import Names, Numbers, write_json
from lstm_bench.errors import UsageError
from lstm_bench.measure.workloads import PASSES, PRESETS, Workload, grid
from lstm_bench.plain import markup, plain

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
}


class Share(click.ParamType[float]):
    """``5%`` or ``0.05``."""

    name = "SHARE"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"'{value}' is not a share such as 5%", param, ctx)
        if not 0.001 <= share <= 1:
            self.fail(f"{value} is not between 0.1% and 100%", param, ctx)
        return share


class Seconds(click.ParamType[float]):
    """``90``, ``90s`` or ``2m``."""

    name = "SECONDS"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h)?", str(value).strip())
        if found is None or float(found[1]) <= 0:
            self.fail(f"'{value}' is not a time such as 120s or 2m", param, ctx)
        return float(found[1]) * {"s": 1, "m": 60, "h": 3600, None: 1}[found[2]]


def shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Sizes, conditions and how sure one wants to be."""
    options = (
        click.option("--preset", metavar="NAME", help="Sizes by name; see `lstm-bench list`."),
        click.option("--batch", type=Numbers(), help="Batch sizes."),
        click.option("--steps", type=Numbers(), help="Numbers of time steps."),
        click.option("--hidden", type=Numbers(), help="Hidden sizes."),
        click.option("--input", "inputs", type=Numbers(), help="Input sizes; default: hidden."),
        click.option("--no-head", is_flag=True, help="Without the output layer."),
        click.option("--pass", "passes", type=Names(), multiple=True, help=", ".join(PASSES)),
        click.option("--device", default="cpu", show_default=True, help="cpu or cuda."),
        click.option("--dtype", default="float32", show_default=True, help="float32 or float64."),
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True),
        click.option(
            "--clock", type=click.Choice(["cpu", "wall"]),
            help="cpu: the processor's time (default with one thread); wall: what passes.",
        ),
        click.option("--cold-cache", is_flag=True, help="CUDA: overwrite L2 before each call."),
        click.option("--budget", type=Seconds(), default=120.0, help="In all (default 120s)."),
        click.option("--margin", type=Share(), default=0.05, help="What matters (default 5%)."),
        click.option("--alpha", type=Share(), default=0.01, help="False alarms a run (1%)."),
        click.option("--seed", type=int, default=0, show_default=True),
        click.option("--json", "json_file", metavar="FILE", help="Write the decision; - stdout."),
        click.option("--out", type=click.Path(path_type=Path), help="Folder for the raw samples."),
        click.option("--resume", type=click.Path(path_type=Path), help="Go on with one."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def workloads(options: dict[str, Any], default: str, *, head: bool) -> tuple[Workload, ...]:
    """The sizes that were asked for. Raises UsageError on a preset's misspelt name."""
    sized = any(options[name] for name in ("batch", "steps", "hidden", "inputs"))
    if options["preset"] and sized:
        raise UsageError("sizes and a preset exclude one another: give one of the two")
    if sized:
        found = grid(
            options["batch"] or (8,), options["steps"] or (16,), options["hidden"] or (64,),
            options["inputs"] or (),
        )  # fmt: skip
    else:
        name = options["preset"] or default
        if name not in PRESETS:
            raise UsageError(f"there is no preset '{name}': choose among {', '.join(PRESETS)}")
        found = PRESETS[name].workloads
    keep = head and not options["no_head"]
    return tuple(
        dict.fromkeys(
            w if keep else Workload(w.batch, w.steps, w.input_size, w.hidden_size, False)
            for w in found
        )
    )


def passes(options: dict[str, Any]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(n for names in options["passes"] for n in names)) or PASSES
    for name in found:
        if name not in PASSES:
            raise UsageError(f"there is no pass '{name}': choose among {', '.join(PASSES)}")
    return found


def conditions(options: dict[str, Any]) -> Any:
    """How samples are taken; the processor's clock for one thread, the wall's for several."""
    from lstm_bench.compare.workers import Conditions
    from lstm_bench.measure.machine import has_cuda

    if options["dtype"] not in ("float32", "float64", "bfloat16"):
        raise UsageError(f"there is no dtype '{options['dtype']}': float32, float64 or bfloat16")
    if options["device"] != "cpu" and not has_cuda():
        raise UsageError(f"device '{options['device']}' is not there: torch sees no CUDA device")
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
        margin=options["margin"], alpha=options["alpha"], budget=options["budget"],
        both_ways=both_ways, seed=options["seed"],
    )  # fmt: skip


def judged_and_run(session: Session, budget: float) -> tuple[list[str], Decision | None]:
    """The reasons why there is no speed verdict, or the decision; with progress on stderr.

    budget: seconds in all, the checks included.
    """
    from lstm_bench.commands.progress import progress_line
    from lstm_bench.compare.session import with_budget

    began = time.monotonic()
    with progress_line() as say:
        session.judgements(partial(say, line=False))
        wrong = session.incorrect()
        if wrong:
            return wrong, None
        left = max(5.0, budget - (time.monotonic() - began))
        session.plan = with_budget(session.plan, left)

        def told(ledger: Any, seconds: float) -> None:
            open_, all_ = len(ledger.open()), len(ledger.cells)
            say(f"{open_} of {all_} cells open, {seconds:.0f} of {left:.0f} s")

        return [], session.run(told)


def show(session: Session, decision: Decision) -> None:
    """One table, the numbers beside every verdict."""
    from rich.table import Table

    from lstm_bench.commands.screen import screen
    from lstm_bench.compare.decide import Outcome

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
    counts = {o: decision.count(o) for o in Outcome}
    said = ", ".join(f"{n} {o}" for o, n in counts.items() if n)
    console.print(
        plain(session.plan.question)
        + f" {said} (margin {session.plan.settings.margin:.0%}, {decision.seconds:.0f} s)",
        markup=False,
        soft_wrap=True,
    )


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
