"""``lstm-bench check`` from the outside: isolation, exit codes, JSON, mistakes, the plugin."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTILE = {
    "hangs": ("import time\ndef make(i, h):\n    time.sleep(1000)\n", "exceeded the time limit"),
    "exits": ("import sys\ndef make(i, h):\n    sys.exit(3)\n", "sys.exit(3)"),
    "os_exits": ("import os\ndef make(i, h):\n    os._exit(7)\n", "code 7, as os._exit does"),
    "aborts": ("import os\ndef make(i, h):\n    os.abort()\n", "signal 6"),
    "segfaults": (
        "import ctypes\ndef make(i, h):\n    ctypes.string_at(0)\n",
        "segmentation fault",
    ),
    "eats": (
        "import torch\ndef make(i, h):\n    kept = []\n    while True:\n"
        "        kept.append(torch.ones(2**26))\n",
        "exceeded the memory limit",
    ),
    "raises": ("def make(i, h):\n    raise OSError('no weights')\n", "no weights"),
    "at_import": ("raise RuntimeError('not today')\n", "not today"),
    "changes": (
        "import torch\ntorch.set_default_dtype(torch.float64)\n"
        "def make(input_size, hidden_size):\n    return torch.nn.LSTM(input_size, hidden_size)\n",
        "default dtype",
    ),
}


def check(*arguments, timeout=120):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "lstm_bench", "check", *map(str, arguments)],
        capture_output=True, text=True, timeout=timeout, env=environment, check=False, cwd=ROOT,
    )  # fmt: skip


def test_strangers_can_do_what_they_like_and_the_others_go_on(tmp_path):
    """Every hostile target gets the verdict error with its reason; the last one conforms."""
    targets = []
    for name, (code, _) in HOSTILE.items():
        (tmp_path / f"{name}.py").write_text(code)
        targets.append(f"{tmp_path / name}.py:make")
    file = tmp_path / "out.json"
    done = check(
        *targets, "torch.nn:LSTMCell", "--time-limit", 10, "--memory-limit", 1.5,
        "--only", "one_step", "--json", file,
    )  # fmt: skip
    assert done.returncode == 2
    *errors, last = json.loads(file.read_text())
    assert last["verdict"] == "conforms"
    for (name, (_, words)), judgement in zip(HOSTILE.items(), errors, strict=True):
        assert judgement["verdict"] == "error", (name, judgement)
        assert words in " ".join(judgement["diagnosis"]), (name, judgement["diagnosis"])


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        (["torch.nn:LSTMCell"], 0),
        (["torch.nn:GRU", "torch.nn:LSTMCell"], 1),
        (["torch.nn:Linear"], 3),
        (["torch.nn:GRU", "nowhere.py:X"], 2),
    ],
)
def test_exit_codes(targets, code):
    done = check(*targets, "--only", "one_step")
    assert done.returncode == code, done.stdout + done.stderr
    assert all(target in done.stdout for target in targets)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name at least one target"),
        (["torch.nn:LSTM", "--only", "nothing"], "'nothing'"),
        (["torch.nn:LSTM", "--skip", "nothing"], "'nothing'"),
        (["torch.nn:LSTM", "--kwargs", "a b"], "not of the form"),
        (["torch.nn:LSTM", "--kwargs", "1"], "not of the form"),
        (["torch.nn:LSTM", "--expect-fail", "one_step"], "NAME=REASON"),
        (["torch.nn:LSTM", "--expect-fail", "none=why"], "no check is called 'none'"),
        (["torch.nn:LSTM", "--time-limit", "0"], "not a time such as"),
    ],
)
def test_every_mistake_has_one_line_and_code_2(arguments, words):
    done = check(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_kwargs_reach_the_constructor_and_i_and_h_stand_for_the_sizes(tmp_path):
    file = tmp_path / "odd.py"
    file.write_text(
        "from torch import nn\n\n\ndef make(zzz, *, qqq):\n"
        "    return nn.LSTM(zzz[0], qqq[0] if isinstance(qqq, list) else qqq)\n"
    )
    done = check("torch.nn:LSTM", "--kwargs", "batch_first=True", "--only", "one_step")
    assert "batch first" in done.stdout
    odd = tmp_path / "named.py"
    odd.write_text("from torch import nn\n\n\ndef make(p, q):\n    return nn.LSTM(q, p)\n")
    done = check(f"{odd}:make", "--kwargs", "p=H, q=I", "--only", "one_step")
    assert done.returncode == 0, done.stdout


def test_the_checks_are_listed_with_their_purpose():
    done = check("--list-checks")
    assert done.returncode == 0
    assert "one_step" in done.stdout
    assert "(only when named)" in done.stdout


def test_scripts_that_reproduce_are_written_and_do_reproduce(tmp_path):
    file = tmp_path / "off.py"
    file.write_text(
        "from torch import nn\n\n\nclass Off(nn.LSTMCell):\n"
        "    def forward(self, x, state):\n"
        "        h, c = super().forward(x, state)\n        return h * 1.01, c\n"
    )
    check(f"{file}:Off", "--only", "one_step", "--scripts", tmp_path / "scripts")
    (script,) = (tmp_path / "scripts").iterdir()
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "AssertionError" in done.stderr
    assert "relative error" in done.stdout


def test_the_example_package_tests_its_lstm_in_three_lines():
    """A stranger's repository, with one expected failure that must be strict."""
    example = ROOT / "examples" / "adopting"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "-k", "teacher_forced or chunks or state_dict"],
        capture_output=True, text=True, cwd=example, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_an_expected_failure_is_strict_in_others_tests(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import torch\nfrom lstm_bench import parametrize_with_checks\n\n\n"
        "@parametrize_with_checks([torch.nn.LSTMCell], only=['one_step'],"
        " expected_failures={'one_step': 'never'})\n"
        "def test_it(lstm_check):\n    lstm_check()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "XPASS(strict)" in done.stdout


@pytest.mark.parametrize("name", ["impls", "bench"])
def test_a_class_of_a_package_that_is_called_as_ours_is_travels(tmp_path, name):
    package = tmp_path / name / "deep"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "mine.py").write_text("import torch\n\n\nclass Mine(torch.nn.LSTMCell): ...\n")
    (tmp_path / "test_it.py").write_text(
        f"from lstm_bench import parametrize_with_checks\nfrom {name}.deep.mine import Mine\n\n\n"
        "class Local(Mine): ...\n\n\n"
        "@parametrize_with_checks([Mine, Local], only=['one_step'])\n"
        "def test_it(lstm_check):\n    lstm_check()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout


def test_the_plugin_adds_the_checks_of_a_target_and_obeys_k(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "--lstm-check", "torch.nn:LSTMCell", "-k", "teacher_forced", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout


def test_the_plugin_says_in_one_line_what_is_not_there(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "--lstm-check", "nowhere.py:Mine", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --lstm-check: no such file: nowhere.py" in done.stdout + done.stderr


def test_importing_the_package_does_not_import_torch():
    code = "import lstm_bench, lstm_bench.pytest_plugin, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_call_judges_a_class_at_hand():
    import torch

    from lstm_bench import check as judge

    assert judge(torch.nn.LSTMCell, only=("one_step",)).verdict == "conforms"
