"""The bets: fair where nothing differs, whenever one looks, and rich where something does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.compare.evidence import Bets, at_most, capitals, interval, named

LIMIT = math.log(1.015)


def scores(effect, n, seed, spread=0.02):
    noise = np.random.default_rng(seed).standard_t(3, n)
    return list(effect + spread * noise)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_over_all_signs_a_bet_on_zero_is_exactly_fair(sizes):
    """The mean capital over every assignment of signs is 1: that is all the validity rests on."""
    total = 0.0
    for k in range(2 ** len(sizes)):
        signed = [s if k >> j & 1 else -s for j, s in enumerate(sizes)]
        total += capitals(signed, np.zeros(1))[0]
    assert total / 2 ** len(sizes) == pytest.approx(1.0, rel=1e-6)


def test_identical_code_seldom_reaches_the_threshold_at_any_look():
    """Of 2000 runs of 60 looks each, at most α = 5 % ever reach 1/α; in fact far fewer."""
    random = np.random.default_rng(0)
    bets = Bets(np.zeros(2000))
    ever = np.zeros(2000, dtype=bool)
    for _ in range(60):
        bets.see(random.standard_t(2, 2000) * 0.02)
        ever |= bets.capital >= 20
    assert ever.mean() < 0.05


def test_a_slowdown_beyond_the_noise_is_found_in_two_dozen_blocks():
    grown = [capitals(scores(0.05, 24, seed, 0.01), np.array([LIMIT]))[0] for seed in range(20)]
    assert np.median(grown) > 1000


def test_one_burst_does_not_undo_what_was_gained():
    before = scores(math.log(1.08), 15, 2, 0.01)
    after = capitals([*before, -2.0], np.array([LIMIT]))[0]
    assert after > capitals(before, np.array([LIMIT]))[0] / 1000


def test_each_bet_of_several_is_what_it_would_be_alone():
    found = scores(0.03, 12, 3)
    together = Bets(np.array([[0.0, 0.05], [0.01, -0.02]]), above=np.array([[True, False]] * 2))
    for score in found:
        together.see(score)
    alone = capitals(found, np.array([0.05]), above=False)[0]
    assert together.capital[0, 1] == pytest.approx(alone)


def test_the_interval_holds_the_truth_and_shrinks():
    narrow, wide = interval(scores(0.02, 40, 4)), interval(scores(0.02, 10, 4))
    assert narrow[0] < 0.02 < narrow[1]
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_few_scores_exclude_nothing():
    assert interval([0.1, 0.1, 0.1]) == (-np.inf, np.inf)
    assert interval([]) == (-np.inf, np.inf)
    assert at_most([0.0] * 3, 0.01) == np.inf


def test_intervals_cover_as_often_as_they_say():
    held = 0
    for seed in range(200):
        low, high = interval(scores(0.03, 12, seed), 0.95)
        held += low <= 0.03 <= high
    assert held >= 190


def test_what_is_excluded_lies_above_what_is_there():
    for seed in range(20):
        assert at_most(scores(0.0, 20, seed), 0.01) > 0 - 1e-9


def test_only_cells_with_enough_evidence_are_named():
    assert named({0: 1.0, 1: 2000.0, 2: 0.1}, 0.01) == {1}
    assert named(dict.fromkeys(range(24), 100.0), 0.01) == set(range(24))
    assert named({0: 99.0}, 0.01) == set()


def test_sign_flips_agree_with_scipy_on_a_fixed_number_of_blocks():
    """The fixed-n test of the same hypothesis: where it is sure, the bets are on the same side."""
    from scipy.stats import permutation_test

    found = np.array(scores(math.log(1.06), 12, 7, 0.015)) - LIMIT
    test = permutation_test(
        (found,), np.mean, permutation_type="samples", alternative="greater", n_resamples=4095
    )
    assert test.pvalue < 0.01
    assert capitals(list(found + LIMIT), np.array([LIMIT]))[0] > 20
