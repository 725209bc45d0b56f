"""What a constructor offers besides layers is judged too, each way."""

import pytest

from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Options, Status
from tests.conformance.options import WRONG

BIAS, LAYOUT = "without_biases", "different_lengths_either_layout"


def judged(target, check):
    found = judge(target, Options(only=(check, "sequence")))
    return found, {c.name: c for c in found.checks}[check]


@pytest.mark.parametrize(
    ("target", "check"),
    [
        ("torch.nn:LSTM", BIAS),
        ("torch.nn:LSTMCell", BIAS),
        ("tests/conformance/options.py:Biased", BIAS),
        ("torch.nn:LSTM", LAYOUT),
        ("tests/conformance/options.py:Packing", LAYOUT),
    ],
)
def test_what_is_right_passes(target, check):
    found, result = judged(target, check)
    assert found.verdict == "conforms"
    assert result.status is Status.PASS, result.message


@pytest.mark.parametrize(
    ("check", "name"), [(BIAS, "ForgetsHWithoutBias"), (LAYOUT, "PaddedTimeFirst")]
)
def test_what_is_wrong_is_named_by_the_option(check, name):
    found, result = judged(f"tests/conformance/options.py:{name}", check)
    assert found.verdict == "defective"
    assert result.status is Status.FAIL
    assert any(WRONG[name] in sentence for sentence in found.diagnosis), found.diagnosis


def test_what_is_not_offered_is_skipped():
    assert judged("documented_loop", BIAS)[1].status is Status.SKIPPED
    assert judged("documented_loop", LAYOUT)[1].status is Status.SKIPPED
