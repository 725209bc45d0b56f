"""Calls in an unusual but legal order: two forwards, two backwards, results kept for later."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from lstm_bench.conformance.checks.memory import written_arguments
from lstm_bench.conformance.diagnosis.where import part_in_words
from lstm_bench.conformance.problem import Problem, pose
from lstm_bench.conformance.reference import Trace
from lstm_bench.errors import describe
from lstm_bench.subject import Instance, Subject
from lstm_bench.subject.precision import is_coarse
from lstm_bench.subject.probe import H, I
from lstm_bench.subject.tensors import learnable


def habits(subject: Subject) -> list[str]:
    """The first of these orders that goes wrong, in a sentence."""
    for question in (_written, _overwritten, _second_forward_first, _backward_twice, _accumulated):
        instance = subject.build(4, 5, dtype=subject.dtype)
        state = subject.interface.takes_state
        problem = pose(instance, batch=3, steps=5, seed=5, state=state, dtype=subject.dtype)
        try:
            found = question(instance, problem)
        except Exception as error:  # a stranger's module
            found = f"{(question.__doc__ or '').strip()} raises {describe(error)}"
        if found:
            return [found]
    return []


def _written(instance: Instance, problem: Problem) -> str:
    """A forward and a backward pass"""
    steps = slice(0, 1) if instance.interface.kind == "cell" else slice(None)
    for grad, when in ((False, "without gradients"), (True, "with a backward pass")):
        changed = written_arguments(instance, problem.x[:, steps], problem.state, grad)
        if changed:
            return f"a call {when} writes into the {changed[0]} that was given: it is overwritten"
    return ""


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


# -- before anything else ------------------------------------------------------------------------


def strided(subject: Subject) -> list[str]:
    """Whether equal numbers that lie otherwise in memory give other results."""
    instance = subject.build(4, 5, dtype=subject.dtype)
    takes = subject.interface.takes_state
    problem = pose(instance, batch=3, steps=6, seed=6, state=takes, dtype=subject.dtype)
    given: dict[str, Tensor] = {"input x": problem.x}
    if problem.state is not None:
        given |= {"hidden state h0": problem.state[0], "cell state c0": problem.state[1]}
    plain = _values(instance, [t.clone() for t in given.values()])
    for name, tensor in given.items():
        for lying in (_spaced(tensor), _transposed(tensor)):
            other = [lying if n == name else t.clone() for n, t in given.items()]
            try:
                found = _values(instance, other)
            except Exception as error:  # a stranger's module
                return [f"the given {name} must be contiguous: otherwise {describe(error)}"]
            if _differ(list(found.values()), list(plain.values())):
                return [
                    f"the strides of the given {name} are not heeded: the same numbers, not "
                    "contiguous in memory, give other results"
                ]
    return []


def _spaced(tensor: Tensor) -> Tensor:
    """The same numbers with a gap after each."""
    wide = torch.full((*tensor.shape, 2), 7.0, dtype=tensor.dtype)
    wide[..., 0] = tensor
    return wide[..., 0]


def _transposed(tensor: Tensor) -> Tensor:
    """The same numbers, the first axis running fastest."""
    return tensor.movedim(0, -1).contiguous().movedim(-1, 0)


def _values(instance: Instance, given: Sequence[Tensor]) -> dict[str, Tensor]:
    x, *states = given
    with torch.no_grad():
        parts = instance.run(x, (states[0], states[1]) if states else None)
        return {name: part.clone() for name, part in parts.items()}


def stale(subject: Subject) -> list[str]:
    """Whether a call goes on with what an earlier one made of parameters that changed since."""
    instance = subject.build(4, 5, dtype=subject.dtype)
    state = subject.interface.takes_state
    problem = pose(instance, batch=3, steps=5, seed=5, state=state, dtype=subject.dtype)
    given = (problem.x, *(problem.state or ()))

    def differs(changed: Collection[str]) -> bool:
        """Whether a module that ran before these tensors changed differs from one that did not."""
        used, fresh = (subject.build(4, 5, dtype=subject.dtype) for _ in range(2))
        for one in (used, fresh):
            _draw(one, ())
        _values(used, given)
        for one in (used, fresh):
            _draw(one, changed)
        got, expected = _values(used, given), _values(fresh, given)
        return any(not torch.equal(got[n], expected[n]) for n in got)

    names = list(learnable(instance.module))
    if differs(()) or not differs(names):
        return []  # nothing is left over, or a state is, whatever the parameters
    kept = [f"`{name}`" for name in names if differs({name})] or ["its parameters"]
    return [
        f"an earlier call's copy of {' and '.join(kept[:3])} is used after a change: what was made "
        "of it is kept, and not made anew"
    ]


@torch.no_grad()
def _draw(instance: Instance, other: Collection[str]) -> None:
    """The same random values every time, but for these tensors."""
    generator = torch.Generator().manual_seed(31)
    for name, tensor in learnable(instance.module).items():
        values = torch.randn(tensor.shape, generator=generator, dtype=torch.float64).to(tensor)
        tensor.copy_(0.5 * values + 0.2 * (name in other))


def imprecise(subject: Subject) -> list[str]:
    """Whether something inside is computed in less than float32."""
    if subject.proven and subject.dtype == torch.float64:
        return []
    instance = subject.build(I, H, dtype=torch.float32)
    if not is_coarse(instance.run, torch.float32, takes_state=subject.interface.takes_state):
        return []
    return [
        "its results move in steps as its inputs move little by little: something inside is "
        "computed in a lower precision than float32 (float16 or bfloat16, say), or rounded"
    ]


def rewritten(subject: Subject) -> list[str]:
    """Whether a call in training mode changes the parameters."""
    instance = subject.build(4, 5, dtype=subject.dtype)
    if isinstance(instance.module, nn.Module):
        instance.module.train()
    takes = subject.interface.takes_state
    problem = pose(instance, batch=3, steps=5, seed=7, state=takes, dtype=subject.dtype)
    before = [(p, p.detach().clone()) for p in instance.parameters()]
    instance.run(problem.x, problem.state)
    if all(torch.equal(now, then) for now, then in before):
        return []
    return ["a call in training mode writes into the weights: a parameter is changed by it"]


def written(subject: Subject) -> list[str]:
    """Whether the very tensors that a call is given come back changed, in values or in shape."""
    instance = subject.build(4, 5, dtype=subject.dtype)
    takes = subject.interface.takes_state
    problem = pose(instance, batch=3, steps=5, seed=8, state=takes, dtype=subject.dtype)
    changed = written_arguments(instance, problem.x, problem.state, grad=False)
    if not changed:
        return []
    return [
        f"the call writes into its arguments: the {' and the '.join(changed)} comes back changed"
    ]


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
