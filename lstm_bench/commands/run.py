"""``lstm-bench run``: the main job."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_bench.commands.options import options_of
from lstm_bench.commands.sizes import workloads
from lstm_bench.commands.targets import refuse_missing
from lstm_bench.lab.worker import MANY, ahead
from lstm_bench.measure.workloads import PASSES
from lstm_bench.plain import all_plain, plain

if TYPE_CHECKING:
    from lstm_bench.measure.run import Plan, Run

OURS = ("documented_loop", "batched_gates", "torch_nn")
EXIT_INCORRECT = 4


EXAMPLES = """\b
Examples:
  lstm-bench run --quick
  lstm-bench run --preset documented,edge --pass step,forward
  lstm-bench run --impl batched_gates,torch_nn --batch 1,8,32 --hidden 256
  lstm-bench run --impl mine.py:MyLSTM,torch_nn --no-head --threads 1
  lstm-bench run --resume reports/20250131-120000

\b
Exit codes: 0 all were timed, 2 wrong input, 4 some implementation is incorrect
or failed (the others have their rows), 130 stopped by Ctrl-C.
"""


@click.command(epilog=EXAMPLES)
@options_of("run")
def run(out: Path | None, resume: Path | None, from_json: Path | None, **options: Any) -> int:
    """Check, then time, implementations side by side; end with a table and a report.

    Each implementation is first judged by all checks of `lstm-bench check`, and compared with a
    float64 reference on the very sizes (outputs, states, every gradient); one that is not right
    gets no speed, and the exit code is 4. All of a cell are
    timed in interleaved rounds, so that the ratios come from neighbouring moments. Every cell is
    on disk before the next starts: after Ctrl-C or a kill, go on with --resume.
    """
    if from_json is not None:
        return _summaries_of_pytest_benchmark(from_json, out)
    if resume is None:
        refuse_missing(options["impls"] or OURS)
    ahead(*MANY)
    from lstm_bench.measure.run import Run

    if resume is not None:
        return _measure(Run.resume(resume))
    plan = _plan(options)
    folder = out or Path("reports") / f"{datetime.now():%Y%m%d-%H%M%S}"
    return _measure(Run.create(folder, plan))


def _plan(options: dict[str, Any]) -> Plan:
    import torch

    from lstm_bench.measure.run import Plan

    preset = "quick" if options["quick"] else "documented"
    rounds = options["rounds"] or (16 if options["quick"] else 10)
    budget = options["budget"] or (1.5 if options["quick"] else 10.0)
    # OpenMP's threads wait for one another by spinning: where another program takes a core from
    # one of two, small cells become a hundred times slower. A first look should not meet that.
    threads = options["threads"] or (1 if options["quick"] else torch.get_num_threads())
    return Plan(
        subjects=options["impls"] or OURS,
        workloads=workloads(options, preset, (32, 35, 256)),
        passes=options["passes"] or PASSES,
        device=options["device"],
        dtype=options["dtype"],
        threads=threads,
        rounds=rounds,
        budget=budget,
        seed=options["seed"],
        command="lstm-bench " + shlex.join(sys.argv[1:]),
    )


def _measure(started: Run) -> int:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from lstm_bench.commands.screen import screen
    from lstm_bench.measure.machine import busy
    from lstm_bench.measure.run import execute
    from lstm_bench.report.write import write_report  # noqa: F401 - while the zygote still imports

    console = screen(stderr=True)
    warning = busy()
    if warning is not None:
        console.print(f"lstm-bench: warning: {warning}", soft_wrap=True, highlight=False)
    label = TextColumn("{task.description:<34}", markup=False)
    columns = (label, BarColumn(), TimeRemainingColumn())
    interrupted = False
    # No thread redraws the bar: workers are forked, and a fork inherits what a thread has locked.
    quiet = not console.is_terminal
    with Progress(*columns, console=console, disable=quiet, auto_refresh=False) as bar:
        task, told = bar.add_task("starting", total=None), set[str]()

        def report(progress: Any) -> None:
            total = progress.total or None  # while judging, nobody knows how long
            bar.update(
                task, completed=progress.done, total=total, description=plain(progress.label),
                refresh=True,
            )  # fmt: skip
            if console.is_terminal:
                return
            # A log gets one line for all stages of a check, when it begins: it may take minutes.
            where = f"{progress.done}/{total} " if total else ""
            line = where + (progress.label if total else _subject(progress.label))
            if line not in told:
                told.add(line)
                console.print(plain(line), soft_wrap=True, markup=False)

        try:
            execute(started, report)
        except KeyboardInterrupt:
            interrupted = True
    code = _conclude(started.folder)
    if interrupted:
        click.echo(f"Stopped. Go on with: lstm-bench run --resume {started.folder}", err=True)
        return 130
    return code


def _subject(label: str) -> str:
    """What is going on, without the stage that it is at."""
    return label.rpartition(": ")[0] or label


def _conclude(folder: Path) -> int:
    from lstm_bench.measure.run import read_cells, read_header
    from lstm_bench.report.write import write_report

    cells = all_plain(read_cells(folder))
    if not cells:
        return 0
    header = read_header(folder)
    page = write_report(folder)
    statuses = _show(cells, header, page)
    click.echo(f"Threads: {header['machine'].get('threads', 'unknown')}")
    return EXIT_INCORRECT if (statuses != "ok").any() else 0


def _show(cells: Any, header: Any, page: Path) -> Any:
    """Tables, the answer, what has no speed and why. Every cell's status."""
    from lstm_bench.commands.screen import screen
    from lstm_bench.report.kinds.run import answer_of
    from lstm_bench.report.summary import summarise
    from lstm_bench.report.tables import reasons, terminal_tables

    console, summary = screen(), summarise(cells)
    for table in terminal_tables(summary):
        console.print(table)
    said = answer_of(summary, header)
    console.print(said, markup=False, highlight=False)
    for reason in reasons(summary):
        console.print(f"  {reason}", markup=False, highlight=False)
    console.print(f"Report: {page}", soft_wrap=True)
    return summary["status"]


def _summaries_of_pytest_benchmark(source: Path, out: Path | None) -> int:
    from lstm_bench.report.frame import cells_from_pytest_benchmark
    from lstm_bench.report.kinds.run import document_of_cells
    from lstm_bench.report.write import FORMATS, write

    cells = cells_from_pytest_benchmark(source)
    folder = out or source.with_suffix("")
    command = f"pytest bench --benchmark-json={source.name}"
    machine = cells[0].get("machine", {}) if cells else {}
    header = {"plan": {"command": command}, "interleaved": False, "machine": machine}
    write(document_of_cells(cells, header), folder)
    _show(cells, header, folder / FORMATS["html"])
    return 0
