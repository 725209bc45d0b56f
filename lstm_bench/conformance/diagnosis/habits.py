"""Calls in an unusual but legal order: two forwards, two backwards, results kept for later."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lstm_bench.conformance.diagnosis.scenes import in_words
from lstm_bench.conformance.diagnosis.where import part_in_words
from lstm_bench.conformance.problem import Problem, pose
from lstm_bench.conformance.reference import Trace
from lstm_bench.subject import Instance, Subject


def habits(subject: Subject) -> list[str]:
    """The first of these orders that goes wrong, in a sentence."""
    for question in (_overwritten, _second_forward_first, _backward_twice, _accumulated):
        instance = subject.build(4, 5, dtype=subject.dtype)
        state = subject.interface.takes_state
        problem = pose(instance, batch=3, steps=5, seed=5, state=state, dtype=subject.dtype)
        try:
            found = question(instance, problem)
        except Exception as error:  # a stranger's module
            found = f"{(question.__doc__ or '').strip()} raises {in_words(error)}"
        if found:
            return [found]
    return []


def _overwritten(instance: Instance, problem: Problem) -> str:
    """A second call while the first one's results are kept"""
    state = problem.state
    with torch.no_grad():
        first = instance.run(problem.x, state)
        kept = {name: part.clone() for name, part in first.items()}
        instance.run(0.3 - problem.x, None if state is None else (0.2 - state[0], 0.2 - state[1]))
    changed = [name for name, part in first.items() if not torch.equal(part, kept[name])]
    if not changed:
        return ""
    names = " and ".join(part_in_words(name) for name in changed)
    return f"{names} of one call: overwritten by the next call, which uses the same buffer"


def _second_forward_first(instance: Instance, problem: Problem) -> str:
    """A second forward pass before the first one's backward pass"""
    alone = _gradients(*_forward(instance, problem), problem)
    loss_of, leaves = _forward(instance, problem)
    _forward(instance, problem, sign=-0.6)
    if not _differ(_gradients(loss_of, leaves, problem), alone):
        return ""
    return (
        "a second forward pass before the first one's backward pass spoils the first one's "
        "gradients: what the backward pass needs is saved on the module and overwritten"
    )


def _backward_twice(instance: Instance, problem: Problem) -> str:
    """A second backward pass through the same graph (retain_graph=True)"""
    parts, leaves = _forward(instance, problem)
    first = [g.clone() for g in _gradients(parts, leaves, problem, retain=True)]
    if not _differ(_gradients(parts, leaves, problem), first):
        return ""
    return (
        "the second backward pass through the same graph gives other gradients than the first: "
        "the first one changes what was saved for it"
    )


def _accumulated(instance: Instance, problem: Problem) -> str:
    """A second backward pass that adds to .grad"""
    for parameter in instance.parameters():
        parameter.grad = None
    totals: list[list[Tensor]] = []
    for _ in range(2):
        parts, _leaves = _forward(instance, problem)
        problem.cotangents.loss(_trace(parts)).backward()  # type: ignore[no-untyped-call]
        grads = [(p, p.grad) for p in instance.parameters()]
        totals.append([torch.zeros_like(p) if g is None else g.clone() for p, g in grads])
    if not _differ(totals[1], [2 * g for g in totals[0]]):
        return ""
    return "gradients do not accumulate: two backward passes do not give twice the gradient of one"


# -- helpers -----------------------------------------------------------------------------------


def _forward(
    instance: Instance, problem: Problem, sign: float = 1.0
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """The results, and everything that wants a gradient."""
    x = (sign * problem.x).clone().requires_grad_()
    state = problem.state
    if state is not None:
        h, c = ((sign * s).clone().requires_grad_() for s in state)
        state = (h, c)
    return instance.run(x, state), [x, *(state or ()), *instance.parameters()]


def _trace(parts: dict[str, Tensor]) -> Trace:
    return Trace(parts.get("y"), parts.get("h"), parts.get("c"))


def _gradients(
    parts: dict[str, Tensor], leaves: Sequence[Tensor], problem: Problem, *, retain: bool = False
) -> list[Tensor]:
    loss = problem.cotangents.loss(_trace(parts))
    found = torch.autograd.grad(loss, list(leaves), retain_graph=retain, allow_unused=True)
    return [
        torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)
    ]


def _differ(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    close = 1e-9 if first[0].dtype == torch.float64 else 1e-4
    return any(
        bool((a - b).abs().max() > close * (1 + b.abs().max()))
        for a, b in zip(first, second, strict=True)
    )
