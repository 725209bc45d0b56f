"""A choice in sentences: from which size on another is faster.

Everything here reads the document that ``--json`` writes, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from lstm_bench.headlines import is_shown, short

AXES = {"batch": "batch", "steps": "steps", "hidden_size": "hidden"}
"""Sizes along which a break-even point is looked for, and what a sentence calls them."""

Json = Mapping[str, Any]


def break_even(cells: Sequence[Json]) -> list[str]:
    """A sentence for each series of cells that differ in one size only."""
    return [sentence for series, axis in _series(cells) for sentence in _along(series, axis)]


def _series(cells: Sequence[Json]) -> Iterator[tuple[list[Json], str]]:
    """Cells that differ along one axis only, in its order; series of two or more."""
    for axis in AXES:
        fixed = [*(a for a in AXES if a != axis), "pass"]
        if axis != "hidden_size":  # an input size that follows the hidden size is no other axis
            fixed.append("input_size")
        groups: dict[tuple[Any, ...], list[Json]] = {}
        for cell in cells:
            groups.setdefault(tuple(cell[name] for name in fixed), []).append(cell)
        for group in groups.values():
            if len({cell[axis] for cell in group}) == len(group) > 1:
                yield sorted(group, key=lambda cell: int(cell[axis])), axis


def _along(series: Sequence[Json], axis: str) -> list[str]:
    """Such as "forward, steps 35, hidden 256: A at batch 1 to 8, B at batch 32"."""
    spans: list[tuple[tuple[str, ...], list[Json]]] = []
    for cell in series:
        best = tuple(cell["best"]) if is_shown(cell) else ()
        if spans and spans[-1][0] == best:
            spans[-1][1].append(cell)
        else:
            spans.append((best, [cell]))
    if len(spans) == 1 and not spans[0][0]:
        return []
    parts = [_span(best, held, axis, len(spans)) for best, held in spans]
    crossings = [
        f"they cross near {AXES[axis]} {at:.0f}"
        for (_, before), (_, after) in pairwise(spans)
        if (at := crossing(before[-1], after[0], axis)) is not None
    ]
    first = series[0]
    rest = [f"{AXES[a]} {first[a]}" for a in AXES if a != axis]
    more = f" ({'; '.join(crossings)})" if crossings else ""
    return [f"{first['pass']}, {', '.join(rest)}: {', '.join(parts)}{more}"]


def _span(best: tuple[str, ...], held: Sequence[Json], axis: str, spans: int) -> str:
    low, high = held[0][axis], held[-1][axis]
    sizes = f"{low}" if low == high else f"{low} to {high}"
    who = " and ".join(short(name) for name in best) + (" alike" if len(best) > 1 else "")
    who = who if best else "undecided"
    return f"{who} {'throughout, ' if spans == 1 else ''}at {AXES[axis]} {sizes}"


def crossing(before: Json, after: Json, axis: str) -> float | None:
    """Where the lines of the two winners meet, straight on logarithmic axes; None where unknown."""
    if before["verdict"] != "decided" or after["verdict"] != "decided":
        return None
    one, other = before["best"][0], after["best"][0]
    here, there = _log_ratio(before, other, one), _log_ratio(after, one, other)
    if here is None or there is None or here + there <= 0:
        return None
    share = here / (here + there)
    low, high = math.log(before[axis]), math.log(after[axis])
    return math.exp(low + share * (high - low))


def _log_ratio(cell: Json, slower: str, faster: str) -> float | None:
    """Logarithm of their times' ratio in a cell whose first place ``faster`` has."""
    for place in cell["ranking"]:
        if place["target"] == slower and place["ratio"] and faster == cell["best"][0]:
            return math.log(place["ratio"])
    return None
