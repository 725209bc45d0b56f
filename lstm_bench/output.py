"""Standard output and error, whatever they lead to: a terminal, a full disk, `head -1`, nothing.

What a command prints is the last thing it does with what it has measured. So printing never stops
it: a stream that cannot be written takes no more, the command goes on, its files are written, and
what was lost is told at the end, in one line and by exit code 2. Only a reader that has gone
(`| head -1`) is nobody's mistake.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

from lstm_bench.plain import plain

SPELT = {
    "≥": ">=", "≤": "<=", "×": "x", "±": "+/-", "σ": "sigma", "√": "sqrt", "α": "alpha",
    "–": "-", "—": "-", "…": "...", "•": "*", "∞": "inf", "⊙": "*", "°": " deg", "→": "->",
    "’": "'", "‘": "'", "“": '"', "”": '"', "·": ".", "¹": "1", "²": "2", "³": "3", "⁻": "-",
    "▲": "^", "▼": "v", "é": "e", "✓": "ok",
}  # fmt: skip
"""What stands for the characters of our own texts where an encoding has none, as ASCII has."""

SIZES = {"COLUMNS": range(40, 1001), "LINES": range(5, 1001)}
"""Of a terminal that something can be shown on; variables that say otherwise are passed over."""

ERRORS = "lstm_bench.spelt"


def _spell(error: UnicodeError) -> tuple[str, int]:
    """A codec's error handler: our own characters are spelt, others become escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    there = error.object[error.start : error.end]
    return "".join(SPELT.get(c) or _escape(c) for c in there), error.end


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode("ascii")


codecs.register_error(ERRORS, _spell)


class Outlet(io.RawIOBase):
    """The end of a stream: writes as long as that is possible, and remembers why it is not.

    descriptor: None for a stream that was closed before the program began.
    """

    def __init__(self, descriptor: int | None) -> None:
        self.descriptor = descriptor
        self.trouble: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self.descriptor is None:
            raise io.UnsupportedOperation("the stream is closed")
        return self.descriptor

    def isatty(self) -> bool:
        return self.descriptor is not None and os.isatty(self.descriptor)

    def write(self, data: Any) -> int:
        length = len(data)
        if self.trouble is None and length:
            try:
                return self._write(data)
            except OSError as error:
                self.trouble = error
        return length

    def _write(self, data: Any) -> int:
        if self.descriptor is None:
            raise OSError(errno.EBADF, "it is closed")
        return os.write(self.descriptor, data)

    @property
    def lost(self) -> str | None:
        """Why something that was printed is nowhere; None where all is well, or nobody reads on."""
        if self.trouble is None or self.trouble.errno == errno.EPIPE:
            return None
        return self.trouble.strerror or "unknown error"


class Text(io.TextIOWrapper):
    """A text stream without a way around its encoding: click would take it, and print UTF-8."""

    @property
    def buffer(self) -> Any:
        raise AttributeError("buffer")


class Shown(logging.Handler):
    """Warnings of this project's log as lines on the error stream, each of them once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(plain(record.getMessage()).split())
        if text not in self._told:
            self._told.add(text)
            print(f"lstm-bench: {record.levelname.lower()}: {text}", file=sys.stderr)


@contextlib.contextmanager
def guarded() -> Iterator[Outlet]:
    """Inside, printing to sys.stdout and sys.stderr never raises. Gives standard output's end.

    Streams that a test has put in their place are left alone.
    """
    occupied = _occupy_standard_descriptors()
    _pass_over_odd_sizes()
    before = sys.stdout, sys.stderr
    out, err = (Outlet(None if fd in occupied else fd) for fd in (1, 2))
    sys.stdout = _wrapped(sys.stdout, sys.__stdout__, out)
    sys.stderr = _wrapped(sys.stderr, sys.__stderr__, err)
    with _log_shown():
        try:
            yield out
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            sys.stdout, sys.stderr = before


def _wrapped(stream: Any, original: Any, outlet: Outlet) -> Any:
    """A text stream like this one over the outlet; the stream itself where a test put it there."""
    if stream is not original:
        return stream
    if stream is None:
        return Text(io.BufferedWriter(outlet), "utf-8", ERRORS, write_through=True)
    stream.flush()
    return Text(
        io.BufferedWriter(outlet), stream.encoding, ERRORS,
        line_buffering=stream.line_buffering, write_through=stream.write_through,
    )  # fmt: skip


def _occupy_standard_descriptors() -> set[int]:
    """Open what was closed onto nothing: else the next file that is opened would be "stdout"."""
    closed = set()
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            closed.add(descriptor)
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    return closed


def _pass_over_odd_sizes() -> None:
    """COLUMNS=0 or a million is no width; what the terminal says, or the usual one, is."""
    for name, sensible in SIZES.items():
        value = os.environ.get(name)
        if value is not None and not (value.isdecimal() and int(value[:9]) in sensible):
            del os.environ[name]


@contextlib.contextmanager
def _log_shown() -> Iterator[None]:
    ours, matplotlib = logging.getLogger("lstm_bench"), logging.getLogger("matplotlib")
    handler, level, above = Shown(), matplotlib.level, ours.propagate
    ours.addHandler(handler)
    ours.propagate = False
    matplotlib.setLevel(logging.ERROR)  # where it keeps its fonts is nobody's concern here
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.propagate = above
        matplotlib.setLevel(level)
