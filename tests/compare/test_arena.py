"""Real processes: what they measure, what they survive, which tree their code comes from."""

import math
from dataclasses import replace

import pytest

from lstm_bench.compare.arena import Arena, Cell, Conditions, undisturbed
from lstm_bench.compare.arms import Side
from lstm_bench.compare.decide import CellFailedError
from lstm_bench.lab.worker import WorkerError
from lstm_bench.measure.workloads import Workload
from tests.forked import apart

TINY = Workload(2, 3, 4, 5, head=False)
FAST = Conditions(batch_seconds=0.001, rounds=1, block_seconds=0.0)
CELLS = (Cell(0, TINY, "forward"), Cell(0, TINY, "step"))

PLAIN = """
from torch import nn


class Mine(nn.LSTM):
    pass
"""


def arena(a, b, **more):
    return Arena((Side("a", (a,)), Side("b", (b,))), CELLS, FAST, **more)


@pytest.fixture
def file(tmp_path):
    def write(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return f"{tmp_path / name}:Mine"

    return write


def test_a_block_gives_every_cell_a_score_and_keeps_every_call(file):
    found = arena("torch.nn:LSTM", file(PLAIN))
    found.find()
    scores = found.block([0, 1])
    assert set(scores) == {0, 1}
    assert all(math.isfinite(score) for score in scores.values())
    (taken,) = found.records[0].rounds
    assert sorted(side for side, _ in taken) == [0, 0, 1, 1]
    assert taken[0][0] == taken[3][0]
    assert all(len(times) == found.records[0].inner for _, times in taken)


def test_an_injected_slowdown_moves_the_score_by_just_that():
    """Everything else being a machine's noise, of which two runs of one seed have different."""
    found = arena("torch.nn:LSTM", "torch.nn:LSTM", slow={0: 1e6})
    found.find()
    scores = found.block([0, 1])
    assert scores[0] == pytest.approx(math.log(1e6), abs=3)
    assert abs(scores[1]) < 3


def test_what_raises_is_blamed_on_its_side_and_cell(file):
    target = file(
        PLAIN.replace(
            "pass",
            "def forward(self, x, hx=None):\n"
            "        import torch\n"
            "        if torch.is_inference_mode_enabled():\n"
            "            raise RuntimeError('no inference here')\n"
            "        return super().forward(x, hx)",
        )
    )
    found = arena("torch.nn:LSTM", target)
    found.find()
    with pytest.raises(CellFailedError, match="b: RuntimeError: no inference here") as failed:
        found.block([0])
    assert failed.value.cell == 0


def test_a_process_that_dies_is_told(file):
    found = arena("torch.nn:LSTM", file("import os\nos._exit(3)\n"))
    with pytest.raises(WorkerError, match=r"b: .*ended the interpreter with exit code 3"):
        found.find()


def test_a_speed_that_is_not_earned_is_told_as_such(file):
    target = file(
        PLAIN.replace(
            "pass",
            "def forward(self, x, hx=None):\n"
            "        if x.shape[1] != 2:\n"
            "            return super().forward(x, hx)\n"
            "        self.calls = getattr(self, 'calls', 0) + 1\n"
            "        if self.calls < 5:\n"
            "            self.kept = super().forward(x, hx)\n"
            "        return self.kept",
        )
    )
    found = arena("torch.nn:LSTM", target)
    found.find()
    with pytest.raises(CellFailedError, match="not that of its inputs") as failed:
        found.block([0])
    assert failed.value.unearned
    assert failed.value.side == 1


def test_what_does_other_work_is_refused(file):
    found = Arena(
        (Side("a", ("torch_nn",)), Side("b", ("torch.nn:LSTM",))),
        (Cell(0, Workload(2, 3, 4, 5), "forward"),), FAST,
    )  # fmt: skip
    with pytest.raises(WorkerError, match="torch_nn has an output layer"):
        found.find()


def test_code_comes_from_the_tree_that_was_named(tmp_path):
    """Its neighbours too, though this program has imported a package of that name."""
    for name, value in (("a", 1), ("b", 2)):
        package = tmp_path / name / "impls"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "helper.py").write_text(f"VALUE = {value}\n")
        (package / "mine.py").write_text(
            "from impls.helper import VALUE\n\n\nclass Mine:\n    v = VALUE\n"
        )
    import impls

    sides = [Side(n, ("impls.mine:Mine",), str(tmp_path / n)) for n in ("a", "b")]
    assert [apart(lambda side: side.load(0).v, side) for side in sides] == [1, 2]
    import impls.registry

    assert str(tmp_path) not in str(impls.registry.__file__)


def test_the_undisturbed_call_is_the_mean_of_the_fastest_quarter():
    assert undisturbed([5.0, 1.0, 9.0, 3.0, 8.0, 7.0, 6.0, 4.0]) == 2.0
    assert undisturbed([2.0]) == 2.0


def test_a_cold_cache_is_wished_of_every_process(monkeypatch):
    wished = []
    monkeypatch.setattr(
        "lstm_bench.compare.arena.Examiner", lambda parcel, terms, **_: wished.append(terms)
    )
    found = Arena((Side("a", ("torch_nn",)),), CELLS, replace(FAST, cold_cache=True))
    found.examiner(0, 0)
    assert wished[0].cold_cache
