"""A choice in sentences."""

import pytest

from lstm_bench.compare.verdicts import break_even, crossing


def cell(batch, ranking, verdict="decided", best=None, **sizes):
    places = [
        {"target": name, "ratio": ratio, "verdict": "best" if k == 0 else "slower"}
        for k, (name, ratio) in enumerate(ranking.items())
    ]
    found = {
        "batch": batch, "steps": 35, "input_size": 256, "hidden_size": 256, "pass": "forward",
        "verdict": verdict, "best": best or [places[0]["target"]], "ranking": places,
    }  # fmt: skip
    return found | sizes


def test_where_another_becomes_faster():
    cells = [
        cell(1, {"a": 1.0, "b": 2.0}),
        cell(4, {"a": 1.0, "b": 2.0}),
        cell(16, {"b": 1.0, "a": 2.0}),
    ]
    assert break_even(cells) == [
        "forward, steps 35, hidden 256: a at batch 1 to 4, b at batch 16 (they cross near batch 8)"
    ]
    assert crossing(cells[1], cells[2], "batch") == pytest.approx(8)


def test_ties_and_open_cells_are_said():
    cells = [cell(1, {"a": 1.0, "b": 1.0}, "tie", ["a", "b"]), cell(2, {"a": 1.0}, "undecided")]
    assert break_even(cells) == [
        "forward, steps 35, hidden 256: a and b alike at batch 1, undecided at batch 2"
    ]
    assert break_even([cell(1, {"a": 1.0}, "undecided"), cell(2, {"a": 1.0}, "undecided")]) == []


def test_a_hidden_size_that_the_input_follows_is_one_axis():
    cells = [cell(1, {"a": 1.0, "b": 2.0}, hidden_size=h, input_size=h) for h in (64, 256)]
    assert break_even(cells) == ["forward, batch 1, steps 35: a throughout, at hidden 64 to 256"]
