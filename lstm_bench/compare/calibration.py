"""What can this machine decide? The noise of identical code under several ways to take samples.

Blocks of all settings take turns, so that they meet the same moments. From each setting's blocks
whole runs of the gate are replayed: the smallest slowdown of one cell in 24 that is caught in nine
of ten of them, within the gate's budget, is what the machine can tell in that setting.

The profile that follows is kept for each machine, and read by ``compare``, ``guard`` and
``choose``.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lstm_bench.compare.arena import Arena, Cell, Conditions
from lstm_bench.compare.arms import Side
from lstm_bench.compare.decide import Ledger, Settings, spend
from lstm_bench.compare.simulate import Replayed
from lstm_bench.errors import UsageError
from lstm_bench.measure.machine import facts, fingerprint, settle
from lstm_bench.measure.workloads import PRESETS
from lstm_bench.store.files import profile as shape
from lstm_bench.store.folder import UnusableError, read
from lstm_bench.store.write import make_folder, replace_file

FORMAT = "lstm-bench machine 1"

TARGETS = ("torch_nn", "batched_gates")
PASSES = ("forward", "step")
CELLS = tuple(
    Cell(subject, size, name)
    for subject in range(len(TARGETS))
    for size in PRESETS["guard"].workloads
    for name in PASSES
)
"""Kinds of cell: compiled code and Python's loop, tiny and small, forward and both ways."""

GRID = 24
"""Cells of the replayed gate."""

EFFECTS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.10, 0.15, 0.20, 0.30, 0.50)
RUNS, WANTED = 20, 18
"""Replayed runs of an effect, and in how many it must be caught."""

LEAST_BLOCKS = 6
"""Of a way, for anything to be promised of it: to replay fewer only tells how those few were."""

HOPELESS_SECONDS = 12.0
"""A block of 24 cells that takes longer leaves the gate fewer than ten in its two minutes."""


@dataclass(frozen=True)
class Way:
    """One way to take samples, and what it was worth here."""

    threads: int
    clock: str
    pin: bool
    batch_seconds: float
    blocks: int = 0
    spread: float = math.nan
    """Of a block's score for identical code: a robust deviation, as a log ratio."""
    tail: float = math.nan
    """One score in twenty is further off than this."""
    block_seconds: float = math.nan
    """Of a block of 24 cells."""
    tells: float | None = None
    """The smallest slowdown that nine of ten runs catch; None where they miss one of 50 %, and
    where there are too few blocks to tell."""

    @property
    def known(self) -> bool:
        """Whether its blocks are enough to promise anything."""
        return self.blocks >= LEAST_BLOCKS

    @property
    def name(self) -> str:
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        pin = "pinned" if self.pin else "free"
        clock = "processor time" if self.clock == "cpu" else "wall clock"
        return f"{threads}, {pin}, {clock}, batches of {self.batch_seconds * 1e3:g} ms"

    def conditions(self, device: str, seed: int) -> Conditions:
        return Conditions(
            device=device, threads=self.threads, clock=self.clock, pin=self.pin,
            batch_seconds=self.batch_seconds, seed=seed,
        )  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """What calibration found. ways: the best first."""

    ways: tuple[Way, ...]
    machine: Mapping[str, Any]
    fingerprint: str
    when: str
    device: str = "cpu"
    budget: float = 120.0
    noise: Mapping[str, float] = field(default_factory=dict)
    """Of each kind of cell, in the best way."""

    @property
    def best(self) -> Way:
        return self.ways[0]

    def tells(self, margin: float) -> bool:
        """Whether slowdowns of the margin are found here, most of the time."""
        return self.best.tells is not None and self.best.tells <= margin

    def way_for(self, threads: int) -> Way | None:
        """The best with so many threads; None where too little is known of any."""
        return next((way for way in self.ways if way.threads == threads and way.known), None)

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self)
        ways = [asdict(way) | {"name": way.name} for way in self.ways]
        return {"format": FORMAT, **fields, "ways": ways}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Profile:
        rest = {k: v for k, v in fields.items() if k not in ("format", "ways")}
        ways = [Way(**{k: v for k, v in way.items() if k != "name"}) for way in fields["ways"]]
        return cls(ways=tuple(ways), **rest)


def ways(device: str, cores: int) -> tuple[Way, ...]:
    """What is tried. On a GPU its own clock is the only one, and one thread feeds it."""
    if device != "cpu":
        return tuple(Way(1, "wall", True, batch) for batch in (0.002, 0.010))
    found = [
        Way(1, "cpu", True, 0.002),
        Way(1, "cpu", True, 0.010),
        Way(1, "cpu", False, 0.002),
        Way(1, "wall", True, 0.002),
    ]
    if cores > 1:
        found.append(Way(cores, "wall", False, 0.002))
    return tuple(found)


def calibrate(
    device: str,
    budget: float,
    seed: int = 0,
    told: Callable[[str], None] = lambda _: None,
) -> Profile:
    """Take blocks of every way in turns for ``budget`` seconds, and see what each can tell.

    Ctrl-C ends with the blocks that are there, if there are any.
    """
    settle(device, 1)
    machine = facts(device)
    arenas = {
        way: Arena([Side("a", TARGETS), Side("b", TARGETS)], CELLS, way.conditions(device, seed))
        for way in ways(device, machine["cores"] or 1)
    }
    first = next(iter(arenas.values()))
    told("finding out how the samples are to be taken")
    first.find()
    for arena in arenas.values():
        arena.known = first.known
    taken = {way: list[dict[int, float]]() for way in arenas}
    seconds = {way: list[float]() for way in arenas}
    for way, spent, said in _turns(arenas, taken, seconds, budget, seed):
        seconds[way].append(spent)
        told(said)
    judged = []
    for way in arenas:
        told(f"what can be told with {way.name}")
        judged.append(assess(way, taken[way], seconds[way], seed))
    # The best first; of equals the one that was named first; what is unknown last.
    judged.sort(key=lambda way: (not way.known, way.tells or math.inf))
    best = taken[_bare(judged[0])]
    return Profile(
        tuple(judged), machine, key(device), datetime.now(UTC).isoformat(timespec="seconds"),
        device=device, noise=_noise(best),
    )  # fmt: skip


def _turns(
    arenas: Mapping[Way, Arena],
    taken: Mapping[Way, list[dict[int, float]]],
    seconds: Mapping[Way, list[float]],
    budget: float,
    seed: int,
) -> Iterator[tuple[Way, float, str]]:
    """One block of each way after the other, in random order, until the time is spent.

    Ways that are too slow for any decision get two blocks, and leave their time to the others.
    """
    clock, order = next(iter(arenas.values())), list(arenas)
    shuffle, began, a_round = random.Random(seed), clock.now(), 0.0
    try:
        while order and (clock.now() - began + a_round < budget or not taken[order[0]]):
            started = clock.now()
            shuffle.shuffle(order)
            for way in order:
                before = clock.now()
                taken[way].append(arenas[way].block(range(len(CELLS))))
                said = f"{clock.now() - began:.0f} of {budget:.0f} s: {way.name}"
                yield way, clock.now() - before, said
            a_round = clock.now() - started
            slow = HOPELESS_SECONDS * len(CELLS) / GRID
            order = [w for w in order if len(seconds[w]) < 2 or min(seconds[w]) < slow]
    except KeyboardInterrupt:
        if not all(taken.values()):
            raise


def assess(
    way: Way, blocks: Sequence[Mapping[int, float]], seconds: Sequence[float], seed: int = 0
) -> Way:
    """A way with what its blocks say of it."""
    scores = np.array([score for block in blocks for score in block.values()])
    a_block = float(np.median(seconds)) * GRID / len(CELLS)
    return Way(
        way.threads, way.clock, way.pin, way.batch_seconds,
        blocks=len(blocks),
        spread=float(1.4826 * np.median(np.abs(scores))),
        tail=float(np.quantile(np.abs(scores), 0.95)),
        block_seconds=a_block,
        tells=_told(blocks, a_block, seed),
    )  # fmt: skip


def _told(blocks: Sequence[Mapping[int, float]], a_block: float, seed: int) -> float | None:
    if len(blocks) < LEAST_BLOCKS:
        return None
    return next((e for e in EFFECTS if _caught(blocks, e, a_block, seed)), None)


def _caught(
    blocks: Sequence[Mapping[int, float]], effect: float, a_block: float, seed: int
) -> bool:
    """Whether enough of the replayed runs of the gate find a cell that is slower by the effect."""
    caught = 0
    for run in range(RUNS):
        slowed = random.Random(seed + run).randrange(GRID)
        source = Replayed(
            blocks, {slowed: math.log1p(effect)}, seconds=(0.9 * a_block / GRID, 0.1 * a_block),
            cells=GRID, seed=seed + run,
        )  # fmt: skip
        ledger = Ledger(tuple(range(GRID)), Settings(margin=effect))
        spend(source, ledger)
        caught += ledger.alarm()
        if caught + RUNS - 1 - run < WANTED:
            return False
    return True


def _noise(blocks: Sequence[Mapping[int, float]]) -> dict[str, float]:
    """Each kind of cell's own deviation."""
    return {
        f"{TARGETS[cell.subject]} {cell.workload.name} {cell.pass_name}": float(
            1.4826 * np.median([abs(block[number]) for block in blocks])
        )
        for number, cell in enumerate(CELLS)
    }


def _bare(way: Way) -> Way:
    return Way(way.threads, way.clock, way.pin, way.batch_seconds)


# -- the profile on disk -------------------------------------------------------------------------


def key(device: str = "cpu") -> str:
    """Names this machine, whatever the number of threads that torch is set to."""
    return fingerprint(facts(device) | {"threads": 1})


def path_of(device: str = "cpu") -> Path:
    """Where this machine's profile is kept: $XDG_STATE_HOME/lstm-bench."""
    home = os.environ.get("XDG_STATE_HOME") or _home() / ".local" / "state"
    return Path(home) / "lstm-bench" / f"machine-{key(device)}.json"


def _home() -> Path:
    """Raises UsageError where nobody knows it."""
    try:
        return Path.home()
    except RuntimeError:
        raise UsageError("there is no home folder: set XDG_STATE_HOME, or give --out") from None


def save(profile: Profile, path: Path) -> None:
    """Raises UsageError where it cannot be written."""
    make_folder(path.parent)
    replace_file(path, json.dumps(profile.as_json(), indent=1) + "\n")


def load(device: str = "cpu") -> Profile | None:
    """The profile of this machine, or None where there is none, or none that can be read."""
    try:
        return Profile.from_json(read(path_of(device), shape))
    except (UsageError, UnusableError):
        return None
