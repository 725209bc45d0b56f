"""What is found of mistakes that were written without sight of this code: the sets of tests/blind.

    python -m bench.blind first --out reports/blind            # all of a set
    python -m bench.blind first --number 20 --jobs 2           # twenty rows, spread over all

A set is a folder of modules and a manifest.json, which says of each what is wrong with it, and
which words a right diagnosis must contain, of every group at least one. Its first figure is the
one that counts: after the mends it is no blind set any more. Rows are kept in rows.jsonl of the
folder: begun again, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.kept import JUDGING, ROOT, Kept
from lstm_bench.conformance import checks  # noqa: F401 - registers them before the fork
from lstm_bench.conformance.isolate import Limits, judge_isolated

SETS = ROOT / "tests" / "blind"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", choices=sorted(p.name for p in SETS.iterdir() if p.is_dir()))
    parser.add_argument("--number", type=int, help="how many rows; default: all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("reports/blind"))
    options = parser.parse_args()
    rows = _spread(manifest(options.set), options.number)
    kept = Kept(options.out / "rows.jsonl", (*JUDGING, f"tests/blind/{options.set}"))
    left = [row for row in rows if row["target"] not in kept.rows]
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        for number, found in enumerate(pool.imap_unordered(_judged, left), 1):
            kept.add(found["target"], found)
            told = "named" if found["named"] else "found" if found["right"] else "MISSED"
            print(f"{number}/{len(left)} {found['target']}: {told}", flush=True)
    done = [kept.rows[row["target"]] for row in rows]
    (options.out / "judgements.json").write_text(json.dumps(done, indent=1) + "\n")
    (options.out / "summary.md").write_text(summary(options.set, done))
    print((options.out / "summary.md").read_text())


def manifest(name: str) -> list[dict[str, Any]]:
    """The rows of a set, each with its target."""
    folder = SETS / name
    rows = json.loads((folder / "manifest.json").read_text())
    place = folder.relative_to(ROOT)
    return [row | {"target": f"{place}/{row['file']}:{row['name']}"} for row in rows]


def named(diagnosis: Iterable[str], words: Iterable[Sequence[str]]) -> bool:
    """Whether a diagnosis holds at least one word of every group, whatever the case."""
    text = " ".join(diagnosis).lower()
    return all(any(word.lower() in text for word in group) for group in words)


def _judged(row: Mapping[str, Any]) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    began = time.monotonic()
    judgement = judge_isolated(row["target"], limits=Limits(seconds=120))
    verdict = str(judgement.verdict)
    return {
        "target": row["target"], "class": row["class"], "cause": row["cause"],
        "expected": row["verdict"], "verdict": verdict, "right": verdict == row["verdict"],
        "named": verdict == row["verdict"] and named(judgement.diagnosis, row["words"]),
        "diagnosis": list(judgement.diagnosis[:3]),
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def summary(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The page as Markdown: figures by class, then what was missed, then what was not named."""
    by_class = defaultdict(list)
    for row in rows:
        by_class[row["class"]].append(row)
    lines = [
        f"# A blind set: {name}",
        "",
        f"{len(rows)} mistakes, written without sight of this code: {_share(rows, 'right')} got "
        f"the right verdict, {_share(rows, 'named')} were named as well.",
        "",
        f"Made by `python -m bench.blind {name}`.",
        "",
        "| class | mistakes | right verdict | cause named |",
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
    return f"{sum(bool(row[what]) for row in rows) / max(1, len(rows)):.0%}"


def _spread(rows: list[dict[str, Any]], number: int | None) -> list[dict[str, Any]]:
    """So many at even distances, all where it is None."""
    if number is None or number >= len(rows):
        return rows
    return [rows[k * len(rows) // number] for k in range(number)]


if __name__ == "__main__":
    main()
