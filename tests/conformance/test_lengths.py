"""What a call makes of being told which steps count: the right ones conform, mistakes are named."""

from pathlib import Path

import pytest

from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Options, Status
from lstm_bench.theory.marks import OF_PADDING, OF_RESETS
from tests.conformance.ragged import RIGHT, WRONG

CHECKS = ("different_lengths", "different_lengths_in_stacks")


def judged(name):
    return judge(f"tests/conformance/ragged.py:{name}", Options(only=CHECKS))


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_ones_conform(name):
    found = judged(name)
    assert found.verdict == "conforms", found.diagnosis
    assert found.diagnosis == ()
    statuses = {c.status for c in found.checks}
    assert statuses == {Status.PASS}, [(c.name, c.message) for c in found.checks]


@pytest.mark.parametrize(("name", "words"), WRONG.items())
def test_each_mistake_is_named(name, words):
    found = judged(name)
    assert found.verdict == "defective"
    assert any(words in sentence for sentence in found.diagnosis), found.diagnosis


@pytest.mark.parametrize("sentence", [said for _, said in (*OF_PADDING, *OF_RESETS)])
def test_every_mistake_of_the_theory_has_one_that_makes_it(sentence):
    assert any(words in sentence for words in WRONG.values())


def test_the_example_in_the_docs_gets_the_verdict_that_stands_there():
    judgement = judge("examples/padded.py:PaddedLSTM", Options(only=CHECKS))
    assert judgement.verdict == "defective"
    shown = " ".join(Path("docs/check.md").read_text().split())
    assert judgement.interface["construction"] in shown
    for sentence in judgement.diagnosis:
        assert sentence in shown
