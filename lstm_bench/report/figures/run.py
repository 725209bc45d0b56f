"""Figures of a run, each from the summary (see summary.py); None where there is nothing to show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lstm_bench.report.document import Figure
from lstm_bench.report.figures.svg import COLOURS, INK, MARKERS, RULE, finish, style, times
from lstm_bench.report.tables import number, short

AXES = {"batch": "batch size", "steps": "time steps", "hidden_size": "hidden size"}


def colours(summary: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Each subject's colour and marker, the same in all figures."""
    subjects = dict.fromkeys(summary["subject"])
    return {
        subject: (COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)])
        for k, subject in enumerate(subjects)
    }


def heatmap(summary: pd.DataFrame, baseline: str) -> Figure | None:
    """Speed-ups over the baseline: workloads down, subjects and passes across."""
    shown = _compared(summary, baseline)
    if shown.empty:
        return None
    columns = list(dict.fromkeys(zip(shown["subject"], shown["pass"], strict=True)))
    rows = list(dict.fromkeys(shown["workload"]))
    values = np.full((len(rows), len(columns)), np.nan)
    open_ = np.zeros_like(values, dtype=bool)
    for row in shown.to_dict("records"):
        place = rows.index(row["workload"]), columns.index((row["subject"], row["pass"]))
        values[place] = -math.log2(row["ratio"])
        open_[place] = row["ratio_low"] <= 1 <= row["ratio_high"]
    reach = max(0.5, float(np.nanmax(np.abs(values))))
    best = min(shown.to_dict("records"), key=lambda r: float(r["ratio"]))
    title = (
        f"Highest speed-up over {short(baseline)}: {1 / best['ratio']:.2f}× "
        f"({short(best['subject'])}, {best['workload']}, {best['pass']})"
        if best["ratio"] < 1
        else f"Nothing is faster than {short(baseline)}: at best {1 / best['ratio']:.2f}× its speed"
    )
    with style():
        figure, axes = plt.subplots(
            figsize=(2.2 + 0.75 * len(columns), 1.6 + 0.33 * len(rows)), layout="constrained"
        )
        image = axes.pcolormesh(values, cmap="PuOr", vmin=-reach, vmax=reach, rasterized=False)
        for r, c in zip(*np.where(~np.isnan(values)), strict=True):
            strong = abs(values[r, c]) > 0.6 * reach
            axes.text(
                c + 0.5, r + 0.5, number(2 ** values[r, c], 2), ha="center", va="center",
                fontsize=8, color="white" if strong else "black",
            )  # fmt: skip
            if open_[r, c]:
                axes.add_patch(
                    Rectangle((c, r), 1, 1, fill=False, hatch="///", edgecolor="0.35", lw=0)
                )
        axes.set_xticks(
            np.arange(len(columns)) + 0.5,
            [f"{short(s)}\n{p}" for s, p in columns], rotation=40, ha="right", fontsize=7,
        )  # fmt: skip
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=7)
        axes.invert_yaxis()
        bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30)
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: times(round(2**v, 2))))
        bar.set_label(f"speed, {short(baseline)} = 1×")
        bar.outline.set_edgecolor(RULE)
    text = "; ".join(
        f"{short(r['subject'])} {r['workload']} {r['pass']}: {1 / r['ratio']:.2f} times the speed"
        for r in shown.to_dict("records")
    )
    caption = (
        f"Above 1 (purple) is faster than {short(baseline)}, below (orange) slower. Hatched: the "
        "95 % interval holds 1, so it is undecided which is faster."
    )
    return finish(figure, title, text, caption)


def ratios(summary: pd.DataFrame, baseline: str, margin: float = 0.05) -> Figure | None:
    """Time relative to the baseline in every cell, with intervals, on a logarithmic axis."""
    shown = _compared(summary, baseline)
    if shown.empty:
        return None
    labels = list(dict.fromkeys(zip(shown["workload"], shown["pass"], strict=True)))
    subjects = list(dict.fromkeys(shown["subject"]))
    looks = colours(summary)
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 1.2 + 0.24 * len(labels)), layout="constrained")
        for k, subject in enumerate(subjects):
            part = shown[shown["subject"] == subject]
            places = [labels.index(key) for key in zip(part["workload"], part["pass"], strict=True)]
            at = [p + 0.2 * (k - (len(subjects) - 1) / 2) for p in places]
            errors = [part["ratio"] - part["ratio_low"], part["ratio_high"] - part["ratio"]]
            colour, marker = looks[subject]
            axes.errorbar(
                part["ratio"], at, xerr=errors, fmt=marker, ms=4, lw=1.2, color=colour,
                label=short(subject),
            )  # fmt: skip
        draw_margins(axes, margin)
        axes.set_yticks(range(len(labels)), [f"{w}  {p}" for w, p in labels], fontsize=7)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        log_ratio_axis(axes)
        axes.set_xlabel(f"time, {short(baseline)} = 1× (left is faster)")
        figure.legend(loc="outside lower center", ncols=3)
    slower = int((shown["ratio_low"] > 1).sum())
    faster = int((shown["ratio_high"] < 1).sum())
    title = (
        f"Against {short(baseline)}: {faster} of {len(shown)} are faster, {slower} slower, "
        f"{len(shown) - faster - slower} undecided"
    )
    text = "; ".join(
        f"{short(r['subject'])} on {r['workload']} {r['pass']}: {r['ratio']:.2f} "
        f"({r['ratio_low']:.2f} to {r['ratio_high']:.2f})"
        for r in shown.to_dict("records")
    )
    caption = (
        "Points are medians of the ratios within rounds, bars their 95 % intervals; dashed lines "
        f"mark a margin of {margin:.0%}."
    )
    return finish(figure, title, text, caption)


def scaling(
    summary: pd.DataFrame, each: int = 2
) -> tuple[list[Figure], list[tuple[str, str, str, str]]]:
    """Time over each size that varies while the others stay, and every fitted slope as a row.

    Drawn are, along each size, the ``each`` series that hold most points.
    """
    found = list(_series(summary))
    rows = [
        (fixed, AXES[axis], name, f"{value:.2f}")
        for series, axis, fixed in found
        for name, value in _slopes(series, axis)
    ]
    drawn = []
    for axis in AXES:
        along = sorted((one for one in found if one[1] == axis), key=lambda one: -len(one[0]))
        drawn += [_scaling(summary, *one) for one in along[:each]]
    return drawn, rows


def _slopes(series: pd.DataFrame, axis: str) -> list[tuple[str, float]]:
    parts = series.groupby("subject", sort=False)
    return [
        (short(str(name)), slope(part[axis].to_numpy(float), part["median_ms"].to_numpy(float)))
        for name, part in parts
        if len(part) > 1
    ]


def _scaling(summary: pd.DataFrame, series: pd.DataFrame, axis: str, fixed: str) -> Figure:
    looks = colours(summary)
    with style():
        figure, axes = plt.subplots(figsize=(5.4, 3.4), layout="constrained")
        for subject, part in series.groupby("subject", sort=False):
            if len(part) < 2:
                continue
            line = part.sort_values(axis)
            colour, marker = looks[str(subject)]
            x, y = line[axis].to_numpy(float), line["median_ms"].to_numpy(float)
            band = line["spread"].to_numpy(float)
            axes.plot(x, y, marker=marker, ms=4, lw=1.4, color=colour, label=short(str(subject)))
            axes.fill_between(x, y * (1 - band), y * (1 + band), color=colour, alpha=0.2, lw=0)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        log_axis(axes.yaxis)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axes.set_xticks(sorted(series[axis].unique()), minor=False)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(AXES[axis])
        axes.set_ylabel("median time, ms")
        axes.grid(lw=0.4)
        axes.legend()
    slopes = _slopes(series, axis)
    shallow = min(slopes, key=lambda found: found[1])
    title = (
        f"{shallow[0]}'s time grows least with the {AXES[axis]}: as its power {shallow[1]:.2f} "
        f"({fixed})"
    )
    text = "; ".join(f"{name}: slope {value:.2f}" for name, value in slopes)
    caption = "Bands are half the interquartile range to either side."
    return finish(figure, title, text, caption)


def slope(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """Of log y over log x, by least squares: 1 is in proportion, 0 does not depend on it."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def _series(summary: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, str, str]]:
    """Cells that differ in one size only, two or more sizes of it; what stays, in words."""
    timed = summary[summary["status"] == "ok"]
    for axis in AXES:
        others = [a for a in AXES if a != axis]
        keys = [*others, "pass", "device", "dtype", "head"]
        if axis != "hidden_size":
            keys.append("input_size")
        for key, group in timed.groupby(keys, sort=False):
            found = dict(zip(keys, key, strict=True))
            enough = bool(group.groupby("subject")[axis].nunique().max() > 1)
            if axis == "hidden_size":  # the input stays, or follows; else two things grow at once
                follows = bool((group["input_size"] == group["hidden_size"]).all())
                enough = enough and (follows or group["input_size"].nunique() == 1)
            if enough and not group.duplicated(["subject", axis]).any():
                sizes = ", ".join(f"{AXES[a]} {found[a]}" for a in others)
                yield group, axis, f"{found['pass']}, {sizes}"


def passes(summary: pd.DataFrame) -> Figure | None:
    """The four passes side by side, a panel a workload."""
    timed = summary[summary["status"] == "ok"]
    names = list(dict.fromkeys(timed["pass"]))
    workloads = list(dict.fromkeys(timed["workload"]))[:9]
    if len(names) < 2:
        return None
    looks = colours(summary)
    subjects = list(dict.fromkeys(timed["subject"]))
    columns = min(3, len(workloads))
    rows = -(-len(workloads) // columns)
    with style():
        figure, panels = plt.subplots(
            rows, columns, figsize=(2.6 * columns, 2.1 * rows), squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for panel in panels.flat[len(workloads) :]:
            panel.set_axis_off()
        for panel, workload in zip(panels.flat, workloads, strict=False):
            for k, subject in enumerate(subjects):
                part = timed[(timed["subject"] == subject) & (timed["workload"] == workload)]
                at = [names.index(p) + 0.8 * (k + 0.5) / len(subjects) - 0.4 for p in part["pass"]]
                panel.bar(
                    at, part["median_ms"], 0.75 / len(subjects), color=looks[subject][0],
                    label=short(subject),
                )  # fmt: skip
            panel.set_title(workload, fontsize=8)
            panel.set_xticks(range(len(names)), [n.replace("_", "\n") for n in names], fontsize=7)
        for panel in panels[:, 0]:
            panel.set_ylabel("median, ms")
        handles, labels = panels.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    text = "; ".join(
        f"{short(r['subject'])} {r['workload']} {r['pass']}: {number(r['median_ms'], 3)} ms"
        for r in timed[timed["workload"].isin(workloads)].to_dict("records")
    )
    share = _backward_share(timed)
    title = "The passes side by side" + (f": {share}" if share else "")
    more = timed["workload"].nunique() - len(workloads)
    caption = "Each panel has its own scale." + (
        f" {more} more workloads are in the table of every cell." if more else ""
    )
    return finish(figure, title, text, caption)


def _backward_share(timed: pd.DataFrame) -> str:
    wide = timed.pivot_table(index=["subject", "workload"], columns="pass", values="median_ms")
    if not {"backward", "forward_train"} <= set(wide.columns):
        return ""
    share = float((wide["backward"] / wide["forward_train"]).median())
    return f"backward takes {share:.1f} times as long as its forward, in the median"


def memory(summary: pd.DataFrame) -> Figure | None:
    """Peak memory of one call, a row a workload and pass."""
    shown = summary[(summary["status"] == "ok") & summary["peak_mib"].notna()]
    shown = shown[shown["peak_mib"] > 0]
    if shown.empty:
        return None
    labels = list(dict.fromkeys(zip(shown["workload"], shown["pass"], strict=True)))
    looks = colours(summary)
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 1.3 + 0.2 * len(labels)), layout="constrained")
        for subject, part in shown.groupby("subject", sort=False):
            at = [labels.index(key) for key in zip(part["workload"], part["pass"], strict=True)]
            colour, marker = looks[str(subject)]
            axes.plot(
                part["peak_mib"], at, marker, color=colour, ms=4.5, label=short(str(subject)),
                alpha=0.85,
            )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(_mebibytes))
        axes.set_yticks(range(len(labels)), [f"{w}  {p}" for w, p in labels], fontsize=7)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.grid(axis="both", lw=0.4)
        axes.set_xlabel("peak memory of one call")
        figure.legend(loc="outside lower center", ncols=4)
    most = max(shown.to_dict("records"), key=lambda r: float(r["peak_mib"]))
    title = (
        f"Most memory: {short(most['subject'])} with {number(most['peak_mib'], 3)} MiB "
        f"({most['workload']}, {most['pass']})"
    )
    text = "; ".join(
        f"{short(r['subject'])} {r['workload']} {r['pass']}: {number(r['peak_mib'], 3)} MiB"
        for r in shown.to_dict("records")
    )
    return finish(figure, title, text, "What a call needs beyond inputs and parameters.")


def roofline(roof: pd.DataFrame, peaks: Mapping[str, float]) -> Figure | None:
    """Arithmetic per second over arithmetic per byte, under the roof that was measured."""
    if roof.empty:
        return None
    top, slope_ = peaks["gflops"], peaks["gbytes"]
    looks = colours(roof)
    with style():
        figure, axes = plt.subplots(figsize=(6.2, 3.8), layout="constrained")
        low = min(float(roof["intensity"].min()) / 2, top / slope_ / 2)
        high = max(float(roof["intensity"].max()) * 2, top / slope_ * 2)
        x = np.geomspace(low, high, 50)
        axes.plot(x, np.minimum(top, slope_ * x), color=INK, lw=1.2)
        for subject, part in roof.groupby("subject", sort=False):
            colour, marker = looks[str(subject)]
            axes.plot(
                part["intensity"], part["gflops"], marker, color=colour, ms=4.5, alpha=0.85,
                label=short(str(subject)),
            )  # fmt: skip
        for axis, scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
            scale("log")
            log_axis(axis)
        axes.set_xlabel("arithmetic per byte that must move, flop/B")
        axes.set_ylabel("GFLOP/s")
        axes.grid(lw=0.4)
        axes.legend(loc="lower right")
    best = max(roof.to_dict("records"), key=lambda r: float(r["share"]))
    title = (
        f"Closest to the machine's limit: {short(best['subject'])} with {best['share']:.0%} "
        f"({best['workload']}, {best['pass']})"
    )
    text = (
        f"The roof: {top:.1f} GFLOP/s of a matrix product, {slope_:.1f} GB/s of a copy. "
        + "; ".join(
            f"{short(r['subject'])} {r['workload']} {r['pass']}: {r['share']:.0%}"
            for r in roof.to_dict("records")
        )
    )
    caption = (
        f"The line is what this machine reached in the same run: {top:.1f} GFLOP/s in a large "
        f"matrix product, {slope_:.1f} GB/s copying memory."
    )
    return finish(figure, title, text, caption)


def _compared(summary: pd.DataFrame, baseline: str) -> pd.DataFrame:
    shown = summary[(summary["status"] == "ok") & summary["ratio"].notna()]
    return shown[shown["subject"] != baseline]


def _mebibytes(value: float, _: Any = None) -> str:
    for unit, size in (("MiB", 1.0), ("KiB", 2**-10)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 2**20:.3g} B"


def log_axis(axis: Any) -> None:
    """A logarithmic axis of plain numbers, not too many."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def draw_margins(axes: Any, margin: float) -> None:
    axes.axvline(1, color=INK, lw=1)
    for limit in (1 + margin, 1 / (1 + margin)):
        axes.axvline(limit, color=INK, lw=0.7, ls=(0, (4, 3)), alpha=0.6)


def log_ratio_axis(axes: Any) -> None:
    """Ticks that suit the reach: halves and doubles, or percents."""
    axes.set_xscale("log", base=2)
    low, high = axes.get_xlim()
    if high / low < 3:
        axes.set_xscale("log", base=10)
        axes.xaxis.set_major_locator(MaxNLocator(7))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(times))
    axes.grid(axis="x", lw=0.4)
