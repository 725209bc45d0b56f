"""What a decision will take, told before it starts, and what is left for timing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.compare.budget import (
    PAGE_SECONDS,
    SUBJECT_SECONDS,
    TIMING_SECONDS,
    blocks_needed,
    outlook,
    seen_to_be_short,
    timing_left,
)


@pytest.mark.parametrize(
    ("subjects", "jobs", "turns"),
    [((1, 1), 2, 2), ((3, 3), 2, 4), ((3,), 2, 2), ((8,), 8, 1), ((8,), 1, 8), ((), 2, 0)],
)
def test_the_checks_of_a_side_run_side_by_side_and_the_sides_one_after_the_other(
    subjects, jobs, turns
):
    found = outlook(None, subjects, 8, jobs=jobs)
    assert found.checking == turns * SUBJECT_SECONDS
    assert found.timing == TIMING_SECONDS
    assert found.warning is None


def test_it_is_told_in_a_line():
    assert outlook(None, (1, 1), 8).line == ("about 16 s of checking, then at most 120 s of timing")
    assert outlook(None, (), 8).line == "at most 120 s of timing"
    assert outlook(60.0, (1, 1), 1).line == "about 16 s of checking, then at most 40 s of timing"
    assert outlook(10.0, (1, 1), 1).line == "about 16 s of checking, then no time for timing"


def test_a_budget_that_is_too_short_is_told_with_the_time_it_needs():
    found = outlook(40.0, (3, 3), 24)
    assert found.needed == pytest.approx(32 + 8 * 24 * 2 * 0.2 + PAGE_SECONDS)
    assert "a budget of 40 s is too short" in found.warning
    assert f"--budget {math.ceil(found.needed)}s" in found.warning
    assert outlook(found.needed, (3, 3), 24).warning is None


def test_more_cells_sides_or_certainty_need_more():
    least = outlook(None, (), 1).needed
    assert outlook(None, (), 2).needed > least
    assert outlook(None, (), 1, sides=3).needed > least
    assert outlook(None, (), 1, blocks=9).needed > least
    assert outlook(None, (), 1, costs=2).needed > outlook(None, (), 1, costs=1).needed > least
    assert blocks_needed(100) == 8


def test_a_budget_that_the_first_block_shows_to_be_too_short_is_told():
    # 20 s have gone by when a block of 6 s is there: seven more, and a page.
    needed = 20 + 7 * 6 + PAGE_SECONDS
    assert f"--budget {needed:.0f}s" in seen_to_be_short(needed - 1, 20.0, 6.0, 8)
    assert seen_to_be_short(needed, 20.0, 6.0, 8) is None
    assert seen_to_be_short(None, 20.0, 6.0, 8) is None


@given(st.floats(0.1, 1e4), st.floats(0, 1e4))
def test_what_is_asked_for_is_all_that_is_waited_for(asked, elapsed):
    left = timing_left(asked, elapsed)
    assert left >= 0
    assert left == 0 or elapsed + left + PAGE_SECONDS == pytest.approx(asked)
    assert timing_left(None, elapsed) == TIMING_SECONDS
