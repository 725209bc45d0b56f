"""What a theory computes: a cell with edits, run over sequences. Autograd runs through all of it.

Without edits it is the cell's equations, node by node. An edit of the backward pass alone keeps
the value and hands on the gradient of the edited one (:func:`surrogate`), so that the same
operators serve both ways.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from lstm_bench.theory.cell import Cell, Node
from lstm_bench.theory.edits import (
    BACK,
    BOTH,
    FORMULA,
    SEQUENCE,
    Added,
    Against,
    Axis,
    Bent,
    Clipped,
    Constant,
    Edit,
    Factor,
    Growing,
    Instead,
    Normalised,
    Other,
    Rounded,
    Shifted,
    Step,
    Theory,
    Through,
    Viewed,
    Whole,
    With,
)
from lstm_bench.theory.functions import (
    ALONG,
    DERIVATIVES,
    FUNCTIONS,
    JOINS,
    OVER,
    TYPES,
    ClippedBack,
    function,
    linearised,
    surrogate,
    total,
)

Tensors: TypeAlias = Mapping[str, Tensor]

State: TypeAlias = tuple[Tensor, ...]


# -- a run --------------------------------------------------------------------------------------


def run(
    theory: Theory,
    parameters: Tensors,
    x: Tensor,
    state: State | None,
) -> dict[str, Tensor]:
    """What a theory makes of sequences: y (B, T, K) and the states after the last step, (B, H).

    parameters: by name, W_i, …, and W_h and b_h where there is an output layer. x: (B, T, I).
    state: one tensor (B, H) for each of the cell's states; None for the default.
    """
    whole = [e.operator.how for e in theory.edits if isinstance(e.operator, Whole)]
    one = _Run(theory).over
    for how in whole:
        one = partial(RUNS[how], one)
    return one(parameters, x, state)


def gradients(
    theory: Theory,
    parameters: Tensors,
    x: Tensor,
    state: State | None,
    cotangents: Tensors,
) -> dict[str, Tensor]:
    """The gradient of ⟨cotangents, run(...)⟩ in x, the given states and every parameter.

    cotangents: of y and of states, by name, of the parts that the loss is of. Names of the result:
    x, h0, c0, W_i, ….
    """
    states = [name for name, _ in theory.cell.states]
    named = {
        "x": x,
        **{f"{n}0": t for n, t in zip(states, state or (), strict=False)},
        **parameters,
    }
    leaves = {name: t.detach().clone().requires_grad_() for name, t in named.items()}
    given = tuple(leaves[f"{name}0"] for name in states) if state is not None else None
    with torch.enable_grad():
        found = run(theory, {n: leaves[n] for n in parameters}, leaves["x"], given)
        loss = total(*((cotangents[name] * found[name]).sum() for name in cotangents))
        wanted = list(leaves.values())
        raw: Sequence[Tensor | None] = [None] * len(wanted)
        if loss.requires_grad:
            raw = torch.autograd.grad(loss, wanted, allow_unused=True)
    return {
        name: torch.zeros_like(t) if g is None else g
        for (name, t), g in zip(leaves.items(), raw, strict=True)
    }


Run: TypeAlias = Callable[[Tensors, Tensor, "State | None"], dict[str, Tensor]]


def _longer(
    run: Run, p: Tensors, x: Tensor, state: State | None, *, first: bool
) -> dict[str, Tensor]:
    """One end of the sequence is run twice, and its output given once."""
    pieces = [x[:, :1], x] if first else [x, x[:, -1:]]
    found = run(p, torch.cat(pieces, 1), state)
    return found | {"y": found["y"][:, 1:] if first else found["y"][:, :-1]}


def _future_added(run: Run, p: Tensors, x: Tensor, state: State | None) -> dict[str, Tensor]:
    found, other = run(p, x, state), run(p, x.flip(1), state)
    return found | {"y": found["y"] + other["y"].flip(1)}


def _over_batch(run: Run, p: Tensors, x: Tensor, state: State | None) -> dict[str, Tensor]:
    return {"y": run(p, x.transpose(0, 1), None)["y"].transpose(0, 1)}


def _one_long_sequence(run: Run, p: Tensors, x: Tensor, state: State | None) -> dict[str, Tensor]:
    """The rows one after the other, the state handed on from row to row."""
    given = None if state is None else tuple(s[:1] for s in state)
    found = run(p, x.reshape(1, -1, x.shape[2]), given)
    states = {name: t.expand(len(x), -1) for name, t in found.items() if name != "y"}
    return {"y": found["y"].reshape(*x.shape[:2], -1), **states}


RUNS: dict[str, Callable[..., dict[str, Tensor]]] = {
    "first step twice": partial(_longer, first=True),
    "last step twice": partial(_longer, first=False),
    "future added": _future_added,
    "over the batch": _over_batch,
    "one long sequence": _one_long_sequence,
}
"""What no edit of a step says: a run made of other runs."""


@dataclass
class _Moment:
    """Where a run is: the step, how many there are, and every value that has a name by now."""

    t: int
    steps: int
    values: dict[str, Tensor]
    exact: Callable[[], Tensors] = dict
    """What the equations give for the nodes of the step, those that come later in it too."""

    def value(self, name: str, among: Tensors | None = None) -> Tensor:
        """By name: of those, of what is there by now, or of what comes later in the step."""
        if among is not None and name in among:
            return among[name]
        return self.values[name] if name in self.values else self.exact()[name]

    def unedited(self, name: str, among: Tensors | None = None) -> Tensor:
        """The same; of a node of this step what the equations give, whatever is done to it."""
        exact = self.exact()
        return exact[name] if name in exact else self.value(name, among)


class _Run:
    """One theory over one batch of sequences."""

    def __init__(self, theory: Theory) -> None:
        self.cell = theory.cell
        self.nodes = [(n, [(r, f"{n.name}<{r}") for r in n.reads]) for n in self.cell.nodes]
        self.edits: dict[str, list[Edit]] = defaultdict(list)
        for edit in theory.edits:
            for place in edit.places:
                self.edits[place].append(edit)
        self.lengths = [edit for edit in theory.edits if isinstance(edit.operator, Normalised)]

    def over(self, parameters: Tensors, x: Tensor, state: State | None) -> dict[str, Tensor]:
        names = [name for name, _ in self.cell.states]
        steps = x.shape[1]
        values = self._parameters(dict(parameters))
        first = self._begin(names, values, x, state)
        x = self._at("inputs", x, _Moment(-1, steps, values | first))
        current, before = dict(first), dict(first)
        trajectory: list[dict[str, Tensor]] = [current]
        outputs = []
        for t in range(steps):
            moment = self._step(t, steps, values, x[:, t], current, before, first)
            outputs.append(self._at("output", moment.values[self.cell.output], moment))
            trajectory.append({n: moment.values[node] for n, node in self.cell.states})
            before = current
            current = {
                n: self._at(f"carried {n}", moment.values[node], moment)
                for n, node in self.cell.states
            }
        end = _Moment(steps - 1, steps, moment.values)
        y = self._at("outputs", torch.stack(outputs, dim=1), end)
        if "W_h" in values:
            bias = self._at("y<b_h", values["b_h"], end)
            y = self._at("read out", self._at("y<outputs", y, end) @ values["W_h"] + bias, end)
        found = {f"returned {n}": self._end(n, [one[n] for one in trajectory], end) for n in names}
        found["y"] = self._at("y", y, end, (BOTH,))
        # On the way back the parts of a result may stand for one another.
        back = {place: self._at(place, t, end, (BACK,), found) for place, t in found.items()}
        return {place.removeprefix("returned "): t for place, t in back.items()}

    def _end(self, name: str, states: list[Tensor], end: _Moment) -> Tensor:
        """The state that is returned, out of all of them, from the initial one on."""
        value = states[-1]
        place = f"returned {name}"
        for edit in self.edits[place]:
            operator = edit.operator
            if edit.way == BACK:
                continue
            if isinstance(operator, Step):
                number = operator.number if operator.number >= 0 else len(states) + operator.number
                value = states[min(max(number, 0), len(states) - 1)]
            elif isinstance(operator, Axis) and operator.axis == "T":
                value = OVER[operator.how](torch.stack(states[1:]))
            else:
                value = self._edited(edit, value, end)
        return value

    # -- before the first step ------------------------------------------------------------------

    def _parameters(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """Each parameter as it is used; others' are borrowed as they were given."""
        moment = _Moment(-1, 0, given)
        found = {name: self._at(name, value, moment) for name, value in given.items()}
        for edit in self.lengths:
            assert isinstance(edit.operator, Normalised)
            stacked = torch.stack([found[place] for place in edit.places])
            dims = {"unit": (1,), "operand": (0, 2), "gate": (1, 2), "all": (0, 1, 2)}
            length = torch.linalg.vector_norm(stacked, dim=dims[edit.operator.by], keepdim=True)
            found |= dict(zip(edit.places, (stacked / length).unbind(), strict=True))
        return found

    def _begin(
        self, names: Sequence[str], values: dict[str, Tensor], x: Tensor, state: State | None
    ) -> dict[str, Tensor]:
        """The state before the first step."""
        kind = "default" if state is None else "given"
        if state is None:
            # Weights over the hidden state: as wide as that is, to as many as there are units.
            wide, units = next(values[n].shape for n in values if n.startswith("U_"))
            blank = [x.new_zeros(x.shape[0], size) for size in (wide, *[units] * (len(names) - 1))]
            state = tuple(blank)
        given = {f"{kind} {name}": t for name, t in zip(names, state, strict=True)}
        moment = _Moment(-1, x.shape[1], values | given)
        return {name: self._at(f"{kind} {name}", given[f"{kind} {name}"], moment) for name in names}

    # -- a step ---------------------------------------------------------------------------------

    def _step(
        self, t: int, steps: int, parameters: dict[str, Tensor], x: Tensor,
        state: dict[str, Tensor], before: dict[str, Tensor], first: dict[str, Tensor],
    ) -> _Moment:  # fmt: skip
        begun = parameters | state | {"x": x}
        values = dict(begun)
        values |= {f"before {n}": v for n, v in before.items()}
        values |= {f"{n}0": v for n, v in first.items()}
        moment = _Moment(t, steps, values, cache(partial(_exact, self.cell, begun)))
        for node, places in self.nodes:
            values[node.name] = self._node(node, places, moment)
        return moment

    def _node(self, node: Node, places: Sequence[tuple[str, str]], moment: _Moment) -> Tensor:
        """What a node gives. places: the names that it reads, each with its place."""
        read, formula = [], []
        for name, place in places:
            value = self._at(place, moment.values[name], moment)
            read.append(value)
            formula.append(self._at(place, value, moment, (FORMULA,)))
        value = function(node.function)(*read)
        if any(a is not b for a, b in zip(read, formula, strict=True)):
            value = surrogate(value, linearised(node.function, formula, read))
        for edit in self.edits.get(node.name, ()):
            value = self._at_node(edit, node, value, read, moment)
        return value

    def _at_node(
        self, edit: Edit, node: Node, value: Tensor, read: list[Tensor], moment: _Moment
    ) -> Tensor:
        """A node's own function may be another, or have another derivative."""
        operator = edit.operator
        if isinstance(operator, Instead):
            other = function(operator.function)(*read)
            return self._timely(edit, value, other, moment)
        if isinstance(operator, Against):
            sums = torch.stack([moment.value(f"z_{gate}") for gate in operator.gates])
            other = sums.softmax(0)[operator.gates.index(node.name)]
            return self._timely(edit, value, other, moment)
        if isinstance(operator, Bent):
            (z,) = read
            s = value if operator.of is None else moment.value(operator.of)
            slope = DERIVATIVES[operator.derivative](z, s).detach()
            return self._timely(edit, value, surrogate(value, z * slope), moment)
        return self._edited(edit, value, moment)

    # -- edits ----------------------------------------------------------------------------------

    def _at(
        self, place: str, value: Tensor, moment: _Moment, ways: Collection[str] = (BOTH, BACK),
        among: Tensors | None = None,
    ) -> Tensor:  # fmt: skip
        """A value with the edits of its place that are made in these ways."""
        for edit in self.edits.get(place, ()):
            if edit.way in ways:
                value = self._edited(edit, value, moment, among)
        return value

    def _edited(
        self, edit: Edit, value: Tensor, moment: _Moment, among: Tensors | None = None
    ) -> Tensor:
        operator = edit.operator
        if isinstance(operator, Normalised):
            return value  # of all its places at once
        if isinstance(operator, Clipped) and edit.way == BACK:
            other: Tensor = ClippedBack.apply(value, operator.limit)  # type: ignore[no-untyped-call]
            return self._timely(edit, value, other, moment)
        if edit.way == BACK and isinstance(operator, Other):  # two may stand for one another
            other = moment.unedited(operator.name, among)
        else:
            other = _operated(operator, value, moment, among)
        if edit.way == BACK:
            other = surrogate(value, other)
        return self._timely(edit, value, other, moment)

    @staticmethod
    def _timely(edit: Edit, value: Tensor, other: Tensor, moment: _Moment) -> Tensor:
        """The edited value where the edit holds, else the one that was there."""
        when = edit.when
        if SEQUENCE.get(edit.places[0], "")[:2] == "BT" and when.steps != "all":
            steps = range(value.shape[1])
            holds = torch.tensor([when.at(t, len(steps)) for t in steps], device=value.device)
            return torch.where(holds.view(1, -1, 1), other, value)
        if not when.at(moment.t, moment.steps):
            return value
        if when.rows == "all":
            return other
        if value.dim() == 1:  # a bias, which all rows share until one of them does not
            rows = len(moment.values["x"])
            value, other = value.expand(rows, -1), other.expand(rows, -1)
        first = torch.arange(len(value), device=value.device).view(-1, 1) == 0
        return torch.where(first if when.rows == "first" else ~first, other, value)


def _operated(operator: Any, value: Tensor, moment: _Moment, among: Tensors | None) -> Tensor:
    """What an operator makes of a value."""
    if isinstance(operator, Factor):  # what is lost is no NaN either
        return operator.by * value if operator.by else torch.zeros_like(value)
    if isinstance(operator, Growing):
        return (moment.t + 1) * value
    if isinstance(operator, Constant):
        return torch.full_like(value, operator.value)
    if isinstance(operator, Shifted):
        return value + operator.by
    if isinstance(operator, Through):
        return FUNCTIONS[operator.function](value)
    if isinstance(operator, Other):
        return moment.value(operator.name, among)
    if isinstance(operator, With):
        return JOINS[operator.how](value, moment.value(operator.name, among))
    if isinstance(operator, Added):
        return value + operator.share * moment.value(operator.name)
    if isinstance(operator, Axis):
        return ALONG[operator.how](value, _dim(operator.axis, value))
    if isinstance(operator, Viewed):
        return _viewed(operator, value)
    if isinstance(operator, Clipped):
        return value.clamp(-operator.limit, operator.limit)
    if isinstance(operator, Rounded):
        return value.to(TYPES[operator.dtype]).to(value.dtype)
    raise TypeError(f"{operator} does not work on a value alone")


def _dim(axis: str, value: Tensor) -> int:
    """Of (B, F), (B, T, F): which dimension an axis is."""
    return {"B": 0, "T": 1, "F": value.dim() - 1}[axis]


def _viewed(operator: Viewed, value: Tensor) -> Tensor:
    """(B, F) or (B, T, F), laid out in one order of axes and read as another."""
    mine = "BTF" if value.dim() == 3 else "BF"
    sizes = dict(zip(mine, value.shape, strict=True))
    laid = value.permute([mine.index(axis) for axis in operator.order])
    read = laid.reshape([sizes[axis] for axis in operator.read])
    return read.permute([operator.read.index(axis) for axis in mine])


def _exact(cell: Cell, begun: Tensors) -> Tensors:
    """Every node of a step as the equations give it. begun: parameters, states and x."""
    values = dict(begun)
    for node in cell.nodes:
        values[node.name] = function(node.function)(*(values[r] for r in node.reads))
    return values
