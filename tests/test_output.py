"""Whatever standard output and error lead to, a command ends with its code and a line at most."""

import os
import subprocess
import sys

import pytest

from lstm_bench.output import SPELT
from tests.report.folders import matrix_folder


def shell(script, folder, **variables):
    """A shell's exit code (of the pipe's first part), standard output, standard error."""
    command = f"lstm() {{ '{sys.executable}' -m lstm_bench \"$@\"; }}; {script}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, check=False, cwd=folder,
        env={**os.environ, "PYTHONPATH": os.getcwd(), **variables}, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    ("script", "code", "err"),
    [
        ("lstm --help >/dev/full", 2, "cannot write to standard output: No space left on device"),
        ("lstm --help >&-", 2, "cannot write to standard output: it is closed"),
        ("lstm --help 2>&- >/dev/null", 0, None),
        ("lstm rnu 2>/dev/full", 2, None),
        ("lstm --help >&- 2>&- <&-", 2, None),
        ("lstm --help | true; exit ${PIPESTATUS[0]}", 0, None),
        ("lstm rnu 2>&1 | true; exit ${PIPESTATUS[0]}", 2, None),
    ],
)
def test_output_that_cannot_be_written_is_one_line_and_code_2(tmp_path, script, code, err):
    found, _, told = shell(script, tmp_path)
    assert found == code
    if err is None:
        assert told == ""
    else:
        assert told == f"lstm-bench: error: {err}\n"


def test_files_are_written_although_nobody_can_be_told(tmp_path):
    matrix_folder(tmp_path / "m")
    code, _, err = shell("lstm report m >/dev/full", tmp_path)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert (tmp_path / "m" / "report.html").exists()
    code, _, err = shell("lstm report m | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"COLUMNS": "0"},
        {"COLUMNS": "99999999999999999999", "LINES": "-1"},
        {"TERM": "dumb"},
        {"HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none", "MPLCONFIGDIR": "/proc/none"},
    ],
)
def test_odd_surroundings_change_nothing(tmp_path, variables):
    matrix_folder(tmp_path / "m")
    code, out, err = shell("lstm report m", tmp_path, **variables)
    assert (code, err) == (0, "")
    assert out.startswith("Of 10 planted defects")
    assert "≥" not in SPELT["≥"]


def test_our_own_characters_are_spelt_where_the_encoding_has_none(tmp_path):
    code, out, _ = shell("lstm train --help", tmp_path, PYTHONIOENCODING="ascii")
    assert code == 0
    assert "U(+/-1/sqrtH)" in out


def test_a_folder_in_which_nothing_can_be_written_is_one_line(tmp_path):
    matrix_folder(tmp_path / "m")
    code, _, err = shell(f"cd /proc; lstm report {tmp_path / 'm'} --out here", tmp_path)
    assert code == 2
    assert err == "lstm-bench: error: --out: cannot write to here: No such file or directory\n"
