"""Rows of a long proof stand as long as the code they rest on does."""

import json

import pytest

from bench import kept
from bench.kept import Kept, Known, fingerprint, spread
from bench.proof import run


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "ROOT", tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "one.py").write_text("x = 1\n")
    (tmp_path / "code" / "note.txt").write_text("no code\n")
    return tmp_path


def test_what_was_done_is_taken_over_and_half_a_line_is_not(root):
    path = root / "proof" / "rows.jsonl"
    Kept(path, ["code"]).add("a", {"verdict": "conforms"})
    path.write_text(path.read_text() + '{"key": "b", "co')
    again = Kept(path, ["code"])
    assert again.rows == {"a": {"verdict": "conforms"}}
    again.add("b", {"verdict": "defective"})
    assert list(Kept(path, ["code"]).rows) == ["a", "b"]
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["a", "b"]


def test_rows_of_other_code_are_measured_anew(root):
    path = root / "rows.jsonl"
    Kept(path, ["code"]).add("a", {})
    (root / "code" / "note.txt").write_text("changed\n")
    assert Kept(path, ["code"]).rows
    (root / "code" / "one.py").write_text("x = 2\n")
    assert not Kept(path, ["code"]).rows


def test_a_renamed_file_is_other_code(root):
    before = fingerprint(["code"])
    assert fingerprint(["code/one.py"]) == before
    (root / "code" / "one.py").rename(root / "code" / "two.py")
    assert fingerprint(["code"]) != before


def test_some_rows_are_spread_over_all_and_others_come_each_turn():
    rows = list(range(10))
    assert spread(rows, None) == rows
    assert spread(rows, 20) == rows
    assert spread(rows, 3) == [0, 3, 6]
    assert spread(rows, 3, turn=1) == [1, 4, 7]
    assert {row for turn in range(10) for row in spread(rows, 3, turn)} == set(rows)


def test_a_set_is_judged_once_and_gone_on_with(root, capsys):
    known = Known(
        {"a": 1, "b": 2}, ("code",), _twice, lambda row: str(row["verdict"]), lambda *_: None
    )
    first = list(run(known, ["a"], root / "out", 1))
    assert first == [{"verdict": 2}]
    assert list(run(known, ["a", "b"], root / "out", 1)) == [{"verdict": 2}, {"verdict": 4}]
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "1/1 a", "2/2 b",
    ]  # fmt: skip


def _twice(task):
    return {"verdict": 2 * task}
