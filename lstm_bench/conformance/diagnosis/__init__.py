"""From behaviour to the first cause, by name.

A subject that fails is played through situations from plain to peculiar
(:mod:`~lstm_bench.conformance.diagnosis.scenes`). In the first one that is off, its result is
compared with that of a thousand mistakes (:mod:`lstm_bench.theory.mistakes`). The one that
agrees to the last digits is the explanation. Where none does, measuring narrows the fault down:
which gate alone, what its curve is, from which step or size on, which gradient.

Values come before gradients: a wrong equation makes every gradient wrong too.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import nn

from lstm_bench.conformance.diagnosis import gradients, values
from lstm_bench.conformance.diagnosis.habits import (
    habits,
    imprecise,
    rewritten,
    stale,
    strided,
    written,
)
from lstm_bench.conformance.diagnosis.names import broken_promise
from lstm_bench.conformance.records import CLASSES, CheckResult, Status
from lstm_bench.subject import Instance, Subject

MOST_SENTENCES = 4


def diagnose(subject: Subject, results: Sequence[CheckResult]) -> list[str]:
    """What is wrong with a subject, the first cause first; [] where nothing failed.

    results: of the checks that were run. Never raises: where experiments cannot be carried out,
    the first failing check's own message is the answer.
    """
    failed = _by_class([r for r in results if r.status == Status.FAIL])
    told = [r.message for r in failed if r.is_cause]
    failed = [r for r in failed if not r.is_cause]
    found = [f.sentence for f in getattr(subject, "findings", ()) if f.level == "fail"]
    if not failed and not found:
        return told
    causes = _experiments(subject) if failed else []
    # Which gate a part without effect is meant for, experiments know better than probing does.
    found = [said for said in found if not causes or _of_a_gate_in(said, causes)]
    kept = [cause for cause in causes if cause.startswith("an earlier call's copy")]
    found = [said for said in found if not (kept and said.endswith("any output or state"))]
    sentences = [*causes, *found]
    if not sentences:
        sentences = [f"{result.name}: {result.message}" for result in failed[:2]]
    return list(dict.fromkeys([*sentences, *told]))[:MOST_SENTENCES]


def _of_a_gate_in(finding: str, causes: Sequence[str]) -> bool:
    """Whether a finding that names a gate names one that the causes are about."""
    named = re.match("the (.*) ignores .* its part", finding)
    return named is None or any(named[1] in cause for cause in causes)


class Training(Subject):
    """The same subject, built in training mode."""

    @classmethod
    def of(cls, subject: Subject) -> Training:
        return cls(**{f.name: getattr(subject, f.name) for f in fields(subject)})

    def build(self, *sizes: int, **options: Any) -> Instance:
        instance = super().build(*sizes, **options)
        if isinstance(instance.module, nn.Module):
            instance.module.train()
        return instance


def _by_class(results: Sequence[CheckResult]) -> list[CheckResult]:
    return sorted(results, key=lambda result: CLASSES.index(result.check_class))


def _experiments(subject: Subject) -> list[str]:
    """The first experiment that has something to say."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sentences in _causes(subject):
            if sentences:
                return sentences
    return []


def _causes(subject: Subject) -> Iterator[list[str]]:
    for experiment in (
        imprecise,
        strided,
        rewritten,
        stale,
        written,
        _values,
        broken_promise,
        _gradients,
        habits,
        _late_values,
    ):
        try:
            yield experiment(subject)
        except Exception:  # a stranger's module may do anything; the checks' messages remain
            continue


def _values(subject: Subject) -> list[str]:
    played = values.first_wrong_scene(subject)
    if played is None:
        return []
    sentences = values.explain(subject, played)
    in_training = Training.of(subject)
    if values.first_wrong_scene(in_training) is None:
        sentences = [f"in eval() mode alone, not in train(): {s}" for s in sentences]
    return sentences


def _gradients(subject: Subject) -> list[str]:
    played = gradients.first_wrong_scene(subject)
    if played is None:
        return []
    sentences = gradients.explain(subject, played)
    if gradients.first_wrong_scene(Training.of(subject)) is None:
        sentences = [f"in eval() mode alone, not in train(): {s}" for s in sentences]
    return sentences


def _late_values(subject: Subject) -> list[str]:
    played = values.first_wrong_scene(subject, late=True)
    return [] if played is None else values.explain(subject, played)


__all__ = ["diagnose"]
