"""The subject's side of the wire: answer requests, one at a time, whatever the subject does.

A request is ``{"id": n, "ask": name, "with": {…}}``; the answer ``{"id": n, "answer": …}``, or
``{"id": n, "error": sentence}``. Before it there may be notes, ``{"note": …}``, on how far it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from lstm_bench.errors import describe
from lstm_bench.lab.wire import Line


def serve(line: Line, requests: Mapping[str, Callable[..., Any]]) -> None:
    """Answer until the other end has gone. Never raises for what a subject does."""
    while True:
        try:
            message = line.receive()
        except (EOFError, OSError):
            return
        number = message["id"]
        try:
            answer = {"id": number, "answer": requests[message["ask"]](**message["with"])}
        except BaseException as error:  # a subject may raise anything, KeyboardInterrupt too
            answer = {"id": number, "error": describe(error), "kind": _kind(error)}
        try:
            line.send(answer)
        except (OSError, EOFError):
            return
        except Exception as error:  # an answer that cannot be written down
            line.send({"id": number, "error": describe(error), "kind": "Malformed"})


def _kind(error: BaseException) -> str:
    """The name of the class, for what is told apart: never a stranger's own."""
    known = type(error).__module__.partition(".")[0] in ("builtins", "lstm_bench")
    return type(error).__name__ if known else "Exception"


def apart(line: Line, module: str, name: str, arguments: list[Any]) -> None:
    """One call of a function of ours, for questions that must leave no trace (CUDA)."""
    import importlib

    function = getattr(importlib.import_module(module), name)
    serve(line, {"call": lambda: function(*arguments)})
    os._exit(0)
