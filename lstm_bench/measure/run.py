"""A run: every cell checked, then timed, then written, one line a cell as soon as it is done.

The folder of a run holds ``run.json`` (what was asked for, on which machine), ``cells.jsonl``
(a line a cell with its raw samples), what was measured once (``checks.json``, ``cold.json``,
``peaks.json``) and, at the end, the summaries. A run that was killed goes
on where it stopped: cells that have their line are not measured again.
"""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from lstm_bench.conformance.agreement import agree
from lstm_bench.conformance.isolate import judge_each
from lstm_bench.conformance.records import Verdict
from lstm_bench.forks import apart
from lstm_bench.measure.clock import Clock, clock_for
from lstm_bench.measure.folders import (
    append,
    as_line,
    begin,
    header_of,
    lines_of,
    must_be_this_machine,
    replace_file,
)
from lstm_bench.measure.machine import settle, use
from lstm_bench.measure.memory import peak_bytes
from lstm_bench.measure.passes import Setting, TimedCall, cold_start, make_pass, set_up
from lstm_bench.measure.peaks import peaks
from lstm_bench.measure.sampler import SubjectFailedError, interleave
from lstm_bench.measure.workloads import Workload
from lstm_bench.subject import Subject, open_subject
from lstm_bench.subject.load import describe, load_target

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

    def keys(self, workload_name: str, pass_name: str) -> set[tuple[str, ...]]:
        """The cells of one group: its subjects are timed side by side."""
        rest = (workload_name, pass_name, self.device, self.dtype)
        return {(name, *rest) for name in self.subjects}

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
        begin(folder / "run.json", FORMAT, asdict(plan), plan.device, plan.threads)
        return cls(folder, plan)

    @classmethod
    def resume(cls, folder: Path) -> Run:
        """A run that stopped. Raises UsageError where the folder holds none, or another machine's.

        What is kept are groups in which every subject has its cell: one that was cut short is
        timed again as a whole, for ratios need neighbouring moments.
        """
        header = read_header(folder)
        plan = Plan.from_json(header["plan"])
        settle(plan.device, plan.threads)
        wish = "its times would not stand beside new ones; begin a new run"
        must_be_this_machine(header, folder, plan.device, wish)
        cells = read_cells(folder)
        done = {_key(cell) for cell in cells}
        whole = [cell for cell in cells if done >= plan.keys(cell["workload"], cell["pass"])]
        lines = "".join(map(as_line, whole))
        replace_file(folder / "cells.jsonl", lines)
        return cls(folder, plan, {_key(cell) for cell in whole})

    def judgements(self, report: Callable[[Progress], None]) -> dict[str, dict[str, Any]]:
        """The verdict on every subject by all checks, as in ``checks.json``: made once a run.

        Each is judged in a process of its own, before anything is timed: what is not right has
        no speed.
        """
        path = self.folder / "checks.json"
        if not path.exists():
            found = judge_each(
                self.plan.subjects,
                told=lambda name, stage: report(Progress(0, 0, f"checking {name}: {stage}")),
            )
            judged = [judgement.as_json() for judgement in found]
            replace_file(path, json.dumps(judged, indent=1) + "\n")
        return {one["target"]: one for one in json.loads(path.read_text())}

    def cold_starts(
        self, judged: Mapping[str, Mapping[str, Any]], report: Callable[[Progress], None]
    ) -> dict[str, float | None]:
        """Seconds to build each subject and of its first call, in a forked process of its own.

        "subject workload" → seconds, or None where it fails, or does not conform. Made once a run,
        before this process has done any work that a fork would inherit, as ``cold.json``.
        """
        path, plan = self.folder / "cold.json", self.plan
        if not path.exists():
            found: dict[str, float | None] = {}
            for name in plan.subjects:
                report(Progress(0, 0, f"cold start of {name}"))
                right = judged[name]["verdict"] == Verdict.CONFORMS
                heads = {workload.head for workload in plan.workloads} if right else set[bool]()
                told = {head: _apart(_probed, name, head) for head in heads}
                for workload in plan.workloads:
                    known = told.get(workload.head)
                    seconds = _apart(_cold_start, name, workload, plan, known) if known else None
                    found[f"{name} {workload.name}"] = seconds
            replace_file(path, json.dumps(found, indent=1) + "\n")
        loaded: dict[str, float | None] = json.loads(path.read_text())
        return loaded

    def peaks(self, report: Callable[[Progress], None]) -> None:
        """What the machine can do at best, measured once a run, as ``peaks.json``."""
        path = self.folder / "peaks.json"
        if not path.exists():
            report(Progress(0, 0, "the machine's peaks"))
            found = peaks(self.plan.device, self.plan.torch_dtype)
            replace_file(path, json.dumps(found) + "\n")

    def write(self, cell: Mapping[str, Any]) -> None:
        """Append a cell and see it onto the disk."""
        append(self.folder / "cells.jsonl", [cell])
        self.done.add(_key(cell))


def read_header(folder: Path) -> dict[str, Any]:
    """The run's ``run.json``. Raises UsageError where it is missing or none of ours."""
    return header_of(folder / "run.json", FORMAT)


def read_cells(folder: Path) -> list[dict[str, Any]]:
    """The finished cells; a half-written last line is passed over."""
    return lines_of(folder / "cells.jsonl")


def execute(run: Run, report: Callable[[Progress], None] = lambda _: None) -> None:
    """Judge the subjects, then measure what is not done yet. The main job."""
    plan = run.plan
    judged = run.judgements(report)
    cold = run.cold_starts(judged, report)
    use(plan.device)
    run.peaks(report)
    clock = clock_for(plan.device)
    groups = len(plan.workloads) * len(plan.passes)
    with _old_objects_set_aside():
        for w, workload in enumerate(plan.workloads):
            contenders: list[Contender] | None = None
            for p, pass_name in enumerate(plan.passes):
                number = w * len(plan.passes) + p
                report(Progress(number, groups, f"{workload.name} {pass_name}"))
                if run.done >= plan.keys(workload.name, pass_name):
                    continue
                contenders = contenders or [
                    _enter(s, workload, plan, judged[s]) for s in plan.subjects
                ]
                for cell in _measured(contenders, workload, pass_name, plan, clock, number):
                    run.write(cell | {"cold_seconds": cold[f"{cell['subject']} {workload.name}"]})
    report(Progress(groups, groups, "done"))


@dataclass(frozen=True)
class Contender:
    """A subject on one workload, checked: ready to be timed, or the reason why it is not.

    agrees: None where it could not even be checked.
    """

    name: str
    setting: Setting | None
    agrees: bool | None
    error: str = ""


def _enter(name: str, workload: Workload, plan: Plan, judged: Mapping[str, Any]) -> Contender:
    """Set a subject up if it conforms, and agrees on the very sizes too."""
    verdict, dtype, device, seed = judged["verdict"], plan.torch_dtype, plan.device, plan.seed
    if verdict != Verdict.CONFORMS:
        undecided = verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR)
        because = "; ".join(judged["diagnosis"][:1])
        return Contender(name, None, None if undecided else False, f"{verdict}: {because}")
    try:
        subject = _subject(name, workload.head)
        found = agree(
            subject,
            input_size=workload.input_size,
            hidden_size=workload.hidden_size,
            batch=workload.batch,
            steps=workload.steps,
            dtype=dtype,
            device=device,
            seed=seed,
            gradients=set(plan.passes) != {"forward"},
        )
        if not found.agrees:
            return Contender(name, None, False, found.message)
        setting = set_up(subject, workload, dtype=dtype, device=device, seed=seed)
        return Contender(name, setting, True)
    except Exception as error:  # a subject may raise anything, and that is the finding
        return Contender(name, None, None, describe(error))


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """In a process apart; None where it fails there, which the cell will tell."""
    try:
        return apart(function, *arguments)
    except RuntimeError:
        return None


def _probed(name: str, head: bool) -> bytes:
    """What probing finds, as bytes; empty where they cannot be handed on."""
    return _subject(name, head).handed_on()


def _cold_start(name: str, workload: Workload, plan: Plan, told: bytes) -> float:
    """Seconds, in a process that has imported the code and done nothing else."""
    torch.set_num_threads(plan.threads or torch.get_num_threads())
    subject = Subject.taken_over(load_target(name), told)
    found = cold_start(subject, workload, dtype=plan.torch_dtype, device=plan.device)
    return sum(found.values())


def _subject(name: str, head: bool) -> Subject:
    """Registered ones can go without their output layer; a stranger's is what it is."""
    return open_subject(name, head=head) if ":" not in name else open_subject(name)


def _measured(
    contenders: Sequence[Contender],
    workload: Workload,
    pass_name: str,
    plan: Plan,
    clock: Clock,
    number: int,
) -> Iterator[dict[str, Any]]:
    """The cells of one group, timed side by side. One that fails does not stop the others."""
    calls: dict[str, TimedCall] = {}
    failed: dict[str, str] = {}
    for contender in contenders:
        if contender.setting is not None:
            try:
                calls[contender.name] = make_pass(contender.setting, pass_name)
            except Exception as error:
                failed[contender.name] = describe(error)
    samples = None
    while samples is None:
        try:
            samples = interleave(
                calls, clock, rounds=plan.rounds, seed=plan.seed + number, budget=plan.budget
            )
        except SubjectFailedError as failure:
            failed[failure.name] = describe(failure.error)
            del calls[failure.name]
    for contender in contenders:
        cell = _cell(plan, contender, workload, pass_name)
        cell["error"] = failed.get(contender.name, contender.error)
        if contender.name in calls:
            cell["samples"] = [asdict(sample) for sample in samples[contender.name]]
            cell["peak_bytes"] = peak_bytes(calls[contender.name], plan.device)
        yield cell


def _cell(plan: Plan, contender: Contender, workload: Workload, pass_name: str) -> dict[str, Any]:
    """A stranger's head is what it is: sizes and arithmetic are those of what really runs."""
    head = workload.head if contender.setting is None else contender.setting.head
    really = replace(workload, head=head)
    return {
        "subject": contender.name,
        "workload": workload.name,
        **asdict(really),
        "pass": pass_name,
        "device": plan.device,
        "dtype": plan.dtype,
        "flops": really.flops(pass_name),
        "agrees": contender.agrees,
        "error": "",
        "samples": [],
        "peak_bytes": None,
    }


def _key(cell: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(cell[part]) for part in ("subject", "workload", "pass", "device", "dtype"))


@contextlib.contextmanager
def _old_objects_set_aside() -> Iterator[None]:
    """What lives already is no garbage: collecting between groups need not look through it."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
