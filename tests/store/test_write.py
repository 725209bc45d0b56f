"""Writing: a full disk loses nothing that was there."""

import os

import pytest

from lstm_bench.errors import UsageError
from lstm_bench.store.write import append, replace_file


@pytest.fixture
def full_disk(monkeypatch):
    """No space is left, which shows after the bytes seemed to be written."""

    def fsync(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(tmp_path, full_disk):
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(UsageError, match=r"cannot write .*a\.json: No space left on device"):
        replace_file(tmp_path / "a.json", "new")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.json": "old"}


def test_a_full_disk_leaves_the_lines_that_were_whole(tmp_path, full_disk):
    (tmp_path / "a.jsonl").write_text('{"a":1}\n')
    with pytest.raises(UsageError, match="No space left"):
        append(tmp_path / "a.jsonl", [{"a": 2}])
    assert (tmp_path / "a.jsonl").read_text() == '{"a":1}\n'


def test_lines_begin_on_a_line_of_their_own(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a":1}\n{"a')
    append(tmp_path / "a.jsonl", [{"a": 2}, {"a": 3}])
    assert (tmp_path / "a.jsonl").read_text() == '{"a":1}\n{"a\n{"a":2}\n{"a":3}\n'


def test_a_link_or_a_pipe_is_written_to_and_not_replaced(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    replace_file(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"
    replace_file(tmp_path / "link", "half \ud800")
    assert (tmp_path / "file").read_text() == "half \\ud800"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="cannot write"):  # nobody reads it
        replace_file(tmp_path / "pipe", "told")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    replace_file(tmp_path / "pipe", "told")
    assert os.read(reader, 10) == b"told"
    os.close(reader)
