"""Strangers' code is strangers' code: every target is judged in a process of its own.

A target's process tells what it is doing, so that when it hangs, crashes, exits or eats memory,
we know where, keep the results so far, and go on with the next target.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lstm_bench.conformance.records import CheckResult, Judgement, Options, Status, Verdict
from lstm_bench.lab.wire import Line
from lstm_bench.lab.worker import MANY, Ended, Worker, WorkerError, ahead, wait
from lstm_bench.subject.parcel import Parcel

if TYPE_CHECKING:
    from lstm_bench.subject import Subject

MOMENT = 0.2
"""Seconds of waiting for news between two looks at the clock."""

Told = Callable[[str, str], None]
"""Hears a target and the stage that it has reached."""

ENTRY = "lstm_bench.conformance.isolate:work"


@dataclass(frozen=True)
class Limits:
    """seconds of wall time, and GiB of memory with all children, for one target."""

    seconds: float = 120.0
    memory_gib: float = 4.0


@dataclass
class _Trial:
    """One target's process, and what we have heard of it."""

    parcel: Parcel
    worker: Worker
    limits: Limits
    told: Told
    started: float = field(default_factory=time.monotonic)
    stage: str = "starting"
    results: list[CheckResult] = field(default_factory=list)

    def begin(self) -> None:
        with contextlib.suppress(Ended):  # told where its judgement is asked for
            self.worker.begin("judge", heard=self._hear)

    def _hear(self, note: Any) -> None:
        """A stage, or a check's result; anything else is passed over."""
        if isinstance(note, str):
            self.stage = note
            self.told(self.parcel.name, note)
        elif isinstance(note, dict):
            self.results.append(CheckResult.from_json(note))

    def over(self) -> bool:
        """Whether it is done, has failed, or has gone beyond its time."""
        if not self.worker.answered() and time.monotonic() > self.started + self.limits.seconds:
            with contextlib.suppress(Ended):
                self.worker.end(f"exceeded the time limit of {self.limits.seconds:g} s")
        return self.worker.answered()

    def judgement(self) -> Judgement:
        """Its judgement, or the reason why there is none. Ends the process."""
        try:
            found = Judgement.from_json(self.worker.answer())
        except (WorkerError, ValueError, TypeError, KeyError) as error:
            said = str(error) if isinstance(error, WorkerError) else "answered no judgement"
            verb = "" if said.startswith(_VERBS) else "raised "
            sentence = f"it {verb}{said} during {self.stage}"
            found = Judgement(self.parcel.name, Verdict.ERROR, (sentence,), {}, tuple(self.results))
        self.worker.close()
        printed = self.worker.printed.strip()
        interface = {**found.interface, "printed": printed} if printed else found.interface
        return replace(
            found, target=self.parcel.name, interface=interface,
            seconds=time.monotonic() - self.started,
        )  # fmt: skip


_VERBS = ("called ", "ended ", "crashed ", "exceeded ", "did ", "closed ", "killed ", "wrote ",
          "was ", "answered ")  # fmt: skip


def judge_isolated(
    target: Any,
    options: Options = Options(),
    limits: Limits = Limits(),
    told: Callable[[str], None] = lambda _: None,
) -> Judgement:
    """Judge a target in a process of its own; whatever it does, a judgement comes back."""
    return next(judge_each([target], options, limits, lambda _, stage: told(stage)))


def judge_each(
    targets: Sequence[Any],
    options: Options = Options(),
    limits: Limits = Limits(),
    told: Told = lambda *_: None,
    jobs: int | None = None,
) -> Iterator[Judgement]:
    """Judgements in the order of their targets, each as soon as it and those before it are done.

    targets: names, parcels, or classes and factories. jobs: how many processes at once; default:
    one a core. told(target, stage) hears what goes on.
    """
    parcels = [parcel_of(target, options.kwargs) for target in targets]
    if len(parcels) > 1:  # takes as long as a third of all checks
        ahead(*MANY)
    waiting = list(enumerate(parcels))[::-1]
    running: dict[int, _Trial] = {}
    done: dict[int, Judgement] = {}
    jobs = jobs or len(os.sched_getaffinity(0))
    try:
        for number in range(len(parcels)):
            while number not in done:
                while waiting and len(running) < jobs:
                    k, parcel = waiting.pop()
                    running[k] = _start(parcel, options, limits, told)
                wait([trial.worker for trial in running.values()], MOMENT)
                for k in [k for k, trial in running.items() if trial.over()]:
                    done[k] = running.pop(k).judgement()
            yield done.pop(number)
    finally:
        for trial in running.values():
            trial.worker.close()


def parcel_of(target: Any, kwargs: Mapping[str, Any]) -> Parcel:
    """A name, a parcel, or a class or factory, with arguments for it, as it travels."""
    if isinstance(target, Parcel):
        return target
    return Parcel.of(target, name_of(target), kwargs)


def name_of(target: Any) -> str:
    """What people call a target: its name as given, or its qualified name."""
    if isinstance(target, str):
        return target
    return str(getattr(target, "__qualname__", None) or getattr(target, "__name__", repr(target)))


def _start(
    parcel: Parcel, options: Options, limits: Limits, told: Told, *, begin: bool = True
) -> _Trial:
    asked = asdict(replace(options, kwargs={}))  # these travel with the parcel
    arguments = {"parcel": asdict(parcel), "asked": asked}
    worker = Worker(ENTRY, arguments, environment=options.environment, memory_gib=limits.memory_gib)
    trial = _Trial(parcel, worker, limits, told)
    if begin:
        trial.begin()
    return trial


# -- in the target's process ---------------------------------------------------------------------


def work(line: Line, parcel: dict[str, str], asked: dict[str, Any]) -> None:
    """Judge one target, or run one check on it, when asked to, telling how far it is."""
    import torch

    from lstm_bench.lab.server import serve

    torch.set_num_threads(1)
    bench = _Bench(line, Parcel(**parcel), asked)
    serve(line, {"judge": bench.judge, "open": bench.open, "check": bench.check})


class _Bench:
    """The target's process, where the target is."""

    def __init__(self, line: Line, parcel: Parcel, asked: dict[str, Any]) -> None:
        from lstm_bench.subject.settings import settings

        self.line, self.parcel, self.asked = line, parcel, asked
        self.before = settings()
        self.subject: Subject | None = None

    def options(self) -> Options:
        lists = {name: tuple(self.asked[name]) for name in ("only", "skip")}
        return Options(**{**self.asked, **lists, "kwargs": self.parcel.open_kwargs()})

    def told(self, stage: str, result: CheckResult | None) -> None:
        self.line.send({"note": stage if result is None else result.as_json()})

    def judge(self) -> dict[str, Any]:
        from lstm_bench.conformance.judge import judge_parcel
        from lstm_bench.subject.settings import changed

        found = judge_parcel(self.parcel, self.options(), self.told)
        altered = changed(self.before)
        if altered:
            sentence = f"it changes a global setting of the process: {altered[0]}"
            found = replace(found, verdict=Verdict.ERROR, diagnosis=(sentence, *found.diagnosis))
        return found.as_json()

    def open(self) -> None:
        from lstm_bench.subject.subject import subject_from

        self.subject = subject_from(
            self.parcel.open(self.asked["root"]), self.parcel.name, **self.parcel.open_kwargs()
        )

    def check(self, name: str) -> dict[str, Any]:
        from lstm_bench.conformance.registry import CHECKS, run_check

        assert self.subject is not None
        return run_check(CHECKS[name], self.subject).as_json()


class CheckWorker:
    """One target in a process of its own, for checks one at a time: a test suite's way."""

    def __init__(self, target: Any, kwargs: Mapping[str, Any], limits: Limits = Limits()) -> None:
        parcel = parcel_of(target, kwargs)
        self._trial = _start(parcel, Options(), limits, lambda *_: None, begin=False)
        self._opened = False

    def check(self, name: str) -> CheckResult:
        """The result of one check. Raises WorkerError where the target cannot be opened."""
        worker, patience = self._trial.worker, self._trial.limits.seconds
        if not self._opened:
            worker.ask("open", patience=patience)
            self._opened = True
        try:
            return CheckResult.from_json(worker.ask("check", patience=patience, name=name))
        except WorkerError as error:
            return CheckResult(name, "", Status.ERROR, str(error))

    def close(self) -> None:
        self._trial.worker.close()
