"""Implementations by name: ours, other packages', and the ones that this machine cannot run."""

from __future__ import annotations

from pathlib import Path

import pytest

from impls.contract import LSTMLayer
from impls.registry import Implementation, implementations

THEIR_MODULE = """
from impls.batched_gates import BatchedGates

class TheirLSTM(BatchedGates):
    pass

class NeedsAnotherMachine(BatchedGates):
    @staticmethod
    def unavailable():
        return "needs a quantum computer"
"""

THEIR_ENTRY_POINTS = """
[lstm_bench.implementations]
their_lstm = their_lstm_package:TheirLSTM
their_other = their_lstm_package:NeedsAnotherMachine
their_missing = their_lstm_package.not_there:LSTM
torch_nn = their_lstm_package:TheirLSTM
"""


@pytest.fixture
def their_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another distribution on the path, as pip would install it."""
    (tmp_path / "their_lstm_package.py").write_text(THEIR_MODULE)
    info = tmp_path / "their_lstms-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-lstms\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(THEIR_ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", ["documented_loop", "batched_gates", "torch_nn"])
def test_ours_are_there(name: str) -> None:
    """Registered, available without further packages, and they keep the contract's form."""
    implementation = implementations()[name]
    assert implementation.unavailable() is None
    assert implementation.summary
    assert isinstance(implementation.load()(3, 5), LSTMLayer)


@pytest.mark.usefixtures("their_package")
def test_another_package_joins_by_entry_point() -> None:
    """Found by name, told whose it is, and loaded only when asked for."""
    theirs = implementations()["their_lstm"]
    assert theirs.summary == "from their-lstms"
    assert theirs.unavailable() is None
    assert theirs.load()(3, 5).hidden_size == 5


@pytest.mark.usefixtures("their_package")
def test_unavailable_says_why() -> None:
    """The factory's own reason, or the import's error; listing others still works."""
    found = implementations()
    assert found["their_other"].unavailable() == "needs a quantum computer"
    reason = found["their_missing"].unavailable()
    assert reason is not None
    assert reason.startswith("ModuleNotFoundError: No module named 'their_lstm_package.not_there'")
    assert found["batched_gates"].unavailable() is None


@pytest.mark.usefixtures("their_package")
def test_our_names_stay_ours() -> None:
    """A report's torch_nn means one thing everywhere."""
    assert implementations()["torch_nn"].location == "impls.torch_nn:TorchNN"


def test_a_module_that_fails_at_import_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers' modules may raise anything; that must not end the listing."""
    (tmp_path / "explodes_at_import.py").write_text("raise OSError('no libcudnn.so')\n")
    monkeypatch.syspath_prepend(tmp_path)
    implementation = Implementation("x", "", "explodes_at_import:LSTM")
    assert implementation.unavailable() == "OSError: no libcudnn.so"
