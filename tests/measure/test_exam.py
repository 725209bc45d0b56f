"""Questions nobody can know, and answers that are the reference's."""

from dataclasses import replace

import pytest
import torch

from lstm_bench.conformance.agreement import moved_by_rounding, relative_error
from lstm_bench.conformance.problem import draw, solve_reference
from lstm_bench.measure.exam import Asked, Exam, solve_together
from lstm_bench.measure.workloads import Workload

SIZES = Workload(5, 4, 3, 2)
ASKED = (
    Asked(False),
    Asked(False, last=True),
    Asked(True),
    Asked(True, ("h",)),
    Asked(True, ("c", "h")),
    Asked(True, last=True),
)
IN_ORDER = torch.arange(5)


def drawn(head_size=2, state=True, dtype=torch.float64):
    return Exam.draw(SIZES, head_size, state, dtype)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(("head_size", "state"), [(2, True), (None, False)])
def test_answers_are_the_reference_s_own(asked, head_size, state):
    exam = drawn(head_size, state)
    posed = [exam._posed(number, asked) for number in range(len(exam.questions))]
    for problem, found in zip(posed, solve_together(posed, asked), strict=True):
        expected = solve_reference(problem, gradients=asked.gradients)
        if asked.last and not asked.gradients:
            expected["y"] = expected["y"][:, -1:]
        names = [n for n in expected if n.startswith("grad ") == asked.gradients]
        assert set(names) <= set(found)
        for name in names:
            assert relative_error(found[name], expected[name]) < 1e-12, name


def right(exam, number, asked, order=IN_ORDER):
    found = {n: t.clone() for n, t in exam.answer(number, asked).items()}
    return {
        n: t[order] if n in ("y", "h", "c", "grad x", "grad h0", "grad c0") else t
        for n, t in found.items()
    }


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_right_answer_is_right_in_any_order_of_its_rows(asked, dtype):
    exam, order = drawn(dtype=dtype), torch.tensor([3, 0, 4, 1, 2])
    assert exam.mistake(1, asked, right(exam, 1, asked, order), order, "yhc") is None


@pytest.mark.parametrize("asked", [Asked(False), Asked(True)])
def test_a_mistake_in_any_single_entry_of_any_part_is_told(asked):
    exam = drawn(dtype=torch.float32)
    for name in right(exam, 0, asked):
        got = right(exam, 0, asked)
        entry = got[name].flatten()[-1]
        entry += 0.01 * got[name].abs().max()
        told = exam.mistake(0, asked, got, IN_ORDER, "yhc")
        assert told is not None
        assert told.startswith(name)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_a_mistake(value):
    exam, asked = drawn(dtype=torch.float32), Asked(False)
    got = right(exam, 0, asked)
    got["y"][0, 0, 0] = value
    assert exam.mistake(0, asked, got, IN_ORDER, "yhc") is not None


def test_what_is_missing_or_nobody_asked_for_is_told():
    exam, asked = drawn(), Asked(True)
    got = right(exam, 0, asked)
    without = {n: t for n, t in got.items() if n != "grad U_f"}
    assert "no grad U_f" in exam.mistake(0, asked, without, IN_ORDER, "yhc")
    assert "nobody asked for" in exam.mistake(
        0, asked, got | {"grad z": got["grad x"]}, IN_ORDER, ""
    )
    values = right(exam, 0, Asked(False))
    assert "no c" in exam.mistake(0, Asked(False), {"y": values["y"]}, IN_ORDER, "yc")


def test_the_answer_to_another_question_or_order_is_a_mistake():
    exam, asked = drawn(), Asked(False)
    assert exam.mistake(0, asked, right(exam, 1, asked), IN_ORDER, "yhc") is not None
    turned = torch.tensor([1, 2, 3, 4, 0])
    assert exam.mistake(0, asked, right(exam, 0, asked, turned), IN_ORDER, "yhc") is not None


def test_a_bias_that_is_not_there_or_shifted_is_taken_into_account_and_no_other_change():
    exam = drawn()
    p = exam.parameters
    assert exam.loaded(p) is exam
    without = exam.loaded(replace(p, b=torch.zeros_like(p.b)))
    assert without is not exam
    assert exam.loaded(replace(p, b=torch.zeros_like(p.b))) is without
    shifted = p.b.clone()
    shifted[1] += 1
    exam.loaded(replace(p, b=shifted))
    for other in (replace(p, W=p.W * 2), replace(p, U=p.U.transpose(1, 2)), replace(p, b=p.b * 2)):
        with pytest.raises(ValueError, match="than it was given"):
            exam.loaded(other)


def test_no_two_exams_are_alike():
    assert not torch.equal(drawn().questions[0].x, drawn().questions[0].x)


def test_a_gradient_through_a_squash_that_is_nearly_flat_may_be_off_by_its_rounding():
    """Of 1 - a² few digits are left where a is almost 1: an honest LSTM was called incorrect."""
    problem = draw(3, 1, 1, 1, seed=4, dtype=torch.float32)
    b = problem.parameters.b.clone()
    b[3] = 6.0 - (problem.x[0, 0] @ problem.parameters.W[3])
    problem = replace(problem, parameters=replace(problem.parameters, b=b))
    expected = solve_reference(problem.to(torch.float64), gradients=True)
    moved = moved_by_rounding(problem, expected, gradients=True)
    assert moved["grad W_a"] > 1e-4
    assert moved["grad W_f"] < 1e-5
