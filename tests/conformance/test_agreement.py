"""Agreement on one size: right ones agree in three precisions, slightly wrong ones do not."""

import pytest
import torch

from impls.batched_gates import BatchedGates
from lstm_bench.conformance import tolerances
from lstm_bench.conformance.agreement import agree, relative_error
from lstm_bench.subject import open_subject
from lstm_bench.subject.subject import subject_from

SIZES = {"input_size": 5, "hidden_size": 7, "batch": 3, "steps": 6}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["documented_loop", "batched_gates", "torch_nn"])
def test_ours_agree_in_every_precision(name, dtype):
    found = agree(open_subject(name), **SIZES, dtype=dtype)
    assert found.agrees, found.message


class SlightlyOff(BatchedGates):
    """A relative error of one in a hundred thousand, in the output alone."""

    def forward(self, inputs, states=None):
        outputs, state = super().forward(inputs, states)
        return outputs * (1 + 1e-5), state


class WrongGradient(BatchedGates):
    """Right values; the gradient through the state is cut."""

    def forward(self, inputs, states=None):
        if states is not None:
            states = (states[0].detach(), states[1])
        return super().forward(inputs, states)


class Raises(BatchedGates):
    def forward(self, inputs, states=None):
        if inputs.shape[0] == SIZES["batch"]:
            raise IndexError("no such batch\nand more")
        return super().forward(inputs, states)


def test_logic_is_judged_in_float64_where_little_is_enough():
    assert not agree(subject_from(SlightlyOff, "x"), **SIZES, dtype=torch.float64).agrees


def test_a_missing_gradient_is_named():
    found = agree(subject_from(WrongGradient, "x"), **SIZES, dtype=torch.float64)
    assert not found.agrees
    assert "grad h0" in found.message


def test_an_exception_is_no_agreement_and_its_first_line_is_the_message():
    found = agree(subject_from(Raises, "x"), **SIZES)
    assert not found.agrees
    assert found.message == "IndexError: no such batch"


def test_zeros_and_a_constant_would_not_have_agreed():
    expected = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    for fake in (torch.zeros(4, 5), torch.full((4, 5), expected.mean().item())):
        assert relative_error(fake, expected) > 0.3


def test_nan_is_an_infinite_error_unless_both_have_it():
    nan = torch.tensor([float("nan"), 1.0])
    assert relative_error(nan, torch.ones(2)) == float("inf")
    assert relative_error(torch.ones(2), nan) == float("inf")
    assert relative_error(nan, nan.clone()) == 0.0


def test_the_allowance_grows_with_the_noise_floor_and_the_length_of_sums():
    narrow = tolerances.allowed(torch.float32, 0.0, terms=16)
    assert tolerances.allowed(torch.float32, 1e-5, terms=16) > narrow
    assert tolerances.allowed(torch.float32, 0.0, terms=1 << 20) > narrow
    assert tolerances.allowed(torch.float64, 1e-16, terms=1 << 20) == tolerances.LOGIC


def test_terms_that_cancel_are_no_deviation_in_float32():
    """One unit, one feature, a gradient near zero: its last digits are nobody's fault."""
    subject = open_subject("tests/spellings/tutorials.py:CustomLSTM")
    for seed in range(40):
        found = agree(
            subject, input_size=1, hidden_size=1, batch=1, steps=5, dtype=torch.float32, seed=seed
        )
        assert found.agrees, found.message
