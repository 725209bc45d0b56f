"""What the commands make of subjects that try to take them down: the corpus of ``tests/hostile``.

    python -m bench.hostile --out reports/hostile                    # all of it: many hours
    python -m bench.hostile --commands check --number 40             # forty rows, spread over all
    python -m bench.hostile --only children: --commands check,run

Every row goes through every command that takes a subject, with tiny workloads and right LSTMs
beside it. A cell is *good* if the command ends with a documented code and no traceback, the row's
verdict is one of those that an honest harness may give, the neighbours have theirs, and no process
is left. Where nothing can be guarded, since a target is not even imported, `guard` refuses the
whole call in one line that names it. Linux only: what is left is found in /proc. Cells are kept in
rows.jsonl of the folder: begun again, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

from bench.kept import Kept, spread
from tests.hostile import COMMANDS, GOOD, ROWS, Row
from tests.hostile.running import Outcome, run_marked

OURS = "torch_nn"
SIZES = ("--no-head", "--batch", "2", "--steps", "3", "--hidden", "4", "--threads", "1",
         "--pass", "forward")  # fmt: skip
# Some that call, differentiate, copy and look at settings: the whole set takes ten times as long.
CHECKS = ("one_step", "one_step_gradients", "deepcopy", "pickle", "settings_kept", "state_dict",
          "arguments_kept")  # fmt: skip
CODES = {
    "check": (0, 1, 2, 3),
    "run": (0, 2, 4),
    "compare": (0, 2, 3, 4),
    "guard": (0, 1, 2, 3, 4),
    "choose": (0, 2, 3, 4),
}

TIMES = {"run": ("subject", "median_ms"), "choose": ("target", "milliseconds")}
"""The columns of summary.csv with the targets and their times."""


@dataclass(frozen=True)
class Cell:
    """A row in a command. status: its verdict, "refused", or "none" where the command told none.

    code: None where the command had to be killed, -N where signal N ended it. seconds: wall clock.
    """

    name: str
    where: str
    kind: str
    command: str
    status: str
    allowed: bool
    code: int | None
    seconds: float
    left: tuple[str, ...]
    neighbours: bool
    traceback: bool

    @property
    def faults(self) -> list[str]:
        """What is wrong, in a few words each; nothing for a good cell."""
        found = {
            "killed after the time limit": self.code is None,
            f"exit code {self.code}": self.code is not None
            and self.code not in CODES[self.command],
            "a traceback": self.traceback,
            f"verdict {self.status}": not self.allowed,
            "neighbours touched": not self.neighbours,
            f"{len(self.left)} left behind": bool(self.left),
        }
        return [words for words, is_so in found.items() if is_so]


def arguments(command: str, row: Row, out: Path) -> list[str]:
    """The command's arguments after ``python -m lstm_bench``."""
    if command == "check":
        only = [text for name in CHECKS for text in ("--only", name)]
        limit = str(max(8.0, row.time_limit)) if row.hangs else str(row.time_limit)
        limits = ["--time-limit", limit, "--memory-limit", "2"]
        return [command, GOOD, row.target, GOOD, "--json", str(out / "checks.json"), *limits, *only]
    rest = [*SIZES, "--out", str(out)]
    if command == "run":
        among = f"{OURS},{row.target},{GOOD}"
        return [command, "--impl", among, *rest, "--rounds", "2", "--budget", "1"]
    rest += ["--budget", "30s" if command == "choose" else "3s"]
    if command == "compare":
        return [command, GOOD, row.target, *rest]
    if command == "guard":
        return [command, "--against", "git:HEAD", "--target", row.target, "--target", GOOD, *rest]
    return [command, "--impl", f"{OURS},{row.target},{GOOD}", *rest]


def verdicts(folder: Path) -> dict[str, list[str]]:
    """Of every target in checks.json, one for each time it was judged."""
    told: dict[str, list[str]] = {}
    try:
        judgements: list[dict[str, Any]] = json.loads((folder / "checks.json").read_text())
    except (OSError, ValueError):
        return {}
    for judgement in judgements:
        told.setdefault(judgement["target"], []).append(judgement["verdict"])
    return told


def timed(folder: Path, command: str) -> set[str]:
    """The targets that summary.csv has a time for, or says that the budget held none for."""
    column, time = TIMES[command]
    try:
        with (folder / "summary.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
    except OSError:
        return set()
    return {line[column] for line in lines if line[time] or line.get("verdict") == "undecided"}


def neighbours_are_well(command: str, folder: Path, told: dict[str, list[str]]) -> bool:
    """Whether the right LSTMs beside the row conform as often as asked, and were timed."""
    times = {"check": 2, "guard": 2}.get(command, 1)
    if told.get(GOOD) != ["conforms"] * times:
        return False
    if command not in TIMES:  # the others have no time without a right pair
        return True
    return told.get(OURS) == ["conforms"] and {OURS, GOOD} <= timed(folder, command)


def try_one(row: Row, command: str, timeout: float) -> Cell:
    """One row through one command."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        if command == "check":
            out.mkdir()
        outcome = run_marked(["lstm_bench", *arguments(command, row, out)], timeout)
        return cell(row, command, outcome, out)


def cell(row: Row, command: str, outcome: Outcome, out: Path) -> Cell:
    told = verdicts(out)
    own = told.get(row.target, [])
    refused = is_refused(row, command, outcome)
    return Cell(
        row.name, row.where, row.kind, command,
        status="refused" if refused else " and ".join(sorted(set(own))) or "none",
        allowed=refused or (bool(own) and set(own) <= set(row.expect)),
        code=outcome.code,
        seconds=round(outcome.seconds, 1),
        left=outcome.left,
        neighbours=refused or neighbours_are_well(command, out, told),
        traceback=b"Traceback" in outcome.stderr,
    )  # fmt: skip


def is_refused(row: Row, command: str, outcome: Outcome) -> bool:
    """Whether `guard` could import it on neither side, and said so."""
    lines = outcome.stderr.decode(errors="replace").strip().splitlines()
    return (
        command == "guard"
        and row.where == "import"
        and "error" in row.expect
        and outcome.code == 2
        and bool(lines)
        and lines[-1].startswith("lstm-bench: error: ")
        and row.target in lines[-1]
    )


def cells(
    rows: list[Row], commands: list[str], timeout: float, kept: Kept, jobs: int
) -> Iterator[Cell]:
    """One after the other; those that are not known yet are tried first, ``jobs`` at a time."""
    asked = {
        f"{row.name} {command}": (row, command)
        for row in rows
        for command in commands
        if command in row.commands
    }
    left = [key for key in asked if key not in kept.rows]

    def tried(key: str) -> Cell:
        return try_one(*asked[key], timeout)

    with ThreadPool(jobs) as pool:  # threads do: each only waits for a command
        for key, found in zip(left, pool.imap(tried, left), strict=True):
            kept.add(key, asdict(found))
            words = ", ".join(found.faults) or "good"
            print(f"{key}: {found.status}, {found.seconds} s: {words}", flush=True)
    for key in asked:
        yield Cell(**{**kept.rows[key], "left": tuple(kept.rows[key]["left"])})


def main() -> None:
    options = parse()
    rows = [row for row in ROWS if options.only in row.name]
    rows = spread(rows, options.number)
    kept = Kept(options.out / "rows.jsonl", ("lstm_bench", "impls", "tests/hostile"))
    done = list(cells(rows, options.commands, options.timeout, kept, options.jobs))
    write(done, options.commands, options.out)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--commands", type=names(COMMANDS), default=list(COMMANDS))
    parser.add_argument("--number", type=int, help="how many rows; default: all")
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    parser.add_argument("--jobs", type=int, default=1, help="commands at a time; default: 1")
    parser.add_argument("--timeout", type=float, default=200, help="seconds for each command")
    parser.add_argument("--out", type=Path, default=Path("reports/hostile"))
    return parser.parse_args()


def names(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    def parsed(text: str) -> list[str]:
        unknown = set(text.split(",")) - set(known)
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not a command")
        return text.split(",")

    return parsed


def write(done: list[Cell], commands: list[str], out: Path) -> None:
    """results.json, and summary.md: a row a subject, a column a command."""
    results = [{**asdict(one), "faults": one.faults} for one in done]
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "summary.md").write_text("\n".join([*head(done, commands), *table(done, commands), ""]))


def head(done: list[Cell], commands: list[str]) -> list[str]:
    number = len({one.name for one in done})
    lines = [
        "# Hostile subjects through every command",
        "",
        f"Made by `python -m bench.hostile --number {number}`.",
        "",
    ]
    for command in commands:
        here = [one for one in done if one.command == command]
        counts = {
            "good": sum(not one.faults for one in here),
            "not ended by itself with a documented code": sum(
                one.code not in CODES[command] for one in here
            ),
            "with neighbours touched": sum(not one.neighbours for one in here),
            "without an acceptable verdict": sum(not one.allowed for one in here),
            "with processes left behind": sum(bool(one.left) for one in here),
        }
        told = ", ".join(f"{number} {words}" for words, number in counts.items())
        lines.append(f"- `{command}`, {len(here)} subjects: {told}")
    return [*lines, ""]


def table(done: list[Cell], commands: list[str]) -> list[str]:
    by_row: dict[str, dict[str, Cell]] = {}
    for one in done:
        by_row.setdefault(one.name, {})[one.command] = one
    lines = ["| subject | place | kind | " + " | ".join(commands) + " |"]
    lines.append("|" + "---|" * (3 + len(commands)))
    for name, columns in by_row.items():
        first = next(iter(columns.values()))
        told = (show(columns[c]) if c in columns else "" for c in commands)
        lines.append(f"| {name} | {first.where} | {first.kind} | " + " | ".join(told) + " |")
    return lines


def show(one: Cell) -> str:
    """``error, code 2, 4.1 s``, and in bold what is wrong."""
    code = "killed" if one.code is None else f"code {one.code}"
    faults = f" **{', '.join(one.faults)}**" if one.faults else ""
    return f"{one.status}, {code}, {one.seconds} s{faults}"


if __name__ == "__main__":
    main()
