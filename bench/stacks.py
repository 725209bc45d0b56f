"""Stacks, lengths, projections and options whose answer is known: found, named, called wrong.

    python -m bench.proof stacks                      # right ones with 20 seeds, mistakes once

The hosts are those of the tests (tests/conformance). They are judged by the checks of what a
constructor and a call offer, and of one plain sequence or step; a mistake is named where its
sentence is among what is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.kept import JUDGING, Known
from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Options

HOSTS = ("stacks", "ragged", "projected", "stacked_cells", "options")
"""Modules of tests/conformance with RIGHT and WRONG: names, and names with the sentence."""

CHECKS = ("stack", "lengths", "sequence", "one_step")

Task = tuple[str, str, str, int]
"""The module, the class, the words of its mistake ("" for a right one), how many seeds."""


def rows(seeds: int) -> Iterator[Task]:
    """Every host: right ones with so many seeds, mistakes once."""
    for module in HOSTS:
        held = import_module(f"tests.conformance.{module}")
        yield from ((module, name, "", seeds) for name in held.RIGHT)
        yield from ((module, name, words, 1) for name, words in held.WRONG.items())


def judged(task: Task) -> dict[str, Any]:
    """The verdicts on one, and whether its mistake is named."""
    module, name, words, seeds = task
    target = f"tests/conformance/{module}.py:{name}"
    found = [judge(target, Options(only=CHECKS, seed=seed)) for seed in range(seeds)]
    return {
        "host": module,
        "name": name,
        "mistake": words,
        "verdicts": [str(judgement.verdict) for judgement in found],
        "named": bool(words) and any(words in said for j in found for said in j.diagnosis),
        "said": [said for judgement in found[:1] for said in judgement.diagnosis],
    }


def is_right(row: Mapping[str, Any]) -> bool:
    """Whether every verdict is what it should be."""
    return set(row["verdicts"]) == {"defective" if row["mistake"] else "conforms"}


def summary(found: list[dict[str, Any]]) -> str:
    """Markdown: a line a module, and what was missed."""
    lines = [
        "# Stacks, lengths, projections, options",
        "",
        "| hosts | right | judgements | called wrong | mistakes | found | named |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for module in (*HOSTS, ""):
        mine = [row for row in found if module in ("", row["host"])]
        right = [row for row in mine if not row["mistake"]]
        wrong = [row for row in mine if row["mistake"]]
        verdicts = [v for row in right for v in row["verdicts"]]
        cells = (
            module or "all", len(right), len(verdicts), sum(v != "conforms" for v in verdicts),
            len(wrong), sum(map(is_right, wrong)), sum(row["named"] for row in wrong),
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    missed = [row for row in found if not is_right(row) or bool(row["mistake"]) != row["named"]]
    lines += ["", "Made by `python -m bench.proof stacks`.", ""]
    lines += [
        f"- {row['host']}.py:{row['name']}: {row['mistake'] or 'right'} — {set(row['verdicts'])}: "
        f"{'; '.join(row['said']) or 'nothing'}"
        for row in missed
    ]
    return "\n".join(lines).rstrip() + "\n"


def known(seeds: int) -> Known:
    """All of them."""

    def write(found: list[dict[str, Any]], out: Path) -> None:
        (out / "judgements.json").write_text(json.dumps(found, indent=1) + "\n")
        (out / "summary.md").write_text(summary(found))

    def said(row: Mapping[str, Any]) -> str:
        return "as it should be" if is_right(row) else f"WRONG: {set(row['verdicts'])}"

    rests_on = (*JUDGING, *(f"tests/conformance/{host}.py" for host in HOSTS), "bench/stacks.py")
    return Known({repr(task): task for task in rows(seeds)}, rests_on, judged, said, write)
