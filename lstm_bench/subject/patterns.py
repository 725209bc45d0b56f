"""From labels of single entries at one size to a layout that holds at every size.

A tensor is described axis by axis. Along an axis run one or more segments, each a nest of
loops: ``gate, unit`` is "all units of the first gate, then all of the next"; ``unit, gate`` is
gates interleaved per unit; an ``x`` segment followed by an ``h`` segment is one matrix over
[x, h]. Expanding the nests for other sizes gives the labels of every entry there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstm_bench.subject.nudge import KIND_BIAS, KIND_H, KIND_X, UNKNOWN, Array, Labels

Mask = NDArray[np.bool_]
COMPONENTS = ("kind", "index", "gate", "unit")


@dataclass(frozen=True)
class Label:
    """What an entry does; UNKNOWN for a component that was not seen or is told by another axis."""

    kind: int = UNKNOWN
    index: int = UNKNOWN
    gate: int = UNKNOWN
    unit: int = UNKNOWN


@dataclass(frozen=True)
class Segment:
    """A nest of loops, outermost first, over ``gate``, ``unit`` and ``index``.

    kind: which operand, or UNKNOWN where another axis tells. gates: the order of the gate
    loop, or the one gate of this segment, or empty where another axis tells.
    """

    loops: tuple[str, ...]
    kind: int = UNKNOWN
    gates: tuple[int, ...] = ()

    def length(self, sizes: dict[int, int], hidden_size: int) -> int:
        return int(np.prod([len(r) for r in self._ranges(sizes, hidden_size)], initial=1))

    def _ranges(self, sizes: dict[int, int], hidden_size: int) -> list[Sequence[int]]:
        ranges: dict[str, Sequence[int]] = {
            "gate": self.gates,
            "unit": range(hidden_size),
            "index": range(sizes.get(self.kind, 1)),
        }
        return [ranges[loop] for loop in self.loops]

    def labels(self, sizes: dict[int, int], hidden_size: int) -> Iterator[Label]:
        fixed_gate = self.gates[0] if len(self.gates) == 1 and "gate" not in self.loops else UNKNOWN
        fixed_index = 0 if self.kind == KIND_BIAS else UNKNOWN
        for values in itertools.product(*self._ranges(sizes, hidden_size)):
            at = dict(zip(self.loops, values, strict=True))
            yield Label(
                self.kind,
                at.get("index", fixed_index),
                at.get("gate", fixed_gate),
                at.get("unit", UNKNOWN),
            )


@dataclass(frozen=True)
class TensorLayout:
    """Segments along each axis, and what holds for the whole tensor (one gate, one operand)."""

    axes: tuple[tuple[Segment, ...], ...]
    whole: Label

    def labels(
        self, input_size: int, hidden_size: int, state_size: int | None = None
    ) -> dict[str, Array]:
        """Arrays kind, index, gate, unit of the tensor's shape at these sizes.

        state_size: of a projected hidden state; hidden_size where it is not.
        """
        sizes = {KIND_X: input_size, KIND_H: state_size or hidden_size, KIND_BIAS: 1}
        along = [
            [lab for segment in axis for lab in segment.labels(sizes, hidden_size)]
            for axis in self.axes
        ]
        shape = tuple(len(labels) for labels in along)
        result: dict[str, Array] = {}
        for component in COMPONENTS:
            total = np.full(shape, getattr(self.whole, component), dtype=np.int64)
            for axis, labels in enumerate(along):
                values = np.array([getattr(lab, component) for lab in labels], dtype=np.int64)
                spread = [1] * len(shape)
                spread[axis] = len(labels)
                total = np.maximum(total, values.reshape(spread))
            result[component] = total
        return result

    @property
    def kinds(self) -> set[int]:
        """The operands that this tensor's entries multiply."""
        found = {s.kind for axis in self.axes for s in axis} | {self.whole.kind}
        return found - {UNKNOWN}

    @property
    def gate_order(self) -> tuple[int, ...]:
        """The gates in the order in which they lie."""
        for axis in self.axes:
            found: list[int] = []
            for segment in axis:
                found += [g for g in segment.gates if g not in found]
            if found:
                return tuple(found)
        return () if self.whole.gate == UNKNOWN else (self.whole.gate,)

    @property
    def interleaved(self) -> bool:
        """Whether the gates lie side by side for each unit."""
        return any(
            "gate" in s.loops
            and "unit" in s.loops
            and s.loops.index("unit") < s.loops.index("gate")
            for axis in self.axes
            for s in axis
        )

    def for_operand(self, kind: int) -> TensorLayout:
        """The same layout over another operand: what U looks like if it lies as W does.

        A bias that lies beside W in the same tensor has no fellow there.
        """

        def change(segment: Segment) -> Segment:
            new = segment.kind if segment.kind == UNKNOWN else kind
            return Segment(segment.loops, new, segment.gates)

        axes = tuple(tuple(change(s) for s in axis if s.kind != KIND_BIAS) for axis in self.axes)
        whole_kind = self.whole.kind if self.whole.kind == UNKNOWN else kind
        return TensorLayout(
            axes, Label(whole_kind, self.whole.index, self.whole.gate, self.whole.unit)
        )


WHOLE = -1
"""The owner of a component that is the same for the whole tensor."""


def fit(labels: Labels, input_size: int, hidden_size: int) -> TensorLayout | None:
    """The layout that the labels of one tensor follow, or None. Gaps are filled in.

    Where the gates follow no layout (one tensor at work in two gates, say), the rest may; the
    gate is then left UNKNOWN, for the tensor's place among its fellows to tell.
    """
    arrays = {name: getattr(labels, name) for name in COMPONENTS}
    if any((array < UNKNOWN).any() for array in arrays.values()):
        return None
    if not (arrays["unit"] != UNKNOWN).any():
        return None
    sizes = (input_size, hidden_size)
    for gate in (arrays["gate"], *_outvoted(arrays["gate"], hidden_size), _blank(arrays)):
        layout = None if gate is None else _fit(arrays | {"gate": gate}, *sizes)
        if layout is not None:
            return layout
    return None


def _outvoted(gate: Array, hidden_size: int) -> Iterator[Array]:
    """The gates with each block of H (or each fourth place) given the gate most of it shows.

    A wrong equation makes a gate look like its neighbour on some units.
    """
    for axis in range(gate.ndim):
        if gate.shape[axis] != 4 * hidden_size:
            continue
        blocks = np.arange(4 * hidden_size)
        for block in (blocks // hidden_size, blocks % 4):
            along = np.moveaxis(gate, axis, 0).reshape(4 * hidden_size, -1)
            votes = np.array([[(along[block == k] == g).sum() for g in range(4)] for k in range(4)])
            winner = np.where(votes.sum(axis=1) > 0, votes.argmax(axis=1), UNKNOWN)
            for g in range(4):  # a gate has one block; the weaker claim is dropped
                claims = np.flatnonzero(winner == g)
                if len(claims) > 1:
                    keep = claims[votes[claims, g].argmax()]
                    winner[claims[claims != keep]] = UNKNOWN
            shape = [1] * gate.ndim
            shape[axis] = 4 * hidden_size
            yield np.where(gate == UNKNOWN, UNKNOWN, winner[block].reshape(shape))


def _blank(arrays: dict[str, Array]) -> Array | None:
    """No gates at all, for a tensor that holds each operand and unit once: one gate's own."""
    known = arrays["unit"] != UNKNOWN
    places = np.stack([arrays[name][known] for name in ("kind", "index", "unit")], axis=1)
    if len(np.unique(places, axis=0)) < len(places):
        return None
    return np.full_like(arrays["gate"], UNKNOWN)


def _fit(arrays: dict[str, Array], input_size: int, hidden_size: int) -> TensorLayout | None:
    known = arrays["unit"] != UNKNOWN
    owners = {name: _owner(arrays[name], known) for name in ("unit", "gate")}
    operand = np.where(known, arrays["kind"] * 1000 + arrays["index"], UNKNOWN)
    owners["operand"] = _owner(operand, known)
    if None in owners.values():
        return None
    axes = []
    for axis in range(known.ndim):
        owned = {name for name, owner in owners.items() if owner == axis}
        column = [_label_at(arrays, known, axis, k, owned) for k in range(known.shape[axis])]
        segments = _segments(column, owned, input_size, hidden_size)
        if segments is None:
            return None
        axes.append(segments)
    whole = Label(
        _constant(arrays["kind"], known) if owners["operand"] == WHOLE else UNKNOWN,
        _constant(arrays["index"], known) if owners["operand"] == WHOLE else UNKNOWN,
        _constant(arrays["gate"], known) if owners["gate"] == WHOLE else UNKNOWN,
        _constant(arrays["unit"], known) if owners["unit"] == WHOLE else UNKNOWN,
    )
    layout = TensorLayout(tuple(axes), whole)
    return layout if _explains(layout, arrays, known, input_size, hidden_size) else None


def _owner(array: Array, known: Mask) -> int | None:
    """The axis that tells a component: constant along all others. WHOLE where it never varies."""
    values = array[known]
    if np.unique(values).size == 1:
        return WHOLE
    for axis in range(array.ndim):
        rows = np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)
        seen = np.moveaxis(known, axis, 0).reshape(array.shape[axis], -1)
        if all(np.unique(r[s]).size <= 1 for r, s in zip(rows, seen, strict=True)):
            return axis
    return None


def _constant(array: Array, known: Mask) -> int:
    return int(array[known][0])


def _label_at(
    arrays: dict[str, Array],
    known: Mask,
    axis: int,
    position: int,
    owned: set[str],
) -> Label:
    """What an axis tells at one position, from the entries seen there."""
    seen = np.take(known, position, axis=axis)
    if not np.any(seen):
        return Label()

    def at(name: str) -> int:
        return int(np.take(arrays[name], position, axis=axis)[seen].flat[0])

    operand = "operand" in owned
    return Label(
        at("kind") if operand else UNKNOWN,
        at("index") if operand else UNKNOWN,
        at("gate") if "gate" in owned else UNKNOWN,
        at("unit") if "unit" in owned else UNKNOWN,
    )


def _segments(
    column: list[Label], owned: set[str], input_size: int, hidden_size: int
) -> tuple[Segment, ...] | None:
    """Cut an axis into nests of loops, the longest fitting first, backtracking where stuck."""
    if not owned:
        return (Segment(()),) * len(column) if len(column) == 1 else None
    sizes = {KIND_X: input_size, KIND_H: hidden_size, KIND_BIAS: 1}
    gates = {lab.gate for lab in column} - {UNKNOWN}
    missing = [g for g in range(4) if g not in gates]

    def solve(start: int, used: frozenset[tuple[int, int]]) -> tuple[Segment, ...] | None:
        if start == len(column):
            return ()
        for segment in _candidates(column[start:], owned, sizes, hidden_size, missing):
            length = segment.length(sizes, hidden_size)
            rest = solve(start + length, used)
            if rest is not None:
                return (segment, *rest)
        return None

    return solve(0, frozenset())


def _candidates(
    column: list[Label],
    owned: set[str],
    sizes: dict[int, int],
    hidden_size: int,
    missing: list[int],
) -> Iterator[Segment]:
    kinds: Sequence[int] = (UNKNOWN,)
    if "operand" in owned:
        first = column[0].kind
        kinds = (first,) if first != UNKNOWN else (KIND_X, KIND_H, KIND_BIAS)
    found: list[Segment] = []
    for kind in kinds:
        base = (["unit"] if "unit" in owned else []) + (
            ["index"] if kind in (KIND_X, KIND_H) else []
        )
        if "gate" not in owned:
            found += [Segment(loops, kind) for loops in itertools.permutations(base)]
            continue
        for count in (4, 3, 2):
            for loops in itertools.permutations([*base, "gate"]):
                gates = _gate_order(column, loops, kind, count, sizes, hidden_size, missing)
                if gates is not None:
                    found.append(Segment(loops, kind, gates))
        gate = column[0].gate if column[0].gate != UNKNOWN else (missing or [UNKNOWN])[0]
        if gate != UNKNOWN:
            found += [Segment(loops, kind, (gate,)) for loops in itertools.permutations(base)]
    fitting = [s for s in found if _matches(s, column, sizes, hidden_size)]
    yield from sorted(fitting, key=lambda s: -s.length(sizes, hidden_size))


def _gate_order(
    column: list[Label],
    loops: tuple[str, ...],
    kind: int,
    count: int,
    sizes: dict[int, int],
    hidden_size: int,
    missing: list[int],
) -> tuple[int, ...] | None:
    """The order of a gate loop of this length, read off the column.

    Gates that were never seen fill the gaps, in the order i, f, o, a.
    """
    trial = Segment(loops, kind, tuple(range(count)))
    expanded = list(trial.labels(sizes, hidden_size))
    if len(expanded) > len(column):
        return None
    order: list[int] = [UNKNOWN] * count
    for seen, place in zip(column, expanded, strict=False):
        if seen.gate == UNKNOWN:
            continue
        if order[place.gate] not in (UNKNOWN, seen.gate):
            return None
        order[place.gate] = seen.gate
    gaps = [k for k, gate in enumerate(order) if gate == UNKNOWN]
    if len(gaps) == len(missing) < count:
        for gap, gate in zip(gaps, missing, strict=True):
            order[gap] = gate
    if UNKNOWN in order or len(set(order)) != count:
        return None
    return tuple(order)


def _matches(
    segment: Segment, column: list[Label], sizes: dict[int, int], hidden_size: int
) -> bool:
    if segment.length(sizes, hidden_size) > len(column):
        return False
    return all(
        seen in (UNKNOWN, meant)
        for lab, want in zip(column, segment.labels(sizes, hidden_size), strict=False)
        for seen, meant in (
            (lab.kind, want.kind),
            (lab.index, want.index),
            (lab.gate, want.gate),
            (lab.unit, want.unit),
        )
        if not (meant == UNKNOWN and seen == UNKNOWN)
    )


def _explains(
    layout: TensorLayout,
    arrays: dict[str, Array],
    known: Mask,
    input_size: int,
    hidden_size: int,
) -> bool:
    """Whether the layout, expanded again, gives back every label that was seen."""
    expanded = layout.labels(input_size, hidden_size)
    return all(
        expanded[name].shape == arrays[name].shape
        and bool((expanded[name] == arrays[name])[known & (arrays[name] != UNKNOWN)].all())
        for name in COMPONENTS
    )
