"""Two trees of one repository side by side: a commit, and what lies in the working tree."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lstm_bench.errors import UsageError


def top(folder: Path) -> Path:
    """The repository's root. Raises UsageError outside of one."""
    return Path(_git(folder, "rev-parse", "--show-toplevel"))


def commit(folder: Path, ref: str) -> str:
    """The commit that a ref names. Raises UsageError where there is none."""
    try:
        return _git(folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except UsageError:
        raise UsageError(f"git knows no commit '{ref}' in {folder}") from None


@contextlib.contextmanager
def side_by_side(repository: Path, ref: str) -> Iterator[tuple[Path, Path]]:
    """(the commit's tree, a copy of the working tree), in folders whose paths are equally long.

    The copy holds what git tracks and what it does not ignore, as it is now: editing on while
    the gate runs does no harm. Both are gone afterwards.
    """
    found = commit(repository, ref)
    parent = Path(tempfile.mkdtemp(prefix="lstm-bench-"))
    before, now = parent / "a", parent / "b"
    try:
        _git(repository, "worktree", "add", "--detach", "--quiet", str(before), found)
        _copy(repository, now)
        yield before, now
    finally:
        with contextlib.suppress(UsageError):
            _git(repository, "worktree", "remove", "--force", str(before))
        shutil.rmtree(parent, ignore_errors=True)
        with contextlib.suppress(UsageError):
            _git(repository, "worktree", "prune")


def _copy(repository: Path, to: Path) -> None:
    names = _git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    to.mkdir()
    for name in filter(None, names.split("\0")):
        source, target = repository / name, to / name
        if source.is_file():  # one that is deleted in the working tree is not there
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise UsageError("git is not installed: a ref cannot be compared with") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines()
        raise UsageError(f"git {arguments[0]}: {lines[-1] if lines else 'failed'}") from None
    return done.stdout.strip()
