"""Every mistake is one, has a sentence of its own, and no two are the same."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace
from functools import cache

import pytest
import torch

from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.problem import draw
from lstm_bench.theory import compute
from lstm_bench.theory.edits import Theory
from lstm_bench.theory.families import LSTM
from lstm_bench.theory.mistakes import IN_GRADIENTS, IN_VALUES
from lstm_bench.theory.mistakes.sequences import leaks, restart_every

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


def same(first, second):
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    return all(
        set(a) == set(b) and all(relative_error(a[k], b[k]) < 1e-9 for k in a) for a, b in pairs
    )


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


def test_there_are_many():
    """Fewer than there were once is a loss."""
    assert len(IN_VALUES) >= 815
    assert len(IN_GRADIENTS) >= 377


@pytest.mark.parametrize("state", [ORDINARY.state, None])
def test_what_the_last_call_left_is_where_a_leaking_one_starts(state):
    h, c = (0.3 * s for s in BACKWARD.state)
    named = dict(ORDINARY.parameters.named())
    h0, c0 = state if state is not None else (torch.zeros_like(h), torch.zeros_like(c))
    for mistake, start in zip(leaks(), [(h, c), (h, c0), (h0, c)], strict=True):
        left = named | {"left h": h, "left c": c}
        got = compute.run(mistake.theory, left, ORDINARY.x, state)
        assert same([got], [compute.run(Theory(LSTM), named, ORDINARY.x, start)])


def test_a_restarted_state_is_the_first_one_again():
    named = dict(ORDINARY.parameters.named())
    x, state = ORDINARY.x, ORDINARY.state
    pieces = [compute.run(Theory(LSTM), named, part, state) for part in x.split(3, 1)]
    whole = compute.run(restart_every(3).theory, named, x, state)
    assert same([{"y": whole["y"]}], [{"y": torch.cat([p["y"] for p in pieces], 1)}])
