"""All implementations side by side, a block of updates each in turn, under one budget.

In turn, because a machine's speed drifts within minutes: whoever is compared must have been
timed in neighbouring moments. Everyone makes the same number of updates on the same batches, so
the budget decides how far the curves go and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lstm_bench.training.learner import Curve
from lstm_bench.training.text import Batch, Batches

BLOCK = 5
"""Updates that one learner makes before the next one's turn."""

Clock = Callable[[], float]


class Learns(Protocol):
    """Whoever learns: here, or in a process of its own."""

    curve: Curve

    def update(self, batch: Batch) -> float:
        """One update on a batch. Returns the loss before it."""
        ...


@dataclass(frozen=True)
class Budget:
    """When to stop: after this many updates where given, else after this many seconds."""

    seconds: float
    updates: int | None = None

    def share_spent(self, updates: int, seconds: float) -> float:
        """0 at the start, 1 or more at the end."""
        return updates / self.updates if self.updates is not None else seconds / self.seconds


def train(
    learners: Sequence[Learns],
    judges: Sequence[Learns],
    batches: Batches,
    budget: Budget,
    *,
    check_updates: int,
    on_block: Callable[[float], None] = lambda share: None,
    clock: Clock = time.perf_counter,
) -> bool:
    """Train everyone in turn; the judges for the first ``check_updates`` only.

    on_block: called with the share of the budget that is spent. Returns False where Ctrl-C
    ended it: the curves then hold what was done so far.
    """
    started, done = clock(), 0
    try:
        while (share := budget.share_spent(done, clock() - started)) < 1:
            on_block(share)
            end = done + BLOCK if budget.updates is None else min(done + BLOCK, budget.updates)
            for learner in learners:
                _run(learner, batches, range(done, end), clock)
            for judge in judges:
                _run(judge, batches, range(done, min(end, check_updates)), clock)
            done = end
    except KeyboardInterrupt:
        return False
    on_block(1.0)
    return True


def _run(learner: Learns, batches: Batches, numbers: range, clock: Clock) -> None:
    for number in numbers:
        batch = batches[number]
        before = clock()
        loss = learner.update(batch)  # a float: the device has finished when it is there
        learner.curve.append(loss, clock() - before)
