"""What runs and comparisons keep on disk: a header, lines as they come, files in one stroke."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.measure.machine import facts, fingerprint, settle


def begin(path: Path, form: str, plan: Mapping[str, Any], device: str, threads: int | None) -> None:
    """Settle the machine and write a new header: the plan, when, and on which machine.

    Raises UsageError where the folder cannot be written or holds such a header already.
    """
    settle(device, threads)
    header = header_for(form, plan, device)
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise UsageError(
                f"{folder} holds a {_kind(form)} already: go on with --resume {folder}, "
                "or choose another"
            )
        path.write_text(json.dumps(header, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from error


def header_for(form: str, plan: Mapping[str, Any], device: str = "cpu") -> dict[str, Any]:
    """A new header: what was asked for, now, on this machine."""
    machine = facts(device)
    return {
        "format": form,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan": plan,
        "machine": machine,
        "fingerprint": fingerprint(machine),
    }


def header_of(path: Path, form: str) -> dict[str, Any]:
    """A header. Raises UsageError where it is missing or none of ours."""
    try:
        header = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path.parent} holds no {_kind(form)} (no {path.name})") from None
    except (OSError, json.JSONDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if not isinstance(header, dict) or header.get("format") != form:
        raise UsageError(f"{path} is not of the form '{form}'")
    return header


def must_be_this_machine(header: Mapping[str, Any], folder: Path, device: str, wish: str) -> None:
    """Raises UsageError where another machine, version or setting took what is there."""
    if fingerprint(facts(device)) != header["fingerprint"]:
        raise UsageError(
            f"{folder} was begun on another machine or with other versions or settings: {wish}"
        )


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines that were written whole; a half-written last one is passed over."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return found


def as_line(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON."""
    return json.dumps(row, separators=(",", ":")) + "\n"


def append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append lines and see them onto the disk."""
    try:
        with path.open("a") as file:
            for row in rows:
                file.write(as_line(row))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(f"cannot write to {path.parent}: {error.strerror}") from error


def replace_file(path: Path, text: str) -> None:
    """Write anew in one stroke: a kill leaves the old file or the new one."""
    new = path.with_suffix(".new")
    try:
        new.write_text(text)
        os.replace(new, path)
    except OSError as error:
        raise UsageError(f"cannot write to {path.parent}: {error.strerror}") from error


def _kind(form: str) -> str:
    return form.split()[1]
