"""Blind sets: what counts as found and named, and that every row of a set says what it must."""

import pytest

from bench.blind import SETS, Planted, manifest, result, summary
from tests.broken.record import Defect

NAMES = sorted(path.name for path in SETS.iterdir() if path.is_dir())
ROW = Planted(
    Defect("tests/blind/x/a.py:A", "state", "defective", (("forget", "64"), ("tanh", "squash"))),
    "the forget gate goes through tanh",
)


@pytest.mark.parametrize(
    ("verdict", "diagnosis", "named"),
    [
        ("defective", ["The FORGET gate goes through tanh"], True),
        ("defective", ["the forget gate", "is squashed twice"], True),
        ("defective", ["the input gate goes through tanh"], False),
        ("defective", ["the forget gate is wrong"], False),
        ("defective", [], False),
        ("defective", ["wrong from 64 rows on: tanh"], True),
        ("defective", ["wrong in float64: tanh"], False),
        ("conforms", ["the forget gate goes through tanh"], False),
    ],
)
def test_a_cause_is_named_by_a_word_of_every_group_under_the_right_verdict(
    verdict, diagnosis, named
):
    found = result(ROW, {"verdict": verdict, "diagnosis": diagnosis})
    assert found["named"] == named
    assert found["right"] == (verdict == "defective")


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_of_a_file_that_is_there_and_says_what_is_wrong(name):
    rows = manifest(name)
    assert len({row.defect.target for row in rows}) == len(rows)
    for row in rows:
        file, _, cls = row.defect.target.partition(":")
        assert cls in (SETS.parents[1] / file).read_text()
        assert row.defect.verdict in ("conforms", "defective", "variant")
        assert row.cause
        assert row.defect.says or row.defect.verdict == "conforms"
        assert all(row.defect.says)


def test_the_page_tells_what_was_missed_and_what_was_not_named():
    found = result(ROW, {"verdict": "defective", "diagnosis": ["h0 is late"]})
    missed = found | {"target": "tests/blind/x/a.py:B", "right": False, "verdict": "conforms"}
    page = summary("x", [found, missed])
    assert "2 mistakes, written without sight of this code: 1 (50%) got the right verdict" in page
    assert page.index("## Missed") < page.index("a.py:B") < page.index("## Found, and not named")
