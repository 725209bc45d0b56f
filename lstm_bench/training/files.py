"""What a training run leaves on disk: the curves as data and as a figure, and how they came about.

``curves.csv`` and ``curves.json`` hold one row for each implementation and update, ``train.json``
the settings, the text, the versions and the results.
"""

from __future__ import annotations

import io
import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstm_bench.errors import UsageError
from lstm_bench.store.write import make_folder, replace_file
from lstm_bench.training.coincidence import Coincidence
from lstm_bench.training.learner import Curve
from lstm_bench.training.text import perplexity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMOOTHED_OVER = 20
"""Updates whose losses the figure averages."""


@dataclass(frozen=True)
class Result:
    """How one implementation did. ``perplexity``: on the part of the text that no update saw."""

    name: str
    updates: int
    seconds: float
    tokens_per_second: float
    training_perplexity: float
    perplexity: float


@dataclass(frozen=True)
class Levels:
    """Perplexities to compare with: guessing, and knowing how frequent each character is."""

    uniform: float
    unigram: float


def open_folder(path: Path) -> Path:
    """The folder, made where it is not there. Raises UsageError where nothing can be written."""
    try:
        with tempfile.TemporaryFile(dir=make_folder(path)):
            pass
    except OSError as error:
        raise UsageError(f"cannot write to {path}: {error.strerror}") from None
    return path


def curves_frame(
    curves: Mapping[str, Curve], coincidence: Coincidence, tokens_per_update: int
) -> pd.DataFrame:
    """One row for each implementation and update.

    ``deviation`` (relative to the float64 curve) and ``allowed`` are empty from where on
    nothing was compared.
    """
    frames = [
        pd.DataFrame(
            {
                "implementation": name,
                "update": range(1, len(curve) + 1),
                "tokens": [tokens_per_update * n for n in range(1, len(curve) + 1)],
                "seconds": curve.seconds,
                "loss": curve.losses,
                "perplexity": [perplexity(loss) for loss in curve.losses],
                "deviation": pd.Series(coincidence.deviations[name], dtype=float),
                "allowed": pd.Series(coincidence.allowed, dtype=float),
            },
            index=range(len(curve)),
        )
        for name, curve in curves.items()
    ]
    return pd.concat(frames, ignore_index=True)


def write_run(
    folder: Path,
    curves: Mapping[str, Curve],
    coincidence: Coincidence,
    results: list[Result],
    levels: Levels,
    facts: Mapping[str, Any],
) -> None:
    """Write all files of a run into ``folder``. facts: what ``train.json`` says besides.

    Raises UsageError where one cannot be written; those before it are whole.
    """
    frame = curves_frame(curves, coincidence, facts["tokens_per_update"])
    replace_file(folder / "curves.csv", frame.to_csv(index=False))
    rows = frame.to_json(orient="records", indent=1, double_precision=15)
    replace_file(folder / "curves.json", rows)
    run = dict(facts) | {
        "results": [asdict(result) for result in results],
        "perplexity_levels": asdict(levels),
        "coincidence": asdict(coincidence),
    }
    text = json.dumps(_plain(run), indent=2, ensure_ascii=False, allow_nan=False)
    replace_file(folder / "train.json", text + "\n")
    _draw(frame, levels, folder)


def _plain(value: Any) -> Any:
    """JSON knows no infinity and no NaN: they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _draw(frame: pd.DataFrame, levels: Levels, folder: Path) -> None:
    """Perplexity by update (one curve), by time (as many as there are), and the deviations."""
    from matplotlib.figure import Figure  # here, because it is slow to import

    figure = Figure(figsize=(13, 4), layout="constrained")
    by_update, by_time, deviation = figure.subplots(1, 3)
    for number, (name, rows) in enumerate(frame.groupby("implementation", sort=False)):
        smooth = rows["loss"].rolling(SMOOTHED_OVER, min_periods=1).mean().clip(upper=50)
        # Coinciding curves would hide each other: the first is drawn broad, the last narrow.
        look: dict[str, Any] = {"label": name, "linewidth": max(1.0, 5.0 - 2 * number)}
        by_update.plot(rows["update"], smooth.map(math.exp), **look)
        by_time.plot(rows["seconds"], smooth.map(math.exp), **look)
        deviation.plot(rows["update"], rows["deviation"], linewidth=1, label=name)
    compared = frame.dropna(subset="allowed").drop_duplicates("update")
    deviation.plot(compared["update"], compared["allowed"], "k--", linewidth=1, label="allowed")
    for axes, over in ((by_update, "update"), (by_time, "seconds of learning")):
        _perplexity_axes(axes, levels, over)
    deviation.set(yscale="log", xlabel="update", title="loss: relative deviation from float64")
    for axes in (by_update, by_time, deviation):
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    for suffix in ("svg", "png"):
        drawn = io.BytesIO()
        figure.savefig(drawn, format=suffix, dpi=120)
        replace_file(folder / f"curves.{suffix}", drawn.getvalue())


def _perplexity_axes(axes: Axes, levels: Levels, over: str) -> None:
    for level, label in ((levels.uniform, "guessing"), (levels.unigram, "character frequencies")):
        axes.axhline(level, color="gray", linestyle=":", linewidth=1)
        axes.annotate(
            label, (1, level), xycoords=("axes fraction", "data"), ha="right", va="bottom",
            fontsize="x-small", color="gray",
        )  # fmt: skip
    axes.set(yscale="log", xlabel=over, title=f"training perplexity (mean of {SMOOTHED_OVER})")
