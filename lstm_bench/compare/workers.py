"""Fresh processes, taken in turns: where real blocks come from.

A block is a new worker for each side, forked from a parent that has imported torch and never
run a line of any. Chance says which is made first; all are pinned to the same core, for two
cores are never equally fast, and none runs while another does. Cells come in random order.
In each cell the sides take turns in rounds, there and back (ABBA or BAAB by a coin; of three
sides ABCCBA in any of the six orders), of batches of two milliseconds: a shared core is now fast,
now slow, for some fifty milliseconds at a time, and the batches of a round mostly meet the same of
the two. The block's score for two sides is the median over the rounds of log(candidate / baseline),
where a batch counts by its undisturbed calls, the fastest quarter.
"""

from __future__ import annotations

import contextlib
import gc
import math
import multiprocessing
import os
import random
import resource
import signal
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import torch

from lstm_bench.compare.arms import Side
from lstm_bench.compare.decide import CellFailedError
from lstm_bench.forks import die_with_parent
from lstm_bench.measure import sampler
from lstm_bench.measure.clock import Clock, CpuClock, clock_for
from lstm_bench.measure.machine import device_state, settle, use
from lstm_bench.measure.memory import peak_bytes
from lstm_bench.measure.passes import (
    Setting,
    TimedCall,
    cold_start,
    make_pass,
    set_up,
    with_cold_cache,
)
from lstm_bench.measure.workloads import Workload
from lstm_bench.subject import Subject
from lstm_bench.subject.load import describe

PATIENCE = 120.0
"""Seconds after which a worker that does not answer counts as hanging."""

BASELINE, CANDIDATE = 0, 1

LEAST_ROUNDS = 3
"""Of a cell in a block, however long its calls take."""


@dataclass(frozen=True)
class Cell:
    """One thing to be compared: a subject (its place in each side's targets), sizes, a pass."""

    subject: int
    workload: Workload
    pass_name: str


@dataclass(frozen=True)
class Conditions:
    """How samples are taken. batch_seconds: of one batch; rounds: of a cell in a block.

    cell_seconds: what a cell's rounds may take on the clock before fewer must do, though never
    fewer than three; calls of 50 ms need it. block_seconds: what a block may grow to by more
    rounds when few cells are left. cold_cache: overwrite the device's cache before every call.
    """

    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 1
    clock: str = "cpu"
    """cpu: the processor's time, which a neighbour cannot take; wall: what passes."""
    pin: bool = True
    batch_seconds: float = 0.002
    rounds: int = 10
    most_rounds: int = 30
    cell_seconds: float = 1.0
    block_seconds: float = 1.5
    cold_cache: bool = False
    seed: int = 0


class WorkerError(Exception):
    """A worker could not do what it was asked."""


class Worker:
    """A forked process that serves one side's cells, one request at a time."""

    def __init__(self, side: Side, cells: Sequence[Cell], conditions: Conditions, **more: Any):
        ours, theirs = multiprocessing.Pipe()
        self.pipe: Connection = ours
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _serve(theirs, side, cells, conditions, **more)
        theirs.close()

    def ask(self, *request: Any) -> Any:
        """The answer to a request. Raises WorkerError with the reason where there is none."""
        try:
            self.pipe.send(request)
            if not self.pipe.poll(PATIENCE):
                raise WorkerError(f"did not answer within {PATIENCE:g} s")
            kind, answer = self.pipe.recv()
        except (EOFError, ConnectionError):
            raise WorkerError("the process ended unexpectedly") from None
        if kind == "error":
            raise WorkerError(answer)
        return answer

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.pipe.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# -- in the worker -------------------------------------------------------------------------------


def _serve(
    pipe: Connection,
    side: Side,
    cells: Sequence[Cell],
    conditions: Conditions,
    known: Mapping[tuple[int, bool], bytes] | None = None,
    core: int | None = None,
    salt: int = 0,
) -> None:
    """Answer requests until the parent has gone; never returns."""
    try:
        die_with_parent()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
        _quiet_output()
        if core is not None:
            os.sched_setaffinity(0, {core})
        settle(conditions.device, conditions.threads)
        use(conditions.device)
        gc.disable()
        bench = _Bench(side, cells, conditions, dict(known or {}), salt)
        requests: dict[str, Callable[..., Any]] = {
            "load": bench.load,
            "features": bench.features,
            "probe": bench.probe,
            "cold": bench.cold,
            "prepare": bench.prepare,
            "memory": bench.memory,
            "sample": bench.sample,
        }
        while True:
            name, *arguments = pipe.recv()
            try:
                pipe.send(("ok", requests[name](*arguments)))
            except Exception as error:  # a subject may raise anything
                pipe.send(("error", describe(error)))
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)


def _quiet_output() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


class _Bench:
    """What a worker has set up: subjects by what is known of them, timed calls as asked for."""

    def __init__(
        self,
        side: Side,
        cells: Sequence[Cell],
        conditions: Conditions,
        known: dict[tuple[int, bool], bytes],
        salt: int,
    ) -> None:
        self.side, self.cells, self.conditions = side, cells, conditions
        self.known = known
        by_cpu = conditions.clock == "cpu" and torch.device(conditions.device).type == "cpu"
        self.clock: Clock = CpuClock() if by_cpu else clock_for(conditions.device)
        self.calls: dict[int, TimedCall] = {}
        self.settings: dict[tuple[int, Workload], Setting] = {}
        # Where tensors come to lie differs from process to process on purpose: what one layout
        # of memory favours must not favour the same side in every block.
        shift = random.Random(salt)
        self.ballast = [torch.empty(shift.randrange(1, 1 << 16)) for _ in range(8)]

    def load(self, subject: int) -> None:
        """Import a target. Raises CannotLoad where it is not there."""
        self.side.load(subject)

    def probe(self, subject: int, head: bool) -> bytes:
        """What probing finds, as bytes for other workers; empty where it cannot be handed on."""
        return self.side.open(subject, head=head).handed_on()

    def features(self, subject: int, head: bool) -> bool:
        """Whether an output layer stands on top."""
        return self._subject(subject, head).parameter_map.head.weight is not None

    def _subject(self, number: int, head: bool) -> Subject:
        told = self.known.get((number, head), b"")
        if not told:
            return self.side.open(number, head=head)
        return Subject.taken_over(self.side.load(number), told)

    def cold(self, number: int) -> dict[str, float]:
        """What passes before the first result: seconds to import, to build, of the first call.

        By the wall clock, torch being there already; asked of a worker that has done nothing yet.
        """
        cell, c = self.cells[number], self.conditions
        load, subject = clock_for(c.device).time(
            lambda: self._subject(cell.subject, cell.workload.head)
        )
        dtype = getattr(torch, c.dtype)
        found = cold_start(subject, cell.workload, dtype=dtype, device=c.device)
        return {"load_seconds": load, **found}

    def memory(self, number: int) -> int | None:
        """Bytes at the peak of one call of a cell that was prepared."""
        return peak_bytes(self.calls[number], self.conditions.device)

    def prepare(self, number: int) -> int:
        """Set a cell up, warm it, and say how many calls make a batch."""
        cell, c = self.cells[number], self.conditions
        key = (cell.subject, cell.workload)
        if key not in self.settings:
            subject = self._subject(cell.subject, cell.workload.head)
            dtype = getattr(torch, c.dtype)
            self.settings[key] = set_up(
                subject, cell.workload, dtype=dtype, device=c.device, seed=c.seed
            )
        call = make_pass(self.settings[key], cell.pass_name)
        if c.cold_cache:
            call = with_cold_cache(call, c.device)
        self.calls[number] = call
        inner = sampler.calibrate(call, self.clock)
        sampler.warm_up(call, self.clock, inner, most=2)
        return max(1, round(inner * c.batch_seconds / sampler.BATCH_SECONDS))

    def sample(self, number: int, inner: int) -> list[float]:
        """Seconds of each call of a batch. The first may find cold caches; on either side."""
        call = self.calls[number]
        return sampler.take_times(call, self.clock, inner)


def loads(side: Side, number: int) -> str | None:
    """Why a target of a side cannot be loaded, or None where it can."""
    with Worker(side, (), Conditions()) as worker:
        try:
            worker.ask("load", number)
        except WorkerError as error:
            return str(error)
    return None


# -- in the parent -------------------------------------------------------------------------------


Batch = tuple[int, tuple[float, ...]]
Round = tuple[Batch, ...]


@dataclass(frozen=True)
class BlockRecord:
    """One cell of one block, as it goes to disk: seconds a call, in the order they were taken."""

    block: int
    cell: int
    score: float | None
    """log(candidate / baseline); None for more than two sides, where each pair has one."""
    inner: int
    first: int
    """Which side's worker was made first: 0 baseline, 1 candidate."""
    rounds: tuple[Round, ...]
    """Of each round there and back, its batches: (side, seconds of each call)."""
    device: Mapping[str, str] | None = None
    """A CUDA device's clocks and throttling after the cell."""


@dataclass
class Arena:
    """A source of real blocks. For two sides one of :func:`lstm_bench.compare.decide.decide`."""

    sides: Sequence[Side]
    cells: Sequence[Cell]
    conditions: Conditions
    known: dict[int, dict[tuple[int, bool], bytes]] = field(default_factory=dict)
    inner: dict[tuple[int, int], int] = field(default_factory=dict)
    records: list[BlockRecord] = field(default_factory=list)
    blocks: int = 0
    slow: Mapping[int, float] = field(default_factory=dict)
    """For the proof of the gate: cells whose candidate is slowed down, by which factor."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.conditions.seed)

    def now(self) -> float:
        return time.monotonic()

    def find(self) -> None:
        """Probe all sides once. Raises WorkerError, with the side's name, where one cannot be."""
        work = [self.probe(number) for number in range(len(self.sides))]
        for key in work[0]:
            heads = [found[key] for found in work]
            if len(set(heads)) > 1:
                names = [side.targets[key[0]] for side in self.sides]
                more, less = (names[heads.index(head)] for head in (True, False))
                raise WorkerError(
                    f"{more} has an output layer and {less} has none: not the same work"
                )

    def probe(self, number: int) -> dict[tuple[int, bool], bool]:
        """Find out how a side's subjects are called, for all workers to come.

        Returns whether an output layer stands on top, for each subject and wish for one.
        Raises WorkerError, with the side's name.
        """
        side = self.sides[number]
        known, heads = {}, {}
        for key in dict.fromkeys((c.subject, c.workload.head) for c in self.cells):
            with Worker(side, self.cells, self.conditions) as worker:
                try:
                    known[key] = worker.ask("probe", *key)
                    heads[key] = worker.ask("features", *key)
                except WorkerError as error:
                    raise WorkerError(f"{side.name}: {side.targets[key[0]]}: {error}") from None
        self.known[number] = known
        return heads

    def block(self, cells: Sequence[int]) -> dict[int, float]:
        """One fresh pair over these cells; the log ratio of each."""
        records = self.rounds(dict.fromkeys(cells, (BASELINE, CANDIDATE)))
        return {r.cell: r.score for r in records if r.score is not None}

    def rounds(self, wanted: Mapping[int, Sequence[int]]) -> list[BlockRecord]:
        """One block of fresh workers: of each cell, rounds of the sides that are named for it."""
        order = list(wanted)
        self.random.shuffle(order)
        sides = sorted({side for named in wanted.values() for side in named})
        self.random.shuffle(sides)
        core = self.random.choice(sorted(os.sched_getaffinity(0))) if self.conditions.pin else None
        with contextlib.ExitStack() as stack:
            workers = {number: stack.enter_context(self.worker(number, core)) for number in sides}
            found = [
                self._record(workers, cell, [s for s in sides if s in wanted[cell]], len(order))
                for cell in order
            ]
        self.records += found
        self.blocks += 1
        return found

    def worker(self, number: int, core: int | None = None) -> Worker:
        """A fresh one for a side, which is told what probing has found."""
        return Worker(
            self.sides[number], self.cells, self.conditions,
            known=self.known.get(number), core=core, salt=self.random.randrange(1 << 30),
        )  # fmt: skip

    def _record(
        self, workers: Mapping[int, Worker], cell: int, sides: Sequence[int], cells: int
    ) -> BlockRecord:
        """The rounds of one cell. Raises CellFailedError."""
        asked, order = sides[0], list(sides)
        try:
            for asked in sides:
                calls = workers[asked].ask("prepare", cell)
                self.inner.setdefault((asked, cell), calls)
            inner = self._calls(cell, sides)
            rounds: list[Round] = []
            began, on_clock = time.monotonic(), 0.0
            while self._goes_on(len(rounds), on_clock, time.monotonic() - began, cells):
                self.random.shuffle(order)
                taken = []
                for asked in (*order, *reversed(order)):
                    slow = self.slow.get(cell, 1.0) if asked == CANDIDATE else 1.0
                    times = workers[asked].ask("sample", cell, inner[asked])
                    taken.append((asked, tuple(t * slow for t in times)))
                    on_clock += sum(times)
                rounds.append(tuple(taken))
        except WorkerError as error:
            raise CellFailedError(cell, f"{self.sides[asked].name}: {error}", asked) from None
        score = log_ratio(rounds) if len(self.sides) == 2 else None
        return BlockRecord(
            self.blocks, cell, score, inner[sides[0]], sides[0], tuple(rounds),
            device_state(self.conditions.device),
        )  # fmt: skip

    def _calls(self, cell: int, sides: Sequence[int]) -> dict[int, int]:
        """How many calls make a batch of each side.

        Two sides get the same number, for a mean of the fastest quarter depends on it and they
        are to be told apart by percents. Where there are more, one may be a hundred times slower.
        """
        found = {side: self.inner[side, cell] for side in sides}
        if len(self.sides) == 2:
            return dict.fromkeys(sides, max(1, round(statistics.fmean(found.values()))))
        return found

    def _goes_on(self, taken: int, on_clock: float, seconds: float, cells: int) -> bool:
        """Fewer rounds where calls are long, more where a block's start-up prevails."""
        c = self.conditions
        if taken < c.rounds:
            return taken < LEAST_ROUNDS or on_clock < c.cell_seconds
        return taken < c.most_rounds and seconds < c.block_seconds / cells


def undisturbed(times: Sequence[float]) -> float:
    """The mean of the fastest quarter: what a call takes when nothing comes between."""
    ordered = sorted(times)
    return statistics.fmean(ordered[: max(1, len(ordered) // 4)])


def log_ratio(rounds: Sequence[Round], over: int = CANDIDATE, under: int = BASELINE) -> float:
    """log(over / under) of a block: the median over its rounds."""
    return statistics.median(_of_round(turns, over, under) for turns in rounds)


def _of_round(turns: Round, over: int, under: int) -> float:
    """The mean of the logarithms, side against side: what drifts evenly cancels there and back."""
    logs = [(side, math.log(undisturbed(times))) for side, times in turns]
    ours, theirs = ([log for side, log in logs if side == one] for one in (over, under))
    return statistics.fmean(ours) - statistics.fmean(theirs)
