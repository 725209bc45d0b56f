"""What a value of an option may be: from text, or from a Python value, to what the program uses.

Each parser takes both, so that ``--budget 2m`` and ``budget="2m"`` and ``budget=120`` are one. It
raises ValueError with one clear line, which does not name the option: whoever calls it knows that.
"""

from __future__ import annotations

import ast
import math
import os
import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_SEED = 2**32 - 1
"""Seeds run from 0 to this: what torch, numpy (``np.random.seed``) and ``random`` all take."""

A_MONTH = 30 * 86400.0


@dataclass(frozen=True)
class Count:
    """A whole number from ``least`` to ``most``, both included."""

    least: int = 1
    most: int = 1_000_000_000

    def __call__(self, value: Any) -> int:
        return int(_within(_whole(value), self.least, self.most))


@dataclass(frozen=True)
class Number:
    """A finite number from ``least`` to ``most``. open_: ``least`` itself is too small."""

    least: float
    most: float = math.inf
    open_: bool = False

    def __call__(self, value: Any) -> float:
        return _within(_finite(value), self.least, self.most, self.open_)


@dataclass(frozen=True)
class Seconds:
    """A time such as ``90``, ``90s``, ``2m`` or ``1h``, above 0: in seconds."""

    least: float = 0.0

    def __call__(self, value: Any) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|m|h)?", str(value).strip(), re.ASCII)
        if isinstance(value, bool) or found is None or not float(found[1]):
            raise ValueError(f"'{_shown(value)}' is not a time such as 90s or 2m")
        seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600, None: 1}[found[2]]
        return _within(seconds, self.least, A_MONTH)


@dataclass(frozen=True)
class Share:
    """A share such as ``5%`` or ``0.05``, from ``least`` to ``most``."""

    least: float
    most: float

    def __call__(self, value: Any) -> float:
        text = str(value).strip()
        try:
            share = _finite(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            raise ValueError(f"'{_shown(value)}' is not a share such as 5% or 0.05") from None
        if not self.least <= share <= self.most:
            bounds = f"{100 * self.least:g}% and {100 * self.most:g}%"
            raise ValueError(f"{_shown(value)} is not between {bounds}; say 5% or 0.05")
        return share


@dataclass(frozen=True)
class Threads:
    """CPU threads: at most four for each of the machine's logical cores."""

    def __call__(self, value: Any) -> int:
        number, most = Count()(value), 4 * (os.cpu_count() or 1)
        if number > most:
            raise ValueError(f"{number} is too large: at most {most} on this machine, four a core")
        return number


@dataclass(frozen=True)
class Numbers:
    """``1,8,32``: whole numbers separated by commas."""

    least: int = 1
    most: int = 1_000_000

    def __call__(self, value: Any) -> tuple[int, ...]:
        if isinstance(value, int):
            return (Count(self.least, self.most)(value),)
        parts = _parts(value)
        try:
            numbers = tuple(map(_whole, parts))
        except ValueError:
            raise ValueError(
                f"'{_shown(value)}' is not a list of whole numbers such as 1,8,32"
            ) from None
        return tuple(Count(self.least, self.most)(number) for number in numbers)


@dataclass(frozen=True)
class Names:
    """``a,b``: names separated by commas, at least one."""

    def __call__(self, value: Any) -> tuple[str, ...]:
        return _parts(value)


@dataclass(frozen=True)
class Words:
    """``a,b``: words among ``known``, which are called ``what``."""

    what: str
    known: Collection[str]

    def __call__(self, value: Any) -> tuple[str, ...]:
        return tuple(Word(self.what, self.known)(part) for part in _parts(value))


@dataclass(frozen=True)
class Word:
    """One word among ``known``, which are called ``what``."""

    what: str
    known: Collection[str]

    def __call__(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.known:
            known = ", ".join(self.known)
            raise ValueError(f"there is no {self.what} '{_shown(value)}': choose among {known}")
        return value


@dataclass(frozen=True)
class Device:
    """``cpu``, ``cuda`` or ``cuda:N``. Whether it is there is another question."""

    def __call__(self, value: Any) -> str:
        text = str(value)
        found = re.fullmatch(r"cpu|cuda(?::(\d{1,3}))?", text, re.ASCII)
        if found is not None:
            return text if found[1] is None else f"cuda:{int(found[1])}"
        if re.fullmatch(r"cpu:.*", text, re.DOTALL):
            raise ValueError(f"there is no device '{_shown(text)}': the CPU has no number, say cpu")
        raise ValueError(f"there is no device '{_shown(text)}': cpu, cuda or cuda:N")


@dataclass(frozen=True)
class Text:
    """Any text. empty: whether it may be empty."""

    empty: bool = False

    def __call__(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"'{_shown(value)}' is not text")
        if not self.empty and not value.strip():
            raise ValueError("it is empty")
        return value


@dataclass(frozen=True)
class One:
    """One name, where several may be given one by one: ``--only a --only b``."""

    def __call__(self, value: Any) -> tuple[str, ...]:
        return (Text()(value).strip(),)


@dataclass(frozen=True)
class Source:
    """A file or folder to be read."""

    def __call__(self, value: Any) -> Path:
        return _path(value)


@dataclass(frozen=True)
class OutFolder:
    """A folder to be written; it and its parents are made."""

    def __call__(self, value: Any) -> Path:
        return _path(value)


@dataclass(frozen=True)
class OutFile:
    """A file to be written; its folders are made."""

    def __call__(self, value: Any) -> Path:
        return _path(value)


@dataclass(frozen=True)
class JsonFile:
    """A file to be written, in a folder that is there, as text; ``-`` for standard output."""

    def __call__(self, value: Any) -> str:
        return str(_path(value))


@dataclass(frozen=True)
class Switch:
    """On or off."""

    def __call__(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"'{_shown(value)}' is neither True nor False")
        return value


@dataclass(frozen=True)
class Reasons:
    """``NAME=REASON``, or such pairs by name."""

    def __call__(self, value: Any) -> tuple[tuple[str, str], ...]:
        name, _, reason = value.partition("=") if isinstance(value, str) else ("", "", "")
        if not name.strip() or not reason.strip():
            raise ValueError(f"'{_shown(value)}' is not NAME=REASON")
        return ((name.strip(), reason.strip()),)


@dataclass(frozen=True)
class Keywords:
    """``a=1, b='x', n=I``: arguments for a constructor; bare I and H stand for the two sizes."""

    def __call__(self, value: Any) -> dict[str, Any]:
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return dict(value)
        if not isinstance(value, str):
            raise ValueError(f"'{_shown(value)}' is no mapping of names to values")
        call = _call(value)
        names = [keyword.arg for keyword in call.keywords]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"'{twice[0]}' is given twice")
        return {str(k.arg): _argument(str(k.arg), k.value) for k in call.keywords}


# -- what they share -----------------------------------------------------------------------------


def _shown(value: Any) -> str:
    """A value as a message quotes it: one line, not too long."""
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}…"


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"\s*[+-]?\d{1,30}\s*", value, re.ASCII):
        raise ValueError(f"'{_shown(value)}' is not a whole number")
    return int(value)


def _finite(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"'{_shown(value)}' is not a finite number")
    return number


def _within(number: float, least: float, most: float, open_: bool = False) -> float:
    if number < least or (open_ and number == least):
        bound = "more than" if open_ else "at least"
        raise ValueError(f"{_digits(number)} is too small: it must be {bound} {_digits(least)}")
    if number > most:
        raise ValueError(f"{_digits(number)} is too large: it must be at most {_digits(most)}")
    return number


def _digits(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.15g}"


def _parts(value: Any) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in str(value).split(",") if part.strip())
    if not parts:
        raise ValueError(f"'{_shown(value)}' names nothing: give one or more, with commas")
    return parts


def _path(value: Any) -> Path:
    text = str(value)
    if not text.strip() or "\0" in text:
        raise ValueError(f"'{_shown(text)}' is not a path")
    return Path(text)


def _call(text: str) -> ast.Call:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings: they are told below, or right
            call = ast.parse(f"f({text}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        call = None
    alone = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args
    if isinstance(call, ast.Call) and alone and all(k.arg is not None for k in call.keywords):
        return call
    raise ValueError(f"'{_shown(text)}' is not of the form \"a=1, b='x', n=I, m=H\"")


def _argument(name: str, node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in ("I", "H"):
        return node.id
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise ValueError(
            f"the value of '{name}' is not a plain value such as 1, 0.5, 'x', True, [1, 2], I or H"
        ) from None
