"""Several runs on one page: before and after, across machines, a history.

Times of different runs stand side by side only where machine, versions and settings are the same;
across machines each run's own ratios do, which are taken within its rounds. Even on one machine
absolute times drift by tens of percent between runs: what is said here is a description, and no
verdict. For a decision there is ``guard``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from lstm_bench.errors import UsageError
from lstm_bench.plain import plain
from lstm_bench.report.document import Document, Figure, Section, Table
from lstm_bench.report.figures.svg import COLOURS, INK, MARKERS, finish, style
from lstm_bench.report.load import facts_of, open_source, with_left_out
from lstm_bench.report.summary import BASELINE, summarise
from lstm_bench.report.tables import interval, number, short
from lstm_bench.store.folder import Folder

CELL = ["subject", "workload", "pass", "device", "dtype"]

CHANGE = 0.15
"""A step in a history is marked where the medians before and after differ by more than this share
and by more than three times what either side varies."""

NAMED = 5
"""How many changes are named; all are in the table."""

HOW = (
    "Each run checked and timed its implementations by itself. Absolute times of different runs "
    "differ by tens of percent on a shared machine without any reason in the code; ratios within a "
    "run are far steadier. What differs here is a reason to look, and no verdict: for that, "
    "lstm-bench guard."
)


def several_document(paths: Sequence[Path]) -> Document:
    """Of several folders of ``run``. Raises UsageError where one is of another kind."""
    folders = [_opened(path) for path in paths]
    runs = []
    for folder in folders:
        cells = folder.lines("cells.jsonl")
        if not cells:
            raise UsageError(f"{folder.path} holds no finished cell yet")
        name = plain(folder.path.name or str(folder.path))
        runs.append((name, folder.header, summarise(cells)))
    if len(runs) > 2:  # a history is in the order of time; of two, the first named is "before"
        runs.sort(key=lambda run: str(run[1].get("started", "")))
    names = [name for name, _, _ in runs]
    if len(set(names)) < len(names):
        names = [f"{name} ({n + 1})" for n, name in enumerate(names)]
    same = len({header["fingerprint"] for _, header, _ in runs}) == 1
    frame = pd.concat(
        [summary.assign(run=name) for name, (_, _, summary) in zip(names, runs, strict=True)],
        ignore_index=True,
    )
    steps = [*(_steps(frame, names, "median_ms") if same else ()), *_steps(frame, names, "ratio")]
    pairs = _pairs(frame, names) if len(names) == 2 else None
    sections = [
        _before_after(pairs, names, same),
        _ratios(frame, names),
        _times(frame, names, steps) if same and pairs is None else Section(""),
    ]
    said = _answer(frame, names, same, steps, pairs)
    started = [str(header.get("started", "")) for _, header, _ in runs]
    document = Document(
        title=f"{len(runs)} runs side by side",
        question="What differs between these runs?",
        answer=said,
        verdicts=_overview(names, runs),
        sections=tuple(s for s in sections if not s.empty),
        facts=facts_of(runs[0][1]) if same else {"runs": "; ".join(started)},
        command="lstm-bench report " + " ".join(names),
        how=HOW,
        frame=frame,
        data={"answer": said, "changes": [asdict(step) for step in steps], "runs": names},
    )
    return with_left_out(document, *folders)


def _opened(path: Path) -> Folder:
    kind, source = open_source(path)
    if kind != "run" or not isinstance(source, Folder):
        raise UsageError(f"{path} is no folder of `lstm-bench run`: only runs go side by side")
    return source


# -- the answer ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """Where a cell's history changes. of: ``median_ms`` or ``ratio``; factor: after / before."""

    cell: str
    of: str
    since: str
    factor: float


def _answer(
    frame: pd.DataFrame,
    names: Sequence[str],
    same: bool,
    steps: Sequence[Step],
    pairs: pd.DataFrame | None,
) -> str:
    where = "one machine" if same else "different machines or settings"
    sentences = [f"{len(names)} runs of {where}."]
    if not same:
        sentences.append(
            "Their times are not comparable and are not compared; each run's own ratios are."
        )
    if pairs is not None:
        sentences += _of_two(pairs, names, same)
    else:
        sentences += _of_history(frame, same, steps)
    return " ".join(sentences)


def _of_two(pairs: pd.DataFrame, names: Sequence[str], same: bool) -> list[str]:
    found = []
    if same and len(pairs):
        change = pairs["time"]
        found.append(
            f"{names[1]} takes {change.median():.2f} times as long as {names[0]} in the median "
            f"cell ({change.min():.2f} to {change.max():.2f})."
        )
    apart, known = int(pairs["apart"].sum()), int(pairs["change"].notna().sum())
    if known:
        found.append(f"Of {known} ratios to {BASELINE}, {apart or 'none'} lie apart.")
    return found


def _of_history(frame: pd.DataFrame, same: bool, steps: Sequence[Step]) -> list[str]:
    """How many times changed and since when; single ratios by name, for they are steadier."""
    found = []
    times = [step for step in steps if step.of == "median_ms"]
    ratios = [step for step in steps if step.of == "ratio"]
    cells = len(frame[frame["status"] == "ok"].drop_duplicates(CELL))
    for run, count in Counter(step.since for step in times).most_common(2):
        factors = sorted(step.factor for step in times if step.since == run)
        size = " to ".join(dict.fromkeys((f"{factors[0]:.2f}", f"{factors[-1]:.2f}")))
        found.append(f"Since {run}, {count} of {cells} times have changed, {size} times.")
    if same and not times:
        found.append("No step is marked in any cell's time.")
    if not ratios:
        found.append(f"No ratio to {BASELINE} shows a step.")
        if times and len(times) > cells / 2:
            found.append("All moved together: that points to the machine, not to the code.")
        return found
    ratios.sort(key=lambda step: -abs(np.log(step.factor)))
    named = "; ".join(f"{s.cell}: {s.factor:.2f} times since {s.since}" for s in ratios[:NAMED])
    more = f"; and {len(ratios) - NAMED} more" if len(ratios) > NAMED else ""
    return [*found, f"Ratios to {BASELINE} that changed: {named}{more}."]


# -- the sections --------------------------------------------------------------------------------


def _pairs(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Cells of both runs. time, change: second over first, of the medians and of the ratios to the
    baseline; apart: whether the intervals of these ratios have nothing in common.
    """
    timed = frame[frame["status"] == "ok"]
    first, second = (timed[timed["run"] == name].set_index(CELL) for name in names)
    both = first.merge(second, left_index=True, right_index=True, suffixes=("_0", "_1"))
    both = both[~both.index.duplicated()]
    found = pd.DataFrame(index=both.index)
    found["before"], found["after"] = both["median_ms_0"], both["median_ms_1"]
    found["time"] = found["after"] / found["before"]
    subjects = both.index.get_level_values("subject")
    change = both["ratio_1"] / both["ratio_0"]
    found["change"] = change.where(subjects != BASELINE)
    apart = (both["ratio_low_1"] > both["ratio_high_0"]) | (
        both["ratio_high_1"] < both["ratio_low_0"]
    )
    found["apart"] = apart & found["change"].notna()
    return found


def _before_after(pairs: pd.DataFrame | None, names: Sequence[str], same: bool) -> Section:
    if pairs is None or pairs.empty:
        return Section("")
    rows = []
    for key, row in zip(pairs.index, pairs.to_dict("records"), strict=True):
        known = not np.isnan(row["change"])
        word = ("apart" if row["apart"] else "overlap") if known else "–"
        times = [number(row["before"], 4), number(row["after"], 4), f"{row['time']:.3f}"]
        ratio = f"{row['change']:.3f}" if known else "–"
        cells = (short(str(key[0])), str(key[1]), str(key[2]))
        rows.append((*cells, *(times if same else ()), ratio, word))
    times_head = (f"{names[0]}, ms", f"{names[1]}, ms", "second / first") if same else ()
    head = ("implementation", "workload", "pass", *times_head, "of the ratios", "intervals")
    caption = (
        f"{names[1]} after {names[0]}: "
        + ("medians and what one is of the other; " if same else "")
        + f"the same of the ratios to {BASELINE}, and whether their 95 % intervals lie apart."
    )
    return Section("Before and after", tables=(Table(caption, head, tuple(rows), 3),))


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


def _histories(
    frame: pd.DataFrame, names: Sequence[str], column: str
) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Each cell's label and its values, run by run; NaN where a run has none."""
    known = frame[(frame["status"] == "ok") & frame[column].notna()]
    if column == "ratio":
        known = known[known["subject"] != BASELINE]
    for key, group in known.groupby(CELL, sort=False):
        by_run = group.drop_duplicates("run").set_index("run")[column]
        label = f"{short(str(key[0]))} {key[1]} {key[2]}"
        yield label, by_run.reindex(list(names)).to_numpy(float)


def _steps(frame: pd.DataFrame, names: Sequence[str], column: str) -> list[Step]:
    found = []
    for label, values in _histories(frame, names, column):
        at = change_point(values)
        if at is not None:
            factor = float(np.nanmedian(values[at:]) / np.nanmedian(values[:at]))
            found.append(Step(label, column, names[at], factor))
    return found


def _times(frame: pd.DataFrame, names: Sequence[str], steps: Sequence[Step]) -> Section:
    """Medians run by run, of runs of one machine, with the steps that are marked."""
    marked = {step.cell: step for step in steps if step.of == "median_ms"}
    lines = list(_histories(frame, names, "median_ms"))
    rows = tuple(
        (label, *(number(v, 4) for v in times), marked[label].since if label in marked else "–")
        for label, times in lines
    )
    table = Table("Median milliseconds of a call, run by run.", ("cell", *names, "step at"), rows)
    figure = _history(lines, names, marked)
    return Section("Times, run by run", figures=(figure,), tables=(table,), folded=True)


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
    lines: Sequence[tuple[str, np.ndarray[Any, Any]]],
    names: Sequence[str],
    marked: Mapping[str, Step],
) -> Figure:
    """Each cell's time relative to its own median over the runs; the largest steps by name."""
    largest = sorted(marked.values(), key=lambda step: -abs(np.log(step.factor)))[:NAMED]
    looks = {step.cell: (COLOURS[k], MARKERS[k]) for k, step in enumerate(largest)}
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
        for label, times in lines:
            relative = times / np.nanmedian(times)
            if label in looks:
                colour, marker = looks[label]
                axes.plot(relative, lw=1.6, marker=marker, ms=4, color=colour, label=label)
            else:
                axes.plot(relative, lw=0.8, alpha=0.45, color=INK)
        for run in {step.since for step in marked.values()}:
            axes.axvline(names.index(run) - 0.5, color=INK, lw=0.8, ls=":")
        axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}×")
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=7)
        axes.set_ylabel("time, median of the runs = 1×")
        axes.grid(lw=0.4)
        if looks:
            figure.legend(loc="outside lower center", ncols=2, fontsize=7)
    title = f"{len(marked)} of {len(lines)} cells' times show a step"
    text = "; ".join(
        f"{label}: {', '.join(number(v, 3) for v in times)} ms" for label, times in lines
    )
    caption = "Dotted lines mark steps; named are the largest, thin lines are all other cells."
    return finish(figure, title, text, caption)
