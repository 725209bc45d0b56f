"""Mistakes of arithmetic: clipped states, rounding to a smaller type, NaN cleaned away.

What is clipped, and where, is read off a subject's own result: see :func:`clips`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.mutants.recurrence import (
    EXACT,
    Mutant,
    Step,
    exact_operands,
    mutate,
)
from lstm_bench.conformance.problem import Results
from lstm_bench.conformance.reference import State, Trace

USUAL_LIMITS = (0.5, 1, 2, 3, 5, 6, 8, 10, 15, 16, 20, 25, 30, 40, 50, 60, 80, 88, 100)


def clips(got: Results, highest: Results) -> Iterator[Mutant]:
    """States clipped where a result has its largest entries, and gates at usual places.

    highest: the results where the cell state is made as large as it gets.
    """
    limits = {part: {_largest(r[part]) for r in (got, highest) if part in r} for part in "yhc"}
    for limit in sorted(limits["c"]) or USUAL_LIMITS:
        yield clipped_cell(float(limit))
        yield clipped_returned_cell(float(limit))
    for limit in sorted(limits["h"] | limits["y"]):
        yield clipped_hidden(limit)
        yield clipped_outputs(limit)
    for limit in USUAL_LIMITS:
        yield clipped_gates(float(limit))


def _largest(t: Tensor) -> float:
    return round(t.abs().nan_to_num().max().item(), 6)


def clipped_outputs(limit: float) -> Mutant:
    return mutate(
        f"clipped_outputs_{limit:g}",
        "numerics",
        f"the outputs are clipped to ±{limit:g}",
        outputs=lambda h: [s.clamp(-limit, limit) for s in h[1:]],
    )


def clipped_cell(limit: float) -> Mutant:
    def cell(s: Step) -> Tensor:
        return (s.f * s.c + s.i * s.a).clamp(-limit, limit)

    words = f"the cell state is clipped to ±{limit:g}"
    return mutate(f"clipped_cell_{limit:g}", "numerics", words, cell=cell)


def clipped_returned_cell(limit: float) -> Mutant:
    return mutate(
        f"clipped_returned_cell_{limit:g}",
        "numerics",
        f"the returned cell state is clipped to ±{limit:g}",
        end=lambda states: (states[-1][0], states[-1][1].clamp(-limit, limit)),
    )


def clipped_hidden(limit: float) -> Mutant:
    return mutate(
        f"clipped_hidden_{limit:g}",
        "numerics",
        f"the hidden state is clipped to ±{limit:g}",
        hidden=lambda s: (s.o * s.new_c.tanh()).clamp(-limit, limit),
    )


def clipped_gates(limit: float) -> Mutant:
    return mutate(
        f"clipped_gates_{limit:g}",
        "numerics",
        f"what goes into the gates is clipped to ±{limit:g} before it is squashed",
        operands=lambda s: exact_operands(s).clamp(-limit, limit),
    )


_SIZES = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}


def _rounded_throughout(dtype: torch.dtype) -> Callable[..., Trace]:
    def run(p: Parameters, x: Tensor, state: State | None) -> Trace:
        given = None if state is None else (state[0].to(dtype), state[1].to(dtype))
        trace = EXACT(p.to(dtype=dtype), x.to(dtype), given)
        return Trace(*(None if t is None else t.to(x.dtype) for t in (trace.y, trace.h, trace.c)))

    return run


def _overflowing(z: Tensor) -> Tensor:
    return z.exp() / (1 + z.exp())


def _rounded(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    return lambda t: t.to(dtype).to(t.dtype)


def _precision() -> Iterator[Mutant]:
    """Parts of the computation in a smaller type than the inputs have."""
    for dtype, word in _SIZES.items():
        short = _rounded(dtype)
        yield mutate(
            f"inputs_{word}",
            "numerics",
            f"the inputs are rounded to {word}",
            inputs=short,
        )
        yield mutate(
            f"carried_{word}",
            "numerics",
            f"the cell state is kept in {word} from step to step",
            carry=lambda s, short=short: (s.new_h, short(s.new_c)),
        )
        yield mutate(
            f"carried_h_{word}",
            "numerics",
            f"the hidden state is kept in {word} from step to step",
            carry=lambda s, short=short: (short(s.new_h), s.new_c),
        )
        yield mutate(
            f"cell_{word}",
            "numerics",
            f"the cell state is rounded to {word}",
            cell=lambda s, short=short: short(s.f * s.c + s.i * s.a),
        )
        yield mutate(
            f"gates_{word}",
            "numerics",
            f"what goes into the gates is rounded to {word}",
            operands=lambda s, short=short: short(exact_operands(s)),
        )
        yield mutate(
            f"outputs_{word}",
            "numerics",
            f"the outputs are rounded to {word}",
            outputs=lambda h, short=short: [short(s) for s in h[1:]],
        )


def _cleaned() -> Iterator[Mutant]:
    yield mutate(
        "nan_to_num_inputs",
        "numerics",
        "NaN in the inputs is cleaned away: it counts as zero",
        inputs=torch.nan_to_num,
    )
    yield mutate(
        "nan_to_num_gates",
        "numerics",
        "NaN is cleaned away before the gates are squashed",
        operands=lambda s: exact_operands(s).nan_to_num(),
    )
    yield mutate(
        "nan_to_num_outputs",
        "numerics",
        "NaN in the outputs is cleaned away",
        outputs=lambda h: [s.nan_to_num() for s in h[1:]],
        end=lambda states: (states[-1][0].nan_to_num(), states[-1][1].nan_to_num()),
    )
    yield mutate(
        "nan_to_num_state",
        "numerics",
        "NaN in the cell state is cleaned away",
        cell=lambda s: (s.f * s.c + s.i * s.a).nan_to_num(),
    )
    yield mutate(
        "exp_overflow",
        "numerics",
        "the sigmoid is computed as exp(z) / (1 + exp(z)), which overflows for large z",
        squash=(_overflowing, _overflowing, _overflowing, torch.tanh),
    )
    yield mutate(
        "tanh_overflow",
        "numerics",
        "tanh is computed from exp(2z), which overflows for large z",
        squash=(*EXACT.squash[:3], _overflowing_tanh),
        hidden=lambda s: s.o * _overflowing_tanh(s.new_c),
    )


def _overflowing_tanh(z: Tensor) -> Tensor:
    return ((2 * z).exp() - 1) / ((2 * z).exp() + 1)


MUTANTS = (*_precision(), *_cleaned())
