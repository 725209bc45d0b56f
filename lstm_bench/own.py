"""The harness's own ``impls``, whatever else is called so.

Strangers have packages called ``impls`` too. What Python finds under that name stays theirs in a
process of theirs (their pytest, say), and while their target is imported and used; the harness
finds its own by where it lies, beside this package.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parent.parent
NAMES = ("impls", "bench", "tests")
"""What lies beside this package: the first is installed with it, the others in a checkout only."""

_IMPLS = NAMES[0]
_JUDGES = ("lstm_bench.subject", "lstm_bench.conformance")
"""What imports our ``impls`` in a process that runs a stranger's code."""
_aside: dict[str, ModuleType] = {}
"""Our ``impls`` and its submodules, while another ``impls`` is in sys.modules."""


def is_ours(name: str) -> bool:
    """Whether a module that is imported is one of what lies beside this package."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return False
    return any(Path(file).resolve().is_relative_to(HOME / name) for name in NAMES)


def has(file: str) -> bool:
    """Whether a file is the harness's own, or of its ``impls`` as it was imported for itself."""
    if Path(file).resolve().is_relative_to(HOME / "lstm_bench"):
        return True
    return any(getattr(module, "__file__", None) == file for module in _aside.values())


def namesakes() -> tuple[str, ...]:
    """The folders in which this process has packages of others that are called as ours are."""
    others = [sys.modules[name] for name in NAMES if name in sys.modules and not is_ours(name)]
    places = [place for module in others for place in getattr(module, "__path__", ())]
    return tuple(dict.fromkeys(str(Path(place).parent) for place in places))


def reserve() -> None:
    """``impls`` means this project's in this process, until a stranger's target is imported."""
    if not _in_place():
        _take(_IMPLS)
        _put()


@contextlib.contextmanager
def ours() -> Iterator[None]:
    """Within, ``impls`` means this project's. What the process calls so is put back after."""
    if _in_place():
        yield
        return
    theirs = _take(_IMPLS)
    _put()
    try:
        yield
    finally:
        if theirs or _another_is_found():
            set_aside()
            sys.modules.update(theirs)


def set_aside() -> None:
    """Leave the name ``impls`` to whoever imports it next.

    All of the harness that needs ours is imported before: it would get theirs later.
    """
    if _in_place():
        finish_imports()
        _aside.update(_take(_IMPLS))


@functools.cache
def finish_imports() -> None:
    """Import what judges and measures, once; in a parent, all of its workers profit."""
    for package in _JUDGES:
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, package + "."):
            importlib.import_module(module.name)


def _in_place() -> bool:
    return is_ours(_IMPLS)


def _another_is_found() -> bool:
    spec = PathFinder.find_spec(_IMPLS)
    return spec is not None and spec.origin != str(HOME / _IMPLS / "__init__.py")


def _take(name: str) -> dict[str, ModuleType]:
    """Take a package and what it holds out of sys.modules."""
    names = [n for n in sys.modules if n.partition(".")[0] == name]
    return {n: sys.modules.pop(n) for n in names}


def _put() -> None:
    sys.modules.update(_aside)
    _aside.clear()
    if _IMPLS in sys.modules:
        return
    folder = HOME / _IMPLS
    spec = importlib.util.spec_from_file_location(
        _IMPLS, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_IMPLS] = module
    spec.loader.exec_module(module)
