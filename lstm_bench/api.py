"""The two calls for others' code: judge an LSTM, or make every check a test of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstm_bench.conformance import checks  # noqa: F401 - registers them
from lstm_bench.conformance.judge import Options, judge, judge_factory
from lstm_bench.conformance.records import Judgement, Status
from lstm_bench.conformance.registry import Check, run_check, select
from lstm_bench.errors import UsageError
from lstm_bench.subject import Subject
from lstm_bench.subject.load import load_target
from lstm_bench.subject.subject import subject_from


def check(target: Any, *, isolated: bool = False, **options: Any) -> Judgement:
    """Judge an LSTM: a class, a factory, or a name as on the command line.

    isolated: in a process of its own, for code that may hang or crash (names only). options:
    the fields of :class:`lstm_bench.conformance.judge.Options` (kwargs, only, skip, expected,
    strict, seed). Raises UsageError where the options themselves are wrong.
    """
    asked = Options(**options)
    if not isinstance(target, str):
        if isolated:
            raise UsageError("only a target given by name can be judged in a process of its own")
        return judge_factory(target, _name(target), asked)
    if isolated:
        from lstm_bench.conformance.isolate import judge_isolated

        return judge_isolated(target, asked)
    return judge(target, asked)


def parametrize_with_checks(
    targets: Sequence[Any],
    *,
    expected_failures: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    **kwargs: Any,
) -> Callable[[Any], Any]:
    """A decorator that makes every check on every target a test::

        @parametrize_with_checks([MyLSTM])
        def test_my_lstm(lstm_check):
            lstm_check()

    expected_failures: check name → reason; strict, so one that passes fails its test. kwargs go
    to the constructors. Warnings are shown as such and pass; skips say why.
    """
    import pytest

    expected = dict(expected_failures or {})
    chosen = select(only, skip)
    unknown = set(expected) - {c.name for c in select()}
    if unknown:
        raise UsageError(f"expected_failures: no check is called '{sorted(unknown)[0]}'")
    cases = []
    for target in targets:
        opened = _Opened(target, kwargs)
        for one in chosen:
            marks = []
            if one.name in expected:
                marks.append(pytest.mark.xfail(reason=expected[one.name], strict=True))
            case = _Case(opened, one)
            cases.append(pytest.param(case, id=f"{_name(target)}-{one.name}", marks=marks))
    return pytest.mark.parametrize("lstm_check", cases)


class _Opened:
    """A target, probed once, when its first check runs."""

    def __init__(self, target: Any, kwargs: Mapping[str, Any]) -> None:
        self._target = target
        self._kwargs = kwargs
        self._subject: Subject | None = None

    def subject(self) -> Subject:
        if self._subject is None:
            named = isinstance(self._target, str)
            factory = load_target(self._target) if named else self._target
            self._subject = subject_from(factory, _name(self._target), **self._kwargs)
        return self._subject


class _Case:
    """One check on one target; called by the test."""

    def __init__(self, opened: _Opened, one: Check) -> None:
        self._opened = opened
        self._check = one

    def __call__(self) -> None:
        run_case(self._check, self._opened.subject())


def run_case(one: Check, subject: Subject) -> None:
    """Run a check inside a pytest test: fail, skip or warn as it ends."""
    import warnings

    import pytest

    result = run_check(one, subject)
    if result.status in (Status.FAIL, Status.ERROR, Status.INCONCLUSIVE):
        script = f"\n\nTo reproduce:\n\n{result.script}" if result.script else ""
        pytest.fail(f"{result.name}: {result.message}{script}", pytrace=False)
    if result.status in (Status.SKIPPED, Status.UNSUPPORTED):
        pytest.skip(result.message)
    if result.status is Status.WARNING:
        warnings.warn(LSTMWarning(f"{result.name}: {result.message}"), stacklevel=2)


class LSTMWarning(UserWarning):
    """Right, but short of what a good module does."""


def _name(target: Any) -> str:
    if isinstance(target, str):
        return target
    return str(getattr(target, "__qualname__", None) or getattr(target, "__name__", repr(target)))
