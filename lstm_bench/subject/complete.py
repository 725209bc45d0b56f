"""Layouts for tensors that did not move anything on the first step.

Without a given state, nothing that multiplies h or feeds the forget gate can show itself in
one step; and where a subject ignores a state, what multiplies it is silent too. Such tensors
are taken to lie as their fellows do: U as W, the missing gate where its place is free. That is
an assumption, so every completion is proved (or refuted) by the values of whole sequences.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace

from lstm_bench.subject.nudge import KIND_BIAS, KIND_H, KIND_X, UNKNOWN
from lstm_bench.subject.patterns import Label, Segment, TensorLayout

Layouts = dict[str, TensorLayout]
Shape = tuple[int, ...]
ALL = frozenset(range(4))


def coverage(layouts: Mapping[str, TensorLayout]) -> dict[int, frozenset[int]]:
    """For each operand, the gates that some tensor feeds from it."""
    found: dict[int, set[int]] = {KIND_X: set(), KIND_H: set(), KIND_BIAS: set()}
    for layout in layouts.values():
        for kind in layout.kinds:
            found[kind] |= set(layout.gate_order)
    return {kind: frozenset(gates) for kind, gates in found.items()}


def is_complete(layouts: Mapping[str, TensorLayout]) -> bool:
    """Whether all four gates are fed from x and from h."""
    found = coverage(layouts)
    return found[KIND_X] == ALL and found[KIND_H] == ALL


def completions(
    layouts: Layouts, silent: Mapping[str, Shape], input_size: int, hidden_size: int
) -> Iterator[Layouts]:
    """Ways to give the silent tensors a role, the likeliest first."""
    for forget in _fill_single_gates(layouts, silent, input_size, hidden_size):
        left = {n: s for n, s in silent.items() if n not in forget}
        missing = ALL - coverage(forget)[KIND_H]
        if not missing:
            yield forget
            continue
        yield from _recurrent(forget, left, input_size, hidden_size)


def _fill_single_gates(
    layouts: Layouts, silent: Mapping[str, Shape], input_size: int, hidden_size: int
) -> Iterator[Layouts]:
    """Per-gate tensors of x and biases: the missing gate goes to a silent twin of its shape."""
    result = dict(layouts)
    for kind in (KIND_X, KIND_BIAS):
        twins = {n: lay for n, lay in layouts.items() if lay.kinds == {kind}}
        missing = sorted(ALL - coverage(result)[kind])
        if not twins or len(missing) != 1:
            continue
        twin_name, twin = next(iter(twins.items()))
        shape = _shape(twin, input_size, hidden_size)
        candidates = [n for n, s in silent.items() if s == shape and n not in result]
        if len(twin.gate_order) != 1 or not candidates:
            continue
        name = max(candidates, key=lambda n: _likeness(n, twin_name))
        result[name] = _with_gate(twin, missing[0])
    yield result


def _recurrent(
    layouts: Layouts, silent: Mapping[str, Shape], input_size: int, hidden_size: int
) -> Iterator[Layouts]:
    """U lies as W does, tensor by tensor; then every order of the gates, and transposed."""
    fellows = {n: lay for n, lay in layouts.items() if lay.kinds == {KIND_X}}
    wanted = {
        name: _shape(lay.for_operand(KIND_H), input_size, hidden_size)
        for name, lay in fellows.items()
    }
    pool = {n: s for n, s in silent.items() if s in wanted.values() or s in _turned(wanted)}
    if len(fellows) == 0 or len(pool) < len(fellows):
        return
    names = _in_step(list(fellows), list(pool))
    for transposed in (False, True):
        for order in itertools.permutations(range(len(fellows))):
            result = dict(layouts)
            for k, (own, fellow) in enumerate(zip(names, fellows, strict=False)):
                del k
                source = fellows[list(fellows)[order[list(fellows).index(fellow)]]]
                lay = source.for_operand(KIND_H)
                result[own] = _transpose(lay) if transposed else lay
            yield result


def _in_step(fellows: list[str], pool: list[str]) -> list[str]:
    """For each fellow, the silent tensor whose name is most like its own; else by order."""
    left = list(pool)
    chosen = []
    for fellow in fellows:
        best = max(left, key=lambda n: _likeness(n, fellow))
        ties = [n for n in left if _likeness(n, fellow) == _likeness(best, fellow)]
        chosen.append(ties[0])
        left.remove(ties[0])
    return chosen


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()


def _shape(layout: TensorLayout, input_size: int, hidden_size: int) -> Shape:
    return tuple(layout.labels(input_size, hidden_size)["kind"].shape)


def _turned(shapes: Mapping[str, Shape]) -> set[Shape]:
    return {tuple(reversed(s)) for s in shapes.values()}


def _transpose(layout: TensorLayout) -> TensorLayout:
    return replace(layout, axes=tuple(reversed(layout.axes)))


def _with_gate(layout: TensorLayout, gate: int) -> TensorLayout:
    def change(segment: Segment) -> Segment:
        return replace(segment, gates=(gate,)) if segment.gates else segment

    axes = tuple(tuple(change(s) for s in axis) for axis in layout.axes)
    whole = layout.whole
    new = Label(whole.kind, whole.index, UNKNOWN if whole.gate == UNKNOWN else gate, whole.unit)
    return TensorLayout(axes, new)
