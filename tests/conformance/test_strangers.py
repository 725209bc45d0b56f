"""Designs that are met in public and are not nn.LSTM's: what is said of each, and of a twin."""

import pytest

from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Status

FILE = "tests/conformance/strangers.py"


@pytest.mark.parametrize(
    "name",
    ["LastLogits", "LastHidden", "Directions", "Attributes", "Items", "OwnLayers"],
)
def test_right_and_nothing_to_say(name):
    judgement = judge(f"{FILE}:{name}")
    assert judgement.verdict == "conforms", judgement.diagnosis
    assert all("broadcast" in sentence for sentence in judgement.diagnosis)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OnlyH0", "takes one state"),
        ("OneForBoth", "takes one state"),
        ("PlainList", "not a registered parameter"),
        ("Mixed", "its input batch first and gives its output time first"),
        ("SeedsItself", "or seeds it"),
        ("LastLayerFirst", "lists the layers last first"),
    ],
)
def test_right_with_a_warning(name, words):
    judgement = judge(f"{FILE}:{name}")
    assert judgement.verdict == "conforms", judgement.diagnosis
    assert any(words in sentence for sentence in judgement.diagnosis)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("WrongLastLogits", ""),
        ("MixedDespiteOption", "its output is not batch first"),
        ("IgnoresC0", "c0"),
        ("Fours", "an LSTM takes any two sizes"),
        ("SharedLayers", "`h2h.1.weight` has no effect"),
    ],
)
def test_the_wrong_ones(name, words):
    judgement = judge(f"{FILE}:{name}")
    assert judgement.verdict == "defective"
    assert any(words in sentence for sentence in judgement.diagnosis)


def test_the_last_output_alone_is_judged_at_every_step():
    judgement = judge(f"{FILE}:LastLogits")
    assert "last step" in judgement.interface["layout"]
    status = {result.name: result.status for result in judgement.checks}
    assert status["sequence"] is status["gradients"] is Status.PASS
