"""Small git repositories of strangers, and questions that are asked in a process apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lstm_bench.own import finish_imports
from tests.forked import apart

MINE = "class Mine:\n    side = '{side}'\n"
BEFORE, NOW = MINE.format(side="before"), MINE.format(side="now")


def git(folder, *arguments):
    """What git prints, with an identity and without this machine's settings."""
    settings = ("user.name=t", "user.email=t@example.org", "protocol.file.allow=always")
    options = [part for setting in settings for part in ("-c", setting)]
    done = subprocess.run(
        ["git", "-C", str(folder), *options, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
    )
    return done.stdout


def written(folder: Path, files: dict[str, str | None]) -> Path:
    """A folder with these files; those without a text are removed."""
    for name, text in files.items():
        file = folder / name
        if text is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    return folder


def repository(folder: Path, before: dict[str, str], now: dict[str, str | None]) -> Path:
    """A repository whose first commit holds some files, and whose working tree was edited since."""
    written(folder, before)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return written(folder, now)


def at(folder: Path, function, *arguments, path: list[Path] | None = None):
    """What a function returns in a process that stands in a folder.

    path: what goes first in sys.path, as PYTHONPATH and editable installs have it.
    """
    finish_imports()  # in every process apart otherwise

    def there():
        os.chdir(folder)
        sys.path[:0] = map(str, path or [])
        return function(*arguments)

    return apart(there)
