"""Decisions as documents where there was little to decide: no time, one candidate, failures."""

import json
import random

import pytest

from lstm_bench.compare import choice, session
from lstm_bench.compare.arena import Cell, Conditions
from lstm_bench.compare.arms import Side
from lstm_bench.compare.choice import Choice
from lstm_bench.compare.decide import Settings
from lstm_bench.compare.session import Session
from lstm_bench.conformance.records import Judgement, Verdict
from lstm_bench.measure.workloads import Workload
from lstm_bench.report.kinds.choice import choice_document
from lstm_bench.report.kinds.comparison import comparison_document
from lstm_bench.report.load import open_source
from lstm_bench.report.page import page

CELLS = tuple(Cell(0, Workload(b, 2, 3, 4, head=False), "forward") for b in (1, 2))


class NoArena:
    """Nobody may be timed here."""

    def __init__(self, *_, **__):
        self.random = random.Random(0)
        self.cells = CELLS

    def now(self):
        return 0.0

    def find(self):
        raise AssertionError("it probes, though there is no time for it")

    def probe(self, arm):
        return {}

    def rounds(self, wanted):
        raise AssertionError(f"it times {wanted}")


@pytest.fixture(autouse=True)
def nothing_is_timed(monkeypatch):
    monkeypatch.setattr(choice, "Arena", NoArena)
    monkeypatch.setattr(session, "Arena", NoArena)
    monkeypatch.setattr(choice, "_take_costs", lambda *_: None)


def a_choice(folder, **verdicts):
    plan = choice.Plan(
        "Which?", tuple(verdicts), CELLS, Conditions(), Settings(both_ways=True), "x"
    )
    found = Choice.create(folder, plan)
    judged = [Judgement(name, Verdict(word), ("it is off",)) for name, word in verdicts.items()]
    (folder / "checks.json").write_text(
        json.dumps([{"side": "candidates", **one.as_json()} for one in judged])
    )
    return found


def strict(document):
    """As JSON has it; NaN is none."""
    return json.loads(json.dumps(document, allow_nan=False))


def test_of_two_candidates_one_of_which_is_wrong_the_other_is_the_answer(tmp_path):
    document = strict(a_choice(tmp_path / "c", a="conforms", b="defective").run())
    assert [cell["verdict"] for cell in document["cells"]] == ["decided"] * 2
    assert [cell["best"] for cell in document["cells"]] == [["a"]] * 2
    (place,) = document["cells"][0]["ranking"]
    assert (place["verdict"], place["reason"]) == ("best", "the only one left")
    assert place["milliseconds"] is None
    assert document["left_out"] == [{"target": "b", "reason": "defective: it is off"}]
    said = "a is the only candidate that is left, so nothing was compared."
    assert document["answer"] == said
    assert document["break_even"] == []
    found = choice_document(open_source(tmp_path / "c")[1])
    assert found.answer == document["answer"]
    assert page(found)


def test_a_choice_without_a_right_candidate(tmp_path):
    document = strict(a_choice(tmp_path / "c", a="error", b="defective").run())
    assert {cell["verdict"] for cell in document["cells"]} == {"failed"}
    assert document["answer"] == "None of 2 cells is decided: 2 failed."


def test_a_choice_whose_budget_went_to_the_checks_is_undecided(tmp_path):
    made = a_choice(tmp_path / "c", a="conforms", b="conforms", c="defective")
    document = strict(made.run(left=lambda: 0.0))
    assert {cell["verdict"] for cell in document["cells"]} == {"undecided"}
    assert document["answer"] == "None of 2 cells is decided: 2 undecided."
    assert [one["target"] for one in document["left_out"]] == ["c"]
    assert not (tmp_path / "c" / "costs.json").exists(), "resumed, they are still to be taken"
    assert page(choice_document(open_source(tmp_path / "c")[1]))


def test_a_comparison_whose_budget_went_to_the_checks_is_undecided(tmp_path):
    sides = Side("a", ("torch_nn",)), Side("b", ("torch_nn",))
    plan = session.Plan("B against A:", *sides, CELLS, Conditions(), Settings(both_ways=True), "x")
    made = Session.create(tmp_path / "c", plan)
    assert made.unjudged() == (1, 1)
    decision = made.run(left=lambda: 0.0)
    document = strict(made.as_json(decision))
    assert {cell["verdict"] for cell in document["cells"]} == {"undecided"}
    assert {cell["ratio"] for cell in document["cells"]} == {None}
    assert document["answer"] == "B against A: None of 2 cells is decided: 2 undecided."
    assert page(comparison_document(open_source(tmp_path / "c")[1]))
