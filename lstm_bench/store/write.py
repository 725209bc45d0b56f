"""Writing so that nothing is lost: a file is the old one or the new one, a line is whole."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from io import RawIOBase
from pathlib import Path
from typing import Any

from lstm_bench.errors import UsageError


def replace_file(path: Path, text: str | bytes) -> None:
    """Write anew in one stroke: a kill, or a full disk, leaves the old file or the new one.

    Text goes out in UTF-8, what has no code there (half a surrogate pair) as an escape. Raises
    UsageError where it cannot be written.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
    target = Path(os.path.realpath(path))  # a link goes on pointing to the file
    new = target.with_name(target.name + ".new")
    try:
        if path.exists() and not path.is_file():  # a pipe or a terminal, never replaced
            _write_straight(path, data)
            return
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _write_straight(path: Path, data: bytes) -> None:
    """Into what is there. A pipe that nobody reads is an error: opened plainly, it would wait."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    with open(descriptor, "wb") as file:
        file.write(data)


def as_line(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON."""
    return json.dumps(row, separators=(",", ":")) + "\n"


def append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append lines and see them onto the disk.

    They begin on a line of their own, whatever was cut short before; where the disk is full, the
    file is as long as it was. Raises UsageError then.
    """
    data = "".join(map(as_line, rows)).encode()
    try:
        with path.open("ab+", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            try:
                _write(file, _line_end(file, before) + data)
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(before)
                raise
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _line_end(file: RawIOBase, length: int) -> bytes:
    """One where the file does not end with one."""
    if length == 0:
        return b""
    file.seek(length - 1)
    return b"" if file.read(1) == b"\n" else b"\n"


def _write(file: RawIOBase, data: bytes) -> None:
    """All of it; a raw file may take a part."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) or 0 :]


def make_folder(path: Path) -> Path:
    """The folder, made where it is not there. Raises UsageError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {path}: {error.strerror}") from error
    return path
