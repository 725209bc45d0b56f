"""Uses subjects as anybody would, each in a process of its own, and says how that ended.

    python -m tests.hostile.trial NAME…  →  one line of JSON: {name: how it ended}

"survived", "refused", "raised X", "code N", "signal N" or "hung". For the tests of the corpus.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch

from tests.hostile import ROWS, Row

HANGING, ENDING = 4.0, 60.0  # seconds for those that are said to hang, and for the others
AT_ONCE = 32
SURVIVED, RAISED, REFUSED = 200, 201, 202


def load(row: Row) -> Any:
    """The class; what it imports from its folder is found there."""
    path, _, name = row.target.rpartition(":")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def use(row: Row) -> None:
    """Constructed, called, differentiated, called again; nothing that an LSTM need not bear."""
    layer = load(row)(4, 6)
    list(layer.parameters())
    for _ in range(3):
        y, (h, c) = layer(torch.randn(5, 2, 4))
        (y.sum() + h.sum() + c.sum()).backward()
    for _ in range(20):
        layer(torch.randn(5, 2, 4))
    time.sleep(0.3)  # for threads


def agree(row: Row, kept: list[Any]) -> bool:
    """Whether its first call gives what nn.LSTM gives with the same parameters."""
    layer = load(row)(4, 6)
    kept.append(layer)
    right = torch.nn.LSTM(4, 6)
    with torch.no_grad():
        for ours, theirs in zip(right._flat_weights, layer._flat_weights, strict=True):
            ours.copy_(theirs)
    x = torch.randn(5, 2, 4)
    (y, (h, c)), (ry, (rh, rc)) = layer(x), right(x)
    return torch.equal(y, ry) and torch.equal(h, rh) and torch.equal(c, rc)


def start(row: Row) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    nowhere = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    leave = os._exit  # which some subjects replace
    try:
        use(row)
    except SystemExit as error:
        leave(error.code if isinstance(error.code, int) else 1)
    except BaseException as error:
        str(error)  # as whoever reports it would
        leave(REFUSED if type(error).__name__ == "Refused" else RAISED)
    leave(SURVIVED)
    raise AssertionError


def ended(pid: int, deadline: float) -> str:
    """How the process ended; it is killed at the deadline."""
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            words = {SURVIVED: "survived", RAISED: "raised", REFUSED: "refused"}
            return words.get(code, f"signal {-code}" if code < 0 else f"code {code}")
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hung"


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    sys.path.insert(0, str(Path(__file__).parent))
    chosen = sorted((row for row in ROWS if row.name in names), key=lambda row: row.hangs)
    told: dict[str, str] = {}
    if "--agree" in names:
        kept: list[Any] = []  # or their __del__ would act
        told = {row.name: str(agree(row, kept)) for row in chosen}
        print(json.dumps(told), flush=True)
        os._exit(0)
    for begin in range(0, len(chosen), AT_ONCE):
        batch = chosen[begin : begin + AT_ONCE]
        pids = [start(row) for row in batch]
        started = time.monotonic()
        for row, pid in zip(batch, pids, strict=True):
            told[row.name] = ended(pid, started + (HANGING if row.hangs else ENDING))
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
