"""From the table of options to click's, and what every command refuses before it begins."""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from lstm_bench.commands.places import refuse_unwritable
from lstm_bench.errors import UsageError
from lstm_bench.options import TABLE, Option, refuse_conflicts
from lstm_bench.store.write import replace_file

Command = Callable[..., Any]

_BEGAN = "lstm_bench.began"


def options_of(command: str) -> Callable[[Command], Command]:
    """A decorator: the command's rows of the table, each value checked before the command begins.

    So are contradictions, a device that is not there and what cannot be written, each with one
    line (UsageError).
    """

    def decorate(function: Command) -> Command:
        def checked(*arguments: Any, **values: Any) -> Any:
            ctx = click.get_current_context()
            ctx.meta[_BEGAN] = time.monotonic()
            refuse_conflicts(command, _given(ctx, values))
            refuse_missing_device(values.get("device"))
            refuse_unwritable(TABLE[command], values)
            return function(*arguments, **values)

        decorated: Command = functools.wraps(function)(checked)
        for row in reversed(TABLE[command]):
            decorated = _decorator(row)(decorated)
        return decorated

    return decorate


def since_start() -> float:
    """Seconds since the command began: what its user has waited for."""
    return time.monotonic() - float(click.get_current_context().meta[_BEGAN])


def _decorator(row: Option) -> Callable[[Command], Command]:
    if row.switch:
        return click.option(row.flag, row.name, is_flag=True, help=row.help)

    def value(ctx: click.Context, param: click.Parameter, given: Any) -> Any:
        return row.value(None if given == () else given)

    return click.option(
        row.flag, row.name, type=click.UNPROCESSED, multiple=row.many, default=row.default,
        show_default=row.default is not None, metavar=row.metavar, help=row.help, callback=value,
    )  # fmt: skip


def _given(ctx: click.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """What stands on the command line, arguments included."""
    typed = click.core.ParameterSource.COMMANDLINE
    return {
        name: value
        for name, value in values.items()
        if value not in (None, ()) and ctx.get_parameter_source(name) is typed
    }


def refuse_missing_device(device: str | None) -> None:
    """Raises UsageError where torch sees no CUDA device of that number."""
    if device is None or device == "cpu":
        return
    from lstm_bench.measure.machine import cuda_devices

    count = cuda_devices()
    if count == 0:
        raise UsageError(f"device '{device}' is not there: torch sees no CUDA device here")
    if int(device.partition(":")[2] or 0) >= count:
        raise UsageError(f"device '{device}' is not there: torch sees {count}, from cuda:0 on")


def write_json(document: Any, file: str | None) -> None:
    """Into a file, or to standard output for ``-``; nothing where no file was named."""
    if not file:
        return
    text = json.dumps(document, indent=2) + "\n"
    if file == "-":
        sys.stdout.write(text)
        return
    replace_file(Path(file), text)
