"""Hidden states that are projected to another width: what is right conforms, mistakes are told."""

import pytest

from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Options, Status
from tests.conformance.projected import RIGHT, WRONG

ONLY = ("projection", "sequence")


def judged(name, only=ONLY, **kwargs):
    return judge(f"tests/conformance/projected.py:{name}", Options(kwargs, only=only))


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_ones_conform(name):
    found = judged(name)
    assert found.verdict == "conforms"
    assert {c.status for c in found.checks} == {Status.PASS}


@pytest.mark.parametrize(("name", "words"), WRONG.items())
def test_each_mistake_is_named(name, words):
    found = judged(name)
    assert found.verdict == "defective"
    assert words in found.diagnosis[0]


def test_a_projection_of_the_output_alone_is_told():
    found = judged("OutputAlone")
    assert found.verdict == "conforms"
    assert "and not the hidden state that is fed back" in found.diagnosis[0]


def test_torchs_own_conforms_as_it_is_asked_for():
    kwargs = {"proj_size": 3, "num_layers": 2, "bidirectional": True}
    found = judge("torch.nn:LSTM", Options(kwargs, only=("sequence", "stack", "lengths")))
    assert found.verdict == "conforms"
    assert found.interface["stack"] == (
        "2 layers, both directions of time, hidden states projected to 3"
    )


def test_a_projection_that_is_asked_for_is_judged():
    found = judged("Squashed", ("sequence",), proj_size=2)
    assert found.verdict == "defective"
    assert "goes through tanh" in found.diagnosis[0]
