"""A keeper stands between the zygote and each subject's process, and ends it with all it started.

It adopts whatever its subject leaves behind (daemons of their own session too), drains what the
subject prints, watches its memory, and reports how it ended. A subject that kills its parent
kills its keeper, not the zygote and not its neighbours: the kernel then kills the subject, and
the zygote what is left.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lstm_bench.lab.wire import frame

PATIENCE = 0.1
"""Seconds between two looks at a subject's memory."""

KEPT = 2000
"""Bytes of what a subject prints that are kept, of the beginning and of the end."""

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent ends. Linux; elsewhere it may linger."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """What this process's descendants leave behind becomes its child, not init's. Linux."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        _LIBC.prctl(option, value, 0, 0, 0)


def children(pid: int) -> list[int]:
    """The processes whose parent this is; none where /proc cannot be read."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    return found


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for child in children(pid):
        yield from family(child)


def resident(pid: int) -> int:
    """Bytes that a process has in memory, those that it shares with others included."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def proportional(pid: int) -> int:
    """The same, where a page that several share counts for each of them in part."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, IndexError, ValueError):
        pass
    return resident(pid)


def end_family(mine: set[int] = frozenset()) -> None:  # type: ignore[assignment]
    """Kill and reap every child of this process but ``mine``, and what they leave to it."""
    while True:
        found = [pid for pid in children(os.getpid()) if pid not in mine]
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        for pid in found:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        if not found:
            return


@dataclass
class Printed:
    """The beginning and the end of what was printed; the rest is counted and forgotten."""

    head: bytes = b""
    tail: bytes = b""
    size: int = 0

    def take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        room = KEPT - len(self.head)
        self.head += chunk[:room]
        self.tail = (self.tail + chunk[room:] if room < len(chunk) else self.tail)[-KEPT:]

    def text(self) -> str:
        head, tail = (part.decode(errors="replace") for part in (self.head, self.tail))
        left_out = self.size - len(self.head) - len(self.tail)
        return head + tail if not left_out else f"{head}\n…\n{tail}"


@dataclass
class Keeper:
    """Watches one subject until it ends or ours is the wish that it does."""

    subject: int
    line: socket.socket
    output: int
    memory: float
    """Bytes that the subject and its children may hold together."""
    printed: Printed = field(default_factory=Printed)
    over: int = 0
    """Bytes that it was found to hold, where that was too much."""

    def watch(self) -> None:
        """Until the subject has ended; then report and return."""
        self._say({"pid": self.subject})
        status = self._wait()
        end_family()
        self._drain()
        report = {"signal": os.WTERMSIG(status)} if os.WIFSIGNALED(status) else {
            "exit": os.WEXITSTATUS(status)
        }  # fmt: skip
        self._say({**report, "over": self.over, "printed": self.printed.text()})

    def _wait(self) -> int:
        """The subject's status, as waitpid gives it."""
        ended = os.pidfd_open(self.subject)
        poll = select.poll()
        for descriptor in (ended, self.line.fileno(), self.output):
            poll.register(descriptor, select.POLLIN)
        looked = 0.0
        while True:
            for descriptor, _ in poll.poll(PATIENCE * 1000):
                if descriptor == ended:
                    return os.waitpid(self.subject, 0)[1]
                if descriptor == self.output:
                    if not self._read():
                        poll.unregister(self.output)
                else:  # nothing is ever said to a keeper: its line has been cut
                    poll.unregister(self.line.fileno())
                    self._kill()
            if time.monotonic() > looked + PATIENCE:
                looked = time.monotonic()
                self._weigh()

    def _weigh(self) -> None:
        everyone = list(family(self.subject))
        if sum(map(resident, everyone)) > self.memory:
            held = sum(map(proportional, everyone))  # exact, and a hundred times slower to ask
            if held > self.memory:
                self.over = held
                self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.subject, signal.SIGKILL)

    def _read(self) -> bool:
        chunk = b""
        with contextlib.suppress(OSError):
            chunk = os.read(self.output, 1 << 16)
        self.printed.take(chunk)
        return bool(chunk)

    def _drain(self) -> None:
        """What is still in the pipe. Nobody writes to it any more."""
        os.set_blocking(self.output, False)
        while self._read():
            pass

    def _say(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.line.sendall(frame(message))
