"""Does any cheat get a speed, or any honest twin none? The corpus of attacks through the clock.

    python -m bench.cheats                       # all, some minutes on two quiet cores
    python -m bench.cheats --only stale_buffers --out reports/examples/cheats

Each cheat is timed beside its honest twin by the code of ``lstm-bench run``, taken as if it had
passed every check: what the checks would see is not what is tried here. Beside both runs the honest
LSTM that the cheat is made of. Whoever has a speed that is not below that one's has gained nothing:
its trick found nothing to bite on, and it did the work. A row that is done is kept
in rows.jsonl of the folder, so that what was stopped goes on.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from bench.kept import JUDGING, Kept
from lstm_bench.conformance.records import Judgement, Verdict
from lstm_bench.lab.worker import apart
from lstm_bench.measure.folders import replace_file
from lstm_bench.measure.peaks import peaks
from lstm_bench.measure.run import Plan, Run, execute, read_cells
from lstm_bench.measure.workloads import PASSES, Workload
from lstm_bench.report.summary import median_interval, status_of

NOTHING = 0.9
"""Who surely takes more than this share of the honest time has gained nothing."""

STOPPED_BY = (
    ("answers", r"not that of its inputs|^incorrect|than the first one's|to no gradients"),
    ("inputs that come back", r"given before"),
    ("child processes", r"child processes"),
    ("threads", r"threads|cores busy"),
    ("functions replaced", r"relied on|rely on"),
    ("settings", r"setting"),
    ("clock against kernel", r"clock"),
    ("the machine's limit", r"faster than the machine"),
    ("it fails", r"^failed"),
)
"""What stopped a cheat, by the words of its status: for the table alone."""


def tried(
    entry: Any, name: str, *, rounds: int = 10, budget: float = 2.0, device: str = "cpu"
) -> dict[str, Any]:
    """The row of a cheat in one of the passes in which it pays: its status, and its twin's.

    Each pass in a run of its own: who is caught in one is not asked in the others of that run.
    """
    names = (entry.kin, entry.cheat, entry.twin)
    kin, cheat, twin = _timed(entry, names, name, rounds, budget, device)
    row = {
        "class": entry.cls, "cheat": entry.name, "twin": entry.twin.rpartition(":")[2],
        "pass": name, "cheat_status": status_of(cheat), "twin_status": status_of(twin),
        "how": entry.how, "ratio": _ratio(cheat, kin),
    }  # fmt: skip
    if gained(row):  # or so few samples do not tell, or hold none of its trick: once more
        kin, cheat = _timed(entry, names[:2], name, 4 * rounds, 4 * budget, device)
        row["ratio"] = _ratio(cheat, kin)
        if status_of(cheat) != "ok":
            row["cheat_status"] = f"{status_of(cheat)} (in a run four times as long)"
    return row


def _timed(
    entry: Any, names: tuple[str, ...], pass_name: str, rounds: int, budget: float, device: str
) -> list[dict[str, Any]]:
    """Their cells, of a run in which all of them count as right."""
    steps, batch, wide, hidden = entry.sizes
    size, threads = Workload(batch, steps, wide, hidden, False), 2 if entry.threads else 1
    plan = Plan(names, (size,), (pass_name,), device, "float32", threads, rounds, budget)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run", plan)
        taken_as_right = [Judgement(one, Verdict.CONFORMS).as_json() for one in names]
        (run.folder / "checks.json").write_text(json.dumps(taken_as_right))
        (run.folder / "peaks.json").write_text(json.dumps(_peaks(device, threads)))
        execute(run)
        return read_cells(run.folder)


@lru_cache
def _peaks(device: str, threads: int) -> dict[str, float]:
    """The machine's limits, measured once for all runs."""
    found: dict[str, float] = apart(peaks, device, "float32", threads)
    return found


def _ratio(cell: dict[str, Any], base: dict[str, Any]) -> list[float] | None:
    """Between what the median of the time over the other's lies, at 95 %; None where unmeasured."""
    pairs = zip(cell["samples"], base["samples"], strict=False)
    ratios = [one["seconds"] / other["seconds"] for one, other in pairs]
    return list(median_interval(np.array(ratios))) if ratios else None


def gained(row: dict[str, Any]) -> bool:
    """Whether a cheat has a speed that it may not have worked for."""
    return row["cheat_status"] == "ok" and not (row["ratio"] and row["ratio"][0] > NOTHING)


def summary(rows: Iterable[dict[str, Any]]) -> str:
    """The table as Markdown: what stops which, and what is wrong."""
    rows = list(rows)
    timed = [r for r in rows if r["cheat_status"] == "ok"]
    fooled = [r for r in timed if gained(r)]
    worked = [r for r in timed if r not in fooled]
    refused = [r for r in rows if r["twin_status"] != "ok"]
    lines = [
        "# Cheats and their honest twins",
        "",
        f"{len({r['cheat'] for r in rows})} cheats in {len(rows)} passes: {len(fooled)} were given "
        f"a speed that they had not worked for; {len(worked)} have one and gained nothing. Of "
        f"their honest twins {len({r['twin'] for r in refused})} were refused one.",
        "",
        "Made by `python -m bench.cheats`.",
        "",
        "| class | cheats | passes | stopped by | gained nothing | with a speed | twins refused |",
        "|---|---|---|---|---|---|---|",
    ]
    for cls in dict.fromkeys(r["class"] for r in rows):
        mine = [r for r in rows if r["class"] == cls]
        by = ", ".join(
            f"{what} {count}"
            for what, pattern in STOPPED_BY
            if (count := sum(_by(r["cheat_status"]) == what for r in mine))
        )
        lines.append(
            f"| {cls.replace('_', ' ')} | {len({r['cheat'] for r in mine})} | {len(mine)} | {by} | "
            f"{sum(r in worked for r in mine)} | {sum(r in fooled for r in mine)} | "
            f"{sum(r in refused for r in mine)} |"
        )
    for title, wrong, field in (
        ("Given a speed", fooled, "cheat_status"),
        ("Gained nothing", worked, "cheat_status"),
        ("Refused", refused, "twin_status"),
    ):
        if wrong:
            name = field.partition("_")[0]
            lines += ["", f"## {title}", ""]
            lines += [
                f"- {r[name]}, {r['pass']}: {r[field]}{_times(r)} ({r['how']})" for r in wrong
            ]
    return "\n".join(lines) + "\n"


def _times(row: dict[str, Any]) -> str:
    low, high = row["ratio"] or (None, None)
    return "" if low is None else f", {low:.2f} to {high:.2f} times the honest time"


def _by(status: str) -> str:
    return next((what for what, pattern in STOPPED_BY if re.search(pattern, status)), "else")


@click.command()
@click.option("--only", multiple=True, help="A class, or the name of a cheat; repeatable.")
@click.option("--device", default="cpu", help="Where all of them run, such as cuda.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports/cheats"))
def main(only: tuple[str, ...], device: str, out: Path) -> None:
    """Time every cheat beside its twin and write results.json and summary.md."""
    from tests.cheats import ENTRIES, ON_CUDA

    corpus = (*ENTRIES, *ON_CUDA) if torch.device(device).type == "cuda" else ENTRIES
    kept = Kept(out / "rows.jsonl", (*JUDGING, "lstm_bench/measure", "tests/cheats"))
    chosen = [e for e in corpus if not only or e.cls in only or e.name in only]
    rows = []
    for entry in chosen:
        for name in (p for p in PASSES if p in entry.passes):
            key = f"{entry.name} {name} {device}"
            if key not in kept.rows:
                row = tried(entry, name, device=device)
                kept.add(key, row)
                click.echo(f"{row['cheat']} {row['pass']}: {row['cheat_status'][:90]}")
                click.echo(f"    {row['twin']}: {row['twin_status'][:90]}")
            rows.append(kept.rows[key])
        replace_file(out / "results.json", json.dumps(rows, indent=1) + "\n")
        replace_file(out / "summary.md", summary(rows))
    click.echo((out / "summary.md").read_text().split("\n")[2])


if __name__ == "__main__":
    main()
