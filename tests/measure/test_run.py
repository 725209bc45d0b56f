"""A run's folder: every cell on disk at once, killed and resumed without a difference."""

import json

import pytest

from lstm_bench.errors import UsageError
from lstm_bench.measure import run as run_module
from lstm_bench.measure.machine import facts, fingerprint
from lstm_bench.measure.run import Plan, Run, execute, read_cells, read_header
from lstm_bench.measure.workloads import Workload

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


def test_agreement_is_checked_once_a_workload_not_once_a_pass(tmp_path, monkeypatch):
    calls = []
    agree = run_module.agree
    monkeypatch.setattr(run_module, "agree", lambda *a, **k: calls.append(k) or agree(*a, **k))
    execute(Run.create(tmp_path / "run", PLAN))
    assert len(calls) == len(PLAN.subjects) * len(PLAN.workloads)


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path):
    Run.create(tmp_path, PLAN)
    with pytest.raises(UsageError, match="holds a run already"):
        Run.create(tmp_path, PLAN)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "holds no run"), ("{", "cannot read"), ('{"format": "x"}', "not of the form")],
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
