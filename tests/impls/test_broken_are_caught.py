"""The properties can fail: each defect is caught by the property that is there for it."""

from __future__ import annotations

from typing import Any

import pytest

from impls.registry import implementations
from tests.impls import broken
from tests.impls import properties as p

CASE = p.Case(I=3, H=5, B=2, T=4)

CAUGHT_BY = [
    (broken.StateAsList, p.shapes_and_state_form),
    (broken.PlainStates, p.default_state_follows_parameters),
    (broken.RandomDefaultState, p.no_state_means_zeros),
    (broken.LeaksState, p.no_state_means_zeros),
    (broken.BatchMajorRows, p.rows_are_time_major),
    (broken.MixesBatch, p.sequences_do_not_mix),
    (broken.DriftsOverTheBatch, p.sequences_do_not_mix),
    (broken.MixesBatch, p.rows_are_time_major),
    (broken.TakesStateSwapped, p.chunks_make_the_whole),
    (broken.ReturnsStateSwapped, p.chunks_make_the_whole),
    (broken.IgnoresHidden, p.chunks_make_the_whole),
    (broken.DetachesGivenState, p.chunks_make_the_whole),
    (broken.OneBuffer, p.calls_leave_no_trace),
    (broken.WritesIntoState, p.calls_leave_no_trace),
    (broken.ForgetGateTanh, p.agrees_in_float64),
    (broken.HiddenStateUnsquashed, p.agrees_in_float64),
    (broken.OutputForgetGatesSwapped, p.agrees_in_float64),
    (broken.HistoryDetached, p.agrees_in_float64),
    (broken.DropsCellCotangent, p.agrees_in_float64),
    (broken.IgnoresHidden, p.agrees_in_float64),
    (broken.BiasTwice, p.agrees_in_float64),
    (broken.HalfPrecisionInside, p.agrees_in_float64),
    (broken.HalfPrecisionInside, p.agrees_in_float32),
    (broken.LoadsRounded, p.parameters_survive_the_round_trip),
    (broken.BiasTwice, p.parameters_survive_the_round_trip),
    (broken.GradientsUntransposed, p.parameters_survive_the_round_trip),
    (broken.AcceptsAnything, p.refuses_what_does_not_fit),
]


@pytest.mark.parametrize(
    ("defect", "property_"), CAUGHT_BY, ids=[f"{d.__name__}-{q.__name__}" for d, q in CAUGHT_BY]
)
def test_defect_is_caught(defect: Any, property_: Any) -> None:
    """The named property fails, by its own assertion and not by an accident in the defect."""
    with pytest.raises(AssertionError) as caught:
        property_(defect, CASE)
    assert str(caught.value), "the failure says nothing"


def test_every_property_has_a_broken_twin() -> None:
    """A property that no broken layer fails might be unable to fail."""
    assert {q for _, q in CAUGHT_BY} == set(p.PROPERTIES)


def test_what_the_defects_are_planted_in_is_correct() -> None:
    """The step-by-step base fails for its defects only, except that it checks no arguments."""
    for holds in p.PROPERTIES:
        if holds is not p.refuses_what_does_not_fit:
            holds(broken.StepByStep, CASE)


def test_travel_between_two_can_fail() -> None:
    """Between two implementations too: the second bias must not be forgotten on the way."""
    with pytest.raises(AssertionError):
        p.parameters_travel_between(implementations()["torch_nn"].load(), broken.LoadsRounded, CASE)


def test_constants_and_zeros_fail() -> None:
    """Zeros, a constant and the last output everywhere do not agree either."""
    for fake in ("zeros", "constant", "last"):
        with pytest.raises(AssertionError):
            p.agrees_in_float32(lambda *a, fake=fake, **k: _Fake(fake, *a, **k), CASE)


class _Fake(broken.StepByStep):
    """Replaces the outputs by something that a loose comparison might let through."""

    def __init__(self, fake: str, *sizes: int, head: bool) -> None:
        super().__init__(*sizes, head=head)
        self.fake = fake

    def forward(self, inputs: Any, states: Any = None) -> Any:
        outputs, state = super().forward(inputs, states)
        if self.fake == "last":
            last = outputs[-len(inputs) :]
            return last.repeat(inputs.shape[1], 1), state
        return 0 * outputs + (self.fake == "constant") * outputs.mean(), state
