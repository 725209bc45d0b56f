"""Verdicts of ``check`` as a document, and as a section of the other pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lstm_bench.report.document import Document, Section, Table
from lstm_bench.report.load import Single, Source, facts_of
from lstm_bench.report.tables import short

Json = Mapping[str, Any]
NAMED = 8
"""Up to how many targets the answer names; more are counted."""


def check_document(source: Source) -> Document:
    """Of a file that ``check --json`` wrote, or of a folder of ``check --report``."""
    if isinstance(source, Single):
        return document_of_judgements(source.value)
    header, found = source.header, source.needed("summary.json")
    return document_of_judgements(found, header["plan"]["command"], facts_of(header))


def document_of_judgements(
    found: Sequence[Json], command: str = "", facts: Mapping[str, Any] | None = None
) -> Document:
    """One row a target; each target's checks in a section of its own."""
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
        answer=_answer(found),
        verdicts=_verdicts(found),
        sections=tuple(_target(one) for one in found),
        command=command,
        facts=facts or {},
        how="Each target was constructed, called and mapped by what it does, without an adapter, "
        "and judged in a process of its own by plain checks against a float64 reference.",
        frame=frame,
        data=list(found),
    )


def _answer(found: Sequence[Json]) -> str:
    """One target with its first diagnosis; a few by name; many as counts."""
    if len(found) == 1:
        target, diagnosis = found[0], found[0]["diagnosis"]
        said = f"{short(target['target'])}: {target['verdict']}"
        return f"{said}: {diagnosis[0].removesuffix('.')}." if diagnosis else f"{said}."
    names: dict[str, list[str]] = {}
    for one in found:
        names.setdefault(one["verdict"], []).append(short(one["target"]))
    ordered = sorted(names.items(), key=lambda item: -len(item[1]))
    if len(found) <= NAMED:
        return " ".join(f"{verdict.capitalize()}: {', '.join(who)}." for verdict, who in ordered)
    return ", ".join(f"{len(who)} {verdict}" for verdict, who in ordered) + "."


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
    said = [
        f"left at its default: {v}" if k == "not_judged" else str(v)
        for k, v in interface.items()
        if k != "printed" and v and isinstance(v, str)
    ]
    parts = ["; ".join(one["diagnosis"])] if one["diagnosis"] else []
    parts += ["found: " + "; ".join(said)] if said else []
    text = " ".join(f"{part[:1].upper()}{part[1:]}." for part in parts)
    return Section(f"{short(one['target'])}: {one['verdict']}", text, tables=(table,), folded=True)
