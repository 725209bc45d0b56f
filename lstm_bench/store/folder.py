"""Reading a folder: what is whole is used, what is not is named. The only reader there is.

A folder without a usable header is refused (UsageError), and so is one with a file that cannot be
read at all: who goes on with it might overwrite what is there. Of everything else, what is damaged
is left out, with a warning in the log "lstm_bench" (which the command line shows, see output.py)
and in :attr:`Folder.left_out`.
"""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.plain import all_plain
from lstm_bench.store.kinds import KINDS, File, Kind
from lstm_bench.store.shapes import MisshapenError, Shape, named

log = logging.getLogger(__name__)


class UnusableError(Exception):
    """A file cannot be used, and why."""


class MissingError(UnusableError):
    """It is not there."""


def read(path: Path, shape: Shape) -> Any:
    """A JSON file's value. Raises UnusableError, whose text goes after the file's name.

    And UsageError where it cannot be read at all.
    """
    try:
        return shape(parse(content(path)))
    except MisshapenError as error:
        raise UnusableError(f"is damaged: {error}") from None


def content(path: Path) -> bytes:
    """What a plain file holds. Never waits, as on a pipe it would.

    Raises MissingError where it is not there, UsageError where it cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"cannot read {path}: it is no plain file")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingError("is missing") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def parse(found: bytes) -> Any:
    """The value that the bytes say in JSON. Raises MisshapenError."""
    try:
        return json.loads(found.decode("utf-8"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MisshapenError(f"no JSON ({error.msg.lower()}, {place})") from None
    except UnicodeDecodeError:
        raise MisshapenError("no JSON (not in UTF-8)") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        raise MisshapenError("no JSON (beyond all bounds)") from None


@dataclass
class Folder:
    """A folder of a kind that has a header, open for reading. shown: all texts made plain."""

    path: Path
    kind: Kind
    header: dict[str, Any]
    shown: bool = False
    left_out: list[str] = field(default_factory=list)
    """What could not be used, a phrase a file."""

    @classmethod
    def open(cls, path: Path, kind: str, *, shown: bool = False) -> Folder:
        """Raises UsageError where the header is missing, damaged or none of this kind."""
        header = read_header(path / KINDS[kind].head, KINDS[kind])
        return cls(path, KINDS[kind], all_plain(header) if shown else header, shown)

    def file(self, name: str, default: Any = None) -> Any:
        """A file's value, or the default where it is missing or cannot be used."""
        try:
            found = _read_file(self.path / name, self.kind.files[name], self._plan)
        except MissingError:
            return default
        except UnusableError as error:
            self._leave_out(f"{name} {error}")
            return default
        return all_plain(found) if self.shown else found

    def needed(self, name: str) -> Any:
        """A file's value. Raises UsageError where it is missing or cannot be used."""
        try:
            found = _read_file(self.path / name, self.kind.files[name], self._plan)
        except UnusableError as error:
            raise UsageError(f"{self.path / name} {error}") from None
        return all_plain(found) if self.shown else found

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The lines that can be used. One that was cut short at the end is no damage."""
        try:
            found = content(self.path / name)
        except MissingError:
            return []
        kept, wrong = usable(found, self.kind.files[name], self._plan)
        if wrong:
            place, why = wrong[0]
            count = f"{len(wrong)} of {len(wrong) + len(kept)} lines are damaged and left out"
            self._leave_out(f"{name}: {count} (line {place} {why})")
        return all_plain(kept) if self.shown else kept

    @property
    def _plan(self) -> Mapping[str, Any]:
        plan: Mapping[str, Any] = self.header["plan"]
        return plan

    def _leave_out(self, words: str) -> None:
        self.left_out.append(words)
        log.warning("%s", f"{self.path / words}")


def usable(
    found: bytes, known: File, plan: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """Lines that can be used, and for each other its number and why not."""
    kept: list[dict[str, Any]] = []
    wrong: list[tuple[int, str]] = []
    seen: set[tuple[Any, ...]] = set()
    lines = found.split(b"\n")
    for place, line in enumerate(lines, 1):
        if place == len(lines) and not _whole(line, known):
            break
        try:
            row = known.shape(parse(line))
        except MisshapenError as error:
            wrong.append((place, f"is {error}" if not error.where else str(error)))
            continue
        key = tuple(row[name] for name in known.key)
        why = known.fits(row, plan) or ("is there twice" if key in seen else None)
        if why is not None:
            wrong.append((place, why))
            continue
        seen.add(key)
        kept.append(row)
    return kept, wrong


def _whole(last: bytes, known: File) -> bool:
    """Whether what follows the last line end is a line all the same."""
    try:
        known.shape(parse(last))
    except MisshapenError:
        return False
    return True


def read_header(path: Path, kind: Kind) -> dict[str, Any]:
    """A folder's header. Raises UsageError where it is missing, damaged or none of this kind."""
    form = format_of(path, kind.name)
    if form != kind.format:
        raise UsageError(f"{path} is not of the form '{kind.format}'")
    try:
        found: dict[str, Any] = read(path, kind.header)
    except UnusableError as error:
        raise UsageError(f"{path} {error}") from None
    return found


def format_of(path: Path, kind: str = "header") -> Any:
    """The format that a header names. Raises UsageError where there is none to be read."""
    try:
        found = read(path, lambda value: value)
    except MissingError:
        raise UsageError(f"{path.parent} holds no {kind} (no {path.name})") from None
    except UnusableError as error:
        raise UsageError(f"{path} {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} is damaged: {named(found)}, not an object")
    return found.get("format")


def kept(path: Path, kind: str, plan: Mapping[str, Any], again: str) -> Any:
    """What was measured once and is kept in a file; None where it must be measured (again).

    again: what is done where the file is there and cannot be used, such as "measured again".
    """
    try:
        return _read_file(path, KINDS[kind].files[path.name], plan)
    except MissingError:
        return None
    except UnusableError as error:
        log.warning("%s", f"{path} {error}; {again}")
        return None


def _read_file(path: Path, known: File, plan: Mapping[str, Any]) -> Any:
    """Raises UnusableError."""
    found = read(path, known.shape)
    wrong = known.fits(found, plan)
    if wrong is not None:
        raise UnusableError(f"is damaged: {wrong}")
    return found


def covers(found: Sequence[Mapping[str, Any]], wanted: Sequence[tuple[str | None, str]]) -> bool:
    """Whether judgements are those on (side, target) one by one. side: None where there is none."""
    return [(one.get("side"), one["target"]) for one in found] == list(wanted)
