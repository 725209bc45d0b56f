"""What a stack of layers computes, over sequences of one length or of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.theory.compute import State, run
from lstm_bench.theory.edits import BACK, Edit, Factor, Theory, Through
from lstm_bench.theory.functions import JOINS
from lstm_bench.theory.marks import HEEDED, Heeding, Marks, in_order
from lstm_bench.theory.stack import BACKWARD, Address, Layer, Stack
from lstm_bench.theory.wiring import RIGHT, Wiring

Given = Sequence[Sequence[State | None]]
"""[layer][direction]"""


@dataclass(frozen=True)
class Outcome:
    """y: (B, T, K), of the last layer. states: of each layer and direction, after its last step.

    outputs: the last layer's, direction by direction, before they are joined. shown: (B, T),
    where outputs say anything; None: everywhere.
    """

    y: Tensor
    states: tuple[tuple[State, ...], ...]
    outputs: tuple[Tensor, ...]
    shown: Tensor | None = None


def run_stack(
    stack: Stack,
    parameters: Mapping[Address, Tensor],
    x: Tensor,
    states: Given | None = None,
    *,
    marks: Marks | None = None,
    heeding: Heeding = HEEDED,
    masks: Sequence[Tensor] | None = None,
    edits: Mapping[tuple[int, int], tuple[Edit, ...]] | None = None,
    wiring: Wiring = RIGHT,
) -> Outcome:
    """x: (B, T, I). states: [layer][direction], each as the cell has them; None for the default.

    marks: which steps count, and before which the state starts anew; at those that do not, outputs
    are zeros. heeding: another one than the right one is a mistake with them. masks: by which each
    layer's output but the last one's is multiplied, as dropout does. edits: mistakes of a layer in
    one direction. wiring: another one than the right one is a mistake in how layers and directions
    are joined; it may not fit the sizes (ValueError, RuntimeError or IndexError).
    """
    if wiring.carries != RIGHT.carries and any(len(one.directions) > 1 for one in stack.layers):
        raise ValueError("a state is carried from layer to layer in one direction alone")
    if marks is not None and states is not None:
        states = [
            [None if s is None else _ordered(s, heeding.takes, marks) for s in layer]
            for layer in states
        ]
    heard = None if marks is None else _Heard(marks.taken_as(heeding.lengths), heeding)
    run = _Run(stack, parameters, x, states, heard, edits or {}, wiring)
    if wiring.carries == "shared":
        return run.with_one_state()
    below: list[_Ran] = []
    for number in range(len(stack.layers)):
        ran = run.layer(number, below)
        if masks is not None and number + 1 < len(stack.layers):
            ran = _Ran(ran.read, ran.outputs, ran.y * masks[number], ran.ends)
        below.append(ran)
    outcome = run.outcome(below)
    return outcome if marks is None else _in_the_order_of(outcome, marks, heeding)


def _in_the_order_of(outcome: Outcome, marks: Marks, heeding: Heeding) -> Outcome:
    """The rows as they are returned."""
    shows, returns = heeding.shows, heeding.returns
    return Outcome(
        in_order(outcome.y, shows, marks),
        tuple(tuple(_ordered(s, returns, marks) for s in layer) for layer in outcome.states),
        tuple(in_order(y, shows, marks) for y in outcome.outputs),
        in_order(marks.counts, shows, marks) & marks.counts,
    )


def _ordered(state: State, how: str, marks: Marks) -> State:
    return tuple(in_order(part, how, marks) for part in state)


@dataclass(frozen=True)
class _Ran:
    """What a layer read, each direction's outputs, what it made of them, and where it ended."""

    read: Tensor
    outputs: tuple[Tensor, ...]
    y: Tensor
    ends: tuple[State, ...]


@dataclass(frozen=True)
class _Run:
    stack: Stack
    parameters: Mapping[Address, Tensor]
    x: Tensor
    states: Given | None
    heard: _Heard | None
    edits: Mapping[tuple[int, int], tuple[Edit, ...]]
    wiring: Wiring

    def layer(self, number: int, below: Sequence[_Ran]) -> _Ran:
        """One layer, over what those below it gave."""
        layer, wired = self.stack.layers[number], self._wired(number)
        read = READS[wired.reads](self.x, below) if below else self.x
        if wired.carries != RIGHT.carries and below:
            return self._carried(number, below, wired.carries.split(" and "))
        if wired.depth == "short" and number == len(self.stack.layers) - 1 > 0:
            return _Ran(read, below[-1].outputs, below[-1].y, self._kept(number))
        outputs: list[Tensor] = []
        ends: list[State] = []
        for direction, way in enumerate(layer.directions):
            edits = (*self.edits.get((number, direction), ()), *PROJECTS[wired.projects])
            theory = Theory(layer.step, edits)
            named = self._weights(number, direction)
            given = self._given(number, direction, below, ends)
            backward = way == BACKWARD and wired.backward_time in ("turned", "left")
            heard = self._heard(number)
            y, end = _one_way(theory, named, read, given, heard, backward=backward)
            if way == BACKWARD:
                if wired.backward_time in ("left", "fed turned back"):
                    y = y.flip(1)
                if wired.backward_shows == "last step":
                    y = y[:, -1:].expand_as(y)
                if wired.backward_returns == "first":
                    end = _one_way(theory, named, read[:, -1:], given, None, backward=True)[1]
            outputs.append(y)
            ends.append(end)
        if wired.backward_returns == "forward":
            ends = [ends[0]] * len(ends)
        if wired.backward_returns == "exchanged":
            ends.reverse()
        return _Ran(read, tuple(outputs), _joined(layer, outputs), tuple(ends))

    def outcome(self, ran: Sequence[_Ran]) -> Outcome:
        states = tuple(one.ends for one in ran)
        if self.wiring.returns != RIGHT.returns:
            states = (states[{"first": 0, "last": -1}[self.wiring.returns]],) * len(states)
        return Outcome(ran[-1].y, states, ran[-1].outputs)

    def _heard(self, number: int) -> _Heard | None:
        """What a layer makes of marks."""
        if self.heard is None:
            return None
        heeds = {"all": True, "first": number == 0, "last": number == len(self.stack.layers) - 1}
        return self.heard if heeds[self.heard.heeding.layers] else self.heard.unheeded

    def _wired(self, number: int) -> Wiring:
        return self.wiring if number >= self.wiring.since else RIGHT

    def _weights(self, number: int, direction: int) -> dict[str, Tensor]:
        wired = self._wired(number)
        if direction:
            direction = {"own": direction, "forward": 0, "exchanged": 0}[wired.backward_weights]
        elif wired.backward_weights == "exchanged":
            direction = 1
        number = {"own": number, "first": 0, "below": number - 1}[wired.weights]
        place = (number, direction)
        return {a.name: t for a, t in self.parameters.items() if (a.layer, a.direction) == place}

    def _given(
        self, number: int, direction: int, below: Sequence[_Ran], before: Sequence[State]
    ) -> State | None:
        """The state that a layer starts from in one direction."""
        wired, count = self._wired(number), len(self.stack.layers)
        if direction and wired.backward_starts == "forward's end":
            return before[0]
        if wired.starts == "below's end" and below:
            return below[-1].ends[direction]
        if "none" in (wired.starts, wired.backward_starts if direction else ""):
            return None
        if self.states is None:
            return None
        source = {"own": number, "first": 0, "last": count - 1, "reversed": count - 1 - number}
        if wired.backward_starts == "exchanged":
            direction = 1 - direction
        elif wired.backward_starts == "forward":
            direction = 0
        return self.states[source[wired.starts]][direction]

    def _kept(self, number: int) -> tuple[State, ...]:
        """The states of a layer that is not run: those that were given, or zeros."""
        layer, named = self.stack.layers[number], self._weights(number, 0)
        U = next(t for name, t in named.items() if name.startswith("U_"))
        zeros = tuple(
            self.x.new_zeros(len(self.x), U.shape[1] if k else U.shape[0])
            for k, _ in enumerate(layer.step.states)
        )
        given = self.states[number] if self.states is not None else [None] * len(layer.directions)
        return tuple(zeros if state is None else state for state in given)

    def _carried(self, number: int, below: Sequence[_Ran], parts: Sequence[str]) -> _Ran:
        """A layer that goes on at each step from the state of the one below, which has stepped."""
        layer = self.stack.layers[number]
        named, theory = self._weights(number, 0), Theory(layer.step)
        names = [name for name, _ in layer.step.states]
        read, state = below[-1].y, self._given(number, 0, below, ())
        outputs: list[Tensor] = []
        for t in range(read.shape[1]):
            other = self._state_after(number - 1, t + 1, below)
            if state is None:
                state = tuple(torch.zeros_like(s) for s in other)
            borrowed = zip(names, state, other, strict=True)
            mixed = tuple(theirs if n in parts else own for n, own, theirs in borrowed)
            found = run(theory, named, read[:, t : t + 1], mixed)
            state = tuple(found[name] for name in names)
            outputs.append(found["y"])
        y = torch.cat(outputs, 1)
        assert state is not None
        return _Ran(read, (y,), y, (state,))

    def with_one_state(self) -> Outcome:
        """Every layer in turn, at every step, goes on from the one state and overwrites it."""
        state = self._given(0, 0, (), ())
        outputs = []
        for t in range(self.x.shape[1]):
            value = self.x[:, t : t + 1]
            for number, layer in enumerate(self.stack.layers):
                found = run(Theory(layer.step), self._weights(number, 0), value, state)
                state = tuple(found[name] for name, _ in layer.step.states)
                value = found["y"]
            outputs.append(value)
        assert state is not None
        y = torch.cat(outputs, 1)
        return Outcome(y, ((state,),) * len(self.stack.layers), (y,))

    def _state_after(self, number: int, steps: int, below: Sequence[_Ran]) -> State:
        theory, named = Theory(self.stack.layers[number].step), self._weights(number, 0)
        given = self._given(number, 0, below[:number], ())
        read = below[number].read[:, :steps]
        return _one_way(theory, named, read, given, None, backward=False)[1]


PROJECTS: dict[str, tuple[Edit, ...]] = {
    "own": (),
    "squashed": (Edit(Through("tanh"), ("h'",)),),
    "cut": (Edit(Factor(0), ("h'",), BACK),),
}
"""What is done to a projected hidden state."""


def _late(y: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(y[:, :1]), y[:, :-1]], 1)


def _of_directions(pick: Callable[[Tensor, Tensor], tuple[Tensor, ...]]) -> _Reading:
    def read(_: Tensor, below: Sequence[_Ran]) -> Tensor:
        one, other = below[-1].outputs
        return torch.cat(pick(one, other), -1)

    return read


def _half(y: Tensor) -> Tensor:
    return torch.cat([y[..., : y.shape[-1] // 2], torch.zeros_like(y[..., y.shape[-1] // 2 :])], -1)


_Reading = Callable[[Tensor, Sequence[_Ran]], Tensor]

READS: dict[str, _Reading] = {
    "below": lambda x, below: below[-1].y,
    "x": lambda x, below: x,
    "first": lambda x, below: below[0].y,
    "late": lambda x, below: _late(below[-1].y),
    "last": lambda x, below: below[-1].y[:, -1:].expand_as(below[-1].y),
    "skip": lambda x, below: below[-1].y + below[-1].read,
    "tanh": lambda x, below: torch.tanh(below[-1].y),
    "relu": lambda x, below: torch.relu(below[-1].y),
    "sigmoid": lambda x, below: torch.sigmoid(below[-1].y),
    "half": lambda x, below: _half(below[-1].y),
    "forward alone": _of_directions(lambda one, other: (one,)),
    "backward alone": _of_directions(lambda one, other: (other,)),
    "forward": _of_directions(lambda one, other: (one, torch.zeros_like(other))),
    "backward": _of_directions(lambda one, other: (torch.zeros_like(one), other)),
    "forward twice": _of_directions(lambda one, other: (one, one)),
    "exchanged": _of_directions(lambda one, other: (other, one)),
    "turned": lambda x, below: below[-1].y.flip(1),
    "cut": lambda x, below: below[-1].y.detach(),
}
"""What a layer reads, of the input and of all layers below."""


def _one_way(
    theory: Theory,
    parameters: dict[str, Tensor],
    x: Tensor,
    state: State | None,
    heard: _Heard | None,
    *,
    backward: bool,
) -> tuple[Tensor, State]:
    if heard is not None:
        return heard.run(theory, parameters, x, state, backward=backward)
    found = run(theory, parameters, x.flip(1) if backward else x, state)
    y = found["y"].flip(1) if backward else found["y"]
    return y, tuple(found[name] for name, _ in theory.cell.states)


@dataclass(frozen=True)
class _Heard:
    """Marks, and what is made of them."""

    marks: Marks
    heeding: Heeding

    @property
    def unheeded(self) -> _Heard:
        """The same where they play no part."""
        every = torch.ones_like(self.marks.counts)
        return _Heard(Marks(every, torch.zeros_like(every)), HEEDED)

    def run(
        self, theory: Theory, parameters: dict[str, Tensor], x: Tensor, state: State | None,
        *, backward: bool,
    ) -> tuple[Tensor, State]:  # fmt: skip
        """A recurrence step by step: what a mark says is done before the step, or after it."""
        names = [name for name, _ in theory.cell.states]
        if self._held and self.heeding.ends == "own" and self.heeding.backward == "own end":
            x = torch.where(self.marks.counts[..., None], x, 0.0)  # whatever stands there, NaN too
        if self.heeding.inputs == "zeros":
            x = torch.where(self.marks.counts[..., None], x, 0.0)
        if state is None:
            found = run(theory, parameters, x[:, :1], None)
            state = tuple(torch.zeros_like(found[name]) for name in names)
        given, steps, anew = state, range(x.shape[1]), self._anew()
        outputs: dict[int, Tensor] = {}
        after: dict[int, State] = {}
        for t in reversed(steps) if backward else steps:
            if self.heeding.resets != "after":
                state = self._set_back(state, given, anew[:, t])
            found = run(theory, parameters, x[:, t : t + 1], state)
            new = tuple(found[name] for name in names)
            state = self._beyond(state, new, self._counts(t, backward), backward)
            if self.heeding.resets == "after":
                state = self._set_back(state, given, anew[:, t])
            outputs[t], after[t] = found["y"][:, 0], state
            if backward and self.heeding.backward == "inverted":
                outputs[t] = state[0]
        y = torch.stack([outputs[t] for t in steps], 1)
        if self._held and self.heeding.backward == "own end":
            y = torch.where(self.marks.counts[..., None], y, 0.0)
        return y, self._end(after, state, backward)

    @property
    def _held(self) -> bool:
        """Whether the states are held at steps that do not count."""
        return (self.heeding.hidden, self.heeding.cell) == (HEEDED.hidden, HEEDED.cell)

    def _anew(self) -> Tensor:
        """(B, T), before which steps the state is set back."""
        anew, none = self.marks.anew, torch.zeros_like(self.marks.anew[:, :1])
        return {
            "all rows": anew.any(0).expand_as(anew),
            "late": torch.cat([none, anew[:, :-1]], 1),
            "early": torch.cat([anew[:, 1:], none], 1),
            "start alone": torch.cat([anew[:, :1], torch.zeros_like(anew[:, 1:])], 1),
        }.get(self.heeding.resets, anew)

    def _set_back(self, state: State, given: State, rows: Tensor) -> State:
        """The state of these rows as it was in the beginning."""
        spared = {"hidden": range(1, len(state)), "cell": range(1)}.get(self.heeding.resets, ())
        back = given if self.heeding.resets == "given back" else map(torch.zeros_like, state)
        return tuple(
            old if k in spared else torch.where(rows[:, None], new, old)
            for k, (old, new) in enumerate(zip(state, back, strict=True))
        )

    def _counts(self, t: int, backward: bool) -> Tensor:
        counts = self.marks.counts[:, t, None]
        return ~counts if backward and self.heeding.backward == "inverted" else counts

    def _beyond(self, old: State, new: State, counts: Tensor, backward: bool) -> State:
        """What becomes of a state at a step that does not count, and of others'."""
        if self.heeding.ends != "own" or (backward and self.heeding.backward == "padding"):
            return new
        hows = (self.heeding.hidden, *[self.heeding.cell] * (len(old) - 1))
        kinds = {"held": lambda o, n: o, "runs on": lambda o, n: n, "zeroed": lambda o, n: 0 * o}
        return tuple(
            torch.where(counts, n, kinds[how](o, n))
            for how, o, n in zip(hows, old, new, strict=True)
        )

    def _end(self, after: Mapping[int, State], last: State, backward: bool) -> State:
        """The state that is returned."""
        if self.heeding.ends == "own" or backward:
            return last
        lengths = torch.tensor(self.marks.lengths)
        places = {
            "one early": (lengths - 2).clamp(min=0),
            "one late": lengths.clamp(max=len(after) - 1),
            "shortest": lengths.min().expand_as(lengths) - 1,
            "first row's": lengths[:1].expand_as(lengths) - 1,
        }.get(self.heeding.ends, lengths - 1)
        rows = torch.arange(len(lengths))
        picked = tuple(
            torch.stack([after[t][part] for t in range(len(after))])[places, rows]
            for part in range(len(last))
        )
        alone = {"hidden alone": (picked[:1], last[1:]), "cell alone": (last[:1], picked[1:])}
        hidden, cell = alone.get(self.heeding.ends, (picked[:1], picked[1:]))
        return (*hidden, *cell)


def _joined(layer: Layer, outputs: Sequence[Tensor]) -> Tensor:
    return outputs[0] if len(outputs) == 1 else JOINED[layer.joined](*outputs)


JOINED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "forward first": lambda one, other: torch.cat([one, other], -1),
    "backward first": lambda one, other: torch.cat([other, one], -1),
    "taking turns": lambda one, other: torch.stack([one, other], -1).flatten(-2),
    "sum": JOINS["sum"],
    "mean": JOINS["mean"],
}
"""What becomes of two directions' outputs, the forward one's and the backward one's."""
