"""Several runs on one page: before and after, across machines, a history.

Times of different runs stand side by side only where machine, versions and settings are the same;
across machines each run's own ratios do, which are taken within its rounds. Even on one machine
absolute times drift by tens of percent between runs: what is said here is a description, and no
verdict. For a decision there is ``guard``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from lstm_bench.errors import UsageError
from lstm_bench.report.document import Document, Figure, Section, Table
from lstm_bench.report.figures.svg import COLOURS, MARKERS, finish, style
from lstm_bench.report.load import facts_of, kind_of, read_json, read_lines
from lstm_bench.report.summary import BASELINE, summarise
from lstm_bench.report.tables import interval, number, short

CELL = ["subject", "workload", "pass", "device", "dtype"]

CHANGE = 0.15
"""A step in a history is marked where the medians before and after differ by more than this share
and by more than three times what either side varies."""

HOW = (
    "Each run checked and timed its implementations by itself. Absolute times of different runs "
    "differ by tens of percent on a shared machine without any reason in the code; ratios within a "
    "run are far steadier. What differs here is a reason to look, and no verdict: for that, "
    "lstm-bench guard."
)


def several_document(paths: Sequence[Path]) -> Document:
    """Of several folders of ``run``. Raises UsageError where one is of another kind."""
    runs = []
    for path in paths:
        if kind_of(path) != "run":
            raise UsageError(f"{path} is no folder of `lstm-bench run`: only runs go side by side")
        header = read_json(path / "run.json")
        cells = read_lines(path / "cells.jsonl")
        if not cells:
            raise UsageError(f"{path} holds no finished cell yet")
        runs.append((path.name or str(path), header, summarise(cells)))
    names = [name for name, _, _ in runs]
    if len(set(names)) < len(names):
        names = [f"{name} ({n + 1})" for n, name in enumerate(names)]
    same = len({header["fingerprint"] for _, header, _ in runs}) == 1
    frame = pd.concat(
        [summary.assign(run=name) for name, (_, _, summary) in zip(names, runs, strict=True)],
        ignore_index=True,
    )
    sections = [_ratios(frame, names)]
    changes: list[str] = []
    if same:
        section, changes = _times(frame, names)
        sections.append(section)
    where = "one machine" if same else "different machines or settings"
    said = f"{len(runs)} runs of {where}. " + (
        (f"Marked: {'; '.join(changes)}." if changes else "No step is marked in any cell.")
        if same
        else "Their times are not comparable and are not compared; each run's own ratios are."
    )
    started = [str(header.get("started", "")) for _, header, _ in runs]
    return Document(
        title=f"{len(runs)} runs side by side",
        question="What differs between these runs?",
        answer=said,
        verdicts=_overview(names, runs),
        sections=tuple(s for s in sections if not s.empty),
        facts=facts_of(runs[0][1]) if same else {"runs": "; ".join(started)},
        command="lstm-bench report " + " ".join(names),
        how=HOW,
        frame=frame,
        data={"answer": said, "changes": changes, "runs": names},
    )


def _overview(names: Sequence[str], runs: Sequence[Any]) -> Table:
    rows = tuple(
        (
            name, str(header.get("started", "")), str(header["machine"].get("cpu", "")),
            str(header["machine"].get("threads", "")), str(header["machine"].get("torch", "")),
            str(len(summary)), header["fingerprint"],
        )
        for name, (_, header, summary) in zip(names, runs, strict=True)
    )  # fmt: skip
    head = ("run", "started", "cpu", "threads", "torch", "cells", "fingerprint")
    caption = "The runs. Times may be compared where the fingerprints are the same."
    return Table(caption, head, rows, text_columns=3)


def _ratios(frame: pd.DataFrame, names: Sequence[str]) -> Section:
    """Each run's own ratios to the baseline, a column a run."""
    rows = []
    for key, group in frame.groupby(["subject", "workload", "pass"], sort=False):
        by_run = {row["run"]: row for row in group.to_dict("records")}
        shown = [interval(by_run[name]) if name in by_run else "–" for name in names]
        if any(text not in ("–", "1") for text in shown):
            rows.append((short(str(key[0])), str(key[1]), str(key[2]), *shown))
    if not rows:
        return Section("")
    caption = f"Time relative to {BASELINE} within each run, with its 95 % interval."
    table = Table(caption, ("implementation", "workload", "pass", *names), tuple(rows), 3)
    return Section(f"Ratios to {BASELINE}, run by run", tables=(table,))


def _times(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Section, list[str]]:
    """Medians run by run, of runs of one machine, with the steps that are marked."""
    rows, marked, lines = [], [], []
    for key, group in frame[frame["status"] == "ok"].groupby(CELL, sort=False):
        by_run = group.drop_duplicates("run").set_index("run")["median_ms"]
        times = by_run.reindex(list(names))
        label = f"{short(str(key[0]))} {key[1]} {key[2]}"
        at = change_point(times.to_numpy(float))
        if at is not None:
            before, after = times.iloc[:at].median(), times.iloc[at:].median()
            marked.append(f"{label}: {after / before:.2f} times since {names[at]}")
        note = names[at] if at is not None else "–"
        rows.append((label, *(number(v, 4) for v in times), note))
        lines.append((label, times.to_numpy(float), at))
    table = Table(
        "Median milliseconds of a call, run by run.", ("cell", *names, "step at"), tuple(rows)
    )
    figure = _history(lines, names, marked)
    return Section("Times, run by run", figures=(figure,), tables=(table,), folded=True), marked


def change_point(times: np.ndarray[Any, Any]) -> int | None:
    """The place of the clearest step in a series, or None where none is clear enough.

    The split with the least absolute deviation from the medians on either side; it counts if the
    medians differ by more than CHANGE and by three times what the values vary around them.
    """
    logs = np.log(times)
    known = ~np.isnan(logs)
    best: tuple[float, int] | None = None
    for at in range(2, len(logs) - 1):
        left, right = logs[:at][known[:at]], logs[at:][known[at:]]
        if len(left) < 2 or len(right) < 2:
            continue
        loss = float(_deviation(left) * len(left) + _deviation(right) * len(right))
        if best is None or loss < best[0]:
            best = loss, at
    if best is None:
        return None
    at = best[1]
    left, right = logs[:at][known[:at]], logs[at:][known[at:]]
    step = abs(float(np.median(right) - np.median(left)))
    noise = max(_deviation(left), _deviation(right))
    return at if step > max(np.log1p(CHANGE), 3 * noise) else None


def _deviation(values: np.ndarray[Any, Any]) -> float:
    return float(np.mean(np.abs(values - np.median(values))))


def _history(
    lines: Sequence[tuple[str, np.ndarray[Any, Any], int | None]],
    names: Sequence[str],
    marked: Sequence[str],
) -> Figure:
    """Each cell's time relative to its own median over the runs."""
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
        for k, (label, times, at) in enumerate(lines):
            relative = times / np.nanmedian(times)
            shown = at is not None and k < 60
            axes.plot(
                relative, lw=1.6 if shown else 0.8, alpha=1 if shown else 0.35,
                marker=MARKERS[k % len(MARKERS)], ms=4 if shown else 2.5,
                color=COLOURS[k % len(COLOURS)], label=label if shown else None,
            )  # fmt: skip
            if at is not None:
                axes.axvline(at - 0.5, color=COLOURS[k % len(COLOURS)], lw=0.8, ls=":")
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}×")
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=7)
        axes.set_ylabel("time, median of the runs = 1×")
        axes.grid(lw=0.4)
        if marked:
            axes.legend(fontsize=7)
    title = f"{len(marked)} of {len(lines)} cells show a step"
    text = "; ".join(
        f"{label}: {', '.join(number(v, 3) for v in times)} ms" for label, times, _ in lines
    )
    return finish(figure, title, text, "Dotted lines mark steps; thin lines are cells without one.")
