"""Rows of a long proof, kept as they come: whoever begins anew goes on where it stopped.

A row stands as long as the code it rests on does: it is kept with a fingerprint of that code, and
measured again where it differs. A proof of hours may so be made in pieces, at several commits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[1]


class Kept:
    """What is known already of a proof, in a file with a line a row.

    rests_on: files and folders of the repository, whose Python code a row is of.
    """

    def __init__(self, path: Path, rests_on: Iterable[str]) -> None:
        self._path = path
        self.code = fingerprint(rests_on)
        self.rows: dict[str, dict[str, Any]] = {
            line["key"]: line["row"] for line in _lines(path) if line["code"] == self.code
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(self._line(key, row) for key, row in self.rows.items()))

    def add(self, key: str, row: Mapping[str, Any]) -> None:
        """One more, on the disk at once."""
        self.rows[key] = dict(row)
        with self._path.open("a") as file:
            file.write(self._line(key, row))

    def _line(self, key: str, row: Mapping[str, Any]) -> str:
        return json.dumps({"key": key, "code": self.code, "row": row}) + "\n"


def fingerprint(rests_on: Iterable[str]) -> str:
    """Of the Python files' names and contents."""
    found = hashlib.sha256()
    for place in sorted(rests_on):
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            found.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()[:16]


Row = TypeVar("Row")


def spread(rows: list[Row], number: int | None, turn: int = 0) -> list[Row]:
    """``number`` rows at even distances, others each turn; all where it is None."""
    if number is None or number >= len(rows):
        return rows
    return [rows[(i * len(rows) // number + turn) % len(rows)] for i in range(number)]


@dataclass(frozen=True)
class Known:
    """A set of subjects whose answer is known, and what is made of their judgements.

    tasks: by key, what ``one`` makes a row of, in a process of its own. said: a row in a few
    words. write: all rows, in the order of their keys, and summary.md, into a folder.
    """

    tasks: Mapping[str, Any]
    rests_on: tuple[str, ...]
    one: Callable[[Any], dict[str, Any]]
    said: Callable[[Mapping[str, Any]], str]
    write: Callable[[list[dict[str, Any]], Path], None]


def _lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines; one that was cut short is passed over."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


JUDGING = (
    "impls", "lstm_bench/conformance", "lstm_bench/subject", "lstm_bench/theory", "lstm_bench/lab",
)  # fmt: skip
"""What a verdict rests on."""
