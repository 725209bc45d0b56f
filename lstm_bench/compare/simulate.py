"""Machines that do not exist: the scheduler and the statistics are tried on them without waiting.

Every source of noise that was met on a shared two-core machine has its knob here. What was
recorded on a real one can be replayed, as often as wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from lstm_bench.compare.contest import Found


@dataclass
class SimulatedMachine:
    """effects: each cell's true log ratio. A block's score is it plus noise, times a coin's sign.

    spread: deviation of the scores (log ratio), one for all or one a cell. tails: degrees of
    freedom of Student's t (large: normal). bursts: the share of blocks in which a neighbour
    multiplies the noise by ten. drift: how strongly a block's noise follows the last one's.
    seconds: a cell's share of a block, and what a block costs besides.
    """

    effects: Mapping[int, float]
    spread: float | Mapping[int, float] = 0.02
    tails: float = 4.0
    bursts: float = 0.05
    drift: float = 0.0
    seconds: tuple[float, float] = (0.2, 0.6)
    seed: int = 0
    time: float = 0.0
    last: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def now(self) -> float:
        return self.time

    def block(self, cells: Sequence[int]) -> dict[int, float]:
        a_cell, a_block = self.seconds
        self.time += a_block + a_cell * len(cells)
        burst = 10.0 if self.random.random() < self.bursts else 1.0
        coin = self.random.choice((-1.0, 1.0))
        return {cell: self.effects[cell] + coin * burst * self._noise(cell) for cell in cells}

    def _noise(self, cell: int) -> float:
        """Not symmetric in itself, and alike from block to block: the coin must make up for it."""
        spread = self.spread if isinstance(self.spread, (int, float)) else self.spread[cell]
        fresh = float(self.random.standard_t(self.tails)) + 0.5
        value = self.drift * self.last.get(cell, 0.0) + (1 - self.drift) * fresh
        self.last[cell] = value
        return spread * value


@dataclass
class SimulatedField:
    """Several arms on such a machine. times: each cell's true log times, one an arm.

    Every arm's process has its own noise in every block, on top of what all of them share.
    """

    times: Mapping[int, Sequence[float]]
    spread: float = 0.02
    tails: float = 4.0
    seconds: tuple[float, float] = (0.2, 0.6)
    seed: int = 0
    time: float = 0.0
    asked: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def now(self) -> float:
        return self.time

    def block(self, wanted: Mapping[int, Sequence[int]]) -> dict[int, Found]:
        a_cell, a_block = self.seconds
        self.time += a_block + a_cell * sum(len(arms) for arms in wanted.values()) / 2
        self.asked += sum(len(arms) for arms in wanted.values())
        found = {}
        for cell, arms in wanted.items():
            together = self.random.normal(0.0, 0.5)
            logs = {
                arm: self.times[cell][arm] + self.spread * float(self.random.standard_t(self.tails))
                for arm in arms
            }
            seconds = {arm: float(np.exp(log + together)) for arm, log in logs.items()}
            ratios = {(a, b): logs[a] - logs[b] for a, b in combinations(sorted(arms), 2)}
            found[cell] = Found(seconds, ratios)
        return found


@dataclass
class Replayed:
    """Real blocks of identical code, drawn at random, with known effects added.

    What happened to all cells of a block at once stays together; a coin says which side was which.
    cells: how many there are to be; where more are asked for than were recorded, each further
    group of them gets a block of its own. seconds: a cell's share of a block, and what a block
    costs besides.
    """

    blocks: Sequence[Mapping[int, float]]
    effects: Mapping[int, float]
    seconds: tuple[float, float]
    cells: int
    seed: int = 0
    time: float = 0.0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def now(self) -> float:
        return self.time

    def block(self, cells: Sequence[int]) -> dict[int, float]:
        a_cell, a_block = self.seconds
        self.time += a_block + a_cell * len(cells)
        recorded = len(self.blocks[0])
        drawn = [self._drawn() for _ in range(-(-self.cells // recorded))]
        return {c: drawn[c // recorded][c % recorded] + self.effects.get(c, 0.0) for c in cells}

    def _drawn(self) -> dict[int, float]:
        block = self.blocks[int(self.random.integers(len(self.blocks)))]
        coin = float(self.random.choice((-1.0, 1.0)))
        return {cell: coin * score for cell, score in block.items()}
