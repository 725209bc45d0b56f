"""``lstm-bench choose``: which implementation to adopt for this work."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import click

from lstm_bench.commands import decisions
from lstm_bench.commands.options import options_of, since_start, write_json
from lstm_bench.commands.targets import refuse_missing
from lstm_bench.compare.budget import timing_left
from lstm_bench.lab.worker import MANY, ahead
from lstm_bench.plain import markup, plain

EPILOG = """\b
Examples:
  lstm-bench choose --batch 1,8,32 --hidden 256 --steps 35 --pass forward
  lstm-bench choose --impl torch_nn,batched_gates,mine.py:MyLSTM --preset quick --pass step
  lstm-bench choose --batch 1,64 --json - --budget 5m

\b
Exit codes: 0 every cell is decided (or tied within the margin), 2 wrong input,
3 some is undecided, 4 no candidate is correct, 130 stopped by Ctrl-C.
"""


@click.command(epilog=EPILOG)
@options_of("choose")
def choose(impls: tuple[str, ...], **options: Any) -> int:
    """Rank implementations for this work: who is fastest where, how sure is that, at what cost?

    Candidates are judged by all checks first; what does not conform is left out, with the reason.
    Then all take turns in fresh processes; who is shown not to be the fastest of a cell leaves it,
    until one is left there or those that are left differ by less than the margin. Everything is
    timed without an output layer. With a probability of 99 % (1 - --alpha) the fastest of every
    cell is among those that are named best there.
    """
    choice = _choice(impls, options)
    document = _decided(choice, decisions.budget_of(options, choice.plan))
    write_json(document, options["json_file"])
    if options["json_file"] != "-":
        _show(document)
        decisions.report(choice.folder)
    if document["interrupted"]:
        click.echo(f"Stopped. Go on with: lstm-bench choose --resume {choice.folder}", err=True)
        return 130
    if len(document["left_out"]) == len(choice.plan.candidates):
        return decisions.EXIT_INCORRECT
    states = {cell["verdict"] for cell in document["cells"]}
    return 3 if states & {"undecided", "failed"} else 0


def _choice(impls: Sequence[str], options: dict[str, Any]) -> Any:
    if options["resume"] is None:
        refuse_missing(impls)
    ahead(*MANY)
    from lstm_bench.compare.arena import Cell
    from lstm_bench.compare.choice import Choice, Plan

    if options["resume"] is not None:
        return Choice.resume(options["resume"])
    names = tuple(impls) or _all()
    sizes = decisions.workloads(options, head=False)
    cells = tuple(Cell(0, size, name) for size in sizes for name in decisions.passes(options))
    plan = Plan(
        f"Which of {', '.join(names)} is fastest?", names, cells, decisions.conditions(options),
        decisions.settings(options, both_ways=True), "lstm-bench " + shlex.join(sys.argv[1:]),
    )  # fmt: skip
    return Choice.create(decisions.folder_for("choose", options["out"]), plan)


def _all() -> tuple[str, ...]:
    from impls.registry import implementations

    return tuple(implementations())


def _decided(choice: Any, budget: float | None) -> dict[str, Any]:
    """The document, with progress on stderr. budget: seconds in all, the checks included."""
    from lstm_bench.commands.progress import progress_line
    from lstm_bench.commands.screen import say

    candidates = len(choice.plan.candidates)
    evidence = len(choice.plan.cells) / choice.plan.settings.alpha  # see contest.py
    forecast = decisions.Forecast.of(choice, budget, evidence)
    forecast.tell(choice.unjudged(), choice.plan, candidates, choice.unmeasured())
    with progress_line() as show:
        wrong = choice.incorrect(partial(show, line=False))
        for number, reason in wrong.items():
            say(f"left out: {choice.plan.candidates[number]}: {reason}", err=True)

        def told(book: Any, seconds: float) -> None:
            forecast.look(seconds)
            show(f"{len(book.open())} of {len(book.cells)} cells open, {seconds:.0f} s")

        found: dict[str, Any] = choice.run(
            told, partial(show, line=False), lambda: timing_left(budget, since_start())
        )
        return found


def _show(document: Mapping[str, Any]) -> None:
    """The answer, a ranking for each cell, and what else bears on the choice."""
    from rich.table import Table

    from lstm_bench.commands.screen import screen

    console = screen(width=None if sys.stdout.isatty() else 120)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("rank", "implementation", "verdict"):
        table.add_column(column)
    for column in ("× the first's time", "95 % interval", "ms", "MiB", "blocks"):
        table.add_column(column, justify="right")
    for cell in document["cells"]:
        table.add_row("", f"[bold]{cell['workload']} {cell['pass']}[/bold]", cell["verdict"])
        for place in cell["ranking"]:
            table.add_row(*map(markup, _row(cell, place)))
    console.print(table)
    lines = [document["answer"], *document["break_even"]]
    lines += [
        f"cold start of {start['target']}: import {start['load_seconds'] * 1e3:.0f} ms, "
        f"build {start['build_seconds'] * 1e3:.1f} ms, "
        f"first call {start['first_call_seconds'] * 1e3:.1f} ms"
        for start in document["cold_start"]
    ]
    lines += [f"left out: {one['target']}: {one['reason']}" for one in document["left_out"]]
    for line in lines:
        console.print(plain(line), markup=False, soft_wrap=True)


def _row(cell: Mapping[str, Any], place: Mapping[str, Any]) -> tuple[str, ...]:
    """A place as text. Those that share a rank are not told apart, and have a "=" before it."""
    shared = sum(other["rank"] == place["rank"] for other in cell["ranking"]) > 1
    word = place["verdict"] + (f" ({place['reason']})" if place["reason"] else "")
    measured = place["ratio"] is not None
    first = measured and place["low"] == place["high"] == 1
    return (
        f"{'=' if shared else ''}{place['rank']}"
        if place["verdict"] not in ("failed", "unearned")
        else "–",
        place["target"].rpartition("/")[2],
        word,
        f"{place['ratio']:.3f}" if measured else "–",
        _interval(place) if measured and not first else "",
        _digits(place["milliseconds"]),
        _digits(place["peak_mib"]),
        str(place["blocks"]),
    )


def _interval(place: Mapping[str, Any]) -> str:
    high = f"{place['high']:.3f}]" if place["high"] is not None else "∞)"
    return f"[{place['low']:.3f}, {high}"


def _digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
