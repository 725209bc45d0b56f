"""Strides: any view of the right shape is a legal argument, and so is any cotangent."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from lstm_bench.conformance.checks.common import must_agree, needs_state, posed, told_as
from lstm_bench.conformance.checks.gradients import _recorded
from lstm_bench.conformance.problem import Problem, Results
from lstm_bench.conformance.records import Failed, Skipped, Told
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Instance, Subject


def _strided(t: Tensor) -> dict[str, Tensor]:
    """The same values in other memory: every axis moved innermost in turn, and every second."""
    views = {f"axis {axis} innermost": _fastest(t, axis) for axis in range(t.dim() - 1)}
    return {**views, "every second element": _spread(t)}


def _fastest(t: Tensor, axis: int) -> Tensor:
    return t.movedim(axis, -1).contiguous().movedim(-1, axis)


def _spread(t: Tensor) -> Tensor:
    wide = t.new_empty(*t.shape[:-1], 2 * t.shape[-1])
    wide[..., ::2] = t
    return wide[..., ::2]


def _run(instance: Instance, problem: Problem) -> Results:
    with torch.no_grad():
        return Results(instance.run(problem.x, problem.state))


@check("layout")
def check_strides_of_x(subject: Subject) -> None:
    """X with any strides, expanded ones too."""
    for axis in (0, 1, 2):
        instance, problem = posed(subject, seed=13)
        name, x = list(_strided(problem.x).items())[axis]
        view = replace(problem, x=x)
        with told_as(f"x not contiguous ({name})"):
            got = _run(instance, view)
        must_agree(subject, got, problem, f"x not contiguous ({name})", gradients=False)
    instance, problem = posed(subject, seed=13)
    expanded = replace(problem, x=problem.x[:1].expand_as(problem.x))
    with told_as("x expanded along the batch"):
        got = _run(instance, expanded)
    must_agree(subject, got, expanded, "x expanded along the batch", gradients=False)


@check("layout")
def check_strides_of_states(subject: Subject) -> None:
    """States with any strides, expanded ones too."""
    needs_state(subject)
    instance, problem = posed(subject, seed=14)
    assert problem.state is not None
    h, c = problem.state
    states = {
        "states not contiguous": tuple(s.T.contiguous().T for s in (h, c)),
        "states expanded along the batch": tuple(s[:1].expand_as(s) for s in (h, c)),
    }
    for situation, (h_view, c_view) in states.items():
        view = replace(problem, state=(h_view, c_view))
        with told_as(situation):
            got = _run(instance, view)
        must_agree(subject, got, view, situation, gradients=False)


@check("layout")
def check_strides_of_cotangents(subject: Subject) -> None:
    """Cotangents with any strides: a sum's gradient is expanded, a transpose's is not dense."""
    instance, problem = posed(subject, seed=15)
    for situation, names in itertools.product(STRIDES, _groups(problem)):
        leaves, parts = _recorded(instance, problem)
        wanted = {n: STRIDES[situation](getattr(problem.cotangents, n)) for n in names}
        before = {n: t.clone() for n, t in wanted.items()}
        with told_as(situation):
            found = torch.autograd.grad(
                [parts[n] for n in names], leaves, list(wanted.values()), allow_unused=True
            )
        if any(not torch.equal(before[n], wanted[n]) for n in names):
            raise Told(WRITTEN)
        other = replace(problem, cotangents=type(problem.cotangents)(**wanted))
        blank = [
            torch.zeros_like(v) if g is None else g for g, v in zip(found, leaves, strict=True)
        ]
        got = Results(zip(("grad x", "grad h0", "grad c0"), blank, strict=False))
        must_agree(subject, got, other, situation)


def _groups(problem: Problem) -> list[tuple[str, ...]]:
    """All results together, and each alone: then nothing of ours is added up on the way."""
    names = tuple(n for n in ("y", "h", "c") if getattr(problem.cotangents, n) is not None)
    return [names, *((n,) for n in names if len(names) > 1)]


STRIDES: dict[str, Callable[[Tensor], Tensor]] = {
    "cotangents whose first axis runs fastest": lambda t: _fastest(t, 0),
    "cotangents whose second axis runs fastest": lambda t: _fastest(t, 1),
    "cotangents that are columns of a wider tensor": lambda t: _spread(t),
    "expanded cotangents, as a sum gives them": lambda t: t.new_full((), 0.7).expand(t.shape),
}
WRITTEN = "backward writes into the gradient that it was given"


@check("layout")
def check_cotangent_kept(subject: Subject) -> None:
    """Backward leaves the gradients that it is given as they are."""
    instance, problem = posed(subject, seed=16)
    leaves, _ = _recorded(instance, problem)
    given_state = None if len(leaves) == 1 else (leaves[1], leaves[2])
    # Gradients in the module's own layout, so that no copy of ours stands in between; and each
    # alone, since what comes in through several results may be added up in a copy of torch's.
    count = len([*instance.native_leaves(instance.bind(leaves[0], given_state)())])
    for chosen in (slice(0, count), *(slice(k, k + 1) for k in range(count))):
        result = instance.bind(leaves[0], given_state)()
        tensors = [t for _, t in instance.native_leaves(result)][chosen]
        tensors = [t for t in tensors if t.requires_grad]
        if not tensors:
            continue
        given = [torch.randn_like(t) for t in tensors]
        before = [g.clone() for g in given]
        torch.autograd.grad(tensors, leaves, given, allow_unused=True)
        if any(not torch.equal(b, g) for b, g in zip(before, given, strict=True)):
            raise Told(WRITTEN)


@check("layout")
def check_batch_first_honoured(subject: Subject) -> None:
    """A constructor's batch_first does what it says."""
    found = _layout_by_flag(subject)
    if found is None:
        raise Skipped("its constructor has no batch_first")
    for flag, axes in found.items():
        said = "batch first" if flag else "time first"
        x, y = axes
        if x and x != ("BTI" if flag else "TBI"):
            raise Failed(
                f"constructed with batch_first={flag} it does not read {said} input: the option is "
                "ignored, or the axes of time and batch are not exchanged"
            )
        if y and y != ("BTK" if flag else "TBK"):
            raise Failed(
                f"constructed with batch_first={flag} it reads {said} input, but its output is not "
                f"{said}"
            )


def _layout_by_flag(subject: Subject) -> dict[bool, tuple[str, str]] | None:
    """Flag → the axes of x and of the output tensor; "" where these are not known."""
    import inspect

    from lstm_bench.subject.interface import axes_of_x_and_y
    from lstm_bench.subject.subject import subject_from

    if isinstance(subject.factory, type) and issubclass(subject.factory, torch.nn.RNNBase):
        names = {"batch_first"}
    else:
        try:
            names = set(inspect.signature(subject.factory).parameters)
        except (TypeError, ValueError):
            return None
    if "batch_first" not in names or subject.interface.kind == "cell":
        return None
    found: dict[bool, tuple[str, str]] = {}
    for flag in (False, True):
        try:
            other = subject_from(
                subject.factory, subject.name, **{**subject.kwargs, "batch_first": flag}
            )
        except Exception:
            found[flag] = "", ""  # it may refuse one of the two
            continue
        found[flag] = axes_of_x_and_y(other.interface)
    return found
