"""The pytest plugin: check an LSTM from the command line of one's own test run.

``pytest --lstm-check path/to/mine.py:MyLSTM`` adds one test for every check, beside whatever
else is collected. Without the option nothing is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lstm_bench.api import Opened


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lstm-bench", "LSTM checks and benchmarks")
    group.addoption(
        "--lstm-check",
        action="append",
        default=[],
        metavar="TARGET",
        help="add a test for every check on this LSTM (package.module:Class or file.py:Class)",
    )
    group.addoption(
        "--lstm-here",
        action="store_true",
        help="run it in this very process, for debuggers and coverage: a crash ends pytest",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lstm_check: a check of lstm-bench on an LSTM")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    targets = config.getoption("--lstm-check")
    if targets:
        _refuse_missing(targets)
    for target in targets:
        collector = _Target.from_parent(session, name=target)
        items.extend(collector.collect())


def _refuse_missing(targets: list[str]) -> None:
    """What is misspelt is one line, not a failure of every check."""
    from lstm_bench import own

    with own.ours():
        from lstm_bench.commands.targets import refuse_missing
        from lstm_bench.errors import UsageError
    try:
        refuse_missing(targets)
    except UsageError as error:
        raise pytest.UsageError(f"--lstm-check: {error}") from None


class _Target(pytest.Collector):
    """All checks of one target."""

    def collect(self) -> Iterator[Any]:
        from lstm_bench import own

        with own.ours():
            from lstm_bench.api import Opened
            from lstm_bench.conformance import checks  # noqa: F401 - registers them
            from lstm_bench.conformance.registry import select

        opened = Opened(self.name, {}, here=self.config.getoption("--lstm-here"))
        self.session.config.add_cleanup(opened.close)
        for one in select():
            yield _CheckItem.from_parent(self, name=one.name, target=self.name, opened=opened)


class _CheckItem(pytest.Item):
    """One check as a test."""

    def __init__(self, *, target: str, opened: Opened, **rest: Any) -> None:
        super().__init__(**rest)
        self._target = target
        self._opened = opened
        self.add_marker(pytest.mark.lstm_check)

    def runtest(self) -> None:
        from lstm_bench.api import run_case

        run_case(self.name, self._opened)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, f"lstm-check {self._target}::{self.name}"
