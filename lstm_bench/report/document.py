"""What a page says, whatever it is about: a question, an answer, a table of verdicts, sections.

Each kind of folder becomes such a document (``kinds/``); a page, Markdown and CSV are made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

GOOD = frozenset(
    {
        "faster",
        "equal",
        "not slower",
        "best",
        "tied",
        "reached",
        "ok",
        "conforms",
        "pass",
        "decided",
        "tie",
    }
)
BAD = frozenset(
    {"slower", "failed", "unearned", "incorrect", "defective", "fail", "error", "missed"}
)
OPEN = frozenset({"undecided", "variant", "inconclusive", "unsupported", "warning", "skipped"})
"""Words for verdicts. They are always written; a colour only repeats them."""


@dataclass(frozen=True)
class Table:
    """Cells as text. text_columns: how many columns from the left are words, not numbers."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1


@dataclass(frozen=True)
class Figure:
    """title: what it shows, a finding. svg: with that title and a text alternative inside."""

    title: str
    svg: str
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A heading with its figures, and their numbers in tables beside them."""

    title: str
    text: str = ""
    points: tuple[str, ...] = ()
    """Sentences of a list."""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: bool = False
    """Whether the tables are long, and shown on request."""

    @property
    def empty(self) -> bool:
        return not (self.text or self.points or self.figures or self.tables)


@dataclass(frozen=True)
class Document:
    """Everything on a page. frame: the rows of ``summary.csv``; data: ``summary.json``."""

    title: str
    question: str
    answer: str
    verdicts: Table
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()
    """What has no figure, what was skipped, and why."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    how: str = ""
    """How it was measured, in a paragraph."""
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    data: Mapping[str, Any] | Sequence[Any] = field(default_factory=dict)


def word_class(text: str) -> str:
    """The class of a cell that holds a verdict's word, perhaps with a remark in brackets."""
    word = text.split(" (")[0].strip()
    for name, words in (("good", GOOD), ("bad", BAD), ("open", OPEN)):
        if word in words:
            return name
    return ""
