"""Wrong input is refused in one line, with code 2, before anything is judged, and leaves nothing.

Nobody is judged or imported here: that would fail the test.
"""

import os
import sys
from pathlib import Path

import pytest

from lstm_bench.commands import sizes
from lstm_bench.commands.options import refuse_missing_device
from lstm_bench.commands.places import probe_file, probe_folder
from lstm_bench.commands.sizes import refuse_too_large
from lstm_bench.commands.targets import refuse_missing
from lstm_bench.errors import UsageError
from lstm_bench.measure.workloads import Workload
from tests.cli.test_cli import lstm_bench

NAMED = {
    "check": ["torch.nn:LSTM"],
    "run": ["--impl", "torch_nn"],
    "compare": ["torch_nn", "batched_gates"],
    "choose": ["--impl", "torch_nn,batched_gates"],
    "guard": ["--against", "impl:torch_nn", "--impl", "batched_gates"],
    "calibrate": [],
    "train": ["--impl", "torch_nn"],
}
DECIDE = ("compare", "choose", "guard")
MEASURE = ("run", *DECIDE)


@pytest.fixture(autouse=True)
def nobody_is_judged(monkeypatch, tmp_path):
    from lstm_bench.compare import calibration, session
    from lstm_bench.conformance import isolate
    from lstm_bench.lab import worker
    from lstm_bench.measure import run

    def judged(*_, **__):
        raise AssertionError("it went on to judge or to measure")

    for module in (session, run, isolate):
        monkeypatch.setattr(module, "judge_each", judged)
    monkeypatch.setattr(worker.Worker, "__init__", judged)
    monkeypatch.setattr("lstm_bench.measure.machine.cuda_devices", lambda: 0)
    monkeypatch.setattr(calibration, "calibrate", judged)
    monkeypatch.setattr("lstm_bench.training.session.Session.train", judged)
    monkeypatch.chdir(tmp_path)


def refused(capsys, *arguments):
    """The one line; nothing is left in the folder."""
    before = sorted(Path().rglob("*"))
    code, out, err = lstm_bench(*arguments, capsys=capsys)
    assert code == 2, (out, err)
    assert out == ""
    assert err.startswith("lstm-bench: error: ")
    assert len(err.strip().splitlines()) == 1
    assert sorted(Path().rglob("*")) == before
    return err


@pytest.mark.parametrize(
    ("commands", "flag", "values"),
    [
        (MEASURE, "--budget", ("nan", "inf", "-1", "0", "soon", "")),
        (("calibrate",), "--budget", ("nan", "-3s")),
        (("check",), "--time-limit", ("nan", "inf", "0", "-1")),
        (("check",), "--memory-limit", ("nan", "inf", "0", "-1")),
        ((*DECIDE, "calibrate"), "--margin", ("nan", "inf", "0", "-5%", "5")),
        (DECIDE, "--alpha", ("nan", "0", "1", "100%")),
        (tuple(NAMED), "--seed", ("-1", str(2**63), "nan", "1.5")),
        ((*MEASURE, "calibrate", "train"), "--device", ("cpu:7", "cuda:99", "foo", "")),
        (MEASURE, "--threads", ("0", "100000")),
        (MEASURE, "--pass", (",", "", "sideways")),
        (MEASURE, "--preset", ("", ",", "fast")),
        (MEASURE, "--batch", (",", "0", "10000000000", "1,x")),
        (MEASURE, "--hidden", ("1000000",)),
        (("run", "choose", "guard", "train"), "--impl", (",", "")),
        (("check", *DECIDE, "calibrate"), "--json", ("", "nowhere/x.json", "/proc/x/y.json", "/")),
        ((*MEASURE, "train"), "--out", ("/proc/x", "")),
        (("check",), "--report", ("/proc/x", "/dev/null/x")),
        (("check",), "--scripts", ("/proc/x", "/dev/null/x")),
        (("calibrate",), "--out", ("/proc/x/profile.json", "/dev/null/x")),
        (("check",), "--kwargs", ("a b", "a=1, a=2", "a={[]: 1}", "1")),
    ],
)
def test_every_command_refuses_it_the_same_way(commands, flag, values, capsys):
    for command in commands:
        for value in values:
            assert flag in refused(capsys, command, *NAMED[command], flag, value) or (
                flag == "--hidden" or value == "cuda:99"
            )


def test_a_layer_that_no_memory_holds_is_not_trained(capsys, monkeypatch):
    monkeypatch.setattr(sizes, "_memory", lambda: 2.0**34)
    assert "is too large" in refused(capsys, "train", "--hidden", "65536", "--impl", "torch_nn")


def test_a_size_that_no_memory_holds_is_told_with_what_it_needs():
    with pytest.raises(UsageError, match="its input, weights and output alone are 2,384 GiB"):
        refuse_too_large((Workload(10**6, 10**4, 32, 32),), 4, 2.0**34)
    refuse_too_large((Workload(32, 35, 256, 256),), 4, 2.0**34)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--impl", "torch_nn,{}"],
        ["choose", "--impl", "torch_nn,{}"],
        ["compare", "torch_nn", "{}"],
        ["compare", "{}", "torch_nn"],
    ],
)
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere.py:X", "no such file: nowhere.py"),
        ("mine.py:Typo", "mine.py has no 'Typo': did you mean 'Type'?"),
        ("broken.py:X", "SyntaxError in line 1"),
        ("no_such_package.at_all:X", "there is no package 'no_such_package'"),
        ("torch_n", "did you mean 'torch_nn'"),
        ("mine.py:", "neither package.module:Class nor path/file.py:Class"),
    ],
)
def test_a_target_that_is_not_there_is_told_at_once(arguments, target, words, capsys):
    Path("mine.py").write_text("raise AssertionError('imported')\n\n\nclass Type:\n    pass\n")
    Path("broken.py").write_text("class :\n")
    assert words in refused(capsys, *(a.format(target) for a in arguments))
    assert "mine" not in sys.modules


def test_what_a_text_does_not_tell_is_left_to_the_judge(tmp_path):
    for text in (
        "from torch.nn import *\n",
        "globals()['X'] = 1\n",
        "def __getattr__(n): pass\n",
        "import sys, lazy\nsys.modules[__name__] = lazy.Module()\n",
    ):
        (tmp_path / "m.py").write_text(text)
        refuse_missing([f"{tmp_path / 'm.py'}:X"])
    (tmp_path / "m.py").write_text(
        "import torch.nn as n\n\ntry:\n    X = n.LSTM\nfinally:\n    0\n"
    )
    refuse_missing([f"{tmp_path / 'm.py'}:X", f"{tmp_path / 'm.py'}:n.LSTM", "torch.nn:LSTM"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--resume", "x", "--batch", "3"],
        ["compare", "--resume", "x", "--batch", "3"],
        ["compare", "torch_nn", "batched_gates", "--resume", "x"],
        ["choose", "--resume", "x", "--impl", "torch_nn"],
        ["choose", "--preset", "edge", "--steps", "3"],
        ["guard", "--against", "git:HEAD", "--preset", "edge", "--steps", "3"],
        ["guard", "--against", "run:x", "--preset", "edge"],
        ["check", "torch.nn:LSTM", "--list-checks"],
        ["train", "--updates", "3", "--seconds", "3"],
    ],
)
def test_contradictions_are_refused_in_every_command(arguments, capsys):
    assert "exclude one another" in refused(capsys, *arguments)


def test_what_can_be_written_is_found_by_writing_and_nothing_is_left(tmp_path):
    there = tmp_path / "there.json"
    there.write_text("kept")
    before = there.stat().st_mtime_ns
    probe_file(there, "--json")
    probe_file(tmp_path / "new.json", "--json")
    probe_file(tmp_path / "a" / "b" / "c.json", "--out", parents=True)
    probe_folder(tmp_path / "a" / "b", "--out")
    (tmp_path / "link").symlink_to(tmp_path / "not-there-yet")
    probe_file(tmp_path / "link", "--json")
    os.mkfifo(tmp_path / "pipe")
    probe_file(tmp_path / "pipe", "--json")  # to open it would wait for a reader
    assert {p.name for p in tmp_path.iterdir()} == {"there.json", "link", "pipe"}
    assert (tmp_path / "link").is_symlink()
    assert (there.read_text(), there.stat().st_mtime_ns) == ("kept", before)


@pytest.mark.parametrize("name", ["file/x", "n" * 300, "file"])
def test_what_cannot_be_written_is_told(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--out: cannot write to"):
        probe_folder(tmp_path / name, "--out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("count", "device", "words"),
    [
        (0, "cuda", "torch sees no CUDA device"),
        (1, "cuda:1", "torch sees 1, from cuda:0 on"),
        (2, "cuda:1", None),
        (1, "cuda", None),
        (0, "cpu", None),
    ],
)
def test_a_device_is_asked_for_by_its_number(monkeypatch, count, device, words):
    monkeypatch.setattr("lstm_bench.measure.machine.cuda_devices", lambda: count)
    if words is None:
        refuse_missing_device(device)
    else:
        with pytest.raises(UsageError, match=words):
            refuse_missing_device(device)
