"""The same question put to asv: a scratch repository, ``asv continuous`` with interleaved rounds.

    python -m venv asv && asv/bin/pip install asv virtualenv
    python -m bench.asv_proof --asv asv/bin/asv --out proof/asv --runs 10

Two branches are compared with ``main`` again and again: one that changes a comment, and one that
adds a needless copy to an LSTM's step (``bench.guard_proof trials`` asks our gate the same). asv
decides as it does by default (a Mann-Whitney test and a factor), at every factor, so at its best;
``--rounds`` is to be chosen so that it takes as long as our gate may.

asv cannot clear away what a call left without putting that on the clock, so ``backward`` alone is
left out. That asv's processes fork from a server that has imported torch already is its default.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.guard_proof import scratch_repository
from lstm_bench.measure.workloads import PRESETS

FACTORS = (1.01, 1.02, 1.03, 1.05, 1.075, 1.10, 1.15, 1.20, 1.30, 1.50)
PASSES = ("forward", "forward_train", "step")

BENCHMARKS = """
import functools

import torch

import mine

torch.set_num_threads(1)


@functools.cache
def prepared(cell):  # asv runs a setup before every single call; here once is enough
    torch.manual_seed(0)
    batch, steps, inputs, hidden = (int(part) for part in cell.split()[1:])
    lstm = mine.MyLSTM(inputs, hidden)
    return lstm, torch.randn(batch, steps, inputs), list(lstm.parameters())


class LSTM:
    params = {cells}
    param_names = ["cell"]

    def time_call(self, cell):
        lstm, x, wanted = prepared(cell)
        if cell.startswith("forward "):
            with torch.inference_mode():
                lstm(x)
            return
        outputs, _ = lstm(x)
        if cell.startswith("step "):
            torch.autograd.grad(outputs.sum(), wanted)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--asv", required=True, help="the program")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "scratch").exists():
        scratch_repository(out / "scratch")
    _configure(out)
    asv = shutil.which(options.asv) or options.asv
    asv = os.path.abspath(asv)
    _run(out, asv, "machine", "--yes")
    rows: list[dict[str, Any]] = []
    for number in range(options.runs):
        for branch in ("comment", "copy"):
            began = time.monotonic()
            said = _run(
                out, asv, "continuous", "--interleave-rounds", "-a", f"rounds={options.rounds}",
                "main", branch,
            )  # fmt: skip
            seconds = time.monotonic() - began
            (out / f"{branch}-{number}.txt").write_text(said)
            rows.append({"branch": branch, "run": number, "seconds": round(seconds, 1)})
            rows[-1]["alarms"] = {str(f): n for f, n in _alarms(out, asv, branch)}
            (out / "asv.json").write_text(json.dumps(rows, indent=1) + "\n")
            print(rows[-1], flush=True)


def _alarms(out: Path, asv: str, branch: str) -> Iterator[tuple[float, int]]:
    """(factor, how many benchmarks asv then calls slower)."""
    for factor in FACTORS:
        said = _run(out, asv, "compare", "--factor", str(factor), "main", branch)
        yield factor, len(re.findall(r"^\|?\s*\+\s", said, flags=re.M))


def _configure(out: Path) -> None:
    """A project for asv: nothing is built, torch is that of this environment."""
    packages = sysconfig.get_paths()["purelib"]
    cells = [
        f"{name} {w.batch} {w.steps} {w.input_size} {w.hidden_size}"
        for w in PRESETS["guard"].workloads
        for name in PASSES
    ]
    (out / "benchmarks").mkdir(exist_ok=True)
    (out / "benchmarks" / "__init__.py").write_text("")
    (out / "benchmarks" / "lstm.py").write_text(BENCHMARKS.replace("{cells}", repr(cells)))
    copy = (
        "import shutil,sysconfig; here=sysconfig.get_paths()['purelib']; "
        f"open(here+'/torch_of_ours.pth','w').write('{packages}'); "
        "shutil.copy('{build_dir}/mine.py', here)"
    )
    remove = (
        "import os,sysconfig; f=os.path.join(sysconfig.get_paths()['purelib'],'mine.py'); "
        "os.path.exists(f) and os.remove(f)"
    )
    project = {
        "version": 1,
        "project": "scratch",
        "repo": "scratch",
        "branches": ["main"],
        "environment_type": "virtualenv",
        "benchmark_dir": "benchmarks",
        "build_command": [],
        "install_command": [f'python -c "{copy}"'],
        "uninstall_command": [f'python -c "{remove}"'],
        "matrix": {"env_nobuild": {"OMP_NUM_THREADS": ["1"]}},
    }
    (out / "asv.conf.json").write_text(json.dumps(project, indent=1) + "\n")


def _run(out: Path, asv: str, *arguments: str) -> str:
    """What it prints; ``continuous`` exits with 1 where it sees a regression."""
    done = subprocess.run([asv, *arguments], cwd=out, capture_output=True, text=True)
    if done.returncode not in (0, 1) or "Failed" in done.stdout or "failed" in done.stdout:
        raise SystemExit(f"asv {arguments[0]}: {done.stderr or done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()
