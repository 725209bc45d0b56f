"""A step of a recurrence as data: nodes that read one another, and the states they become.

Names are places too: a mistake is made at a node (what it gives), or at one of its inputs
(what it reads there), which is written ``reader<read``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

PARAMETERS = "WUbdp"
"""Weights over the input (I, H), over the hidden state (H, H), bias (H,), a second bias beside what
comes from the hidden state (H,), peephole (H,): of gate g they are W_g, U_g, b_g, d_g and p_g.
"""


@dataclass(frozen=True)
class Node:
    """A value of a step: its name, the function, and what it is a function of, in order.

    What is read is a node before it, the input ``x``, a state, or a parameter.
    """

    name: str
    function: str
    reads: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One step. name: what people call it. gates: in the order in which parameters are stacked.

    states: for each the node that it becomes; the first is the hidden state, which weights read.
    output: the node that a step gives. more: parameters that belong to no gate.
    """

    name: str
    gates: tuple[str, ...]
    states: tuple[tuple[str, str], ...]
    nodes: tuple[Node, ...]
    output: str
    more: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = {"x", *dict(self.states)}
        for node in self.nodes:
            unknown = [r for r in node.reads if r not in known and not self.is_parameter(r)]
            if unknown or node.name in known:
                raise ValueError(f"{self.name}: {node.name} reads {unknown}, or is there already")
            known.add(node.name)
        missing = {self.output, *dict(self.states).values()} - known
        if missing:
            raise ValueError(f"{self.name}: there is no node {missing}")

    def is_parameter(self, name: str) -> bool:
        """Whether a name is a parameter's."""
        kind, _, gate = name.partition("_")
        return name in self.more or (len(kind) == 1 and kind in PARAMETERS and gate in self.gates)

    def parameters(self) -> tuple[str, ...]:
        """Those that some node reads: W_i, …, U_i, …, b_i, …."""
        read = {name for node in self.nodes for name in node.reads}
        names = (f"{kind}_{gate}" for kind in PARAMETERS for gate in self.gates)
        return (*(name for name in names if name in read), *self.more)

    def inputs(self) -> Iterator[str]:
        """Every place at which a node reads something."""
        for node in self.nodes:
            yield from (f"{node.name}<{read}" for read in node.reads)


def gate(name: str, squash: str) -> tuple[Node, ...]:
    """A gate with weights over the input, weights over the hidden state, and a bias."""
    return (
        Node(f"x_{name}", "weighed", ("x", f"W_{name}")),
        Node(f"h_{name}", "weighed", ("h", f"U_{name}")),
        Node(f"z_{name}", "sum", (f"x_{name}", f"h_{name}", f"b_{name}")),
        Node(name, squash, (f"z_{name}",)),
    )
