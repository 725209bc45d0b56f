"""A run: every cell checked, then timed, then written, one line a cell as soon as it is done.

The folder of a run holds ``run.json`` (what was asked for, on which machine), ``cells.jsonl``
(a line a cell with its raw samples) and, at the end, the summaries. A run that was killed goes
on where it stopped: cells that have their line are not measured again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from lstm_bench.conformance.agreement import agree
from lstm_bench.errors import UsageError
from lstm_bench.measure.clock import clock_for
from lstm_bench.measure.machine import facts, fingerprint
from lstm_bench.measure.memory import peak_bytes
from lstm_bench.measure.passes import TimedCall, make_pass
from lstm_bench.measure.sampler import interleave
from lstm_bench.measure.workloads import Workload
from lstm_bench.subject import Subject, open_subject

FORMAT = "lstm-bench run 1"


@dataclass(frozen=True)
class Plan:
    """What a run measures: every subject on every workload in every pass."""

    subjects: tuple[str, ...]
    workloads: tuple[Workload, ...]
    passes: tuple[str, ...]
    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None
    rounds: int = 10
    budget: float = 10.0
    """Seconds on the clock for one workload and pass, all subjects together."""
    seed: int = 0
    command: str = ""

    @property
    def torch_dtype(self) -> torch.dtype:
        found = getattr(torch, self.dtype)
        assert isinstance(found, torch.dtype)
        return found

    def groups(self) -> Iterator[tuple[Workload, str]]:
        """Workload and pass: the subjects of one group are timed side by side."""
        for workload in self.workloads:
            for pass_name in self.passes:
                yield workload, pass_name

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Plan:
        workloads = tuple(Workload(**w) for w in fields["workloads"])
        rest = {k: v for k, v in fields.items() if k != "workloads"}
        rest |= {k: tuple(rest[k]) for k in ("subjects", "passes")}
        return cls(workloads=workloads, **rest)


@dataclass(frozen=True)
class Progress:
    """How far a run is: told after every group of cells."""

    done: int
    total: int
    label: str


@dataclass
class Run:
    """A run folder on disk."""

    folder: Path
    plan: Plan
    done: set[tuple[str, ...]] = field(default_factory=set)

    @classmethod
    def create(cls, folder: Path, plan: Plan) -> Run:
        """A new folder. Raises UsageError where it cannot be written or holds a run already."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / "run.json").exists():
                raise UsageError(
                    f"{folder} holds a run already: go on with --resume {folder}, or choose another"
                )
            machine = facts(plan.device)
            header = {
                "format": FORMAT,
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "plan": asdict(plan),
                "machine": machine,
                "fingerprint": fingerprint(machine),
            }
            (folder / "run.json").write_text(json.dumps(header, indent=2) + "\n")
        except OSError as error:
            raise UsageError(f"cannot write to {folder}: {error.strerror}") from error
        return cls(folder, plan)

    @classmethod
    def resume(cls, folder: Path) -> Run:
        """A run that stopped. Raises UsageError where the folder holds none."""
        header = read_header(folder)
        cells = read_cells(folder)
        # A half-written last line is dropped from the file too, or what follows would join it.
        text = "".join(json.dumps(cell) + "\n" for cell in cells)
        (folder / "cells.jsonl").write_text(text)
        run = cls(folder, Plan.from_json(header["plan"]))
        run.done = {_key(cell) for cell in cells}
        return run

    def write(self, cell: Mapping[str, Any]) -> None:
        """Append a cell and see it onto the disk."""
        with (self.folder / "cells.jsonl").open("a") as file:
            file.write(json.dumps(cell) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.done.add(_key(cell))


def read_header(folder: Path) -> dict[str, Any]:
    """The run's ``run.json``. Raises UsageError where it is missing or none of ours."""
    try:
        header = json.loads((folder / "run.json").read_text())
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no run (no run.json)") from None
    except (OSError, json.JSONDecodeError) as error:
        raise UsageError(f"cannot read {folder / 'run.json'}: {error}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise UsageError(f"{folder / 'run.json'} is not of the form '{FORMAT}'")
    return header


def read_cells(folder: Path) -> list[dict[str, Any]]:
    """The finished cells; a half-written last line is passed over."""
    path = folder / "cells.jsonl"
    cells = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            cells.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return cells


def execute(run: Run, report: Callable[[Progress], None] = lambda _: None) -> None:
    """Measure what is not done yet. The main job."""
    plan = run.plan
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    clock = clock_for(plan.device)
    groups = list(plan.groups())
    agreement: dict[tuple[str, str], tuple[bool, str]] = {}
    for number, (workload, pass_name) in enumerate(groups):
        cell_keys = {s: _cell_key(plan, s, workload, pass_name) for s in plan.subjects}
        wanted = [s for s, key in cell_keys.items() if key not in run.done]
        if wanted:
            report(Progress(number, len(groups), f"{workload.name} {pass_name}"))
            # A group is timed together or not at all: ratios need neighbouring moments.
            calls: dict[str, TimedCall] = {}
            for name in plan.subjects:
                key = (name, workload.name)
                if key not in agreement:
                    agreement[key] = _checked(name, workload, plan)
                right, message = agreement[key]
                if not right:
                    if name in wanted:
                        run.write(_cell(plan, name, workload, pass_name, error=message))
                    continue
                calls[name] = _timed_call(name, workload, pass_name, plan)
            samples = interleave(
                calls, clock, rounds=plan.rounds, seed=plan.seed + number, budget=plan.budget
            )
            for name, taken in samples.items():
                if name in wanted:
                    cell = _cell(plan, name, workload, pass_name)
                    cell["samples"] = [asdict(sample) for sample in taken]
                    cell["peak_bytes"] = peak_bytes(calls[name], plan.device)
                    run.write(cell)
        report(Progress(number + 1, len(groups), f"{workload.name} {pass_name}"))


def _subject(name: str, workload: Workload) -> Subject:
    """Registered ones can go without their output layer; a stranger's is what it is."""
    return open_subject(name, head=workload.head) if ":" not in name else open_subject(name)


def _checked(name: str, workload: Workload, plan: Plan) -> tuple[bool, str]:
    found = agree(
        _subject(name, workload),
        input_size=workload.input_size,
        hidden_size=workload.hidden_size,
        batch=workload.batch,
        steps=workload.steps,
        dtype=plan.torch_dtype,
        device=plan.device,
        seed=plan.seed,
        gradients=set(plan.passes) != {"forward"},
    )
    return found.agrees, found.message


def _timed_call(name: str, workload: Workload, pass_name: str, plan: Plan) -> TimedCall:
    return make_pass(
        _subject(name, workload),
        workload,
        pass_name,
        dtype=plan.torch_dtype,
        device=plan.device,
        seed=plan.seed,
    )


def _cell(
    plan: Plan, name: str, workload: Workload, pass_name: str, *, error: str = ""
) -> dict[str, Any]:
    return {
        "subject": name,
        "workload": workload.name,
        **asdict(workload),
        "pass": pass_name,
        "device": plan.device,
        "dtype": plan.dtype,
        "flops": workload.flops(pass_name),
        "agrees": not error,
        "error": error,
        "samples": [],
        "peak_bytes": None,
    }


def _cell_key(plan: Plan, name: str, workload: Workload, pass_name: str) -> tuple[str, ...]:
    return (name, workload.name, pass_name, plan.device, plan.dtype)


def _key(cell: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(cell[part]) for part in ("subject", "workload", "pass", "device", "dtype"))
