"""The kinds of folder: which file tells what it is, what else it may hold, what goes together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lstm_bench.store.files import (
    CELL_KEY,
    Json,
    cell,
    choice_block,
    choice_decision,
    choice_plan,
    cold,
    comparison_block,
    comparison_decision,
    comparison_plan,
    costs,
    header,
    judgement,
    judgements,
    peaks,
    run_plan,
)
from lstm_bench.store.shapes import Shape, items, record, text


def _cell_is_planned(line: Json, plan: Json) -> str | None:
    return None if line["cell"] < len(plan["cells"]) else "is of a cell that the plan has not"


def _sides_are_planned(line: Json, plan: Json) -> str | None:
    arms = len(plan["candidates"])
    if any(who >= arms for turns in line["rounds"] for who, _ in turns):
        return "is of a candidate that the plan has not"
    return _cell_is_planned(line, plan)


def _places_are_planned(decision: Json, plan: Json) -> str | None:
    named = {place["target"] for found in decision["cells"] for place in found["ranking"]}
    return None if named <= set(plan["candidates"]) else "ranks what is no candidate"


def _costs_are_planned(found: Json, plan: Json) -> str | None:
    arms, cells = len(plan["candidates"]), len(plan["cells"])
    memory = found["peak_bytes"]
    numbers = [*map(int, [*found["cold"], *found["out"]]), *(arm for _, arm, _ in memory)]
    wrong = max(numbers, default=0) >= arms or any(number >= cells for number, *_ in memory)
    return "is of a candidate or cell that the plan has not" if wrong else None


@dataclass(frozen=True)
class File:
    """What a file holds. For ``.jsonl`` of each line, of which no two may share their ``key``.

    fits: whether it goes with the folder's plan; what is wrong, or None.
    """

    shape: Shape
    key: Sequence[str] = ()
    fits: Callable[[Any, Json], str | None] = lambda value, plan: None


@dataclass(frozen=True)
class Kind:
    """A kind of folder: the file that tells it, its format, its plan, and what else it may hold."""

    name: str
    head: str
    format: str
    plan: Shape
    files: Mapping[str, File] = field(default_factory=dict)

    @property
    def header(self) -> Shape:
        return header(self.plan)


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "run", "run.json", "lstm-bench run 1", run_plan,
            {
                "cells.jsonl": File(cell, CELL_KEY),
                "checks.json": File(judgements),
                "cold.json": File(cold),
                "peaks.json": File(peaks),
            },
        ),
        Kind(
            "comparison", "plan.json", "lstm-bench comparison 1", comparison_plan,
            {
                "blocks.jsonl": File(comparison_block, ("block", "cell"), _cell_is_planned),
                "checks.json": File(judgements),
                "decision.json": File(comparison_decision),
            },
        ),
        Kind(
            "choice", "plan.json", "lstm-bench choice 1", choice_plan,
            {
                "blocks.jsonl": File(choice_block, ("block", "cell"), _sides_are_planned),
                "checks.json": File(judgements),
                "costs.json": File(costs, fits=_costs_are_planned),
                "decision.json": File(choice_decision, fits=_places_are_planned),
            },
        ),
        Kind(
            "check", "check.json", "lstm-bench check 1", record({"command": text}),
            {"summary.json": File(items(judgement, least=1))},
        ),
    )
}  # fmt: skip
"""By name. Those that experiments leave (matrix, proof) are single files without a header."""

BY_FORMAT = {kind.format: kind for kind in KINDS.values()}
