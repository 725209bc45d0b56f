"""Whose memory is written, what is overwritten, and what is never given back."""

from __future__ import annotations

import gc

import torch

from lstm_bench.conformance.checks.common import Sizes, posed
from lstm_bench.conformance.checks.gradients import _clones, _recorded, _trace
from lstm_bench.conformance.checks.state import _quietly, _random
from lstm_bench.conformance.records import Failed, Skipped
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Subject
from lstm_bench.subject.tensors import learnable


@check("memory")
def check_arguments_kept(subject: Subject) -> None:
    """A call leaves x, the given states and the parameters as they were."""
    for grad in (True, False):
        instance, problem = posed(subject, seed=30)
        x, state = problem.x.clone(), _clones(problem)
        before = {n: t.detach().clone() for n, t in learnable(instance.module).items()}
        with torch.set_grad_enabled(grad):
            parts = instance.run(x, state)
        if grad:
            problem.cotangents.loss(_trace(parts)).backward()  # type: ignore[no-untyped-call]
        given = {"x": (x, problem.x)}
        if state is not None and problem.state is not None:
            given |= {"h0": (state[0], problem.state[0]), "c0": (state[1], problem.state[1])}
        for name, (now, then) in given.items():
            if not torch.equal(now, then):
                raise Failed(f"a call writes into the {name} that it was given")
        after = learnable(instance.module)
        changed = [n for n, t in before.items() if n in after and not torch.equal(after[n], t)]
        if changed:
            raise Failed(f"a call changes the parameter `{changed[0]}`")


@check("memory")
def check_results_kept(subject: Subject) -> None:
    """A result is not overwritten by the next call, with gradients or without."""
    for grad in (True, False):
        instance, problem = posed(subject, seed=31)
        with torch.set_grad_enabled(grad):
            result = instance.bind(problem.x.clone(), _clones(problem))()
            kept = [t for _, t in instance.native_leaves(result)]
            before = [t.detach().clone() for t in kept]
            instance.run(_random(problem.x.shape[0], problem.x) * 2, _clones(problem))
        if any(not torch.equal(t.detach(), b) for t, b in zip(kept, before, strict=True)):
            how = "with gradients" if grad else "under no_grad"
            raise Failed(f"a result is overwritten by the next call ({how}): a buffer is reused")


@check("memory")
def check_state_is_a_copy(subject: Subject) -> None:
    """Writing into a returned state does not change the outputs, nor the state that was given."""
    if not subject.interface.takes_state:
        raise Skipped("it takes no state")
    instance, problem = posed(subject, seed=32)
    assert problem.state is not None
    state = _clones(problem)
    assert state is not None
    with torch.no_grad():
        parts = instance.run(problem.x.clone(), state)
        for name in ("h", "c"):
            if name in parts:
                parts[name] += 1.0
    if not all(torch.equal(a, b) for a, b in zip(state, problem.state, strict=True)):
        raise Failed("a returned state shares its memory with the state that was given")


@check("memory")
def check_no_growth(subject: Subject) -> None:
    """Twenty more calls hold on to no more tensors than three."""
    instance, problem = posed(subject, Sizes(2, 3, 5, 4), seed=33)

    def call(times: int) -> int:
        for _ in range(times):
            _, parts = _recorded(instance, problem)
            problem.cotangents.loss(_trace(parts)).backward()  # type: ignore[no-untyped-call]
            del parts
            _quietly(instance, problem.x, problem.state)
        gc.collect()
        return _tensors_alive()

    call(3)
    gc.collect()
    gc.freeze()  # what is there already need not be looked through again
    try:
        first = call(3)
        second = call(20)
    finally:
        gc.unfreeze()
    if second - first >= 17:
        raise Failed(
            f"every call keeps tensors alive: {second - first} more after 20 further calls"
        )


def _tensors_alive() -> int:
    alive = 0
    for thing in gc.get_objects():
        try:
            alive += issubclass(type(thing), torch.Tensor)
        except ReferenceError:
            continue
    return alive
