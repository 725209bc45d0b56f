"""A choice in sentences: the answer, and from which size on another is faster.

Everything here reads the document that ``--json`` writes, and nothing else.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

AXES = {"batch": "batch", "steps": "steps", "hidden_size": "hidden"}
"""Sizes along which a break-even point is looked for, and what a sentence calls them."""

Json = Mapping[str, Any]


def answer(document: Json) -> str:
    """The choice in one sentence."""
    cells = document["cells"]
    sure = f"sure at {1 - document['alpha']:.0%}"
    if len(cells) == 1:
        return f"{_where(cells[0])}, on this machine: {_of_cell(cells[0])}; {sure}."
    wins = Counter(_short(cell["best"][0]) for cell in cells if cell["verdict"] == "decided")
    if len(wins) == 1 and wins.total() == len(cells):
        return f"{next(iter(wins))} is fastest in all {len(cells)} cells{_by(cells)}; {sure}."
    parts = [f"{name} is fastest in {count}" for name, count in wins.most_common()]
    for state, words in (
        ("tie", "{} tied"),
        ("undecided", "{} undecided"),
        ("failed", "{} failed"),
    ):
        count = sum(cell["verdict"] == state for cell in cells)
        parts += [words.format(count)] if count else []
    return f"Of {len(cells)} cells, {', '.join(parts)}; {sure}."


def _where(cell: Json) -> str:
    return (
        f"For batch {cell['batch']}, hidden {cell['hidden_size']}, {cell['steps']} steps, "
        f"{cell['pass']}"
    )


def _of_cell(cell: Json) -> str:
    best = " and ".join(_short(name) for name in cell["best"])
    if cell["verdict"] == "failed":
        return "nobody could be measured"
    if cell["verdict"] == "undecided":
        return f"undecided among {best}"
    if cell["verdict"] == "tie":
        return f"{best} are equally fast within the margin"
    others = [p for p in cell["ranking"] if p["verdict"] == "slower" and p["ratio"]]
    if not others:
        return f"{best}, the only one that could be measured"
    following = others[0]
    return f"{best}, {following['ratio']:.2f}× the speed of {_short(following['target'])}"


def _by(cells: Sequence[Json]) -> str:
    """How far the second is behind, from cell to cell."""
    behind = [p["ratio"] for c in cells for p in c["ranking"][1:2] if p["ratio"]]
    if len(behind) < len(cells):
        return ""
    return f", {min(behind):.2f} to {max(behind):.2f} times as fast as the next"


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
        best = tuple(cell["best"]) if cell["verdict"] in ("decided", "tie") else ()
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
    who = " and ".join(_short(name) for name in best) + (" alike" if len(best) > 1 else "")
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


def _short(target: str) -> str:
    return target.rpartition("/")[2]
