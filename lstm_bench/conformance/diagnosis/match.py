"""Which mistake explains a result? The one that gives the same, to the last digits."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance import reference
from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.diagnosis.scenes import PLAIN, Played, earlier, other_call, play
from lstm_bench.conformance.problem import Problem, Results
from lstm_bench.subject import Subject
from lstm_bench.theory.matching import Question, matching
from lstm_bench.theory.mistakes import IN_GRADIENTS, IN_VALUES, Mistake
from lstm_bench.theory.mistakes.backward import clipped_back, detached_before_last, detached_every
from lstm_bench.theory.mistakes.gates import cells
from lstm_bench.theory.mistakes.made import GATES
from lstm_bench.theory.mistakes.sequences import (
    clipped,
    frozen,
    leaks,
    reset_every,
    restart_every,
    times,
    truncated,
)

GRADIENT = "grad "


def explaining(played: Played, more: Iterable[Mistake] = ()) -> Mistake | None:
    """The likeliest mistake that gives what the subject gave: of these first, then of all."""
    known = IN_GRADIENTS if played.scene.gradients else IN_VALUES
    return one_explaining(played, itertools.chain(more, known))


def one_explaining(played: Played, mistakes: Iterable[Mistake]) -> Mistake | None:
    """The first of these mistakes that gives what the subject gave."""
    got = {p: t for p, t in played.got.items() if p.startswith(GRADIENT) == played.scene.gradients}
    if not got:
        return None
    limits = {name_of(part): played.limits[part] for part in got}

    def close(name: str, value: Tensor, expected: Tensor) -> bool:
        return relative_error(value, expected) <= limits[name]

    parts = [(name_of(part), value) for part, value in got.items()]
    return next(matching(mistakes, question(played), parts, close), None)


def name_of(part: str) -> str:
    """A part of the results as the theory calls it: ``grad b_f (in bias_hh)`` is ``b_f``."""
    return part.removeprefix(GRADIENT).split(" (")[0]


def question(played: Played) -> Question:
    """What the subject was asked, in float64, and what its call before left behind."""
    asked, parameters = played.exact, dict(played.exact.parameters.named())
    if played.scene.before is other_call:
        other = earlier(asked)
        left = reference.run(other.parameters, other.x, other.state)
        assert left.h is not None
        assert left.c is not None
        parameters |= {"left h": left.h, "left c": left.c}
    cotangents = None
    if played.scene.gradients:
        cotangents = {n: t for n, t in vars(asked.cotangents).items() if t is not None}
    return Question(parameters, asked.x, asked.state, cotangents)


def explaining_otherwise(played: Played) -> Mistake | None:
    """The first mistake that explains a scene if gates, or h and c, are called otherwise.

    For subjects so broken that probing mistook one for the other.
    """
    mistakes = [m for m in IN_VALUES if m.failure_class in ("state", "batch_time")]
    mistakes += cells()
    until = time.monotonic() + MOST_SECONDS
    for reading in _other_readings(played):
        found = one_explaining(reading, mistakes)
        if found is not None or time.monotonic() > until:
            return found
    return None


def _other_readings(played: Played) -> Iterator[Played]:
    """The same results under every exchange of gates, and of h and c."""
    got, p = played.got, played.problem.parameters
    readings = [got]
    if {"h", "c"} <= set(got):
        readings.insert(0, Results({**got, "h": got["c"], "c": got["h"]}))
    orders = sorted(
        itertools.permutations(range(4)), key=lambda o: sum(map(int.__ne__, o, range(4)))
    )
    for order in map(list, orders):
        permuted = Parameters(p.W[order], p.U[order], p.b[order], *(p.head or ()))
        problem = replace(played.problem, parameters=permuted)
        for reading in readings:
            yield replace(played, problem=problem, got=reading)


MOST_SECONDS = 1.5


# -- mistakes with a number or a value of the subject's own -------------------------------------


def read_off(subject: Subject, played: Played) -> Iterator[Mistake]:
    """Mistakes for which the scene or the subject itself supplies a number."""
    if played.scene.gradients:
        yield from after_steps_backward(played.problem.x.shape[1] - 1)
        for limit in GRADIENT_LIMITS:
            yield from clipped_back(limit)
        return
    if played.scene.before is other_call:
        yield from leaks()
    yield from _factors(played)
    yield from _clips(played.got, _highest(subject))


def _factors(played: Played) -> Iterator[Mistake]:
    """Results that are a multiple of what they should be, or are so after the first step."""
    for part, value in played.got.items():
        whole = _ratio(value, played.expected[part])
        if whole is not None:
            yield times(whole, {"y": "outputs"}.get(part, f"returned {part}"))
    if "y" in played.got and played.got["y"].shape == played.expected["y"].shape:
        first = _ratio(played.got["y"][:, :1], played.expected["y"][:, :1])
        if first is not None:
            yield times(first, "h'")


def _ratio(got: Tensor, expected: Tensor) -> float | None:
    """The one number by which every entry differs; None where there is none."""
    got = got.double()
    if got.shape != expected.shape or not bool((expected != 0).any()):
        return None
    ratio = float((got * expected).sum() / (expected * expected).sum())
    far = (got - ratio * expected).abs().max() > 1e-6 * expected.abs().max()
    return None if bool(far) or abs(ratio - 1) < 1e-5 else round(ratio, 9)


def after_steps(steps: int) -> list[Mistake]:
    """Mistakes in which something happens after so many steps."""
    states = (("h", "c"), ("h",), ("c",))
    resets = [reset_every(steps, which) for which in states]
    restarts = [restart_every(steps, which) for which in states]
    return [truncated(steps), frozen(steps), *resets, *restarts]


def after_steps_backward(steps: int) -> list[Mistake]:
    """Mistakes in which history is cut off after so many steps."""
    return [detached_every(steps), detached_before_last(steps)] if steps > 1 else []


USUAL_LIMITS = (
    0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 20, 25, 30, 32, 40, 50, 60, 64, 80, 88, 100,
)  # fmt: skip
GRADIENT_LIMITS = (0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


def _clips(got: Results, highest: Results) -> Iterator[Mistake]:
    """States clipped where a result has its largest entries, and gates at usual places.

    highest: the results where the cell state is made as large as it gets.
    """
    limits = {part: {_largest(r[part]) for r in (got, highest) if part in r} for part in "yhc"}
    for limit in sorted(limits["c"]) or USUAL_LIMITS:
        yield clipped(limit, "c'")
        yield clipped(limit, "returned c")
    for limit in sorted(limits["h"] | limits["y"]):
        yield clipped(limit, "h'")
        yield clipped(limit, "outputs")
    for limit in USUAL_LIMITS:
        yield clipped(limit, *(f"z_{gate}" for gate in GATES))


def _largest(t: Tensor) -> float:
    return round(t.abs().nan_to_num().max().item(), 6)


def _highest(subject: Subject) -> Results:
    """The results where gates are wide open and the cell state starts from ±1000."""

    def open_wide(problem: Problem) -> Problem:
        p = problem.parameters.map(lambda t: t * 0)
        if problem.parameters.head is not None:
            p = replace(p, W_h=problem.parameters.W_h, b_h=problem.parameters.b_h)
        p.b[1:3] += 30
        state = problem.state
        if state is not None:
            state = state[0] * 0, state[1].sign() * 1000
        return replace(problem, parameters=p, state=state)

    try:
        played = play(subject, replace(PLAIN, steps=1, change=open_wide))
    except Exception:  # a stranger's module
        return Results()
    return Results() if played is None else played.got
