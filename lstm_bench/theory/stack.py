"""Layers of recurrences as data: in one direction of time or both, projected or not.

What stands where in the parameters of a stack is an :class:`Address`: the layer, its direction, and
the name within the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from lstm_bench.theory.cell import Cell, Node

FORWARD, BACKWARD = "forward", "backward"
"""Directions of time: from the first step to the last, or the other way."""


@dataclass(frozen=True, order=True)
class Address:
    """Where a parameter belongs: the layer and its direction, from 0 on, the name in the cell.

    unit: of the entry, where one entry is meant; -1 where the whole parameter is.
    """

    layer: int
    direction: int
    name: str
    unit: int = -1


@dataclass(frozen=True)
class Layer:
    """A cell run over a sequence, once in each direction.

    projected: the hidden state is made narrower (or wider) by one more matrix P, and so is what is
    fed back. joined: what becomes of two directions' outputs: one after the other ("forward first",
    "backward first"), unit by unit ("taking turns"), their "sum" or "mean".
    """

    cell: Cell
    directions: tuple[str, ...] = (FORWARD,)
    projected: bool = False
    joined: str = "forward first"

    @cached_property
    def step(self) -> Cell:
        """The cell as it is run: with the projection, where there is one."""
        return _projected(self.cell) if self.projected else self.cell


@dataclass(frozen=True)
class Stack:
    """Layers, each of which reads what the one before it gives."""

    layers: tuple[Layer, ...]

    @classmethod
    def of(
        cls, cell: Cell, layers: int = 1, *, both_ways: bool = False, projected: bool = False
    ) -> Stack:
        """The same layer several times, as torch's modules have it."""
        directions = (FORWARD, BACKWARD) if both_ways else (FORWARD,)
        return cls((Layer(cell, directions, projected),) * layers)

    def addresses(self) -> Iterator[Address]:
        """Of every parameter."""
        for number, layer in enumerate(self.layers):
            for direction, _ in enumerate(layer.directions):
                for name in layer.step.parameters():
                    yield Address(number, direction, name)


def _projected(cell: Cell) -> Cell:
    """The same step, whose hidden state is multiplied by P in the end."""
    (hidden, name), *others = cell.states
    inner = f"{name} before P"
    nodes = tuple(
        replace(node, name=inner if node.name == name else node.name) for node in cell.nodes
    )
    return replace(
        cell,
        name=f"{cell.name} with a projected hidden state",
        states=((hidden, name), *others),
        nodes=(*nodes, Node(name, "weighed", (inner, "P"))),
        more=(*cell.more, "P"),
    )
