"""Which mutant explains a result? The one that gives the same, to the last digits."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.diagnosis.scenes import PLAIN, Played, earlier, other_call, play
from lstm_bench.conformance.mutants import EXACT, GRADIENT_MUTANTS, VALUE_MUTANTS, Mutant
from lstm_bench.conformance.mutants.backward import (
    clipped_inside,
    detached_before_last,
    detached_every,
)
from lstm_bench.conformance.mutants.batch_time import frozen, truncated
from lstm_bench.conformance.mutants.numerics import clips
from lstm_bench.conformance.mutants.recurrence import Step, backward, mutate
from lstm_bench.conformance.mutants.states import reset_every
from lstm_bench.conformance.problem import Problem, Results
from lstm_bench.conformance.reference import State
from lstm_bench.subject import Subject


def explaining(played: Played, more: Iterable[Mutant] = ()) -> list[Mutant]:
    """The mutants that give what the subject gave, likeliest first."""
    known = GRADIENT_MUTANTS if played.scene.gradients else VALUE_MUTANTS
    return list(_giving((*more, *known), played))


def explaining_one_of(played: Played, mutants: Iterable[Mutant]) -> str:
    """The sentence of the first of these mutants that gives what the subject gave, or empty."""
    return next((m.sentence for m in _giving(mutants, played)), "")


def _giving(mutants: Iterable[Mutant], played: Played) -> Iterator[Mutant]:
    parts = [p for p in played.got if p.startswith("grad ") == played.scene.gradients]
    exact = None
    if played.scene.gradients:
        exact = backward(EXACT, played.exact, played.exact.cotangents)
    for mutant in mutants if parts else ():
        try:
            found = _solve(mutant, played.exact, exact)
            if all(played.agrees(part, found[part]) for part in parts):
                yield mutant
        except Exception:  # one that asks for I = H, say, is no explanation elsewhere
            continue


def explaining_otherwise(played: Played) -> str:
    """The first mutant that explains a scene if gates, or h and c, are called otherwise.

    For subjects so broken that probing mistook one for the other.
    """
    mutants = [m for m in VALUE_MUTANTS if m.failure_class in ("state", "batch_time")]
    mutants += [
        m for m in VALUE_MUTANTS if m.name.startswith(("cell_", "hidden_", "tanh_", "coupled"))
    ]
    until = time.monotonic() + MOST_SECONDS
    for reading in _other_readings(played):
        found = explaining_one_of(reading, mutants)
        if found or time.monotonic() > until:
            return found
    return ""


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


def _solve(mutant: Mutant, problem: Problem, exact: Results | None) -> Results:
    return mutant.values(problem) if exact is None else mutant.gradients(problem, exact)


# -- mutants with a free number or tensor, read off the subject ---------------------------------


def read_off(subject: Subject, played: Played) -> list[Mutant]:
    """Mutants for which the scene or the subject itself supplies a number."""
    if played.scene.gradients:
        return [*after_steps_backward(played.problem.x.shape[1] - 1), *clipped_inside()]
    found = list(_leaks(played)) if played.scene.before is other_call else []
    return found + list(clips(played.got, _highest(subject)))


def after_steps(steps: int) -> list[Mutant]:
    """Mutants in which something happens after so many steps."""
    resets = [reset_every(steps, which) for which in ("state", "h", "c")]
    return [truncated(steps), frozen(steps), *resets, *_restarts(steps)]


def after_steps_backward(steps: int) -> list[Mutant]:
    """Mutants in which history is cut off after so many steps."""
    return [detached_every(steps), detached_before_last(steps)] if steps > 1 else []


def _restarts(steps: int) -> Iterator[Mutant]:
    """After so many steps the state starts again from the given one, or c alone does."""
    for which, words in (("state", "state"), ("h", "hidden state"), ("c", "cell state")):
        yield _restart(steps, which, words)


def _restart(steps: int, which: str, words: str) -> Mutant:
    first: dict[str, Tensor] = {}

    def carry(s: Step) -> State:
        if s.t == 0:
            first.update(h=s.h, c=s.c)
        if (s.t + 1) % steps:
            return s.new_h, s.new_c
        return (
            s.new_h if which == "c" else first["h"],
            s.new_c if which == "h" else first["c"],
        )

    return mutate(
        f"{which}_restarts_every_{steps}",
        "state",
        f"the {words} starts again from the initial one after every {steps} steps of time: "
        "it is not carried on",
        carry=carry,
    )


def _leaks(played: Played) -> Iterator[Mutant]:
    """The state of the call before is what this one starts from."""
    other = earlier(played.exact)
    last = EXACT(other.parameters, other.x, other.state)
    h, c = last.h, last.c
    told = "leaks from one call to the next: a call starts from what the last call left behind"
    for name, words, start in (
        ("state", "the state", lambda h0, c0: (h, c)),
        ("h", "the hidden state", lambda h0, c0: (h, c0)),
        ("c", "the cell state", lambda h0, c0: (h0, c)),
    ):
        yield mutate(
            f"leaks_{name}",
            "state",
            f"{words} {told}",
            start=start,
            default=lambda zeros, start=start: start(zeros, zeros),
        )


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
