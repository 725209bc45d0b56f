"""Two trees of one repository side by side: a commit, and what lies in the working tree.

Both are plain folders. The commit's files are written by ``git read-tree`` with an index of its
own, not by ``git worktree add``: no hook of the repository runs, nothing is entered under
``.git``, and so nothing can be left behind there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lstm_bench import scratch
from lstm_bench.errors import UsageError
from lstm_bench.git import git, line_of, names_of

HEADERS = ("run.json", "plan.json")
"""What a folder of this harness's begins with."""

_GITLINK = "160000"
"""git's mode of a submodule in a tree."""


def top(folder: Path) -> Path:
    """The repository's root. Raises UsageError outside of one, and in a bare one."""
    if git(folder, "rev-parse", "--is-bare-repository").strip() == "true":
        raise UsageError(f"{folder.resolve()} is a bare repository: there is no working tree")
    return Path(line_of(git(folder, "rev-parse", "--show-toplevel")))


def commit(folder: Path, ref: str) -> str:
    """The commit that a ref names. Raises UsageError where there is none."""
    wanted = f"{ref}^{{commit}}"
    try:
        return line_of(git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted))
    except UsageError:
        raise UsageError(f"git knows no commit '{ref}' in {folder}{_hint(folder)}") from None


def _hint(folder: Path) -> str:
    if not git(folder, "rev-list", "--all", "--max-count=1").strip():
        return ": it has no commits yet"
    if git(folder, "rev-parse", "--is-shallow-repository").strip() == "true":
        return ": it is a shallow clone, fetch the commit first"
    return ""


@contextlib.contextmanager
def side_by_side(repository: Path, ref: str) -> Iterator[tuple[Path, Path]]:
    """(the commit's tree, a copy of the working tree), in folders whose paths are equally long.

    The copy holds what git tracks and what it does not ignore, as it is now: editing on while
    the gate runs does no harm. Submodules that are checked out come along. Both are gone
    afterwards; what a killed run left is removed by the next.
    """
    repository = repository.resolve()
    found = commit(repository, ref)
    with _room(repository) as parent:
        before, now = parent / "a", parent / "b"
        with _told():
            _check_out(_Store.of(repository), found, before)
            _copy(repository, now)
            for tree in (before, now):
                _turn_links(tree, repository)
        yield before, now


def digest(tree: Path) -> str:
    """Of the names and contents of a tree's files: equal for trees that hold the same.

    What this harness has put there, a comparison that is resumed above all, does not count.
    """
    found = hashlib.sha256()
    entries = list(tree.rglob("*"))
    outputs = [path.parent for path in entries if path.name in HEADERS and _is_output(path)]
    files = (path for path in entries if path.is_file() or path.is_symlink())
    for file in sorted(path for path in files if not any(map(path.is_relative_to, outputs))):
        content = os.readlink(file).encode() if file.is_symlink() else file.read_bytes()
        name = str(file.relative_to(tree)).encode(errors="surrogateescape")
        found.update(b"%d %d " % (len(name), len(content)) + name + content)
    return found.hexdigest()


def _is_output(header: Path) -> bool:
    try:
        form = json.loads(header.read_bytes())["format"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return str(form).startswith("lstm-bench ")


@contextlib.contextmanager
def _room(repository: Path) -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        with _told():
            parent = stack.enter_context(scratch.folder({scratch.REPOSITORY: str(repository)}))
        yield parent


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What the disk refuses is one line."""
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise UsageError(f"the two trees cannot be made: {error.strerror}{where}") from error


# -- a commit ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Store:
    """Where git keeps a repository's objects, and the folder it is checked out in."""

    path: Path
    checkout: Path

    @classmethod
    def of(cls, folder: Path) -> _Store:
        return cls(Path(line_of(git(folder, "rev-parse", "--absolute-git-dir"))), folder)

    def submodule(self, place: str) -> _Store | None:
        """A submodule's, as far as it is on this machine; the network is not asked."""
        folder = self.checkout / place
        if (folder / ".git").exists():
            return _Store.of(folder)
        common = self.path / _text(self.path / "commondir")  # a linked worktree's
        for kept in (self.path / "modules" / place, common / "modules" / place):
            if kept.is_dir():  # one that the working tree has no more
                return _Store(kept, folder)
        return None

    def ask(self, tree: Path, *arguments: str, index: Path | None = None) -> str:
        """What git prints about this repository, for a tree elsewhere."""
        return git(tree, f"--git-dir={self.path}", f"--work-tree={tree}", *arguments, index=index)


def _check_out(store: _Store, found: str, to: Path) -> None:
    """A commit's files. Raises UsageError where a submodule's commit is not on this machine."""
    to.mkdir(exist_ok=True)
    index = to.parent / f"{to.name}.index"
    store.ask(to, "read-tree", "--reset", "-u", "--no-recurse-submodules", found, index=index)
    index.unlink(missing_ok=True)
    for place, wanted in _submodules(store, found, to).items():
        inside = store.submodule(place)
        if inside is None:
            continue  # not checked out here, so that the working tree does not have it either
        try:
            inside.ask(to, "cat-file", "-e", f"{wanted}^{{commit}}")
        except UsageError:
            raise UsageError(
                f"submodule {place} is at {wanted[:9]} in that commit, which is not on this "
                f"machine: fetch it first (git -C {place} fetch)"
            ) from None
        _check_out(inside, wanted, to / place)


def _submodules(store: _Store, found: str, tree: Path) -> dict[str, str]:
    """The submodules of a commit: where they lie, and the commit of each."""
    listed = names_of(store.ask(tree, "ls-tree", "-rz", found))
    entries = [(facts.split(), place) for facts, _, place in (e.partition("\t") for e in listed)]
    return {place: facts[2] for facts, place in entries if facts[0] == _GITLINK}


# -- the working tree ----------------------------------------------------------------------------


def _copy(repository: Path, to: Path) -> None:
    """What git tracks and does not ignore; submodules and repositories inside alike."""
    to.mkdir(exist_ok=True)
    listed = git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in dict.fromkeys(names_of(listed)):
        source, target = repository / name, to / name
        if source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(os.readlink(source))
        elif source.is_file():  # one that is deleted in the working tree is not there
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        elif (source / ".git").exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(source, target)


def _turn_links(tree: Path, repository: Path) -> None:
    """Let links mean in a tree what they mean in the repository.

    One into the repository leads to the same place in this tree, and one out of it to where it
    led, however it is written.
    """
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            link = Path(folder, name)
            if link.is_symlink():
                _turn(link, repository / link.relative_to(tree), tree, repository)


def _turn(link: Path, original: Path, tree: Path, repository: Path) -> None:
    written = os.readlink(link)
    goal = Path(os.path.normpath(original.parent / written))
    inside = goal.is_relative_to(repository)
    if inside != os.path.isabs(written):
        return
    link.unlink()
    link.symlink_to(tree / goal.relative_to(repository) if inside else goal)


def _text(file: Path) -> str:
    return file.read_text().strip() if file.is_file() else "."
