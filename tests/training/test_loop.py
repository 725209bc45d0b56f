"""Everyone in turn, the same batches, the budget: with learners that only take notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from lstm_bench.training.learner import Curve
from lstm_bench.training.loop import BLOCK, Budget, train
from lstm_bench.training.text import Batches

BATCHES = Batches(torch.arange(1000), batch_size=2, steps=5)


@dataclass
class Notes:
    """A learner that writes down the first id of each batch; each update takes a second."""

    log: list[tuple[str, int]]
    name: str
    clock: Any
    stop_after: int | None = None
    curve: Curve = field(default_factory=Curve)

    def update(self, batch) -> float:
        if len(self.curve) == self.stop_after:
            raise KeyboardInterrupt
        self.clock.now += 1.0
        self.log.append((self.name, int(batch.inputs[0, 0])))
        return 1.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def run(budget: Budget, check_updates: int = 5, stop_after: int | None = None):
    clock, log, shares = Clock(), [], []
    a, b = Notes(log, "a", clock), Notes(log, "b", clock, stop_after)
    judge = Notes(log, "judge", clock)
    finished = train(
        [a, b], [judge], BATCHES, budget,
        check_updates=check_updates, on_block=shares.append, clock=clock,
    )  # fmt: skip
    return finished, a, b, judge, log, shares


def test_a_number_of_updates_is_kept_exactly() -> None:
    """Also where it is no multiple of a block; the judge stops where the check does."""
    finished, a, b, judge, _, _ = run(Budget(seconds=1, updates=BLOCK + 3), BLOCK + 1)
    assert finished
    assert (len(a.curve), len(b.curve), len(judge.curve)) == (BLOCK + 3, BLOCK + 3, BLOCK + 1)


def test_time_ends_it_after_a_whole_block() -> None:
    """Everyone has made the same number of updates, whenever time ran out."""
    finished, a, b, _, _, _ = run(Budget(seconds=BLOCK + 1))
    assert finished
    assert len(a.curve) == len(b.curve) == BLOCK


def test_everyone_sees_the_same_batches_in_the_same_order() -> None:
    """However long it lasts: a longer run begins as a shorter one does."""
    short, long = (run(Budget(1, updates=n))[4] for n in (BLOCK, 3 * BLOCK))
    for log in (short, long):
        assert [i for n, i in log if n == "a"] == [i for n, i in log if n == "b"]
    assert [i for n, i in long if n == "a"][:BLOCK] == [i for n, i in short if n == "a"]


def test_learners_take_turns() -> None:
    """A block each, so that drift of the machine hits everyone alike."""
    log = run(Budget(1, updates=2 * BLOCK), check_updates=1)[4]
    turns = [name for k, (name, _) in enumerate(log) if k == 0 or log[k - 1][0] != name]
    assert turns == ["a", "b", "judge", "a", "b"]


def test_ctrl_c_keeps_what_is_there() -> None:
    """Curves hold every finished update; that it was cut short is said."""
    finished, a, b, _, _, _ = run(Budget(1, updates=3 * BLOCK), stop_after=BLOCK + 4)
    assert not finished
    assert (len(a.curve), len(b.curve)) == (2 * BLOCK, BLOCK + 4)


def test_seconds_add_up_to_own_time_only() -> None:
    """The others' turns do not count."""
    assert run(Budget(1, updates=BLOCK))[1].curve.seconds == [n + 1.0 for n in range(BLOCK)]


def test_progress_goes_from_nothing_to_all() -> None:
    """The share never sinks, starts at 0 and ends at 1."""
    shares = run(Budget(1, updates=3 * BLOCK))[5]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert Budget(seconds=10).share_spent(99, 5.0) == pytest.approx(0.5)
