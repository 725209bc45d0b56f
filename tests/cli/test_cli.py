"""The command line as a newcomer meets it: help, the main job, and every mistake."""

import json
import os
import subprocess
import sys

import pytest

from lstm_bench.cli import COMMANDS, main

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
        "run.json", "cells.jsonl", "summary.csv", "summary.json", "summary.md", "report.html",
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
        (["run", "--batch", "0"], "must be 1 or more"),
        (["run", "--batch", "a,b"], "not a list of whole numbers"),
        (["run", "--steps", ""], "not a list of whole numbers"),
        (["run", "--device", "tpu9"], "no device 'tpu9'"),
        (["run", "--device", "meta"], "not supported"),
        (["run", "--dtype", "int8"], "no dtype 'int8'"),
        (["run", "--pass", "sideways"], "no pass 'sideways'"),
        (["run", "--preset", "fast"], "no preset 'fast'"),
        (["run", "--quick", "--preset", "edge"], "give one of the two"),
        (["run", "--quick", "--batch", "3"], "exclude one another"),
        (["run", "--rounds", "1"], "not in the range"),
        (["run", "--threads", "0"], "not in the range"),
        (["run", "--resume", "nowhere"], "holds no run"),
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


def test_cuda_without_a_device_is_told_plainly(capsys):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    code, _, err = lstm_bench("run", "--device", "cuda", capsys=capsys)
    assert code == 2
    assert "no CUDA device" in err


def test_the_benchmark_suite_runs_selects_and_gives_the_same_summaries(tmp_path, capsys):
    """``pytest bench`` with -k and --benchmark-json, then ``run --from-json``."""
    file = tmp_path / "x.json"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "-q", "-p", "no:cacheprovider",
         "-k", "not batched", "--lstm-batch=1,2", "--lstm-hidden=4", "--lstm-input=3",
         "--lstm-steps=2", "--lstm-rounds=3", f"--benchmark-json={file}"],
        capture_output=True, text=True, check=False,
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


def test_a_json_that_is_none_of_ours_is_refused(tmp_path, capsys):
    file = tmp_path / "x.json"
    file.write_text("{}")
    code, _, err = lstm_bench("run", "--from-json", file, capsys=capsys)
    assert code == 2
    assert "not a pytest-benchmark JSON" in err
