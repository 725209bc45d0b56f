"""The proof of the gate as a document: alarms, power, time, beside the rules of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lstm_bench.report.document import Document, Section, Table
from lstm_bench.report.figures.decisions import power_curves
from lstm_bench.report.load import Single

Json = Mapping[str, Any]

HOW = (
    "Replayed: whole recorded blocks of identical code are drawn at random, a coin says which side "
    "was which, known slowdowns are added, and the gate decides as it does otherwise, within its "
    "budget of 120 s. Trials: whole runs of the gate in a scratch repository. pytest-benchmark's "
    "rule is applied to the calls of eight blocks a side, which were interleaved within "
    "milliseconds: that favours it, for its own two runs lie minutes or days apart. asv ran with "
    "interleaved rounds for about as long as the gate, with its default test, on a machine that "
    "had nothing else to do, while the gate's trials shared theirs with a test suite."
)


def proof_document(source: Single) -> Document:
    """Of ``proof.json``, as ``python -m bench.guard_proof replay`` writes it."""
    found = source.value
    rows = [row | {"noise": part["name"]} for part in found["replayed"] for row in part["rows"]]
    trials, asv = _trials(found.get("trials", [])), _asv(found.get("asv", []))
    machine = found["replayed"][0]["machine"]
    said = _answer(found, rows)
    sections = (
        Section("Run by run", points=_misses(rows), tables=(_table(rows),)),
        Section("The whole gate, for real", tables=(trials,) if trials else ()),
        _beside(found, rows),
        Section("asv on the same question", tables=(asv,) if asv else ()),
        _noise(found),
    )
    return Document(
        title="Does the gate keep its promises?",
        question="How often does guard cry wolf, how often does it miss a slowdown, how long does "
        "it take, and how do others fare on the same calls?",
        answer=said,
        verdicts=_goals(rows),
        sections=tuple(s for s in sections if not s.empty),
        facts=machine,
        command=found.get("command", "python -m bench.guard_proof"),
        how=HOW,
        frame=pd.DataFrame(rows),
        data={"answer": said, **found},
    )


def _answer(found: Json, rows: Sequence[Json]) -> str:
    noise = found["replayed"][0]["name"]

    def row(effect: float) -> Json:
        return next(
            r for r in rows
            if r["noise"] == noise and r["slower by"] == effect and not r["everywhere"]
        )  # fmt: skip

    none, five, ten = row(0.0), row(0.05), row(0.10)
    text = (
        f"Identical code: {none['alarms']} alarms in {none['runs']} replayed runs (at 95 % fewer "
        f"than {none['alarms at most']:.1%}); one cell of 24 slower by 5 %: caught in "
        f"{five['alarms'] / five['runs']:.0%}, by 10 %: in {ten['alarms'] / ten['runs']:.0%}; "
        f"{none['seconds, median']:.0f} s a decision."
    )
    if found.get("trials"):
        copy, comment = (
            [t for t in found["trials"] if t["branch"] == branch] for branch in ("copy", "comment")
        )
        text += (
            f" For real: a needless copy was caught in {sum(t['code'] == 1 for t in copy)} of "
            f"{len(copy)} runs, a comment raised an alarm in "
            f"{sum(t['code'] == 1 for t in comment)} of {len(comment)}."
        )
    return text


def _table(rows: Sequence[Json]) -> Table:
    cells = tuple(
        (
            row["noise"],
            "everywhere" if row["everywhere"] else "one cell" if row["slower by"] else "–",
            f"{row['slower by']:.0%}",
            str(row["runs"]),
            f"{row['alarms']} ({row['alarms'] / row['runs']:.1%})",
            str(row["cleared"]),
            str(row["runs with an undecided cell"]),
            f"{row['intervals that hold the truth'] / row['runs']:.1%}",
            f"{row['agreement on a re-run']:.1%}",
            f"{row['seconds, median']:.0f}",
            f"{row['seconds, 95 %']:.0f}",
        )
        for row in rows
    )
    head = (
        "noise", "slower where", "slower by", "runs", "alarms", "slow cell cleared",
        "undecided runs", "intervals hold", "alike on a re-run", "median s", "95 % s",
    )  # fmt: skip
    caption = "Replayed runs of the gate over 24 cells, margin 5 %: what was alarmed, what missed."
    return Table(caption, head, cells, text_columns=2)


@dataclass(frozen=True)
class Goal:
    """A promise, and the figure of the row of replayed runs that tells whether it is kept."""

    words: str
    effect: float
    figure: Callable[[Json], float]
    kept: Callable[[float], bool]
    shown: str = "{:.1%}"


GOALS = (
    Goal("identical code: runs with an alarm, at most 1 %", 0.0,
         lambda r: r["alarms"] / r["runs"], lambda v: v <= 0.01),
    Goal("5 % in one cell: caught, at least 90 %", 0.05,
         lambda r: r["alarms"] / r["runs"], lambda v: v >= 0.90),
    Goal("10 % in one cell: caught, at least 99 %", 0.10,
         lambda r: r["alarms"] / r["runs"], lambda v: v >= 0.99),
    Goal("cleared although 10 % slower, at most 1 %", 0.10,
         lambda r: r["cleared"] / r["runs"], lambda v: v <= 0.01),
    Goal("seconds a decision, at most 120", 0.0,
         lambda r: r["seconds, median"], lambda v: v <= 120, "{:.0f} s"),
    Goal("cells that two runs call alike, at least 98 %", 0.0,
         lambda r: r["agreement on a re-run"], lambda v: v >= 0.98),
)  # fmt: skip


def _goals(rows: Sequence[Json]) -> Table:
    """Goal by goal and noise by noise."""
    single = _of_one_cell(rows)
    noises = tuple(single)

    def cell(goal: Goal, noise: str) -> str:
        value = goal.figure(single[noise][goal.effect])
        return f"{'reached' if goal.kept(value) else 'missed'} ({goal.shown.format(value)})"

    cells = tuple((goal.words, *(cell(goal, noise) for noise in noises)) for goal in GOALS)
    caption = "What is promised, and what was reached in each kind of noise."
    return Table(caption, ("goal", *noises), cells, text_columns=1 + len(noises))


def _misses(rows: Sequence[Json]) -> tuple[str, ...]:
    """Why goals are missed in some noise: how many runs ended undecided there."""
    return tuple(
        f"{noise}: with 5 % in one cell, {single[0.05]['runs with an undecided cell']} of "
        f"{single[0.05]['runs']} runs ended their budget with a cell undecided, which is no alarm "
        "and no clearance. A busy machine makes blocks longer, so that fewer fit, and their "
        "scores spread wider."
        for noise, single in _of_one_cell(rows).items()
        if not all(goal.kept(goal.figure(single[goal.effect])) for goal in GOALS)
    )


def _of_one_cell(rows: Sequence[Json]) -> dict[str, dict[float, Json]]:
    """Noise → the injected slowdown of one cell → its row."""
    found: dict[str, dict[float, Json]] = {}
    for row in rows:
        if not row["everywhere"]:
            found.setdefault(row["noise"], {})[row["slower by"]] = row
    return found


def _trials(trials: Sequence[Json]) -> Table | None:
    if not trials:
        return None
    words = {0: "no regression", 1: "alarm", 3: "undecided"}
    rows = []
    for branch in dict.fromkeys(t["branch"] for t in trials):
        own = [t for t in trials if t["branch"] == branch]
        codes = Counter(words.get(t["code"], f"exit code {t['code']}") for t in own)
        seconds = pd.Series([t["seconds"] for t in own])
        said = ", ".join(f"{n} {word}" for word, n in codes.items())
        rows.append(
            (branch, said, str(len(own)), f"{seconds.median():.0f}", f"{seconds.max():.0f}")
        )
    caption = (
        "Whole runs in a scratch repository, checks included: one commit changes a comment, the "
        "other copies the hidden state in every step."
    )
    return Table(caption, ("commit", "verdicts", "runs", "median s", "longest s"), tuple(rows), 2)


def _asv(runs: Sequence[Json]) -> Table | None:
    if not runs:
        return None
    factors = list(runs[0]["alarms"])
    rows = []
    for branch in dict.fromkeys(r["branch"] for r in runs):
        own = [r for r in runs if r["branch"] == branch]
        seconds = pd.Series([r["seconds"] for r in own])
        alarms = [sum(r["alarms"][f] > 0 for r in own) for f in factors]
        rows.append((branch, str(len(own)), f"{seconds.median():.0f}", *map(str, alarms)))
    caption = (
        "Runs of `asv continuous --interleave-rounds` in which it calls a benchmark slower, at "
        "each factor: on a comment every one is a false alarm, on the copy a catch."
    )
    return Table(caption, ("commit", "runs", "median s", *factors), tuple(rows))


def _beside(found: Json, rows: Sequence[Json]) -> Section:
    """The same calls under pytest-benchmark's rule, beside ours; and asv's runs."""
    part = found["rivals"][0]
    own = {
        (row["slower by"], row["everywhere"]): row["alarms"] / row["runs"]
        for row in rows
        if row["noise"] == part["name"]
    }
    points: dict[str, list[tuple[float, float]]] = {"guard": [(own[0.0, False], own[0.05, False])]}
    for curve in part["curves"]:
        name = f"pytest-benchmark, {curve['statistic']}"
        found_at = curve["false alarms"], curve["5 % in one cell caught"]
        points.setdefault(name, []).append(found_at)
    runs = found.get("asv", [])
    if runs:
        shares = {
            branch: [r["alarms"] for r in runs if r["branch"] == branch]
            for branch in ("comment", "copy")
        }
        points["asv continuous (a copy in the step)"] = [
            tuple(sum(a[f] > 0 for a in shares[b]) / len(shares[b]) for b in ("comment", "copy"))
            for f in runs[0]["alarms"]
        ]
    table = Table(
        "Shares of runs, at each threshold.",
        ("noise", "statistic", "threshold", "runs with a false alarm", "5 % in one cell caught"),
        tuple(
            (
                rival["name"], c["statistic"], f"{c['threshold']:.1%}",
                f"{c['false alarms']:.1%}", f"{c['5 % in one cell caught']:.1%}",
            )
            for rival in found["rivals"]
            for c in rival["curves"]
        ),
        text_columns=2,
    )  # fmt: skip
    figure = power_curves(points)
    return Section("Beside the rules of others", figures=(figure,), tables=(table,), folded=True)


def _noise(found: Json) -> Section:
    rows = [
        (part["name"], str(part["blocks"]), f"{part['spread']:.2%}") for part in found["replayed"]
    ]
    tables = [
        Table("What was replayed: one block's score spreads by so much.",
              ("noise", "blocks", "spread"), tuple(rows))
    ]  # fmt: skip
    simulated = found.get("simulated")
    text = ""
    if simulated:
        text = (
            f"On simulated machines with drift, bursts and heavy tails, identical code raised "
            f"{simulated['alarms']} alarms in {simulated['runs']} runs (at 95 % fewer than "
            f"{simulated['alarms at most']:.2%})."
        )
    return Section("The noise", text=text, tables=tuple(tables))
