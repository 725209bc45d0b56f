"""Which options contradict one another. To ignore one would answer another question than asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.options.table import LISTS, TABLE


@dataclass(frozen=True)
class Alone:
    """An option that settles all others but those ``beside``. when: its value begins like this."""

    name: str
    beside: frozenset[str] = frozenset()
    when: str = ""

    def others(self, given: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """What is given on either side of the contradiction; both empty where there is none."""
        if not _holds(self.name, self.when, given):
            return [], []
        return [self.name], [n for n in given if n != self.name and n not in self.beside]


@dataclass(frozen=True)
class Apart:
    """Two groups that answer the same question. when: the value of the first begins like this."""

    one: tuple[str, ...]
    other: tuple[str, ...]
    when: str = ""

    def others(self, given: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        ones = [name for name in self.one if _holds(name, self.when, given)]
        return ones, [name for name in self.other if name in given]


_SIZES = tuple(row.name for row in LISTS)
_PRESETS = Apart(("presets",), _SIZES)
_RESUMED = Alone("resume", frozenset({"budget", "json_file"}))

CONFLICTS: dict[str, tuple[Alone | Apart, ...]] = {
    "check": (Alone("list_checks"),),
    "run": (
        Alone("resume"),
        Alone("from_json", frozenset({"out"})),
        Apart(("quick",), ("presets",)),
        Apart(("quick", "presets"), _SIZES),
    ),
    "compare": (_RESUMED, _PRESETS),
    "choose": (_RESUMED, _PRESETS),
    "guard": (
        _RESUMED,
        _PRESETS,
        Alone("against", frozenset({"margin", "json_file", "out"}), when="run:"),
        Apart(("against",), ("repository",), when="impl:"),
    ),
    "train": (Apart(("updates",), ("seconds",)),),
}


def refuse_conflicts(command: str, given: Mapping[str, Any]) -> None:
    """Raises UsageError where what was given, by name, contradicts itself."""
    flags = {row.name: row.flag for row in TABLE[command]}
    for rule in CONFLICTS.get(command, ()):
        ones, others = rule.others(given)
        if ones and others:
            first, second = (
                ", ".join(flags.get(n, n.upper()) for n in names) for names in (ones, others)
            )
            held = f"{first} {rule.when}…" if rule.when else first
            raise UsageError(f"{held} and {second} exclude one another: give one of the two")


def _holds(name: str, when: str, given: Mapping[str, Any]) -> bool:
    return name in given and (not when or str(given[name]).startswith(when))
