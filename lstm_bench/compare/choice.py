"""A choice from its candidates to its answer, on disk block by block.

The folder holds ``plan.json``, ``checks.json`` (the verdict on every candidate), ``costs.json``
(memory, cold start), ``blocks.jsonl`` (a line a cell and block, with every call's time) and
``decision.json``. What was stopped goes on where it stopped.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from lstm_bench import headlines
from lstm_bench.compare.arena import (
    Arena,
    BlockRecord,
    Cell,
    Conditions,
    Round,
    log_ratio,
    undisturbed,
)
from lstm_bench.compare.arms import Side
from lstm_bench.compare.contest import Contest, Found, Pair, contest
from lstm_bench.compare.decide import Settings
from lstm_bench.compare.session import judged
from lstm_bench.compare.verdicts import break_even
from lstm_bench.lab.worker import WorkerError
from lstm_bench.measure.folders import (
    append,
    begin,
    header_of,
    lines_of,
    must_be_this_machine,
    replace_file,
)
from lstm_bench.measure.machine import settle
from lstm_bench.measure.workloads import Workload
from lstm_bench.store.folder import kept

FORMAT = "lstm-bench choice 1"

COLD_STARTS = 3
"""Fresh processes for each candidate's cold start; the median counts."""


@dataclass(frozen=True)
class Plan:
    """Who is in it, on what, where, how, and how sure one wants to be."""

    question: str
    candidates: tuple[str, ...]
    cells: tuple[Cell, ...]
    conditions: Conditions
    settings: Settings
    command: str = ""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Plan:
        cells = tuple(
            Cell(c["subject"], Workload(**c["workload"]), c["pass_name"]) for c in fields["cells"]
        )
        return cls(
            fields["question"], tuple(fields["candidates"]), cells,
            Conditions(**fields["conditions"]), Settings(**fields["settings"]), fields["command"],
        )  # fmt: skip


@dataclass
class Costs:
    """What is measured apart from the contest: memory by (cell, arm), cold starts by arm."""

    peak_bytes: dict[Pair, int | None] = field(default_factory=dict)
    cold: dict[int, dict[str, float]] = field(default_factory=dict)
    out: dict[int, str] = field(default_factory=dict)
    """Arms that are not in it, and why."""

    def as_json(self) -> dict[str, Any]:
        peaks = [[*key, value] for key, value in self.peak_bytes.items()]
        return {"peak_bytes": peaks, "cold": self.cold, "out": self.out}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Costs:
        return cls(
            {(cell, arm): value for cell, arm, value in fields["peak_bytes"]},
            {int(arm): found for arm, found in fields["cold"].items()},
            {int(arm): reason for arm, reason in fields["out"].items()},
        )


@dataclass
class Choice:
    """A choice's folder."""

    folder: Path
    plan: Plan

    @classmethod
    def create(cls, folder: Path, plan: Plan) -> Choice:
        """A new folder. Raises UsageError where it cannot be written or is in use."""
        on = plan.conditions
        begin(folder / "plan.json", FORMAT, asdict(plan), on.device, on.threads)
        return cls(folder, plan)

    @classmethod
    def resume(cls, folder: Path) -> Choice:
        """One that stopped. Raises UsageError where there is none, or another machine's."""
        header = header_of(folder / "plan.json", FORMAT)
        plan = Plan.from_json(header["plan"])
        settle(plan.conditions.device, plan.conditions.threads)
        must_be_this_machine(header, folder, plan.conditions.device, "begin a new one")
        return cls(folder, plan)

    # -- right first --------------------------------------------------------------------------

    def incorrect(self, told: Callable[[str], None] = lambda _: None) -> dict[int, str]:
        """Candidates without a place, because they do not conform, and why."""
        side = Side("candidates", self.plan.candidates)
        numbers = range(len(self.plan.candidates))
        found = judged(self.folder / "checks.json", "choice", [side], numbers, told)
        return {
            number: ": ".join([one["verdict"], *one["diagnosis"][:1]])
            for number, one in enumerate(found)
            if one["verdict"] != "conforms"
        }

    def unjudged(self) -> tuple[int, ...]:
        """How many candidates are yet to be judged."""
        return () if (self.folder / "checks.json").exists() else (len(self.plan.candidates),)

    def unmeasured(self) -> int:
        """Of how many candidates memory and cold start are yet to be measured."""
        return 0 if (self.folder / "costs.json").exists() else len(self.plan.candidates)

    # -- then fast ----------------------------------------------------------------------------

    def run(
        self,
        told: Callable[[Contest, float], None] = lambda *_: None,
        preparing: Callable[[str], None] = lambda _: None,
        left: Callable[[], float] | None = None,
    ) -> dict[str, Any]:
        """Costs once, then blocks until all is decided or the budget is spent; the decision.

        left: seconds that are left for costs and blocks; default: the plan's budget, for blocks.
        """
        plan, records = self.plan, self._records()
        before, following = list(records.values()), max(records, default=-1) + 1
        sides = [Side(name, (name,)) for name in plan.candidates]
        arena = Arena(sides, plan.cells, plan.conditions, blocks=following)
        arena.random.seed(plan.conditions.seed + following)
        if left is not None and left() <= 0:
            costs = Costs(out=self.incorrect(preparing))  # resumed, there may be time for them
        else:
            costs = self._costs(arena, preparing)
        settings = plan.settings if left is None else replace(plan.settings, budget=left())
        without = {(c, arm): costs.out[arm] for c in range(len(plan.cells)) for arm in costs.out}
        source = _Blocks(arena, self.folder / "blocks.jsonl")
        book, seconds, interrupted = contest(
            source, range(len(plan.cells)), len(sides), settings,
            before=[found_in(block) for block in before], without=without, told=told,
        )  # fmt: skip
        document = self._document(book, costs, seconds, interrupted)
        replace_file(self.folder / "decision.json", json.dumps(document, indent=1) + "\n")
        return document

    def _costs(self, arena: Arena, preparing: Callable[[str], None]) -> Costs:
        path = self.folder / "costs.json"
        names = self.plan.candidates
        found = kept(path, "choice", asdict(self.plan), "memory and cold starts are measured again")
        costs = Costs(out=self.incorrect(preparing)) if found is None else Costs.from_json(found)
        for arm in (a for a in range(len(names)) if a not in costs.out):
            preparing(f"memory and cold start of {names[arm]}")
            try:
                heads = arena.probe(arm)
                if any(heads.values()):
                    raise WorkerError("has an output layer on top: that is other work")
                if found is None:
                    _take_costs(arena, arm, costs)
            except WorkerError as error:
                costs.out[arm] = str(error).removeprefix(f"{names[arm]}: " * 2)
        replace_file(path, json.dumps(costs.as_json(), indent=1) + "\n")
        return costs

    def _records(self) -> dict[int, list[BlockRecord]]:
        """What is on disk, by the block's number, in order."""
        found: dict[int, list[BlockRecord]] = {}
        for line in lines_of(self.folder / "blocks.jsonl", "choice"):
            found.setdefault(line["block"], []).append(BlockRecord(**line))
        return dict(sorted(found.items()))

    # -- the answer ---------------------------------------------------------------------------

    def _document(
        self, book: Contest, costs: Costs, seconds: float, interrupted: bool
    ) -> dict[str, Any]:
        """What ``--json`` writes; docs/compare.md tells its fields."""
        names, settings = self.plan.candidates, self.plan.settings
        cells = [self._cell(number, book, costs) for number in range(len(self.plan.cells))]
        out = costs.out | {arm: f"unearned: {why}" for arm, why in book.unearned.items()}
        left_out = [{"target": names[a], "reason": why} for a, why in sorted(out.items())]
        cold = [{"target": names[a], **found} for a, found in sorted(costs.cold.items())]
        found = {
            "question": self.plan.question,
            "alpha": settings.alpha,
            "margin": settings.margin,
            "seconds": round(seconds, 2),
            "interrupted": interrupted,
            "cells": cells,
            "break_even": break_even(cells),
            "cold_start": cold,
            "left_out": left_out,
        }
        return {"answer": headlines.choice(found), **found}

    def _cell(self, number: int, book: Contest, costs: Costs) -> dict[str, Any]:
        cell, names = self.plan.cells[number], self.plan.candidates
        places = [p for p in book.ranking(number) if p.arm not in costs.out]
        state = book.state(number)
        alone = "the only one left" if len(book.running(number)) == 1 else ""
        ranking = [
            {
                "target": names[place.arm],
                "rank": place.rank,
                "verdict": str(place.standing),
                "ratio": _number(place.ratio),
                "low": _number(place.low),
                "high": _number(place.high),
                "milliseconds": _number(place.seconds * 1e3),
                "peak_mib": _mebibytes(costs.peak_bytes.get((number, place.arm))),
                "blocks": place.blocks,
                "reason": place.reason or alone,
            }
            for place in places
        ]
        size = {k: v for k, v in asdict(cell.workload).items() if k != "head"}
        best = [names[arm] for arm in book.left(number)]
        return {
            "workload": cell.workload.name,
            **size,
            "pass": cell.pass_name,
            "verdict": str(state),
            "best": best,
            "ranking": ranking,
        }


@dataclass
class _Blocks:
    """The contest's source: an arena whose records go to disk as they come."""

    arena: Arena
    path: Path

    def now(self) -> float:
        return self.arena.now()

    def block(self, wanted: Mapping[int, Sequence[int]]) -> dict[int, Found]:
        records = self.arena.rounds(wanted)
        append(self.path, map(asdict, records))
        return found_in(records)


def found_in(records: Iterable[BlockRecord]) -> dict[int, Found]:
    """What a block says of each of its cells: every side's seconds, every pair's log ratio."""
    return {record.cell: _found(record.rounds) for record in records}


def _found(rounds: Sequence[Round]) -> Found:
    sides = sorted({side for side, _ in rounds[0]})
    seconds = {
        side: statistics.median(
            undisturbed(times) for turns in rounds for s, times in turns if s == side
        )
        for side in sides
    }
    return Found(seconds, {(a, b): log_ratio(rounds, a, b) for a, b in combinations(sides, 2)})


def _take_costs(arena: Arena, arm: int, costs: Costs) -> None:
    """An arm's memory in every cell, and its cold start on the first. Raises WorkerError."""
    starts = [arena.cold(arm) for _ in range(COLD_STARTS)]
    costs.cold[arm] = {name: statistics.median(s[name] for s in starts) for name in starts[0]}
    costs.peak_bytes.update({(cell, arm): peak for cell, peak in arena.memory(arm).items()})


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mebibytes(value: int | None) -> float | None:
    return None if value is None else value / 2**20
