"""The command line as a newcomer meets it: help, the main job, and every mistake."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from lstm_bench.cli import COMMANDS, main

pytestmark = pytest.mark.usefixtures("taken_as_right")

TINY = ["--batch", "2", "--steps", "2", "--hidden", "4", "--input", "3", "--rounds", "3"]


def lstm_bench(*arguments, capsys):
    """Exit code, standard output, standard error of a call in this process."""
    before = sys.argv
    sys.argv = ["lstm-bench", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as left:
            main()
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    return left.value.code, out, err


def test_help_names_every_command_and_imports_no_torch():
    code = (
        "import sys; sys.argv = ['lstm-bench', '--help']\n"
        "from lstm_bench.cli import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False False\n")
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_teaches(command, capsys):
    code, out, _ = lstm_bench(command, "--help", capsys=capsys)
    assert code == 0
    assert "Usage" in out
    assert len(out.splitlines()) > 8


def test_list_shows_implementations_presets_and_devices(capsys):
    code, out, _ = lstm_bench("list", capsys=capsys)
    assert code == 0
    for word in ("documented_loop", "torch_nn", "fastrnns", "cuda"):
        assert word in out
    found = json.loads(lstm_bench("list", "--json", capsys=capsys)[1])
    assert set(found) == {"implementations", "presets", "devices"}


def test_the_main_job_ends_with_a_table_and_every_file(tmp_path, capsys):
    out = tmp_path / "run"
    code, text, _ = lstm_bench("run", *TINY, "--out", out, capsys=capsys)
    assert code == 0
    for word in (
        "documented_loop",
        "batched_gates",
        "torch_nn",
        "forward_train",
        "backward",
        "step",
    ):
        assert word in text
    assert {p.name for p in out.iterdir()} == {
        "run.json", "checks.json", "cold.json", "peaks.json", "cells.jsonl",
        "summary.csv", "summary.json", "summary.md", "report.html",
    }  # fmt: skip


def test_a_run_can_be_resumed_after_it_ended(tmp_path, capsys):
    out = tmp_path / "run"
    lstm_bench("run", *TINY, "--pass", "forward", "--out", out, capsys=capsys)
    before = (out / "cells.jsonl").read_text()
    code, _, _ = lstm_bench("run", "--resume", out, capsys=capsys)
    assert code == 0
    assert (out / "cells.jsonl").read_text() == before


def test_an_incorrect_implementation_ends_with_code_4(tmp_path, capsys):
    file = tmp_path / "off.py"
    file.write_text(
        "from impls.batched_gates import BatchedGates\n\n\nclass Off(BatchedGates):\n"
        "    def forward(self, inputs, states=None):\n"
        "        outputs, state = super().forward(inputs, states)\n"
        "        return (outputs * 1.01 if inputs.shape[0] == 2 else outputs), state\n"
    )
    code, text, _ = lstm_bench(
        "run", *TINY, "--impl", f"{file}:Off", "--pass", "forward", "--out", tmp_path / "r",
        capsys=capsys,
    )  # fmt: skip
    assert code == 4
    assert "incorrect" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--impl", "torch_n"], "did you mean 'torch_nn'"),
        (["run", "--batch", "0"], "must be at least 1"),
        (["run", "--batch", "a,b"], "not a list of whole numbers"),
        (["run", "--steps", ""], "names nothing"),
        (["run", "--device", "tpu9"], "no device 'tpu9'"),
        (["run", "--device", "meta"], "no device 'meta': cpu, cuda or cuda:N"),
        (["run", "--dtype", "int8"], "no dtype 'int8'"),
        (["run", "--pass", "sideways"], "no pass 'sideways'"),
        (["run", "--preset", "fast"], "no preset 'fast'"),
        (["run", "--quick", "--preset", "edge"], "give one of the two"),
        (["run", "--quick", "--batch", "3"], "exclude one another"),
        (["run", "--rounds", "1"], "must be at least 2"),
        (["run", "--threads", "0"], "must be at least 1"),
        (["run", "--resume", "nowhere"], "holds no run"),
        (["run", "--resume", "x", "--batch", "3"], "--resume and --batch exclude one another"),
        (["run", "--from-json", "x", "--quick"], "--from-json and --quick exclude one another"),
        (["run", "--resume", "x", "--from-json", "y"], "exclude one another"),
        (["run", "--from-json", "nowhere.json"], "no such file"),
        (["run", "--out", "/proc/x"], "cannot write"),
        (["run", "--nonsense"], "No such option"),
        (["rnu"], "No such command"),
    ],
)
def test_every_mistake_has_one_clear_line_and_code_2(
    arguments, words, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, _, err = lstm_bench(*arguments, capsys=capsys)
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("lstm-bench: error: ")
    assert words in err
    assert os.listdir(tmp_path) == []


def start(out):
    """A run that is long enough to be stopped in the middle."""
    command = [sys.executable, "-m", "lstm_bench", "run", *TINY, "--rounds", "40", "--out", out]
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in a shell's background, Ctrl-C is ignored from birth.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (out / "cells.jsonl").exists():
        assert started.poll() is None, started.stderr.read()
        time.sleep(0.01)
    return started


def keys(out):
    cells = [json.loads(line) for line in (out / "cells.jsonl").read_text().splitlines()]
    return {(c["subject"], c["workload"], c["pass"]) for c in cells}


def test_a_run_that_was_killed_goes_on_to_the_same_rows(tmp_path, capsys):
    out = tmp_path / "run"
    with start(out) as started:
        started.kill()
    assert len(keys(out)) < 12
    code, text, _ = lstm_bench("run", "--resume", out, capsys=capsys)
    assert code == 0
    assert len(keys(out)) == len((out / "cells.jsonl").read_text().splitlines()) == 12
    assert "Stopped early" not in text


def test_ctrl_c_leaves_a_summary_and_says_how_to_go_on(tmp_path):
    out = tmp_path / "run"
    with start(out) as started:
        started.send_signal(signal.SIGINT)
        text, err = started.communicate()
    assert started.returncode == 130
    assert f"--resume {out}" in err
    assert "Traceback" not in err
    assert "So far " in text.replace("\n", " ")
    assert (out / "report.html").exists()


def test_no_head_holds_for_sizes_presets_and_the_default(tmp_path, capsys):
    out = tmp_path / "run"
    arguments = ("--no-head", "--preset", "edge", "--impl", "torch_nn", "--pass", "forward")
    code, _, _ = lstm_bench("run", *arguments, "--rounds", "2", "--out", out, capsys=capsys)
    assert code == 0
    plan = json.loads((out / "run.json").read_text())["plan"]
    assert not any(w["head"] for w in plan["workloads"])


@pytest.mark.parametrize(
    ("arguments", "threads"), [(("--quick",), 1), (("--quick", "--threads", "2"), 2)]
)
def test_a_quick_run_has_one_thread_unless_told_otherwise(
    arguments, threads, tmp_path, capsys, monkeypatch
):
    before = torch.get_num_threads()
    monkeypatch.setattr("lstm_bench.measure.run.execute", lambda run, report: None)
    try:
        lstm_bench("run", *arguments, "--out", tmp_path / "run", capsys=capsys)
    finally:
        torch.set_num_threads(before)
    header = json.loads((tmp_path / "run" / "run.json").read_text())
    assert header["plan"]["threads"] == header["machine"]["threads"] == threads


def test_cuda_without_a_device_is_told_plainly(capsys):
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    code, _, err = lstm_bench("run", "--device", "cuda", capsys=capsys)
    assert code == 2
    assert "no CUDA device" in err


def test_the_benchmark_suite_runs_selects_and_gives_the_same_summaries(tmp_path, capsys):
    """``pytest bench`` with -k and --benchmark-json, then ``run --from-json``."""
    file = tmp_path / "x.json"
    # Free of what a pytest around this one, or its workers, put into the environment.
    plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "-q", "-p", "no:cacheprovider",
         "-k", "not batched", "--lstm-batch=1,2", "--lstm-hidden=4", "--lstm-input=3",
         "--lstm-steps=2", "--lstm-rounds=3", f"--benchmark-json={file}"],
        capture_output=True, text=True, check=False, env=plain,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert "no CUDA device" in done.stdout or "cuda" in done.stdout
    info = json.loads(file.read_text())["benchmarks"][0]["extra_info"]["lstm_bench"]
    assert {"batch", "flops", "machine"} <= set(info)
    assert {"threads", "float32_matmul_precision", "torch"} <= set(info["machine"])
    code, text, _ = lstm_bench("run", "--from-json", file, "--out", tmp_path / "s", capsys=capsys)
    assert code == 0
    assert "documented_loop" in text
    assert "batched_gates" not in text
    assert len((tmp_path / "s" / "summary.csv").read_text().splitlines()) == 1 + 2 * 2 * 4


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--lstm-impl=torch_n", "no 'torch_n'"),
        ("--lstm-batch=0", "every number must be 1 or more"),
        ("--lstm-batch=a", "is not a list such as 1,8,32"),
        ("--lstm-preset=fast", "choose among quick"),
        ("--lstm-dtype=int8", "no 'int8'"),
    ],
)
def test_a_mistake_in_the_benchmark_suite_s_options_is_told_before_it_starts(option, words):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "-q", "-p", "no:cacheprovider", option],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_json_that_is_none_of_ours_is_refused(tmp_path, capsys):
    file = tmp_path / "x.json"
    file.write_text("{}")
    code, _, err = lstm_bench("run", "--from-json", file, capsys=capsys)
    assert code == 2
    assert "not a pytest-benchmark JSON" in err
