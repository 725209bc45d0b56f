"""Mistakes in how gradients flow: the values are right, a path back is cut, or counted wrongly.

History is detached where nobody asked for it, an operand is left out, a gradient is clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.mutants.operands import GATES
from lstm_bench.conformance.mutants.recurrence import (
    WORDS,
    Mutant,
    Step,
    exact_operands,
    from_bias,
    from_h,
    from_x,
    mutate,
    surrogate,
)
from lstm_bench.conformance.reference import State, gates_of, step

CLASS = "gradients"


def backward_mutant(name: str, sentence: str, **hooks: object) -> Mutant:
    return mutate(f"grad_{name}", CLASS, sentence, **hooks)


# -- the flow from step to step ---------------------------------------------------------------


def detached_every(steps: int) -> Mutant:
    """The state is cut off after every so many steps: truncated back-propagation."""

    def carry(s: Step) -> State:
        if (s.t + 1) % steps == 0:
            return s.new_h.detach(), s.new_c.detach()
        return s.new_h, s.new_c

    every = "between steps" if steps == 1 else f"after every {steps} steps"
    return backward_mutant(
        f"detached_every_{steps}",
        f"the state is detached {every}: back-propagation through time is truncated",
        carry=carry,
    )


def detached_before_last(steps: int) -> Mutant:
    """Only the last so many steps take part in the backward pass."""

    def carry(s: Step) -> State:
        if s.t + 1 == s.steps - steps:
            return s.new_h.detach(), s.new_c.detach()
        return s.new_h, s.new_c

    return backward_mutant(
        f"detached_before_last_{steps}",
        f"the gradient flows back through the last {steps} steps only: back-propagation through "
        "time is truncated",
        carry=carry,
    )


def _flow() -> Iterator[Mutant]:
    yield backward_mutant(
        "detach_h",
        "the hidden state is detached between steps: no gradient flows back through h",
        carry=lambda s: (s.new_h.detach(), s.new_c),
    )
    yield backward_mutant(
        "detach_c",
        "the cell state is detached between steps: no gradient flows back through c",
        carry=lambda s: (s.new_h, s.new_c.detach()),
    )
    yield backward_mutant(
        "detach_h_and_h0",
        "the hidden state is detached in every step, h0 too: no gradient flows back through h",
        operands=lambda s: from_x(s) + s.h.detach() @ s.p.U + from_bias(s),
    )
    yield backward_mutant(
        "detach_c_and_c0",
        "the cell state is detached in every step, c0 too: no gradient flows back through c",
        cell=lambda s: s.f * s.c.detach() + s.i * s.a,
    )
    yield backward_mutant(
        "detach_outputs_path",
        "the hidden state is detached from the cell state: no gradient flows from h into c",
        hidden=lambda s: s.o * s.new_c.tanh().detach(),
    )
    yield backward_mutant(
        "doubled_h",
        "the gradient of the hidden state counts twice from step to step",
        carry=lambda s: (surrogate(s.new_h, 2 * s.new_h), s.new_c),
    )
    yield backward_mutant(
        "doubled_c",
        "the gradient of the cell state counts twice from step to step",
        carry=lambda s: (s.new_h, surrogate(s.new_c, 2 * s.new_c)),
    )
    yield backward_mutant(
        "accumulated_h",
        "the gradient of the hidden state is added up from step to step instead of handed on",
        carry=lambda s: (surrogate(s.new_h, s.new_h + s.h), s.new_c),
    )
    yield backward_mutant(
        "accumulated_c",
        "the gradient of the cell state is added up from step to step instead of handed on",
        carry=lambda s: (s.new_h, surrogate(s.new_c, s.new_c + s.c)),
    )
    for steps in range(1, 6):
        yield detached_every(steps)
        if steps > 1:
            yield detached_before_last(steps)
    yield backward_mutant(
        "detach_output",
        "the outputs carry no gradient: they are detached",
        outputs=lambda h: [s.detach() for s in h[1:]],
    )


# -- gradients of the operands -----------------------------------------------------------------


def _cut(gates: Sequence[int], operand: str) -> Callable[[Step], Tensor]:
    """The operands with no gradient into h (or x) through these gates."""

    def operands(s: Step) -> Tensor:
        mask = torch.zeros(4, 1, 1, dtype=torch.bool, device=s.x.device)
        mask[list(gates)] = True
        x, h = from_x(s), from_h(s)
        if operand == "h":
            h = torch.where(mask, s.h.detach() @ s.p.U, h)
        else:
            x = torch.where(mask, s.x.detach() @ s.p.W, x)
        return x + h + from_bias(s)

    return operands


def _weights_only(steps: Callable[[Step], bool], which: str) -> Callable[[Step], Tensor]:
    """The operands with gradients of the parameters from the chosen steps only."""

    def operands(s: Step) -> Tensor:
        keep = steps(s)
        p = Parameters(
            *(
                t if keep or n not in which else t.detach()
                for n, t in (("W", s.p.W), ("U", s.p.U), ("b", s.p.b))
            )
        )
        return s.x @ p.W + s.h @ p.U + p.b.unsqueeze(1)

    return operands


def _from_first_row(which: str) -> Callable[[Step], Tensor]:
    """The operands with gradients of the parameters from the first sequence only."""

    def operands(s: Step) -> Tensor:
        x, h, b = from_x(s), from_h(s), from_bias(s).expand(4, len(s.x), -1)
        first = torch.arange(len(s.x), device=s.x.device).reshape(1, -1, 1) == 0
        if "W" in which:
            x = torch.where(first, x, s.x @ s.p.W.detach())
        if "U" in which:
            h = torch.where(first, h, s.h @ s.p.U.detach())
        if "b" in which:
            b = torch.where(first, b, b.detach())
        return x + h + b

    return operands


def _dU_from(other: Callable[[Step], Tensor]) -> Callable[[Step], Tensor]:
    """The gradient of U is taken with another tensor in the place of the old h."""

    def operands(s: Step) -> Tensor:
        recurrent = surrogate(from_h(s), s.h @ s.p.U.detach() + other(s).detach() @ s.p.U)
        return from_x(s) + recurrent + from_bias(s)

    return operands


_PARAMETERS = {
    "WUb": "the parameters' gradients",
    "U": "the gradient of the recurrent weights (over h)",
    "W": "the gradient of the weights over x",
    "b": "the gradient of the biases",
}


def _operands() -> Iterator[Mutant]:
    for operand, words in (("h", "hidden state"), ("x", "input x")):
        for k, gate in enumerate(GATES):
            yield backward_mutant(
                f"d{operand}_without_{gate}",
                f"the gradient of the {words} leaves out the {WORDS[gate]}",
                operands=_cut((k,), operand),
            )
            rest = tuple(g for g in range(4) if g != k)
            yield backward_mutant(
                f"d{operand}_only_{gate}",
                f"the gradient of the {words} comes from the {WORDS[gate]} alone; "
                "the other gates are left out",
                operands=_cut(rest, operand),
            )
    for which, words in _PARAMETERS.items():
        verb = "come" if which == "WUb" else "comes"
        yield backward_mutant(
            f"{which}_last_step",
            f"{words} {verb} from the last step only: the earlier steps of time are lost",
            operands=_weights_only(lambda s: s.t == s.steps - 1, which),
        )
        yield backward_mutant(
            f"{which}_first_step",
            f"{words} {verb} from the first step only: the later steps of time are lost",
            operands=_weights_only(lambda s: s.t == 0, which),
        )
        yield backward_mutant(
            f"{which}_first_row",
            f"{words} {verb} from the first sequence of the batch only",
            operands=_from_first_row(which),
        )
        yield backward_mutant(
            f"{which}_not_first_step",
            f"{words} {verb} from all steps but the first",
            operands=_weights_only(lambda s: s.t > 0, which),
        )
        yield backward_mutant(
            f"{which}_not_last_step",
            f"{words} {verb} from all steps but the last",
            operands=_weights_only(lambda s: s.t < s.steps - 1, which),
        )
    for name, words, other in (
        ("new_h", "the new hidden state instead of the old one", _next_h),
        ("c", "the cell state instead of the hidden state", lambda s: s.c),
        ("stale_h", "the hidden state of two steps ago", lambda s: s.before[0]),
    ):
        yield backward_mutant(
            f"dU_with_{name}",
            f"the gradient of the recurrent weights (over h) is taken with {words}",
            operands=_dU_from(other),
        )


def _next_h(s: Step) -> Tensor:
    with torch.no_grad():
        return step(gates_of(s.p), s.x, (s.h, s.c))[0]


# -- clipped on the way back -------------------------------------------------------------------


def clipped_inside() -> Iterator[Mutant]:
    """The gradient that flows from step to step is clipped at one of the usual limits."""
    for limit in (0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0):
        for name, (words, hooks) in _clipping(limit).items():
            yield backward_mutant(
                f"clipped_{name}_{limit:g}",
                f"the gradient of the {words} is clipped to ±{limit:g} in every step",
                **hooks,
            )


def _clipping(limit: float) -> dict[str, tuple[str, dict[str, object]]]:
    """What can be clipped on the way back, in words, and the hooks that do it."""

    def clip(t: Tensor) -> Tensor:
        return _ClippedBackward.apply(t, limit)  # type: ignore[no-any-return, no-untyped-call]

    hidden = {"hidden": lambda s: clip(s.o * s.new_c.tanh())}
    cell = {"cell": lambda s: clip(s.f * s.c + s.i * s.a)}
    return {
        "h": ("hidden state", {**hidden}),
        "c": ("cell state", {**cell}),
        "state": ("hidden state and the cell state", {**hidden, **cell}),
        "carried_h": ("hidden state between steps", {"carry": lambda s: (clip(s.new_h), s.new_c)}),
        "gates": ("gates", {"operands": lambda s: clip(exact_operands(s))}),
    }


class _ClippedBackward(torch.autograd.Function):
    """The identity, whose gradient is clipped."""

    @staticmethod
    def forward(ctx: Any, t: Tensor, limit: float) -> Tensor:
        ctx.limit = limit
        return t.clone()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        return g.clamp(-ctx.limit, ctx.limit), None


MUTANTS = (*_flow(), *_operands())
