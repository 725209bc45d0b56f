"""Samples and rounds, on a simulated machine."""

import itertools

import pytest

from lstm_bench.measure.clock import WallClock
from lstm_bench.measure.sampler import (
    BATCH_SECONDS,
    SubjectFailedError,
    calibrate,
    interleave,
)
from tests.measure.fakes import Machine


def take_of(*arguments):
    return Machine().take_of(*arguments)


@pytest.mark.parametrize("seconds", [1e-6, 1e-5, 1e-3, 1.0])
def test_a_batch_is_long_enough_for_the_clock_and_no_longer(seconds):
    inner = calibrate(take_of(seconds))
    assert inner >= 1
    assert inner * seconds >= 0.5 * BATCH_SECONDS
    assert inner == 1 or inner * seconds <= 2 * BATCH_SECONDS


def test_warm_up_ends_when_two_batches_agree_and_gives_up_in_the_end():
    sizing = [0.005] * 4
    settling = Machine()
    calibrate(settling.take_of(iter([*sizing, 0.008, 0.004, 0.002, 0.002, 0.001])))
    assert settling.calls == len(sizing) + 4
    restless = Machine()
    calibrate(restless.take_of(itertools.cycle([0.005, 0.007])), batches=6)
    assert restless.calls == len(sizing) + 6
    slow = Machine()
    calibrate(slow.take_of(itertools.cycle([0.011, 0.015])))
    assert slow.calls == len(sizing) + 4  # after a twentieth of a second


def test_a_short_call_that_is_held_up_once_is_not_taken_for_a_long_one():
    for held_up in range(2):
        times = [0.0001] * held_up + [0.05] + [0.0001] * 10_000
        assert calibrate(take_of(iter(times))) == 40


def test_a_call_that_lasts_long_is_warm_after_two():
    machine = Machine()
    assert calibrate(machine.take_of(2.0)) == 1
    assert machine.calls == 2


def test_no_round_begins_after_the_budget_but_three_are_taken_anyway():
    calls = {"a": take_of(1.0), "b": take_of(1.0)}
    assert len(interleave(calls, rounds=50, seed=0, budget=0.5)["a"]) == 3
    assert len(interleave(calls, rounds=50, seed=0, budget=20.0)["a"]) == 10


@pytest.mark.parametrize(("rounds", "budget"), [(4, 100.0), (50, 9.0), (50, 0.1)])
def test_the_last_round_is_told_before_it_begins(rounds, budget):
    log: list[str] = []
    calls = {name: take_of(1.0, log, name) for name in "ab"}
    samples = interleave(
        calls, rounds=rounds, seed=0, budget=budget, last_one=lambda: log.append("last")
    )
    assert log.count("last") == 1
    assert log.index("last") == len(log) - 3
    assert len(samples["a"]) in (3, 4, 5)


def test_every_round_samples_every_call_once_in_changing_order():
    log: list[str] = []
    calls = {name: take_of(1.0, log, name) for name in "abc"}
    samples = interleave(calls, rounds=20, seed=1)
    taken = log[-60:]
    rounds = [taken[3 * k : 3 * k + 3] for k in range(20)]
    assert all(sorted(r) == ["a", "b", "c"] for r in rounds)
    assert len({tuple(r) for r in rounds}) > 3
    assert all([s.round for s in samples[n]] == list(range(20)) for n in "abc")


def test_drift_over_the_run_cancels_in_the_ratios_within_rounds():
    """A machine that gets three times slower: absolute times are off, ratios are not."""
    machine = Machine(drift=lambda k: 1 + k / 100)
    takes = {"a": machine.take_of(0.02), "b": machine.take_of(0.03)}
    samples = interleave(takes, rounds=100, seed=0)
    a, b = ([s.seconds for s in samples[n]] for n in "ab")
    assert max(a) / min(a) > 2
    ratios = sorted(y / x for x, y in zip(a, b, strict=True))
    assert ratios[50] == pytest.approx(1.5, rel=0.02)


def test_the_order_depends_on_the_seed_alone():
    def order(seed):
        log: list[str] = []
        interleave({n: take_of(1.0, log, n) for n in "ab"}, rounds=8, seed=seed)
        return log

    assert order(3) == order(3)
    assert order(3) != order(4)


def test_a_call_that_fails_is_named_wherever_it_fails():
    def failing_after(good):
        return take_of(itertools.chain([0.01] * good, iter(["no time"])))

    for good in (0, 3, 12):
        calls = {"right": take_of(0.01), "wrong": failing_after(good)}
        with pytest.raises(SubjectFailedError) as failure:
            interleave(calls, rounds=10, seed=0)
        assert failure.value.name == "wrong"


def test_the_clock_hands_out_the_result_so_that_freeing_it_is_not_timed():
    freed = []

    class Result:
        def __del__(self):
            freed.append(True)

    _, result = WallClock().time(Result)
    assert freed == []
    del result
    assert freed == [True]
