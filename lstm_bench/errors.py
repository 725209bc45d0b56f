"""Errors that are the user's to mend. Their message is one clear line; the command exits with 2."""

from __future__ import annotations

from typing import Any

LONGEST = 400
"""Characters of a stranger's exception that are worth telling."""


class UsageError(Exception):
    """Wrong input: an unknown name, an impossible size, a file that is none of ours."""


def describe(error: BaseException) -> str:
    """An exception in one line of a bounded length: its type and the first line of its text.

    Also where the text raises, has no end, or cannot be spelled. A syntax error tells its place.
    """
    if isinstance(error, SystemExit):
        return _cut(f"called sys.exit({_text(error.code)})")
    name = _text(type(error).__name__)
    if isinstance(error, SyntaxError):
        return _cut(f"{name} in line {error.lineno}: {_text(error.msg)}")
    lines = _text(error).strip().splitlines()
    return _cut(f"{name}: {lines[0]}" if lines else name)


def _text(value: Any) -> str:
    try:
        return str(value)[: 4 * LONGEST].encode(errors="replace").decode()
    except BaseException:
        return "(its text cannot be read)"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
