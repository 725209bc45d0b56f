"""``lstm-bench check`` outlives what it judges: every target has its row, and nothing is left.

Sixteen of the corpus share one call, right LSTMs between them. What reaches for the harness itself
has a call of its own. ``python -m bench.hostile`` does the same with all of it and every command.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import GOOD, ROWS, Row
from tests.hostile.running import Outcome, run_marked

TOGETHER = (
    "import_leaves:Anything",
    "body_raises:Anything",
    "loops:SleepsInForward",
    "loops:HoldsTheLockInForward",
    "exits:SegfaultsInForward",
    "raising:InterruptsInForward",
    "raising:StrRaisesInForward",
    "raising:EscapesInConstructor",
    "raising:SurrogatesInConstructor",
    "descriptors:ClosesEverything",
    "descriptors:WritesVerdicts",
    "children:ForksADaemon",
    "world:NoDescriptorsLeft",
    "tampering:BreaksSerialisers",
    "tampering:DumpsVerdicts",
    "odd:ReturnsBiting",
)
ALONE = (
    "signals:KillsItsGroup",
    "signals:KillsItsParent",
    "signals:StopsItsParent",
    "raising:LongMessageInConstructor",
)
# Few checks, for speed: a call, a gradient, a copy.
OPTIONS = ("--only", "one_step", "--only", "one_step_gradients", "--only", "deepcopy")
LIMITS = ("--time-limit", "8", "--memory-limit", "2")
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")  # all but the end of a line


@dataclass(frozen=True)
class Checked:
    """A call of ``check``: its targets in the order asked, and what came of it."""

    targets: tuple[str, ...]
    judgements: list[dict[str, Any]]
    outcome: Outcome

    def verdicts(self, target: str) -> list[str]:
        return [j["verdict"] for j in self.judgements if j["target"] == target]


def row_of(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def check(names: tuple[str, ...], file: Path, timeout: float) -> Checked:
    """Judges the named rows with a right LSTM before, in the middle, and after."""
    rows = [row_of(name).target for name in names]
    half = (len(rows) + 1) // 2
    targets = (GOOD, *rows[:half], GOOD, *rows[half:], GOOD)
    outcome = run_marked(
        ["lstm_bench", "check", *targets, "--json", str(file), *LIMITS, *OPTIONS], timeout
    )
    text = file.read_text(encoding="utf-8") if file.is_file() else "[]"
    return Checked(targets, json.loads(text), outcome)


def assert_whole(checked: Checked) -> None:
    """The command went to its end, and told every target's verdict in the order asked."""
    errors = checked.outcome.stderr.decode(errors="replace")
    assert checked.outcome.code in (0, 1, 2, 3), errors[-2000:]
    assert "Traceback" not in errors
    assert [j["target"] for j in checked.judgements] == list(checked.targets)
    assert set(checked.verdicts(GOOD)) == {"conforms"}


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return check(TOGETHER, tmp_path_factory.mktemp("hostile") / "out.json", timeout=240)


def test_the_command_goes_on_and_the_neighbours_conform(together: Checked) -> None:
    assert_whole(together)


@pytest.mark.parametrize("name", TOGETHER)
def test_a_hostile_subject_has_its_verdict(together: Checked, name: str) -> None:
    row = row_of(name)
    verdicts = together.verdicts(row.target)
    assert len(verdicts) == 1, "it has no row"
    assert set(verdicts) <= set(row.expect)


def test_no_process_is_left_behind(together: Checked) -> None:
    assert together.outcome.left == ()


def test_no_subject_gives_orders_to_the_terminal(together: Checked) -> None:
    shown = together.outcome.stdout + together.outcome.stderr
    assert shown
    assert not set(CONTROL.findall(shown))


@pytest.mark.parametrize("name", ALONE)
def test_who_attacks_the_harness_itself_is_ended_alone(name: str, tmp_path: Path) -> None:
    checked = check((name,), tmp_path / "out.json", timeout=60)
    assert_whole(checked)
    assert set(checked.verdicts(row_of(name).target)) <= set(row_of(name).expect)
    assert checked.outcome.left == ()
