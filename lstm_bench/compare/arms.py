"""The two sides of a comparison: which code, from which tree, and whether it is there.

A side's code is only ever run in forked processes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

from lstm_bench.errors import describe
from lstm_bench.scratch import caches
from lstm_bench.subject import imports
from lstm_bench.subject.errors import CannotLoad, Lack
from lstm_bench.subject.imports import repository_of
from lstm_bench.subject.load import find_target, load_target
from lstm_bench.subject.parcel import Parcel


class State(StrEnum):
    """Whether a side has a target. stray: its code, or a part of it, comes from elsewhere."""

    PRESENT = "present"
    MISSING = "missing"
    BROKEN = "broken"
    UNAVAILABLE = "unavailable"
    STRAY = "stray"


_OF_LACK = {
    Lack.MISSING: State.MISSING,
    Lack.BROKEN: State.BROKEN,
    Lack.UNAVAILABLE: State.UNAVAILABLE,
}


@dataclass(frozen=True)
class Availability:
    """A state, and where the target is not present a sentence that says why."""

    state: State
    reason: str = ""


@dataclass(frozen=True)
class Side:
    """Subjects of one side. root: the tree that their code comes from; None for what is here."""

    name: str
    targets: tuple[str, ...]
    root: str | None = None

    def load(self, number: int) -> Any:
        """The class or factory of one of its targets."""
        return load_target(self.targets[number], self.root)

    def parcel(self, number: int) -> Parcel:
        """A target as it travels to a process of its own."""
        return Parcel.of(self.targets[number], self.targets[number])

    def environment(self, number: int) -> dict[str, str]:
        """Variables of the processes that run a target: caches of its own, where it has a tree."""
        return {} if self.root is None else caches(Path(self.root).parent / self.key(number))

    def wish_for_head(self, number: int, head: bool) -> bool | None:
        """Registered ones can go without their output layer; a stranger's is what it is."""
        return head if ":" not in self.targets[number] else None

    def state_of(self, number: int) -> Availability:
        """Whether a target can be had from this side's tree. In a worker: it imports the target."""
        try:
            module, _ = find_target(self.targets[number], self.root)
        except CannotLoad as error:
            return Availability(_OF_LACK[error.lack], str(error))
        except SystemExit as left:
            reason = f"it calls sys.exit({left.code!r}) while it is imported"
            return Availability(State.BROKEN, reason)
        except Exception as error:  # its import may raise anything
            return Availability(State.BROKEN, describe(error))
        stray = self._stray(module) or self.stray()
        return Availability(State.STRAY, stray) if stray else Availability(State.PRESENT)

    def stray(self) -> str | None:
        """A sentence on code that this process has imported from anywhere but this side's tree.

        For a worker, after its target was loaded and again after it was used.
        """
        return imports.stray_from(self.root)

    def _stray(self, module: ModuleType) -> str | None:
        if self.root is None or repository_of(self.root) is None:
            return None
        found = imports.not_from(Path(self.root), module)
        return str(found) if found is not None else None

    def key(self, number: int) -> str:
        """A name for what is kept of one of its targets in files, such as compilers' caches.

        The same in every process; another one for each side, tree and target.
        """
        text = "\0".join((self.name, self.targets[number], self.root or ""))
        return f"{number}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def state_in(target: str, root: str | None) -> tuple[str, str]:
    """A target's state and the reason, for a process apart."""
    found = Side("", (target,), root).state_of(0)
    return str(found.state), found.reason
