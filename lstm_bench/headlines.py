"""The answers of compare, guard and choose in a few sentences, from what was decided alone.

Every function reads the document that ``--json`` writes, and nothing else. A headline counts and
claims what is decided; how many cells are not, and why, stands beside it. How sure it is refers
to what is decided only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def short(target: str) -> str:
    """A target without the folders of its file."""
    return target.rpartition("/")[2]


def share(value: float) -> str:
    """0.05 → 5%, and 0.9999 never becomes 100%."""
    return f"{100 * value:.6g}%"


def sure(document: Json) -> str:
    return f"sure at {share(1 - document['alpha'])}"


# -- choose --------------------------------------------------------------------------------------


def is_shown(cell: Json) -> bool:
    """Whether a choice's cell was decided by evidence: one that is alone is best by default."""
    rivals = any(place["verdict"] == "slower" for place in cell["ranking"])
    return bool(cell["verdict"] == "tie" or (cell["verdict"] == "decided" and rivals))


WITHOUT = ("failed", "unearned")
"""Verdicts of cells that were tried and have no speed."""


def choice(document: Json) -> str:
    """Which of several is the fastest, in a few sentences."""
    cells = document["cells"]
    text = _of_one(cells[0], document) if len(cells) == 1 else _of_several(cells, document)
    return text + _stopped(document)


def _of_one(cell: Json, document: Json) -> str:
    where = (
        f"For batch {cell['batch']}, hidden {cell['hidden_size']}, {cell['steps']} steps, "
        f"{cell['pass']}, on this machine"
    )
    best = " and ".join(short(name) for name in cell["best"])
    if cell["verdict"] in WITHOUT:
        return f"{where}: no candidate could be measured."
    if cell["verdict"] == "undecided":
        return f"{where}: undecided among {best}."
    if cell["verdict"] == "tie":
        margin = share(document["margin"])
        return f"{where}: {best} are equally fast within {margin}; {sure(document)}."
    if not is_shown(cell):
        return f"{where}: {best} is the only candidate that is left, so nothing was compared."
    second = next(p for p in cell["ranking"] if p["verdict"] == "slower")
    ahead = f"{second['ratio']:.2f}× the speed of " if second["ratio"] else "ahead of "
    return f"{where}: {best}, {ahead}{short(second['target'])}; {sure(document)}."


def _of_several(cells: Sequence[Json], document: Json) -> str:
    won = [c for c in cells if c["verdict"] == "decided" and is_shown(c)]
    tied = sum(c["verdict"] == "tie" for c in cells)
    wins = Counter(short(c["best"][0]) for c in won)
    if len(wins) == 1 and len(won) == len(cells):
        return f"{next(iter(wins))} is fastest in all {len(cells)} cells{_ahead(won)}; " + (
            f"{sure(document)}."
        )
    claims = [f"{name} is fastest in {count}" for name, count in wins.most_common()]
    claims += [f"{tied} tied within {share(document['margin'])}"] if tied else []
    alone = Counter(
        short(c["best"][0]) for c in cells if c["verdict"] == "decided" and not is_shown(c)
    )
    if alone.total() == len(cells) and len(alone) == 1:
        return f"{next(iter(alone))} is the only candidate that is left, so nothing was compared."
    rest = [f"{name} is the only candidate in {count}" for name, count in alone.most_common()]
    return _counted(len(cells), len(won) + tied, claims, [*_open(cells), *rest], document)


def _ahead(cells: Sequence[Json]) -> str:
    """How far the second is behind, from cell to cell."""
    behind = [place["ratio"] for cell in cells for place in cell["ranking"][1:2] if place["ratio"]]
    if len(behind) < len(cells):
        return ""
    return f", {min(behind):.2f} to {max(behind):.2f} times as fast as the next"


# -- compare -------------------------------------------------------------------------------------


def comparison(document: Json) -> str:
    """Candidate against baseline, in a few sentences."""
    cells, margin = document["cells"], share(document["margin"])
    counts = Counter(cell["verdict"] for cell in cells)
    claims = [f"{counts[word]} {word}" for word in ("slower", "faster") if counts[word]]
    claims += [f"{counts['equal']} equal within {margin}"] if counts["equal"] else []
    not_slower, both_ways = counts["not slower"], document.get("both_ways", False)
    halfway = []
    if not_slower and both_ways:
        halfway = [f"{not_slower} not slower by {margin}, but perhaps faster"]
    elif not_slower:
        claims += [f"{not_slower} not slower by {margin}"]
    decided = (
        len(cells)
        - counts["undecided"]
        - sum(counts[word] for word in WITHOUT)
        - (both_ways and not_slower)
    )
    text = _counted(len(cells), decided, claims, [*halfway, *_open(cells)], document)
    return f"{document['question']} {text}{_most(cells)}{_alarm(document)}{_stopped(document)}"


def _most(cells: Sequence[Json]) -> str:
    """The largest difference among those that are decided."""
    apart = [c for c in cells if c["verdict"] in ("slower", "faster") and c["ratio"]]
    if not apart:
        return ""
    far = max(apart, key=lambda cell: abs(math.log(cell["ratio"])))
    return f" The most: {far['ratio']:.2f} times the time, on {far['workload']}, {far['pass']}."


def _alarm(document: Json) -> str:
    named = any(cell["verdict"] == "slower" for cell in document["cells"])
    if named or not document["alarm"]:
        return ""
    return " ALARM: all cells together are slower, though none can be named."


# -- guard ---------------------------------------------------------------------------------------


def guard(document: Json) -> str:
    """Did anything become slower, in a sentence or two."""
    cells, margin = document["cells"], share(document["margin"])
    slower = [c for c in cells if c["verdict"] == "slower"]
    open_ = [c for c in cells if c["verdict"] in ("undecided", *WITHOUT)]
    decided = len(cells) - len(open_)
    rest = f" {_and(_open(cells))}." if open_ else ""
    if slower:
        return f"REGRESSION: {_slower(slower, decided, len(cells))}.{rest}{_stopped(document)}"
    if document["alarm"]:
        text = "REGRESSION: all cells together are slower, none so much that it could be named."
        return f"{text}{rest}{_stopped(document)}"
    if not open_ and cells:
        return f"No regression of {margin} or more in {_all(decided)}{_stopped(document)}"
    word = "Undecided" if any(c["verdict"] == "undecided" for c in cells) or not cells else "Failed"
    fine = f" No regression of {margin} or more in the other {decided}." if decided else ""
    advice = " More time (--budget) or a quieter machine may help." if word == "Undecided" else ""
    found = _and(_open(cells)) or "nothing was compared"
    return f"{word}: of {len(cells)} cells, {found}.{fine}{advice}{_stopped(document)}"


def _slower(slower: Sequence[Json], decided: int, cells: int) -> str:
    of = f"{cells} cells" if decided == cells else f"{decided} decided cells"
    text = f"{len(slower)} of {of} are slower"
    measured = [c for c in slower if c["ratio"]]
    if not measured:
        return text
    worst = max(measured, key=lambda cell: float(cell["ratio"]))
    return (
        f"{text}, most {short(worst['candidate'])} {worst['workload']} {worst['pass']}: "
        f"{worst['ratio']:.3f} times"
    )


def _all(cells: int) -> str:
    return "the one cell." if cells == 1 else f"any of {cells} cells."


# -- what they share -----------------------------------------------------------------------------


def _counted(
    cells: int, decided: int, claims: Sequence[str], rest: Sequence[str], document: Json
) -> str:
    """So many decided, of which so many …; the others are …"""
    if not decided:
        nothing = f"None of {cells} cells" if cells > 1 else "Nothing"
        return f"{nothing} is decided: {', '.join(rest) or 'there are no cells'}."
    of = f"Of {cells} cell{'' if cells == 1 else 's'}"
    if decided == cells:
        return f"{of}, {', '.join(claims)}; {sure(document)}."
    verb = "is" if decided == 1 else "are"
    text = f"{of}, {decided} {verb} decided: {', '.join(claims)}; {sure(document)}."
    return f"{text} The others: {', '.join(rest)}."


def _open(cells: Sequence[Json]) -> list[str]:
    counts = Counter(cell["verdict"] for cell in cells)
    return [f"{counts[word]} {word}" for word in ("undecided", *WITHOUT) if counts[word]]


def _and(parts: Sequence[str]) -> str:
    return " and ".join(parts)


def _stopped(document: Json) -> str:
    return " Stopped before the end." if document.get("interrupted") else ""
