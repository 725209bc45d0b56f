"""Verdicts and diagnoses on planted defects, variants and what is no LSTM; one host each."""

import pytest

from lstm_bench.conformance.judge import Options, judge, judge_factory
from lstm_bench.conformance.records import Verdict
from lstm_bench.errors import UsageError
from tests.broken import DEFECTS

REAL = sorted((d for d in DEFECTS if d.verdict == "defective"), key=lambda d: d.name)
SAMPLE = REAL[::12]


@pytest.mark.parametrize("defect", SAMPLE, ids=lambda d: d.name)
@pytest.mark.filterwarnings("ignore")
def test_a_planted_defect_is_never_fine(defect):
    """A sample; the whole matrix is ``python -m bench.proof planted``."""
    judgement = judge(defect.target)
    assert judgement.verdict in (Verdict.DEFECTIVE, *map(Verdict, defect.also)) or (
        judgement.verdict is Verdict.INCONCLUSIVE
    )
    assert judgement.diagnosis


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        ("torch.nn:GRU", Verdict.VARIANT),
        ("torch.nn:Linear", Verdict.UNSUPPORTED),
        ("torch.nn:MultiheadAttention", Verdict.UNSUPPORTED),
        ("nowhere.py:LSTM", Verdict.ERROR),
        ("tests/broken/syntax_error.py:LSTM", Verdict.ERROR),
        ("tests/broken/raises_at_import.py:LSTM", Verdict.ERROR),
    ],
)
def test_what_is_no_lstm_gets_its_word(target, verdict):
    judgement = judge(target)
    assert judgement.verdict is verdict
    assert judgement.diagnosis
    assert judgement.checks == ()


def test_an_expected_failure_is_skipped_and_one_that_passes_fails(tmp_path):
    file = tmp_path / "off.py"
    file.write_text(
        "from torch import nn\n\n\nclass Off(nn.LSTMCell):\n"
        "    def forward(self, x, state):\n"
        "        h, c = super().forward(x, state)\n        return h * 1.01, c\n"
    )
    target = f"{file}:Off"
    options = Options(only=("one_step",), expected={"one_step": "known"})
    assert judge(target, options).checks[0].message.startswith("expected to fail: known")
    wrong = Options(only=("one_step",), expected={"one_step": "not so"})
    judgement = judge("torch.nn:LSTMCell", wrong)
    assert judgement.verdict is Verdict.DEFECTIVE
    assert "was expected to fail" in judgement.checks[0].message


def test_an_expected_failure_of_no_check_is_a_usage_error():
    with pytest.raises(UsageError, match="no check is called 'x'"):
        judge_factory(object, "x", Options(expected={"x": "y"}))


@pytest.mark.filterwarnings("ignore")
def test_strict_makes_warnings_count():
    target = "tests/spellings/tutorials.py:CustomLSTM"  # a float32 default state
    only = ("float64",)
    assert judge(target, Options(only=only)).verdict is not Verdict.DEFECTIVE
    assert judge(target, Options(only=only, strict=True)).verdict is Verdict.DEFECTIVE


def test_a_judgement_as_json_has_the_documented_fields():
    found = judge("torch.nn:LSTMCell", Options(only=("one_step",))).as_json()
    assert set(found) == {"target", "verdict", "diagnosis", "interface", "checks", "seconds"}
    assert {"name", "class", "status", "message", "seconds"} <= set(found["checks"][0])
    assert found["checks"][0]["status"] == "pass"


def test_another_seed_draws_other_data():
    from lstm_bench.conformance.checks.common import BASE_SEED, posed
    from lstm_bench.subject import open_subject

    subject = open_subject("torch.nn:LSTMCell")
    token = BASE_SEED.set(0)
    first = posed(subject)[1].x
    BASE_SEED.set(1)
    second = posed(subject)[1].x
    BASE_SEED.reset(token)
    assert not (first == second).any()
