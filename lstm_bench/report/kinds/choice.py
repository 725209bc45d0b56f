"""A choice as a document: the ranking of each cell, break-even points, costs, who was left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lstm_bench import headlines
from lstm_bench.report.document import Document, Section, Table
from lstm_bench.report.figures import decisions as figures
from lstm_bench.report.kinds.checks import correctness
from lstm_bench.report.load import facts_of
from lstm_bench.report.tables import number, short
from lstm_bench.store.folder import Folder

HOW = (
    "Candidates were judged by all checks first. In fresh processes, pinned to one core, they took "
    "turns within milliseconds of one another; who was shown not to be the fastest of a cell left "
    "it. With the probability that is given, the fastest of every cell is among those that are "
    "named best there. No candidate was timed with an output layer."
)


def choice_document(folder: Folder) -> Document:
    """Of a choice's folder, decided or still going."""
    header = folder.header
    plan = header["plan"]
    decision = folder.file("decision.json", default={})
    judged = folder.file("checks.json", default=[])
    blocks = len({line["block"] for line in folder.lines("blocks.jsonl")})
    cells = decision.get("cells", [])
    waiting = f"Not decided yet: {blocks} blocks so far."
    said = headlines.choice(decision) if decision else waiting
    sections = (
        _break_even(decision),
        _ratios(cells, plan["settings"]["margin"]),
        _times(cells, plan["candidates"], said),
        _cold(decision.get("cold_start", [])),
        correctness(judged),
    )
    return Document(
        title="Which LSTM implementation for this work?",
        question=plan["question"],
        answer=said,
        verdicts=_table(cells),
        sections=tuple(s for s in sections if not s.empty),
        notes=tuple(
            f"{short(one['target'])} was left out: {one['reason']}"
            for one in decision.get("left_out", [])
        ),
        facts=facts_of(header),
        command=plan["command"],
        how=HOW,
        frame=frame_of(cells),
        data={**decision, "answer": said, "machine": header.get("machine", {})},
    )


def frame_of(cells: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row a place: the cell's sizes and pass, then the place."""
    return pd.DataFrame(
        [
            {k: v for k, v in cell.items() if k not in ("ranking", "best", "verdict")}
            | {"cell_verdict": cell["verdict"]}
            | dict(place)
            for cell in cells
            for place in cell["ranking"]
        ]
    )


def _table(cells: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            cell["workload"],
            cell["pass"],
            _rank(cell, place),
            short(place["target"]),
            place["verdict"] + (f" ({place['reason']})" if place["reason"] else ""),
            "–" if place["ratio"] is None else f"{place['ratio']:.3f}",
            _span(place),
            number(place["milliseconds"], 3),
            number(place["peak_mib"], 3),
        )
        for cell in cells
        for place in cell["ranking"]
    ]
    head = (
        "workload", "pass", "rank", "implementation", "verdict", "× the first's time",
        "95 % interval", "ms", "MiB",
    )  # fmt: skip
    caption = "The ranking of each cell; what is not told apart shares a rank (=)."
    return Table(caption, head, tuple(rows), text_columns=5)


def _rank(cell: Mapping[str, Any], place: Mapping[str, Any]) -> str:
    if place["verdict"] in ("failed", "unearned"):
        return "–"
    shared = sum(other["rank"] == place["rank"] for other in cell["ranking"]) > 1
    return f"{'=' if shared else ''}{place['rank']}"


def _span(place: Mapping[str, Any]) -> str:
    low, high = place["low"], place["high"]
    if low is None or low == high:
        return "–"
    return f"[{low:.3f}, " + ("∞)" if high is None else f"{high:.3f}]")


def _break_even(decision: Mapping[str, Any]) -> Section:
    sentences = decision.get("break_even", [])
    points = tuple(f"{said[:1].upper()}{said[1:]}." for said in sentences)
    return Section("From which size on", points=points)


def _ratios(cells: Sequence[Mapping[str, Any]], margin: float) -> Section:
    places = [
        (f"{cell['workload']}  {cell['pass']}  {short(place['target'])}", place)
        for cell in cells
        for place in cell["ranking"][1:]
        if place["ratio"]
    ]
    if not places:
        return Section("")
    behind = [found for found in places if found[1]["verdict"] == "slower"]
    title = "Nobody is shown to be slower than the first so far"
    if behind:
        label, place = min(behind, key=lambda found: float(found[1]["ratio"]))
        title = f"The closest that is slower: {place['ratio']:.2f} times the time ({label})"
    figure = figures.intervals(
        [label for label, _ in places],
        [(p["ratio"], p["low"], p["high"], p["verdict"]) for _, p in places],
        margin, title, "time, the cell's first = 1×",
    )  # fmt: skip
    return Section("How far behind the others are", figures=(figure,) if figure else ())


def _times(cells: Sequence[Mapping[str, Any]], names: Sequence[str], said: str) -> Section:
    figure = figures.ranking(cells, names, _spread_title(cells))
    return Section("Times of a call", figures=(figure,) if figure else ())


def _spread_title(cells: Sequence[Mapping[str, Any]]) -> str:
    times = [p["milliseconds"] for c in cells for p in c["ranking"] if p["milliseconds"]]
    if not times:
        return ""
    return f"A call takes from {number(min(times), 2)} to {number(max(times), 2)} ms"


def _cold(starts: Sequence[Mapping[str, Any]]) -> Section:
    rows = tuple(
        (short(s["target"]), *(number(1e3 * s[k], 3) for k in _PARTS), number(1e3 * _sum(s), 3))
        for s in starts
    )
    if not rows:
        return Section("")
    head = ("implementation", "import, ms", "build, ms", "first call, ms", "together, ms")
    caption = "What passes before the first result, in a fresh process that has imported torch."
    return Section("Cold start", tables=(Table(caption, head, rows),))


_PARTS = ("load_seconds", "build_seconds", "first_call_seconds")


def _sum(start: Mapping[str, Any]) -> float:
    return math.fsum(start[part] for part in _PARTS)
