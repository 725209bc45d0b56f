"""Is there such a target? Told from names and text alone: no line of a stranger's is run for it.

What is misspelt is told at once; whatever else may be wrong with a target is for the judge.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

from lstm_bench.errors import UsageError

ELSEWHERE = ("__getattr__", "globals", "setattr", "exec", "eval", "vars", "__dict__", "modules")
"""Where a file mentions one of these, its text does not tell which names it has."""


def refuse_missing(targets: Iterable[str]) -> None:
    """Raises UsageError on the first target that cannot be there."""
    from lstm_bench.subject.load import load_target

    for target in targets:
        place, colon, attribute = target.rpartition(":")
        if not colon:
            load_target(target)  # a registered one: known, and available here
        elif not place or not attribute:
            raise UsageError(f"'{target}' is neither package.module:Class nor path/file.py:Class")
        elif place.endswith(".py"):
            _in_file(Path(place), attribute)
        else:
            _in_package(place, target)


def _in_file(path: Path, attribute: str) -> None:
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its escapes: not ours to tell
            tree = ast.parse(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except SyntaxError as error:
        why = f"SyntaxError in line {error.lineno}: {error.msg}"
        raise UsageError(f"cannot import {path}: {why}") from None
    except (ValueError, RecursionError, MemoryError):
        return  # for the judge, who has a process to spare
    names, name = _names(tree), attribute.partition(".")[0]
    if names is not None and name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "check the spelling"
        raise UsageError(f"{path} has no '{name}': {hint}")


def _names(tree: ast.Module) -> set[str] | None:
    """Every name that the file binds anywhere; None where its text does not tell."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if node.id in ELSEWHERE:
                return None
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and node.attr in ELSEWHERE:
            return None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name in ELSEWHERE:
                return None
            names.add(node.name)
        elif isinstance(node, ast.alias):
            if node.name == "*":
                return None
            names.add((node.asname or node.name).partition(".")[0])
    return names


def _in_package(place: str, target: str) -> None:
    top = place.partition(".")[0]
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: modules beside the caller are found
    try:
        known = top in sys.modules or importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        known = False
    if not known:
        raise UsageError(f"{target}: there is no package '{top}' here")
