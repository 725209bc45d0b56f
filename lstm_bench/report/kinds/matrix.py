"""The matrix of planted defects as a document: what finds which."""

from __future__ import annotations

import pandas as pd

from lstm_bench.report.document import Document, Section, Table
from lstm_bench.report.load import Single
from lstm_bench.store.files import PROTOCOLS


def matrix_document(source: Single) -> Document:
    """Of ``matrix.json``, as ``python -m bench.proof planted`` writes it."""
    rows = source.value
    frame = pd.DataFrame(rows)
    frame["right"] = [r["verdict"] in r["accepted"] for r in rows]
    real = frame[frame["expected"] == "defective"]
    said = (
        f"Of {len(real)} planted defects, {real['right'].mean():.0%} got the right verdict and "
        f"{real['named'].mean():.0%} were named; "
        + ", ".join(f"{p} notices {real[p].mean():.0%}" for p in PROTOCOLS)
        + "."
    )
    wrong = frame[~frame["right"]]
    return Document(
        title="Planted defects: what is found, and by whom",
        question="How many known mistakes does the harness find and name, and how many do other "
        "protocols notice?",
        answer=said,
        verdicts=_by_class(real),
        sections=(_by_check(frame), _every(frame)),
        notes=tuple(
            f"{r['name']}: {r['verdict']}, expected {r['expected']}"
            for r in wrong.to_dict("records")
        ),
        command="python -m bench.proof planted",
        how="Each defect is planted in an LSTM that is right otherwise; check judges it unseen. "
        "The other protocols compare the same modules with the same reference: KernelBench outputs "
        "within 1e-4, fastrnns outputs and parameter gradients within 1e-3, assert_close outputs "
        "and states.",
        frame=frame.drop(columns=["failed", "warned", "accepted"]),
        data=rows,
    )


def _by_class(real: pd.DataFrame) -> Table:
    rows = [
        (
            str(name), str(len(group)), f"{group['right'].mean():.0%}",
            f"{group['named'].mean():.0%}", *(f"{group[p].mean():.0%}" for p in PROTOCOLS),
        )
        for name, group in real.groupby("class")
    ]  # fmt: skip
    head = ("class", "defects", "right verdict", "cause named", *PROTOCOLS)
    return Table("Shares of the defects of each class.", head, tuple(rows))


def _by_check(frame: pd.DataFrame) -> Section:
    counts = frame["failed"].explode().value_counts()
    alone = frame[frame["failed"].map(len) == 1]["failed"].explode().value_counts()
    rows = tuple((str(n), str(c), str(int(alone.get(n, 0)))) for n, c in counts.items())
    table = Table(
        "How many defects each check sees, and how many it alone sees.",
        ("check", "sees", "alone"),
        rows,
    )
    return Section("Check by check", tables=(table,), folded=True)


def _every(frame: pd.DataFrame) -> Section:
    rows = tuple(
        (
            r["name"], r["class"] or "–",
            r["verdict"] if r["right"] else f"missed ({r['verdict']})",
            "; ".join(r["diagnosis"][:1]),
            *("yes" if r[p] else "no" for p in PROTOCOLS),
        )
        for r in frame.to_dict("records")
    )  # fmt: skip
    head = ("defect", "class", "verdict", "diagnosis", *PROTOCOLS)
    table = Table("Every subject; and which protocols notice it.", head, rows, 4)
    return Section("Defect by defect", tables=(table,), folded=True)
