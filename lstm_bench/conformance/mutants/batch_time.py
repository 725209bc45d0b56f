"""Mistakes along the axes: steps skipped, repeated, shifted or reversed, rows mixed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.mutants.recurrence import EXACT, Mutant, Run, Step, mutate
from lstm_bench.conformance.reference import State, Trace

_INPUTS = {
    "reversed": (
        "the sequence is processed in reverse: time runs backwards",
        lambda x: x.flip(1),
    ),
    "batch_reversed": (
        "the inputs' batch axis is reversed: rows get each other's inputs",
        lambda x: x.flip(0),
    ),
    "first_for_all": (
        "every step reads the first step's input",
        lambda x: x[:, :1].expand_as(x),
    ),
    "last_for_all": (
        "every step reads the last step's input",
        lambda x: x[:, -1:].expand_as(x),
    ),
    "early": (
        "every step reads the next step's input: the inputs are shifted by one step of time",
        lambda x: torch.cat([x[:, 1:], x[:, -1:]], 1),
    ),
    "late": (
        "every step reads the input of the step before: the inputs are shifted by one step of time",
        lambda x: torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1),
    ),
    "late_repeating": (
        "every step reads the input of the step before (the first step its own): "
        "the inputs are shifted by one step of time",
        lambda x: torch.cat([x[:, :1], x[:, :-1]], 1),
    ),
    "rolled": (
        "the inputs are rolled by one step of time",
        lambda x: x.roll(1, 1),
    ),
    "batch_centred": (
        "the inputs are centred over the batch, which mixes the sequences",
        lambda x: x - x.mean(0, keepdim=True),
    ),
    "batch_normalised": (
        "the inputs are normalised over the batch, which mixes the sequences",
        lambda x: (x - x.mean(0, keepdim=True)) / (x.var(0, False, True) + 1e-5).sqrt(),
    ),
    "normalised": (
        "the inputs are normalised over their features",
        lambda x: torch.nn.functional.layer_norm(x, x.shape[-1:]),
    ),
    "time_centred": (
        "the inputs are centred over time, so that every output sees the whole sequence",
        lambda x: x - x.mean(1, keepdim=True),
    ),
    "cumulated": (
        "the inputs are summed up over time",
        lambda x: x.cumsum(1),
    ),
    "batch_cumulated": (
        "the inputs are summed up over the batch, which mixes the sequences",
        lambda x: x.cumsum(0),
    ),
    "batch_mean": (
        "the inputs are averaged over the batch, which mixes the sequences",
        lambda x: x.mean(0, keepdim=True).expand_as(x),
    ),
    "first_row": (
        "the first sequence of the batch is processed in the place of all of them",
        lambda x: x[:1].expand_as(x),
    ),
    "features_reversed": (
        "the inputs' features are read in reverse order",
        lambda x: x.flip(2),
    ),
    "viewed_time_major": (
        "batch and time axis are scrambled: x (B, T, I) is viewed as (T, B, I) "
        "instead of being transposed",
        lambda x: x.reshape(x.shape[1], x.shape[0], x.shape[2]).transpose(0, 1),
    ),
    "viewed_batch_major": (
        "batch and time axis are scrambled: x (T, B, I) is viewed as (B, T, I) "
        "instead of being transposed",
        lambda x: x.transpose(0, 1).reshape(x.shape),
    ),
    "squashed": ("the inputs go through tanh", lambda x: x.tanh()),
    "clipped": ("the inputs are clipped to [-1, 1]", lambda x: x.clamp(-1, 1)),
    "rectified": ("the inputs go through relu", lambda x: x.relu()),
}  # fmt: skip

_OUTPUTS = {
    "last_repeated": (
        "the output of the last step is repeated for all steps",
        lambda h: h[-1:] * (len(h) - 1),
    ),
    "first_repeated": (
        "the output of the first step is repeated for all steps",
        lambda h: h[1:2] * (len(h) - 1),
    ),
    "late": (
        "the outputs are shifted by one step of time: each is the hidden state before its step",
        lambda h: h[:-1],
    ),
    "late_repeating": (
        "the outputs are shifted by one step of time: each is that of the step before",
        lambda h: [h[1], *h[1:-1]],
    ),
    "late_zeros": (
        "the outputs are shifted by one step of time, with zeros first",
        lambda h: [_blank(h[1]), *h[1:-1]],
    ),
    "early": (
        "the outputs are shifted by one step of time: each is that of the next step",
        lambda h: [*h[2:], h[-1]],
    ),
    "reversed": (
        "the outputs come in reverse order of time",
        lambda h: h[:0:-1],
    ),
    "rolled": (
        "the outputs are rolled by one step of time",
        lambda h: [h[-1], *h[1:-1]],
    ),
    "last_only": (
        "only the last step's output is filled in, the others are zeros",
        lambda h: [*map(_blank, h[1:-1]), h[-1]],
    ),
    "last_missing": (
        "the last step's output is missing: zeros stand there",
        lambda h: [*h[1:-1], _blank(h[-1])],
    ),
    "first_missing": (
        "the first step's output is missing: zeros stand there",
        lambda h: [_blank(h[1]), *h[2:]],
    ),
    "last_copied": (
        "the last step's output is a copy of the step's before",
        lambda h: [*h[1:-1], h[-2]],
    ),
    "cumulated": (
        "the outputs are summed up over time",
        lambda h: list(torch.stack(h[1:]).cumsum(0)),
    ),
    "mean_so_far": (
        "the outputs are the means of the hidden states so far",
        lambda h: [torch.stack(h[1 : k + 1]).mean(0) for k in range(1, len(h))],
    ),
    "even_only": (
        "every second output is missing: zeros stand there",
        lambda h: [s if k % 2 == 0 else _blank(s) for k, s in enumerate(h[1:])],
    ),
    "zeros": ("the outputs are zeros", lambda h: [_blank(s) for s in h[1:]]),
    "ones": ("the outputs are ones", lambda h: [torch.ones_like(s) for s in h[1:]]),
    "squashed": (
        "the outputs go through tanh once more",
        lambda h: [s.tanh() for s in h[1:]],
    ),
    "rectified": ("the outputs go through relu", lambda h: [s.relu() for s in h[1:]]),
    "batch_reversed": (
        "the outputs' batch axis is reversed: rows get each other's outputs",
        lambda h: [s.flip(0) for s in h[1:]],
    ),
    "batch_mean": (
        "the outputs are averaged over the batch, which mixes the sequences",
        lambda h: [s.mean(0, keepdim=True).expand_as(s) for s in h[1:]],
    ),
    "first_row": (
        "the outputs of the first sequence of the batch are given for all of them",
        lambda h: [s[:1].expand_as(s) for s in h[1:]],
    ),
    "units_reversed": (
        "the outputs' units come in reverse order",
        lambda h: [s.flip(1) for s in h[1:]],
    ),
}  # fmt: skip


def _blank(t: Tensor) -> Tensor:
    return torch.zeros_like(t)


def truncated(steps: int) -> Mutant:
    """Nothing happens any more after so many steps: their outputs are zeros."""
    return mutate(
        f"truncated_{steps}",
        "batch_time",
        f"only the first {steps} steps of time are processed; the outputs after them are zeros",
        outputs=lambda h: [s if k < steps else _blank(s) for k, s in enumerate(h[1:])],
        end=lambda states: states[min(steps, len(states) - 1)],
    )


def frozen(steps: int) -> Mutant:
    """After so many steps the state stays as it is."""
    return mutate(
        f"frozen_{steps}",
        "batch_time",
        f"after {steps} steps of time the state stays as it is: the sequence is truncated",
        outputs=lambda h: [h[min(k, steps)] for k in range(1, len(h))],
        end=lambda states: states[min(steps, len(states) - 1)],
    )


# -- whole runs changed -----------------------------------------------------------------------


def _last_left_blank(p: Parameters, x: Tensor, state: State | None) -> Trace:
    """The last step is not run, and a blank hidden state stands for its output."""
    blank = x.new_zeros(x.shape[0], 1, p.hidden_size)
    blank = blank if p.head is None else blank @ p.head[0] + p.head[1]
    if x.shape[1] == 1:
        start = (blank[:, 0], blank[:, 0]) if state is None else state
        return Trace(blank, *start)
    short = EXACT(p, x[:, :-1], state)
    assert short.y is not None
    return Trace(torch.cat([short.y, blank], 1), short.h, short.c)


def _last_skipped(p: Parameters, x: Tensor, state: State | None) -> Trace:
    if x.shape[1] == 1:
        return EXACT(p, x, state)
    short = EXACT(p, x[:, :-1], state)
    assert short.y is not None
    return Trace(torch.cat([short.y, short.y[:, -1:]], 1), short.h, short.c)


def _first_skipped(p: Parameters, x: Tensor, state: State | None) -> Trace:
    if x.shape[1] == 1:
        return EXACT(p, x, state)
    rest = EXACT(p, x[:, 1:], state)
    assert rest.y is not None
    return Trace(torch.cat([torch.zeros_like(rest.y[:, :1]), rest.y], 1), rest.h, rest.c)


def _first_skipped_repeating(p: Parameters, x: Tensor, state: State | None) -> Trace:
    """As above, with the initial hidden state for the first output."""
    shifted = replace(EXACT, outputs=lambda h: h)
    if x.shape[1] == 1:
        shifted = replace(EXACT, outputs=lambda h: h[:1], end=lambda states: states[0])
        return shifted(p, x, state)
    return shifted(p, x[:, 1:], state)


def _first_twice(p: Parameters, x: Tensor, state: State | None) -> Trace:
    longer = EXACT(p, torch.cat([x[:, :1], x], 1), state)
    assert longer.y is not None
    return Trace(longer.y[:, 1:], longer.h, longer.c)


def _last_twice(p: Parameters, x: Tensor, state: State | None) -> Trace:
    longer = EXACT(p, torch.cat([x, x[:, -1:]], 1), state)
    assert longer.y is not None
    return Trace(longer.y[:, :-1], longer.h, longer.c)


def _backwards_aligned(p: Parameters, x: Tensor, state: State | None) -> Trace:
    trace = EXACT(p, x.flip(1), state)
    assert trace.y is not None
    return Trace(trace.y.flip(1), trace.h, trace.c)


def _future_added(p: Parameters, x: Tensor, state: State | None) -> Trace:
    forward, backward = EXACT(p, x, state), _backwards_aligned(p, x, state)
    assert forward.y is not None
    assert backward.y is not None
    return Trace(forward.y + backward.y, forward.h, forward.c)


def _over_batch(p: Parameters, x: Tensor, state: State | None) -> Trace:
    trace = EXACT(p, x.transpose(0, 1), None)
    assert trace.y is not None
    return Trace(trace.y.transpose(0, 1), None, None)


def _one_long_sequence(p: Parameters, x: Tensor, state: State | None) -> Trace:
    """The rows one after the other, the state handed on from row to row."""
    first = None if state is None else (state[0][:1], state[1][:1])
    trace = EXACT(p, x.reshape(1, -1, x.shape[2]), first)
    assert trace.y is not None
    y = trace.y.reshape(*x.shape[:2], -1)
    assert trace.h is not None
    assert trace.c is not None
    return Trace(y, trace.h.expand(len(x), -1), trace.c.expand(len(x), -1))


def _viewed(order: str, as_axes: str) -> Callable[[list[Tensor]], list[Tensor]]:
    """The outputs laid out in one order of axes and read as if they lay in another."""

    def outputs(h: list[Tensor]) -> list[Tensor]:
        y = torch.stack(h[1:])  # (T, B, H)
        laid = y.permute(["TBH".index(axis) for axis in order])
        sizes = {"T": y.shape[0], "B": y.shape[1], "H": y.shape[2]}
        read = laid.reshape([sizes[axis] for axis in as_axes])
        return list(read.permute([as_axes.index(axis) for axis in "TBH"]))

    return outputs


def _scrambled() -> Iterator[Mutant]:
    """A view or reshape where the axes should have been transposed."""
    for as_axes in ("BTH", "TBH"):
        for order in map("".join, itertools.permutations("TBH")):
            if order == as_axes:
                continue
            laid, read = (", ".join(axes) for axes in (order, as_axes))
            yield mutate(
                f"outputs_{order}_viewed_{as_axes}",
                "batch_time",
                f"the outputs' axes are scrambled: ({laid}) is viewed as ({read}) instead of "
                "being transposed, so that batch, time and the order of rows are mixed up",
                outputs=_viewed(order, as_axes),
            )


_EMITTED: dict[str, tuple[str, Callable[[Step], Tensor]]] = {
    "cell": ("the outputs are the cell states c instead of the hidden states", lambda s: s.new_c),
    "tanh_cell": (
        "the outputs are tanh(c): the output gate is missing in them",
        lambda s: s.new_c.tanh(),
    ),
    "output_gate": ("the outputs are the output gates instead of the hidden states", lambda s: s.o),
    "residual": ("the old hidden state is added to the outputs", lambda s: s.new_h + s.h),
}

_RUNS: dict[str, tuple[str, Run]] = {
    "last_skipped": ("the last step is dropped: it is never run", _last_skipped),
    "last_left_blank": (
        "the last step is dropped: it is never run, and its output stays zero",
        _last_left_blank,
    ),
    "first_skipped": ("the first step is skipped: it is never run", _first_skipped),
    "first_skipped_repeating": (
        "the first step is skipped: it is never run, and h0 stands for its output",
        _first_skipped_repeating,
    ),
    "first_step_twice": ("the first step is run twice", _first_twice),
    "last_step_twice": ("the last step is run twice", _last_twice),
    "backwards_aligned": (
        "the recurrence runs backwards in time, from the last step to the first",
        _backwards_aligned,
    ),
    "future_added": (
        "a pass backwards in time is added: outputs depend on later inputs (the future)",
        _future_added,
    ),
    "over_batch": (
        "batch and time are mixed up: the recurrence runs over the batch axis instead of time",
        _over_batch,
    ),
    "one_long_sequence": (
        "the sequences of the batch are run one after the other as one long sequence: "
        "state leaks from row to row of the batch",
        _one_long_sequence,
    ),
}


def _all() -> Iterator[Mutant]:
    for name, (words, inputs) in _INPUTS.items():
        yield mutate(f"inputs_{name}", "batch_time", words, inputs=inputs)
    for name, (words, outputs) in _OUTPUTS.items():
        yield mutate(f"outputs_{name}", "batch_time", words, outputs=outputs)
    for name, (words, run) in _RUNS.items():
        yield Mutant(name, "batch_time", words, run)
    for name, (words, emit) in _EMITTED.items():
        yield mutate(f"outputs_{name}", "batch_time", words, emit=emit)
    yield from _scrambled()
    for steps in (1, 2, 3, 4, 5):
        yield truncated(steps)
        yield frozen(steps)


MUTANTS = tuple(_all())
