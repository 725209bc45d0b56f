"""Reading what runs, comparisons and checks have left on disk, to be shown. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.plain import all_plain
from lstm_bench.report.document import Document
from lstm_bench.store.files import judgement, matrix, proof
from lstm_bench.store.folder import Folder, UnusableError, format_of, read
from lstm_bench.store.kinds import BY_FORMAT, KINDS
from lstm_bench.store.shapes import Shape, items

HEADS = tuple(dict.fromkeys(kind.head for kind in KINDS.values()))
SINGLE: dict[str, tuple[str, Shape]] = {
    "matrix.json": ("matrix", matrix),
    "proof.json": ("proof", proof),
}
"""Folders of experiments, which hold all they have in one file."""

SINGLE_FILES: dict[str, tuple[frozenset[str], Shape]] = {
    "check": (frozenset({"target", "verdict", "checks"}), items(judgement, least=1)),
    "matrix": (frozenset({"name", "expected", "verdict"}), matrix),
}
"""Files that are given by themselves, known by the names in their first entry."""


@dataclass(frozen=True)
class Single:
    """What one file holds."""

    value: Any
    left_out: tuple[str, ...] = ()


Source = Folder | Single


def open_source(path: Path) -> tuple[str, Source]:
    """The kind (run, comparison, choice, matrix, proof, check) and what is there, fit to be shown.

    Raises UsageError on anything else, and where it is damaged.
    """
    if path.is_file():
        return _open_file(path)
    for name in HEADS:
        if (path / name).exists():
            return _open_folder(path, name)
    for name, (kind, shape) in SINGLE.items():
        if (path / name).exists():
            return kind, Single(_value(path / name, shape))
    if not path.exists():
        raise UsageError(f"no such folder or file: {path}")
    raise UsageError(
        f"{path} holds none of {', '.join((*HEADS, *SINGLE))}: give a folder that run, compare, "
        "guard, choose or check --report has written, or a file of check's --json"
    )


def _open_folder(path: Path, head: str) -> tuple[str, Folder]:
    form = format_of(path / head)
    if form not in BY_FORMAT or BY_FORMAT[form].head != head:
        raise UsageError(f"{path / head} is of no form that this version knows: {form!r}")
    kind = BY_FORMAT[form].name
    return kind, Folder.open(path, kind, shown=True)


def _open_file(path: Path) -> tuple[str, Single]:
    found = _value(path, lambda value: value)
    first = found[0] if isinstance(found, list) and found else None
    for kind, (names, shape) in SINGLE_FILES.items():
        if isinstance(first, dict) and names <= set(first):
            return kind, Single(_value(path, shape))
    raise UsageError(f"{path} is neither a check's --json nor a matrix of planted defects")


def _value(path: Path, shape: Callable[[Any], Any]) -> Any:
    try:
        return all_plain(read(path, shape))
    except UnusableError as error:
        raise UsageError(f"{path} {error}") from None


def with_left_out(document: Document, *sources: Source) -> Document:
    """The document, with a note on everything that is damaged and so is not in it."""
    words = (words for source in sources for words in source.left_out)
    notes = [f"Damaged, and so not shown: {phrase}." for phrase in words]
    return replace(document, notes=(*document.notes, *notes))


def facts_of(header: Mapping[str, Any]) -> dict[str, Any]:
    """Machine and versions, and when it was."""
    found = {"started": header["started"]} if header.get("started") else {}
    return {**found, **header.get("machine", {})}
