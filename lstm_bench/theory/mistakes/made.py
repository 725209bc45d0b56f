"""How a mistake is made, and what they have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from lstm_bench.theory.edits import (
    ALWAYS,
    BOTH,
    Edit,
    Operator,
    Other,
    Theory,
    When,
)
from lstm_bench.theory.families import LSTM
from lstm_bench.theory.words import sentence as sentence_of

GATES = LSTM.gates
SIGMOIDS = ("i", "f", "o")
FACTORS = (0.0, 2.0, -1.0, 0.5)

PARTS = {
    "W": "weights over x",
    "U": "recurrent weights (over h)",
    "b": "bias",
    "WU": "weights over x and h",
    "Wb": "weights over x and bias",
    "Ub": "recurrent weights and bias",
    "WUb": "weights and bias",
}


@dataclass(frozen=True)
class Mistake:
    """Edits that make one mistake, its failure class, and words of its own, if any."""

    edits: tuple[Edit, ...]
    failure_class: str
    words: str = ""

    @cached_property
    def sentence(self) -> str:
        """What is wrong, in plain English."""
        return self.words or sentence_of(self.edits)

    @cached_property
    def theory(self) -> Theory:
        return Theory(LSTM, self.edits)


def edit(operator: Operator, *places: str, way: str = BOTH, when: When = ALWAYS) -> Edit:
    return Edit(operator, places, way, when)


def each_and(gates: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Each gate by itself, then all of these."""
    yield from ((g,) for g in gates)
    yield tuple(gates)


def moved(sources: dict[str, str], parts: str, way: str = BOTH) -> tuple[Edit, ...]:
    return tuple(
        edit(Other(f"{part}_{source}"), f"{part}_{gate}", way=way)
        for part in parts
        for gate, source in sources.items()
    )


def relabels(mistake: Mistake) -> bool:
    """Whether nothing is wrong but which parameter is used where, which another order may mend."""
    return all(
        isinstance(e.operator, Other) and all(map(LSTM.is_parameter, e.places))
        for e in mistake.edits
    )
