"""The subject's side of the wire: answer requests, one at a time, whatever the subject does.

A request is ``{"id": n, "ask": name, "with": {…}}``; the answer ``{"id": n, "answer": …}``, or
``{"id": n, "error": sentence}``. Before it there may be notes, ``{"note": …}``, on how far it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from lstm_bench.lab.wire import Line

LONGEST = 400
"""Characters of a stranger's exception that are worth telling."""


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
            answer = {"id": number, "error": described(error), "kind": _kind(error)}
        try:
            line.send(answer)
        except (OSError, EOFError):
            return
        except Exception as error:  # an answer that cannot be written down
            line.send({"id": number, "error": described(error), "kind": "Malformed"})


def described(error: BaseException) -> str:
    """An exception in one line of a bounded length, also where its own text raises."""
    if isinstance(error, SystemExit):
        return _cut(f"called sys.exit({_text(error.code)})")
    name = _text(type(error).__name__)
    if isinstance(error, SyntaxError):
        return _cut(f"{name} in line {error.lineno}: {_text(error.msg)}")
    lines = _text(error).strip().splitlines()
    return _cut(f"{name}: {lines[0]}" if lines else name)


def _kind(error: BaseException) -> str:
    """The name of the class, for what is told apart: never a stranger's own."""
    known = type(error).__module__.partition(".")[0] in ("builtins", "lstm_bench")
    return type(error).__name__ if known else "Exception"


def _text(value: Any) -> str:
    try:
        return str(value)[: 4 * LONGEST].encode(errors="replace").decode()
    except BaseException:
        return "(its text cannot be read)"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def apart(line: Line, module: str, name: str, arguments: list[Any]) -> None:
    """One call of a function of ours, for questions that must leave no trace (CUDA)."""
    import importlib

    function = getattr(importlib.import_module(module), name)
    serve(line, {"call": lambda: function(*arguments)})
    os._exit(0)
