"""``lstm-bench guard``: the gate for CI. Is anything slower than it was?"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_bench import headlines
from lstm_bench.commands import decisions
from lstm_bench.commands.options import options_of, write_json
from lstm_bench.errors import UsageError
from lstm_bench.lab.worker import MANY, ahead
from lstm_bench.plain import plain

if TYPE_CHECKING:
    from lstm_bench.compare.arms import Availability, Side
    from lstm_bench.compare.session import Plan, Session

EPILOG = """\b
Examples:
  lstm-bench guard --against git:origin/main
  lstm-bench guard --against git:HEAD~1 --target src/mine.py:MyLSTM --margin 10%
  lstm-bench guard --against impl:documented_loop --impl batched_gates

\b
Exit codes: 0 nothing is slower, 1 something is, 2 wrong input or set-up,
3 some cell is undecided, or what was named is on one side only,
4 something is incorrect (no speed verdict then).
"""


@click.command(epilog=EPILOG)
@options_of("guard")
def guard(against: str | None, **options: Any) -> int:
    """Compare the working tree with a commit, in one run, and fail where it became slower.

    git:REF is checked out beside a copy of the working tree; each subject of both is judged by
    all checks, then fresh pairs of processes take turns. Identical code raises an alarm in at
    most 1 of 100 runs (--alpha), whatever the machine does meanwhile; where the machine is too
    noisy to tell, the answer is "undecided", never a guess. Works in any git repository that
    holds an LSTM. impl:NAME takes a reference in the same tree for a baseline. run:DIR, a stored
    run of `lstm-bench run`, is advice only: times of another moment prove nothing.
    """
    if options["resume"] is not None:
        return _resumed(options["resume"], options)
    kind, _, name = (against or "").partition(":")
    if kind in ("git", "impl", "run") and name:
        ahead(*MANY)
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

    decisions.workloads(options, head=True)  # refused before a tree is made
    repository = trees.top(options["repository"])
    found = trees.commit(repository, ref)
    with trees.side_by_side(repository, found) as (before, now):
        targets = _targets(options, repository, (now, before))
        baseline = Side(f"{ref} ({found[:9]})", targets, str(before))
        candidate = Side("the working tree", targets, str(now))
        named = bool(options["impls"] or options["targets"])
        kept, gone = _in_both(baseline, candidate, named=named)
        if kept:
            baseline, candidate = replace(baseline, targets=kept), replace(candidate, targets=kept)
            question = f"The working tree against {ref}:"
            plan = replace(
                _plan(question, baseline, candidate, options),
                trees={"repository": str(repository), "commit": found, "digest": trees.digest(now)},
                missing=tuple(gone) if named else (),
            )
            code = _decide(plan, options)
            code = 3 if plan.missing and code == 0 else code
        else:
            code = _nothing(gone, options["json_file"], named=named)
    if gone:
        click.echo("Not compared: " + "; ".join(gone), err=options["json_file"] == "-")
    return code


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
    candidate = Side("candidate", targets)
    plan = _plan(f"Against {name}:", baseline, candidate, options)
    _must_be_there(Side(baseline.name, (name,)))
    _must_be_there(candidate)
    return _decide(plan, options)


def _resumed(folder: Path, options: dict[str, Any]) -> int:
    """Go on with a comparison, whose trees are made anew. Raises UsageError where they differ."""
    from lstm_bench.compare import trees
    from lstm_bench.compare.session import Plan, Session, read_header

    plan = Plan.from_json(read_header(folder)["plan"])
    if plan.trees is None:
        return _conclude(Session.resume(folder), options)
    with trees.side_by_side(Path(plan.trees["repository"]), plan.trees["commit"]) as both:
        if trees.digest(both[1]) != plan.trees["digest"]:
            raise UsageError(
                "the working tree has changed since: what was measured of it says nothing of what "
                "is there now; begin anew"
            )
        code = _conclude(Session.resume(folder, both), options)
    if plan.missing:
        click.echo("Not compared: " + "; ".join(plan.missing), err=options["json_file"] == "-")
    return code


def _against_run(folder: Path, options: dict[str, Any]) -> int:
    """Measure the same again and say how it differs: advice, never an alarm."""
    from lstm_bench.compare.stored import again
    from lstm_bench.measure.run import read_header

    read_header(folder)
    rows = again(folder, decisions.folder_for("guard", options["out"]))
    aside = options["json_file"] == "-"
    for row in rows:
        line = f"{plain(row.name)}: {row.ratio:.2f} times what it was ({row.remark})"
        click.echo(line, err=aside)
    click.echo(
        "Advice only: two runs at different moments differ by tens of percent on a shared "
        "machine. For a decision: lstm-bench guard --against git:REF",
        err=aside,
    )
    write_json({"advice": [row.as_json() for row in rows]}, options["json_file"])
    return 3 if any(row.ratio > 1 + options["margin"] for row in rows) else 0


def _targets(
    options: dict[str, Any], repository: Path, trees: tuple[Path, Path]
) -> tuple[str, ...]:
    """Those named, as each tree has them; or the registered ones whose code lies in either tree."""
    named = (
        *options["impls"],
        *(_inside(target, repository, trees) for target in options["targets"]),
    )
    if named:
        return tuple(dict.fromkeys(named))
    found = [name for tree in trees for name in _registered(tree)]
    if not found:
        raise UsageError(
            "this repository holds no registered implementation: name yours with "
            "--target path/file.py:Class"
        )
    return tuple(dict.fromkeys(found))


def _registered(tree: Path) -> list[str]:
    """The registered names whose code lies in a tree, asked of a process apart."""
    from lstm_bench.lab.worker import apart
    from lstm_bench.subject.load import registered_in

    try:
        return [str(name) for name in apart(registered_in, str(tree))]
    except RuntimeError as error:
        raise UsageError(f"what is registered cannot be listed: {error}") from None


def _inside(target: str, repository: Path, trees: Sequence[Path]) -> str:
    """A target's file relative to the repository's root, whether it was given so, from the
    current folder, or in full. Raises UsageError where it lies outside.
    """
    place, _, attribute = target.rpartition(":")
    if not place.endswith(".py"):
        return target
    given = [os.path.abspath(place), str(Path(place).resolve())]
    if not os.path.isabs(place):
        given.append(str(repository / place))
    inside = [os.path.relpath(file, repository) for file in given]
    inside = [file for file in inside if file.partition(os.sep)[0] != os.pardir]
    if not inside:
        raise UsageError(f"{place} lies outside of the repository {repository}")
    there = (file for file in inside for tree in trees if (tree / file).is_file())
    return f"{next(there, inside[0])}:{attribute}"


def _in_both(baseline: Side, candidate: Side, *, named: bool) -> tuple[tuple[str, ...], list[str]]:
    """The targets that are there on both sides, and sentences on those that are not.

    Raises UsageError where one does not work or is taken from elsewhere, and where one that was
    named is on neither side.
    """
    from lstm_bench.compare.arms import State

    kept, gone = [], []
    for number, target in enumerate(candidate.targets):
        states = {side.name: _state(side, number) for side in (candidate, baseline)}
        for name, found in states.items():
            left_out = found.state is State.UNAVAILABLE and not named
            if found.state not in (State.PRESENT, State.MISSING) and not left_out:
                raise UsageError(f"{name}: {target}: {found.reason}")
        absent = {name: s.reason for name, s in states.items() if s.state is not State.PRESENT}
        if len(absent) == 2 and named:
            raise UsageError(f"{target} is in neither tree: {absent[candidate.name]}")
        gone += [f"{target} is not in {name}: {why}" for name, why in absent.items()][:1]
        kept += [] if absent else [target]
    return tuple(kept), gone


def _must_be_there(side: Side) -> None:
    """Raises UsageError where one of a side's targets cannot be loaded."""
    from lstm_bench.compare.arms import State

    for number, target in enumerate(side.targets):
        found = _state(side, number)
        if found.state is not State.PRESENT:
            raise UsageError(f"{target}: {found.reason}")


def _state(side: Side, number: int) -> Availability:
    """Whether a side has a target, asked of a process apart: this one runs nobody's code."""
    from lstm_bench.compare.arms import Availability, State, state_in
    from lstm_bench.lab.worker import apart

    try:
        state, reason = apart(state_in, side.targets[number], side.root)
    except RuntimeError:
        return Availability(State.BROKEN, "its import ends the process, or does not end")
    return Availability(State(state), str(reason))


def _nothing(gone: Sequence[str], json_file: str | None, *, named: bool) -> int:
    """No target is on both sides: what was named and is missing is not fine."""
    click.echo("Nothing to compare: no target is in both trees", err=json_file == "-")
    write_json({"alarm": False, "cells": [], "missing": list(gone)}, json_file)
    return 3 if named else 0


def _plan(question: str, baseline: Side, candidate: Side, options: dict[str, Any]) -> Plan:
    from lstm_bench.compare.arena import Cell
    from lstm_bench.compare.session import Plan

    ours = not any(":" in target for target in (*candidate.targets, *baseline.targets))
    sizes = decisions.workloads(options, head=ours)
    cells = tuple(
        Cell(subject, size, name)
        for subject in range(len(candidate.targets))
        for size in sizes
        for name in decisions.passes(options)
    )
    return Plan(
        question, baseline, candidate, cells, decisions.conditions(options),
        decisions.settings(options, both_ways=False),
        "lstm-bench " + shlex.join(sys.argv[1:]),
    )  # fmt: skip


def _decide(plan: Plan, options: dict[str, Any]) -> int:
    from lstm_bench.compare.session import Session

    return _conclude(Session.create(decisions.folder_for("guard", options["out"]), plan), options)


def _conclude(session: Session, options: dict[str, Any]) -> int:
    """Judge, decide, tell. The exit code."""
    wrong, decision = decisions.judged_and_run(session, decisions.budget_of(options, session.plan))
    if decision is None:
        return decisions.refused(session, wrong, options["json_file"])
    document = {**session.as_json(decision), "missing": list(session.plan.missing)}
    write_json(document, options["json_file"])
    if options["json_file"] != "-":
        decisions.show(session, decision)
        click.echo(plain(headlines.guard(document)))
        decisions.report(session.folder)
    if decision.interrupted:
        click.echo(f"Stopped. Go on with: lstm-bench guard --resume {session.folder}", err=True)
    return exit_code(document)


def exit_code(document: Mapping[str, Any]) -> int:
    """What CI is told, by what is worst: incorrect 4, an alarm 1, failed 4, undecided or missing 3.

    (Wrong input, 2, never becomes a document.) 130 where Ctrl-C left nothing worse; 0 else.
    """
    verdicts = {cell["verdict"] for cell in document.get("cells", ())}
    if document.get("incorrect"):
        return decisions.EXIT_INCORRECT
    if document.get("alarm"):
        return 1
    if verdicts & {"failed", "unearned"}:
        return decisions.EXIT_INCORRECT
    if document.get("interrupted"):
        return 130
    return 3 if "undecided" in verdicts or document.get("missing") or not verdicts else 0
