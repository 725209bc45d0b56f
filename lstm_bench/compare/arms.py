"""The two sides of a comparison: which code, from which tree.

A side's code is only ever run in forked processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lstm_bench.subject import Subject
from lstm_bench.subject.load import load_target
from lstm_bench.subject.parcel import Parcel
from lstm_bench.subject.subject import subject_from


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
        """Variables of the processes that run a target."""
        return {}

    def wish_for_head(self, number: int, head: bool) -> bool | None:
        """Registered ones can go without their output layer; a stranger's is what it is."""
        return head if ":" not in self.targets[number] else None

    def open(self, number: int, *, head: bool = True) -> Subject:
        """The same, probed. Registered ones can go without their output layer."""
        target = self.targets[number]
        kwargs = {} if ":" in target else {"head": head}
        return subject_from(self.load(number), target, **kwargs)
