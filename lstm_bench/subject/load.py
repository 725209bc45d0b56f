"""A target's name becomes a Python object: a class, a factory, or a module that is built already.

Three spellings: a registered name (``torch_nn``), ``package.module:Attribute``, and
``path/to/file.py:Attribute``.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from impls.registry import implementations
from lstm_bench.subject.errors import CannotLoad


def load_target(target: str, root: str | None = None) -> Any:
    """The object that ``target`` names. Raises CannotLoad with one clear line.

    root: a tree to take its code from instead of what is installed or here. For a process of its
    own: what this program has imported of a package that the tree has too (``impls``, say) is
    set aside while the target is imported, and put back; the harness keeps its own.
    """
    if root is not None:
        place, colon, attribute = target.rpartition(":")
        if place.endswith(".py"):
            target = f"{Path(root) / place}{colon}{attribute}"
        with _modules_of(Path(root)):
            return load_target(target)
    if ":" not in target:
        return _registered(target)
    place, _, attribute = target.rpartition(":")
    module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    return _attribute(module, attribute, target)


@contextlib.contextmanager
def _modules_of(root: Path) -> Iterator[None]:
    theirs = {entry.stem for entry in root.iterdir() if entry.suffix in ("", ".py")}
    theirs |= {entry.stem for entry in (root / "src").glob("*")}
    theirs -= {"lstm_bench"}  # the harness judges and measures, whatever the tree holds
    kept = {name: m for name, m in sys.modules.items() if name.partition(".")[0] in theirs}
    path, cwd = list(sys.path), os.getcwd()
    for name in kept:
        del sys.modules[name]
    sys.path[:0] = [str(root), str(root / "src")]
    os.chdir(root)
    try:
        yield
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] in theirs]:
            del sys.modules[name]
        sys.modules.update(kept)
        sys.path[:] = path
        os.chdir(cwd)


def _registered(name: str) -> Any:
    known = implementations()
    if name not in known:
        hint = _did_you_mean(name, list(known)) or f"choose from {', '.join(known)}"
        form = "or give package.module:Class or path/file.py:Class"
        raise CannotLoad(f"no implementation is registered as '{name}'; {hint}, {form}")
    reason = known[name].unavailable()
    if reason is not None:
        raise CannotLoad(f"implementation '{name}' is not available here: {reason}")
    return known[name].load()


def _import_module(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: modules beside the caller are found
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise CannotLoad(f"cannot import {name}: {describe(error)}") from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise CannotLoad(f"no such file: {path}")
    name = f"_lstm_bench_target_{path.stem}_{abs(hash(path.resolve()))}"
    if name in sys.modules:
        return sys.modules[name]
    sys.path.insert(0, str(path.resolve().parent))  # its neighbours are importable, as in a script
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CannotLoad(f"cannot import {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickle and dataclasses look a class's module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise CannotLoad(f"cannot import {path}: {describe(error)}") from error
    return module


def _attribute(module: ModuleType, dotted: str, target: str) -> Any:
    found: Any = module
    for name in dotted.split("."):
        if not hasattr(found, name):
            public = [n for n in vars(found) if not n.startswith("_")]
            hint = _did_you_mean(name, public) or "check the spelling"
            raise CannotLoad(f"{target}: there is no attribute '{name}'; {hint}")
        found = getattr(found, name)
    if not callable(found):
        raise CannotLoad(f"{target} is a {type(found).__name__}, not a class or a factory")
    return found


def _did_you_mean(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(repr(c) for c in close)}?" if close else ""


def describe(error: BaseException) -> str:
    """An exception in one line: type, first line, and the place of a syntax error."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError in line {error.lineno}: {error.msg}"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
