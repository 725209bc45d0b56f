"""One typed table of all options, for the command line and for Python alike.

Nothing here imports torch or click: ``lstm-bench --help`` and ``import lstm_bench`` stay quick.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.options.conflicts import refuse_conflicts
from lstm_bench.options.table import TABLE, Option

__all__ = ["TABLE", "Option", "read", "refuse_conflicts"]


def read(command: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All of a command's options by name, checked, from those that a caller in Python gives.

    Raises UsageError with one line on an unknown name, a value that cannot be, a contradiction.
    """
    rows = {row.name: row for row in TABLE[command]}
    for name in given:
        if name not in rows:
            close = difflib.get_close_matches(name, rows, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(rows)}"
            raise UsageError(f"{command} has no option '{name}': {hint}")
    named = {name: value for name, value in given.items() if value not in (None, False)}
    refuse_conflicts(command, named)
    return {name: row.value(given.get(name), called=name) for name, row in rows.items()}
