"""The checks raise no alarm on what is right; each says what it is for and has its class."""

import pytest

from lstm_bench.conformance import checks  # noqa: F401 - registers them
from lstm_bench.conformance.records import CLASSES, Status
from lstm_bench.conformance.registry import CHECKS, run_check, select
from lstm_bench.errors import UsageError
from lstm_bench.subject import open_subject

EVERY_DAY = [c.name for c in select()]


@pytest.mark.parametrize("target", ["torch_nn", "batched_gates", "torch.nn:LSTMCell"])
@pytest.mark.parametrize("name", EVERY_DAY)
@pytest.mark.filterwarnings("ignore")
def test_no_check_raises_an_alarm_on_what_is_right(name, target):
    result = run_check(CHECKS[name], open_subject(target))
    assert result.status in (Status.PASS, Status.SKIPPED), result.message


def test_every_check_says_what_it_is_for_and_belongs_to_a_class():
    for check in CHECKS.values():
        assert check.summary.endswith(".")
        assert check.check_class in CLASSES


def test_causes_run_before_consequences():
    order = [CLASSES.index(c.check_class) for c in select()]
    assert order == sorted(order)


def test_selection_by_name_by_class_and_by_leaving_out():
    assert [c.name for c in select(["one_step"])] == ["one_step"]
    assert {c.check_class for c in select(["state"])} == {"state"}
    assert "one_step" not in {c.name for c in select([], ["one_step"])}
    assert [c.name for c in select(["compile"])] == ["compile"]
    assert "compile" not in {c.name for c in select()}


@pytest.mark.parametrize("name", ["one_stpe", "everything"])
def test_a_misspelt_name_is_an_error_and_not_a_pass(name):
    with pytest.raises(UsageError, match=name):
        select([name])
    with pytest.raises(UsageError, match=name):
        select([], [name])
