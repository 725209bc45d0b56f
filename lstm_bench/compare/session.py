"""A comparison from its sides to its decision, on disk block by block.

The folder holds ``plan.json`` (what was asked for, on which machine), ``checks.json`` (the
verdict on every subject of both sides), ``blocks.jsonl`` (a line a cell and block, with every
call's time) and ``decision.json``. What was stopped goes on where it stopped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lstm_bench import headlines
from lstm_bench.compare.arena import Arena, BlockRecord, Cell, Conditions
from lstm_bench.compare.arms import Side
from lstm_bench.compare.decide import Decision, Ledger, Settings, conclude, decide, ledger_of
from lstm_bench.conformance.isolate import judge_each
from lstm_bench.conformance.records import Options
from lstm_bench.errors import UsageError
from lstm_bench.lab.worker import WorkerError
from lstm_bench.measure.folders import (
    append,
    begin,
    header_of,
    kept_judgements,
    lines_of,
    must_be_this_machine,
    replace_file,
)
from lstm_bench.measure.machine import settle
from lstm_bench.measure.workloads import Workload

FORMAT = "lstm-bench comparison 1"


@dataclass(frozen=True)
class Plan:
    """What is compared with what, where, how, and how sure one wants to be."""

    question: str
    baseline: Side
    candidate: Side
    cells: tuple[Cell, ...]
    conditions: Conditions
    settings: Settings
    command: str = ""
    trees: Mapping[str, str] | None = None
    """Where the sides are two trees: the repository, its commit, the working tree's digest."""
    missing: tuple[str, ...] = ()
    """Targets that were named and are on one side only, in a sentence each."""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Plan:
        sides = {
            name: Side(**{**fields[name], "targets": tuple(fields[name]["targets"])})
            for name in ("baseline", "candidate")
        }
        cells = tuple(
            Cell(c["subject"], Workload(**c["workload"]), c["pass_name"]) for c in fields["cells"]
        )
        return cls(
            fields["question"], sides["baseline"], sides["candidate"], cells,
            Conditions(**fields["conditions"]), Settings(**fields["settings"]), fields["command"],
            fields.get("trees"), tuple(fields.get("missing", ())),
        )  # fmt: skip

    def in_trees(self, before: Path, now: Path) -> Plan:
        """The same with its two sides in these folders."""
        baseline = replace(self.baseline, root=str(before))
        return replace(self, baseline=baseline, candidate=replace(self.candidate, root=str(now)))


@dataclass
class Session:
    """A comparison's folder."""

    folder: Path
    plan: Plan

    @classmethod
    def create(cls, folder: Path, plan: Plan) -> Session:
        """A new folder. Raises UsageError where it cannot be written or is in use."""
        on = plan.conditions
        begin(folder / "plan.json", FORMAT, asdict(plan), on.device, on.threads)
        return cls(folder, plan)

    @classmethod
    def resume(cls, folder: Path, trees: tuple[Path, Path] | None = None) -> Session:
        """One that stopped. Raises UsageError where there is none, or another machine's.

        trees: where the commit's and the working tree's files are now, if it compares two trees.
        """
        header = read_header(folder)
        plan = Plan.from_json(header["plan"])
        if trees is not None:
            plan = plan.in_trees(*trees)
        settle(plan.conditions.device, plan.conditions.threads)
        must_be_this_machine(header, folder, plan.conditions.device, "begin a new one")
        return cls(folder, plan)

    # -- right first --------------------------------------------------------------------------

    def judgements(self, told: Callable[[str], None] = lambda _: None) -> list[dict[str, Any]]:
        """The verdict on every subject of both sides, made once and kept."""
        sides = dict.fromkeys((self.plan.baseline, self.plan.candidate))
        used = {cell.subject for cell in self.plan.cells}
        return judged(self.folder / "checks.json", "comparison", sides, used, told)

    def unjudged(self) -> tuple[int, ...]:
        """How many subjects of each side are yet to be judged."""
        if (self.folder / "checks.json").exists():
            return ()
        used = len({cell.subject for cell in self.plan.cells})
        return (used,) * len(dict.fromkeys((self.plan.baseline, self.plan.candidate)))

    def incorrect(self) -> list[str]:
        """Why there can be no speed verdict: what does not conform, in a sentence each."""
        return [
            f"{judged['side']}: {judged['target']} is {judged['verdict']}"
            + (f": {judged['diagnosis'][0]}" if judged["diagnosis"] else "")
            for judged in self.judgements()
            if judged["verdict"] != "conforms"
        ]

    # -- then fast ----------------------------------------------------------------------------

    def run(
        self,
        told: Callable[[Ledger, float], None] = lambda *_: None,
        slow: Mapping[int, float] | None = None,
        left: Callable[[], float] | None = None,
    ) -> Decision:
        """Blocks until all is decided or the budget is spent. Raises UsageError on no start.

        left: seconds that are left for blocks when they are to begin; default: the plan's budget.
        """
        plan, cells = self.plan, tuple(range(len(self.plan.cells)))
        scores = self._scores()
        before, following = list(scores.values()), max(scores, default=-1) + 1
        if left is not None and left() <= 0:
            return self._concluded(conclude(ledger_of(cells, plan.settings, before), 0.0))
        arena = Arena(
            (plan.baseline, plan.candidate), plan.cells, plan.conditions,
            blocks=following, slow=slow or {},
        )  # fmt: skip
        arena.random.seed(plan.conditions.seed + following)
        try:
            arena.find()
        except WorkerError as error:
            raise UsageError(f"cannot be set up: {error}") from None
        written = 0

        def after_block(ledger: Ledger, seconds: float) -> None:
            nonlocal written
            self.append(arena.records[written:])
            written = len(arena.records)
            told(ledger, seconds)

        settings = plan.settings if left is None else replace(plan.settings, budget=left())
        return self._concluded(decide(arena, cells, settings, before=before, told=after_block))

    def _concluded(self, decision: Decision) -> Decision:
        replace_file(
            self.folder / "decision.json", json.dumps(self.as_json(decision), indent=1) + "\n"
        )
        return decision

    def as_json(self, decision: Decision) -> dict[str, Any]:
        """The decision with every cell's name; what ``--json`` writes."""
        cells = []
        for found in decision.cells:
            cell = self.plan.cells[found.cell]
            cells.append(
                {
                    "baseline": self.plan.baseline.targets[cell.subject],
                    "candidate": self.plan.candidate.targets[cell.subject],
                    "workload": cell.workload.name,
                    "pass": cell.pass_name,
                    "verdict": str(found.outcome),
                    **{
                        name: value if math.isfinite(value) else None
                        for name, value in asdict(found).items()
                        if name in ("ratio", "low", "high", "at_most")
                    },
                    "blocks": found.blocks,
                    "reason": found.reason,
                }
            )
        document = {
            "question": self.plan.question,
            "alarm": decision.alarm,
            "seconds": round(decision.seconds, 2),
            "interrupted": decision.interrupted,
            "margin": self.plan.settings.margin,
            "alpha": self.plan.settings.alpha,
            "both_ways": self.plan.settings.both_ways,
            "cells": cells,
        }
        return {"answer": headlines.comparison(document), **document}

    def blocks(self) -> list[dict[int, float]]:
        """The scores that are on disk, block by block; damaged lines are passed over."""
        return list(self._scores().values())

    def _scores(self) -> dict[int, dict[int, float]]:
        """The same by the block's number, in order."""
        found: dict[int, dict[int, float]] = {}
        for record in lines_of(self.folder / "blocks.jsonl", "comparison"):
            found.setdefault(record["block"], {})[record["cell"]] = record["score"]
        return dict(sorted(found.items()))

    def append(self, records: Sequence[BlockRecord]) -> None:
        """Put a block on disk."""
        append(self.folder / "blocks.jsonl", map(asdict, records))


def redecide(session: Session, settings: Settings) -> Decision:
    """What other settings make of the blocks on disk; nothing is measured."""
    cells = tuple(range(len(session.plan.cells)))
    return conclude(ledger_of(cells, settings, session.blocks()), 0.0)


def read_header(folder: Path) -> dict[str, Any]:
    """The comparison's ``plan.json``. Raises UsageError where it is missing or none of ours."""
    return header_of(folder / "plan.json", FORMAT)


def judged(
    path: Path,
    kind: str,
    sides: Iterable[Side],
    subjects: Collection[int],
    told: Callable[[str], None],
) -> list[dict[str, Any]]:
    """The verdicts on these subjects of each side, made once and kept in a folder of this kind."""
    wanted = {side: [side.targets[subject] for subject in sorted(subjects)] for side in sides}
    expected = [(side.name, target) for side, targets in wanted.items() for target in targets]
    found = kept_judgements(path, kind, expected)
    if found is None:
        found = []
        for side, targets in wanted.items():
            verdicts = judge_each(targets, Options(root=side.root), told=_heard(side.name, told))
            found += [{"side": side.name, **judgement.as_json()} for judgement in verdicts]
        replace_file(path, json.dumps(found, indent=1) + "\n")
    return found


def _heard(side: str, told: Callable[[str], None]) -> Callable[[str, str], None]:
    return lambda target, stage: told(f"checking {side}'s {target}: {stage}")
