"""Does any command line, or any damaged folder, end in a traceback or hang?

    python -m bench.fuzz all --number 500 --out reports/fuzz
    python -m bench.fuzz folders --number 500 --seed 7

Hypothesis draws the cases from the seed, the same ones each time. Each runs in a fork of one
process that has imported everything, in a folder of its own. Nothing is measured: what would
judge, time or learn is replaced (see ``stubs``), so that only reading, options and writing are
at work, and the reading is whole.

A case must end in time, without a traceback, with an exit code that its command documents, with
at most one line of error, and print no control character.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bench import fuzz_commands, fuzz_folders
from lstm_bench.cli import COMMANDS
from lstm_bench.plain import plain

CODES = {
    "": {0, 2},
    "check": {0, 1, 2, 3},
    "run": {0, 2, 4},
    "compare": {0, 2, 3, 4},
    "guard": {0, 1, 2, 3, 4},
    "choose": {0, 2, 3, 4},
    "report": {0, 2},
    "calibrate": {0, 2, 3},
    "train": {0, 1, 2, 130},  # 130: the stub makes no update, as after Ctrl-C
    "list": {0, 2},
}
"""The exit codes that each command's help promises."""

LIMIT = 60.0
"""Seconds after which a case hangs; a usual one takes a fiftieth of one."""


@dataclass(frozen=True)
class Case:
    """What is run. damage: for a folder, what has befallen it."""

    number: int
    arguments: tuple[str, ...]
    damage: str = ""


@dataclass(frozen=True)
class Ending:
    """How it ended. problems: what should not have been; empty where all is well."""

    case: Case
    code: int | None
    problems: tuple[str, ...]
    output: str = ""
    reproduce: str = ""


# -- a case in a process of its own --------------------------------------------------------------


def run_case(case: Case, folder: Path) -> tuple[int | None, str, str]:
    """(exit code, standard output, error) of a fork that runs it in the folder; None: it hangs."""
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            _child(case, folder, out.fileno(), err.fileno())
        code = _ended(pid)
        out.seek(0)
        err.seek(0)
        return code, *(f.read().decode("utf-8", "backslashreplace") for f in (out, err))


def _child(case: Case, folder: Path, out: int, err: int) -> None:
    """Never returns."""
    code = 99
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        os.chdir(folder)
        os.environ |= {"LSTM_BENCH_TRACEBACK": "1", "XDG_STATE_HOME": str(folder / "state")}
        sys.argv = ["lstm-bench", *case.arguments]
        from lstm_bench.cli import main

        main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        sys.stderr.write(traceback.format_exc())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _ended(pid: int) -> int | None:
    began = time.monotonic()
    while time.monotonic() - began < LIMIT:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def problems_of(case: Case, code: int | None, out: str, err: str) -> Iterator[str]:
    """What should not have been."""
    command = next(iter(case.arguments), "")
    errors = [line for line in err.splitlines() if line.startswith("lstm-bench: error:")]
    if code is None:
        yield f"still running after {LIMIT:g} s"
    elif code not in CODES.get(command, CODES[""]):
        yield f"exit code {code}"
    if "Traceback (most recent call last)" in err + out:
        yield "traceback"
    if "Warning: " in err or "Exception ignored" in err:
        yield "a warning of Python's"
    if len(errors) > 1 or (code == 2 and not errors and command != "check"):
        yield f"{len(errors)} lines of error"
    if plain(out + err) != out + err:
        yield "a control character"


# -- what is not done ----------------------------------------------------------------------------


@contextlib.contextmanager
def stubs() -> Iterator[None]:
    """Everything is imported, and whatever would judge, time or learn is replaced.

    ``judge_each`` finds that all conform, which nobody confirms; a run has no contenders, so no
    cells; an arena's clock runs so fast that no block is taken; costs are none; ``calibrate`` gives
    a made-up profile; learners make no update; no browser is opened.
    """
    import matplotlib.pyplot  # noqa: F401 - before the forks, which then need not

    commands = [
        importlib.import_module(module.partition(":")[0]) for module, _ in COMMANDS.values()
    ]
    from lstm_bench.compare import calibration, choice, session
    from lstm_bench.conformance import checks, isolate  # noqa: F401
    from lstm_bench.lab import worker
    from lstm_bench.measure import confirm, machine
    from lstm_bench.measure import run as measuring
    from lstm_bench.report import several, write  # noqa: F401
    from lstm_bench.training import session as learning

    replaced: tuple[tuple[Any, str, Any], ...] = (
        (isolate, "judge_each", _judge_each),
        (confirm, "confirmed", lambda judgement, *_: judgement),
        (session, "judge_each", _judge_each),
        (measuring, "judge_each", _judge_each),
        (measuring.Openings, "cold", lambda *_: None),
        (measuring.Contender, "entering", lambda *_: iter(())),
        (measuring, "apart", lambda *_: {"gflops": 1.0, "gbytes": 1.0}),
        (measuring, "_measured", lambda *_: ()),
        (session, "Arena", _Arena),
        (choice, "Arena", _Arena),
        (choice, "_take_costs", lambda *_: None),
        (calibration, "calibrate", _calibrate),
        (learning, "Learner", _Learner),
        (learning, "Pupil", _Learner),
        (worker, "apart", _here),
        (machine, "apart", _here),
        (learning.loop, "train", lambda *_, **__: True),
        *((module, "ahead", lambda *_: None) for module in commands if hasattr(module, "ahead")),
    )
    with contextlib.ExitStack() as stack:
        for where, name, instead in replaced:
            stack.enter_context(mock.patch.object(where, name, instead))
        stack.enter_context(mock.patch("webbrowser.open", return_value=True))
        yield


def _judge_each(targets: Sequence[str], *_: Any, **__: Any) -> Iterator[Any]:
    from lstm_bench.conformance.records import Judgement, Verdict

    return (Judgement(target, Verdict.CONFORMS) for target in targets)


class _Arena:
    """No block is taken: each look at the clock finds that days have gone by."""

    def __init__(self, *_: Any, **__: Any) -> None:
        import random

        self.random, self.records, self.seconds = random.Random(0), [], 0.0

    def now(self) -> float:
        self.seconds += 1e6
        return self.seconds

    def find(self) -> None: ...

    def probe(self, number: int) -> dict[Any, bool]:
        return {}


def _here(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


class _Learner:
    """Has made no update."""

    failed = ""

    def __init__(self, name: str, *_: Any, **__: Any) -> None:
        self.name, self.curve = name, ()

    def close(self) -> None: ...


def _calibrate(device: str, budget: float, seed: int, told: Any) -> Any:
    from lstm_bench.compare.calibration import Profile, Way

    way = Way(1, "cpu", True, 0.002, 9, spread=0.01, tail=0.02, block_seconds=0.5, tells=0.05)
    return Profile((way,), {}, "abc", "2030-01-01T00:00:00+00:00")


# -- all cases -----------------------------------------------------------------------------------


def drawn(strategy: st.SearchStrategy[Any], number: int, chance: int) -> list[Any]:
    """So many of a strategy's values, the same ones for the same seed."""
    found: list[Any] = []

    @seed(chance)
    @settings(
        max_examples=number, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found[:number]


Prepare = Callable[[Path, Path], None]
"""Puts what a case finds into its folder; given the folder of healthy ones, and its own."""


def command_cases(number: int, chance: int) -> Iterator[tuple[Case, Prepare]]:
    """Command lines. Each runs beside a healthy run ``there`` and judgements ``there.json``."""

    def prepare(healthy: Path, folder: Path) -> None:
        shutil.copytree(healthy / "run", folder / "there")
        shutil.copy(healthy / "check" / "summary.json", folder / "there.json")

    for k, words in enumerate(drawn(fuzz_commands.command_lines(), number, chance)):
        yield Case(k, words), prepare


def folder_cases(number: int, chance: int) -> Iterator[tuple[Case, Prepare]]:
    """Damaged folders, each of which is ``X`` in its case's folder."""
    for k, plan in enumerate(drawn(fuzz_folders.plans(), number, chance)):
        damage = f"{plan.kind}: " + ", ".join(f"{d.how.strip()} ({d.file})" for d in plan.damages)
        yield Case(k, plan.command, damage), partial(_damaged, plan)


def _damaged(plan: fuzz_folders.Plan, healthy: Path, folder: Path) -> None:
    fuzz_folders.make(plan, healthy, folder / "X")


CASES = {"commands": command_cases, "folders": folder_cases}


def fuzz(what: str, number: int, chance: int, only: int | None = None) -> list[Ending]:
    """Run the cases, or one of them, and say how each ended."""
    endings = []
    with tempfile.TemporaryDirectory() as scratch, stubs():
        healthy = Path(scratch) / "healthy"
        fuzz_folders.healthy(healthy)
        for case, prepare in CASES[what](number, chance):
            if only in (None, case.number):
                folder = Path(scratch) / f"c{case.number}"
                folder.mkdir()
                prepare(healthy, folder)
                again = f"python -m bench.fuzz {what} --number {number} --seed {chance}"
                endings.append(_ending(case, folder, f"{again} --only {case.number}"))
                if endings[-1].problems:
                    print(plain(f"{endings[-1]}"), file=sys.stderr, flush=True)
                shutil.rmtree(folder, ignore_errors=True)
    return endings


def _ending(case: Case, folder: Path, again: str) -> Ending:
    code, out, err = run_case(case, folder)
    problems = tuple(problems_of(case, code, out, err))
    return Ending(case, code, problems, (out + err)[-4000:], again)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=(*CASES, "all"))
    parser.add_argument("--number", type=int, default=500, help="cases of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="one case, with all that it prints")
    parser.add_argument("--out", type=Path, default=Path("reports/fuzz"))
    options = parser.parse_args()
    kinds = tuple(CASES) if options.what == "all" else (options.what,)
    found = {what: fuzz(what, options.number, options.seed, options.only) for what in kinds}
    failed = [ending for endings in found.values() for ending in endings if ending.problems]
    if options.only is not None:
        for endings in found.values():
            print(*(f"{e.case}\n{e.output}\nexit code {e.code}" for e in endings))
        sys.exit(bool(failed))
    options.out.mkdir(parents=True, exist_ok=True)
    for what, endings in found.items():
        rows = [asdict(e) | {"output": e.output if e.problems else ""} for e in endings]
        (options.out / f"{what}.json").write_text(json.dumps(rows, indent=1) + "\n")
    text = summary(found, options.seed)
    (options.out / "summary.md").write_text(text)
    print(text)
    sys.exit(bool(failed))


def summary(found: dict[str, list[Ending]], chance: int) -> str:
    """Counts by command and exit code; every failure with the command that shows it again."""
    lines = ["# Fuzzing", "", f"Seed {chance}; nothing is measured, all is read and written.", ""]
    for what, endings in found.items():
        failed = [ending for ending in endings if ending.problems]
        lines += [f"## {what}: {len(endings)} cases, {len(failed)} failed", ""]
        counts = Counter((_command(e.case), e.code) for e in endings)
        codes = sorted({code for _, code in counts}, key=str)
        lines += ["| command | " + " | ".join(f"exit {c}" for c in codes) + " |"]
        lines += ["|---|" + "---:|" * len(codes)]
        for command in sorted({name for name, _ in counts}):
            row = " | ".join(str(counts[command, code]) for code in codes)
            lines.append(f"| {command or '(none)'} | {row} |")
        lines.append("")
        for ending in failed:
            last = " ".join(ending.output.strip().splitlines()[-1:])[:160]
            words = ending.case.damage or shlex.join(ending.case.arguments)
            lines.append(f"- {'; '.join(ending.problems)}: {words[:200]}")
            lines.append(f"  `{ending.reproduce}`: {last}")
        lines += [""] if failed else []
    return "\n".join(lines).encode("utf-8", "backslashreplace").decode()


def _command(case: Case) -> str:
    first = next(iter(case.arguments), "")
    return first if first in CODES else ""


if __name__ == "__main__":
    main()
