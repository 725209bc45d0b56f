"""Shapes: what fits is returned, what does not is named with its place."""

import json
from dataclasses import asdict, fields

import pytest

from lstm_bench.compare import choice, contest, decide, session
from lstm_bench.compare.arena import BlockRecord, Cell, Conditions
from lstm_bench.compare.arms import Side
from lstm_bench.compare.calibration import Profile, Way
from lstm_bench.conformance.records import CheckResult, Judgement, Status, Verdict
from lstm_bench.measure import run
from lstm_bench.measure.workloads import PASSES, Workload
from lstm_bench.store import files
from lstm_bench.store.kinds import KINDS
from lstm_bench.store.shapes import (
    MisshapenError,
    items,
    maybe,
    number,
    one_of,
    record,
    row,
    table,
    text,
    whole,
)


@pytest.mark.parametrize(
    ("shape", "value", "words"),
    [
        (text, 3, "is 3, not a text"),
        (number(0, 5), "3", "is '3', not a number"),
        (number(0, 5), True, "is True, not a number"),
        (number(0, 5), float("nan"), "is nan, not between 0 and 5"),
        (number(0, 5), 10**400, "is a huge number, not between"),
        (whole(), 1.5, "is 1.5, not a whole number"),
        (one_of("a", "b"), ["a"], "is a list of 1, not one of a, b"),
        (items(text), {}, "is an object of 0, not a list"),
        (items(text, least=1), [], "is empty"),
        (items(text, distinct=str), ["a", "a"], "holds an entry twice"),
        (items(items(whole())), [[1], [2, None]], "[1][1] is null, not a whole number"),
        (row(text, whole()), ["a"], "not a list of 2"),
        (table(number()), {"a": "x"}, "a is 'x', not a number"),
        (record({"a": record({"b": text})}), {"a": {}}, "a.b is missing"),
        (record({}, {"a": text}), {"a": None}, "a is null, not a text"),
        (maybe(number(0, 1)), 2, "is 2, not between"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(shape, value, words):
    with pytest.raises(MisshapenError) as caught:
        shape(value)
    assert words in str(caught.value)


def test_what_fits_is_returned_without_what_nobody_knows():
    assert record({"a": text}, rest=False)({"a": "x", "b": 1}) == {"a": "x"}
    assert record({"a": text})({"a": "x", "b": 1}) == {"a": "x", "b": 1}
    assert maybe(number())(float("inf")) is None
    assert maybe(number())(None) is None


def test_words_that_other_rooms_own_are_the_same_here():
    assert files.PASSES == PASSES
    for ours, theirs in (
        (files.VERDICTS, Verdict),
        (files.STATUSES, Status),
        (files.OUTCOMES, decide.Outcome),
        (files.STANDINGS, contest.Standing),
        (files.STATES, contest.State),
    ):
        assert set(ours) == {str(word) for word in theirs}


OTHER = {str: "cuda", bool: None, int: 7, float: 0.125}


def unlike_its_defaults(kind, **given):
    """An instance in which every field that has a simple default has another value."""
    values = {}
    for field in fields(kind):
        if field.name not in given and isinstance(field.default, (bool, int, float, str)):
            flipped = not field.default if isinstance(field.default, bool) else None
            values[field.name] = flipped if flipped is not None else OTHER[type(field.default)]
    return kind(**{**values, **given})


def through_json(value):
    return json.loads(json.dumps(value))


WORKLOAD = Workload(2, 3, 5, 7, head=False)
CONDITIONS = unlike_its_defaults(Conditions, dtype="float64", clock="wall")
SETTINGS = unlike_its_defaults(decide.Settings)


@pytest.mark.parametrize(
    ("kind", "plan"),
    [
        ("run", unlike_its_defaults(
            run.Plan, subjects=("a", "b"), workloads=(WORKLOAD,), passes=("step",),
            dtype="float64", threads=3)),
        ("comparison", session.Plan(
            "a?", Side("x", ("a",), "/root"), Side("y", ("b",)), (Cell(0, WORKLOAD, "step"),),
            CONDITIONS, SETTINGS, "c")),
        ("choice", choice.Plan(
            "a?", ("a", "b"), (Cell(0, WORKLOAD, "step"),), CONDITIONS, SETTINGS, "c")),
    ],
)  # fmt: skip
def test_no_field_of_a_plan_is_lost_on_the_way_to_disk_and_back(kind, plan):
    """A field that is added to a plan and not to its shape would be dropped without a word."""
    fields_read = KINDS[kind].plan(through_json(asdict(plan)))
    assert type(plan).from_json(fields_read) == plan


def test_what_this_version_writes_fits():
    check = CheckResult("sequence", "equations", Status.FAIL, "y is off", "import torch", 0.1)
    judgement = Judgement("a", Verdict.DEFECTIVE, ("b",), {"layout": "c"}, (check,), 1.0)
    files.judgements(through_json([judgement.as_json()]))
    turns = tuple((side, (1e-3, 2e-3)) for side in (0, 1, 1, 0))
    lines = [
        (files.comparison_block, BlockRecord(3, 0, 0.1, 2, 0, (turns,), None)),
        (files.choice_block, BlockRecord(3, 0, None, 2, 0, (turns,), {"clocks.sm": "3"})),
    ]
    for shape, line in lines:
        found = shape(through_json(asdict(line)))
        assert found == through_json(asdict(line))
    costs = choice.Costs({(0, 1): None}, {0: dict.fromkeys(choice_parts(), 0.1)}, {1: "why"})
    assert choice.Costs.from_json(files.costs(through_json(costs.as_json()))) == costs
    way = Way(1, "cpu", True, 0.002, 9, 0.01, 0.02, 0.5, 0.05)
    profile = Profile((way,), {"cpu": "x"}, "abc", "2030", "cuda", 60.0, {"a": 0.1})
    assert Profile.from_json(files.profile(through_json(profile.as_json()))) == profile


def choice_parts():
    return ("load_seconds", "build_seconds", "first_call_seconds")
