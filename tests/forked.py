"""What a function returns in a fork of the test process, whatever it is: for tests alone."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import signal
from collections.abc import Callable
from typing import Any

PATIENCE = 120.0
"""Seconds after which a process apart counts as hanging."""

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent ends. Linux; elsewhere a worker may linger."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns in a forked process that is gone afterwards.

    For questions to CUDA: a process that has asked one can fork no workers that use CUDA. And for
    what must not have been done before. Raises RuntimeError where it raises, dies or hangs there.
    """
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)

    def work() -> None:
        try:
            theirs.send((True, function(*arguments)))
        except Exception as error:
            theirs.send((False, f"{type(error).__name__}: {error}"))

    process = fork.Process(target=work, daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(PATIENCE):
            raise RuntimeError(f"{function.__name__} did not end within {PATIENCE:g} s")
        well, found = ours.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__}: its process ended unexpectedly") from None
    finally:
        process.kill()
        process.join()
    if not well:
        raise RuntimeError(f"{function.__name__}: {found}")
    return found
