"""Runs a command on hostile subjects, and finds and ends whatever it leaves behind.

Every command gets a mark of its own in its environment. All processes that descend from it carry
it too, whatever session and group they are in, so that /proc tells which of them are left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.hostile.safety import MARK

ROOT = Path(__file__).parents[2]
GRACE = 2.0  # seconds in which a process that was killed vanishes
SHOWN = 2**20  # bytes kept of each stream


@dataclass(frozen=True)
class Outcome:
    """What came of a command: code is None where it had to be killed, -N where signal N did it."""

    code: int | None
    seconds: float
    stdout: bytes
    stderr: bytes
    left: tuple[str, ...]


def run_marked(arguments: Sequence[str], timeout: float) -> Outcome:
    """``python -m …`` in a session of its own, and then what it left behind, which is ended."""
    mark = uuid.uuid4().hex
    # Nobody may share the pytest process's threads, colours or width.
    environment = {**os.environ, MARK: mark, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    # Files, because a child that keeps a pipe open would keep its reader waiting.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, cwd=ROOT, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = _wait(process, timeout)
            seconds = time.monotonic() - started
        finally:
            process.kill()  # where it did not end by itself
            process.wait()
            left = end_marked(mark)
            assert process.stdin is not None
            process.stdin.close()
        return Outcome(code, seconds, _head(stdout), _head(stderr), left)


def _wait(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(SHOWN)


def end_marked(mark: str) -> tuple[str, ...]:
    """The commands of all processes with the mark that do not vanish by themselves; kills them."""
    deadline = time.monotonic() + GRACE
    while list(_marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = tuple(_command(pid) for pid in _marked(mark))
    deadline = time.monotonic() + GRACE
    while (alive := list(_marked(mark))) and time.monotonic() < deadline:
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return left


def _marked(mark: str) -> Iterator[int]:
    """Processes with the mark in the environment they were started with; zombies have none."""
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


def _command(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return str(pid)
    return line.decode(errors="replace").strip()[:80]
