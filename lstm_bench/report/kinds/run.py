"""A run as a document: who is fastest where, by how much, at what cost, how close to the limit."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lstm_bench.report.document import Document, Section, Table
from lstm_bench.report.figures import run as figures
from lstm_bench.report.kinds.checks import correctness
from lstm_bench.report.load import facts_of
from lstm_bench.report.summary import BASELINE, GROUP, summarise
from lstm_bench.report.tables import HEADINGS, cells_of, number, reasons, short
from lstm_bench.store.folder import Folder

INTERLEAVED = (
    "Every implementation was first judged by all checks, and compared with a float64 reference on "
    "the very sizes of each cell: outputs, states and all gradients. Those that disagree have no "
    "speed. All implementations of a cell were then timed in interleaved rounds, in random order; "
    "ratios are taken within rounds, because absolute times drift."
)
ONE_AFTER_ANOTHER = (
    "The samples come from a pytest-benchmark run, one implementation after another: the ratios "
    "compare different moments, which on a shared machine may differ by tens of percent."
)
BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


def run_document(folder: Folder) -> Document:
    """Of a run's folder, finished or still going. Raises UsageError on one that cannot be read."""
    return document_of_cells(
        folder.lines("cells.jsonl"),
        folder.header,
        judgements=folder.file("checks.json", default=[]),
        peaks=folder.file("peaks.json", default={}),
    )


def document_of_cells(
    cells: Sequence[dict[str, Any]],
    header: Mapping[str, Any],
    judgements: Sequence[Mapping[str, Any]] = (),
    peaks: Mapping[str, float] | None = None,
    baseline: str = BASELINE,
) -> Document:
    """Of the cells that are there. peaks: ``gflops`` and ``gbytes``, measured in the same run."""
    summary = summarise(cells, baseline)
    said = answer_of(summary, header, baseline)
    every, leaders = _table(summary, baseline), _leaders(summary, baseline)
    sections = [
        Section("Every cell", tables=(every,) if leaders else ()),
        _speedups(summary, baseline),
        _ratios(summary, baseline),
        _scaling(summary),
        _passes(summary),
        _memory(summary),
        _cold(summary),
        _roof(summary, peaks or {}),
        correctness(judgements),
    ]
    rows = json.loads(summary.to_json(orient="records"))
    return Document(
        title="LSTM implementations side by side",
        question="Which of these LSTM implementations is how fast, and is each of them right?",
        answer=said,
        verdicts=leaders or every,
        sections=tuple(section for section in sections if not section.empty),
        notes=tuple(reasons(summary)),
        facts=facts_of(header),
        command=header.get("plan", {}).get("command") or "lstm-bench run",
        how=INTERLEAVED if header.get("interleaved", True) else ONE_AFTER_ANOTHER,
        frame=summary,
        data={"answer": said, "machine": header.get("machine", {}), "cells": rows},
    )


def answer_of(summary: pd.DataFrame, header: Mapping[str, Any], baseline: str = BASELINE) -> str:
    """The answer, measured against what the run was to have where its header says so."""
    plan = header.get("plan", {})
    parts = [plan.get(name) for name in ("subjects", "workloads", "passes")]
    if None in parts:
        return answer(summary, baseline)
    subjects, workloads, passes = map(len, parts)
    cells = workloads * passes
    return answer(summary, baseline, subjects * cells, cells)


# -- the answer ----------------------------------------------------------------------------------


def answer(
    summary: pd.DataFrame,
    baseline: str = BASELINE,
    expected: int | None = None,
    cells: int | None = None,
) -> str:
    """The run in a few sentences: who is fastest, who has no speed and why, what is missing.

    expected: rows that the run is to have in the end; cells: sizes and passes, of all subjects.
    """
    timed = summary[summary["status"] == "ok"]
    sentences = [_fastest(summary, cells)]
    for status in ("incorrect", "unearned", "failed"):
        names = _names(summary[summary["status"].str.startswith(status)])
        if names:
            sentences.append(f"Without a speed, because {status}: {names}.")
    sentences += _sure(timed, baseline) + _without_ratio(timed, baseline)
    if expected is not None and len(summary) < expected:
        sentences.append(f"So far {len(summary)} of {expected} measurements are done.")
    return " ".join(sentences)


def _fastest(summary: pd.DataFrame, expected: int | None) -> str:
    """Who has the lowest median where: a description of all cells, and no decision."""
    timed = summary[summary["status"] == "ok"]
    if timed.empty:
        return "Nothing was timed."
    # Only what does the same work is compared: with an output layer, or without.
    keys = [*GROUP, "head"]
    cells = max(summary.groupby(keys).ngroups, expected or 0)
    if cells == 1:
        return _of_one_cell(timed)
    groups = [group for _, group in timed.groupby(keys, sort=False)]
    wins = Counter(_lowest(group) for group in groups if len(group) > 1)
    alone = Counter(_lowest(group) for group in groups if len(group) == 1)
    rest = [f"only {name} was timed in {count}" for name, count in alone.most_common()]
    rest += [f"{cells - len(groups)} without a time"] if cells > len(groups) else []
    if not wins:
        return f"Of {cells} cells, {', '.join(rest)}."
    (first, most), *others = wins.most_common()
    text = f"{first} has the lowest median in {most} of {cells} cells"
    text += "".join(f", {name} in {count}" for name, count in others)
    return text + (f"; the others: {', '.join(rest)}." if rest else ".")


def _lowest(group: pd.DataFrame) -> str:
    return short(str(group.sort_values("median_ms", kind="stable")["subject"].iloc[0]))


def _of_one_cell(timed: pd.DataFrame) -> str:
    """Who is fastest there, and how much faster than each of the others."""
    first, *others = timed.sort_values("median_ms").to_dict("records")
    where = (
        f"For batch {first['batch']}, hidden {first['hidden_size']}, {first['steps']} steps, "
        f"{first['pass']}, on this machine"
    )
    if not others:
        return f"{where}: {short(first['subject'])} takes {number(first['median_ms'], 3)} ms."
    speeds = ", ".join(
        f"{o['median_ms'] / first['median_ms']:.2f}× the speed of {short(o['subject'])}"
        for o in others
    )
    return f"{where}: {short(first['subject'])} has the lowest median, {speeds}."


def _sure(timed: pd.DataFrame, baseline: str) -> list[str]:
    """How many of the ratios are more than a guess."""
    words = [verdict(row, baseline) for row in timed.to_dict("records")]
    decided, open_ = sum(w in ("faster", "slower") for w in words), words.count("undecided")
    if not decided + open_:
        return []
    return [f"At 95 % each, {decided} of {decided + open_} ratios to {baseline} are decided."]


def _without_ratio(timed: pd.DataFrame, baseline: str) -> list[str]:
    """Why some that were timed have no ratio to the baseline."""
    if timed.empty:
        return []
    if baseline not in set(timed["subject"]):
        return [f"No ratios: {baseline} was not timed; add it to --impl."]
    names = _names(timed[timed["ratio"].isna()])
    if not names:
        return []
    other = f"in some cells, where {baseline} has no time or does other work"
    return [f"No ratio for {names} {other} (an output layer: see --no-head)."]


def _names(rows: pd.DataFrame) -> str:
    return ", ".join(sorted({short(subject) for subject in rows["subject"]}))


# -- the sections --------------------------------------------------------------------------------


def _leaders(summary: pd.DataFrame, baseline: str) -> Table | None:
    """A row a workload, a column a pass, in it who is fastest; None where that is but one row."""
    timed = summary[summary["status"] == "ok"]
    names = [name for name in GROUP if name != "pass"] + ["head"]
    groups = list(timed.groupby(names, sort=False))
    if len(groups) < 2:
        return None
    passes = tuple(dict.fromkeys(timed["pass"]))
    # The device and so on stand in the first column only where they differ.
    differing = [n for n in ("device", "dtype") if timed[n].nunique() > 1]
    rows = []
    for _, group in groups:
        first = group.iloc[0]
        where = " ".join(str(first[n]) for n in ("workload", *differing))
        cells = (group[group["pass"] == name].to_dict("records") for name in passes)
        rows.append((where, *(_leader(cell, baseline) for cell in cells)))
    return Table(
        f"Who has the lowest median, and how many times the speed of {baseline} that is. Two names "
        f"where the 95 % interval of the ratio to {baseline} does not tell them apart.",
        ("workload", *passes),
        tuple(rows),
        text_columns=1 + len(passes),
    )


def _leader(rows: Sequence[Mapping[Any, Any]], baseline: str) -> str:
    """``batched_gates 3.7×``, or ``batched_gates or torch_nn`` where that is not decided."""
    if not rows:
        return "–"
    first = min(rows, key=lambda row: row["median_ms"])
    words = {row["subject"]: verdict(row, baseline) for row in rows}
    if first["subject"] == baseline:
        rivals = [name for name, word in words.items() if word in ("undecided", "faster")]
    else:  # The median of the ratios may contradict the ratio of the medians: then it is open.
        rivals = [baseline] if words[first["subject"]] in ("undecided", "slower") else []
    if rivals:
        return " or ".join(short(name) for name in (first["subject"], *rivals))
    if first["subject"] == baseline or _missing(first["ratio"]):
        return short(first["subject"])
    return f"{short(first['subject'])} {number(1 / first['ratio'], 2)}×"


def _table(summary: pd.DataFrame, baseline: str) -> Table:
    rows = [
        (row["workload"], row["pass"], name, verdict(row, baseline), *numbers)
        for row in summary.to_dict("records")
        for name, *numbers in (cells_of(row),)
    ]
    return Table(
        "Every cell: median time of a call; half the interquartile range as a share of it; time "
        f"relative to {baseline} with its 95 % interval, from ratios within rounds (below 1 is "
        "faster); arithmetic per second; peak memory of the call.",
        ("workload", "pass", HEADINGS[0], "verdict", *HEADINGS[1:]),
        tuple(rows),
        text_columns=4,
    )


def verdict(row: Mapping[Any, Any], baseline: str) -> str:
    """A cell's word: faster or slower where the interval leaves 1 out, otherwise undecided."""
    if row["status"] != "ok":
        return str(row["status"].split(":")[0])
    if row["subject"] == baseline:
        return "baseline"
    if _missing(row["ratio"]):
        return "no ratio"
    if row["ratio_high"] < 1:
        return "faster"
    return "slower" if row["ratio_low"] > 1 else "undecided"


def _speedups(summary: pd.DataFrame, baseline: str) -> Section:
    figure = figures.heatmap(summary, baseline)
    return Section(f"Speed-up over {baseline}", figures=(figure,) if figure else ())


def _ratios(summary: pd.DataFrame, baseline: str) -> Section:
    figure = figures.ratios(summary, baseline)
    if figure is None:
        return Section("")
    shown = summary[summary["ratio"].notna() & (summary["subject"] != baseline)]
    rows = tuple(
        (
            short(r["subject"]), r["workload"], r["pass"], f"{1 / r['ratio']:.2f}",
            f"{r['ratio']:.3f}", f"{r['ratio_low']:.3f}", f"{r['ratio_high']:.3f}",
        )
        for r in shown.to_dict("records")
    )  # fmt: skip
    head = ("implementation", "workload", "pass", "speed-up", "time ratio", "low", "high")
    table = Table(f"Speed-up over {baseline}, time ratio and its 95 % interval.", head, rows, 3)
    return Section("How sure the ratios are", figures=(figure,), tables=(table,), folded=True)


def _scaling(summary: pd.DataFrame) -> Section:
    drawn, rows = figures.scaling(summary)
    if not drawn:
        return Section("")
    table = Table(
        "Fitted exponents: 1 is in proportion to the size, 0 does not depend on it.",
        ("what stays", "what grows", "implementation", "exponent"),
        tuple(rows),
        text_columns=3,
    )
    return Section(
        "How time grows with size", figures=tuple(drawn), tables=(table,), folded=len(rows) > 12
    )


def _passes(summary: pd.DataFrame) -> Section:
    figure = figures.passes(summary)
    if figure is None:
        return Section("")
    timed = summary[summary["status"] == "ok"]
    wide = timed.pivot_table(
        index=["workload", "subject"], columns="pass", values="median_ms", sort=False
    )
    rows = tuple(
        (str(w), short(str(s)), *(number(v, 4) for v in values))
        for (w, s), values in zip(wide.index, wide.to_numpy(), strict=True)
    )
    head = ("workload", "implementation", *map(str, wide.columns))
    return Section(
        "Forward, training forward, backward, step",
        figures=(figure,),
        tables=(Table("Median milliseconds of a call.", head, rows, 2),),
        folded=True,
    )


def _memory(summary: pd.DataFrame) -> Section:
    figure = figures.memory(summary)
    if figure is None:
        return Section("")
    shown = summary[summary["peak_mib"].notna()]
    rows = tuple(
        (r["workload"], r["pass"], short(r["subject"]), number(r["peak_mib"], 3))
        for r in shown.to_dict("records")
    )
    table = Table(
        "Peak memory of one call.", ("workload", "pass", "implementation", "MiB"), rows, 3
    )
    return Section("Memory", figures=(figure,), tables=(table,), folded=True)


def _cold(summary: pd.DataFrame) -> Section:
    if summary["cold_ms"].isna().all():
        return Section("")
    shown = summary[summary["cold_ms"].notna()].drop_duplicates(["workload", "subject"])
    rows = tuple(
        (r["workload"], short(r["subject"]), number(r["cold_ms"], 3))
        for r in shown.to_dict("records")
    )
    table = Table(
        "Building the module and its first forward call, in a forked process that has imported "
        "torch and the module's code, and nothing else.",
        ("workload", "implementation", "ms"),
        rows,
        2,
    )
    return Section("Cold start", tables=(table,))


def _roof(summary: pd.DataFrame, peaks: Mapping[str, float]) -> Section:
    title = "Share of the machine's limit"
    if not peaks:
        return Section(title, text="Unmeasured: this run holds no peaks of its machine.")
    roof = roof_frame(summary, peaks)
    figure = figures.roofline(roof, peaks)
    if figure is None:
        return Section("")
    rows = tuple(
        (
            r["workload"], r["pass"], short(r["subject"]), number(r["intensity"], 3),
            number(r["gflops"], 3), number(r["roof"], 3), f"{r['share']:.1%}",
        )
        for r in roof.to_dict("records")
    )  # fmt: skip
    head = (
        "workload", "pass", "implementation", "flop/B", "GFLOP/s", "limit, GFLOP/s", "share"
    )  # fmt: skip
    table = Table(
        "The limit is the lower of the matrix product's rate and of what memory could feed, were "
        "inputs, weights and outputs moved just once.",
        head,
        rows,
        3,
    )
    return Section(title, figures=(figure,), tables=(table,), folded=True)


def roof_frame(summary: pd.DataFrame, peaks: Mapping[str, float]) -> pd.DataFrame:
    """Each timed cell's arithmetic intensity (flop/B), its limit and its share of that."""
    timed = summary[summary["status"] == "ok"].copy()
    flops = timed["gflops"] * timed["median_ms"] * 1e6
    timed["intensity"] = flops / np.array([_bytes(row) for row in timed.to_dict("records")])
    timed["roof"] = (timed["intensity"] * peaks["gbytes"]).clip(upper=peaks["gflops"])
    timed["share"] = timed["gflops"] / timed["roof"]
    return timed


def _bytes(row: Mapping[Any, Any]) -> float:
    """What must move at the least: x, weights and outputs, once a forward, twice more back."""
    B, T, I, H = (row[k] for k in ("batch", "steps", "input_size", "hidden_size"))  # noqa: E741
    weights = 4 * H * (I + H + 1) + (H * (H + 1) if row["head"] else 0)
    once = B * T * (I + H) + weights + 2 * B * H
    times = {"forward": 1, "forward_train": 1, "backward": 2, "step": 3}[row["pass"]]
    return float(once * times * BYTES.get(row["dtype"], 4))


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
