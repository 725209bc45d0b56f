"""Whose memory is written, what is overwritten, and what is never given back."""

from __future__ import annotations

import gc
from typing import Any

import torch
from torch import Tensor, nn

from lstm_bench.conformance.checks.common import Sizes, posed
from lstm_bench.conformance.checks.gradients import _clones, _recorded, _trace
from lstm_bench.conformance.checks.state import _quietly, _random
from lstm_bench.conformance.records import Failed, Skipped, Told
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Instance, Subject
from lstm_bench.subject.interface import leaves
from lstm_bench.subject.tensors import learnable

# As large as the hidden size, where a shape alone would let outputs take the inputs' place.
INPUT_AS_HIDDEN = Sizes(3, 6, 4, 4)


@check("memory")
def check_arguments_kept(subject: Subject) -> None:
    """A call leaves x, the given states and the parameters as they were, in train() too."""
    for sizes, grad, train in (
        (Sizes(), True, False),
        (Sizes(), False, False),
        (INPUT_AS_HIDDEN, False, False),
        (Sizes(), False, True),
    ):
        instance, problem = posed(subject, sizes, seed=30)
        if train and isinstance(instance.module, nn.Module):
            instance.module.train()
        before = {n: t.detach().clone() for n, t in learnable(instance.module).items()}
        step = slice(0, 1) if subject.interface.kind == "cell" else slice(None)
        changed_arguments = written_arguments(instance, problem.x[:, step], problem.state, grad)
        if changed_arguments:
            raise Failed(f"a call writes into the {changed_arguments[0]} that it was given")
        after = learnable(instance.module)
        changed = [n for n, t in before.items() if n in after and not torch.equal(after[n], t)]
        if changed:
            how = " in training mode" if train else ""
            raise Failed(f"a call{how} writes into the parameter `{changed[0]}`: it is changed")


def written_arguments(
    instance: Instance, x: Tensor, state: tuple[Tensor, Tensor] | None, grad: bool
) -> list[str]:
    """What the module's own call (and the backward pass) has written into, of what it was given.

    The very tensors that it was given are looked at: what a caller's tensors are rearranged into
    for the call would hide it.
    """
    arguments, keywords = instance.native(x, state)
    interface = instance.interface
    forms: tuple[Any, Any] = (interface.arguments, interface.keywords)
    if state is None and interface.stateless is not None:
        forms = (interface.stateless, interface.stateless_keywords)
    given = [(slot.role, tensor) for slot, tensor in leaves(forms, (arguments, dict(keywords)))]
    before = [tensor.detach().clone() for _, tensor in given]
    with torch.set_grad_enabled(grad):
        result = instance.module(*arguments, **keywords)
        outputs = [t for _, t in leaves(interface.result, result) if t.requires_grad]
        if grad and outputs:
            torch.autograd.backward(outputs, [torch.ones_like(t) for t in outputs])
    words = {"x": "input x", "h": "initial hidden state h0", "c": "initial cell state c0"}
    held = [tensor for _, tensor in leaves(forms, (arguments, dict(keywords)))]
    if any(now is not own for now, (_, own) in zip(held, given, strict=True)):
        return ["list or dict of states"]  # it holds others now
    return [
        words.get(role, "initial state")
        for (role, now), then in zip(given, before, strict=True)
        if not torch.equal(now, then)
    ]


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
        how = "with gradients" if grad else "under no_grad"
        if any(not torch.equal(t.detach(), b) for t, b in zip(kept, before, strict=True)):
            raise Failed(f"a result is overwritten by the next call ({how}): a buffer is reused")
        again = [t for _, t in instance.native_leaves(result)]
        if any(not torch.equal(t.detach(), b) for t, b in zip(again, before, strict=True)):
            raise Failed(
                f"the list or dict that a call returned holds the next call's results ({how}): "
                "one object is handed out again and again"
            )


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
        raise Told(f"every call keeps tensors alive: {second - first} more after 20 further calls")


def _tensors_alive() -> int:
    alive = 0
    for thing in gc.get_objects():
        try:
            alive += issubclass(type(thing), torch.Tensor)
        except ReferenceError:
            continue
    return alive
