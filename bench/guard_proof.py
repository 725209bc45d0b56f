"""Does the gate keep its promises? Identical code and known slowdowns, in noise that is real.

    python -m bench.guard_proof record --out proof/idle --blocks 100     # real blocks, A against A
    python -m bench.guard_proof trials --out proof/trials --runs 20      # the whole gate, for real
    python -m bench.guard_proof alike --out proof/alike --runs 30        # its 24 cells, no change
    python -m bench.guard_proof replay proof/idle proof/busy --out reports/guard \\
        --trials proof/trials/trials.json proof/alike/trials.json --asv proof/asv/asv.json

*record* runs the gate's own pipeline on two trees of one commit, over its 24 cells, without ever
stopping early. *replay* draws from those blocks, whole blocks at a time, so that what happens to
all cells at once stays together; adds a known slowdown; and lets the gate decide, as often as
wanted. The same samples go to pytest-benchmark's rule (compare-fail=STATISTIC:THRESHOLD) at every
threshold, so at its best. *trials* and *alike* are whole runs of the gate, with nothing replayed;
asv is asked the same by ``bench.asv_proof``.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import beta

from lstm_bench.compare import evidence, trees
from lstm_bench.compare.arena import Arena, Cell, Conditions, undisturbed
from lstm_bench.compare.arms import Side
from lstm_bench.compare.decide import Ledger, Outcome, Settings, spend
from lstm_bench.compare.session import Plan, Session, read_header
from lstm_bench.compare.simulate import Replayed, SimulatedMachine
from lstm_bench.measure.workloads import PASSES, PRESETS
from lstm_bench.report.write import write_report

TARGETS = ("documented_loop", "batched_gates", "torch_nn")
CELLS = tuple(
    Cell(subject, size, name)
    for subject in range(len(TARGETS))
    for size in PRESETS["guard"].workloads
    for name in PASSES
)
NUMBERS = tuple(range(len(CELLS)))
EFFECTS = (0.02, 0.05, 0.10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("record", "replay", "trials", "alike"):
        command = commands.add_parser(name)
        command.add_argument("--out", type=Path, required=True)
        if name == "replay":
            command.add_argument("recorded", type=Path, nargs="+")
            command.add_argument("--runs", type=int, default=1000)
            command.add_argument("--simulated", type=int, default=10_000)
            command.add_argument("--trials", type=Path, nargs="*", default=[], help="trials.json")
            command.add_argument("--asv", type=Path, help="asv.json of bench.asv_proof")
        if name == "record":
            command.add_argument("--blocks", type=int, default=100)
            command.add_argument("--device", default="cpu", help="such as cuda")
        if name in ("trials", "alike"):
            command.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    tasks = {"record": record, "replay": replay, "trials": trials, "alike": alike}
    tasks[options.command](options)


# -- real blocks ---------------------------------------------------------------------------------


def record(options: argparse.Namespace) -> None:
    """Blocks of the working commit against itself, over all cells."""
    repository = trees.top(Path())
    with trees.side_by_side(repository, "HEAD") as (before, now):
        sides = Side("a", TARGETS, str(before)), Side("b", TARGETS, str(now))
        conditions = Conditions(device=options.device, seed=int(time.time()))
        plan = Plan("A against A:", *sides, CELLS, conditions, Settings(), "bench.guard_proof")
        session = Session.create(options.out, plan)
        arena = Arena(sides, CELLS, conditions)
        arena.find()
        for number in range(options.blocks):
            began, done = time.monotonic(), len(arena.records)
            arena.block(NUMBERS)
            session.append(arena.records[done:])
            seconds = time.monotonic() - began
            with (options.out / "seconds.txt").open("a") as file:
                file.write(f"{seconds:.3f}\n")
            print(f"{number + 1}/{options.blocks}: {seconds:.1f} s", flush=True)


class Recorded:
    """A source that draws whole recorded blocks, and adds what is wanted."""

    def __init__(self, folder: Path) -> None:
        header = read_header(folder)
        session = Session(folder, Plan.from_json(header["plan"]))
        self.machine = header["machine"]
        self.scores = [b for b in session.blocks() if len(b) == len(CELLS)]
        seconds = [float(line) for line in (folder / "seconds.txt").read_text().split()]
        self.a_cell = 0.9 * statistics.mean(seconds) / len(CELLS)
        self.a_block = 0.1 * statistics.mean(seconds)
        self.folder = folder

    def machine_with(self, effects: Mapping[int, float], seed: int) -> Replayed:
        seconds = self.a_cell, self.a_block
        return Replayed(self.scores, effects, seconds, cells=len(CELLS), seed=seed)


# -- decisions in it -----------------------------------------------------------------------------


def replay(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "replayed": [], "rivals": [], "simulated": None,
        "command": "python -m bench.guard_proof " + " ".join(sys.argv[1:]),
    }  # fmt: skip
    for folder in options.recorded:
        recorded = Recorded(folder)
        rows = [
            _many(recorded, effect, everywhere, options.runs) for effect, everywhere in _cases()
        ]
        found["replayed"].append(
            {
                "name": folder.name,
                "blocks": len(recorded.scores),
                "spread": _spread(recorded.scores),
                "scores": [[round(block[n], 5) for n in NUMBERS] for block in recorded.scores],
                "machine": recorded.machine,
                "rows": rows,
            }
        )
        found["rivals"].append({"name": folder.name, "curves": rivals(folder)})
        print(json.dumps(rows, indent=1), flush=True)
    if options.simulated:
        found["simulated"] = simulated(options.simulated)
    found["trials"] = [row for file in options.trials for row in json.loads(file.read_text())]
    found["asv"] = json.loads(options.asv.read_text()) if options.asv else []
    (options.out / "proof.json").write_text(json.dumps(found, indent=1) + "\n")
    write_report(options.out, ("html", "md", "csv"))  # proof.json holds it all
    print((options.out / "summary.md").read_text())


def _cases() -> list[tuple[float, bool]]:
    return [(0.0, False), *((e, False) for e in EFFECTS), *((e, True) for e in EFFECTS)]


@dataclass(frozen=True)
class Outcomes:
    """One replayed run: was there an alarm, what was said of the slowed cell, in what time."""

    alarm: bool
    there: Outcome
    cells: tuple[Outcome, ...]
    holds: bool
    seconds: float


def _many(recorded: Recorded, effect: float, everywhere: bool, runs: int) -> dict[str, Any]:
    """What the gate says of ``runs`` replayed runs."""
    found = [_replayed(recorded, effect, everywhere, seed) for seed in range(runs)]
    alarms = sum(run.alarm for run in found)
    cleared = (Outcome.EQUAL, Outcome.NOT_SLOWER, Outcome.FASTER)
    seconds = [run.seconds for run in found]
    return {
        "slower by": effect,
        "everywhere": everywhere,
        "runs": runs,
        "alarms": alarms,
        "alarms at most": _at_most(alarms, runs),
        "cleared": sum(run.there in cleared for run in found),
        "runs with an undecided cell": sum(Outcome.UNDECIDED in run.cells for run in found),
        "agreement on a re-run": _agreement(found),
        "intervals that hold the truth": sum(run.holds for run in found),
        "seconds, median": round(statistics.median(seconds), 1),
        "seconds, 95 %": round(float(np.quantile(seconds, 0.95)), 1),
    }


def _agreement(found: Sequence[Outcomes]) -> float:
    """The share of cells that two runs of the same call slower, not slower, or undecided alike."""
    pairs = zip(found[::2], found[1::2], strict=False)
    alike = [
        _word(a) == _word(b)
        for one, two in pairs
        for a, b in zip(one.cells, two.cells, strict=True)
    ]
    return round(statistics.fmean(alike), 4)


def _word(outcome: Outcome) -> str:
    return str(outcome) if outcome in (Outcome.SLOWER, Outcome.UNDECIDED) else "cleared"


def _replayed(recorded: Recorded, effect: float, everywhere: bool, seed: int) -> Outcomes:
    """One run. Two that follow one another have the same effect, in other noise."""
    cell = int(np.random.default_rng(seed // 2).integers(len(CELLS)))
    where = NUMBERS if everywhere else (cell,)
    effects = {c: math.log1p(effect) for c in where} if effect else {}
    ledger = Ledger(NUMBERS, Settings())
    seconds, _ = spend(recorded.machine_with(effects, seed), ledger)
    outcomes = ledger.outcomes()
    low, high = evidence.interval(ledger.scores[cell], 0.95)
    return Outcomes(
        ledger.alarm(), outcomes[cell], tuple(outcomes[c] for c in NUMBERS),
        low <= math.log1p(effect) <= high, seconds,
    )  # fmt: skip


def simulated(runs: int) -> dict[str, Any]:
    """Identical code on machines that do not exist, each nastier than the real one in some way."""
    alarms = 0
    for seed in range(runs):
        kind = seed % 4
        machine = SimulatedMachine(
            dict.fromkeys(NUMBERS, 0.0),
            spread=(0.01, 0.02, 0.01, 0.03)[kind],
            tails=(4.0, 2.0, 30.0, 4.0)[kind],
            bursts=(0.05, 0.1, 0.0, 0.3)[kind],
            drift=(0.0, 0.5, 0.9, 0.0)[kind],
            seconds=(0.27, 0.8),
            seed=seed,
        )
        ledger = Ledger(NUMBERS, Settings())
        spend(machine, ledger)
        alarms += ledger.alarm()
    return {"runs": runs, "alarms": alarms, "alarms at most": _at_most(alarms, runs)}


def _spread(scores: Sequence[Mapping[int, float]]) -> float:
    """Of one block's score, as a normal deviation that half of them would lie within."""
    return float(1.4826 * np.median([abs(s) for block in scores for s in block.values()]))


def _at_most(seen: int, of: int) -> float:
    """Upper end of the exact one-sided 95 % interval."""
    return float(beta.ppf(0.95, seen + 1, of - seen)) if seen < of else 1.0


# -- the rule that is in use elsewhere -----------------------------------------------------------


def rivals(folder: Path, runs: int = 400, blocks: int = 8) -> list[dict[str, Any]]:
    """pytest-benchmark's rule on the same calls: alarm if any cell's statistic grew by more.

    A "run" of each side is all of its calls in ``blocks`` blocks. That favours the rule: its own
    two runs lie minutes or days apart, these are interleaved within milliseconds.
    """
    sides = _statistics(folder)
    found = []
    count = len(next(iter(sides.values()))[0])
    for name, (before, after) in sides.items():
        for threshold in (0.01, 0.02, 0.03, 0.05, 0.075, 0.10, 0.15, 0.20, 0.30, 0.50):
            random, alarms, caught = np.random.default_rng(0), 0, 0
            for _ in range(runs):
                some = random.integers(count, size=blocks)
                cell = random.integers(len(CELLS))
                merge = np.min if name == "min" else np.mean
                ratio = merge(after[some], axis=0) / merge(before[some], axis=0)
                alarms += bool((ratio > 1 + threshold).any())
                ratio[cell] *= 1.05
                caught += bool(ratio[cell] > 1 + threshold)
            found.append(
                {
                    "statistic": name,
                    "threshold": threshold,
                    "false alarms": alarms / runs,
                    "5 % in one cell caught": caught / runs,
                }
            )
    return found


def _statistics(folder: Path) -> dict[str, tuple[Any, Any]]:
    """Statistic → (baseline, candidate), each (blocks, cells)."""
    kinds = {
        "min": min,
        "median": statistics.median,
        "mean": statistics.fmean,
        "fastest quarter (ours)": undisturbed,
    }
    found: dict[str, list[dict[tuple[int, int], float]]] = {k: [{}, {}] for k in kinds}
    for line in (folder / "blocks.jsonl").read_text().splitlines():
        block = json.loads(line)
        for side in (0, 1):
            times = [t for q in block["rounds"] for s, ts in q if s == side for t in ts]
            for kind, function in kinds.items():
                found[kind][side][block["block"], block["cell"]] = function(times)
    numbers = sorted({block for block, _ in found["min"][0]})
    return {
        kind: tuple(
            np.array([[side[b, c] for c in NUMBERS] for b in numbers if (b, NUMBERS[-1]) in side])
            for side in sides
        )
        for kind, sides in found.items()
    }  # type: ignore[return-value]


# -- the whole gate ------------------------------------------------------------------------------


def trials(options: argparse.Namespace) -> None:
    """A scratch repository with an LSTM: commits that change a comment, commits that add a copy."""
    scratch = options.out / "scratch"
    scratch_repository(scratch)
    rows: list[dict[str, Any]] = []
    for number in range(options.runs):
        for branch in ("comment", "copy"):
            _git(scratch, "checkout", "-q", branch)
            asked = ["--against", "git:main", "--target", "mine.py:MyLSTM"]
            rows.append(_guarded(asked, scratch, options.out, branch, number))
            (options.out / "trials.json").write_text(json.dumps(rows, indent=1) + "\n")


def alike(options: argparse.Namespace) -> None:
    """The gate of this repository over its 24 cells, against the commit that is checked out."""
    options.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for number in range(options.runs):
        asked = ["--against", "git:HEAD"]
        rows.append(_guarded(asked, Path(), options.out, "no change, 24 cells", number))
        (options.out / "trials.json").write_text(json.dumps(rows, indent=1) + "\n")


def _guarded(
    asked: Sequence[str], where: Path, out: Path, branch: str, number: int
) -> dict[str, Any]:
    """One run of the gate, checks included."""
    folder = out.resolve() / f"{branch.split(',')[0].replace(' ', '-')}-{number}"
    command = [sys.executable, "-m", "lstm_bench", "guard", *asked, "--seed", str(number)]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--out", str(folder)], cwd=where, capture_output=True, text=True
    )
    where_it_is = ("Samples:", "Report:")
    lines = [w for w in done.stdout.splitlines() if w and not w.startswith(where_it_is)]
    said = lines[-1:] or [done.stderr[-300:]]
    seconds = round(time.monotonic() - began, 1)
    row = {"branch": branch, "code": done.returncode, "seconds": seconds, "said": said}
    print(row, flush=True)
    return row


MINE = """import torch
from torch import nn


class MyLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):  # x: (batch, steps, features)
        if state is None:
            zeros = x.new_zeros(x.shape[0], self.hidden_size)
            state = zeros, zeros
        h, c = state
        outputs = []
        for x_t in x.unbind(1):
            i, f, g, o = (self.x2h(x_t) + self.h2h(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)
"""


def scratch_repository(folder: Path) -> None:
    folder.mkdir(parents=True)
    _git(folder, "init", "-q", "-b", "main")
    for branch, text in (
        ("main", MINE),
        ("comment", MINE.replace("# x: (batch", "# x, the input: (batch")),
        ("copy", MINE.replace("outputs.append(h)", "outputs.append(h.clone())")),
    ):
        if branch != "main":
            _git(folder, "checkout", "-q", "-b", branch, "main")
        (folder / "mine.py").write_text(text)
        _git(folder, "add", "mine.py")
        identity = ("-c", "user.name=trial", "-c", "user.email=trial@example.org")
        _git(folder, *identity, "commit", "-q", "-m", branch)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    main()
