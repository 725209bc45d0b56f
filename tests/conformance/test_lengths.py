"""What a call makes of being told which steps count: the right ones conform, mistakes are named."""

from pathlib import Path

import pytest

from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Options, Status
from lstm_bench.theory.marks import OF_PADDING, OF_RESETS
from tests.conformance import ragged

CHECKS = ("different_lengths", "different_lengths_in_stacks")


def judged(cls, only=CHECKS, **kwargs):
    return judge(f"tests/conformance/ragged.py:{cls.__name__}", Options(kwargs, only=only))


@pytest.mark.parametrize("cls", ragged.RIGHT, ids=lambda cls: cls.__name__)
def test_the_right_ones_conform(cls):
    found = judged(cls)
    assert found.verdict == "conforms", found.diagnosis
    assert found.diagnosis == ()
    statuses = {c.status for c in found.checks}
    assert statuses == {Status.PASS}, [(c.name, c.message) for c in found.checks]


@pytest.mark.parametrize("cls", ragged.WRONG, ids=lambda cls: cls.__name__)
def test_each_mistake_is_named(cls):
    found = judged(cls)
    assert found.verdict == "defective"
    assert any(ragged.WRONG[cls] in sentence for sentence in found.diagnosis), found.diagnosis


@pytest.mark.parametrize("sentence", [said for _, said in (*OF_PADDING, *OF_RESETS)])
def test_every_mistake_of_the_theory_has_one_that_makes_it(sentence):
    assert any(words in sentence for words in ragged.WRONG.values())


def test_the_example_in_the_docs_gets_the_verdict_that_stands_there():
    judgement = judge("examples/padded.py:PaddedLSTM", Options(only=CHECKS))
    assert judgement.verdict == "defective"
    shown = " ".join(Path("docs/check.md").read_text().split())
    assert judgement.interface["construction"] in shown
    for sentence in judgement.diagnosis:
        assert sentence in shown
