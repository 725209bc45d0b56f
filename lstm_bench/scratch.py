"""Folders that end with the process that made them, even where that one was killed.

A killed process cannot tidy up: the next one does. Each folder says in ``owner.json`` whose it
is, and what its owner left is removed when another is made.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PREFIX = "lstm-bench-"
MARKER = "owner.json"
REPOSITORY = "repository"
"""Under this name a marker tells of which repository the folders beside it are trees."""


@dataclass(frozen=True)
class Owner:
    """A process. started: its start in ticks since boot, for numbers are given out again.

    place: which boot of which machine or container its number counts in; a folder that two
    containers share is swept by neither on account of the other.
    """

    pid: int
    started: str
    place: str

    def is_gone(self) -> bool:
        """Whether it certainly runs no more."""
        return self.place == _place() and _started(self.pid) != self.started


def this_process() -> Owner:
    """The owner of what this process makes."""
    return Owner(os.getpid(), _started(os.getpid()), _place())


@contextlib.contextmanager
def folder(notes: Mapping[str, str] | None = None) -> Iterator[Path]:
    """A new temporary folder, gone afterwards. notes: what else its marker tells.

    Raises OSError where there is no room. In a forked child nothing is removed.
    """
    sweep()
    owner = this_process()
    made = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    try:
        (made / MARKER).write_text(json.dumps({**(notes or {}), **asdict(owner)}))
        yield made
    finally:
        if os.getpid() == owner.pid:
            shutil.rmtree(made, ignore_errors=True)


def sweep() -> None:
    """Remove the folders whose owners are gone. Those of other users are left alone."""
    for marker in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{MARKER}"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            told = json.loads(marker.read_text())
            owner = Owner(*(told[name] for name in ("pid", "started", "place")))
            if marker.stat().st_uid == os.getuid() and owner.is_gone():
                shutil.rmtree(marker.parent, ignore_errors=True)


def note(inside: Path, name: str) -> str | None:
    """What the marker beside a folder tells under a name; None where there is no such thing."""
    try:
        told = json.loads((inside.parent / MARKER).read_text())
        return str(told[name])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def caches(inside: Path | str) -> dict[str, str]:
    """Environment variables that give compilers caches of their own below a folder.

    What is compiled under a name (an extension, a kernel) is found again under that name: two
    trees of one repository that share a cache could be given each other's code.
    """
    return {
        variable: str(Path(inside) / name)
        for name, variable in (
            ("extensions", "TORCH_EXTENSIONS_DIR"),
            ("inductor", "TORCHINDUCTOR_CACHE_DIR"),
            ("triton", "TRITON_CACHE_DIR"),
            ("numba", "NUMBA_CACHE_DIR"),
        )
    }


def _started(pid: int) -> str:
    """When a process started, in ticks since boot; empty where it does not run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if Path("/proc/self").exists() else _alive(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _alive(pid: int) -> str:
    """The same as well as it can be told without /proc."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"


def _place() -> str:
    """The boot and the process namespace; the machine's name where there is no /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return os.uname().nodename
