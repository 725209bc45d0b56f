"""Roles for tensors that did not show theirs on the first step.

Without a given state nothing that multiplies h, or feeds the forget gate, can move anything in
one step; where only h is seen, input and output gate look alike; and where a subject ignores a
state, what multiplies it is silent. Such tensors are taken to lie as their fellows do: U as W,
one tensor a gate where x has one tensor a gate. The few readings that are left are all put
forward, and the values of whole sequences prove one of them right, or none.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lstm_bench.subject.nudge import KIND_BIAS, KIND_H, KIND_X, UNKNOWN
from lstm_bench.subject.patterns import Segment, TensorLayout

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
    layouts: Layouts,
    silent: Mapping[str, Shape],
    input_size: int,
    hidden_size: int,
    doubtful: frozenset[int],
) -> Iterator[Layouts]:
    """Complete readings, the likeliest first.

    layouts may hold tensors whose gate is UNKNOWN. doubtful: gates that may be exchanged with
    one another everywhere, because nothing told them apart.
    """
    sizes = (input_size, hidden_size)
    for transposed in (False, True):
        families = _families(layouts, silent, sizes, transposed)
        for reading in _assignments(layouts, families):
            for exchanged in _exchanges(reading, doubtful):
                if is_complete(exchanged):
                    yield exchanged


def _families(
    layouts: Layouts, silent: Mapping[str, Shape], sizes: tuple[int, int], transposed: bool
) -> list[dict[str, TensorLayout]]:
    """Groups of tensors that lie alike, one a gate (or one fused), open gates left UNKNOWN.

    The first group shows the pattern; the others (U, biases) are put in step with it by name.
    """
    shown: dict[tuple[frozenset[int], Shape], dict[str, TensorLayout]] = {}
    for name, layout in layouts.items():
        key = (frozenset(layout.kinds), _shape(layout, sizes))
        shown.setdefault(key, {})[name] = layout
    left = dict(silent)
    families = []
    for (_, shape), members in sorted(shown.items(), key=lambda item: KIND_X not in item[0][0]):
        family = dict(members)
        template = next(iter(members.values()))
        if len(template.gate_order) <= 1:
            for name in [n for n, s in left.items() if s == shape][: 4 - len(family)]:
                family[name] = _with_gate(template, UNKNOWN)
                del left[name]
        families.append(family)
    if families and KIND_H not in {k for f in families for lay in f.values() for k in lay.kinds}:
        families += _recurrent(families, left, sizes, transposed)
    return families


def _recurrent(
    families: Sequence[dict[str, TensorLayout]],
    left: Mapping[str, Shape],
    sizes: tuple[int, int],
    transposed: bool,
) -> list[dict[str, TensorLayout]]:
    """The silent tensors that can be U: shaped as W would be over h."""
    found = []
    for family in families:
        template = next(iter(family.values()))
        if template.kinds - {KIND_BIAS} != {KIND_X}:
            continue
        over_h = template.for_operand(KIND_H)
        if transposed:
            over_h = replace(over_h, axes=tuple(reversed(over_h.axes)))
        shape = _shape(over_h, sizes)
        names = [n for n, s in left.items() if s == shape][: len(family)]
        if len(names) == len(family):
            open_gate = len(template.gate_order) <= 1
            found.append({n: _with_gate(over_h, UNKNOWN) if open_gate else over_h for n in names})
    return found


def _assignments(layouts: Layouts, families: list[dict[str, TensorLayout]]) -> Iterator[Layouts]:
    """Give the open tensors of each family the gates that are missing, all families in step."""
    base = dict(layouts)
    for family in families:
        base.update(family)
    per_gate = [f for f in families if any(len(lay.gate_order) <= 1 for lay in f.values())]
    if not per_gate:
        yield base
        return
    order = list(per_gate[0])
    columns = [_in_step(order, list(family)) for family in per_gate]
    known = [_known_gate([base[c[k]] for c in columns if k < len(c)]) for k in range(len(order))]
    missing = [g for g in range(4) if g not in known]
    gaps = [k for k, gate in enumerate(known) if gate == UNKNOWN]
    if len(gaps) != len(missing):
        return
    for permuted in itertools.permutations(missing):
        gates = list(known)
        for gap, gate in zip(gaps, permuted, strict=True):
            gates[gap] = gate
        reading = dict(base)
        for column in columns:
            for k, name in enumerate(column):
                reading[name] = _with_gate(base[name], gates[k])
        yield reading


def _known_gate(layouts: list[TensorLayout]) -> int:
    for layout in layouts:
        if layout.gate_order and layout.gate_order[0] != UNKNOWN:
            return layout.gate_order[0]
    return UNKNOWN


def _exchanges(layouts: Layouts, doubtful: frozenset[int]) -> Iterator[Layouts]:
    """The reading itself, then with the doubtful gates of fused tensors exchanged."""
    fused = {n for n, lay in layouts.items() if len(lay.gate_order) > 1}
    order = sorted(doubtful)
    for permuted in itertools.permutations(order) if fused else [tuple(order)]:
        swap = dict(zip(order, permuted, strict=True))
        yield {n: _renamed(lay, swap) if n in fused else lay for n, lay in layouts.items()}


def _in_step(order: list[str], names: list[str]) -> list[str]:
    """``names`` rearranged so that each stands where the name most like its own stands."""
    left = list(names)
    column = []
    for target in order[: len(names)]:
        likeness = [difflib.SequenceMatcher(None, n, target).ratio() for n in left]
        best = left[likeness.index(max(likeness))]
        column.append(best)
        left.remove(best)
    return column


def _shape(layout: TensorLayout, sizes: tuple[int, int]) -> Shape:
    return tuple(layout.labels(*sizes)["kind"].shape)


def _with_gate(layout: TensorLayout, gate: int) -> TensorLayout:
    """The same layout for one other gate."""

    def change(segment: Segment) -> Segment:
        return replace(segment, gates=(gate,)) if segment.gates else segment

    axes = tuple(tuple(change(s) for s in axis) for axis in layout.axes)
    told_by_axis = any(s.gates for axis in layout.axes for s in axis)
    whole = layout.whole if told_by_axis else replace(layout.whole, gate=gate)
    return TensorLayout(axes, whole)


def _renamed(layout: TensorLayout, swap: Mapping[int, int]) -> TensorLayout:
    def change(segment: Segment) -> Segment:
        return replace(segment, gates=tuple(swap.get(g, g) for g in segment.gates))

    axes = tuple(tuple(change(s) for s in axis) for axis in layout.axes)
    gate = swap.get(layout.whole.gate, layout.whole.gate)
    return TensorLayout(axes, replace(layout.whole, gate=gate))
