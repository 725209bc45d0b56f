"""Whose module a name means: the harness's own, a stranger's, or that of one tree of a repository.

What a target's folder has takes the place of what the harness (or an earlier target) imported
under the same name, and stays there: a stranger's functions import more when they are called,
and pickle looks classes up by name. The harness has imported all of its own by then, and finds
its ``impls`` by where it lies (:mod:`lstm_bench.own`).

For a tree of a repository, in a process of its own, whatever Python would take from the
repository's working tree (by ``sys.path``, a ``.pth`` file or an editable install's finder) comes
from the same place in the tree, or is not found. :func:`strays` proves it afterwards.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

from lstm_bench import own, scratch
from lstm_bench.git import ignores, ignores_all

_ONCE = {"__main__", "__mp_main__", "lstm_bench", "torch", "numpy"}
"""What no folder replaces: the harness, and what cannot be imported twice."""

_FIXED = _ONCE | sys.stdlib_module_names
"""What a folder replaces only by the package that the target itself lies in."""

_brought: set[str] = set()
"""Top-level names that targets' folders have put into sys.modules."""

_CODE = (
    *importlib.machinery.all_suffixes(),
    ".c", ".cc", ".cpp", ".cxx", ".cu", ".cuh", ".h", ".hpp", ".hip", ".metal", ".ptx",
)  # fmt: skip
"""How files of code end: executed without being imported, say, or handed to a compiler."""

_opened: set[str] = set()
"""Such files that this process has opened since it entered a tree."""


# -- a stranger's folder -------------------------------------------------------------------------


def beside(folder: Path, package: str | None = None) -> None:
    """Let imports find what lies in a folder first, as a script in it would.

    package: the target's own top-level name, which means what the folder has under it.
    """
    importlib.invalidate_caches()
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))
    ours = {name for name in own.NAMES if name not in sys.modules or own.is_ours(name)}
    _make_way((ours | _brought) - _FIXED, [str(folder)])
    if package is not None:
        prefer(package, [str(folder)])


def last(folder: Path) -> None:
    """Let imports find what lies in a folder where it is found nowhere else."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def prefer(package: str, entries: Sequence[str]) -> None:
    """Let a target's top-level name mean what is found under it, not what is imported already."""
    _make_way({package} - _ONCE, entries)


def brought(before: Iterable[str]) -> None:
    """Remember what a target's import has put into sys.modules since."""
    _brought.update({name.partition(".")[0] for name in set(sys.modules) - set(before)})


def _make_way(names: Iterable[str], entries: Sequence[str]) -> None:
    """Forget modules under these names for which the folders have others."""
    for name in names:
        spec = PathFinder.find_spec(name, entries)
        if spec is None or _is_loaded_from(spec):
            continue
        if spec.origin is not None:
            forget(name)
        elif name in own.NAMES:  # without an __init__.py: ours would go before it
            forget(name)
            sys.modules[name] = importlib.util.module_from_spec(spec)


def _is_loaded_from(spec: ModuleSpec) -> bool:
    module = sys.modules.get(spec.name)
    found = getattr(module, "__spec__", None)
    if found is None:
        return False
    if spec.origin is None:
        return found.origin is None and _places(found) == _places(spec)
    return found.origin is not None and _real(found.origin) == _real(spec.origin)


def forget(name: str) -> None:
    """Take a package and all of its modules out of sys.modules; the harness keeps its own."""
    if name == "impls":
        own.set_aside()
    for found in [n for n in sys.modules if n.partition(".")[0] == name]:
        del sys.modules[found]


# -- a tree of a repository ----------------------------------------------------------------------


def enter(root: Path, repository: Path | None) -> None:
    """From now on this process's imports come from a tree; for a process of its own.

    repository: whose tree it is; what is imported from its working tree comes from the tree.
    """
    if any(isinstance(f, _FromTree) and f.root == root for f in sys.meta_path):
        return
    importlib.invalidate_caches()
    finder = _FromTree(root, repository)
    standing = finder.entry(os.getcwd()) if finder.is_theirs(os.getcwd()) else None
    entries = [standing, str(root), str(root / "src"), *map(finder.entry, filter(None, sys.path))]
    sys.path[:] = dict.fromkeys(filter(None, entries))
    own.set_aside()
    here = [entry for entry in sys.path if Path(entry).is_relative_to(root)]
    imported = {name.partition(".")[0] for name in sys.modules}
    _make_way({*own.NAMES, *imported} - _FIXED, here)
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        file = _file(module)
        if top not in _FIXED and file is not None and finder.is_theirs(file):
            forget(top)
    sys.meta_path.insert(0, finder)
    os.chdir(root)
    sys.addaudithook(_watch)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note files of code that are opened to be read, or loaded as libraries."""
    if event not in ("open", "ctypes.dlopen") or not isinstance(arguments[0], str):
        return
    if not arguments[0].endswith(_CODE):
        return
    mode = arguments[1] if event == "open" else None
    if not (isinstance(mode, str) and mode[:1] in "wax"):
        _opened.add(os.path.abspath(arguments[0]))


class _FromTree:
    """Finds in a tree what the other finders would take from the repository's working tree."""

    def __init__(self, root: Path, repository: Path | None) -> None:
        self.root = root
        self.repository = repository
        self._asked: set[str] = set()

    def is_theirs(self, file: str) -> bool:
        """Whether a path lies in the repository's working tree, and not among what is installed."""
        if self.repository is None or not os.path.isabs(file):
            return False
        real = _real(file)
        return _is_code_of(real, self.repository) and not real.is_relative_to(self.root)

    def counterpart(self, file: str) -> str:
        """The same place in the tree, for a path in the repository; others stay."""
        if self.repository is None or not self.is_theirs(file):
            return file
        return str(self.root / _real(file).relative_to(self.repository))

    def entry(self, entry: str) -> str | None:
        """An entry of sys.path, as it is to be for the tree; None for one to leave out."""
        moved = self.counterpart(entry)
        return moved if moved == entry or Path(moved).exists() else None

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the import system asks of a finder.

        Raises ModuleNotFoundError where the next finder would give the working tree's.
        """
        if name in self._asked or name.partition(".")[0] in _FIXED or self.repository is None:
            return None
        self._asked.add(name)
        try:
            found = self._others(name, path, target)
        finally:
            self._asked.remove(name)
        if found is not None and not any(map(self.is_theirs, _files_of(found))):
            return found
        if found is not None and (moved := self._moved(found)) is not None:
            return moved
        original = found or self._original(name, path)
        if original is not None and self._is_shared(original):
            return original
        if found is not None:
            raise ModuleNotFoundError(f"No module named {name!r} in this tree", name=name)
        return None

    def _others(self, name: str, path: Sequence[str] | None, target: Any) -> ModuleSpec | None:
        finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
        specs = (find(name, path, target) for find in finders if find is not None)
        return next((spec for spec in specs if spec is not None), None)

    def _original(self, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """What the repository's working tree has where the tree has nothing."""
        entries = [Path(e) for e in (sys.path if path is None else path) if e]
        inside = [e.relative_to(self.root) for e in entries if e.is_relative_to(self.root)]
        return PathFinder.find_spec(name, [f"{self.repository}/{place}" for place in inside])

    def _moved(self, spec: ModuleSpec) -> ModuleSpec | None:
        """The same module from the tree; None where the tree does not have it."""
        places = [place for place in map(self.counterpart, _places(spec)) if Path(place).is_dir()]
        if not spec.has_location or spec.origin is None:
            moved = ModuleSpec(spec.name, None, is_package=True)
            moved.submodule_search_locations = places
            return moved if places else None
        origin = self.counterpart(spec.origin)
        package = None if spec.submodule_search_locations is None else places
        if not Path(origin).is_file():
            return None
        return importlib.util.spec_from_file_location(
            spec.name, origin, submodule_search_locations=package
        )

    def _is_shared(self, spec: ModuleSpec) -> bool:
        """Whether both sides take the working tree's, since git ignores it: a generated version.

        What was compiled from their code must not be shared.
        """
        file, repository = spec.origin, self.repository
        return file is not None and repository is not None and _may_be_shared(file, repository)


@dataclass(frozen=True)
class Stray:
    """A module, or code under no module's name, that is not of the tree that is to be measured."""

    module: str
    file: str

    def __str__(self) -> str:
        what = f"module {self.module}" if self.module else "code"
        return f"{what} comes from {self.file}, not from this side's tree"


def repository_of(root: str | Path) -> Path | None:
    """The repository that a tree was made of, as the marker beside the tree says."""
    noted = scratch.note(Path(root), scratch.REPOSITORY)
    return Path(noted) if noted is not None else None


def stray_from(root: str | None) -> str | None:
    """A sentence on code that this process has imported from elsewhere than a tree, or None."""
    repository = repository_of(root) if root is not None else None
    if root is None or repository is None:
        return None
    found = strays(Path(root), repository)
    return str(found[0]) if found else None


def strays(root: Path, repository: Path) -> tuple[Stray, ...]:
    """What this process has imported of the repository, or of the other tree, instead of the tree.

    root: this side's tree; the other one lies beside it. Asked after a target was loaded, and
    again after it was used: functions import too. This harness and what git ignores are left out,
    but not what is compiled; nor what was installed from the repository by a copy.
    """
    root, copies, found = _real(str(root)), _installed_from(repository), []
    modules = list(sys.modules.items())
    for name, module in modules:
        top, file = name.partition(".")[0], _file(module)
        if file is None or top in ("lstm_bench", "__main__", "__mp_main__"):
            continue
        if _is_away(file, root, repository, is_copy=top in copies):
            found.append(Stray(name, file))
    named = {_file(module) for _, module in modules}
    for file in sorted(set(map(_source, list(_opened))) - named):
        if not own.has(file) and _is_away(file, root, repository, is_copy=False):
            found.append(Stray("", file))
    return tuple(found)


def _source(file: str) -> str:
    """The file that bytecode was made of; any other is its own."""
    try:
        return importlib.util.source_from_cache(file) if file.endswith(".pyc") else file
    except ValueError:
        return file


def not_from(root: Path, module: ModuleType) -> Stray | None:
    """The target's own module as a stray, where it does not come from the tree at all."""
    file = _file(module) or next(iter(_places(module.__spec__)), None)
    if file is not None and _real(file).is_relative_to(_real(str(root))):
        return None
    return Stray(module.__name__, file or "no file")


def _is_away(file: str, root: Path, repository: Path, *, is_copy: bool) -> bool:
    real = _real(file)
    if real.is_relative_to(root):
        return False
    if is_copy or real.is_relative_to(root.parent):
        return True
    return _is_code_of(real, repository) and not _may_be_shared(file, repository)


def _may_be_shared(file: str, repository: Path) -> bool:
    compiled = file.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
    if compiled:
        return False
    return _whole_folder(repository, os.path.dirname(file)) or ignores(repository, file)


_whole_folder = functools.cache(ignores_all)  # one question for all of a package's modules


# -- where modules lie ---------------------------------------------------------------------------


def _file(module: ModuleType) -> str | None:
    """A module's file; not by attribute, for some modules import when they are asked."""
    file = getattr(module, "__dict__", {}).get("__file__")
    return file if isinstance(file, str) and os.path.isabs(file) else None


def _places(spec: ModuleSpec | None) -> list[str]:
    """The folders in which a package's modules are looked for."""
    return list(getattr(spec, "submodule_search_locations", None) or [])


def _files_of(spec: ModuleSpec) -> list[str]:
    return [*([spec.origin] if spec.has_location and spec.origin else []), *_places(spec)]


def _is_code_of(real: Path, repository: Path) -> bool:
    """Whether a path lies in a working tree, and in no environment that lies in there too."""
    if not real.is_relative_to(repository):
        return False
    inside = real.relative_to(repository)
    if {"site-packages", "dist-packages"} & set(inside.parts):
        return False
    return not any(
        folder.is_relative_to(repository) and real.is_relative_to(folder)
        for folder in _folders_of_python()
    )


@functools.cache
def _folders_of_python() -> tuple[Path, ...]:
    folders = [sysconfig.get_path(n) for n in ("stdlib", "platstdlib", "purelib", "platlib")]
    return tuple({_real(folder) for folder in folders if folder})


def _installed_from(repository: Path) -> set[str]:
    """Top-level names that pip copied out of the repository: both sides would share them."""
    names: set[str] = set()
    for distribution in importlib.metadata.distributions():
        told = distribution.read_text("direct_url.json")
        if told and _copied_from(json.loads(told), repository):
            names |= {Path(f.parts[0]).name.partition(".")[0] for f in distribution.files or ()}
    return names


def _copied_from(told: dict[str, Any], repository: Path) -> bool:
    url = urlsplit(told.get("url", ""))
    if url.scheme != "file" or told.get("dir_info", {}).get("editable"):
        return False
    return _real(unquote(url.path)).is_relative_to(repository)


def _real(file: str) -> Path:
    if os.path.islink(file):
        return Path(os.path.realpath(file))
    return _real_folder(os.path.dirname(file)) / os.path.basename(file)


@functools.cache
def _real_folder(folder: str) -> Path:
    return Path(os.path.realpath(folder))
