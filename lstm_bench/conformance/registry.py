"""Checks by name: plain functions that take a Subject and raise unless all is well."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lstm_bench.conformance.records import CLASSES, CheckResult, Outcome, Status, Told
from lstm_bench.errors import UsageError, describe
from lstm_bench.subject import Subject
from lstm_bench.subject.probe import safely

CheckFunction = Callable[[Subject], Mapping[str, str] | None]
"""What it returns are facts that were found, by the name of what they are about."""


@dataclass(frozen=True)
class Check:
    """A named check. ``opt_in``: too slow for every day (torch.compile), run when named."""

    name: str
    check_class: str
    function: CheckFunction
    opt_in: bool = False

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]


CHECKS: dict[str, Check] = {}


def check(check_class: str, *, opt_in: bool = False) -> Callable[[CheckFunction], CheckFunction]:
    """Register ``check_<name>``, a plain function that stays callable without any runner."""
    assert check_class in CLASSES, check_class

    def register(function: CheckFunction) -> CheckFunction:
        name = function.__name__.removeprefix("check_")
        assert name not in CHECKS, f"two checks are called {name}"
        CHECKS[name] = Check(name, check_class, function, opt_in)
        return function

    return register


def select(only: Iterable[str] = (), skip: Iterable[str] = ()) -> list[Check]:
    """The checks to run, causes before consequences. Names may be of checks or of classes.

    Raises UsageError for a name that is neither: a misspelt check must not pass by not running.
    """
    only, skip = tuple(only), tuple(skip)
    for name in (*only, *skip):
        if name not in CHECKS and name not in CLASSES:
            raise UsageError(f"no check or class of checks is called '{name}'")
    ordered = sorted(CHECKS.values(), key=lambda c: CLASSES.index(c.check_class))
    wanted = [c for c in ordered if _named(c, only) or (not only and not c.opt_in)]
    return [c for c in wanted if not _named(c, skip)]


def _named(check: Check, names: tuple[str, ...]) -> bool:
    return check.name in names or (check.check_class in names and not check.opt_in)


def run_check(check: Check, subject: Subject) -> CheckResult:
    """Run one check. A subject's exception on legal input is a failure, told as such."""
    started = time.perf_counter()
    status, message, script, is_cause = Status.PASS, "", None, False
    facts: Mapping[str, str] = {}
    try:
        with contextlib.nullcontext() if check.opt_in else safely():
            facts = check.function(subject) or {}
    except Outcome as outcome:
        status, message, script = outcome.status, outcome.message, outcome.script
        facts = outcome.facts
        is_cause = isinstance(outcome, Told)
    except Exception as error:
        status, message = Status.FAIL, f"raised {describe(error)}"
    seconds = time.perf_counter() - started
    return CheckResult(
        check.name, check.check_class, status, message, script, seconds, is_cause, facts
    )
