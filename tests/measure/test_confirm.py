"""A right verdict is confirmed from outside: nobody who forges his own conforms."""

import pytest

from lstm_bench.api import check
from lstm_bench.conformance.isolate import Limits, judge_isolated, parcel_of
from lstm_bench.conformance.records import Judgement, Options, Verdict
from lstm_bench.measure.confirm import confirmed
from lstm_bench.subject.parcel import Parcel

FORGERS = "tests/conformance/forgers.py"
SOME = ("one_step", "sequence", "gradients")


@pytest.mark.parametrize(
    "name",
    [
        "Wrong", "PassesEveryCheck", "MakesTheReferenceWrong", "ExchangesTheSigmoid",
        "WritesToTheWire",
    ],
)  # fmt: skip
def test_no_forged_verdict_conforms(name):
    judgement = check(f"{FORGERS}:{name}", only=SOME)
    assert judgement.verdict is not Verdict.CONFORMS, judgement


@pytest.mark.parametrize("name", ["PassesEveryCheck", "MakesTheReferenceWrong"])
def test_without_it_they_would(name):
    assert judge_isolated(f"{FORGERS}:{name}", Options(only=SOME)).verdict is Verdict.CONFORMS


def test_it_says_what_was_got_outside():
    judgement = check(f"{FORGERS}:PassesEveryCheck", only=SOME)
    assert judgement.verdict is Verdict.DEFECTIVE
    assert "asked by a process that has run none of its code" in judgement.diagnosis[0]
    assert "expected" in judgement.diagnosis[0]


def test_what_cannot_be_asked_from_outside_is_undecided():
    told = Judgement("gone", Verdict.CONFORMS)
    gone = Parcel("tests/conformance/forgers.py:NotThere", "gone")
    found = confirmed(told, gone, Options(), Limits())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "from outside it" in found.diagnosis[0]


def test_other_verdicts_are_left_alone():
    told = Judgement("gone", Verdict.VARIANT)
    assert confirmed(told, parcel_of("gone", {}), Options(), Limits()) is told


def test_a_stack_that_was_asked_for_is_confirmed_by_its_plain_layer():
    stack = {"num_layers": 2, "bidirectional": True}
    judgement = check("tests/conformance/stacks.py:Deep", kwargs=stack, only=SOME)
    assert judgement.verdict is Verdict.CONFORMS, judgement.diagnosis
    assert judgement.interface["stack"] == "2 layers, both directions of time"
