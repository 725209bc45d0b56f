"""A result leads back to the mistake that made it, and a right one to none."""

import pytest
import torch

from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.problem import draw
from lstm_bench.theory.edits import Theory
from lstm_bench.theory.families import LSTM
from lstm_bench.theory.matching import Question, changes_only, matching, shows_at_once
from lstm_bench.theory.mistakes import IN_GRADIENTS, IN_VALUES

PROBLEM = draw(6, 5, 3, 7, seed=4, head_size=4)
NAMED = dict(PROBLEM.parameters.named())
COTANGENTS = dict(vars(PROBLEM.cotangents))
VALUES = Question(NAMED, PROBLEM.x, PROBLEM.state)
WITHOUT_HEAD = Question(dict(PROBLEM.parameters.without_head().named()), PROBLEM.x, PROBLEM.state)
BACKWARD = Question(NAMED, PROBLEM.x, PROBLEM.state, COTANGENTS)


def close(name, got, expected):
    return relative_error(got, expected) < 1e-9


def first(known, asked, made):
    return next(matching(known, asked, made.items(), close), None)


@pytest.mark.parametrize(("asked", "known"), [(VALUES, IN_VALUES), (BACKWARD, IN_GRADIENTS)])
def test_every_so_many_is_found_and_first_of_those_that_fit(asked, known):
    for mistake in known[::31]:
        # Behind an output layer, what it reads and what a layer without one gives are the same.
        here = WITHOUT_HEAD if "outputs" in mistake.edits[0].places else asked
        if "default" not in mistake.edits[0].places[0] and mistake.failure_class != "numerics":
            found = first(known, here, here.answered_by(mistake.theory))
            assert found == mistake, (found.sentence, mistake.sentence)


@pytest.mark.parametrize(("asked", "known"), [(VALUES, IN_VALUES), (BACKWARD, IN_GRADIENTS)])
def test_what_is_right_has_no_mistake_but_those_that_do_not_show_there(asked, known):
    found = list(matching(known, asked, asked.answered_by(Theory(LSTM)).items(), close))
    assert all("default" in m.edits[0].places[0] or m.failure_class == "numerics" for m in found)


def test_a_glance_at_the_first_step_leaves_nobody_out():
    """Whatever shows at once has the same first output for a longer sequence."""
    at_once = [m for m in IN_VALUES if shows_at_once(m.edits)]
    assert len(at_once) > 600
    for mistake in at_once:
        whole = VALUES.answered_by(mistake.theory)
        begun = VALUES.first_step().answered_by(mistake.theory)
        assert close("y", whole["y"][:, :1], begun["y"]), mistake.sentence


def test_a_sieve_by_what_is_wrong_leaves_nobody_out():
    """Whoever is said to change some gradients only leaves all others as they are."""
    few = [m for m in IN_GRADIENTS if changes_only(m.edits) is not None]
    assert len(few) > 150
    right = BACKWARD.answered_by(Theory(LSTM))
    for mistake in few:
        found = BACKWARD.answered_by(mistake.theory)
        wrong = {name for name in right if not close(name, found[name], right[name])}
        assert wrong <= changes_only(mistake.edits), mistake.sentence


def test_what_a_module_holds_twice_must_be_so_twice():
    mistake = next(m for m in IN_GRADIENTS if changes_only(m.edits) == {"b_f"})
    right, got = (BACKWARD.answered_by(t) for t in (Theory(LSTM), mistake.theory))
    both = [*got.items(), ("b_f", got["b_f"])]
    assert next(matching(IN_GRADIENTS, BACKWARD, both, close)) == mistake
    one = [*got.items(), ("b_f", right["b_f"])]
    assert next(matching(IN_GRADIENTS, BACKWARD, one, close), None) is None


def test_parts_that_are_not_returned_are_not_asked_for():
    mistake = IN_VALUES[0]
    got = VALUES.answered_by(mistake.theory)
    assert first(IN_VALUES, VALUES, {"h": got["h"]}) == mistake
    assert first(IN_VALUES, VALUES, {"z": torch.zeros(1)}) is None
