"""Why a target did not become a Subject. Each carries sentences for people, first cause first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lstm_bench.errors import UsageError


class Lack(StrEnum):
    """Why a target is not there: nothing has its name, or what has it fails, or only here."""

    MISSING = "missing"
    BROKEN = "broken"
    UNAVAILABLE = "unavailable"


class CannotLoad(UsageError):  # noqa: N818 - named for what was found
    """The target cannot be imported, found or constructed at all. lack: which of these it is."""

    def __init__(self, sentence: str, lack: Lack = Lack.BROKEN) -> None:
        super().__init__(sentence)
        self.lack = lack


@dataclass(frozen=True)
class Evidence:
    """What probing had in hand when it stopped, for whoever can make more of it.

    module: the constructed module; call(x (B, T, I), states) → its parts in canonical layout.
    """

    module: Any
    input_size: int
    hidden_size: int
    call: Callable[..., dict[str, Any]] | None = None


class ProbeError(Exception):
    """Probing ended without a Subject."""

    def __init__(self, *sentences: str, evidence: Evidence | None = None) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences
        self.evidence = evidence


class NotAnLSTM(ProbeError):  # noqa: N818 - named for what was found
    """Nothing about it behaves like a recurrent layer with two states."""


class Ambiguous(ProbeError):  # noqa: N818 - named for what was found
    """Several readings fit, or none does; says which option or adapter would settle it."""


class IsDefective(ProbeError):  # noqa: N818 - named for what was found
    """Broken in a way that shows before anything can be compared."""


class IsVariant(ProbeError):  # noqa: N818 - named for what was found
    """Another recurrence by design."""
