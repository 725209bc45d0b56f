"""A comparison, or a guard's run, as a document."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lstm_bench import headlines
from lstm_bench.report.document import Document, Section, Table
from lstm_bench.report.figures import decisions as figures
from lstm_bench.report.kinds.checks import correctness
from lstm_bench.report.load import facts_of
from lstm_bench.report.tables import short
from lstm_bench.store.folder import Folder

HOW = (
    "Both sides were judged by all checks first. A block is a fresh pair of processes, pinned to "
    "one core, that take turns within milliseconds of one another, in an order that coins decide; "
    "its score is the median over its rounds of log(candidate / baseline), by each batch's "
    "undisturbed calls. The evidence is valid whenever one looks."
)


def comparison_document(folder: Folder) -> Document:
    """Of a comparison's folder, decided or still going."""
    header = folder.header
    plan = header["plan"]
    decision = folder.file("decision.json", default={})
    blocks = folder.lines("blocks.jsonl")
    cells = decision.get("cells") or [
        _open_cell(plan, cell, n, blocks) for n, cell in enumerate(plan["cells"])
    ]
    judged = folder.file("checks.json", default=[])
    margin = plan["settings"]["margin"]
    labels = [_label(cell) for cell in cells]
    wrong = [one for one in judged if one["verdict"] != "conforms"]
    said = _answer(decision, cells, plan, wrong, len({b["block"] for b in blocks}))
    sections = (
        _intervals(cells, labels, margin),
        _blocks(cells, labels, blocks),
        correctness(judged),
    )
    return Document(
        title=f"{plan['question'].rstrip(':')}",
        question=f"Is {plan['candidate']['name']} slower or faster than "
        f"{plan['baseline']['name']}, by {margin:.0%} or more?",
        answer=said,
        verdicts=_table(cells, labels, margin),
        sections=tuple(s for s in sections if not s.empty),
        notes=tuple(
            f"{short(label)}: {c['reason']}"
            for label, c in zip(labels, cells, strict=True)
            if c["reason"]
        ),
        facts=facts_of(header),
        command=plan["command"],
        how=HOW,
        frame=pd.DataFrame(cells),
        data={**decision, "answer": said, "machine": header.get("machine", {})},
    )


def _open_cell(
    plan: Mapping[str, Any],
    cell: Mapping[str, Any],
    number: int,
    blocks: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """A cell of a comparison that has not ended: what its blocks say so far, and no verdict."""
    scores = [b["score"] for b in blocks if b["cell"] == number]
    w = cell["workload"]
    head = "" if w["head"] else "-nohead"
    ratio = math.exp(float(pd.Series(scores).median())) if scores else math.nan
    return {
        "baseline": plan["baseline"]["targets"][cell["subject"]],
        "candidate": plan["candidate"]["targets"][cell["subject"]],
        "workload": f"B{w['batch']}-T{w['steps']}-I{w['input_size']}-H{w['hidden_size']}{head}",
        "pass": cell["pass_name"],
        "verdict": "undecided",
        "ratio": ratio,
        "low": None,
        "high": None,
        "at_most": None,
        "blocks": len(scores),
        "reason": "",
    }


def _label(cell: Mapping[str, Any]) -> str:
    return f"{short(cell['candidate'])}  {cell['workload']}  {cell['pass']}"


def _answer(
    decision: Mapping[str, Any],
    cells: Sequence[Mapping[str, Any]],
    plan: Mapping[str, Any],
    wrong: Sequence[Mapping[str, Any]],
    blocks: int,
) -> str:
    if wrong:
        names = ", ".join(f"{one.get('side', '')} {short(one['target'])}".strip() for one in wrong)
        return f"No speed verdict, because it does not conform: {names}."
    if not decision:
        return f"Not decided yet: {blocks} blocks so far."
    return headlines.comparison(
        {"both_ways": plan["settings"].get("both_ways", False), **decision, "cells": cells}
    )


def _table(cells: Sequence[Mapping[str, Any]], labels: Sequence[str], margin: float) -> Table:
    rows = [
        (
            label,
            cell["verdict"] + (f" ({cell['reason']})" if cell["reason"] else ""),
            _three(cell["ratio"]),
            _span(cell["low"], cell["high"]),
            "–" if cell["at_most"] is None else f"{max(0.0, cell['at_most']):.1%}",
            str(cell["blocks"]),
        )
        for label, cell in zip(labels, cells, strict=True)
    ]
    return Table(
        "Each cell's verdict; the ratio candidate / baseline (above 1 is slower) with its 95 % "
        f"interval; the slowdown that could still be there unseen. Margin {margin:.0%}.",
        ("cell", "verdict", "ratio", "95 % interval", "slower by at most", "blocks"),
        tuple(rows),
        text_columns=2,
    )


def _intervals(cells: Sequence[Mapping[str, Any]], labels: Sequence[str], margin: float) -> Section:
    found = [
        (math.nan if c["ratio"] is None else c["ratio"], c["low"], c["high"], c["verdict"])
        for c in cells
    ]
    counts = Counter(cell["verdict"] for cell in cells)
    title = "Of {} cells, {}".format(
        len(cells), ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
    )
    axis = "candidate's time, baseline = 1× (left is faster)"
    figure = figures.intervals(labels, found, margin, title, axis)
    return Section("How sure the ratios are", figures=(figure,) if figure else ())


def _blocks(
    cells: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    blocks: Sequence[Mapping[str, Any]],
) -> Section:
    scores = [[b["score"] for b in blocks if b["cell"] == n] for n in range(len(cells))]
    far = [figures.outliers(row) for row in scores]
    figure = figures.blocks(labels, scores, far)
    if figure is None:
        return Section("")
    rows = tuple(
        (label, *_quantiles(row), str(len(row)), ", ".join(str(k + 1) for k in out) or "–")
        for label, row, out in zip(labels, scores, far, strict=True)
    )
    head = ("cell", "lowest", "median", "highest", "blocks", "outliers")
    table = Table("Ratios of single blocks, and which lie far off.", head, rows)
    return Section("Block by block", figures=(figure,), tables=(table,), folded=True)


def _quantiles(scores: Sequence[float]) -> tuple[str, str, str]:
    if not scores:
        return "–", "–", "–"
    series = pd.Series(scores)
    low, middle, high = (math.exp(v) for v in (series.min(), series.median(), series.max()))
    return f"{low:.3f}", f"{middle:.3f}", f"{high:.3f}"


def _three(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _span(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "–"
    return f"[{low or 0:.3f}, " + ("∞)" if high is None else f"{high:.3f}]")
