"""The corpus itself: every row has its subject, and the subjects do what their rows say."""

from __future__ import annotations

import ast
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.hostile import COMMANDS, GOOD, ROWS
from tests.hostile.record import ANY, ERROR
from tests.hostile.running import ROOT, run_marked
from tests.hostile.safety import Refused, own_group, target

PLACES = {
    "import", "class body", "constructor", "forward", "backward", "del", "exit", "repr", "deepcopy",
    "pickling", "attribute", "parameters", "thread", "signal handler", "garbage collection",
    "nth call", "returned object",
}  # fmt: skip
LATER = {"backward", "del", "exit", "repr", "deepcopy", "pickling", "nth call"}
BASES = {"Returns", "WithOddParameter"}  # what several subjects of one file share
REACHES_OUT = {"signal to the parent", "signal to the group"}


def classes_in(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]


def subjects_in(path: Path) -> set[str]:
    """Classes of a file that are LSTMs: their base is one, here or in places.py and good.py."""
    known = {"Good", "Wrong"}
    for node in classes_in(path):
        bases = {ast.unparse(base) for base in node.bases}
        if bases & known or any(base.startswith("places.") for base in bases):
            known.add(node.name)
    return known - {"Good", "Wrong"} - BASES


def trial(*arguments: str) -> dict[str, str]:
    done = run_marked(["tests.hostile.trial", *arguments], timeout=150)
    assert done.code == 0, done.stderr.decode(errors="replace")[-2000:]
    told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_every_target_exists_and_is_named_once() -> None:
    assert len({row.target for row in ROWS}) == len({row.name for row in ROWS}) == len(ROWS)
    for row in ROWS:
        path, _, name = row.target.partition(":")
        assert (ROOT / path).is_file(), row
        if row.where != "import":
            assert name in {node.name for node in classes_in(ROOT / path)}, row


def test_every_subject_has_a_row() -> None:
    named = {row.target for row in ROWS}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem in ("good", "places") or path.stem.startswith("test_"):
            continue
        for name in subjects_in(path):
            assert f"tests/hostile/{path.name}:{name}" in named


def test_every_place_and_many_kinds_are_covered() -> None:
    assert len(ROWS) >= 64
    assert {row.where for row in ROWS} == PLACES
    assert len({row.kind for row in ROWS}) >= 20


def test_rows_allow_only_verdicts_and_commands_that_there_are() -> None:
    for row in ROWS:
        assert row.expect
        assert set(row.expect) <= set(ANY)
        assert row.commands
        assert set(row.commands) <= set(COMMANDS)


def test_what_misbehaves_later_is_a_right_lstm_at_first() -> None:
    later = [row.name for row in ROWS if row.where in LATER]
    told = trial("--agree", *later)
    assert set(told) == set(later)
    assert set(told.values()) == {"True"}, told


def test_what_must_be_an_error_survives_no_ordinary_use() -> None:
    """Each must raise, hang or end its process, and those that are said to hang must hang."""
    skipped = {*REACHES_OUT, "memory"}  # nobody limits it here
    rows = [row for row in ROWS if row.expect == ERROR and row.kind not in skipped]
    told = trial(*(row.name for row in rows))
    assert set(told) == {row.name for row in rows}
    ends = Counter(told.values())
    assert not ends["survived"], told
    assert not ends["refused"], told
    for row in rows:
        if row.hangs and row.kind != "read":  # which here finds no keyboard
            assert told[row.name] == "hung", row


def test_subjects_end_as_their_names_say() -> None:
    expected = {
        "exits:ExitsInForward": "code 3",
        "exits:LeavesInForward": "code 0",
        "exits:LeavesInBackward": "code 0",
        "exits:AbortsInForward": "signal 6",
        "exits:SegfaultsInForward": "signal 11",
        "exits:KillsItself": "signal 9",
        "signals:KillsItsGroup": "signal 9",
        "signals:TerminatesItsGroup": "signal 15",
        "raising:UnheardInBackward": "raised",
        "children:ForksADaemon": "survived",
        "descriptors:WritesVerdicts": "survived",
        "world:GoesNowhere": "survived",
    }
    assert trial(*expected) == expected


def test_nothing_is_done_to_a_process_without_the_mark() -> None:
    for pid in (os.getpid(), os.getppid(), 1, 0, -1):
        with pytest.raises(Refused):
            target(pid)
    with pytest.raises(Refused):
        own_group()


def test_what_a_command_leaves_behind_is_found_and_ended() -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '300'], start_new_session=True)"
    done = run_marked(["timeit", "-n", "1", "-r", "1", code], timeout=60)
    assert done.code == 0
    assert done.left == ("sleep 300",)


def test_the_neighbour_is_no_row() -> None:
    assert GOOD not in {row.target for row in ROWS}
