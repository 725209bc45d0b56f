"""Reading what runs, comparisons and checks have left on disk. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstm_bench.errors import UsageError

HEADERS = {
    "run.json": "run",
    "plan.json": "comparison",
    "check.json": "check",
    "matrix.json": "matrix",
    "proof.json": "proof",
}
"""The file that tells what a folder holds."""

KINDS = {
    "lstm-bench run 1": "run",
    "lstm-bench comparison 1": "comparison",
    "lstm-bench choice 1": "choice",
    "lstm-bench check 1": "check",
}


def kind_of(path: Path) -> str:
    """run, comparison, choice, matrix, proof or check. Raises UsageError on anything else."""
    if not path.exists():
        raise UsageError(f"no such folder or file: {path}")
    if path.is_file():
        return _kind_of_file(path)
    for name, kind in HEADERS.items():
        if (path / name).exists():
            if kind in ("matrix", "proof"):
                return kind
            form = read_json(path / name).get("format")
            if form not in KINDS:
                raise UsageError(f"{path / name} is of no form that this version knows: {form!r}")
            return KINDS[form]
    raise UsageError(
        f"{path} holds none of {', '.join(HEADERS)}: give a folder that run, compare, guard, "
        "choose or check --report has written, or a file of check's --json"
    )


def _kind_of_file(path: Path) -> str:
    found = read_json(path)
    if isinstance(found, list) and found and isinstance(found[0], dict):
        if {"target", "verdict", "checks"} <= set(found[0]):
            return "check"
        if {"name", "expected", "verdict"} <= set(found[0]):
            return "matrix"
    raise UsageError(f"{path} is neither a check's --json nor a matrix of planted defects")


def read_json(path: Path, default: Any = None) -> Any:
    """A file's content. Raises UsageError where it is missing (unless by default) or broken."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        if default is not None:
            return default
        raise UsageError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines that were written whole; a half-written last one is passed over."""
    if not path.exists():
        return []
    found = []
    try:
        for line in path.read_text().splitlines():
            found.append(json.loads(line))
    except json.JSONDecodeError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    return found


def facts_of(header: Mapping[str, Any]) -> dict[str, Any]:
    """Machine and versions, and when it was."""
    found = {"started": header["started"]} if header.get("started") else {}
    return {**found, **header.get("machine", {})}
