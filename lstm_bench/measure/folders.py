"""What runs and comparisons keep on disk: a header, lines as they come, files in one stroke.

What a file must hold, and how it is read and written, is in `lstm_bench.store`; here is what needs
to know this machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.measure.machine import cuda_devices, facts, fingerprint, settle
from lstm_bench.store.folder import Folder, covers, kept, parse, read_header
from lstm_bench.store.kinds import BY_FORMAT
from lstm_bench.store.shapes import MisshapenError
from lstm_bench.store.write import append, as_line, make_folder, replace_file

__all__ = [
    "append",
    "as_line",
    "begin",
    "header_for",
    "header_of",
    "kept_cold",
    "kept_judgements",
    "kept_peaks",
    "lines_of",
    "must_be_this_machine",
    "replace_file",
]


def begin(path: Path, form: str, plan: Mapping[str, Any], device: str, threads: int | None) -> None:
    """Settle the machine and write a new header: the plan, when, and on which machine.

    Raises UsageError where the folder cannot be written or holds such a header already, and for a
    plan that could not be read again: better now than when all is measured.
    """
    settle(device, threads)
    text = json.dumps(header_for(form, plan, device), indent=2) + "\n"
    try:
        BY_FORMAT[form].header(parse(text.encode()))
    except MisshapenError as error:
        raise UsageError(f"this cannot be measured: {error}") from None
    folder = make_folder(path.parent)
    if path.exists():
        raise UsageError(
            f"{folder} holds a {BY_FORMAT[form].name} already: go on with --resume {folder}, "
            "or choose another"
        )
    replace_file(path, text)


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
    """A header. Raises UsageError where it is missing, damaged or none of ours."""
    return read_header(path, BY_FORMAT[form])


def lines_of(path: Path, kind: str = "run") -> list[dict[str, Any]]:
    """The lines of a run's (comparison's, choice's) file that can be used; the log names the rest.

    A half-written last line is passed over. Raises UsageError where the folder has no header.
    """
    return Folder.open(path.parent, kind).lines(path.name)


def must_be_this_machine(header: Mapping[str, Any], folder: Path, device: str, wish: str) -> None:
    """Raises UsageError where another machine, version or setting took what is there."""
    here = device.startswith("cpu") or cuda_devices() > int(device.partition(":")[2] or 0)
    if not here or fingerprint(facts(device)) != header["fingerprint"]:
        raise UsageError(
            f"{folder} was begun on another machine or with other versions or settings: {wish}"
        )


# -- what was measured once ----------------------------------------------------------------------


def kept_judgements(
    path: Path, kind: str, wanted: Sequence[tuple[str | None, str]]
) -> list[dict[str, Any]] | None:
    """The verdicts in ``checks.json``, if they are those on (side, target), one by one.

    None where they must be made, or made anew, which the log then says.
    """
    found: list[dict[str, Any]] | None = kept(path, kind, {}, "all are judged again")
    if found is not None and not covers(found, wanted):
        return None
    return found


def kept_cold(path: Path, wanted: set[str]) -> dict[str, float | None] | None:
    """The cold starts in ``cold.json``, if all that are wanted ("subject workload") are there."""
    found: dict[str, float | None] | None = kept(path, "run", {}, "cold starts are measured again")
    return None if found is None or not wanted <= set(found) else found


def kept_peaks(path: Path) -> dict[str, float] | None:
    """The machine's peaks in ``peaks.json``."""
    found: dict[str, float] | None = kept(path, "run", {}, "the peaks are measured again")
    return found
