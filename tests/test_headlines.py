"""Headlines claim what is decided and nothing else, whatever the mixture."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.headlines import choice, comparison, guard, share

WORDS = ("slower", "faster", "equal", "not slower", "undecided", "failed")


def compared(*verdicts, alarm=None, both_ways=False, interrupted=False):
    """A comparison's document; ratios grow from cell to cell, what has failed has none."""
    cells = [
        {
            "baseline": "a", "candidate": "dir/mine.py:B", "workload": f"W{n}", "pass": "forward",
            "verdict": verdict, "ratio": None if verdict == "failed" else 1.1 + 0.1 * n,
            "blocks": 8,
        }
        for n, verdict in enumerate(verdicts)
    ]  # fmt: skip
    return {
        "question": "B against A:", "margin": 0.05, "alpha": 0.01, "both_ways": both_ways,
        "alarm": "slower" in verdicts if alarm is None else alarm, "interrupted": interrupted,
        "cells": cells,
    }  # fmt: skip


def chosen(*cells, interrupted=False):
    """A choice's document, of cells such as ("decided", "a", "b"): verdict, best, the rest."""
    found = []
    for batch, (verdict, best, *others) in enumerate(cells, 1):
        best = best.split("+") if best else []
        places = [{"target": name, "ratio": 1.0, "verdict": "best"} for name in best]
        places += [{"target": name, "ratio": 2.0, "verdict": "slower"} for name in others]
        found.append(
            {
                "batch": batch, "steps": 35, "hidden_size": 256, "pass": "forward",
                "verdict": verdict, "best": best, "ranking": places,
            }
        )  # fmt: skip
    return {"cells": found, "alpha": 0.01, "margin": 0.05, "interrupted": interrupted}


# -- choose --------------------------------------------------------------------------------------

ONE = "For batch 1, hidden 256, 35 steps, forward, on this machine"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            [("decided", "torch_nn", "dir/mine.py:LSTM")],
            f"{ONE}: torch_nn, 2.00× the speed of mine.py:LSTM; sure at 99%.",
        ),
        ([("tie", "a+b")], f"{ONE}: a and b are equally fast within 5%; sure at 99%."),
        ([("undecided", "a+b")], f"{ONE}: undecided among a and b."),
        ([("failed", "")], f"{ONE}: no candidate could be measured."),
        (
            [("decided", "a")],
            f"{ONE}: a is the only candidate that is left, so nothing was compared.",
        ),
        (
            [("decided", "a", "b")] * 3,
            "a is fastest in all 3 cells, 2.00 to 2.00 times as fast as the next; sure at 99%.",
        ),
        (
            [("decided", "a", "b"), ("decided", "b", "a"), ("tie", "a+b")],
            "Of 3 cells, a is fastest in 1, b is fastest in 1, 1 tied within 5%; sure at 99%.",
        ),
        (
            [("decided", "a", "b"), *[("undecided", "a+b")] * 5, ("failed", ""), ("decided", "b")],
            "Of 8 cells, 1 is decided: a is fastest in 1; sure at 99%. "
            "The others: 5 undecided, 1 failed, b is the only candidate in 1.",
        ),
        (
            [("undecided", "a+b")] * 7 + [("failed", "")],
            "None of 8 cells is decided: 7 undecided, 1 failed.",
        ),
        (
            [("decided", "a")] * 2,
            "a is the only candidate that is left, so nothing was compared.",
        ),
        (
            [("decided", "a"), ("decided", "b")],
            "None of 2 cells is decided: a is the only candidate in 1, b is the only candidate in "
            "1.",
        ),
        ([], "Nothing is decided: there are no cells."),
    ],
)
def test_a_choice_says_what_is_decided(cells, said):
    assert choice(chosen(*cells)) == said
    assert choice(chosen(*cells, interrupted=True)) == f"{said} Stopped before the end."


# -- compare -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["faster"] * 2, "Of 2 cells, 2 faster; sure at 99%. The most: 1.20 times the time, on W1"),
        (["undecided"], "Nothing is decided: 1 undecided."),
        (["failed", "undecided"], "None of 2 cells is decided: 1 undecided, 1 failed."),
        (
            ["slower", "equal", *["undecided"] * 5, "failed"],
            "Of 8 cells, 2 are decided: 1 slower, 1 equal within 5%; sure at 99%. "
            "The others: 5 undecided, 1 failed. The most: 1.10 times the time, on W0, forward.",
        ),
        ([], "Nothing is decided: there are no cells."),
    ],
)
def test_a_comparison_says_what_is_decided(verdicts, said):
    assert comparison(compared(*verdicts)).startswith(f"B against A: {said}")
    assert comparison(compared(*verdicts, interrupted=True)).endswith(" Stopped before the end.")


def test_not_slower_is_an_answer_to_guard_and_half_of_one_to_compare():
    assert comparison(compared("not slower")).endswith(
        "Of 1 cell, 1 not slower by 5%; sure at 99%."
    )
    assert comparison(compared("not slower", both_ways=True)).endswith(
        "Nothing is decided: 1 not slower by 5%, but perhaps faster."
    )


def test_an_alarm_that_names_nobody_is_said():
    assert "ALARM: all cells together" in comparison(compared("undecided", alarm=True))
    assert "ALARM" not in comparison(compared("slower", alarm=True))


# -- guard ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["not slower"], "No regression of 5% or more in the one cell."),
        (["not slower", "faster", "equal"], "No regression of 5% or more in any of 3 cells."),
        (
            ["slower", "not slower"],
            "REGRESSION: 1 of 2 cells are slower, most mine.py:B W0 forward: 1.100 times.",
        ),
        (
            ["slower", "not slower", "undecided", "undecided", "failed"],
            "REGRESSION: 1 of 2 decided cells are slower, most mine.py:B W0 forward: 1.100 times. "
            "2 undecided and 1 failed.",
        ),
        (
            ["undecided"] * 2,
            "Undecided: of 2 cells, 2 undecided. More time (--budget) or a quieter machine may "
            "help.",
        ),
        (
            ["undecided", "failed", "not slower"],
            "Undecided: of 3 cells, 1 undecided and 1 failed. No regression of 5% or more in the "
            "other 1. More time (--budget) or a quieter machine may help.",
        ),
        (
            ["failed", "not slower"],
            "Failed: of 2 cells, 1 failed. No regression of 5% or more in the other 1.",
        ),
        (["failed"], "Failed: of 1 cells, 1 failed."),
        (
            [],
            "Undecided: of 0 cells, nothing was compared. More time (--budget) or a quieter "
            "machine may help.",
        ),
    ],
)
def test_a_gate_says_what_is_decided(verdicts, said):
    assert guard(compared(*verdicts)) == said
    assert guard(compared(*verdicts, interrupted=True)) == f"{said} Stopped before the end."


def test_all_together_slower_is_a_regression_without_a_name():
    assert guard(compared("not slower", "undecided", alarm=True)) == (
        "REGRESSION: all cells together are slower, none so much that it could be named. "
        "1 undecided."
    )


# -- whatever the mixture ------------------------------------------------------------------------


def numbers(pattern, text):
    return sum(int(found) for found in re.findall(pattern, text))


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.booleans(), st.booleans())
def test_a_comparison_never_claims_more_cells_than_are_decided(verdicts, both_ways, alarm):
    counts = Counter(verdicts)
    decided = len(verdicts) - counts["undecided"] - counts["failed"]
    decided -= counts["not slower"] if both_ways else 0
    said = comparison(compared(*verdicts, both_ways=both_ways, alarm=alarm))
    claims = said.partition("The others:")[0] if decided else ""
    claimed = numbers(r"(\d+) (?:slower|faster|equal within|not slower)", claims)
    assert claimed == decided
    assert ("sure at" in said) == (decided > 0)
    assert numbers(r"(\d+) undecided", said) == counts["undecided"]
    assert numbers(r"(\d+) failed", said) == counts["failed"]


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.booleans())
def test_a_gate_never_claims_more_cells_than_are_decided(verdicts, alarm):
    counts = Counter(verdicts)
    decided = len(verdicts) - counts["undecided"] - counts["failed"]
    said = guard(compared(*verdicts, alarm=alarm or counts["slower"] > 0))
    assert numbers(r"REGRESSION: (\d+) of", said) == counts["slower"]
    assert numbers(r"of (\d+) (?:decided )?cells are", said) in (0, decided)
    fine = numbers(r"in the other (\d+)\.", said) + numbers(r"in any of (\d+) cells", said)
    fine += "in the one cell" in said
    assert fine in (0, decided)
    assert numbers(r"(\d+) undecided", said) == counts["undecided"]
    assert said.startswith("No regression") <= (decided == len(verdicts) > 0)


CELLS = st.sampled_from(
    [
        ("decided", "a", "b"), ("decided", "b", "a"), ("decided", "a"), ("tie", "a+b"),
        ("undecided", "a+b"), ("failed", ""),
    ]
)  # fmt: skip


@given(st.lists(CELLS, min_size=2, max_size=12))
def test_a_choice_never_claims_more_cells_than_are_decided(cells):
    decided = sum(len(c) == 3 or c[0] == "tie" for c in cells)
    said = choice(chosen(*cells))
    claimed = numbers(r"fastest in (?:all )?(\d+)", said) + numbers(r"(\d+) tied", said)
    assert claimed == decided
    assert ("sure at" in said) == (decided > 0)
    assert numbers(r"(\d+) undecided", said) == sum(c[0] == "undecided" for c in cells)
    assert numbers(r"(\d+) failed", said) == sum(c[0] == "failed" for c in cells)


def test_nothing_is_ever_certain():
    assert share(0.9999) == "99.99%"
    assert share(0.05) == "5%"
    assert share(0.005) == "0.5%"
