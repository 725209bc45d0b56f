"""Strangers' code is strangers' code: every target is judged in a process of its own.

The parent imports torch once, stays single-threaded, and forks a worker for each target; it
never runs a stranger's line. A worker tells what it is doing over a pipe, so that when it
hangs, crashes, exits or eats memory, the parent knows where, keeps the results so far, and goes
on with the next target.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from lstm_bench.conformance.judge import Options, judge
from lstm_bench.conformance.records import CheckResult, Judgement, Verdict
from lstm_bench.forks import die_with_parent

POLL_SECONDS = 0.1
Told = Callable[[str, str], None]
"""Hears a target and the stage that it has reached."""


@dataclass(frozen=True)
class Limits:
    """seconds of wall time, and GiB of resident memory, for one target."""

    seconds: float = 120.0
    memory_gib: float = 4.0


@dataclass
class _Worker:
    """One target's process, and what the parent has heard of it."""

    target: str
    pid: int
    pipe: int
    output: int
    limits: Limits
    told: Told
    started: float = field(default_factory=time.monotonic)
    stage: str = "starting"
    results: list[CheckResult] = field(default_factory=list)
    judgement: Judgement | None = None
    reason: str | None = None
    """Why it failed; None while it runs, or where it ended well."""
    buffer: bytes = b""

    def fileno(self) -> int:
        """What ``select`` waits for."""
        return self.pipe


def judge_isolated(
    target: str,
    options: Options = Options(),  # noqa: B008
    limits: Limits = Limits(),
    told: Callable[[str], None] = lambda _: None,
) -> Judgement:
    """Judge a target in a forked worker; whatever it does, a judgement comes back."""
    return next(judge_each([target], options, limits, lambda _, stage: told(stage)))


def judge_each(
    targets: Sequence[str],
    options: Options = Options(),  # noqa: B008
    limits: Limits = Limits(),
    told: Told = lambda *_: None,
    jobs: int | None = None,
) -> Iterator[Judgement]:
    """Judgements in the order of their targets, each as soon as it and those before it are done.

    jobs: how many workers at once; default: one a core. told(target, stage) hears what goes on.
    """
    _import_once(len(targets))
    waiting = list(enumerate(targets))[::-1]
    running: dict[int, _Worker] = {}
    done: dict[int, Judgement] = {}
    jobs = jobs or len(os.sched_getaffinity(0))
    try:
        for number in range(len(targets)):
            while number not in done:
                while waiting and len(running) < jobs:
                    k, target = waiting.pop()
                    running[k] = _start(target, options, limits, told)
                _listen(running.values())
                for k in [k for k, worker in running.items() if _ended(worker)]:
                    done[k] = _finish(running.pop(k))
            yield done.pop(number)
    finally:
        for worker in running.values():
            _finish(worker)


def _import_once(targets: int) -> None:
    """What every worker needs is imported before the first fork.

    torch's meta device imports its compiler, which takes as long as a third of all checks.
    """
    from lstm_bench.conformance import checks  # noqa: F401

    if targets > 1:
        importlib.import_module("torch._dynamo")


def _start(target: str, options: Options, limits: Limits, told: Told) -> _Worker:
    reading, writing = os.pipe()
    output = _scratch()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work(target, options, writing, output)
    os.close(writing)
    return _Worker(target, pid, reading, output, limits, told)


def _finish(worker: _Worker) -> Judgement:
    """End the process; its judgement, or the reason why there is none."""
    _kill(worker.pid)
    os.close(worker.pipe)
    said, seconds = _said(worker.output), time.monotonic() - worker.started
    if worker.judgement is not None:
        return _with(worker.judgement, seconds, said)
    sentence = f"it {worker.reason or 'was stopped'} during {worker.stage}"
    judgement = Judgement(worker.target, Verdict.ERROR, (sentence,), {}, tuple(worker.results))
    return _with(judgement, seconds, said)


# -- the worker ------------------------------------------------------------------------------


def _work(target: str, options: Options, pipe: int, output: int) -> None:
    """Judge, telling the parent over the pipe; never returns."""
    code = 70
    try:
        die_with_parent()
        os.setsid()
        for stream in (1, 2):
            os.dup2(output, stream)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        torch.set_num_threads(1)
        settings = _settings()

        def told(stage: str, result: CheckResult | None) -> None:
            kind = "stage" if result is None else "result"
            _send(pipe, kind, stage if result is None else result)

        judgement = judge(target, options, told)
        changed = [name for name, value in _settings().items() if settings[name] != value]
        if changed:
            sentence = f"it changes a global setting of the process: {changed[0]}"
            judgement = Judgement(
                target, Verdict.ERROR, (sentence, *judgement.diagnosis),
                judgement.interface, judgement.checks,
            )  # fmt: skip
        _send(pipe, "judgement", judgement)
        code = 0
    except SystemExit as left:
        _send(pipe, "exit", f"called sys.exit({left.code!r})")
    except MemoryError:
        _send(pipe, "exit", "ran out of memory")
    except BaseException as error:
        with contextlib.suppress(Exception):
            _send(pipe, "exit", f"raised {type(error).__name__}: {error}")
    finally:
        os._exit(code)


def _settings() -> dict[str, Any]:
    return {
        "torch's default dtype": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's grad mode": torch.is_grad_enabled(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch's matmul precision": torch.get_float32_matmul_precision(),
        "torch's default device": str(torch.get_default_device()),
    }


def _send(pipe: int, kind: str, payload: Any) -> None:
    message = pickle.dumps((kind, payload))
    os.write(pipe, len(message).to_bytes(8, "big") + message)


# -- the parent ------------------------------------------------------------------------------


def _listen(workers: Iterable[_Worker]) -> None:
    """Hear what the workers have to say, for at most a moment."""
    ready, _, _ = select.select(list(workers), [], [], POLL_SECONDS)
    for worker in ready:
        chunk = os.read(worker.pipe, 1 << 16)
        if chunk:
            _hear(worker, chunk)
        elif worker.judgement is None:
            worker.reason = _death(worker.pid)


def _ended(worker: _Worker) -> bool:
    """Whether it is done, has failed, or has gone beyond its limits."""
    limits = worker.limits
    if worker.judgement is None and worker.reason is None:
        if time.monotonic() > worker.started + limits.seconds:
            worker.reason = f"exceeded the time limit of {limits.seconds:g} s"
        elif _resident_gib(worker.pid) > limits.memory_gib:
            worker.reason = f"exceeded the memory limit of {limits.memory_gib:g} GiB"
    return worker.judgement is not None or worker.reason is not None


def _hear(worker: _Worker, chunk: bytes) -> None:
    """Take whole messages off the buffer."""
    buffer = worker.buffer + chunk
    while len(buffer) >= 8:
        length = int.from_bytes(buffer[:8], "big")
        if len(buffer) < 8 + length:
            break
        kind, payload = pickle.loads(buffer[8 : 8 + length])
        buffer = buffer[8 + length :]
        if kind == "stage":
            worker.stage = payload
            worker.told(worker.target, payload)
        elif kind == "result":
            worker.results.append(payload)
        elif kind == "judgement":
            worker.judgement = payload
        else:
            worker.reason = str(payload)
    worker.buffer = buffer


def _death(worker: int) -> str:
    """How a worker ended that said nothing."""
    _, status = os.waitpid(worker, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = {signal.SIGSEGV: "segmentation fault", signal.SIGABRT: "abort"}.get(
            signal.Signals(number), signal.Signals(number).name
        )
        return f"crashed the interpreter (signal {number}, {name})"
    return f"ended the interpreter with os._exit({os.WEXITSTATUS(status)})"


def _kill(worker: int) -> None:
    """End the worker and whatever it started."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(worker, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(worker, 0)


def _resident_gib(worker: int) -> float:
    try:
        with open(f"/proc/{worker}/statm") as file:
            pages = int(file.read().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**30


def _scratch() -> int:
    """A nameless file for what the target prints."""
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _said(output: int) -> str:
    """The first and last lines of what the target printed."""
    with contextlib.suppress(OSError):
        size = os.lseek(output, 0, os.SEEK_END)
        head = os.pread(output, 2000, 0).decode(errors="replace")
        tail = os.pread(output, 2000, max(0, size - 2000)).decode(errors="replace")
        os.close(output)
        return head if size <= 2000 else f"{head}\n…\n{tail}"
    return ""


def _with(judgement: Judgement, seconds: float, said: str) -> Judgement:
    interface: Mapping[str, Any] = judgement.interface
    if said.strip():
        interface = {**interface, "printed": said.strip()}
    return replace(judgement, seconds=seconds, interface=interface)
