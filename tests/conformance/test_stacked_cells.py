"""Cells, one on the other, are judged as a stack of one step."""

import pytest

from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Options, Status
from tests.conformance.stacked_cells import RIGHT, WRONG


def judged(name):
    only = ("layers", "one_step")
    return judge(f"tests/conformance/stacked_cells.py:{name}", Options(only=only))


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
