"""Every cheat looks honest at first and cheats in a loop; every twin is honest in both.

Each file of the corpus is tried in a process of its own, see :mod:`tests.cheats.trial`.
"""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.cheats import ALL, ENTRIES, ROOT, Entry
from tests.cheats.demonstrations import DEMONSTRATIONS

WHOLE = "LSTM_BENCH_WHOLE_CORPUS"
"""A variable that asks for every pair: minutes. Without it, one pair of each class is tried."""
CHOSEN = ENTRIES if WHOLE in os.environ else tuple({e.cls: e for e in ENTRIES}.values())
FILES = sorted({entry.file for entry in CHOSEN})
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

by_name = pytest.mark.parametrize("entry", CHOSEN, ids=lambda entry: entry.name)


@functools.cache
def answers(file: str) -> dict[str, str]:
    """What is wrong, by question; "" where nothing is."""
    mine = [e for e in CHOSEN if e.file == file]
    names = [name_of(target) for entry in mine for target in (entry.cheat, entry.twin)]
    command = [sys.executable, "-m", "tests.cheats.trial", file, *names]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)}
    tried = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
    told: dict[str, str] = json.loads(tried.stdout.splitlines()[-1])
    return told


def name_of(target: str) -> str:
    return target.rpartition(":")[2]


@pytest.mark.parametrize("file", FILES)
def test_importing_a_file_is_harmless(file: str) -> None:
    assert answers(file)["file.import_is_harmless"] == ""


@by_name
def test_a_cheat_agrees_with_nn_lstm_at_its_first_call(entry: Entry) -> None:
    assert answers(entry.file)[f"{entry.name}.check_looks"] == ""


@by_name
def test_a_cheat_cheats_in_the_loop_of_a_benchmark(entry: Entry) -> None:
    assert answers(entry.file)[f"{entry.name}.cheats"] == ""


@by_name
def test_a_twin_agrees_with_nn_lstm_at_its_first_call(entry: Entry) -> None:
    assert answers(entry.file)[f"{name_of(entry.twin)}.check_looks"] == ""


@by_name
def test_a_twin_stays_right_whatever_changes(entry: Entry) -> None:
    assert answers(entry.file)[f"{name_of(entry.twin)}.check_stays"] == ""


@by_name
def test_a_twin_does_not_look_like_a_cheat(entry: Entry) -> None:
    assert answers(entry.file)[f"{name_of(entry.twin)}.is_clear"] == ""


# --- the register --------------------------------------------------------------------------------


def classes_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


@by_name
def test_both_classes_of_a_row_are_in_its_file(entry: Entry) -> None:
    assert {entry.name, name_of(entry.twin)} <= classes_in(entry.file)


def test_every_target_is_named_once() -> None:
    targets = [target for entry in ENTRIES for target in (entry.cheat, entry.twin)]
    assert max(Counter(targets).values()) == 1


def test_every_class_of_failure_has_three_pairs_or_more() -> None:
    assert len(ENTRIES) >= 45
    assert min(Counter(entry.cls for entry in ENTRIES).values()) >= 3


@by_name
def test_a_row_says_how_it_cheats_and_where_it_pays(entry: Entry) -> None:
    assert entry.how.endswith(".")
    assert set(entry.passes) <= set(ALL)
    assert entry.shown_by in DEMONSTRATIONS
