"""Option types that several commands share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from lstm_bench.store.write import replace_file


class Numbers(click.ParamType[tuple[int, ...]]):
    """``1,8,32``: whole numbers of one or more, separated by commas."""

    name = "N,N,…"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is not a list of whole numbers such as 1,8,32", param, ctx)
        if min(numbers) < 1:
            self.fail(f"{min(numbers)} is too small: every number must be 1 or more", param, ctx)
        return numbers


class Names(click.ParamType[tuple[str, ...]]):
    """``a,b``: names separated by commas."""

    name = "NAME,…"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


def write_json(document: Any, file: str | None) -> None:
    """Into a file, or to standard output for ``-``; nothing where no file was named."""
    if not file:
        return
    text = json.dumps(document, indent=2) + "\n"
    if file == "-":
        sys.stdout.write(text)
        return
    replace_file(Path(file), text)
