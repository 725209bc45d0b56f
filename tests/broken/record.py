"""What is known of a planted defect before anyone judges it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["conforms", "defective", "variant", "unsupported", "error"]
Sizes = tuple[int, int, int, int]
"""T, B, I, H."""


@dataclass(frozen=True)
class Defect:
    """One module with one mistake, or none of the usual kind.

    target: ``path/from/the/root.py:Name``. failure_class: as the checks are grouped; "" where
    there is none. verdict: the right one; "conforms" for what deserves a warning only. also:
    verdicts that a fair judge may give as well. says: a right diagnosis or warning has one of
    the words of every group, in lower case. host: the intact class it was made from. shown_by:
    the demonstration that proves it, see :mod:`tests.broken.demonstrations`, at ``sizes``
    (T, B, I, H). source: where it was seen in the wild, repository#issue or repository.
    """

    target: str
    failure_class: str
    verdict: Verdict
    says: tuple[tuple[str, ...], ...] = ()
    host: str = ""
    shown_by: str = "values"
    sizes: Sizes = (5, 3, 4, 6)
    source: str = ""
    also: tuple[Verdict, ...] = ()

    @property
    def name(self) -> str:
        return self.target.rpartition(":")[2]

    def is_told_by(self, sentences: str) -> bool:
        """Does this diagnosis name the cause, as far as words can tell?"""
        return all(any(_occurs(word, sentences.lower()) for word in group) for group in self.says)


def _occurs(word: str, told: str) -> bool:
    """Short words, such as "h" or "c0", must stand alone; of others a part is enough."""
    if len(word) > 2:
        return word in told
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", told) is not None


def rows(
    file: str, failure_class: str, *table: tuple[Any, ...], **shared: Any
) -> tuple[Defect, ...]:
    """Rows of (name, host, says[, more fields]); says is written "a, b | c": (a or b) and c."""
    return tuple(
        Defect(
            f"tests/broken/{file}.py:{name}",
            failure_class,
            says=groups(says),
            host=host,
            **{"verdict": "defective", **shared, **(more[0] if more else {})},
        )
        for name, host, says, *more in table
    )


def groups(says: str) -> tuple[tuple[str, ...], ...]:
    """``"a, b | c"`` as (("a", "b"), ("c",))."""
    return tuple(
        tuple(word.strip() for word in group.split(",")) for group in says.split("|") if says
    )
