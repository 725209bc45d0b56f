"""``lstm-bench check``: is this LSTM right, and if not, what exactly is wrong?"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_bench.commands.options import options_of, write_json
from lstm_bench.errors import UsageError
from lstm_bench.lab.worker import MANY, ahead
from lstm_bench.plain import markup
from lstm_bench.store.write import make_folder, replace_file

if TYPE_CHECKING:
    from lstm_bench.commands.progress import Show
    from lstm_bench.conformance.records import Judgement, Options

COLOURS = {"conforms": "green", "defective": "red", "variant": "yellow", "error": "red"}


@click.command(
    epilog="Example: lstm-bench check torch.nn:LSTM mine.py:MyLSTM --kwargs 'batch_first=True'"
)
@click.argument("targets", nargs=-1, metavar="TARGET…")
@options_of("check")
def check(targets: tuple[str, ...], list_checks: bool, **options: Any) -> int:
    """Judge LSTMs: ours by name, or anybody's class or factory, with no adapter.

    TARGET is a registered name, package.module:Attribute, or path/to/file.py:Attribute. How it is
    constructed and called, and which parameter does what, is found by what it does. Each target
    runs in a process of its own, with limits on time and memory; --here runs one in this one.

    Verdicts: conforms, defective, variant (another recurrence by design), inconclusive,
    unsupported (not an LSTM), error. Exit codes: 0 all conform; 1 one is defective or a variant;
    2 wrong usage, or one cannot be loaded or run; 3 undecided. The highest need of 2, 1, 3 wins.
    """
    if list_checks:
        return _list_checks()
    if not targets:
        raise UsageError("name at least one target, such as torch.nn:LSTM or mine.py:MyLSTM")
    judgements: list[Judgement] = []
    interrupted = False
    try:
        for judgement in _judge(targets, options):
            judgements.append(judgement)
            if options["json_file"] != "-":
                _show(judgement)
    except KeyboardInterrupt:
        interrupted = True
    write_json([j.as_json() for j in judgements], options["json_file"])
    if options["json_file"] != "-":
        _sum_up(judgements)
    if options["scripts"]:
        _write_scripts(judgements, options["scripts"])
    if options["report_to"]:
        _report(judgements, options["report_to"])
    if interrupted:
        click.echo(f"Stopped after {len(judgements)} of {len(targets)} targets.", err=True)
        return 130
    return exit_code(judgements)


def _report(judgements: list[Judgement], folder: Path) -> None:
    from lstm_bench.measure.folders import header_for
    from lstm_bench.report.write import FORMATS, write_report

    command = "lstm-bench " + shlex.join(sys.argv[1:])
    make_folder(folder)
    write_json(header_for("lstm-bench check 1", {"command": command}), str(folder / "check.json"))
    write_json([j.as_json() for j in judgements], str(folder / "summary.json"))
    write_report(folder)
    click.echo(f"Report: {folder / FORMATS['html']}", err=True)


def exit_code(judgements: list[Judgement]) -> int:
    """0 all conform, else 2 before 1 before 3: what could not run is the first thing to mend."""
    verdicts = {str(j.verdict) for j in judgements}
    for code, kinds in ((2, {"error"}), (1, {"defective", "variant"})):
        if verdicts & kinds:
            return code
    return 0 if verdicts <= {"conforms"} else 3


def _judge(targets: tuple[str, ...], options: dict[str, Any]) -> Iterator[Judgement]:
    from lstm_bench.commands.progress import progress_line

    expected = dict(options["expected"])
    if not options["here"]:
        ahead(*(MANY if len(targets) > 1 else ()))
    from lstm_bench.conformance import checks  # noqa: F401 - registers them
    from lstm_bench.conformance.isolate import Limits, judge_each, parcel_of
    from lstm_bench.conformance.records import Options
    from lstm_bench.conformance.registry import select
    from lstm_bench.measure.confirm import confirmed

    chosen = select(options["only"], options["skip"])
    known = {c.name for c in select()}
    for name in expected:
        if name not in known:
            raise UsageError(f"--expect-fail: no check is called '{name}'")
    if not chosen:
        raise UsageError("no check is left to run")
    asked = Options(
        options["kwargs"] or {},
        options["only"],
        options["skip"],
        expected,
        options["strict"],
        options["seed"],
    )
    if options["here"]:
        yield _here(targets, asked)
        return
    limits = Limits(options["time_limit"], options["memory_limit"])
    with progress_line() as show:
        heard = partial(_heard, show)
        judgements = judge_each(targets, asked, limits, heard)
        for target, judgement in zip(targets, judgements, strict=True):
            heard(target, "asking it from outside")
            found = confirmed(judgement, parcel_of(target, asked.kwargs), asked, limits)
            show("", line=False)  # not across the lines that the caller prints
            yield found


def _here(targets: tuple[str, ...], asked: Options) -> Judgement:
    """One target in this process. Raises UsageError for several: one could spoil the next."""
    import torch

    from lstm_bench.conformance.judge import judge

    if len(targets) > 1:
        raise UsageError("--here takes one target: what one leaves behind would meet the next")
    click.echo(
        "judged in this very process: a crash, a hang or an exit of the target is this command's, "
        "and there are no limits of time or memory",
        err=True,
    )
    torch.set_num_threads(1)  # as in a process of its own
    return judge(targets[0], asked)


def _heard(show: Show, target: str, stage: str) -> None:
    show(f"{target}: {stage}", line=False)


def _show(judgement: Judgement) -> None:
    from rich.padding import Padding

    from lstm_bench.commands.screen import screen

    console = screen()
    verdict, built = str(judgement.verdict), str(judgement.interface.get("construction", ""))
    colour = COLOURS.get(verdict, "yellow")
    console.print(
        f"[bold]{markup(judgement.target + built)}[/bold]: [{colour} bold]{verdict}[/]"
        f"  ({judgement.seconds:.1f} s)"
    )
    found = {k: v for k, v in judgement.interface.items() if k != "printed"}
    if found:
        parts = ("stack", "layout", "state", "weights", "biases", "output_layer", "precision")
        line = "; ".join(f"{found[p]}" for p in parts if found.get(p))
        line += f"; {found['told']}" if "told" in found else ""
        line += f"; left at its default: {found['not_judged']}" if "not_judged" in found else ""
        line += f"; {found['directions']}" if "directions" in found else ""
        console.print(Padding(f"found: {markup(line)}", (0, 0, 0, 2)), style="dim")
    for sentence in judgement.diagnosis:
        console.print(Padding(f"• {markup(sentence)}", (0, 0, 0, 2)))
    # Another recurrence fails by design: its name says more than a list of differences.
    failed = [c for c in judgement.checks if str(c.status) == "fail" and verdict != "variant"]
    failed = [c for c in failed if c.message not in judgement.diagnosis]  # said already
    for result in failed[:3]:
        text = f"[red]fail[/red] {result.name}: {markup(result.message)}"
        console.print(Padding(text, (0, 0, 0, 4)))
    if len(failed) > 3:
        more = f"… and {len(failed) - 3} more failed checks; --json has them all"
        console.print(Padding(more, (0, 0, 0, 4)))
    if "printed" in judgement.interface:
        first = str(judgement.interface["printed"]).strip().partition("\n")[0]
        console.print(Padding(f"it printed: {markup(first[:100])}", (0, 0, 0, 2)), style="dim")
    if judgement.checks:
        console.print(Padding(markup(_counts(judgement)), (0, 0, 0, 2)), style="dim")
    console.print()


def _counts(judgement: Judgement) -> str:
    by_status: dict[str, list[str]] = {}
    for result in judgement.checks:
        by_status.setdefault(str(result.status), []).append(result.name)
    text = ", ".join(f"{len(names)} {status}" for status, names in by_status.items())
    skipped = [c for c in judgement.checks if str(c.status) in ("skipped", "unsupported")]
    why = "; ".join(f"{c.name}: {c.message}" for c in skipped[:4])
    more = f"; and {len(skipped) - 4} more" if len(skipped) > 4 else ""
    return f"checks: {text}" + (f" ({why}{more})" if why else "")


def _sum_up(judgements: list[Judgement]) -> None:
    if len(judgements) < 2:
        return
    counts: dict[str, int] = {}
    for judgement in judgements:
        counts[str(judgement.verdict)] = counts.get(str(judgement.verdict), 0) + 1
    click.echo(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))


def _write_scripts(judgements: list[Judgement], folder: Path) -> None:
    make_folder(folder)
    for number, judgement in enumerate(judgements):
        for result in judgement.checks:
            if result.script:
                name = judgement.target.rpartition(":")[2] or judgement.target
                replace_file(folder / f"{number}_{name}_{result.name}.py", result.script)


def _list_checks() -> int:
    from lstm_bench.conformance import checks  # noqa: F401
    from lstm_bench.conformance.registry import CHECKS

    last = ""
    for one in sorted(CHECKS.values(), key=lambda c: c.check_class):
        if one.check_class != last:
            click.echo(one.check_class)
        last = one.check_class
        note = " (only when named)" if one.opt_in else ""
        click.echo(f"  {one.name:28} {one.summary}{note}")
    return 0
