"""git, asked about one folder. No hook runs, and none that asks is taken for the folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lstm_bench.errors import UsageError

_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
"""What git sets for a hook, and would take for the repository everywhere."""


def git(folder: Path, *arguments: str, index: Path | None = None) -> str:
    """What git prints in a folder. Raises UsageError with the line that says why it failed.

    index: a file for git's index in place of the repository's own.
    """
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
    try:
        done = subprocess.run(
            [*command, "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, check=True, env=_environment(index),
        )  # fmt: skip
    except FileNotFoundError:
        raise UsageError("git is not installed: a ref cannot be compared with") from None
    except subprocess.CalledProcessError as error:
        name = next(a for a in arguments if not a.startswith("-"))
        raise UsageError(f"git {name}: {_reason(os.fsdecode(error.stderr))}") from None
    return os.fsdecode(done.stdout)


def line_of(output: str) -> str:
    """A one-line answer without its end of line."""
    return output.removesuffix("\n")


def names_of(output: str) -> list[str]:
    """The entries of an answer to ``-z``."""
    return [name for name in output.split("\0") if name]


def ignores(repository: Path, file: str) -> bool:
    """Whether git ignores a file of a working tree. What it tracks it does not ignore."""
    try:
        git(repository, "check-ignore", "--quiet", "--", file)
    except UsageError:
        return False
    return True


def ignores_all(repository: Path, folder: str) -> bool:
    """Whether git ignores a folder, and tracks nothing in it all the same."""
    return ignores(repository, folder) and not git(repository, "ls-files", "--", folder)


def _environment(index: Path | None) -> Mapping[str, str]:
    found = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    found["LC_ALL"] = "C"
    return found if index is None else {**found, "GIT_INDEX_FILE": str(index)}


def _reason(stderr: str) -> str:
    lines = stderr.strip().splitlines()
    told = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return (told or lines[-1:] or ["failed"])[0].removeprefix("fatal: ").removeprefix("error: ")
