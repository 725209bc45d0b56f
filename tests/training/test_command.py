"""``lstm-bench train`` from the outside: small runs, their files, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from impls import registry
from impls.registry import Implementation, implementations
from lstm_bench.cli import cli
from lstm_bench.errors import UsageError
from lstm_bench.training import loop
from tests.training import test_coincidence

SMALL = ("--hidden", "16", "--batch", "4", "--steps", "6", "--sample-length", "20")


def command(*arguments: str) -> Result:
    """Run it as ``main`` does: what is returned is the exit code, a UsageError passes through."""
    return CliRunner().invoke(cli, ["train", *SMALL, *arguments], standalone_mode=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """One run of everyone on the default text."""
    folder = tmp_path_factory.mktemp("run") / "deep" / "down"
    return command("--updates", "25", "--check-updates", "20", "--out", str(folder)), folder


def test_says_what_happened(finished: tuple[Result, Path]) -> None:
    """A row for everyone, the perplexities to compare with, the verdict, the sample."""
    result, folder = finished
    assert result.return_value == 0, result.output
    for name in implementations():
        assert name in result.stdout
    for part in ("guessing: 95", "character frequencies alone: 22.6", "over the first 20 updates"):
        assert part in result.stdout
    assert "continues:\nThe function " in result.stdout
    assert str(folder) in result.stdout


def test_writes_the_curves(finished: tuple[Result, Path]) -> None:
    """One row for each implementation and update, as CSV and as JSON, and two figures."""
    folder = finished[1]
    table = pd.read_csv(folder / "curves.csv")
    assert (table.groupby("implementation").size() == 25).all()
    assert set(table["implementation"]) == set(implementations())
    assert table["deviation"].notna().sum() == 20 * len(implementations())
    assert (table["tokens"] == table["update"] * 24).all()
    rows = json.loads((folder / "curves.json").read_text())
    assert rows[0].keys() == set(table.columns)
    assert rows[3]["loss"] == pytest.approx(table["loss"][3], rel=1e-12)
    assert (folder / "curves.svg").read_text().lstrip().startswith("<?xml")
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_writes_how_they_came_about(finished: tuple[Result, Path]) -> None:
    """Settings, text, versions, results and verdict: enough to run it again."""
    run = json.loads((finished[1] / "train.json").read_text())
    assert run["finished"] is True
    assert run["recipe"]["hidden"] == 16
    assert run["text"]["name"] == "pydoc_data.topics"
    assert run["coincidence"]["status"] == "pass"
    assert [r["name"] for r in run["results"]] == list(implementations())
    assert all(r["tokens_per_second"] > 0 for r in run["results"])
    assert len(run["sample"]) == 20


def test_a_wrong_implementation_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 and its name, while the files are written all the same."""
    wrong = test_coincidence.BiasGradientTwice
    broken = Implementation("bias_twice", "", f"{wrong.__module__}:{wrong.__name__}")
    monkeypatch.setattr(registry, "_OURS", (*registry._OURS, broken))
    result = command("--updates", "20", "--impl", "bias_twice", "--out", str(tmp_path))
    assert result.return_value == 1
    assert "do NOT coincide: bias_twice" in result.stdout
    assert json.loads((tmp_path / "train.json").read_text())["coincidence"]["status"] == "fail"


def test_divergence_is_said(tmp_path: Path) -> None:
    """Where the loss leaves the numbers nothing was learned, and JSON stays JSON."""
    wild = ("--learning-rate", "1e6", "--clip", "1e9", "--impl", "torch_nn")
    result = command("--updates", "20", *wild, "--out", str(tmp_path))
    assert result.return_value == 1
    assert "nothing was learned" in result.stdout
    json.loads((tmp_path / "train.json").read_text(), parse_constant=pytest.fail)


def test_the_documented_initialisation_warns(tmp_path: Path) -> None:
    """It trains badly and rounds badly; that is known, said, and no implementation's fault."""
    result = command("--updates", "3", "--init", "documented", "--out", str(tmp_path))
    assert "warning: the documented standard normal saturates the gates" in result.stderr


def test_a_text_of_ones_own(tmp_path: Path) -> None:
    """Any alphabet; the prefix, where none is given, is one that the text can spell."""
    file = tmp_path / "gedicht.txt"
    file.write_text("über allen gipfeln ist ruh, " * 40, encoding="utf-8")
    result = command(
        "--text", str(file), "--updates", "2", "--impl", "torch_nn,batched_gates",
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert result.return_value == 0, result.output
    run = json.loads((tmp_path / "out" / "train.json").read_text())
    assert run["text"]["name"] == "gedicht.txt"
    assert set(run["prefix"]) <= set(run["text"]["vocabulary"])
    assert [r["name"] for r in run["results"]] == ["torch_nn", "batched_gates"]


def test_ctrl_c_keeps_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and table of what is there; the exit code and train.json say that it was cut."""
    original: Any = loop._run

    def interrupted(learner: Any, batches: Any, numbers: range, clock: Any) -> None:
        if numbers.start >= 10:
            raise KeyboardInterrupt
        original(learner, batches, numbers, clock)

    monkeypatch.setattr(loop, "_run", interrupted)
    result = command("--seconds", "600", "--impl", "torch_nn", "--out", str(tmp_path))
    assert result.return_value == 130
    assert "over the first 10 updates" in result.stdout
    assert json.loads((tmp_path / "train.json").read_text())["finished"] is False


def test_ctrl_c_before_anything_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No update, no report, no files."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_run", interrupted)
    result = command("--impl", "torch_nn", "--out", str(tmp_path))
    assert result.return_value == 130
    assert "nothing to report" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--impl", "lstm9000"), "no implementation is called 'lstm9000'; there are: documented"),
        (("--text", "/not/there"), "cannot read /not/there"),
        (("--text", "/"), "cannot read /: Is a directory"),
        (("--device", "abacus"), "there is no device 'abacus'"),
        (("--device", "meta"), "there is no device 'meta'"),
        (("--prefix", "→"), "not a character of the text: '→'"),
        (("--prefix", ""), "--prefix needs at least one character"),
        (("--out", "/dev/null/x"), "cannot write to /dev/null/x: Not a directory"),
        (("--batch", "50000"), "the text is too short"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: tuple[str, ...], message: str) -> None:
    """Before any training, and as a UsageError, which `main` ends with exit code 2."""
    error = command("--updates", "1", *arguments).exception
    assert isinstance(error, UsageError)
    assert message in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("arguments", [("--batch", "0"), ("--seconds", "0"), ("--momentum", "1")])
def test_impossible_numbers_are_refused(arguments: tuple[str, ...]) -> None:
    """Out of the option's own range."""
    assert isinstance(command(*arguments).exception, UsageError)
