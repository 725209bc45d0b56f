"""What is found of mistakes that were written without sight of this code: the sets of tests/blind.

    python -m bench.proof blind/values

A set is a folder of modules and a manifest.json, which says of each what is wrong with it, and
which words a right diagnosis must contain, of every group at least one. Its first figure is the
one that counts: after the mends it is no blind set any more.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.kept import JUDGING, ROOT, Known
from lstm_bench.conformance.isolate import Limits, judge_isolated
from tests.broken.record import Defect

SETS = ROOT / "tests" / "blind"


def names() -> list[str]:
    """The sets that there are."""
    return sorted(p.name for p in SETS.iterdir() if p.is_dir())


@dataclass(frozen=True)
class Planted:
    """A row of a set: the defect, and in a sentence what is wrong."""

    defect: Defect
    cause: str


def manifest(name: str) -> list[Planted]:
    """The rows of a set."""
    folder = SETS / name
    place = folder.relative_to(ROOT)
    return [
        Planted(
            Defect(
                f"{place}/{row['file']}:{row['name']}", row["class"], row["verdict"],
                tuple(tuple(word.lower() for word in group) for group in row["words"]),
            ),
            row["cause"],
        )
        for row in json.loads((folder / "manifest.json").read_text())
    ]  # fmt: skip


def _judged(target: str) -> dict[str, Any]:
    judgement = judge_isolated(target, limits=Limits(seconds=120))
    return {
        "target": target,
        "verdict": str(judgement.verdict),
        "diagnosis": list(judgement.diagnosis),
        "seconds": round(judgement.seconds, 1),
    }


def known(name: str, seeds: int) -> Known:
    """A blind set; seeds do not matter to it."""
    planted = {one.defect.target: one for one in manifest(name)}

    def write(rows: list[dict[str, Any]], out: Path) -> None:
        done = [result(planted[row["target"]], row) for row in rows]
        (out / "judgements.json").write_text(json.dumps(done, indent=1) + "\n")
        (out / "summary.md").write_text(summary(name, done))

    rests_on = (*JUDGING, f"tests/blind/{name}")
    tasks = {target: target for target in planted}
    return Known(tasks, rests_on, _judged, lambda row: str(row["verdict"]), write)


def result(planted: Planted, found: Mapping[str, Any]) -> dict[str, Any]:
    """What was found of a row: right, if the verdict is; named, if the cause is told as well."""
    defect = planted.defect
    right = found["verdict"] == defect.verdict
    return {
        "target": defect.target, "class": defect.failure_class, "cause": planted.cause,
        "expected": defect.verdict, **found, "right": right,
        "named": right and defect.is_told_by(" ".join(found["diagnosis"])),
    }  # fmt: skip


def summary(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The page as Markdown: figures by class, then what was missed, then what was not named."""
    by_class = defaultdict(list)
    for row in rows:
        by_class[row["class"]].append(row)
    wrong = [row for row in rows if row["expected"] != "conforms"]
    sound = len(rows) - len(wrong)
    what = f"{len(rows)} LSTMs, {sound} of them right," if sound else f"{len(rows)} mistakes,"
    lines = [
        f"# A blind set: {name}",
        "",
        f"{what} written without sight of this code: {_share(rows, 'right')} got the right "
        f"verdict; of the mistakes {_share(wrong, 'named')} were named as well.",
        "",
        f"Made by `python -m bench.proof blind/{name}`.",
        "",
        f"| class | {'LSTMs' if sound else 'mistakes'} | right verdict | cause named |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {cls} | {len(found)} | {_share(found, 'right')} | {_share(found, 'named')} |"
        for cls, found in sorted(by_class.items())
    ]
    for title, some in (
        ("Missed", [r for r in rows if not r["right"]]),
        ("Found, and not named", [r for r in rows if r["right"] and not r["named"]]),
    ):
        lines += ["", f"## {title}", ""] if some else []
        lines += [
            f"- {r['target'].rpartition('/')[2]}: {r['cause']} — {r['verdict']}: "
            f"{'; '.join(r['diagnosis'][:2]) or 'nothing'}"
            for r in some
        ]
    return "\n".join(lines) + "\n"


def _share(rows: Sequence[Mapping[str, Any]], what: str) -> str:
    count = sum(bool(row[what]) for row in rows)
    return f"{count} ({count / max(1, len(rows)):.0%})"
