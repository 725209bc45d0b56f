"""A run's folder: every cell on disk at once, killed and resumed without a difference."""

import json
from dataclasses import replace

import pytest
import torch

import lstm_bench.measure.run
from lstm_bench.errors import UsageError
from lstm_bench.measure import exam
from lstm_bench.measure.machine import facts, fingerprint
from lstm_bench.measure.run import Contender, Plan, Run, execute, read_cells, read_header
from lstm_bench.measure.workloads import Workload

pytestmark = pytest.mark.usefixtures("taken_as_right")

PLAN = Plan(
    subjects=("batched_gates", "torch_nn"),
    workloads=(Workload(1, 2, 3, 4), Workload(2, 1, 3, 5)),
    passes=("forward", "step"),
    rounds=3,
)


def keys(folder):
    return sorted(
        (c["subject"], c["workload"], c["pass"], len(c["samples"])) for c in read_cells(folder)
    )


@pytest.fixture
def undisturbed(tmp_path):
    run = Run.create(tmp_path / "whole", PLAN)
    execute(run)
    return keys(run.folder)


def test_every_cell_has_its_line_with_raw_samples(undisturbed):
    assert len(undisturbed) == 2 * 2 * 2
    assert all(samples == PLAN.rounds for *_, samples in undisturbed)


@pytest.mark.parametrize("stop_after", [1, 2, 5])
def test_a_run_that_was_stopped_and_resumed_has_the_same_rows(
    tmp_path, undisturbed, stop_after, monkeypatch
):
    folder = tmp_path / "stopped"
    run = Run.create(folder, PLAN)
    written = 0
    write = Run.write

    def stop(self, cell):
        nonlocal written
        if written == stop_after:
            raise KeyboardInterrupt
        written += 1
        write(self, cell)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            execute(run)
    assert len(read_cells(folder)) == stop_after
    with (folder / "cells.jsonl").open("a") as file:
        file.write('{"subject": "torch_nn", "half a li')  # what a kill can leave behind
    execute(Run.resume(folder))
    assert keys(folder) == undisturbed
    assert all(json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines())


def test_a_wrong_implementation_gets_no_speed_and_the_reason(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import torch\nfrom torch import nn\n\n\nclass Broken(nn.LSTM):\n"
        "    def forward(self, x, hx=None):\n"
        "        out, state = super().forward(x, hx)\n"
        "        return (out * 1.01 if x.shape[0] == 2 else out), state\n"
    )
    plan = Plan((f"{broken}:Broken", "torch_nn"), (Workload(3, 2, 3, 4, head=False),), ("forward",))
    run = Run.create(tmp_path / "run", plan)
    execute(run)
    wrong, right = sorted(read_cells(run.folder), key=lambda c: c["agrees"])
    assert wrong["samples"] == []
    assert "y at" in wrong["error"]
    assert right["samples"]


STRANGERS = """
import torch
from torch import nn


class OnlyTrains(nn.LSTM):
    def forward(self, x, hx=None):
        if torch.is_inference_mode_enabled():
            raise RuntimeError("no inference here")
        return super().forward(x, hx)


class NoLSTM(nn.Linear):
    pass
"""


@pytest.fixture
def strangers(tmp_path):
    file = tmp_path / "strangers.py"
    file.write_text(STRANGERS)
    return file


def test_a_subject_that_fails_has_the_reason_and_the_others_their_speed(tmp_path, strangers):
    subjects = (f"{strangers}:OnlyTrains", f"{strangers}:NoLSTM", "torch_nn")
    plan = Plan(subjects, (Workload(3, 2, 3, 4, head=False),), ("forward", "step"), rounds=3)
    run = Run.create(tmp_path / "run", plan)
    execute(run)
    cells = {(c["subject"].split(":")[-1], c["pass"]): c for c in read_cells(run.folder)}
    assert len(cells) == 6
    assert "no inference here" in cells["OnlyTrains", "forward"]["error"]
    assert cells["OnlyTrains", "step"]["samples"]
    assert "NotAnLSTM" in cells["NoLSTM", "step"]["error"]
    assert cells["torch_nn", "forward"]["samples"]
    assert cells["torch_nn", "step"]["samples"]


def test_a_stranger_s_cell_says_what_really_ran(tmp_path):
    """nn.LSTM has no output layer, whatever the workload asks for: no sizes that it did not do."""
    workload = Workload(3, 2, 3, 4, head=True)
    run = Run.create(tmp_path / "run", Plan(("torch.nn:LSTM", "torch_nn"), (workload,), ("step",)))
    execute(run)
    theirs, ours = read_cells(run.folder)
    assert (theirs["head"], ours["head"]) == (False, True)
    assert theirs["flops"] < ours["flops"] == workload.flops("step")


def test_a_group_that_was_cut_short_is_timed_again_as_a_whole(tmp_path, monkeypatch):
    """Ratios are of neighbouring moments: half a group from before is none."""
    run = Run.create(tmp_path / "run", PLAN)
    execute(run)
    lines = (run.folder / "cells.jsonl").read_text().splitlines(keepends=True)
    (run.folder / "cells.jsonl").write_text("".join(lines[:3]))
    execute(Run.resume(run.folder))
    now = (run.folder / "cells.jsonl").read_text().splitlines(keepends=True)
    assert now[:2] == lines[:2]
    assert now[2] != lines[2]
    assert len(now) == len(lines)


def test_a_run_of_another_machine_cannot_be_resumed(tmp_path):
    run = Run.create(tmp_path, PLAN)
    header = read_header(run.folder)
    (tmp_path / "run.json").write_text(json.dumps(header | {"fingerprint": "another"}))
    with pytest.raises(UsageError, match="another machine"):
        Run.resume(tmp_path)


def test_the_recorded_threads_are_those_that_run(tmp_path):
    before = torch.get_num_threads()
    try:
        plan = replace(PLAN, threads=before + 1)
        assert read_header(Run.create(tmp_path, plan).folder)["machine"]["threads"] == before + 1
    finally:
        torch.set_num_threads(before)


def test_the_reference_is_worked_out_once_a_workload_not_once_a_pass_or_subject(
    tmp_path, monkeypatch
):
    drawn = []
    draw = exam.Exam.draw
    monkeypatch.setattr(exam.Exam, "draw", lambda *a: drawn.append(a) or draw(*a))
    execute(Run.create(tmp_path / "run", replace(PLAN, workloads=(Workload(1, 2, 3, 4),))))
    assert len(drawn) == 1


def test_an_unearned_speed_is_none_and_its_neighbour_has_one(tmp_path):
    cheat = "tests/measure/subjects.py:FirstAnswer"
    plan = Plan((cheat, "torch_nn"), (Workload(6, 2, 3, 4, head=False),), ("forward", "step"))
    run = Run.create(tmp_path / "run", plan)
    execute(run)
    cells = read_cells(run.folder)
    theirs = [cell for cell in cells if cell["subject"] == cheat]
    assert [cell["samples"] for cell in theirs] == [[], []]
    assert all("not that of its inputs" in cell["unearned"] for cell in theirs)
    assert all(cell["samples"] for cell in cells if cell["subject"] == "torch_nn")


def test_who_was_timed_beside_one_that_leaves_threads_running_is_timed_again_without_it(
    tmp_path, monkeypatch
):
    cheat, begun, left = "tests/measure/subjects.py:HasAnUnusedParameter", [], []
    entering, close = Contender.entering, Contender.close

    def watched(self, workload, pass_name, exams):
        begun.append((self.name, pass_name, tuple(left)))
        return entering(self, workload, pass_name, exams)

    def closed(self):
        if self.unearned and self.name not in left:
            left.append(self.name)
        close(self)

    def seen_spinning(examiners):
        return [float(one.parcel.name == cheat) for one in examiners]

    monkeypatch.setattr(Contender, "entering", watched)
    monkeypatch.setattr(Contender, "close", closed)
    monkeypatch.setattr(lstm_bench.measure.run, "spinning", seen_spinning)
    plan = Plan((cheat, "torch_nn"), (Workload(6, 2, 3, 4, head=False),), ("forward", "step"))
    run = Run.create(tmp_path / "run", plan)
    execute(run)
    of_theirs = [c["unearned"] for c in read_cells(run.folder) if c["subject"] == cheat]
    assert all("leaves threads running" in reason for reason in of_theirs)
    assert all(c["samples"] for c in read_cells(run.folder) if c["subject"] == "torch_nn")
    assert begun == [
        (cheat, "forward", ()), ("torch_nn", "forward", ()),
        ("torch_nn", "forward", (cheat,)),  # once more, and the other one has ended
        (cheat, "step", (cheat,)), ("torch_nn", "step", (cheat,)),
    ]  # fmt: skip


def test_a_subject_that_ends_its_process_ends_its_own_cells_alone(tmp_path):
    file = tmp_path / "dies.py"
    file.write_text(
        "import os\nfrom torch import nn\n\n\nclass Mine(nn.LSTM):\n"
        "    def forward(self, x, hx=None):\n"
        "        if x.shape[1] == 6:\n            os.killpg(0, 9)\n"
        "        return super().forward(x, hx)\n"
    )
    plan = Plan((f"{file}:Mine", "torch_nn"), (Workload(6, 2, 3, 4, head=False),), ("forward",))
    run = Run.create(tmp_path / "run", plan)
    execute(run)
    theirs, ours = read_cells(run.folder)
    assert "SIGKILL" in theirs["error"]
    assert ours["samples"]


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path):
    Run.create(tmp_path, PLAN)
    with pytest.raises(UsageError, match="holds a run already"):
        Run.create(tmp_path, PLAN)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "holds no run"), ("{", "is damaged"), ('{"format": "x"}', "not of the form")],
)
def test_what_is_no_run_cannot_be_resumed(tmp_path, content, message):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UsageError, match=message):
        Run.resume(tmp_path)


def test_the_header_says_what_was_asked_for_and_on_which_machine(tmp_path):
    header = read_header(Run.create(tmp_path, PLAN).folder)
    assert Plan.from_json(header["plan"]) == PLAN
    assert header["machine"]["torch"]
    assert header["fingerprint"] == fingerprint(header["machine"])


def test_the_facts_hold_no_name_of_a_person_a_host_or_a_folder():
    import getpass
    import platform

    text = json.dumps(facts())
    assert platform.node() not in text
    assert "/home" not in text
    assert getpass.getuser() not in text.replace("root", "") or getpass.getuser() == "root"


def test_the_fingerprint_changes_with_what_changes_absolute_times():
    found = facts()
    assert fingerprint(found) == fingerprint(dict(found))
    assert fingerprint(found) != fingerprint(found | {"threads": found["threads"] + 1})
    assert fingerprint(found) == fingerprint(found | {"python": "0"})


def test_cold_starts_and_peaks_are_measured_once_and_kept(tmp_path):
    run = Run.create(tmp_path / "r", PLAN)
    execute(run)
    cold = json.loads((run.folder / "cold.json").read_text())
    assert len(cold) == 4
    assert all(0 < seconds < 60 for seconds in cold.values())
    peaks = json.loads((run.folder / "peaks.json").read_text())
    assert set(peaks) == {"gflops", "gbytes"}
    assert min(peaks.values()) > 0
    cell = read_cells(run.folder)[0]
    assert cell["cold_seconds"] == cold[f"{cell['subject']} {cell['workload']}"]
    (run.folder / "peaks.json").write_text('{"gflops": 1.0, "gbytes": 2.0}')
    execute(Run.resume(run.folder))
    assert json.loads((run.folder / "peaks.json").read_text())["gbytes"] == 2.0


def test_a_cold_start_that_fails_is_unmeasured_and_the_cell_says_why(tmp_path):
    (tmp_path / "dies.py").write_text(
        "import os\nimport torch\nfrom torch import nn\n\n\nclass Mine(nn.LSTM):\n"
        "    def forward(self, x, hx=None):\n"
        "        if hx is None and not torch.is_grad_enabled() and x.shape == (2, 1, 3):\n"
        "            os._exit(3)\n"
        "        return super().forward(x, hx)\n"
    )
    name = f"{tmp_path / 'dies.py'}:Mine"
    plan = replace(PLAN, subjects=(name,), workloads=(Workload(1, 2, 3, 4, False),))
    run = Run.create(tmp_path / "r", plan)
    execute(run)
    assert {cell["cold_seconds"] for cell in read_cells(run.folder)} == {None}
