"""Where commands print: strangers' text acts on nothing there (see plain.py)."""

from __future__ import annotations

import click
from rich.console import Console

from lstm_bench.plain import plain


def screen(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console that replaces no ``:name:`` by a picture, and colours nothing by itself."""
    return Console(stderr=stderr, width=width, emoji=False, highlight=False)


def say(text: str, *, err: bool = False) -> None:
    """Print a line, whatever it is made of."""
    click.echo(plain(text), err=err)
