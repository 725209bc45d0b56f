"""A mistake as an edit of a cell, or of the way in which it is run over a sequence.

An operator changes a value, at one place or at several of a kind, in both passes or on the way
back alone, always or at some steps or rows. Places are a cell's nodes, inputs and parameters (see
:mod:`~lstm_bench.theory.cell`), and those of the sequence, which are :data:`SEQUENCE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from lstm_bench.theory.cell import Cell

SEQUENCE = {
    "inputs": "BTI",
    "given h": "BH", "given c": "BH", "default h": "BH", "default c": "BH",
    "carried h": "BH", "carried c": "BH",
    "output": "BH", "outputs": "BTH",
    "returned h": "BH", "returned c": "BH",
    "read out": "BTK",
    "y": "BTK",
    "run": "",
}  # fmt: skip
"""Places of a run, with their axes: batch, time, features of the input, hidden units. A state is
given or the default one, carried from each step to the next, and returned in the end; an output
is each step's, the outputs are those of all, and what is read out of them an output layer makes,
where there is one; y is what is returned of them.
"""


@dataclass(frozen=True)
class Factor:
    """The value times a number: 0 loses it, 2 counts it twice, -1 has the wrong sign."""

    by: float


@dataclass(frozen=True)
class Growing:
    """The value times the number of its step, from 1 on: it accumulates."""


@dataclass(frozen=True)
class Constant:
    """A number in the place of the value."""

    value: float


@dataclass(frozen=True)
class Shifted:
    """The value and a number."""

    by: float


@dataclass(frozen=True)
class Through:
    """A function (:data:`lstm_bench.theory.functions.FUNCTIONS`) is applied to the value."""

    function: str


@dataclass(frozen=True)
class Instead:
    """Another function in the place of a node's own."""

    function: str


@dataclass(frozen=True)
class Against:
    """A softmax of what goes into these gates, against one another, in the place of a squash."""

    gates: tuple[str, ...]


@dataclass(frozen=True)
class Bent:
    """A node's derivative is another function of what goes in (z) and what comes out (s).

    of: a node that is taken for what comes out.
    """

    derivative: str
    of: str | None = None


@dataclass(frozen=True)
class Other:
    """Another value in the place of this one: borrowed weights, the cell state for h.

    ``before h``: the hidden state one step earlier. A node that comes later in the step has the
    value that the equations give it.
    """

    name: str


@dataclass(frozen=True)
class With:
    """The value joined with another one. how: "sum", "product" or "mean"."""

    how: str
    name: str


@dataclass(frozen=True)
class Added:
    """A part of another value is added to this one."""

    name: str
    share: float


@dataclass(frozen=True)
class Axis:
    """Something is done along an axis: B(atch), T(ime) or F(eatures, or units).

    how: a key of :data:`lstm_bench.theory.functions.ALONG`.
    """

    how: str
    axis: str


@dataclass(frozen=True)
class Viewed:
    """Axes laid out in one order and read as if they lay in another: "TBH" as "BTH"."""

    order: str
    read: str


@dataclass(frozen=True)
class Step:
    """Of all states, the one after so many steps, from the end where negative; 0: the first."""

    number: int


@dataclass(frozen=True)
class Whole:
    """The whole run is another one: a key of :data:`lstm_bench.theory.compute.RUNS`."""

    how: str


@dataclass(frozen=True)
class Clipped:
    """Clipped to ± a limit. On the way back: the gradient is."""

    limit: float


@dataclass(frozen=True)
class Rounded:
    """Rounded to a smaller type."""

    dtype: str


@dataclass(frozen=True)
class Normalised:
    """Divided by its length: by unit, operand or gate, or over all the places at once."""

    by: str


Operator: TypeAlias = (
    Factor | Growing | Constant | Shifted | Through | Instead | Bent | Other | With | Added | Axis
    | Viewed | Against | Whole | Step | Clipped | Rounded | Normalised
)  # fmt: skip


@dataclass(frozen=True)
class When:
    """At which steps (t of T, from 0) and in which rows.

    steps: "all", "first", "last", "not first", "not last", "odd", "every", "from", "at last but".
    number: of the last three, after how many steps. rows: "all", "first", "not first".
    """

    steps: str = "all"
    number: int = 0
    rows: str = "all"

    def at(self, t: int, steps: int) -> bool:
        """Whether it holds at step t."""
        return {
            "all": True,
            "first": t == 0,
            "last": t == steps - 1,
            "not first": t > 0,
            "not last": t < steps - 1,
            "odd": t % 2 == 1,
            "every": self.number > 0 and (t + 1) % self.number == 0,
            "from": t >= self.number,
            "at last but": t + 1 == steps - self.number,
        }[self.steps]


ALWAYS = When()

BOTH, BACK, FORMULA = "both", "back", "formula"
"""Ways. The value is changed, and its gradient with it; or what flows back to a place alone, which
is then what would flow back to the changed value; or, of an input, what its reader takes for it
in the formula of its derivative.
"""


@dataclass(frozen=True)
class Edit:
    """An operator at all of these places."""

    operator: Operator
    places: tuple[str, ...]
    way: str = BOTH
    when: When = ALWAYS


@dataclass(frozen=True)
class Theory:
    """A cell and what is done otherwise; without edits, its equations."""

    cell: Cell
    edits: tuple[Edit, ...] = ()
