"""A target as it travels to a subject's process: by name, or by value where it has none.

What is opened is opened in the subject's process alone, which belongs to that target.
"""

from __future__ import annotations

import ast
import base64
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstm_bench import own
from lstm_bench.errors import UsageError


@dataclass(frozen=True)
class Parcel:
    """name: what people call it. target: ``place:Attribute``, or "" where it travels by value.

    beside: folders in which the sender has packages that are called as this project's are; a
    value may be of theirs.
    """

    name: str
    target: str = ""
    value: str = ""
    kwargs: str = ""
    beside: str = ""

    @classmethod
    def of(cls, target: Any, name: str, kwargs: Mapping[str, Any] | None = None) -> Parcel:
        """Wrap a name, or a class or factory at hand. Raises UsageError where it cannot travel."""
        wrapped = _wrapped(dict(kwargs or {}), f"the arguments for {name}")
        if isinstance(target, str):
            return cls(name, target, kwargs=wrapped)
        beside = os.pathsep.join(own.namesakes())
        return cls(name, value=_by_value(target, name), kwargs=wrapped, beside=beside)

    def having(self, kwargs: Mapping[str, Any]) -> Parcel:
        """The same with other arguments for its constructor, or more."""
        every = {**self.open_kwargs(), **kwargs}
        return replace(self, kwargs=_wrapped(every, f"the arguments for {self.name}"))

    def open_kwargs(self) -> dict[str, Any]:
        """The keyword arguments for the constructor."""
        return dict(_opened(self.kwargs)) if self.kwargs else {}

    def open(self, root: str | None = None) -> Any:
        """The class or factory. Raises CannotLoad; a stranger's import may do anything."""
        from lstm_bench.subject import imports
        from lstm_bench.subject.load import load_target

        if not self.value:
            return load_target(self.target, root)
        for folder in filter(None, self.beside.split(os.pathsep)):
            imports.beside(Path(folder))
        return _opened(self.value)


def _wrapped(value: Any, what: str) -> str:
    """Literals as they are written, all else by value."""
    text = repr(value)
    try:
        if ast.literal_eval(text) == value:
            return text
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    return _by_value(value, what)


def _by_value(value: Any, what: str) -> str:
    import cloudpickle

    try:
        return "pickle:" + base64.b64encode(cloudpickle.dumps(value)).decode()
    except Exception as error:
        raise UsageError(
            f"{what} cannot be handed to a process of its own ({type(error).__name__}): "
            "give it by name, such as file.py:Class, or judge it here (here=True)"
        ) from None


def _opened(text: str) -> Any:
    if text.startswith("pickle:"):
        return pickle.loads(base64.b64decode(text.removeprefix("pickle:")))
    return ast.literal_eval(text)
