"""Is the state taken, given back, started from zeros, and forgotten between calls?"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lstm_bench.conformance.checks.common import (
    Sizes,
    build,
    must_agree,
    needs_state,
    posed,
    told_as,
)
from lstm_bench.conformance.problem import Results, solve_instance
from lstm_bench.conformance.records import Failed, Skipped
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Instance, Subject
from lstm_bench.subject.interface import Slot, fill
from lstm_bench.subject.tensors import same


@check("state")
def check_given_state(subject: Subject) -> None:
    """Each part of a given state counts, alone and together, and in its own place."""
    needs_state(subject)
    instance, problem = posed(subject, seed=2)
    assert problem.state is not None
    h, c = problem.state
    zeros = torch.zeros_like(h)
    for situation, state in (
        ("with h0 given and c0 zero", (h, zeros)),
        ("with c0 given and h0 zero", (zeros, c)),
        ("with h0 and c0 given", (h, c)),
    ):
        given = replace(problem, state=state)
        got = solve_instance(instance, given, gradients=False)
        must_agree(subject, got, given, situation, gradients=False)


@check("state")
def check_default_state(subject: Subject) -> None:
    """Without a state it starts from zeros, for any batch size, on every call."""
    if subject.interface.takes_state and subject.interface.stateless is None:
        _must_require_a_state(subject)
        raise Skipped("it requires a state")
    instance, problem = posed(subject, state=False)
    for call in ("first", "second"):
        got = solve_instance(instance, problem, gradients=False)
        must_agree(subject, got, problem, f"{call} call without a state", gradients=False)
    for batch in (5, 1, 3):
        other = replace(problem, x=_random(batch, problem.x))
        with told_as(f"a batch of {batch} after one of another size, without a state"):
            got = Results(_quietly(instance, other.x, None))
        must_agree(
            subject, got, other, f"without a state, batch {batch} after another", gradients=False
        )


def _must_require_a_state(subject: Subject) -> None:
    """What runs without a state for some sizes is not one that requires it."""
    instance = build(subject)
    for batch, steps in ((1, 1), (4, 4), (1, 4), (4, 1)):
        x = torch.zeros(batch, steps, instance.input_size, dtype=subject.dtype)
        form = next(iter(subject.interface.arguments), None)
        if not isinstance(form, Slot) or form.role != "x":
            return
        try:
            with torch.no_grad():
                instance.module(fill(form, {"x": x}))
        except Exception:
            continue
        raise Failed(
            f"without a state it runs for batch {batch} and {steps} steps and raises for other "
            "sizes: the default state is of the wrong size or axis"
        )


def _random(batch: int, like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(batch)
    return torch.randn(batch, *like.shape[1:], generator=generator, dtype=torch.float64).to(like)


def _quietly(
    instance: Instance, x: Tensor, state: tuple[Tensor, Tensor] | None
) -> dict[str, Tensor]:
    with torch.no_grad():
        return instance.run(
            x.clone(), None if state is None else (state[0].clone(), state[1].clone())
        )


@check("state")
def check_chunks(subject: Subject) -> None:
    """A run in chunks, each from the state that the one before gave, is the whole run."""
    needs_state(subject)
    if not (subject.interface.returns("h") and subject.interface.returns("c")):
        raise Skipped("it does not return both states")
    instance, problem = posed(subject, Sizes(steps=7), seed=3)
    whole = _quietly(instance, problem.x, problem.state)
    first = _quietly(instance, problem.x[:, :3], problem.state)
    rest = _quietly(instance, problem.x[:, 3:], (first["h"], first["c"]))
    for part in ("h", "c"):
        if not same(rest[part], whole[part], dtype=problem.x.dtype):
            raise Failed(f"{part} after 3 + 4 steps differs from {part} after 7 steps")
    if "y" in whole:
        joined = torch.cat([first["y"], rest["y"]], dim=1)
        if not same(joined, whole["y"], dtype=problem.x.dtype):
            raise Failed("the outputs of 3 + 4 steps differ from those of 7 steps")


@check("state")
def check_fresh_calls(subject: Subject) -> None:
    """A, then B, then A again gives A's first result: nothing leaks between calls."""
    for state in (True, False):
        if not state and subject.interface.takes_state and subject.interface.stateless is None:
            continue
        instance, a = posed(subject, state=state)
        b = replace(a, x=_random(a.x.shape[0], a.x) * 2)
        first = _quietly(instance, a.x, a.state)
        _quietly(instance, b.x, b.state)
        again = _quietly(instance, a.x, a.state)
        how = "with the same given state" if a.state is not None else "without a state"
        for part in first:
            if not same(again[part], first[part], dtype=a.x.dtype):
                raise Failed(
                    f"the same call {how} gives another {part} after a different call: "
                    "state leaks from one call to the next"
                )
