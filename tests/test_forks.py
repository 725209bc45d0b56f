"""Processes apart: what they return, and every way in which they can fail to."""

import os
import time

import pytest

from lstm_bench import forks
from lstm_bench.forks import apart


def test_it_happens_elsewhere_and_its_result_comes_back():
    assert apart(lambda a: (a + 1, os.getpid() == HERE), 1) == (2, False)


HERE = os.getpid()


def test_what_it_raises_is_told():
    def broken():
        raise ValueError("no good")

    with pytest.raises(RuntimeError, match="broken: ValueError: no good"):
        apart(broken)


def test_that_it_died_is_told():
    with pytest.raises(RuntimeError, match="ended unexpectedly"):
        apart(os._exit, 3)


def test_that_it_hangs_is_told(monkeypatch):
    monkeypatch.setattr(forks, "PATIENCE", 0.2)
    with pytest.raises(RuntimeError, match="did not end within"):
        apart(time.sleep, 60)
