"""Verdicts of ``check`` as a document, and as a section of the other pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.report.document import Document, Section, Table
from lstm_bench.report.load import read_json
from lstm_bench.report.tables import short

Json = Mapping[str, Any]


def check_document(path: Path) -> Document:
    """Of a file that ``check --json`` wrote."""
    return document_of_judgements(read_json(path))


def document_of_judgements(found: Sequence[Json], command: str = "") -> Document:
    """One row a target; each target's checks in a section of its own."""
    counts = Counter(one["verdict"] for one in found)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    if len(found) == 1:
        first = found[0]["diagnosis"][:1]
        said = f"{short(found[0]['target'])}: {found[0]['verdict']}" + (
            f": {first[0]}" if first else ""
        )
    frame = pd.DataFrame(
        [
            {
                "target": one["target"],
                "verdict": one["verdict"],
                "diagnosis": "; ".join(one["diagnosis"]),
                "seconds": one["seconds"],
                **Counter(f"checks_{c['status']}" for c in one["checks"]),
            }
            for one in found
        ]
    )
    return Document(
        title="Are these LSTMs right?" if len(found) > 1 else "Is this LSTM right?",
        question="Does each of them compute what an LSTM computes, in values, states and "
        "gradients, for every input that an LSTM must take?",
        answer=f"{said[:1].upper()}{said[1:]}.".replace("..", "."),
        verdicts=_verdicts(found),
        sections=tuple(_target(one) for one in found),
        command=command,
        how="Each target was constructed, called and mapped by what it does, without an adapter, "
        "and judged in a process of its own by plain checks against a float64 reference.",
        frame=frame,
        data=list(found),
    )


def correctness(found: Sequence[Json]) -> Section:
    """What was found of each subject before anything was timed."""
    if not found:
        return Section("")
    return Section("Are they right?", tables=(_verdicts(found),))


def _verdicts(found: Sequence[Json]) -> Table:
    several = len({one.get("side") for one in found}) > 1
    rows = [
        (
            (f"{one['side']}: " if several else "") + short(one["target"]),
            one["verdict"],
            "; ".join(one["diagnosis"][:3]),
            str(sum(c["status"] == "pass" for c in one["checks"])),
            str(sum(c["status"] in ("fail", "error") for c in one["checks"])),
            str(sum(c["status"] == "warning" for c in one["checks"])),
            f"{one['seconds']:.1f}",
        )
        for one in found
    ]
    head = ("target", "verdict", "diagnosis", "passed", "failed", "warnings", "seconds")
    return Table("The verdict on each target, and what is wrong.", head, tuple(rows), 3)


def _target(one: Json) -> Section:
    """A target's checks: what was found about its interface, then check by check."""
    interface = one.get("interface") or {}
    rows = tuple((c["name"], c["class"], c["status"], c["message"]) for c in one["checks"])
    table = Table(
        f"Every check of {short(one['target'])}.", ("check", "class", "status", "message"), rows, 4
    )
    said = [str(v) for k, v in interface.items() if k != "printed" and v and isinstance(v, str)]
    diagnosis = " ".join(f"{sentence}." for sentence in one["diagnosis"])
    text = f"{diagnosis} Found: {'; '.join(said)}." if said else diagnosis
    return Section(f"{short(one['target'])}: {one['verdict']}", text.strip(), (), (table,), True)
