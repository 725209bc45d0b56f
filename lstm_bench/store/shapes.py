"""What a value from a file must look like: small functions that return it, or say what is wrong.

A shape takes a value as JSON gave it and returns it, perhaps without what nobody knows. Where it
does not fit, it raises MisshapenError, whose text names the place: ``plan.cells[3].subject is
missing``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[Any], Any]

LARGEST = 1e15
"""Of any number: what is larger is damage, and would not fit into a figure."""


class MisshapenError(Exception):
    """A value is not what belongs there. where: its place in the file, the outermost part first."""

    def __init__(self, words: str, where: str = "") -> None:
        super().__init__(f"{where.removeprefix('.')} {words}".strip())
        self.words = words
        self.where = where

    def inside(self, part: str) -> MisshapenError:
        """The same, seen from the container."""
        return MisshapenError(self.words, part + self.where)


def anything(value: Any) -> Any:
    """Whatever it is; for what is only shown."""
    return value


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise MisshapenError(f"is {named(value)}, not a text")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise MisshapenError(f"is {named(value)}, not true or false")
    return value


def number(low: float = -LARGEST, high: float = LARGEST) -> Shape:
    """A finite number, both ends included."""

    def shape(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise MisshapenError(f"is {named(value)}, not a number")
        if not low <= value <= high:  # nor is NaN
            raise MisshapenError(f"is {named(value)}, not between {low:g} and {high:g}")
        return value

    return shape


def whole(low: int = 0, high: int = 2**53) -> Shape:
    """A whole number, both ends included."""
    within = number(low, high)

    def shape(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise MisshapenError(f"is {named(value)}, not a whole number")
        within(value)
        return value

    return shape


def maybe(shape: Shape) -> Shape:
    """That, or nothing: null, and what is no finite number, which JSON has no word for."""

    def either(value: Any) -> Any:
        nothing = value is None or (isinstance(value, float) and not math.isfinite(value))
        return None if nothing else shape(value)

    return either


def one_of(*words: str) -> Shape:
    def shape(value: Any) -> str:
        if value not in words:
            raise MisshapenError(f"is {named(value)}, not one of {', '.join(words)}")
        return str(value)

    return shape


def like(pattern: str, what: str) -> Shape:
    """A text that matches the whole pattern."""

    def shape(value: Any) -> str:
        if re.fullmatch(pattern, text(value)) is None:
            raise MisshapenError(f"is {named(value)}, not {what}")
        return str(value)

    return shape


def items(shape: Shape, *, least: int = 0, distinct: Callable[[Any], Any] | None = None) -> Shape:
    """A list. distinct: what no two entries may have in common."""

    def shapes(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise MisshapenError(f"is {named(value)}, not a list")
        if len(value) < least:
            raise MisshapenError("is empty" if least == 1 else f"has fewer than {least} entries")
        found = [_part(shape, entry, f"[{place}]") for place, entry in enumerate(value)]
        if distinct is not None and len({distinct(entry) for entry in found}) < len(found):
            raise MisshapenError("holds an entry twice")
        return found

    return shapes


def row(*shapes: Shape) -> Shape:
    """A list of just these, in this order."""

    def shape(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) != len(shapes):
            raise MisshapenError(f"is {named(value)}, not a list of {len(shapes)}")
        return [_part(s, v, f"[{k}]") for k, (s, v) in enumerate(zip(shapes, value, strict=True))]

    return shape


def table(shape: Shape, key: Shape = text) -> Shape:
    """An object whose names are not known before."""

    def shapes(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MisshapenError(f"is {named(value)}, not an object")
        return {_part(key, k, ".name"): _part(shape, v, f".{k}") for k, v in value.items()}

    return shapes


def record(
    required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None, *, rest: bool = True
) -> Shape:
    """An object with these fields. rest: whether fields that nobody knows are kept, or left out."""
    known = {**required, **(optional or {})}

    def shape(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MisshapenError(f"is {named(value)}, not an object")
        for name in required:
            if name not in value:
                raise MisshapenError("is missing", f".{name}")
        return {
            name: _part(known.get(name, anything), held, f".{name}")
            for name, held in value.items()
            if rest or name in known
        }

    return shape


def also(shape: Shape, fits: Callable[[Any], str | None]) -> Shape:
    """That, and parts that go together. fits: what is wrong with the whole, or None."""

    def both(value: Any) -> Any:
        found = shape(value)
        wrong = fits(found)
        if wrong is not None:
            raise MisshapenError(wrong)
        return found

    return both


def named(value: Any) -> str:
    """A value in few words, for a message."""
    if value is None:
        return "null"
    if isinstance(value, (list, dict)):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**20:
        return "a huge number"
    said = repr(value) if isinstance(value, str) else str(value)
    return said if len(said) <= 40 else said[:39] + "…"


def _part(shape: Shape, value: Any, part: str) -> Any:
    """The one place where an error learns where it is."""
    try:
        return shape(value)
    except MisshapenError as error:
        raise error.inside(part) from None
