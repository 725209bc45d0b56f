"""Implementations by name, the ones of this package and those that other packages add.

Another package joins by an entry point in its pyproject.toml::

    [project.entry-points."lstm_bench.implementations"]
    their_lstm = "their_package.module:TheirLSTM"

The factory is called as ``factory(input_size, hidden_size, head=...)`` and is not imported
before somebody asks for it by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

ENTRY_POINTS = "lstm_bench.implementations"


@dataclass(frozen=True)
class Implementation:
    """A name, one line about it, and where its factory is (``module:attribute``)."""

    name: str
    summary: str
    location: str

    def load(self) -> Callable[..., Any]:
        """Import the factory. Raises whatever the import raises."""
        module, _, attribute = self.location.partition(":")
        return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]

    def unavailable(self) -> str | None:
        """Why this implementation cannot be used on this machine, or None where it can."""
        try:
            factory = self.load()
        except Exception as error:  # strangers' modules may raise anything at import
            return f"{type(error).__name__}: {error}"
        reason = getattr(factory, "unavailable", None)
        return reason() if callable(reason) else None


_OURS = (
    Implementation(
        "documented_loop",
        "one gate at a time, one step at a time, as the textbook writes it",
        "impls.documented_loop:DocumentedLoop",
    ),
    Implementation(
        "batched_gates",
        "one matrix product a step, the input's product out of the loop",
        "impls.batched_gates:BatchedGates",
    ),
    Implementation("torch_nn", "torch.nn.LSTM: cuDNN, oneDNN or ATen", "impls.torch_nn:TorchNN"),
)


def implementations() -> dict[str, Implementation]:
    """Every registered implementation by name: ours first, then other packages' by entry point.

    Ours win a clash of names, so that a report's ``torch_nn`` means one thing everywhere.
    """
    found = {impl.name: impl for impl in _OURS}
    for entry in entry_points(group=ENTRY_POINTS):
        distribution = entry.dist.name if entry.dist is not None else "another package"
        found.setdefault(
            entry.name, Implementation(entry.name, f"from {distribution}", entry.value)
        )
    return found
