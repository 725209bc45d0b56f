"""A target's name becomes a Python object: a class, a factory, or a module that is built already.

Three spellings: a registered name (``torch_nn``), ``package.module:Attribute``, and
``path/to/file.py:Attribute``. A file that lies in a package is imported as a module of it, so that
its relative imports work, and its class is the one that others import.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from lstm_bench import own
from lstm_bench.errors import describe

with own.ours():
    from impls.registry import ENTRY_POINTS, Implementation, implementations

from lstm_bench.subject import imports
from lstm_bench.subject.errors import CannotLoad, Lack
from lstm_bench.subject.imports import repository_of


def load_target(target: str, root: str | None = None) -> Any:
    """The object that ``target`` names. Raises CannotLoad with one clear line.

    root: a tree to take its code from instead of what is installed or here; from then on all
    imports of this process come from there, so it is for a process of its own.
    """
    return find_target(target, root)[1]


def find_target(target: str, root: str | None = None) -> tuple[ModuleType, Any]:
    """The same, with the module that it was found in."""
    if root is not None:
        imports.enter(Path(root), repository_of(root))
    if ":" not in target:
        return _registered(target, root)
    place, _, attribute = target.rpartition(":")
    before = set(sys.modules)
    if place.endswith(".py"):
        module = _import_file(Path(root or "", place), place, Path(root) if root else None)
    else:
        package = place.partition(".")[0]
        if root is None:
            imports.beside(Path.cwd(), package)  # as `python -m` finds modules
        else:
            imports.prefer(package, _entries(root))
        module = _import(place)
    imports.brought(before)
    return module, _attribute(module, attribute, target)


# -- registered ones -----------------------------------------------------------------------------


def registered_in(root: str) -> tuple[str, ...]:
    """The registered names whose code lies in a tree. For a process of its own.

    A tree of this project has a registry of its own; elsewhere, entry points count.
    """
    imports.enter(Path(root), repository_of(root))
    known = _registry(root)
    return tuple(name for name, one in known.items() if _lies_in(root, _place(one)[0]))


def _registered(name: str, root: str | None) -> tuple[ModuleType, Any]:
    known = _registry(root)
    if name not in known:
        hint = _did_you_mean(name, list(known)) or f"choose from {', '.join(known)}"
        form = "or give package.module:Class or path/file.py:Class"
        raise CannotLoad(
            f"no implementation is registered as '{name}'; {hint}, {form}", Lack.MISSING
        )
    place, attribute = _place(known[name])
    try:
        with contextlib.nullcontext() if _lies_in(root, place) else own.ours():
            module = _import(place)
        factory = _attribute(module, attribute, f"{place}:{attribute}")
    except CannotLoad as error:
        sentence = f"implementation '{name}' is not available here: {error}"
        raise CannotLoad(sentence, error.lack) from error
    unavailable = getattr(factory, "unavailable", None)
    reason = unavailable() if callable(unavailable) else None
    if reason is not None:
        sentence = f"implementation '{name}' is not available here: {reason}"
        raise CannotLoad(sentence, Lack.UNAVAILABLE)
    return module, factory


def _registry(root: str | None) -> Mapping[str, Implementation]:
    """A tree's own registry, where it is of this kind; else this harness's."""
    if root is None or not _lies_in(root, "impls.registry"):
        return implementations()
    try:
        theirs = _import("impls.registry")
    except CannotLoad as error:
        if error.lack is Lack.MISSING:
            return implementations()
        raise
    if getattr(theirs, "ENTRY_POINTS", None) != ENTRY_POINTS:
        return implementations()
    found: Mapping[str, Implementation] = theirs.implementations()
    return found


def _place(known: Implementation) -> tuple[str, str]:
    place, _, attribute = known.location.partition(":")
    return place, attribute


def _lies_in(root: str | None, module: str) -> bool:
    """Whether a tree that was entered has the package that a module belongs to."""
    if root is None:
        return False
    return PathFinder.find_spec(module.partition(".")[0], _entries(root)) is not None


def _entries(root: str) -> list[str]:
    return [entry for entry in sys.path if Path(entry).is_relative_to(root)]


# -- modules and files ---------------------------------------------------------------------------


def _import(name: str) -> ModuleType:
    """A module by name. Raises CannotLoad."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        is_missing = f"{name}.".startswith(f"{error.name}.")
        lack = Lack.MISSING if is_missing else Lack.BROKEN
        raise CannotLoad(f"cannot import {name}: {describe(error)}", lack) from error
    except Exception as error:
        raise CannotLoad(f"cannot import {name}: {describe(error)}") from error


def _import_file(path: Path, named: str, top: Path | None) -> ModuleType:
    """A file's module: of its package, where it lies in one, else one that stands alone.

    top: the tree's root; no package reaches beyond it.
    """
    if not path.is_file():
        raise CannotLoad(f"no such file: {named}", Lack.MISSING)
    path = Path(os.path.abspath(path))
    folder, name = home_of(path, top)
    if folder == path.parent:
        return _alone(path, named)
    imports.beside(folder, name.partition(".")[0])
    imports.last(path.parent)  # many a module of a package finds its neighbours as a script does
    try:
        _import(name.rpartition(".")[0] or name)
    except CannotLoad as error:
        # A package whose __init__ needs what is not here may hold a file that does not.
        with contextlib.suppress(CannotLoad):
            return _alone(path, named)
        raise CannotLoad(f"{named}: {error}") from error
    return _of_package(name, path)


def home_of(path: Path, top: Path | None = None) -> tuple[Path, str]:
    """The folder that a file's package is imported from, and the module's full name.

    A folder belongs to the package while it has an __init__.py; without one (a namespace
    package) as far as the file's own relative imports reach.
    """
    reach = _reach(path)
    folder, names = path.parent, [path.stem]
    while (
        folder != top
        and folder.name.isidentifier()
        and ((folder / "__init__.py").is_file() or len(names) <= reach)
    ):
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names).removesuffix(".__init__")


def _reach(path: Path) -> int:
    """How many folders up the relative imports of a file reach."""
    try:
        with warnings.catch_warnings(action="ignore"):
            nodes = ast.walk(ast.parse(path.read_bytes()))
    except (SyntaxError, ValueError, RecursionError, OSError):
        return 0  # its import will tell
    return max((node.level for node in nodes if isinstance(node, ast.ImportFrom)), default=0)


def _of_package(name: str, path: Path) -> ModuleType:
    module = _import(name)
    found = getattr(module, "__file__", None)
    if found is None or not os.path.samefile(found, path):
        raise CannotLoad(f"{name} is not {path}, but {found or 'another module'}")
    return module


def _alone(path: Path, named: str) -> ModuleType:
    name = f"_lstm_bench_target_{path.stem}_{abs(hash(path.resolve()))}"
    if name in sys.modules:
        return sys.modules[name]
    imports.beside(path.parent)  # its neighbours are importable, as in a script
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CannotLoad(f"cannot import {named}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickle and dataclasses look a class's module up by name
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception):
            raise
        raise CannotLoad(f"cannot import {named}: {describe(error)}") from error
    return module


def _attribute(module: ModuleType, dotted: str, target: str) -> Any:
    found: Any = module
    for name in dotted.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            public = [n for n in vars(found) if not n.startswith("_")]
            hint = _did_you_mean(name, public) or "check the spelling"
            raise CannotLoad(
                f"{target}: there is no attribute '{name}'; {hint}", Lack.MISSING
            ) from None
        except Exception as error:  # a module may make its attributes as they are asked for
            raise CannotLoad(f"{target}: {describe(error)}") from error
    if not callable(found):
        raise CannotLoad(f"{target} is a {type(found).__name__}, not a class or a factory")
    return found


def _did_you_mean(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
