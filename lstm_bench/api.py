"""The two calls for others' code: judge an LSTM, or make every check a test of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lstm_bench.conformance.isolate import CheckWorker, Limits, judge_isolated, name_of, parcel_of
from lstm_bench.conformance.records import CheckResult, Judgement, Options, Status
from lstm_bench.errors import UsageError
from lstm_bench.lab.worker import WorkerError


def check(
    target: Any,
    *,
    here: bool = False,
    time_limit: float = 120.0,
    memory_limit: float = 4.0,
    **options: Any,
) -> Judgement:
    """Judge an LSTM: a class, a factory, or a name as on the command line.

    It runs in a process of its own, with limits (seconds, GiB): whatever it does, a judgement
    comes back. here: in this very process instead, for debuggers and coverage; a crash, a hang or
    an exit is then this process's. options: the fields of
    :class:`lstm_bench.conformance.records.Options` (kwargs, only, skip, expected, strict, seed).
    Raises UsageError where the options are wrong, or the target cannot be handed over.
    """
    asked = Options(**options)
    if not here:
        from lstm_bench.measure.confirm import confirmed

        limits, parcel = Limits(time_limit, memory_limit), parcel_of(target, asked.kwargs)
        return confirmed(judge_isolated(parcel, asked, limits), parcel, asked, limits)
    from lstm_bench.conformance.judge import judge, judge_factory

    if isinstance(target, str):
        return judge(target, asked)
    return judge_factory(target, name_of(target), asked)


def parametrize_with_checks(
    targets: Sequence[Any],
    *,
    expected_failures: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    here: bool = False,
    **kwargs: Any,
) -> Callable[[Any], Any]:
    """A decorator that makes every check on every target a test::

        @parametrize_with_checks([MyLSTM])
        def test_my_lstm(lstm_check):
            lstm_check()

    expected_failures: check name → reason; strict, so one that passes fails its test. kwargs go
    to the constructors. Each target has a process of its own; here: run in the test's own process
    instead. Warnings are shown as such and pass; skips say why.
    """
    import pytest

    from lstm_bench.conformance import checks  # noqa: F401 - registers them
    from lstm_bench.conformance.registry import select

    expected = dict(expected_failures or {})
    chosen = select(only, skip)
    unknown = set(expected) - {c.name for c in select()}
    if unknown:
        raise UsageError(f"expected_failures: no check is called '{sorted(unknown)[0]}'")
    cases = []
    for target in targets:
        opened = Opened(target, kwargs, here=here)
        for one in chosen:
            marks = []
            if one.name in expected:
                marks.append(pytest.mark.xfail(reason=expected[one.name], strict=True))
            case = partial(run_case, one.name, opened)
            cases.append(pytest.param(case, id=f"{name_of(target)}-{one.name}", marks=marks))
    return pytest.mark.parametrize("lstm_check", cases)


class Opened:
    """A target whose checks are asked for one by one; opened when the first of them is."""

    def __init__(self, target: Any, kwargs: Mapping[str, Any], *, here: bool = False) -> None:
        self._target, self._kwargs, self._here = target, kwargs, here
        self._run: Callable[[str], CheckResult] | None = None
        self._worker: CheckWorker | None = None

    def check(self, name: str) -> CheckResult:
        """The result of one check. Raises UsageError where the target cannot be opened."""
        if self._run is None:
            self._run = (
                _in_this_process(self._target, self._kwargs) if self._here else self._apart()
            )
        return self._run(name)

    def _apart(self) -> Callable[[str], CheckResult]:
        self._worker = CheckWorker(self._target, self._kwargs)
        return self._worker.check

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()


def _in_this_process(target: Any, kwargs: Mapping[str, Any]) -> Callable[[str], CheckResult]:
    from lstm_bench.conformance.registry import CHECKS, run_check
    from lstm_bench.subject.load import load_target
    from lstm_bench.subject.subject import subject_from

    factory = load_target(target) if isinstance(target, str) else target
    subject = subject_from(factory, name_of(target), **kwargs)
    return lambda name: run_check(CHECKS[name], subject)


def run_case(name: str, opened: Opened) -> None:
    """Run a check inside a pytest test: fail, skip or warn as it ends."""
    import warnings

    import pytest

    try:
        result = opened.check(name)
    except WorkerError as error:
        pytest.fail(f"the target cannot be opened: {error}", pytrace=False)
    if result.status in (Status.FAIL, Status.ERROR, Status.INCONCLUSIVE):
        script = f"\n\nTo reproduce:\n\n{result.script}" if result.script else ""
        pytest.fail(f"{result.name}: {result.message}{script}", pytrace=False)
    if result.status in (Status.SKIPPED, Status.UNSUPPORTED):
        pytest.skip(result.message)
    if result.status is Status.WARNING:
        warnings.warn(LSTMWarning(f"{result.name}: {result.message}"), stacklevel=2)


class LSTMWarning(UserWarning):
    """Right, but short of what a good module does."""
