"""Strangers' code is strangers' code: every target is judged in a process of its own.

The parent imports torch once, stays single-threaded, and forks a worker for each target; it
never runs a stranger's line. A worker tells what it is doing over a pipe, so that when it
hangs, crashes, exits or eats memory, the parent knows where, keeps the results so far, and goes
on with the next target.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from lstm_bench.conformance.judge import Options, judge
from lstm_bench.conformance.records import CheckResult, Judgement, Verdict

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Limits:
    """seconds of wall time, and GiB of resident memory, for one target."""

    seconds: float = 120.0
    memory_gib: float = 4.0


@dataclass
class _Progress:
    """What the parent has heard of a worker."""

    stage: str = "starting"
    results: list[CheckResult] = field(default_factory=list)
    judgement: Judgement | None = None


def judge_isolated(
    target: str,
    options: Options = Options(),  # noqa: B008
    limits: Limits = Limits(),
    told: Callable[[str], None] = lambda _: None,
) -> Judgement:
    """Judge a target in a forked worker; whatever it does, a judgement comes back."""
    started = time.perf_counter()
    reading, writing = os.pipe()
    output = _scratch()
    sys.stdout.flush()
    sys.stderr.flush()
    worker = os.fork()
    if worker == 0:
        os.close(reading)
        _work(target, options, writing, output)
    os.close(writing)
    progress = _Progress()
    try:
        reason = _watch(worker, reading, limits, progress, told)
    finally:
        _kill(worker)
        os.close(reading)
    said = _said(output)
    seconds = time.perf_counter() - started
    if progress.judgement is not None and reason is None:
        return _with(progress.judgement, seconds, said)
    why = reason or "ended without a result"
    sentence = f"it {why} during {progress.stage}"
    judgement = Judgement(target, Verdict.ERROR, (sentence,), {}, tuple(progress.results))
    return _with(judgement, seconds, said)


# -- the worker ------------------------------------------------------------------------------


def _work(target: str, options: Options, pipe: int, output: int) -> None:
    """Judge, telling the parent over the pipe; never returns."""
    code = 70
    try:
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


def _watch(
    worker: int, pipe: int, limits: Limits, progress: _Progress, told: Callable[[str], None]
) -> str | None:
    """Listen until the worker is done; why it failed, or None."""
    deadline = time.monotonic() + limits.seconds
    buffer = b""
    while True:
        ready, _, _ = select.select([pipe], [], [], POLL_SECONDS)
        if ready:
            chunk = os.read(pipe, 1 << 16)
            if not chunk:
                return None if progress.judgement is not None else _death(worker)
            buffer, reason = _hear(buffer + chunk, progress, told)
            if reason is not None:
                return reason
            if progress.judgement is not None:
                return None
        if time.monotonic() > deadline:
            return f"exceeded the time limit of {limits.seconds:g} s"
        if _resident_gib(worker) > limits.memory_gib:
            return f"exceeded the memory limit of {limits.memory_gib:g} GiB"


def _hear(
    buffer: bytes, progress: _Progress, told: Callable[[str], None]
) -> tuple[bytes, str | None]:
    """Take whole messages off the buffer."""
    while len(buffer) >= 8:
        length = int.from_bytes(buffer[:8], "big")
        if len(buffer) < 8 + length:
            break
        kind, payload = pickle.loads(buffer[8 : 8 + length])
        buffer = buffer[8 + length :]
        if kind == "stage":
            progress.stage = payload
            told(payload)
        elif kind == "result":
            progress.results.append(payload)
        elif kind == "judgement":
            progress.judgement = payload
        else:
            return buffer, str(payload)
    return buffer, None


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
