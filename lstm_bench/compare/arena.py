"""Fresh processes, taken in turns: where real blocks come from.

A block is a new process for each side of each subject. Chance says which is made first; all are
pinned to the same core, for two cores are never equally fast, and none runs while another does.
Subjects come in random order, and the cells of each.
In each cell the sides take turns in rounds, there and back (ABBA or BAAB by a coin; of three
sides ABCCBA in any of the six orders), of batches of two milliseconds: a shared core is now fast,
now slow, for some fifty milliseconds at a time, and the batches of a round mostly meet the same of
the two. The block's score for two sides is the median over the rounds of log(candidate / baseline),
where a batch counts by its undisturbed calls, the fastest quarter.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lstm_bench.compare.arms import Side
from lstm_bench.compare.decide import CellFailedError
from lstm_bench.lab.worker import MANY, WorkerError, ahead
from lstm_bench.measure import sampler
from lstm_bench.measure.examiner import (
    Examiner,
    Exams,
    Terms,
    UnearnedError,
    WrongResultError,
    spinning,
)
from lstm_bench.measure.machine import device_state
from lstm_bench.measure.workloads import RECORDED, Workload

LOOKED_AT = 4
"""In every fourth block, and the first, processes are watched for threads that do not rest."""

BASELINE, CANDIDATE = 0, 1

LEAST_ROUNDS = 3
"""Of a cell in a block, however long its calls take."""

WARM_BATCHES = 2
"""Before the first round of a cell, in a process that is new in each block."""


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


Known = dict[tuple[int, bool | None], str]
"""What probing has found: subject and wish for an output layer → bytes as text."""


@dataclass
class Seat:
    """A side's process for one subject, while a block goes through its cells."""

    side: int
    examiner: Examiner
    head: bool | None = None
    opened: bool = False

    def sit(self, cell: Cell, wish: bool | None, exams: Exams) -> None:
        """Set a cell up. Raises WorkerError, WrongResultError or UnearnedError."""
        if not self.opened or wish != self.head:
            self.examiner.open(wish)
            self.opened, self.head = True, wish
            self.examiner.workload = None
        if self.examiner.workload != cell.workload:
            self.examiner.sit(cell.workload, exams)
        self.examiner.begin(cell.pass_name)


@dataclass
class Arena:
    """A source of real blocks. For two sides one of :func:`lstm_bench.compare.decide.decide`."""

    sides: Sequence[Side]
    cells: Sequence[Cell]
    conditions: Conditions
    known: dict[int, Known] = field(default_factory=dict)
    inner: dict[tuple[int, int], int] = field(default_factory=dict)
    records: list[BlockRecord] = field(default_factory=list)
    blocks: int = 0
    slow: Mapping[int, float] = field(default_factory=dict)
    """For the proof of the gate: cells whose candidate is slowed down, by which factor."""
    exams: Exams = field(init=False)

    def __post_init__(self) -> None:
        passes = {cell.pass_name for cell in self.cells}
        self.exams = Exams(gradients=not RECORDED.isdisjoint(passes))
        self.random = random.Random(self.conditions.seed)

    def now(self) -> float:
        return time.monotonic()

    def find(self) -> None:
        """Probe all sides once. Raises WorkerError, with the side's name, where one cannot be."""
        ahead(*MANY)  # what every process of every block would import for itself
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
        """Find out how a side's subjects are called, for all processes to come.

        Returns whether an output layer stands on top, for each subject and wish for one.
        Raises WorkerError, with the side's name.
        """
        side = self.sides[number]
        known, heads = self.known.setdefault(number, {}), {}
        for subject, head in dict.fromkeys((c.subject, c.workload.head) for c in self.cells):
            wish = side.wish_for_head(subject, head)
            with self.examiner(number, subject) as examiner:
                try:
                    heads[subject, head] = bool(examiner.open(wish)["head"])
                    if stray := examiner.stray():
                        raise WorkerError(stray)
                    known[subject, wish] = examiner.known
                except WorkerError as error:
                    raise WorkerError(f"{side.name}: {side.targets[subject]}: {error}") from None
        return heads

    def cold(self, number: int) -> dict[str, float]:
        """Seconds before the first result of a side's first cell, in a new process."""
        cell = self.cells[0]
        wish = self.sides[number].wish_for_head(cell.subject, cell.workload.head)
        with self.examiner(number, cell.subject, wish) as examiner:
            return examiner.cold(cell.workload, wish)

    def memory(self, number: int) -> dict[int, int | None]:
        """Bytes at the peak of one call, of each cell of a side. Raises WorkerError."""
        found: dict[int, int | None] = {}
        for subject in dict.fromkeys(cell.subject for cell in self.cells):
            with self.examiner(number, subject) as examiner:
                seat = Seat(number, examiner)
                for index, cell in enumerate(self.cells):
                    if cell.subject == subject:
                        try:
                            self._sit(seat, cell)
                        except (UnearnedError, WrongResultError) as error:
                            raise WorkerError(str(error)) from None
                        found[index] = examiner.memory()
        return found

    def block(self, cells: Sequence[int]) -> dict[int, float]:
        """One fresh pair over these cells; the log ratio of each."""
        records = self.rounds(dict.fromkeys(cells, (BASELINE, CANDIDATE)))
        return {r.cell: r.score for r in records if r.score is not None}

    def rounds(self, wanted: Mapping[int, Sequence[int]]) -> list[BlockRecord]:
        """One block of fresh processes: of each cell, rounds of the sides that are named for it."""
        subjects = list(dict.fromkeys(self.cells[cell].subject for cell in wanted))
        self.random.shuffle(subjects)
        core = self.random.choice(sorted(os.sched_getaffinity(0))) if self.conditions.pin else None
        found: list[BlockRecord] = []
        for subject in subjects:
            theirs = {c: s for c, s in wanted.items() if self.cells[c].subject == subject}
            found += self._of_subject(subject, theirs, core, len(wanted))
        self.records += found
        self.blocks += 1
        return found

    def _of_subject(
        self, subject: int, wanted: Mapping[int, Sequence[int]], core: int | None, cells: int
    ) -> list[BlockRecord]:
        order = list(wanted)
        self.random.shuffle(order)
        sides = sorted({side for named in wanted.values() for side in named})
        self.random.shuffle(sides)
        with contextlib.ExitStack() as stack:
            seats = {
                number: Seat(number, stack.enter_context(self.examiner(number, subject, core=core)))
                for number in sides
            }
            found = [
                self._record(seats, cell, [s for s in sides if s in wanted[cell]], cells)
                for cell in order
            ]
            self._leave(seats, order[-1])
        return found

    def _leave(self, seats: Mapping[int, Seat], cell: int) -> None:
        """What a side leaves behind. Raises CellFailedError."""
        cores = [0.0] * len(seats)
        if self.blocks % LOOKED_AT == 0:  # looking takes a moment
            cores = spinning([seat.examiner for seat in seats.values()])
        for (number, seat), used in zip(seats.items(), cores, strict=True):
            with _blamed(cell, self.sides[number], number):
                seat.examiner.leave(used)

    def examiner(
        self, number: int, subject: int, wish: bool | None = None, core: int | None = None
    ) -> Examiner:
        """A fresh process for a side's subject, which is told what probing has found."""
        side, c = self.sides[number], self.conditions
        return Examiner(
            side.parcel(subject), Terms(c.device, c.dtype, c.threads, c.clock, c.cold_cache),
            known=self.known.get(number, {}).get((subject, wish), ""), root=side.root, core=core,
            salt=self.random.randrange(1 << 30), environment=side.environment(subject),
        )  # fmt: skip

    def _sit(self, seat: Seat, cell: Cell) -> None:
        wish = self.sides[seat.side].wish_for_head(cell.subject, cell.workload.head)
        seat.examiner.known = self.known.get(seat.side, {}).get((cell.subject, wish), "")
        seat.sit(cell, wish, self.exams)

    def _record(
        self, seats: Mapping[int, Seat], number: int, sides: Sequence[int], cells: int
    ) -> BlockRecord:
        """The rounds of one cell. Raises CellFailedError."""
        cell, order = self.cells[number], list(sides)
        for side in sides:
            with _blamed(number, self.sides[side], side):
                self._sit(seats[side], cell)
                self._warm(seats[side].examiner, (side, number))
        inner = self._calls(number, sides)
        rounds: list[Round] = []
        began, on_clock = time.monotonic(), 0.0
        while self._goes_on(len(rounds), on_clock, time.monotonic() - began, cells):
            self.random.shuffle(order)
            taken = []
            for side in (*order, *reversed(order)):
                slow = self.slow.get(number, 1.0) if side == CANDIDATE else 1.0
                with _blamed(number, self.sides[side], side):
                    times = seats[side].examiner.take(inner[side])
                taken.append((side, tuple(t * slow for t in times)))
                on_clock += sum(times)
            rounds.append(tuple(taken))
        for side in sides:
            with _blamed(number, self.sides[side], side):
                seats[side].examiner.finish()
        score = log_ratio(rounds) if len(self.sides) == 2 else None
        return BlockRecord(
            self.blocks, number, score, inner[sides[0]], sides[0], tuple(rounds),
            device_state(self.conditions.device),
        )  # fmt: skip

    def _warm(self, examiner: Examiner, key: tuple[int, int]) -> None:
        """A few calls that do not count: the first time they say how many make a batch."""
        if key in self.inner:
            for _ in range(WARM_BATCHES):
                examiner.take(self.inner[key])
            return
        calls = sampler.calibrate(examiner.take, batches=WARM_BATCHES)
        wanted = self.conditions.batch_seconds / sampler.BATCH_SECONDS
        self.inner[key] = max(1, round(calls * wanted))

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


@contextlib.contextmanager
def _blamed(cell: int, side: Side, number: int) -> Iterator[None]:
    """What goes wrong is a cell's and a side's. Raises CellFailedError."""
    try:
        yield
    except UnearnedError as error:
        raise CellFailedError(cell, f"{side.name}: {error}", number, unearned=True) from None
    except (WorkerError, WrongResultError) as error:
        raise CellFailedError(cell, f"{side.name}: {error}", number) from None


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
