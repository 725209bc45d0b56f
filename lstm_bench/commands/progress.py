"""What is going on, in a line on the standard error stream."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lstm_bench.commands.screen import screen
from lstm_bench.plain import plain


class Show(Protocol):
    """Shows a text; with ``line`` off, only where it can be overwritten."""

    def __call__(self, text: str, *, line: bool = True) -> None: ...


@contextlib.contextmanager
def progress_line(console: Console | None = None) -> Iterator[Show]:
    """A function that shows what is going on: in one line on a terminal, in lines elsewhere.

    Nothing redraws it in between, as a spinner's thread would: these commands fork their workers,
    and a fork inherits whatever lock a thread holds at that moment, and nobody who would open it.
    """
    console = console or screen(stderr=True)
    if not console.is_terminal:

        def write(text: str, *, line: bool = True) -> None:
            if line:
                console.print(plain(text), markup=False, highlight=False, soft_wrap=True)

        yield write
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def overwrite(text: str, *, line: bool = True) -> None:
            live.update(Text(plain(text), overflow="ellipsis", no_wrap=True), refresh=True)

        yield overwrite
