"""Hypothesis' profiles, and the one reason for which a test may be skipped.

``ci`` (the default) draws the same examples every time. ``--hypothesis-profile=long`` draws many,
other ones each time, and keeps those that fail.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci",
    derandomize=True,
    max_examples=15,
    deadline=None,  # a shared machine pauses when it likes
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", settings.get_profile("ci"), derandomize=False, max_examples=300)
settings.load_profile("ci")


@pytest.fixture
def taken_as_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's subjects are not judged by all checks first, which takes seconds a subject.

    Nor is the machine's limit measured, which takes seconds a run.
    """
    from lstm_bench.conformance.records import Judgement, Verdict
    from lstm_bench.measure import run

    def judge_each(targets, **_):
        return (Judgement(target, Verdict.CONFORMS) for target in targets)

    monkeypatch.setattr(run, "judge_each", judge_each)
    monkeypatch.setattr(run, "apart", lambda *_: {"gflops": 1e4, "gbytes": 1e2})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked ``cuda`` where there is no such device; they say so."""
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
