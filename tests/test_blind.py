"""Blind sets: what counts as named, and that every row of a set says what it must."""

import pytest

from bench.blind import SETS, manifest, named, summary

NAMES = sorted(path.name for path in SETS.iterdir() if path.is_dir())


@pytest.mark.parametrize(
    ("diagnosis", "found"),
    [
        (["The FORGET gate goes through tanh"], True),
        (["the forget gate", "is squashed twice"], True),
        (["the input gate goes through tanh"], False),
        (["the forget gate is wrong"], False),
        ([], False),
    ],
)
def test_a_cause_is_named_by_a_word_of_every_group(diagnosis, found):
    assert named(diagnosis, [["forget"], ["tanh", "squash"]]) == found


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_of_a_file_that_is_there_and_says_what_is_wrong(name):
    rows = manifest(name)
    assert len({row["target"] for row in rows}) == len(rows)
    for row in rows:
        text = (SETS / name / row["file"]).read_text()
        assert row["name"] in text
        assert row["verdict"] in ("conforms", "defective", "variant")
        assert row["cause"]
        assert all(group for group in row["words"])


def test_the_page_tells_what_was_missed_and_what_was_not_named():
    row = {
        "target": "tests/blind/x/a.py:A", "class": "state", "cause": "h0 is ignored",
        "verdict": "defective", "diagnosis": ["h0 is late"], "right": True, "named": False,
    }  # fmt: skip
    other = row | {"target": "tests/blind/x/a.py:B", "right": False, "verdict": "conforms"}
    page = summary("x", [row, other])
    assert "2 mistakes, written without sight of this code: 50% got the right verdict" in page
    assert page.index("## Missed") < page.index("a.py:B") < page.index("## Found, and not named")
