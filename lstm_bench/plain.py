"""Strangers' text, such as a target's name or message, as it may be shown: nothing in it acts."""

from __future__ import annotations

import unicodedata
from typing import Any

ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that do something (control, format, line ends), or that no encoding
has (halves of a surrogate pair)."""


def plain(text: str) -> str:
    """The text with every character that a terminal, a page or an encoder acts on as an escape.

    Line ends and tabs stay. ``"\\x1b[2J"`` becomes the six visible characters ``\\x1b[2J``.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text.replace("\r\n", "\n"))


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in ACTING:
        return character
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def markup(text: str) -> str:
    """The same for a string that rich reads: square brackets in it are brackets.

    Print it on a console with ``emoji=False``: rich replaces ``:name:`` in escaped text too.
    """
    from rich.markup import escape

    return escape(plain(text))


def all_plain(value: Any) -> Any:
    """A value from JSON with all of its texts plain, names included."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {all_plain(name): all_plain(held) for name, held in value.items()}
    return [all_plain(entry) for entry in value] if isinstance(value, list) else value
