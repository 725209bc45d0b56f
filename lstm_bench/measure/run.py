"""A run: every cell checked, then timed, then written, one line a cell as soon as it is done.

The folder of a run holds ``run.json`` (what was asked for, on which machine), ``cells.jsonl``
(a line a cell with its raw samples), what was measured once (``checks.json``, ``cold.json``,
``peaks.json``) and, at the end, the summaries. A run that was killed goes
on where it stopped: cells that have their line are not measured again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lstm_bench.conformance.isolate import judge_each
from lstm_bench.conformance.records import Verdict
from lstm_bench.lab.worker import Steps, WorkerError, alone, apart, at_once
from lstm_bench.measure.examiner import (
    Examiner,
    Exams,
    Terms,
    UnearnedError,
    WrongResultError,
    spinning,
)
from lstm_bench.measure.folders import (
    append,
    as_line,
    begin,
    header_of,
    kept_cold,
    kept_judgements,
    kept_peaks,
    lines_of,
    must_be_this_machine,
    replace_file,
)
from lstm_bench.measure.machine import settle
from lstm_bench.measure.peaks import Ceiling, peaks
from lstm_bench.measure.sampler import Sample, SubjectFailedError, interleave
from lstm_bench.measure.workloads import RECORDED, Workload
from lstm_bench.subject.parcel import Parcel

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
        judged = kept_judgements(path, "run", [(None, name) for name in self.plan.subjects])
        if judged is None:
            found = judge_each(
                self.plan.subjects,
                told=lambda name, stage: report(Progress(0, 0, f"checking {name}: {stage}")),
            )
            judged = [judgement.as_json() for judgement in found]
            replace_file(path, json.dumps(judged, indent=1) + "\n")
        return {one["target"]: one for one in judged}

    def cold_starts(
        self, openings: Openings, report: Callable[[Progress], None]
    ) -> dict[str, float | None]:
        """Seconds to build each subject and of its first call, in a process that has done neither.

        "subject workload" → seconds, or None where it fails, or does not conform. Made once a run
        as ``cold.json``.
        """
        path, plan = self.folder / "cold.json", self.plan
        wanted = {f"{name} {size.name}" for name in plan.subjects for size in plan.workloads}
        found = kept_cold(path, wanted)
        if found is None:
            found = {}
            for name in plan.subjects:
                report(Progress(0, 0, f"cold start of {name}"))
                for workload in plan.workloads:
                    found[f"{name} {workload.name}"] = openings.cold(name, workload)
            replace_file(path, json.dumps(found, indent=1) + "\n")
        return found

    def peaks(self, report: Callable[[Progress], None]) -> dict[str, float]:
        """What the machine can do at best, measured once a run, as ``peaks.json``."""
        path = self.folder / "peaks.json"
        found = kept_peaks(path)
        if found is None:
            report(Progress(0, 0, "the machine's peaks"))
            found = apart(peaks, self.plan.device, self.plan.dtype, self.plan.threads)
            replace_file(path, json.dumps(found) + "\n")
        return dict(found)

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
    openings = Openings(plan, judged)
    cold = run.cold_starts(openings, report)
    limit = {(plan.device, plan.dtype, threads_of(plan)): run.peaks(report)["gflops"]}
    exams = Exams(Ceiling(limit), not RECORDED.isdisjoint(plan.passes))
    groups = len(plan.workloads) * len(plan.passes)
    for w, workload in enumerate(plan.workloads):
        wanted = [p for p in plan.passes if not run.done >= plan.keys(workload.name, p)]
        if not wanted:
            continue
        with contextlib.ExitStack() as stack:
            contenders = [stack.enter_context(openings.contender(s)) for s in plan.subjects]
            for pass_name in wanted:
                number = w * len(plan.passes) + plan.passes.index(pass_name)
                report(Progress(number, groups, f"{workload.name} {pass_name}"))
                at_once(contender.entering(workload, pass_name, exams) for contender in contenders)
                for cell in _measured(contenders, workload, pass_name, plan, number, exams):
                    run.write(cell | {"cold_seconds": cold[f"{cell['subject']} {workload.name}"]})
    report(Progress(groups, groups, "done"))


@dataclass
class Openings:
    """What is known of how each subject is called, found once in a process of its own."""

    plan: Plan
    judged: Mapping[str, Mapping[str, Any]]
    known: dict[tuple[str, bool | None], str] = field(default_factory=dict)

    def refused(self, name: str) -> tuple[bool | None, str] | None:
        """Why a subject has no speed: whether it is wrong or unknown, and what was found."""
        verdict, diagnosis = self.judged[name]["verdict"], self.judged[name]["diagnosis"]
        if verdict == Verdict.CONFORMS:
            return None
        undecided = verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR)
        return None if undecided else False, f"{verdict}: {'; '.join(diagnosis[:1])}"

    def contender(self, name: str) -> Contender:
        return Contender(name, self)

    def examiner(self, name: str, workload: Workload) -> Steps[Examiner]:
        """A new process in which the subject is open. Raises WorkerError."""
        head = wish_for_head(name, workload)
        examiner = self._new(name, head)
        try:
            yield from examiner.opening(head)
        except BaseException:
            examiner.close()
            raise
        self.known[name, head] = examiner.known
        return examiner

    def cold(self, name: str, workload: Workload) -> float | None:
        """Seconds of building and the first call, in a process that has done nothing else."""
        if self.refused(name) is not None:
            return None
        head = wish_for_head(name, workload)
        try:
            if (name, head) not in self.known:
                alone(self.examiner(name, workload)).close()
            with self._new(name, head) as examiner:
                found = examiner.cold(workload, head)
        except (WorkerError, ValueError, TypeError):
            return None
        return found["build_seconds"] + found["first_call_seconds"]

    def _new(self, name: str, head: bool | None) -> Examiner:
        plan = self.plan
        terms = Terms(plan.device, plan.dtype, threads_of(plan))
        return Examiner(Parcel.of(name, name), terms, self.known.get((name, head), ""))


def threads_of(plan: Plan) -> int:
    """Those that were asked for, or as many as torch takes."""
    return plan.threads or torch.get_num_threads()


def wish_for_head(name: str, workload: Workload) -> bool | None:
    """Registered ones can go without their output layer; a stranger's is what it is."""
    return workload.head if ":" not in name else None


@dataclass
class Contender:
    """A subject on one workload: ready to be timed, or the reason why it is not.

    agrees: None where it could not even be checked.
    """

    name: str
    openings: Openings
    examiner: Examiner | None = None
    agrees: bool | None = None
    error: str = ""
    unearned: str = ""
    ready: bool = False
    peak_bytes: int | None = None
    known_head: bool | None = None

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.examiner is not None:
            self.known_head = self.head
            self.examiner.close()
            self.examiner = None

    def entering(self, workload: Workload, pass_name: str, exams: Exams) -> Steps[None]:
        """Set a pass up if the subject conforms, and is right on the very sizes too."""
        self.ready, self.error = False, ""
        if self.unearned:  # who was not to be trusted once is not asked again
            return
        refused = self.openings.refused(self.name)
        if refused is not None:
            self.agrees, self.error = refused
            return
        with self.blamed():
            if self.examiner is None or self.examiner.worker.reason is not None:
                self.close()
                self.examiner = yield from self.openings.examiner(self.name, workload)
                yield from self.examiner.sitting(workload, exams)
            yield from self.examiner.beginning(pass_name)
            self.ready = self.agrees = True

    def leaving(self, cores: float) -> Steps[None]:
        """End a pass. cores: that its process was seen to use while nobody asked for anything."""
        with self.blamed():
            assert self.examiner is not None
            self.peak_bytes = yield from self.examiner.remembering()
            self.examiner.leave(cores)

    @contextlib.contextmanager
    def blamed(self) -> Iterator[None]:
        """What a subject does wrong is its cell's, and no other's.

        Who is not to be trusted is not left running beside the others.
        """
        try:
            yield
        except UnearnedError as error:
            self.ready, self.unearned = False, str(error)
            self.close()
        except WrongResultError as error:
            self.ready, self.agrees, self.error = False, False, str(error)
        except (WorkerError, ValueError, TypeError, KeyError) as error:
            self.ready, self.error = False, str(error)

    @property
    def head(self) -> bool | None:
        """Whether the module has an output layer, whatever was asked for; None if unknown."""
        if self.examiner is None or not hasattr(self.examiner, "head_size"):
            return self.known_head
        return self.examiner.head_size is not None


def _measured(
    contenders: Sequence[Contender],
    workload: Workload,
    pass_name: str,
    plan: Plan,
    number: int,
    exams: Exams,
) -> Iterator[dict[str, Any]]:
    """The cells of one group, timed side by side. One that fails does not stop the others."""
    while True:
        samples = _sampled(contenders, plan, number)
        caught = _caught_in_the_end(contenders)
        if not caught:
            break
        # Who is not to be trusted may have slowed the others: they are timed again without it.
        at_once(c.entering(workload, pass_name, exams) for c in contenders if c.ready)
    for contender in contenders:
        cell = _cell(plan, contender, workload, pass_name)
        cell |= {"error": contender.error, "unearned": contender.unearned}
        if contender.ready:
            cell["samples"] = [asdict(sample) for sample in samples[contender.name]]
            cell["peak_bytes"] = contender.peak_bytes
        yield cell


def _sampled(contenders: Sequence[Contender], plan: Plan, number: int) -> dict[str, list[Sample]]:
    """Samples of all that are ready. Whoever fails is none of them any more."""
    by_name = {contender.name: contender for contender in contenders}
    while True:
        ready = {c.name: c.examiner for c in contenders if c.ready and c.examiner}
        takes = {name: examiner.take for name, examiner in ready.items()}
        try:
            return interleave(
                takes, rounds=plan.rounds, seed=plan.seed + number, budget=plan.budget,
                last_one=partial(_last_one, list(ready.values())),
            )  # fmt: skip
        except SubjectFailedError as failure:
            with by_name[failure.name].blamed():
                raise failure.error from None


def _caught_in_the_end(contenders: Sequence[Contender]) -> list[Contender]:
    """End a pass: those whose speed turns out to be unearned."""
    awake = [contender for contender in contenders if contender.ready]
    for contender in awake:
        with contender.blamed():
            assert contender.examiner is not None
            contender.examiner.finish()
    still = [contender for contender in awake if contender.ready]
    left = spinning([c.examiner for c in still if c.examiner is not None])
    at_once(contender.leaving(cores) for contender, cores in zip(still, left, strict=True))
    return [contender for contender in awake if contender.unearned]


def _last_one(examiners: Sequence[Examiner]) -> None:
    for examiner in examiners:
        examiner.last_one()


def _cell(plan: Plan, contender: Contender, workload: Workload, pass_name: str) -> dict[str, Any]:
    """A stranger's head is what it is: sizes and arithmetic are those of what really runs."""
    head = contender.head
    really = replace(workload, head=workload.head if head is None else head)
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
