"""``lstm-bench run``: the main job."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_bench.commands.options import Names, Numbers
from lstm_bench.errors import UsageError
from lstm_bench.measure.workloads import PASSES, PRESETS, Workload, grid
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
@click.option("--quick", is_flag=True, help="Six cells, tiny to large: the same as --preset quick.")
@click.option("--preset", metavar="NAME,…", help="Sizes by name; see `lstm-bench list`.")
@click.option(
    "--impl", "impls", type=Names(), multiple=True, help="Which to time; default: this project's."
)
@click.option("--batch", type=Numbers(), help="Batch sizes.")
@click.option("--steps", type=Numbers(), help="Numbers of time steps.")
@click.option("--hidden", type=Numbers(), help="Hidden sizes.")
@click.option("--input", "inputs", type=Numbers(), help="Input sizes; default: the hidden size.")
@click.option("--no-head", is_flag=True, help="Without the output layer.")
@click.option("--pass", "passes", type=Names(), multiple=True, help=f"Among {', '.join(PASSES)}.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--dtype", default="float32", help="float32 (default), float64 or bfloat16.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Threads for the CPU; default: torch's, quick 1, which a neighbour disturbs least.",
)
@click.option("--rounds", type=click.IntRange(2), help="Samples of each cell; default 10, quick 8.")
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    help="Seconds for each workload and pass, after 3 rounds; default 10, quick 1.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, data and order.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder; default: reports/<time>.")
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with a run that stopped.")
@click.option(
    "--from-json", type=click.Path(path_type=Path), help="Summaries from a pytest-benchmark JSON."
)
@click.pass_context
def run(
    ctx: click.Context,
    /,
    out: Path | None,
    resume: Path | None,
    from_json: Path | None,
    **options: Any,
) -> int:
    """Check, then time, implementations side by side; end with a table and a report.

    Each implementation is first judged by all checks of `lstm-bench check`, and compared with a
    float64 reference on the very sizes (outputs, states, every gradient); one that is not right
    gets no speed, and the exit code is 4. All of a cell are
    timed in interleaved rounds, so that the ratios come from neighbouring moments. Every cell is
    on disk before the next starts: after Ctrl-C or a kill, go on with --resume.
    """
    from lstm_bench.measure.run import Run

    _refuse_conflicts(ctx)
    if from_json is not None:
        return _summaries_of_pytest_benchmark(from_json, out)
    if resume is not None:
        started = Run.resume(resume)
    else:
        plan = _plan(options)
        started = Run.create(out or Path("reports") / f"{datetime.now():%Y%m%d-%H%M%S}", plan)
    return _measure(started)


def _refuse_conflicts(ctx: click.Context) -> None:
    """Refuse options beside --resume, which takes all from its run, and beside --from-json.

    To ignore them without a word would answer another question than the one that was asked.
    """
    given = {
        name
        for name in ctx.params
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    spelling = {p.name: p.opts[0] for p in ctx.command.params}
    for alone, beside in (("resume", set[str]()), ("from_json", {"out"})):
        others = sorted(spelling[name] for name in given - beside - {alone})
        if alone in given and others:
            raise UsageError(f"{spelling[alone]} and {', '.join(others)} exclude one another")


def _plan(options: dict[str, Any]) -> Plan:
    import torch

    from lstm_bench.measure.run import Plan
    from lstm_bench.subject.load import load_target

    subjects = tuple(dict.fromkeys(n for names in options["impls"] for n in names)) or OURS
    for name in subjects:  # a misspelt name is told before anything is measured
        load_target(name)
    passes = tuple(dict.fromkeys(n for names in options["passes"] for n in names)) or PASSES
    for name in passes:
        if name not in PASSES:
            raise UsageError(f"there is no pass '{name}': choose among {', '.join(PASSES)}")
    if options["dtype"] not in ("float32", "float64", "bfloat16"):
        raise UsageError(f"there is no dtype '{options['dtype']}': float32, float64 or bfloat16")
    _device(options["device"], torch)
    workloads = _workloads(options)
    rounds = options["rounds"] or (8 if options["quick"] else 10)
    budget = options["budget"] or (1.0 if options["quick"] else 10.0)
    # OpenMP's threads wait for one another by spinning: where another program takes a core from
    # one of two, small cells become a hundred times slower. A first look should not meet that.
    threads = options["threads"] or (1 if options["quick"] else torch.get_num_threads())
    return Plan(
        subjects=subjects,
        workloads=workloads,
        passes=passes,
        device=options["device"],
        dtype=options["dtype"],
        threads=threads,
        rounds=rounds,
        budget=budget,
        seed=options["seed"],
        command="lstm-bench " + shlex.join(sys.argv[1:]),
    )


def _device(name: str, torch: Any) -> None:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"there is no device '{name}': cpu or cuda") from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"device '{name}' is not supported: cpu or cuda")
    if device.type == "cpu":
        return
    count = torch.cuda.device_count()
    if count == 0:
        raise UsageError("device 'cuda' is not there: torch sees no CUDA device on this machine")
    if (device.index or 0) >= count:
        raise UsageError(f"device '{name}' is not there: torch sees {count} CUDA device(s), from 0")


def _workloads(options: dict[str, Any]) -> tuple[Workload, ...]:
    sized = [name for name in ("batch", "steps", "hidden", "inputs") if options[name]]
    preset = "quick" if options["quick"] else options["preset"]
    if options["quick"] and options["preset"]:
        raise UsageError("--quick is --preset quick: give one of the two")
    if preset and sized:
        raise UsageError("sizes and a preset exclude one another: give one of the two")
    names = (preset or "documented").split(",")
    for name in names:
        if name not in PRESETS:
            raise UsageError(f"there is no preset '{name}': choose among {', '.join(PRESETS)}")
    if sized:
        workloads = grid(
            options["batch"] or (32,),
            options["steps"] or (35,),
            options["hidden"] or (256,),
            options["inputs"] or (),
        )
    else:
        workloads = tuple(dict.fromkeys(w for name in names for w in PRESETS[name].workloads))
    if options["no_head"]:
        workloads = tuple(dict.fromkeys(replace(w, head=False) for w in workloads))
    return workloads


def _measure(started: Run) -> int:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from lstm_bench.commands.screen import screen
    from lstm_bench.measure.machine import busy
    from lstm_bench.measure.run import execute

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
        task = bar.add_task("starting", total=None)

        def report(progress: Any) -> None:
            total = progress.total or None  # while judging, nobody knows how long
            bar.update(
                task, completed=progress.done, total=total, description=plain(progress.label),
                refresh=True,
            )  # fmt: skip
            if not console.is_terminal and total:
                line = f"{progress.done}/{progress.total} {plain(progress.label)}"
                console.print(line, soft_wrap=True, markup=False)

        try:
            execute(started, report)
        except KeyboardInterrupt:
            interrupted = True
    code = _conclude(started.folder)
    if interrupted:
        click.echo(f"Stopped. Go on with: lstm-bench run --resume {started.folder}", err=True)
        return 130
    return code


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
    from lstm_bench.report.kinds.run import answer, expected_cells
    from lstm_bench.report.summary import summarise
    from lstm_bench.report.tables import reasons, terminal_tables

    console, summary = screen(), summarise(cells)
    for table in terminal_tables(summary):
        console.print(table)
    said = answer(summary, expected=expected_cells(header))
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
