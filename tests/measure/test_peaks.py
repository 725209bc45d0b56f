"""The machine's own limit, and who claims to be beyond it."""

import pytest

from lstm_bench.measure import peaks
from lstm_bench.measure.peaks import Ceiling, product_rate

KEY = ("cpu", "float32", 1)


def test_a_limit_is_a_rate_of_this_machine():
    assert 0.1 < product_rate(*KEY, (256,)) < 1e5


def test_who_is_within_the_limit_is_not_complained_of_and_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(peaks, "apart", pytest.fail)
    assert Ceiling({KEY: 10.0}).complaint(14 * 10**9, 1.0, *KEY) is None


def test_a_limit_that_is_exceeded_is_measured_once_more_before_anybody_is_blamed(monkeypatch):
    asked = []

    def measured(function, device, dtype, threads, sizes):
        asked.append((function, sizes))
        return 12.0

    monkeypatch.setattr(peaks, "apart", measured)
    ceiling = Ceiling({KEY: 10.0})
    assert ceiling.complaint(17 * 10**9, 1.0, *KEY) is None
    found = ceiling.complaint(40 * 10**9, 1.0, *KEY) or ""
    assert "40 GFLOP/s is faster than the machine" in found
    assert asked == [(product_rate, peaks.PRODUCTS)] * 2
    assert ceiling.rates == {KEY: 12.0}


def test_narrow_types_may_be_as_fast_as_float32(monkeypatch):
    rates = {"float32": 50.0, "bfloat16": 5.0, "float64": 20.0}
    monkeypatch.setattr(peaks, "apart", lambda _, device, dtype, *rest: rates[dtype])
    ceiling = Ceiling()
    assert ceiling.complaint(60 * 10**9, 1.0, "cpu", "bfloat16", 1) is None
    assert ceiling.complaint(60 * 10**9, 1.0, "cpu", "float64", 1) is not None
