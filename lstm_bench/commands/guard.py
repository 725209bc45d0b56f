"""``lstm-bench guard``: the gate for CI. Is anything slower than it was?"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from lstm_bench.commands import decisions
from lstm_bench.commands.options import write_json
from lstm_bench.errors import UsageError
from lstm_bench.plain import plain

EPILOG = """\b
Examples:
  lstm-bench guard --against git:origin/main
  lstm-bench guard --against git:HEAD~1 --target src/mine.py:MyLSTM --margin 10%
  lstm-bench guard --against impl:documented_loop --impl batched_gates

\b
Exit codes: 0 nothing is slower, 1 something is, 2 wrong input or set-up,
3 some cell is undecided, 4 something is incorrect (no speed verdict then).
"""


@click.command(epilog=EPILOG)
@click.option("--against", metavar="git:REF | impl:NAME | run:DIR", help="The baseline.")
@click.option("--target", "targets", multiple=True, help="file.py:Class in both trees; repeatable.")
@click.option("--impl", "impls", multiple=True, help="Registered ones; default: the tree's own.")
@click.option("--repository", type=click.Path(path_type=Path), default=Path(), help="Default: .")
@decisions.shared_options
def guard(against: str | None, **options: Any) -> int:
    """Compare the working tree with a commit, in one run, and fail where it became slower.

    git:REF is checked out beside a copy of the working tree; each subject of both is judged by
    all checks, then fresh pairs of processes take turns. Identical code raises an alarm in at
    most 1 of 100 runs (--alpha), whatever the machine does meanwhile; where the machine is too
    noisy to tell, the answer is "undecided", never a guess. Works in any git repository that
    holds an LSTM. impl:NAME takes a reference in the same tree for a baseline. run:DIR, a stored
    run of `lstm-bench run`, is advice only: times of another moment prove nothing.
    """
    kind, _, name = (against or "").partition(":")
    if kind == "git" and name:
        return _against_commit(name, options)
    if kind == "impl" and name:
        return _against_implementation(name, options)
    if kind == "run" and name:
        return _against_run(Path(name), options)
    raise UsageError("--against needs git:REF, impl:NAME or run:DIR, such as git:origin/main")


def _against_commit(ref: str, options: dict[str, Any]) -> int:
    from lstm_bench.compare import trees
    from lstm_bench.compare.arms import Side

    if options["resume"] is not None:
        raise UsageError("a comparison of two trees cannot be resumed: they are gone; begin anew")
    repository = trees.top(options["repository"])
    found = trees.commit(repository, ref)
    targets = _targets(options, repository)
    with trees.side_by_side(repository, ref) as (before, now):
        baseline = Side(f"{ref} ({found[:9]})", targets, str(before))
        candidate = Side("the working tree", targets, str(now))
        kept, new = _in_both(baseline, candidate)
        for sentence in new:
            click.echo(plain(sentence))
        if not kept:
            click.echo("nothing to compare: no target is in both trees")
            return 0
        baseline = Side(baseline.name, kept, baseline.root)
        candidate = Side(candidate.name, kept, candidate.root)
        return _decide(f"The working tree against {ref}:", baseline, candidate, options)


def _against_implementation(name: str, options: dict[str, Any]) -> int:
    from lstm_bench.compare.arms import Side
    from lstm_bench.subject.load import load_target

    if ":" not in name:
        load_target(name)
    targets = (*options["impls"], *options["targets"])
    if not targets:
        raise UsageError("name what is to be compared with it: --impl NAME or --target FILE:CLASS")
    for target in options["impls"]:
        load_target(target)
    baseline = Side(f"baseline {name}", (name,) * len(targets))
    return _decide(f"Against {name}:", baseline, Side("candidate", targets), options)


def _against_run(folder: Path, options: dict[str, Any]) -> int:
    """Measure the same again and say how it differs: advice, never an alarm."""
    from lstm_bench.compare.stored import again
    from lstm_bench.measure.run import read_header

    read_header(folder)
    rows = again(folder, decisions.folder_for("guard", options["out"]))
    for row in rows:
        click.echo(f"{plain(row.name)}: {row.ratio:.2f} times what it was ({row.remark})")
    click.echo(
        "Advice only: two runs at different moments differ by tens of percent on a shared "
        "machine. For a decision: lstm-bench guard --against git:REF"
    )
    write_json({"advice": [row.as_json() for row in rows]}, options["json_file"])
    return 3 if any(row.ratio > 1 + options["margin"] for row in rows) else 0


def _targets(options: dict[str, Any], repository: Path) -> tuple[str, ...]:
    """Those named, or the registered implementations whose package lies in the repository."""
    from impls.registry import implementations

    registered = implementations()
    for name in options["impls"]:
        if name not in registered:
            raise UsageError(f"no implementation is registered as '{name}'")
    named = (*options["impls"], *options["targets"])
    if named:
        return named
    own = tuple(
        name
        for name, found in registered.items()
        if (repository / found.location.partition(".")[0].partition(":")[0]).is_dir()
    )
    if not own:
        raise UsageError(
            "this repository holds no registered implementation: name yours with "
            "--target path/file.py:Class"
        )
    return own


def _in_both(baseline: Any, candidate: Any) -> tuple[tuple[str, ...], list[str]]:
    """The targets that can be loaded on both sides, and sentences on those that are new."""
    from lstm_bench.compare.workers import loads

    kept, new = [], []
    for number, target in enumerate(candidate.targets):
        error = loads(candidate, number)
        if error is not None:
            raise UsageError(f"{candidate.name}: {target}: {error}")
        if loads(baseline, number) is None:
            kept.append(target)
        else:
            new.append(f"{target}: not in {baseline.name}, so there is nothing to compare it with")
    return tuple(kept), new


def _decide(question: str, baseline: Any, candidate: Any, options: dict[str, Any]) -> int:
    from lstm_bench.compare.session import Plan, Session
    from lstm_bench.compare.workers import Cell

    ours = not any(":" in target for target in (*candidate.targets, *baseline.targets))
    sizes = decisions.workloads(options, "guard", head=ours)
    cells = tuple(
        Cell(subject, size, name)
        for subject in range(len(candidate.targets))
        for size in sizes
        for name in decisions.passes(options)
    )
    plan = Plan(
        question, baseline, candidate, cells, decisions.conditions(options),
        decisions.settings(options, both_ways=False),
        "lstm-bench " + shlex.join(sys.argv[1:]),
    )  # fmt: skip
    session = Session.create(decisions.folder_for("guard", options["out"]), plan)
    wrong, decision = decisions.judged_and_run(session, options["budget"])
    if decision is None:
        return decisions.refused(session, wrong, options["json_file"])
    document = session.as_json(decision)
    write_json(document, options["json_file"])
    if options["json_file"] != "-":
        decisions.show(session, decision)
        click.echo(plain(_answer(document)))
        decisions.report(session.folder)
    verdicts = {cell["verdict"] for cell in document["cells"]}
    if decision.alarm:
        return 1
    if "failed" in verdicts:
        return 4
    return 130 if decision.interrupted else 3 if "undecided" in verdicts else 0


def _answer(document: dict[str, Any]) -> str:
    slower = [c for c in document["cells"] if c["verdict"] == "slower"]
    if slower:
        worst = max(slower, key=lambda c: c["ratio"])
        return (
            f"REGRESSION: {len(slower)} of {len(document['cells'])} cells are slower, most "
            f"{worst['candidate']} {worst['workload']} {worst['pass']}: {worst['ratio']:.3f} times"
        )
    if document["alarm"]:
        return "REGRESSION: all cells together are slower, none so much that it could be named"
    if any(c["verdict"] == "undecided" for c in document["cells"]):
        return "Undecided: some cells need more time (--budget) or a quieter machine"
    return f"No regression of {document['margin']:.0%} or more"
