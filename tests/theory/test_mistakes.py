"""Every mistake is what it says, no two are the same, and none that was known is lost."""

from __future__ import annotations

import itertools
from collections import defaultdict
from functools import cache

import pytest
import torch

from lstm_bench.conformance.diagnosis.match import after_steps
from lstm_bench.conformance.mutants import GRADIENT_MUTANTS, VALUE_MUTANTS, backward
from lstm_bench.theory import compute
from lstm_bench.theory.edits import Theory
from lstm_bench.theory.families import LSTM
from lstm_bench.theory.mistakes import IN_GRADIENTS, IN_VALUES
from lstm_bench.theory.mistakes.backward import clipped_back
from lstm_bench.theory.mistakes.sequences import restart_every
from tests.conformance.test_diagnosis_mutants import (
    BACKWARD,
    NOTHING,
    SITUATIONS,
    results_in_all_situations,
    same,
)

NAMES = {("h", "c"): "state", ("h",): "h", ("c",): "c"}


def values(theory, problem):
    with torch.no_grad():
        return compute.run(theory, dict(problem.parameters.named()), problem.x, problem.state)


def in_all_situations(theory, situations=SITUATIONS):
    return [values(theory, problem) for problem in situations]


def gradients(theory):
    p, named = BACKWARD, dict(BACKWARD.parameters.named())
    found = compute.gradients(theory, named, p.x, p.state, vars(p.cotangents))
    return [{f"grad {name}": gradient for name, gradient in found.items()}]


def summed(found):
    """Sums of every part, by which likely equals are found at once."""
    return tuple(round(t.nan_to_num(7.0).sum().item(), 5) for _, t in sorted(found.items()))


@cache
def of_values():
    found = defaultdict(list)
    for mistake in IN_VALUES:
        results = in_all_situations(mistake.theory)
        found[summed(results[2])].append((mistake, results))
    return found


@cache
def of_gradients():
    found = defaultdict(list)
    for mistake in IN_GRADIENTS:
        results = gradients(mistake.theory)
        found[summed(results[0])].append((mistake, results))
    return found


@pytest.mark.parametrize("table", [of_values, of_gradients])
def test_no_two_mistakes_are_ever_confused(table):
    confused = [
        (one.sentence, other.sentence)
        for alike in table().values()
        for (one, first), (other, second) in itertools.combinations(alike, 2)
        if same(first, second)
    ]
    assert confused == []


@pytest.mark.parametrize(
    ("table", "right"), [(of_values, in_all_situations), (of_gradients, gradients)]
)
def test_none_of_them_is_none(table, right):
    exact = right(Theory(LSTM))
    assert [m.edits for m, found in table()[summed(exact[-1])] if same(found, exact)] == []


def test_mistakes_in_the_gradients_leave_the_values_alone():
    exact = [values(Theory(LSTM), BACKWARD)]
    for mistake in IN_GRADIENTS:
        assert same([values(mistake.theory, BACKWARD)], exact), mistake.edits


def test_every_mistake_in_the_values_that_was_known_is_one_of_these():
    lost = []
    for mutant in VALUE_MUTANTS:
        found = results_in_all_situations(mutant)
        # Of NaN and of what overflows less was said: what is ignored was NaN all the same.
        known = [results[:3] for _, results in of_values()[summed(found[2])]]
        if not any(same(found[:3], results) for results in known):
            lost.append(mutant.name)
    assert lost == []


def test_every_mistake_in_the_gradients_that_was_known_is_one_of_these():
    exact = NOTHING.gradients(BACKWARD)
    lost = []
    for mutant in GRADIENT_MUTANTS:
        found = mutant.gradients(BACKWARD, exact)
        if not any(same([found], results) for _, results in of_gradients()[summed(found)]):
            lost.append(mutant.name)
    assert lost == []


def test_what_is_made_of_a_number_that_was_read_off_is_what_was_known_too():
    """Gradients clipped at a limit, and states that start again after so many steps."""
    exact = NOTHING.gradients(BACKWARD)
    found = [gradients(m.theory) for limit in (0.01, 0.25) for m in clipped_back(limit)]
    for mutant in backward.clipped_inside():
        if mutant.name.endswith(("_0.01", "_0.25")):
            expected = mutant.gradients(BACKWARD, exact)
            assert any(same([expected], one) for one in found), mutant.name
    for which in (("h", "c"), ("h",), ("c",)):
        (expected,) = [m for m in after_steps(3) if m.name.startswith(f"{NAMES[which]}_restarts")]
        mine = in_all_situations(restart_every(3, which).theory)
        assert same(mine, results_in_all_situations(expected))


def test_every_one_has_a_sentence_of_its_own_and_a_class():
    everything = IN_VALUES + IN_GRADIENTS
    sentences = defaultdict(list)
    for mistake in everything:
        sentences[mistake.sentence].append(mistake)
        assert mistake.sentence[0] != " "
        assert mistake.sentence[-1] not in ".,"
    shared = {s: len(m) for s, m in sentences.items() if len(m) > 1}
    # How a bias was split between two tensors is nothing that anybody wants to know.
    assert all("bias" in s or "multiplies what comes from x and from h" in s for s in shared)
