"""A result leads back to the mistake that made it, and a right one to none."""

import pytest
import torch

from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.problem import draw
from lstm_bench.theory import compute
from lstm_bench.theory.edits import Theory
from lstm_bench.theory.families import LSTM
from lstm_bench.theory.matching import Question, matching, shows_at_once
from lstm_bench.theory.mistakes import IN_GRADIENTS, IN_VALUES

PROBLEM = draw(6, 5, 3, 7, seed=4, head_size=4)
NAMED = dict(PROBLEM.parameters.named())
COTANGENTS = dict(vars(PROBLEM.cotangents))
VALUES = Question(NAMED, PROBLEM.x, PROBLEM.state)
WITHOUT_HEAD = Question(dict(PROBLEM.parameters.without_head().named()), PROBLEM.x, PROBLEM.state)
BACKWARD = Question(NAMED, PROBLEM.x, PROBLEM.state, COTANGENTS)


def close(name, got, expected):
    return relative_error(got, expected) < 1e-9


def made(theory, asked):
    if asked.cotangents is None:
        return compute.run(theory, asked.parameters, asked.x, asked.state)
    return compute.gradients(theory, asked.parameters, asked.x, asked.state, asked.cotangents)


@pytest.mark.parametrize(("asked", "known"), [(VALUES, IN_VALUES), (BACKWARD, IN_GRADIENTS)])
def test_every_so_many_is_found_and_first_of_those_that_fit(asked, known):
    for mistake in known[::31]:
        # Behind an output layer, what it reads and what a layer without one gives are the same.
        here = WITHOUT_HEAD if "outputs" in mistake.edits[0].places else asked
        if "default" not in mistake.edits[0].places[0] and mistake.failure_class != "numerics":
            found = next(matching(known, here, made(mistake.theory, here), close))
            assert found == mistake, (found.sentence, mistake.sentence)


@pytest.mark.parametrize(("asked", "known"), [(VALUES, IN_VALUES), (BACKWARD, IN_GRADIENTS)])
def test_what_is_right_has_no_mistake_but_those_that_do_not_show_there(asked, known):
    found = list(matching(known, asked, made(Theory(LSTM), asked), close))
    assert all("default" in m.edits[0].places[0] or m.failure_class == "numerics" for m in found)


def test_a_glance_at_the_first_step_leaves_nobody_out():
    """Whatever shows at once has the same first output for a longer sequence."""
    at_once = [m for m in IN_VALUES if shows_at_once(m.edits)]
    assert len(at_once) > 600
    for mistake in at_once:
        whole, first = made(mistake.theory, VALUES), made(mistake.theory, VALUES.first_step())
        assert close("y", whole["y"][:, :1], first["y"]), mistake.sentence


def test_parts_that_are_not_returned_are_not_asked_for():
    mistake = IN_VALUES[0]
    got = made(mistake.theory, VALUES)
    assert next(matching(IN_VALUES, VALUES, {"h": got["h"]}, close)) == mistake
    assert next(matching(IN_VALUES, VALUES, {"z": torch.zeros(1)}, close), None) is None
