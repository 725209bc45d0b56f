"""The handle on a subject's process: start it, ask it, end it, and never wait for it in vain."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lstm_bench.lab.wire import Inbox, Line, Malformed, frame

PATIENCE = 120.0
"""Seconds after which a process that does not answer counts as hanging."""

MEMORY_GIB = 8.0
"""What a subject and its children may hold together, where nobody says otherwise."""

GRACE = 1.0
"""Seconds that a keeper has to end its subject before the zygote ends both."""

PRELOAD = (
    "torch", "lstm_bench.lab.server", "lstm_bench.conformance.checks", "lstm_bench.measure.stand",
)  # fmt: skip
"""What every subject's process finds imported."""

MANY = ("torch._dynamo",)
"""What torch's meta device and its optimisers import when first used: worth it for several."""

Note = Callable[[Any], None]

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work that needs answers of a subject's process: it yields where it would have to wait."""


class WorkerError(Exception):
    """A subject's process could not do what it was asked; the message says why.

    kind: the name of the exception's class where it is one of Python's or ours.
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class Ended(WorkerError):  # noqa: N818 - named for what happened
    """The process is gone: it ended itself, crashed, or went beyond a limit."""


class Worker:
    """A subject's process, and what is heard of it.

    entry: ``module:function`` that it runs with the wire's other end and ``arguments``.
    """

    def __init__(
        self,
        entry: str,
        arguments: Mapping[str, Any],
        *,
        environment: Mapping[str, str] | None = None,
        memory_gib: float = MEMORY_GIB,
    ) -> None:
        self.printed = ""
        self.pid: int | None = None
        """Of the subject's process; None until its keeper has told, at the first answer."""
        self.reason: str | None = None
        """Why it ended; None while it lives."""
        self._number = 0
        self._answers: list[dict[str, Any]] = []
        self._heard: Note = lambda _: None
        self._wire, theirs = socket.socketpair()
        self._line, keepers = socket.socketpair()
        self._inbox, self._reports = Inbox(), Inbox()
        self._memory_gib = memory_gib
        self._zygote = zygote()
        request = {
            "entry": entry, "arguments": dict(arguments), "memory": memory_gib * 2**30,
            "environment": dict(environment or {}), "folder": _folder(),
            "path": list(sys.path), "argv": sys.argv[:1],
        }  # fmt: skip
        try:
            self.keeper = self._zygote.fork(request, theirs, keepers)
        finally:
            theirs.close()
            keepers.close()
        for end in (self._wire, self._line):
            end.setblocking(False)

    # -- asking -------------------------------------------------------------------------------

    def ask(
        self,
        request: str,
        /,
        *,
        patience: float | None = None,
        descriptors: Sequence[int] = (),
        heard: Note = lambda _: None,
        **arguments: Any,
    ) -> Any:
        """The answer to a request. Raises WorkerError, and Ended where the process has gone.

        patience: seconds, PATIENCE by default. descriptors travel along. heard: is told the notes
        before the answer.
        """
        self.begin(request, heard=heard, descriptors=descriptors, **arguments)
        return self.awaited(patience)

    def asking(self, request: str, /, **arguments: Any) -> Steps[Any]:
        """Ask, as :meth:`ask` does, and let others go on meanwhile."""
        self.begin(request, **arguments)
        yield
        return self.awaited()

    def awaited(self, patience: float | None = None) -> Any:
        """The answer to what was begun, waited for. Raises as :meth:`ask`."""
        patience = PATIENCE if patience is None else patience
        deadline = time.monotonic() + patience
        while not self.answered():
            left = deadline - time.monotonic()
            if left <= 0:
                self.end(f"did not answer within {patience:g} s")
            wait([self], min(left, 1.0))
        return self.answer()

    def begin(
        self,
        request: str,
        /,
        *,
        heard: Note = lambda _: None,
        descriptors: Sequence[int] = (),
        **arguments: Any,
    ) -> None:
        """Send a request whose answer is fetched later, by :func:`wait` and :meth:`answer`."""
        self._alive()
        self._number += 1
        self._heard = heard
        self._send(
            frame({"id": self._number, "ask": request, "with": arguments}), list(descriptors)
        )

    def answered(self) -> bool:
        """Whether :meth:`answer` has something to say, the end of the process included."""
        return bool(self._answers) or self.reason is not None

    def answer(self) -> Any:
        """The answer to the last request. Raises WorkerError."""
        if not self._answers:
            self._alive()
        message = self._answers.pop(0)
        if "error" in message:
            raise WorkerError(str(message["error"]), str(message.get("kind", "")))
        return message.get("answer")

    def _alive(self) -> None:
        if self.reason is not None:
            raise Ended(self.reason)

    def _send(self, data: bytes, descriptors: list[int]) -> None:
        """All of it, though the other side may not read: whoever does not listen is hanging."""
        deadline = time.monotonic() + PATIENCE
        while data and self.reason is None:
            try:
                sent = socket.send_fds(self._wire, [data], descriptors)
            except BlockingIOError:
                select.select([], [self._wire], [], 0.1)
                if time.monotonic() > deadline:
                    self.end(f"did not listen for {PATIENCE:g} s")
                continue
            except OSError:
                wait([self], GRACE)
                if self.reason is None:
                    self.end("closed its end of the wire")
                self._alive()
            data, descriptors = data[sent:], []

    # -- hearing ------------------------------------------------------------------------------

    def descriptors(self) -> list[int]:
        """What to wait for: the subject's end of the wire, and its keeper's."""
        if self.reason is not None:
            return []
        return [end.fileno() for end in (self._wire, self._line) if end.fileno() >= 0]

    def listen(self) -> None:
        """Hear what is there, without waiting."""
        if self.reason is not None:
            return
        ended = self._report()
        try:
            while chunk := self._chunk(self._wire):
                for message in self._inbox.take(chunk):
                    self._take(message)
        except Malformed as error:
            ended = self._cut(f"wrote to the harness's own channel: {error}")
        if ended is not None and self.reason is None:
            self.reason = ended

    def _take(self, message: dict[str, Any]) -> None:
        if "note" in message:
            self._heard(message["note"])
        elif message.get("id") == self._number and not self._answers:
            self._answers.append(message)
        else:
            raise Malformed("an answer that nobody asked for")

    def _chunk(self, end: socket.socket) -> bytes:
        """What can be read now; nothing where there is nothing, or nobody any more."""
        if end.fileno() < 0:
            return b""
        try:
            chunk = end.recv(1 << 18)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            chunk = b""
        if not chunk:
            end.close()  # the other side has closed it; nothing more comes
        return chunk

    def _report(self) -> str | None:
        """How it ended, as its keeper tells; None while it lives."""
        while chunk := self._chunk(self._line):
            for message in self._reports.take(chunk):
                if "pid" in message:
                    self.pid = message["pid"]
                else:
                    self.printed = message["printed"]
                    return self._ending(message)
        if self._line.fileno() < 0:
            return "killed the process that looks after it"
        return None

    def _ending(self, report: Mapping[str, Any]) -> str:
        if report["over"]:
            return f"exceeded the memory limit of {self._memory_gib:g} GiB"
        if "exit" in report:
            ended = f"ended the interpreter with exit code {report['exit']}, as os._exit does"
            # Whose descriptors are all closed has nobody left to serve, and goes quietly.
            return ended if report["exit"] else f"{ended}, or closed the line that it is asked on"
        number = report["signal"]
        name = {signal.SIGSEGV: "segmentation fault", signal.SIGABRT: "abort"}.get(number)
        return f"crashed the interpreter (signal {number}, {name or _signal(number)})"

    # -- ending -------------------------------------------------------------------------------

    def end(self, reason: str) -> None:
        """Kill it and say why. Raises Ended."""
        self.reason = self._cut(reason)
        raise Ended(self.reason)

    def _cut(self, reason: str) -> str:
        """End the process; the reason stands, whatever its keeper says of it."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)
        if not self._keeper_reports():
            self._zygote.kill(self.keeper)  # its subject has stopped it: both end, and in peace
            self._keeper_reports()
        return reason

    def _keeper_reports(self) -> bool:
        """Whether its keeper has told of the end, or is gone itself, within its time of grace."""
        deadline = time.monotonic() + GRACE
        while self._report() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            select.select([self._line], [], [], left)
        return True

    def close(self) -> None:
        """End it, whatever it is doing."""
        if self.reason is None:
            self.listen()
        if self.reason is None:
            self.reason = self._cut("was stopped")
        for end in (self._wire, self._line):
            end.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wait(workers: Iterable[Worker], seconds: float) -> None:
    """Until one of them has something to say, at most so long; they have heard it then."""
    held = [worker for worker in workers if worker.reason is None]
    poll = select.poll()
    for worker in held:
        for descriptor in worker.descriptors():
            poll.register(descriptor, select.POLLIN)
    poll.poll(max(0.0, seconds) * 1000)
    for worker in held:
        worker.listen()


def at_once(tasks: Iterable[Steps[T]]) -> list[T]:
    """What tasks return whose processes work at the same time: each in turn as far as it gets."""
    waiting = dict(enumerate(tasks))
    done: dict[int, T] = {}
    while waiting:
        for number, task in list(waiting.items()):
            try:
                next(task)
            except StopIteration as end:
                done[number] = end.value
                del waiting[number]
    return [value for _, value in sorted(done.items())]


def alone(task: Steps[T]) -> T:
    """What a task returns that nobody else need wait for."""
    return at_once([task])[0]


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of ours returns in a process that is gone afterwards.

    For questions to CUDA, which this process must not wake, and for what must not have been done
    before. Arguments and answer are plain JSON. Raises RuntimeError where it raises, dies or hangs.
    """
    place = {"module": function.__module__, "name": function.__qualname__}
    with Worker("lstm_bench.lab.server:apart", {**place, "arguments": list(arguments)}) as worker:
        try:
            return worker.ask("call")
        except WorkerError as error:
            raise RuntimeError(f"{function.__name__}: {error}") from None


# -- the zygote ---------------------------------------------------------------------------------


class Zygote:
    """The process that forks all others, as its caller sees it."""

    def __init__(self, preload: Sequence[str] = PRELOAD) -> None:
        ours, theirs = socket.socketpair()
        self.owner = os.getpid()
        package = str(Path(__file__).resolve().parents[2])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(
            filter(None, (package, os.environ.get("PYTHONPATH")))
        )}  # fmt: skip
        command = [sys.executable, "-m", "lstm_bench.lab.zygote", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True,
            env=environment, cwd=package,
        )  # fmt: skip
        theirs.close()
        self._line = Line(ours)
        self._line.send({"preload": list(preload)})
        self._ready, self._preloaded = False, list(preload)

    def alive(self) -> bool:
        return self.owner == os.getpid() and self._process.poll() is None

    def fork(self, request: Mapping[str, Any], *ends: socket.socket) -> int:
        """A new subject's process; its keeper's number. Raises RuntimeError where none comes."""
        try:
            if not self._ready:
                self._line.receive()
                self._ready = True
            self._line.send(request, tuple(end.fileno() for end in ends))
            return int(self._line.receive()["keeper"])
        except (EOFError, OSError):
            self.close()
            raise RuntimeError("the process that starts others could not be started") from None

    def also_import(self, *names: str) -> None:
        """Import more, for all processes to come."""
        new = [name for name in names if name not in self._preloaded]
        if new:
            self._preloaded += new
            with contextlib.suppress(OSError):
                self._line.send({"import": new})

    def kill(self, keeper: int) -> None:
        with contextlib.suppress(OSError):
            self._line.send({"kill": keeper})

    def close(self) -> None:
        if self.owner != os.getpid():
            return
        self._line.end.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE if self._ready else 0)  # importing, it has forked nothing
        self._process.kill()
        self._process.wait()


_zygotes: list[Zygote] = []


def zygote() -> Zygote:
    """The zygote of this process, started when it is first wanted, and anew when it has died."""
    if not _zygotes or not _zygotes[0].alive():
        _close()
        _zygotes[:] = [Zygote()]
    return _zygotes[0]


def ahead(*names: str) -> None:
    """Let the zygote import what is needed, these too, while its caller is still importing."""
    with contextlib.suppress(RuntimeError, OSError):
        zygote().also_import(*names)


@atexit.register
def _close() -> None:
    for one in _zygotes:
        one.close()


def _folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "/"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
