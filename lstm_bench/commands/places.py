"""Can it be written? Found out by writing, before hours of work; nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.options import Option
from lstm_bench.options.parsers import JsonFile, OutFile, OutFolder


def refuse_unwritable(rows: Iterable[Option], values: Mapping[str, Any]) -> None:
    """Raises UsageError on the first of the files and folders that cannot be written."""
    for row in rows:
        place = values.get(row.name)
        if place is None:
            continue
        if isinstance(row.parse, OutFolder):
            probe_folder(place, row.flag)
        elif isinstance(row.parse, OutFile):
            probe_file(place, row.flag, parents=True)
        elif isinstance(row.parse, JsonFile) and place != "-":
            probe_file(Path(place), row.flag)


def probe_folder(folder: Path, called: str) -> None:
    """Raises UsageError where the folder, or one above it, cannot be made or written to."""
    with _refusing(folder, called), _made(folder), tempfile.TemporaryFile(dir=folder) as file:
        file.write(b" ")


def probe_file(file: Path, called: str, *, parents: bool = False) -> None:
    """Raises UsageError where the file cannot be written. parents: its folders would be made."""
    file = Path(os.path.realpath(file))  # not the link, whose target may not be there yet
    made = _made(file.parent) if parents else contextlib.nullcontext()
    with _refusing(file, called), made:
        if file.exists() and not file.is_file() and not file.is_dir():
            return  # a pipe or a terminal: to open it would already do something
        new = not file.exists()
        with file.open("ab"):
            pass
        if new:
            file.unlink()


@contextlib.contextmanager
def _refusing(place: Path, called: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{called}: cannot write to {place}: {error.strerror}") from None


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """The folder and those above it, as long as this lasts; what was there stays."""
    made = []
    try:
        for part in (*reversed(folder.parents), folder):
            if not part.exists():
                part.mkdir()
                made.append(part)
        yield
    finally:
        for part in reversed(made):
            with contextlib.suppress(OSError):
                part.rmdir()
