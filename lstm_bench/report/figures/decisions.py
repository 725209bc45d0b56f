"""Figures of comparisons and choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from lstm_bench.report.document import Figure
from lstm_bench.report.figures.run import draw_margins, log_axis, log_ratio_axis
from lstm_bench.report.figures.svg import COLOURS, INK, MARKERS, finish, style

LOOKS = {
    "faster": (COLOURS[2], "v"),
    "equal": (COLOURS[0], "o"),
    "not slower": (COLOURS[5], "D"),
    "slower": (COLOURS[1], "^"),
    "undecided": ("#808080", "s"),
    "best": (COLOURS[2], "v"),
    "tied": (COLOURS[0], "o"),
}


def intervals(
    labels: Sequence[str],
    found: Sequence[tuple[float, float | None, float | None, str]],
    margin: float,
    title: str,
    axis: str,
) -> Figure | None:
    """Ratios with their intervals and the margin's lines; (ratio, low, high, verdict) a row."""
    rows = [(n, row) for n, row in enumerate(found) if row[0] == row[0]]
    if not rows:
        return None
    ends = [v for _, (r, lo, hi, _) in rows for v in (r, lo, hi) if v]
    left, right = 0.9 * min([*ends, 1 / (1 + margin)]), 1.1 * max([*ends, 1 + margin])
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 1.2 + 0.22 * len(labels)), layout="constrained")
        told: set[str] = set()
        for place, (ratio, low, high, verdict) in rows:
            colour, marker = LOOKS.get(verdict, ("#808080", "s"))
            axes.plot([low or left, high or right], [place, place], color=colour, lw=1.4)
            axes.plot(
                ratio, place, marker, color=colour, ms=5,
                label=None if verdict in told else verdict,
            )  # fmt: skip
            told.add(verdict)
        axes.set_xlim(left, right)
        draw_margins(axes, margin)
        log_ratio_axis(axes)
        axes.set_yticks(range(len(labels)), labels, fontsize=7)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_xlabel(axis)
        figure.legend(loc="outside lower center", ncols=4)
    text = "; ".join(
        f"{labels[place]}: {ratio:.3f}"
        + (f" ({low:.3f} to {high:.3f})" if low and high else "")
        + f", {verdict}"
        for place, (ratio, low, high, verdict) in rows
    )
    caption = (
        "Bars are 95 % intervals that are valid whenever one looks; dashed lines mark the margin "
        f"of {margin:.0%}."
    )
    return finish(figure, title, text, caption)


def blocks(
    labels: Sequence[str], scores: Sequence[Sequence[float]], outliers: Sequence[Sequence[int]]
) -> Figure | None:
    """Every block's ratio, cell by cell in the order taken; outliers with their block's number."""
    if not any(scores):
        return None
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 1.2 + 0.22 * len(labels)), layout="constrained")
        for place, (row, far) in enumerate(zip(scores, outliers, strict=True)):
            ratios = np.exp(np.asarray(row, dtype=float))
            spread = 0.25 * np.sin(2.4 * np.arange(len(row)))  # so that equal ones show
            axes.plot(ratios, place + spread, ".", color=COLOURS[0], ms=4, alpha=0.6)
            if len(row):
                middle = float(np.median(ratios))
                axes.plot([middle, middle], [place - 0.35, place + 0.35], color=INK, lw=1.2)
            for number in far:
                axes.annotate(
                    str(number + 1), (ratios[number], place + spread[number]), fontsize=6,
                    xytext=(3, 0), textcoords="offset points", va="center",
                )  # fmt: skip
        axes.axvline(1, color=INK, lw=1)
        log_ratio_axis(axes)
        axes.set_yticks(range(len(labels)), labels, fontsize=7)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_xlabel("candidate / baseline, one point a block")
    count = sum(len(row) for row in scores)
    far_off = sum(len(row) for row in outliers)
    title = (
        f"{far_off} of {count} blocks lie far off"
        if far_off
        else f"None of {count} blocks lies far off"
    )
    text = "; ".join(
        f"{label}: {len(row)} blocks" for label, row in zip(labels, scores, strict=True)
    )
    caption = (
        "A block is a fresh pair of processes. The line is the median; numbers name blocks more "
        "than five usual deviations off it, which are kept all the same."
    )
    return finish(figure, title, text, caption)


def outliers(scores: Sequence[float]) -> list[int]:
    """Places of those more than five robust deviations from the median."""
    if len(scores) < 5:
        return []
    values = np.asarray(scores, dtype=float)
    middle = np.median(values)
    size = 1.4826 * np.median(np.abs(values - middle))
    return [int(k) for k in np.flatnonzero(np.abs(values - middle) > 5 * max(size, 1e-6))]


def ranking(cells: Sequence[Mapping[str, Any]], names: Sequence[str], title: str) -> Figure | None:
    """Milliseconds of every candidate, a row a cell."""
    points = [
        (row, names.index(place["target"]), place["milliseconds"], place["verdict"])
        for row, cell in enumerate(cells)
        for place in cell["ranking"]
        if place["milliseconds"]
    ]
    if not points:
        return None
    labels = [f"{cell['workload']}  {cell['pass']}" for cell in cells]
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 1.3 + 0.24 * len(labels)), layout="constrained")
        for number, name in enumerate(names):
            own = [(x, row) for row, who, x, _ in points if who == number]
            if own:
                axes.plot(
                    *zip(*own, strict=True), MARKERS[number % len(MARKERS)],
                    color=COLOURS[number % len(COLOURS)], ms=5, label=name.rpartition("/")[2],
                )  # fmt: skip
        axes.set_xscale("log")
        log_axis(axes.xaxis)
        axes.set_yticks(range(len(labels)), labels, fontsize=7)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.grid(axis="both", lw=0.4)
        axes.set_xlabel("time of a call, ms")
        figure.legend(loc="outside lower center", ncols=3)
    text = "; ".join(
        f"{labels[row]}, {names[who]}: {ms:.3g} ms ({verdict})" for row, who, ms, verdict in points
    )
    return finish(figure, title, text)


def power_curves(points: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Slowdowns caught over false alarms, a line a rule; its points are its thresholds."""
    with style():
        figure, axes = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
        for k, (name, found) in enumerate(points.items()):
            single = len(found) == 1
            axes.plot(
                *zip(*sorted(found), strict=True), marker="*" if single else MARKERS[k % 6],
                ms=14 if single else 3.5, lw=1.2, color=COLOURS[k % len(COLOURS)], label=name,
                zorder=3 if single else 2, clip_on=False,
            )  # fmt: skip
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("share of runs with a false alarm")
        axes.set_ylabel("share of slowdowns caught")
        axes.grid(lw=0.4)
        figure.legend(loc="outside lower center", ncols=2)
    (alarms, power), *_ = points["guard"]
    rest = [p for name, found in points.items() if name != "guard" for a, p in found if a <= 0.01]
    title = (
        f"guard catches {power:.0%} at {alarms:.1%} false alarms; the best of the others with at "
        f"most 1 %: {max(rest, default=0.0):.0%}"
    )
    text = "; ".join(
        f"{name}: " + ", ".join(f"{power:.0%} at {alarms:.0%}" for alarms, power in found)
        for name, found in points.items()
    )
    return finish(
        figure, title, text, "Up and to the left is better. 24 cells, 5 % in one of them."
    )
