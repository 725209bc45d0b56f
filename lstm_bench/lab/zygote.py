"""Where subjects' processes come from: one that was started fresh, and has run no stranger's line.

It imports what all of them need once (torch takes a second and a half), has a single thread, and
forks a keeper for each subject, which forks the subject: some milliseconds instead of seconds. It
is never a fork of the caller, whose threads, locks, debugger or CUDA context are thus no matter.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Iterable
from typing import Any

from lstm_bench import own
from lstm_bench.lab.keeper import Keeper, adopt_orphans, die_with_parent, end_family
from lstm_bench.lab.wire import Line


def main(descriptor: int) -> None:
    """Serve the caller at the other end of a socket until it has gone."""
    with contextlib.suppress(OSError, ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = Line(socket.socket(fileno=descriptor))
    adopt_orphans()
    try:
        preload = line.receive()["preload"]
        own.finish_imports()  # before a stranger's package may take one of our names
        _import(preload)
        line.send({"ready": True})
        _Zygote(line).serve()
    except (EOFError, OSError):
        pass
    finally:
        end_family()
        os._exit(0)


def _import(names: Iterable[str]) -> None:
    for name in names:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what lives now is never looked through again, so its pages stay shared


class _Zygote:
    def __init__(self, line: Line) -> None:
        self.line = line
        self.keepers: set[int] = set()
        self.woken, waking = os.pipe()
        os.set_blocking(waking, False)
        os.set_blocking(self.woken, False)
        self.inherited = (line.end.fileno(), self.woken, waking)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)

    def serve(self) -> None:
        poll = select.poll()
        poll.register(self.line.end, select.POLLIN)
        poll.register(self.woken, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self.woken:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.woken, 4096)
                    self._bury()
                else:
                    self._answer(self.line.receive())
                    while self.line.waiting:  # came along, and poll knows nothing of it
                        self._answer(self.line.receive())

    def _answer(self, request: dict[str, Any]) -> None:
        if "import" in request:
            _import(request["import"])
        elif "kill" in request:
            if request["kill"] in self.keepers:
                os.kill(request["kill"], signal.SIGKILL)
        else:
            self._fork(request)

    def _fork(self, request: dict[str, Any]) -> None:
        ends = [socket.socket(fileno=fd) for fd in self.line.handed]
        self.line.handed.clear()
        wire, line = ends
        keeper = os.fork()
        if keeper == 0:
            try:
                _keep(request, wire, line, self.inherited)
            finally:
                os._exit(70)
        self.keepers.add(keeper)
        for end in ends:
            end.close()
        self.line.send({"keeper": keeper})

    def _bury(self) -> None:
        """Reap keepers; what one has left behind that did not end in peace ends now."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self.keepers:
                self.keepers.discard(pid)
                if status != 0:
                    end_family(self.keepers)
            else:
                end_family(self.keepers)


def _keep(
    request: dict[str, Any], wire: socket.socket, line: socket.socket, inherited: tuple[int, ...]
) -> None:
    """Become the keeper of a new subject; never returns."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in inherited:
        os.close(descriptor)
    die_with_parent()
    adopt_orphans()
    with contextlib.suppress(OSError):
        os.setsid()
    reading, writing = os.pipe()
    subject = os.fork()
    if subject == 0:
        try:
            line.close()
            os.close(reading)
            _become(request, wire, writing)
        finally:
            os._exit(70)
    wire.close()
    os.close(writing)
    Keeper(subject, line, reading, request["memory"]).watch()
    os._exit(0)


def _become(request: dict[str, Any], wire: socket.socket, output: int) -> None:
    """Become the subject's process: its own session, nothing of ours but the wire."""
    die_with_parent()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(here, there)
    for descriptor in {nothing, output} - {0, 1, 2}:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.update(request["environment"])
    with contextlib.suppress(OSError):
        os.chdir(request["folder"])
    sys.path[:] = request["path"]
    sys.argv[:] = request["argv"]
    module, _, name = request["entry"].partition(":")
    entry = getattr(importlib.import_module(module), name)
    entry(Line(wire), **request["arguments"])
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
