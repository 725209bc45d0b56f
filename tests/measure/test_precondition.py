"""No speed without a verdict: a run judges its subjects by all checks before it times them."""

import json

from lstm_bench.measure import run as run_module
from lstm_bench.measure.run import Plan, Run, execute, read_cells
from lstm_bench.measure.workloads import Workload

# Right in all that is timed; wrong only in what a check looks for elsewhere.
FORGETFUL = """
from torch import nn


class Forgetful(nn.LSTM):
    def forward(self, x, hx=None):
        if x.shape[0] == 64:
            x = x * 2
        return super().forward(x, hx)
"""
WORKLOADS = (Workload(3, 2, 3, 4, head=False), Workload(2, 2, 3, 4, head=False))


def test_what_is_defective_elsewhere_has_no_speed_here(tmp_path):
    file = tmp_path / "strangers.py"
    file.write_text(FORGETFUL)
    plan = Plan((f"{file}:Forgetful", "torch_nn"), WORKLOADS, ("forward",), rounds=3)
    run = Run.create(tmp_path / "run", plan)
    execute(run)
    cells = {(c["subject"], c["workload"]): c for c in read_cells(run.folder)}
    wrong = [cell for (name, _), cell in cells.items() if "Forgetful" in name]
    right = [cell for (name, _), cell in cells.items() if name == "torch_nn"]
    assert all(cell["samples"] == [] and cell["agrees"] is False for cell in wrong)
    assert all("defective" in cell["error"] for cell in wrong)
    assert all(len(cell["samples"]) == 3 for cell in right)
    judged = json.loads((run.folder / "checks.json").read_text())
    assert [j["verdict"] for j in judged] == ["defective", "conforms"]


def test_a_resumed_run_does_not_judge_again(tmp_path, monkeypatch, taken_as_right):
    run = Run.create(tmp_path / "run", Plan(("torch_nn",), WORKLOADS, ("forward",), rounds=3))
    execute(run)
    monkeypatch.setattr(run_module, "judge_each", None)
    execute(Run.resume(run.folder))
