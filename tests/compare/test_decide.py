"""The scheduler on machines that do not exist: it looks where something is open, and stops."""

import math

import pytest

from lstm_bench.compare.decide import CellFailedError, Outcome, Settings, decide
from lstm_bench.compare.simulate import SimulatedMachine

CELLS = tuple(range(24))
QUIET = {"spread": 0.008, "bursts": 0.02}


def effects(**slower):
    found = dict.fromkeys(CELLS, 0.0)
    return found | {int(k[1:]): math.log1p(v) for k, v in slower.items()}


def runs(true, n=20, settings=None, **machine):
    settings = settings or Settings()
    return [
        decide(SimulatedMachine(true, seed=s, **{**QUIET, **machine}), CELLS, settings)
        for s in range(n)
    ]


def test_identical_code_is_cleared_without_an_alarm():
    found = runs(effects())
    assert not any(d.alarm for d in found)
    assert all(d.count(Outcome.SLOWER) == d.count(Outcome.UNDECIDED) == 0 for d in found)


@pytest.mark.parametrize(
    "machine",
    [{"drift": 0.9}, {"bursts": 0.5}, {"tails": 1.5}, {"spread": 0.1}],
    ids=["drift", "bursts", "tails", "noise"],
)
def test_identical_code_raises_no_alarm_on_nasty_machines(machine):
    assert sum(d.alarm for d in runs(effects(), n=40, **machine)) == 0


def test_a_slow_cell_is_named_and_only_that_one():
    for decision in runs(effects(c7=0.08)):
        assert decision.alarm
        assert {c.cell for c in decision.cells if c.outcome is Outcome.SLOWER} == {7}


def test_all_cells_a_little_slower_is_an_alarm():
    slow = dict.fromkeys(CELLS, math.log1p(0.05))
    assert all(d.alarm for d in runs(slow, n=10))


def test_where_the_machine_is_too_noisy_nothing_is_said():
    found = runs(effects(c7=0.05), n=10, spread=0.3)
    assert all(d.count(Outcome.UNDECIDED) > 12 for d in found)


def test_an_improvement_is_named_when_both_ways_are_asked_for():
    settings = Settings(both_ways=True)
    for decision in runs(effects(c3=-0.15), n=5, settings=settings):
        assert decision.cells[3].outcome is Outcome.FASTER
        assert not decision.alarm


def test_the_budget_is_kept():
    found = runs(effects(), n=5, settings=Settings(budget=30.0), spread=0.3)
    assert all(d.seconds <= 31 for d in found)


def test_decided_cells_cost_nothing_more():
    class Counting(SimulatedMachine):
        asked = 0

        def block(self, cells):
            self.asked += len(cells)
            return super().block(cells)

    spread = dict.fromkeys(CELLS, 0.005) | {7: 0.05}
    machine = Counting(effects(), spread=spread)
    decision = decide(machine, CELLS, Settings())
    assert machine.asked == sum(c.blocks for c in decision.cells)
    assert machine.asked < max(c.blocks for c in decision.cells) * len(CELLS)


def test_a_cell_that_fails_is_told_and_the_others_are_decided():
    class Failing(SimulatedMachine):
        def block(self, cells):
            if 5 in cells:
                raise CellFailedError(5, "candidate: no inference here")
            return super().block(cells)

    decision = decide(Failing(effects(), **QUIET), CELLS, Settings())
    assert decision.cells[5].outcome is Outcome.FAILED
    assert decision.cells[5].reason == "candidate: no inference here"
    assert decision.count(Outcome.FAILED) == 1
    assert all(c.blocks for c in decision.cells if c.cell != 5)


def test_ctrl_c_keeps_what_is_known():
    class Stopped(SimulatedMachine):
        blocks = 0

        def block(self, cells):
            self.blocks += 1
            if self.blocks == 4:
                raise KeyboardInterrupt
            return super().block(cells)

    decision = decide(Stopped(effects(), **QUIET), CELLS, Settings())
    assert decision.interrupted
    assert all(c.blocks == 3 for c in decision.cells)


def test_blocks_from_before_count():
    machine = SimulatedMachine(effects(), **QUIET)
    before = [machine.block(CELLS) for _ in range(30)]
    decision = decide(SimulatedMachine(effects(), **QUIET), CELLS, Settings(), before=before)
    assert decision.seconds == 0
    assert all(c.blocks == 30 for c in decision.cells)
