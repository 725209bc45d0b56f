"""Figures as inline SVG, by matplotlib. Every figure has a title, units and a description."""

from __future__ import annotations

import io
import re

import matplotlib
import pandas as pd

from lstm_bench.report.tables import short

matplotlib.use("svg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, told apart by colour-blind eyes."""


def ratios(summary: pd.DataFrame, baseline: str) -> str:
    """Time relative to the baseline in every cell, with intervals, on a logarithmic axis."""
    shown = summary[(summary["status"] == "ok") & summary["ratio"].notna()]
    shown = shown[shown["subject"] != baseline]
    if shown.empty:
        return ""
    labels = list(dict.fromkeys(zip(shown["workload"], shown["pass"], strict=True)))
    subjects = list(dict.fromkeys(shown["subject"]))
    figure, axes = plt.subplots(figsize=(7.5, 1.2 + 0.24 * len(labels)))
    for k, subject in enumerate(subjects):
        part = shown[shown["subject"] == subject]
        places = [labels.index(key) for key in zip(part["workload"], part["pass"], strict=True)]
        at = [p + 0.16 * (k - (len(subjects) - 1) / 2) for p in places]
        errors = [part["ratio"] - part["ratio_low"], part["ratio_high"] - part["ratio"]]
        axes.errorbar(
            part["ratio"], at, xerr=errors, fmt="os^Dv"[k % 5], ms=4, lw=1.2,
            color=COLOURS[k % len(COLOURS)], label=short(subject),
        )  # fmt: skip
    axes.axvline(1, color="0.5", lw=1)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda v, _: f"{v:g}×"))
    axes.set_yticks(range(len(labels)), [f"{w}  {p}" for w, p in labels], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel(f"time relative to {baseline} (left of the line is faster)")
    axes.grid(axis="x", lw=0.4)
    axes.legend(fontsize=8, loc="best")
    text = "; ".join(
        f"{r.subject} on {r.workload} {getattr(r, 'pass_', '')}: {r.ratio:.2f}"
        for r in shown.rename(columns={"pass": "pass_"}).itertuples()
    )
    return _svg(figure, f"Time relative to {baseline}", text)


def _svg(figure: Figure, title: str, description: str) -> str:
    buffer = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lstm-bench"}):
        figure.savefig(
            buffer, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None}
        )
    plt.close(figure)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    head = f"<title>{_escape(title)}</title><desc>{_escape(description)}</desc>"
    return re.sub(r"(<svg[^>]*)>", rf'\1 role="img">{head}', svg, count=1, flags=re.S)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "")
