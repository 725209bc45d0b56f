"""Fresh pairs of processes, taken in turns: where real blocks come from.

A block is a new worker for each side, forked from a parent that has imported torch and never
run a line of either. A coin says which is made first; both are pinned to the same core, for two
cores are never equally fast, and neither runs while the other does. Cells come in random order.
In each cell the sides take turns in quartets, ABBA or BAAB by a coin, of batches of two
milliseconds: a shared core is now fast, now slow, for some fifty milliseconds at a time, and the
four batches of a quartet mostly meet the same of the two. The block's score is the median over the
quartets of log(candidate / baseline), where a batch counts by its undisturbed calls, the fastest
quarter.
"""

from __future__ import annotations

import contextlib
import gc
import math
import multiprocessing
import os
import pickle
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
from lstm_bench.measure import sampler
from lstm_bench.measure.clock import Clock, CpuClock, clock_for
from lstm_bench.measure.machine import settle
from lstm_bench.measure.passes import Setting, TimedCall, make_pass, set_up
from lstm_bench.measure.workloads import Workload
from lstm_bench.orphans import die_with_parent
from lstm_bench.subject import Subject
from lstm_bench.subject.load import describe

PATIENCE = 120.0
"""Seconds after which a worker that does not answer counts as hanging."""

BASELINE, CANDIDATE = 0, 1


@dataclass(frozen=True)
class Cell:
    """One thing to be compared: a subject (its place in each side's targets), sizes, a pass."""

    subject: int
    workload: Workload
    pass_name: str


@dataclass(frozen=True)
class Conditions:
    """How samples are taken. batch_seconds: of one batch; quartets: of a block at least.

    block_seconds: what a block may grow to by more quartets when few cells are left.
    """

    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 1
    clock: str = "cpu"
    """cpu: the processor's time, which a neighbour cannot take; wall: what passes."""
    pin: bool = True
    batch_seconds: float = 0.002
    quartets: int = 10
    most_quartets: int = 30
    block_seconds: float = 1.5
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
        gc.disable()
        bench = _Bench(side, cells, conditions, dict(known or {}), salt)
        requests: dict[str, Callable[..., Any]] = {
            "load": bench.load,
            "features": bench.features,
            "probe": bench.probe,
            "prepare": bench.prepare,
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
        found = self.side.open(subject, head=head)
        fields = {n: getattr(found, n) for n in Subject.__dataclass_fields__ if n != "factory"}
        try:
            return pickle.dumps(fields)
        except Exception:  # a container of a stranger's own type, say
            return b""

    def features(self, subject: int, head: bool) -> bool:
        """Whether an output layer stands on top."""
        return self._subject(subject, head).parameter_map.head.weight is not None

    def _subject(self, number: int, head: bool) -> Subject:
        told = self.known.get((number, head), b"")
        if not told:
            return self.side.open(number, head=head)
        return Subject(factory=self.side.load(number), **pickle.loads(told))

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
        call = self.calls[number] = make_pass(self.settings[key], cell.pass_name)
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


@dataclass(frozen=True)
class BlockRecord:
    """One cell of one block, as it goes to disk: seconds a call, in the order they were taken."""

    block: int
    cell: int
    score: float
    inner: int
    first: int
    """Which side's worker was made first: 0 baseline, 1 candidate."""
    quartets: tuple[tuple[Batch, ...], ...]
    """Of each quartet, four batches: (side, seconds of each call)."""


@dataclass
class Arena:
    """A source of real blocks for :func:`lstm_bench.compare.decide.decide`."""

    baseline: Side
    candidate: Side
    cells: Sequence[Cell]
    conditions: Conditions
    known: dict[int, dict[tuple[int, bool], bytes]] = field(default_factory=dict)
    inner: dict[int, int] = field(default_factory=dict)
    records: list[BlockRecord] = field(default_factory=list)
    blocks: int = 0
    slow: Mapping[int, float] = field(default_factory=dict)
    """For the proof of the gate: cells whose candidate is slowed down, by which factor."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.conditions.seed)

    def now(self) -> float:
        return time.monotonic()

    def find(self) -> None:
        """Probe both sides once. Raises WorkerError, with the side's name, where one cannot be."""
        work: dict[tuple[int, bool], list[bool]] = {}
        for number, side in ((BASELINE, self.baseline), (CANDIDATE, self.candidate)):
            found: dict[tuple[int, bool], bytes] = {}
            for key in dict.fromkeys((c.subject, c.workload.head) for c in self.cells):
                with Worker(side, self.cells, self.conditions) as worker:
                    try:
                        found[key] = worker.ask("probe", *key)
                        work.setdefault(key, []).append(worker.ask("features", *key))
                    except WorkerError as error:
                        raise WorkerError(f"{side.name}: {side.targets[key[0]]}: {error}") from None
            self.known[number] = found
        for key, heads in work.items():
            if heads[0] != heads[1]:
                names = [s.targets[key[0]] for s in (self.baseline, self.candidate)]
                more, less = (names[heads.index(head)] for head in (True, False))
                raise WorkerError(
                    f"{more} has an output layer and {less} has none: not the same work"
                )

    def block(self, cells: Sequence[int]) -> dict[int, float]:
        """One fresh pair over these cells; the log ratio of each."""
        order, first = list(cells), self.random.randrange(2)
        self.random.shuffle(order)
        sides = (self.baseline, self.candidate)
        core = self.random.choice(sorted(os.sched_getaffinity(0))) if self.conditions.pin else None
        with contextlib.ExitStack() as stack:
            pair: dict[int, Worker] = {}
            for number in (first, 1 - first):
                worker = Worker(
                    sides[number], self.cells, self.conditions,
                    known=self.known.get(number), core=core, salt=self.random.randrange(1 << 30),
                )  # fmt: skip
                pair[number] = stack.enter_context(worker)
            scores = {}
            for cell in order:
                scores[cell] = self._score(pair, cell, first, len(order))
        self.blocks += 1
        return scores

    def _score(self, pair: Mapping[int, Worker], cell: int, first: int, cells: int) -> float:
        names = (self.baseline.name, self.candidate.name)
        asked = BASELINE
        try:
            found = {}
            for asked in (first, 1 - first):
                found[asked] = pair[asked].ask("prepare", cell)
            inner = self.inner.setdefault(cell, max(1, round(sum(found.values()) / 2)))
            quartets: list[tuple[Batch, ...]] = []
            began = time.monotonic()
            while len(quartets) < self._quartets(len(quartets), time.monotonic() - began, cells):
                start = self.random.randrange(2)
                taken = []
                for asked in (start, 1 - start, 1 - start, start):
                    slow = self.slow.get(cell, 1.0) if asked == CANDIDATE else 1.0
                    times = [t * slow for t in pair[asked].ask("sample", cell, inner)]
                    taken.append((asked, tuple(times)))
                quartets.append(tuple(taken))
        except WorkerError as error:
            raise CellFailedError(cell, f"{names[asked]}: {error}") from None
        score = log_ratio(quartets)
        self.records.append(BlockRecord(self.blocks, cell, score, inner, first, tuple(quartets)))
        return score

    def _quartets(self, taken: int, seconds: float, cells: int) -> int:
        """How many to take: few where many cells wait, more where a block's start-up prevails."""
        c = self.conditions
        if taken < c.quartets:
            return c.quartets
        share = c.block_seconds / cells
        return min(c.most_quartets, taken + 1) if seconds < share else taken


def undisturbed(times: Sequence[float]) -> float:
    """The mean of the fastest quarter: what a call takes when nothing comes between."""
    ordered = sorted(times)
    return statistics.fmean(ordered[: max(1, len(ordered) // 4)])


def log_ratio(quartets: Sequence[Sequence[Batch]]) -> float:
    """log(candidate / baseline) of a block: the median over its quartets."""
    return statistics.median(_of_quartet(quartet) for quartet in quartets)


def _of_quartet(quartet: Sequence[Batch]) -> float:
    """The mean of the logarithms, side against side: what drifts evenly cancels in ABBA."""
    logs = [(side, math.log(undisturbed(times))) for side, times in quartet]
    return sum(log if side == CANDIDATE else -log for side, log in logs) / 2
