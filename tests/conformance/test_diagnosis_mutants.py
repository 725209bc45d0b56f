"""The dictionary of mistakes: its entries are what they say, and no two are the same."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace

import pytest
import torch

from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.mutants import (
    EXACT,
    GRADIENT_MUTANTS,
    MUTANTS,
    VALUE_MUTANTS,
    Mutant,
)
from lstm_bench.conformance.problem import draw, solve_reference
from lstm_bench.conformance.records import CLASSES

ORDINARY = draw(6, 5, 3, 7, seed=1, head_size=4)
NO_STATE = replace(ORDINARY, state=None)
EQUAL_SIZES = draw(5, 5, 3, 7, seed=2)
ENORMOUS = replace(ORDINARY, x=ORDINARY.x * 1e4)
OF_THE_CANDIDATE = torch.tensor([0.01, 0.01, 0.01, 1e4], dtype=torch.float64).reshape(4, 1, 1)
ENORMOUS_CANDIDATE = replace(
    ORDINARY,
    parameters=replace(ORDINARY.parameters, W=ORDINARY.parameters.W * OF_THE_CANDIDATE),
)
NOT_FINITE = replace(ORDINARY, x=ORDINARY.x.clone())
NOT_FINITE.x[0, 1, 0], NOT_FINITE.x[2, 2, 1] = float("nan"), float("inf")
SITUATIONS = (ORDINARY, NO_STATE, EQUAL_SIZES, ENORMOUS, ENORMOUS_CANDIDATE, NOT_FINITE)
BACKWARD = draw(6, 5, 3, 11, seed=3, head_size=4)
NOTHING = Mutant("nothing", "equations", "nothing is wrong")


def test_there_are_many_and_each_has_a_name_and_a_class_of_its_own():
    assert len(MUTANTS) > 500
    assert len({m.name for m in MUTANTS}) == len(MUTANTS)
    assert {m.failure_class for m in MUTANTS} <= set(CLASSES)
    assert all(m.sentence[0] != " " and m.sentence[-1] != "." for m in MUTANTS)


@pytest.mark.parametrize("problem", [ORDINARY, NO_STATE, EQUAL_SIZES])
def test_without_a_mistake_they_are_the_reference(problem):
    expected = solve_reference(problem)
    for part, value in (NOTHING.values(problem) | NOTHING.gradients(problem)).items():
        assert relative_error(value, expected[part]) < 1e-13


def results_in_all_situations(mutant):
    found = []
    for problem in SITUATIONS:
        try:
            found.append(mutant.values(problem))
        except RuntimeError:  # transposed weights run where the sizes are equal, and only there
            found.append(None)
    return found


def same(first, second):
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    return all(
        set(a) == set(b) and all(relative_error(a[k], b[k]) < 1e-9 for k in a) for a, b in pairs
    )


def test_no_two_mistakes_in_the_values_are_ever_confused():
    """Nor is any of them taken for none: pairs with like sums are compared entry by entry."""
    results = {m.name: results_in_all_situations(m) for m in (*VALUE_MUTANTS, NOTHING)}
    alike = defaultdict(list)
    for name, found in results.items():
        sums = [round(v.nan_to_num(7.0).sum().item(), 6) for v in found[2].values()]
        alike[tuple(sums)].append(name)
    confused = [
        pair
        for names in alike.values()
        for pair in itertools.combinations(names, 2)
        if same(results[pair[0]], results[pair[1]])
    ]
    # Viewing a square matrix in its transposed shape is transposing it.
    assert confused == [("ifoa_W_transposed", "W_viewed")]


def test_no_two_mistakes_in_the_gradients_are_ever_confused():
    exact = NOTHING.gradients(BACKWARD)
    alike = defaultdict(list)
    for mutant in (*GRADIENT_MUTANTS, NOTHING):
        sums = [round(v.sum().item(), 6) for v in mutant.gradients(BACKWARD, exact).values()]
        alike[tuple(sums)].append(mutant.name)
    in_groups = [names for names in alike.values() if len(names) > 1]
    # What only moves entries about shows in no sum: these are told apart by their entries.
    moved = {n for names in in_groups for n in names}
    found = {
        m.name: m.gradients(BACKWARD, exact)
        for m in (*GRADIENT_MUTANTS, NOTHING)
        if m.name in moved
    }
    confused = [
        pair
        for names in in_groups
        for pair in itertools.combinations(names, 2)
        if same([found[pair[0]]], [found[pair[1]]])
    ]
    assert confused == []


def test_mistakes_in_the_gradients_leave_the_values_alone():
    expected = NOTHING.values(BACKWARD)
    for mutant in GRADIENT_MUTANTS:
        values = mutant.values(BACKWARD)
        assert all(relative_error(values[part], expected[part]) < 1e-13 for part in expected)


def test_a_hook_at_its_default_is_exact():
    assert replace(EXACT) == EXACT
