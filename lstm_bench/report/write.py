"""From a folder that run, compare, guard, choose or planted has left to its page and tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from lstm_bench.report.document import Document
from lstm_bench.report.kinds.checks import check_document
from lstm_bench.report.kinds.choice import choice_document
from lstm_bench.report.kinds.comparison import comparison_document
from lstm_bench.report.kinds.matrix import matrix_document
from lstm_bench.report.kinds.proof import proof_document
from lstm_bench.report.kinds.run import run_document
from lstm_bench.report.load import open_source, with_left_out
from lstm_bench.report.markdown import markdown
from lstm_bench.report.page import page
from lstm_bench.store.write import make_folder, replace_file

FORMATS = {"html": "report.html", "md": "summary.md", "csv": "summary.csv", "json": "summary.json"}
"""What can be written, and its file's name."""

_KINDS: dict[str, Callable[[Any], Document]] = {
    "run": run_document,
    "comparison": comparison_document,
    "choice": choice_document,
    "check": check_document,
    "matrix": matrix_document,
    "proof": proof_document,
}


def document_of(path: Path) -> Document:
    """What is to be said of a folder, or of a file of check's. Raises UsageError."""
    kind, source = open_source(path)
    return with_left_out(_KINDS[kind](source), source)


def write(document: Document, folder: Path, formats: Collection[str] = tuple(FORMATS)) -> None:
    """The files of these formats. Raises UsageError where the folder cannot be written."""
    makers: dict[str, Callable[[], str]] = {
        "html": lambda: page(document),
        "md": lambda: markdown(document),
        "csv": lambda: document.frame.to_csv(index=False),
        "json": lambda: json.dumps(document.data, indent=2) + "\n",
    }
    make_folder(folder)
    for form in formats:
        replace_file(folder / FORMATS[form], makers[form]())


def write_report(path: Path, formats: Collection[str] = tuple(FORMATS)) -> Path:
    """The report of a folder, into it; returns the page's path."""
    write(document_of(path), path, formats)
    return path / FORMATS["html"]
