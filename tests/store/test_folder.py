"""Folders that are damaged: what is whole is used, the rest is named, and no traceback."""

import json
import logging
import os

import pytest

from lstm_bench.errors import UsageError
from lstm_bench.measure.folders import kept_cold, kept_judgements, kept_peaks, lines_of
from lstm_bench.report.page import page
from lstm_bench.report.write import document_of
from lstm_bench.store.folder import Folder
from tests.cli.test_cli import lstm_bench
from tests.report.folders import JUDGEMENTS, choice_folder, comparison_folder, grid, run_folder

SMALL = grid((1,), (4,), (32,))


@pytest.fixture
def run(tmp_path):
    return run_folder(tmp_path / "run", SMALL, passes=("forward",))


def test_a_damaged_line_in_the_middle_is_left_out_and_counted(run, caplog):
    lines = (run / "cells.jsonl").read_bytes().splitlines()
    (run / "cells.jsonl").write_bytes(b"\n".join([lines[0], b"\xff{", *lines[1:]]) + b"\n")
    with caplog.at_level(logging.WARNING, "lstm_bench"):
        found = lines_of(run / "cells.jsonl")
    assert [cell["subject"] for cell in found] == ["documented_loop", "batched_gates", "torch_nn"]
    assert "1 of 4 lines are damaged and left out (line 2" in caplog.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda cell: cell.pop("flops"), "flops is missing"),
        (lambda cell: cell.update(batch="8"), "batch is '8', not a whole number"),
        (lambda cell: cell["samples"][2].update(seconds=float("nan")), "samples[2].seconds is nan"),
        (lambda cell: cell["samples"][2].update(round=0), "samples holds an entry twice"),
        (lambda cell: cell.update(subject="torch_nn"), "is there twice"),
    ],
)
def test_a_line_of_other_values_is_left_out_and_says_why(run, change, words):
    first, *rest = [json.loads(line) for line in (run / "cells.jsonl").read_text().splitlines()]
    change(first)
    rows = [*rest, first]
    (run / "cells.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder = Folder.open(run, "run")
    assert len(folder.lines("cells.jsonl")) == 2
    assert words in folder.left_out[0]


def test_a_line_that_was_cut_short_at_the_end_is_no_damage(run):
    with (run / "cells.jsonl").open("a") as file:
        file.write('{"subject": "torch')
    folder = Folder.open(run, "run")
    assert len(folder.lines("cells.jsonl")) == 3
    assert folder.left_out == []


def test_a_damaged_file_beside_the_header_is_named_on_the_page_and_the_rest_is_shown(run):
    (run / "checks.json").write_text('[{"target": 3}]')
    document = document_of(run)
    assert "torch_nn has the lowest median" in document.answer
    assert document.notes == (
        "Damaged, and so not shown: checks.json is damaged: [0].verdict is missing.",
    )
    assert "[0].verdict is missing" in page(document)


def test_what_does_not_go_with_the_plan_is_left_out(tmp_path):
    folder = comparison_folder(tmp_path / "a")
    line = json.loads((folder / "blocks.jsonl").read_text().splitlines()[0])
    with (folder / "blocks.jsonl").open("a") as file:
        file.write(json.dumps(line | {"cell": 99, "block": 50}) + "\n")
    opened = Folder.open(folder, "comparison")
    assert len(opened.lines("blocks.jsonl")) == 48
    assert "of a cell that the plan has not" in opened.left_out[0]
    choice = choice_folder(tmp_path / "b")
    text = (choice / "decision.json").read_text()
    (choice / "decision.json").write_text(
        text.replace('"target": "a", "rank"', '"target": "z", "rank"')
    )
    opened = Folder.open(choice, "choice")
    assert opened.file("decision.json") is None
    assert "ranks what is no candidate" in opened.left_out[0]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: p.write_text(""), "no JSON"),
        (lambda p: p.write_text("null"), "null, not an object"),
        (lambda p: p.write_text("[" * 100_000), "no JSON (beyond all bounds)"),
        (lambda p: p.write_text("9" * 5000), "no JSON (beyond all bounds)"),
        (lambda p: p.write_bytes(b"\xff\xfe"), "no JSON (not in UTF-8)"),
        (lambda p: p.write_text(p.read_text().replace("run 1", "run 2")), "no form that this"),
        (lambda p: p.write_text(p.read_text().replace('"batch": 1', '"batch": 0')), "batch is 0"),
        (lambda p: (p.unlink(), p.mkdir()), "it is no plain file"),
        (lambda p: (p.unlink(), os.mkfifo(p)), "it is no plain file"),
    ],
)
def test_a_folder_whose_header_is_damaged_is_one_line_and_code_2(run, capsys, damage, words):
    damage(run / "run.json")
    code, _, err = lstm_bench("report", run, capsys=capsys)
    assert code == 2
    assert words in err
    assert len(err.splitlines()) == 1
    code, _, err = lstm_bench("run", "--resume", run, capsys=capsys)
    assert code == 2
    assert len(err.splitlines()) == 1


def test_lines_that_cannot_be_read_at_all_are_not_taken_for_none(run):
    """To go on then would write a new file over them."""
    (run / "cells.jsonl").unlink()
    (run / "cells.jsonl").mkdir()
    with pytest.raises(UsageError, match="no plain file"):
        lines_of(run / "cells.jsonl")


def test_a_warning_is_one_line_on_the_error_stream_once(run, capsys):
    (run / "peaks.json").write_text('{"gflops": "\\u001b[2J"}')
    code, _, err = lstm_bench("report", run, run, "--out", run / "x", capsys=capsys)
    assert code == 0
    code, _, err = lstm_bench("report", run, capsys=capsys)
    assert code == 0
    (line,) = err.splitlines()
    assert line.startswith("lstm-bench: warning: ")
    assert "peaks.json is damaged: gbytes is missing" in line
    assert "\x1b" not in line


def test_what_was_measured_once_is_kept_if_it_is_whole_and_of_this_plan(tmp_path, caplog):
    names = [(None, one["target"]) for one in JUDGEMENTS]
    checks, cold, peaks = (tmp_path / f"{name}.json" for name in ("checks", "cold", "peaks"))
    assert kept_judgements(checks, "run", names) is None
    checks.write_text(json.dumps(JUDGEMENTS))
    cold.write_text('{"a B1": 0.1, "b B1": null}')
    peaks.write_text('{"gflops": 1.0, "gbytes": 2.0}')
    assert kept_judgements(checks, "run", names) == JUDGEMENTS
    assert kept_judgements(checks, "run", names[:2]) is None
    assert kept_cold(cold, {"a B1"}) == {"a B1": 0.1, "b B1": None}
    assert kept_cold(cold, {"c B1"}) is None
    assert kept_peaks(peaks) == {"gflops": 1.0, "gbytes": 2.0}
    for file in (checks, cold, peaks):
        file.write_text('{"a": [')
    with caplog.at_level(logging.WARNING, "lstm_bench"):
        assert kept_judgements(checks, "run", names) is None
        assert kept_cold(cold, {"a B1"}) is None
        assert kept_peaks(peaks) is None
    assert caplog.text.count("again") == 3
