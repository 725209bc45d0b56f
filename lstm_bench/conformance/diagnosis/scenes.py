"""Situations in which a subject is compared with the reference, from plain to peculiar.

A mistake shows in some of them and not in others; the first in which it shows says when it
happens ("with the default state", "in a batch of one"). Whatever is drawn hides nothing: see
:mod:`lstm_bench.conformance.problem`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lstm_bench.conformance import tolerances
from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.problem import (
    Problem,
    Results,
    pose,
    solve_instance,
    solve_reference,
)
from lstm_bench.errors import describe
from lstm_bench.subject import Instance, Subject

VALUES = ("y", "h", "c")


@dataclass(frozen=True)
class Scene:
    """One situation. ``words`` completes "wrong …"; empty for the plain one.

    change: what is done to the drawn problem. before: what happens to the instance before the
    call that counts. dtype: None for the one that judges logic. late: for warnings, so that a
    failure is never put down to it.
    """

    words: str
    batch: int = 3
    steps: int = 7
    input_size: int = 6
    hidden_size: int = 5
    state: bool = True
    gradients: bool = False
    cotangents: tuple[str, ...] = VALUES
    change: Callable[[Problem], Problem] | None = None
    before: Callable[[Instance, Problem], Any] | None = None
    train: bool = False
    dtype: torch.dtype | None = None
    late: bool = False


PLAIN = Scene("")


@dataclass(frozen=True)
class Played:
    """What a subject made of a scene. error: its exception in words. spoilt: inputs it changed."""

    scene: Scene
    problem: Problem
    got: Results
    error: str = ""
    spoilt: tuple[str, ...] = ()

    @cached_property
    def exact(self) -> Problem:
        """The problem in float64."""
        return self.problem.to(torch.float64)

    @cached_property
    def expected(self) -> Results:
        return solve_reference(self.exact, gradients=self.scene.gradients)

    @cached_property
    def limits(self) -> Mapping[str, float]:
        """The relative error allowed to each part."""
        dtype, found = self.problem.x.dtype, {}
        floor = solve_reference(self.problem, gradients=self.scene.gradients)
        for part in self.got:
            noise = relative_error(floor[part], self.expected[part])
            found[part] = tolerances.allowed(dtype, noise, self.problem.terms)
        return found

    def agrees(self, part: str, expected: Tensor) -> bool:
        """Whether a part is what is expected, by the tolerances of this scene."""
        return relative_error(self.got[part], expected) <= self.limits[part]

    @cached_property
    def wrong(self) -> tuple[str, ...]:
        """The parts that are off."""
        return tuple(part for part in self.got if not self.agrees(part, self.expected[part]))

    @property
    def fine(self) -> bool:
        return not self.error and not self.wrong


def play(subject: Subject, scene: Scene) -> Played | None:
    """Run a scene; None where the subject has no part in it (no state can be left out, say).

    A default state in float32 whatever the parameters are is no failure: what raises in float64
    without a state has another chance in float32.
    """
    played = _play(subject, scene, scene.dtype or subject.dtype)
    if played is not None and played.error and not scene.state and subject.dtype == torch.float64:
        return _play(subject, scene, torch.float32)
    return played


def _play(subject: Subject, scene: Scene, dtype: torch.dtype) -> Played | None:
    if not scene.state and subject.interface.stateless is None:
        return None
    instance = subject.build(scene.input_size, scene.hidden_size, dtype=dtype)
    cotangents = [n for n in scene.cotangents if instance.interface.returns(n)]
    if scene.gradients and not cotangents:
        return None
    problem = pose(
        instance,
        batch=scene.batch,
        steps=scene.steps,
        seed=17,
        state=scene.state and subject.interface.takes_state,
        dtype=dtype,
    )
    if scene.gradients:
        problem = problem.with_cotangents(*cotangents)
    if scene.change is not None:
        problem = scene.change(problem)
        problem = replace(problem, parameters=instance.load(problem.parameters))
    return _run(instance, scene, problem)


def _run(instance: Instance, scene: Scene, problem: Problem) -> Played:
    kept = problem.x.clone(), tuple(s.clone() for s in problem.state or ())
    try:
        if scene.train:
            instance.module.train()
        if scene.before is not None:
            scene.before(instance, problem)
        if scene.gradients:
            got = solve_instance(instance, problem)
        else:
            with torch.no_grad():
                got = Results(instance.run(problem.x, problem.state))
            got = Results({part: value.clone() for part, value in got.items()})
    except Exception as error:  # whatever a stranger's code raises
        return Played(scene, problem, Results(), describe(error))
    finally:
        if scene.train:
            instance.module.eval()
    spoilt: tuple[str, ...] = ()
    if not torch.equal(kept[0].nan_to_num(), problem.x.nan_to_num()):
        spoilt = ("input x",)
    for name, old, new in zip(("h0", "c0"), kept[1], problem.state or (), strict=False):
        spoilt += () if torch.equal(old, new) else (f"given state {name}",)
    restored = replace(problem, x=kept[0], state=kept[1] or None)  # type: ignore[arg-type]
    return Played(scene, restored, got, "", spoilt)


# -- the scenes --------------------------------------------------------------------------------


def _scaled_weights(factor: float) -> Callable[[Problem], Problem]:
    def change(problem: Problem) -> Problem:
        p = problem.parameters
        scaled = replace(p, W=p.W * factor, U=p.U * factor, b=p.b * factor)
        return replace(problem, parameters=scaled)

    return change


def _enormous_candidate(problem: Problem) -> Problem:
    """What goes into the candidate is some 10 000, what goes into the gates is moderate."""
    p = problem.parameters
    W = p.W.clone()
    W[3] *= 1e4
    return replace(problem, parameters=replace(p, W=W))


def _large_cell(problem: Problem) -> Problem:
    """Cell states up to some ±60, forget gates open enough to keep them."""
    p = problem.parameters
    b = p.b.clone()
    b[1] += 3
    state = problem.state
    if state is not None:
        c = state[1]
        state = state[0], c / c.abs().max() * 60
    return replace(problem, parameters=replace(p, b=b), state=state)


def _growing_cell(problem: Problem) -> Problem:
    """No state given: all gates open, so that the cell state grows by almost 1 a step."""
    p = problem.parameters
    b = p.b.clone()
    b[:2] += 12
    b[3] += 5
    return replace(problem, parameters=replace(p, b=b))


def _strided(problem: Problem) -> Problem:
    """X as a transposed tensor, every second column of a wider one; states as columns."""

    def spread(t: Tensor) -> Tensor:
        wide = t.new_zeros(*t.shape[:-1], 2 * t.shape[-1])
        wide[..., ::2] = t
        return wide[..., ::2]

    x = problem.x.transpose(0, 1).contiguous().transpose(0, 1)
    state = problem.state
    if state is not None:
        state = spread(state[0]), state[1].T.contiguous().T
    return replace(problem, x=spread(x), state=state)


def _expanded(problem: Problem) -> Problem:
    """One row given to all sequences of the batch without a copy."""
    x = problem.x[:1].expand_as(problem.x)
    state = problem.state
    if state is not None:
        state = state[0][:1].expand_as(state[0]), state[1][:1].expand_as(state[1])
    return replace(problem, x=x, state=state)


def _with_nan(problem: Problem) -> Problem:
    x = problem.x.clone()
    x[0, 1, 0] = float("nan")
    if len(x) > 2:
        x[2, 2, 1] = float("inf")
    return replace(problem, x=x)


def earlier(problem: Problem) -> Problem:
    """Other data of the same sizes, for an earlier call."""
    state = problem.state
    if state is not None:
        state = 0.5 * state[0].flip(0), 0.3 * state[1].flip(0)
    return replace(problem, x=-0.7 * problem.x.flip(1), state=state)


def other_call(instance: Instance, problem: Problem) -> None:
    """An earlier call on other data of the same sizes."""
    other = earlier(problem)
    with torch.no_grad():
        instance.run(other.x, other.state)


def _other_batch(instance: Instance, problem: Problem) -> None:
    """An earlier call with another number of sequences."""
    x = torch.cat([problem.x, problem.x])
    state = problem.state
    if state is not None:
        state = torch.cat([state[0], state[0]]), torch.cat([state[1], state[1]])
    with torch.no_grad():
        instance.run(x, state)


def _trained_once(instance: Instance, problem: Problem) -> None:
    """An earlier forward and backward pass."""
    solve_instance(instance, replace(problem, x=-0.7 * problem.x))


VALUE_SCENES = (
    PLAIN,
    Scene("when no state is given", state=False),
    Scene("for a single step (T = 1)", steps=1),
    Scene("for a single step (T = 1) when no state is given", steps=1, state=False),
    Scene("for a single sequence (B = 1)", batch=1),
    Scene("for a single sequence (B = 1) when no state is given", batch=1, state=False),
    Scene("with one hidden unit (H = 1)", hidden_size=1),
    Scene("with one input feature (I = 1)", input_size=1),
    Scene("where all sizes are 1", 1, 1, 1, 1),
    Scene("where input and hidden size are equal", input_size=5),
    Scene("where batch size and hidden size are equal", batch=5),
    Scene("where batch size and number of steps are equal", batch=7),
    Scene("where all sizes are equal (B = T = I = H = 4)", 4, 4, 4, 4),
    Scene("in a second call", before=other_call),
    Scene("in a second call when no state is given", state=False, before=other_call),
    Scene("in a call with another batch size than the last call's", before=_other_batch),
    Scene(
        "in a call without a state and with another batch size than the last call's",
        state=False,
        before=_other_batch,
    ),
    Scene("in training mode", train=True),
    Scene("for inputs and states that are not contiguous", change=_strided),
    Scene("for inputs and states that are expanded (stride 0)", change=_expanded),
    Scene("for a long sequence", batch=2, steps=140, input_size=3, hidden_size=4),
    Scene("for a large batch", batch=260, steps=3, input_size=3, hidden_size=4),
    Scene("for a large hidden size", batch=2, steps=3, input_size=3, hidden_size=260),
    Scene("for a large input size", batch=2, steps=3, input_size=260, hidden_size=4),
    Scene("where the gates saturate (inputs to the gates around ±30)", change=_scaled_weights(10)),
    Scene("where the cell state is large (±60)", steps=2, change=_large_cell),
    Scene("where the cell state grows large", steps=70, state=False, change=_growing_cell),
    Scene("in float32", dtype=torch.float32),
    Scene("for a very long sequence", batch=2, steps=600, input_size=3, hidden_size=4),
    Scene("for enormous inputs to the candidate", change=_enormous_candidate, late=True),
    Scene("for enormous inputs", change=_scaled_weights(1e4), late=True),
    Scene("for NaN and infinity in the input", change=_with_nan, late=True),
)

PLAIN_BACKWARD = Scene("", steps=11, gradients=True)

GRADIENT_SCENES = (
    PLAIN_BACKWARD,
    Scene("when no state is given", steps=6, state=False, gradients=True),
    Scene("where only the outputs y are used", steps=6, gradients=True, cotangents=("y",)),
    Scene("where only h_n is used", steps=6, gradients=True, cotangents=("h",)),
    Scene("where only c_n is used", steps=6, gradients=True, cotangents=("c",)),
    Scene("where only the states are used", steps=6, gradients=True, cotangents=("h", "c")),
    Scene("for a single step (T = 1)", steps=1, gradients=True),
    Scene("for a single sequence (B = 1)", batch=1, gradients=True),
    Scene("with one hidden unit (H = 1)", hidden_size=1, gradients=True),
    Scene("where all sizes are 1", 1, 1, 1, 1, gradients=True),
    Scene("where all sizes are equal (B = T = I = H = 4)", 4, 4, 4, 4, gradients=True),
    Scene("in the second backward pass", gradients=True, before=_trained_once),
    Scene("in training mode", gradients=True, train=True),
    Scene("where the gates saturate", steps=4, gradients=True, change=_scaled_weights(10)),
    Scene("where the cell state is large", steps=2, gradients=True, change=_large_cell),
    Scene("for a long sequence", 2, 140, 3, 4, gradients=True),
    Scene("for a large batch", 260, 3, 3, 4, gradients=True),
    Scene("for a large hidden size", 2, 3, 3, 260, gradients=True),
    Scene("for a large input size", 2, 3, 260, 4, gradients=True),
    Scene("in float32", gradients=True, dtype=torch.float32),
)
