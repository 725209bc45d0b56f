"""From a folder that run, compare, guard, choose or planted has left to its page and tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

from lstm_bench.errors import UsageError
from lstm_bench.report.document import Document
from lstm_bench.report.kinds.checks import check_document
from lstm_bench.report.kinds.choice import choice_document
from lstm_bench.report.kinds.comparison import comparison_document
from lstm_bench.report.kinds.matrix import matrix_document
from lstm_bench.report.kinds.proof import proof_document
from lstm_bench.report.kinds.run import run_document
from lstm_bench.report.load import kind_of
from lstm_bench.report.markdown import markdown
from lstm_bench.report.page import page

FORMATS = {"html": "report.html", "md": "summary.md", "csv": "summary.csv", "json": "summary.json"}
"""What can be written, and its file's name."""

_KINDS: dict[str, Callable[[Path], Document]] = {
    "run": run_document,
    "comparison": comparison_document,
    "choice": choice_document,
    "check": check_document,
    "matrix": matrix_document,
    "proof": proof_document,
}


def document_of(path: Path) -> Document:
    """What is to be said of a folder, or of a file of check's. Raises UsageError."""
    kind = kind_of(path)
    try:
        return _KINDS[kind](path)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise UsageError(
            f"{path} is not as this version writes a {kind}: {type(error).__name__} {error}"
        ) from error


def write(document: Document, folder: Path, formats: Collection[str] = tuple(FORMATS)) -> None:
    """The files of these formats. Raises UsageError where the folder cannot be written."""
    makers: dict[str, Callable[[], str]] = {
        "html": lambda: page(document),
        "md": lambda: markdown(document),
        "csv": lambda: document.frame.to_csv(index=False),
        "json": lambda: json.dumps(document.data, indent=2) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for form in formats:
            (folder / FORMATS[form]).write_text(makers[form]())
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from error


def write_report(path: Path, formats: Collection[str] = tuple(FORMATS)) -> Path:
    """The report of a folder, into it; returns the page's path."""
    write(document_of(path), path, formats)
    return path / FORMATS["html"]
