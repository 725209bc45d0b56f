"""Several arms on machines that do not exist: the fastest is found, and never thrown out."""

import math

import pytest

from lstm_bench.compare.contest import Contest, Standing, State, contest
from lstm_bench.compare.decide import CellFailedError, Settings
from lstm_bench.compare.simulate import SimulatedField

SETTINGS = Settings(alpha=0.01, both_ways=True)


def settle(times, seed=0, settings=SETTINGS, **machine):
    field = SimulatedField(times, seed=seed, **machine)
    book, seconds, _ = contest(field, range(len(times)), len(times[0]), settings)
    return book, field, seconds


def logs(*factors):
    return tuple(math.log(factor) for factor in factors)


def test_the_fastest_of_each_cell_is_named():
    times = {0: logs(1, 2, 4), 1: logs(3, 1, 1.5), 2: logs(2, 1.3, 1)}
    for seed in range(10):
        book, _, _ = settle(times, seed)
        assert [book.left(cell) for cell in times] == [[0], [1], [2]]
        assert all(book.state(cell) is State.DECIDED for cell in times)
    assert [p.arm for p in book.ranking(1)] == [1, 2, 0]
    assert [p.rank for p in book.ranking(1)] == [1, 2, 3]
    assert book.ranking(1)[1].ratio == pytest.approx(1.5, rel=0.1)
    assert book.ranking(1)[1].low < 1.5 < book.ranking(1)[1].high


def test_equals_are_tied_and_the_rest_is_behind():
    times = {0: logs(1, 1, 3, 1)}
    for seed in range(10):
        book, _, _ = settle(times, seed, spread=0.01)
        assert book.state(0) is State.TIE
        assert book.left(0) == [0, 1, 3]
        standing = {p.arm: p.standing for p in book.ranking(0)}
        assert standing[2] is Standing.SLOWER
        assert {standing[a] for a in (0, 1, 3)} == {Standing.TIED}


def test_what_nobody_can_tell_apart_is_undecided():
    book, _, seconds = settle({0: logs(1, 1.02)}, spread=0.3)
    assert book.state(0) is State.UNDECIDED
    assert seconds <= 121


@pytest.mark.parametrize("machine", [{"spread": 0.1}, {"tails": 1.2}, {"spread": 0.01}])
def test_the_fastest_is_never_thrown_out(machine):
    """Among equals anybody may be called slower only within what alpha allows, 1 in 100."""
    wrong = 0
    for seed in range(40):
        book, _, _ = settle({c: logs(1, 1.0, 1.0) for c in range(4)}, seed, **machine)
        wrong += any(len(book.left(cell)) < 3 for cell in range(4))
    assert wrong <= 2


def test_who_has_left_costs_nothing_more():
    _, field, _ = settle({0: logs(1, 1.0, 8.0)}, spread=0.01)
    _, all_the_time, _ = settle({0: logs(1, 1.0, 1.0)}, spread=0.01)
    assert field.asked < all_the_time.asked


def test_what_fails_is_told_and_the_others_are_ranked():
    class Failing(SimulatedField):
        def block(self, wanted):
            if any(1 in arms for arms in wanted.values()):
                raise CellFailedError(0, "no inference here", 1)
            return super().block(wanted)

    book, _, _ = contest(Failing({0: logs(1, 1, 2)}), [0], 3, SETTINGS)
    assert book.left(0) == [0]
    last = book.ranking(0)[-1]
    assert (last.arm, last.standing, last.reason) == (1, Standing.FAILED, "no inference here")


@pytest.mark.parametrize("arms", [1, 2, 3])
def test_one_that_is_alone_is_best_by_default_and_nothing_is_timed(arms):
    """A block needs two who take turns: with one of two sides left it ended in a traceback."""
    field = SimulatedField({0: logs(*[1] * arms)})
    without = {(0, arm): "defective" for arm in range(1, arms)}
    book, _, _ = contest(field, [0], arms, SETTINGS, without=without)
    assert field.asked == 0
    assert (book.state(0), book.open()) == (State.DECIDED, {})
    assert (book.ranking(0)[0].standing, book.ranking(0)[0].blocks) == (Standing.BEST, 0)


def test_one_that_is_left_when_the_other_fails_is_not_timed_alone():
    class Failing(SimulatedField):
        def block(self, wanted):
            assert all(len(arms) > 1 for arms in wanted.values())
            raise CellFailedError(0, "no inference here", 1)

    book, _, _ = contest(Failing({0: logs(1, 1)}), [0], 2, SETTINGS)
    assert (book.left(0), book.state(0)) == ([0], State.DECIDED)


def test_nobody_left_is_no_winner():
    book, _, _ = contest(SimulatedField({0: logs(1)}), [0], 1, SETTINGS, without={(0, 0): "x"})
    assert book.state(0) is State.FAILED
    assert [p.standing for p in book.ranking(0)] == [Standing.FAILED]


def test_blocks_from_before_count():
    times = {0: logs(1, 2)}
    field = SimulatedField(times)
    before = [field.block({0: (0, 1)}) for _ in range(30)]
    book, seconds, _ = contest(SimulatedField(times), [0], 2, SETTINGS, before=before)
    assert seconds == 0
    assert book.state(0) is State.DECIDED
    assert isinstance(book, Contest)
