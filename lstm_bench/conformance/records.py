"""What flows through the room of judgement, as plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How one check ended."""

    PASS = "pass"
    FAIL = "fail"
    WARNING = "warning"
    """Right, but short of what a good module does; counts under ``--strict`` only."""
    INCONCLUSIVE = "inconclusive"
    UNSUPPORTED = "unsupported"
    """The subject says clearly that it does not do this (no double backward, say)."""
    SKIPPED = "skipped"
    """Does not apply (no state argument, say) or was not asked for."""
    ERROR = "error"
    """The check itself could not be carried out."""


class Verdict(StrEnum):
    """What is said of one target."""

    CONFORMS = "conforms"
    DEFECTIVE = "defective"
    VARIANT = "variant"
    INCONCLUSIVE = "inconclusive"
    UNSUPPORTED = "unsupported"
    ERROR = "error"


CLASSES = (
    "equations",
    "parameters",
    "state",
    "layout",
    "batch_time",
    "stack",
    "lengths",
    "gradients",
    "randomness",
    "validation",
    "dtype_device",
    "memory",
    "module",
    "numerics",
)
"""The failure classes, in the order in which checks run: causes before consequences."""


class Outcome(Exception):  # noqa: N818 - raised by a check to end with a status, not an error
    """Raised by a check that does not simply pass."""

    status: Status

    def __init__(
        self, message: str, script: str | None = None, *, facts: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.script = script
        """A stand-alone script that shows it, where the check has one."""
        self.facts = facts or {}
        """What was found on the way, by the name of what it is about."""


class Failed(Outcome):
    """Wrong: says what was got, what was expected, and where (step, row, unit)."""

    status = Status.FAIL


class Told(Failed):
    """Wrong, and the message is the cause itself: there is nothing more to be looked for."""


class Warned(Outcome):
    status = Status.WARNING


class Inconclusive(Outcome):
    status = Status.INCONCLUSIVE


class Unsupported(Outcome):
    status = Status.UNSUPPORTED


class Skipped(Outcome):
    status = Status.SKIPPED


@dataclass(frozen=True)
class Options:
    """What the caller asked for. kwargs: for the constructor; expected: check name → reason."""

    kwargs: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    expected: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    seed: int = 0
    root: str | None = None
    """The tree that the target's code comes from, where not from what is installed or here."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the target's process, where it has one of its own, beyond this one's."""


@dataclass(frozen=True)
class CheckResult:
    """One check on one subject. ``check_class`` is one of :data:`CLASSES`."""

    name: str
    check_class: str
    status: Status
    message: str = ""
    script: str | None = None
    seconds: float = 0.0
    is_cause: bool = False
    """Whether the message of a failure is its cause itself."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What was found, by the argument that it is about."""

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self)
        fields["class"] = fields.pop("check_class")
        return fields

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> CheckResult:
        """Raises KeyError, TypeError or ValueError on anything else."""
        script = fields["script"]
        return cls(
            str(fields["name"]), str(fields["class"]), Status(fields["status"]),
            str(fields["message"]), None if script is None else str(script),
            float(fields["seconds"]), bool(fields.get("is_cause", False)),
            {str(name): str(fact) for name, fact in dict(fields.get("facts", {})).items()},
        )  # fmt: skip


@dataclass(frozen=True)
class Judgement:
    """The verdict on one target and everything it rests on; what ``check --json`` writes."""

    target: str
    verdict: Verdict
    diagnosis: tuple[str, ...] = ()
    interface: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "verdict": str(self.verdict),
            "diagnosis": list(self.diagnosis),
            "interface": dict(self.interface),
            "checks": [check.as_json() for check in self.checks],
            "seconds": round(self.seconds, 3),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Judgement:
        """Raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            str(fields["target"]), Verdict(fields["verdict"]), tuple(map(str, fields["diagnosis"])),
            dict(fields["interface"]), tuple(map(CheckResult.from_json, fields["checks"])),
            float(fields["seconds"]),
        )  # fmt: skip
