"""Layers and directions: what is right in any form conforms, each mistake has its sentence."""

from pathlib import Path

import pytest

from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Options
from lstm_bench.theory.wiring import miswired
from tests.conformance.stacks import RIGHT, WRONG

FILE = "tests/conformance/stacks.py"
CHECKS = (
    "one_step", "layers", "directions", "layers_and_directions", "dropout_between_layers",
)  # fmt: skip


def judged(name, seed=0, **kwargs):
    return judge(f"{FILE}:{name}", Options(kwargs, only=CHECKS, seed=seed))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_in_any_form_conforms(name, seed):
    judgement = judged(name, seed)
    assert judgement.verdict == "conforms", judgement.diagnosis
    statuses = {c.name: str(c.status) for c in judgement.checks}
    assert statuses["layers"] in ("pass", "warning")
    assert not [s for s in judgement.diagnosis if "not judged" in s]


def test_what_fails_as_nobody_asked_for_it_is_judged_as_it_was_asked_for():
    judgement = judged("Chunked", chunks=4)
    assert judgement.verdict == "conforms", judgement.diagnosis
    assert "as_built" not in {c.name for c in judgement.checks}


def test_an_ensemble_is_no_stack():
    judgement = judged("Ensemble")
    assert judgement.verdict == "conforms", judgement.diagnosis
    assert {str(c.status) for c in judgement.checks if c.check_class == "stack"} == {"skipped"}


@pytest.mark.parametrize(("name", "sentence"), WRONG.items())
def test_each_mistake_is_found_and_named(name, sentence):
    judgement = judged(name)
    assert judgement.verdict == "defective"
    assert any(sentence in said for said in judgement.diagnosis), judgement.diagnosis


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Summed", "the two directions' outputs are added up"),
        ("Averaged", "the mean of the two directions' outputs is taken"),
        ("Locked", "one mask serves all steps"),
        ("BackwardBefore", "the backward direction's outputs come before the forward's"),
    ],
)
def test_another_layout_is_told(name, words):
    judgement = judged(name)
    assert judgement.verdict == "conforms"
    assert any(words in said for said in judgement.diagnosis)


@pytest.mark.parametrize("kwargs", [{"num_layers": 2}, {"bidirectional": True, "num_layers": 3}])
def test_a_stack_that_is_asked_for_is_judged_as_it_is_built(kwargs):
    judgement = judged("Deep", **kwargs)
    assert judgement.verdict == "conforms", judgement.diagnosis
    assert judgement.interface["stacked_by"] == sorted(kwargs)
    assert "as_built" in {c.name for c in judgement.checks}
    wrong = judged("Tanh", **kwargs)
    assert wrong.verdict == "defective"
    assert {c.name: str(c.status) for c in wrong.checks}["as_built"] == "fail"


@pytest.mark.parametrize("page", ["README.md", "docs/check.md"])
def test_the_example_in_the_docs_gets_the_verdict_that_stands_there(page):
    judgement = judge("examples/deep.py:DeepLSTM", Options(only=CHECKS))
    assert judgement.verdict == "defective"
    shown = " ".join(Path(page).read_text().split())
    assert judgement.interface["construction"] in shown
    for sentence in judgement.diagnosis:
        assert sentence in shown


@pytest.mark.parametrize(("layers", "directions"), [(1, 2), (2, 1), (3, 1), (2, 2)])
def test_every_mistake_has_its_own_sentence(layers, directions):
    sentences = [one.sentence for one in miswired(layers, directions)]
    assert len(set(sentences)) == len(sentences) > 0
