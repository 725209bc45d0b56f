"""The mistakes that can be made in an LSTM: operators times places.

Each is a tuple of edits with a sentence. Most sentences are made from the edits; where people in
the field say a thing in words of their own, these stand here. A mistake in the values comes before
one in the gradients, and a cause before its consequences.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from lstm_bench.theory.mistakes.backward import exchanged, flow, formulas
from lstm_bench.theory.mistakes.gates import cells, operands, parameters, squashes
from lstm_bench.theory.mistakes.made import Mistake
from lstm_bench.theory.mistakes.sequences import head, numerics, sequences, states


def _all(*tables: Iterable[Mistake]) -> tuple[Mistake, ...]:
    return tuple(itertools.chain(*tables))


IN_VALUES = _all(
    squashes(), cells(), head(), parameters(), operands(), states(), sequences(), numerics()
)
IN_GRADIENTS = _all(flow(), exchanged(), formulas())

__all__ = ["IN_GRADIENTS", "IN_VALUES", "Mistake"]
