"""A sample of ``python -m bench.fuzz``: odd command lines and damaged folders end as promised."""

import pytest

from bench.fuzz import Case, fuzz, problems_of
from lstm_bench.store import folder


@pytest.mark.parametrize("what", ["commands", "folders"])
def test_none_of_the_drawn_cases_ends_otherwise_than_promised(what):
    endings = fuzz(what, number=40, chance=0)
    assert len(endings) == 40
    failed = [(e.problems, e.case, e.output, e.reproduce) for e in endings if e.problems]
    assert not failed
    assert {ending.code for ending in endings} >= {0, 2}


def test_a_reader_that_takes_whatever_is_there_is_found_out(monkeypatch):
    monkeypatch.setattr(folder, "read", lambda path, shape: folder.parse(folder.content(path)))
    endings = fuzz("folders", number=24, chance=1)
    assert any("traceback" in ending.problems for ending in endings)


@pytest.mark.parametrize(
    ("code", "out", "err", "problem"),
    [
        (1, "", "Traceback (most recent call last):\n", "traceback"),
        (1, "", "", "exit code 1"),
        (-11, "", "", "exit code -11"),
        (None, "", "", "still running"),
        (2, "", "lstm-bench: error: a\nlstm-bench: error: b\n", "2 lines of error"),
        (2, "", "Usage: lstm-bench\n", "0 lines of error"),
        (0, "\x1b[2J", "", "a control character"),
        (0, "", "x.py:1: UserWarning: glyph\n", "a warning of Python's"),
    ],
)
def test_what_is_not_as_promised_is_noticed(code, out, err, problem):
    found = list(problems_of(Case(0, ("report", "x")), code, out, err))
    assert any(problem in one for one in found)
    assert not list(problems_of(Case(0, ("report", "x")), 2, "", "lstm-bench: error: no\n"))
