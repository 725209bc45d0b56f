"""Questions asked in a process apart: what comes back, and every way in which nothing does."""

import os
import time

import pytest

from lstm_bench.lab import worker
from lstm_bench.lab.worker import apart


def sum_elsewhere(a, b):
    return [a + b, os.getpid()]


def broken():
    raise ValueError("no good")


def test_it_happens_elsewhere_and_its_result_comes_back():
    total, pid = apart(sum_elsewhere, 1, 2)
    assert total == 3
    assert pid != os.getpid()


def test_what_it_raises_is_told():
    with pytest.raises(RuntimeError, match="broken: ValueError: no good"):
        apart(broken)


def test_that_it_died_is_told():
    with pytest.raises(RuntimeError, match=r"ended the interpreter with exit code 3"):
        apart(os._exit, 3)


def test_that_it_hangs_is_told(monkeypatch):
    monkeypatch.setattr(worker, "PATIENCE", 0.2)
    with pytest.raises(RuntimeError, match=r"did not answer within 0\.2 s"):
        apart(time.sleep, 60)
