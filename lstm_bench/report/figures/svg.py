"""From a matplotlib figure to lean SVG that follows the page's colours, light and dark."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

import matplotlib
from matplotlib import pyplot as plt

from lstm_bench.report.document import Figure

matplotlib.use("svg")

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9")
"""After Okabe and Ito's palette, told apart by colour-blind eyes, on white and on black."""
MARKERS = "osD^vP"

INK, RULE = "#010203", "#040506"
"""Stand for the page's own colours of text and lines, which depend on the reader's theme."""

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lstm-bench",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "font.size": 9,
    "hatch.linewidth": 0.6,
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw inside of this. Matplotlib warns of names that it cannot measure or fit; they stay."""
    with plt.rc_context(_STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def finish(figure: Any, title: str, description: str, caption: str = "") -> Figure:
    """The figure as SVG; it is closed afterwards."""
    buffer = io.StringIO()
    with style():
        figure.savefig(
            buffer, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None}
        )
    plt.close(figure)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.S)
    # A hundredth of a point is enough, in attributes; text is left as it is.
    svg = re.sub(r'="[^"]*"', lambda m: re.sub(r"(\d+\.\d\d)\d+", r"\1", m[0]), svg)
    svg = re.sub(r"\n\s*", "\n", svg)
    svg = svg.replace(INK, "currentColor").replace(RULE, "var(--rule)")
    svg = re.sub(r"font: ([^'\"]*?)(\d[\d.]*px) [^;\"]*", r"font: \1\2 system-ui, sans-serif", svg)
    head = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    svg = re.sub(r"(<svg[^>]*)>", rf'\1 role="img">{head}', svg, count=1, flags=re.S)
    return Figure(title, svg, caption)


def unique_ids(svg: str, prefix: str) -> str:
    """Names inside of a figure are only good for it alone: several share a page."""
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', svg)
    return re.sub(r'(href="#|url\(#)', rf"\1{prefix}", svg)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "")


def times(value: float, _: Any = None) -> str:
    """A tick on an axis of ratios."""
    return f"{value:g}×"
