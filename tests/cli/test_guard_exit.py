"""guard's exit code is a function of its document alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.commands.guard import exit_code
from tests.test_headlines import WORDS, compared


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"incorrect": ["b is defective"]}, 4),
        (compared("not slower", "equal", "faster"), 0),
        (compared("slower", "failed", "undecided"), 1),
        (compared("undecided", alarm=True), 1),
        (compared("not slower", "failed", "undecided"), 4),
        (compared("not slower", "undecided"), 3),
        (compared("undecided", interrupted=True), 130),
        (compared("slower", interrupted=True), 1),
        (compared("failed", interrupted=True), 4),
        (compared("not slower") | {"missing": ["mine.py:Gone"]}, 3),
        (compared("not slower"), 0),
        (compared(), 3),
    ],
)
def test_the_worst_comes_first(document, code):
    assert exit_code(document) == code


@given(st.lists(st.sampled_from(WORDS), max_size=8), st.booleans(), st.booleans())
def test_nothing_but_decided_cells_is_a_success(verdicts, alarm, interrupted):
    document = compared(*verdicts, alarm=alarm or "slower" in verdicts, interrupted=interrupted)
    fine = set(verdicts) <= {"faster", "equal", "not slower"} and verdicts
    assert (exit_code(document) == 0) == bool(fine and not alarm and not interrupted)
