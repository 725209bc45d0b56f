"""The two sides of a comparison: which code, from which tree.

A side's code is only ever run in forked processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lstm_bench.subject import Subject
from lstm_bench.subject.load import load_target
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

    def open(self, number: int, *, head: bool = True) -> Subject:
        """The same, probed. Registered ones can go without their output layer."""
        target = self.targets[number]
        kwargs = {} if ":" in target else {"head": head}
        return subject_from(self.load(number), target, **kwargs)
