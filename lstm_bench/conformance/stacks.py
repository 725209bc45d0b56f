"""A stack of layers and directions against the theory: what it computes, laid out as it likes.

The module is loaded layer by layer and run; then the theory is, with the same numbers, as it should
be wired and in every way that is a mistake. The first that gives all of the module's results, in
whatever order they lie, says what the module does.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance import tolerances
from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.problem import draw
from lstm_bench.errors import describe
from lstm_bench.subject import Subject
from lstm_bench.subject.interface import Interface
from lstm_bench.subject.results import Path, leaves_of
from lstm_bench.subject.stacks import (
    Asked,
    Assignment,
    Part,
    Place,
    Stacked,
    States,
    Way,
    states_in,
)
from lstm_bench.subject.tensors import unregistered
from lstm_bench.theory.families import LSTM
from lstm_bench.theory.marks import HEEDED, Heeding, Marks
from lstm_bench.theory.stack import BACKWARD, FORWARD, Address, Layer, Stack
from lstm_bench.theory.stacked import JOINED, Outcome, run_stack
from lstm_bench.theory.wiring import RIGHT, Miswired, Wiring, miswired
from lstm_bench.theory.words.nouns import ORDINALS

B, T, I, H, P = 7, 9, 5, 4, 3  # noqa: E741
"""All different; B and T are no number of layers and directions, which axes may be as long as.
P: the width of a projected hidden state."""

LIKELY = 3
"""In so many orders of the parameters a mistake is looked for."""

Key = tuple[str, int, int]
"""h or c, layer, direction."""


@dataclass(frozen=True)
class Layout:
    """How a stack's results lie. joined: what becomes of two directions in the end; inner: between
    layers. order: of its states.
    """

    joined: str
    inner: str
    order: tuple[Key, ...]

    def at_odds(self) -> Iterator[str]:
        """Where hidden and cell states are listed in different orders."""
        h, c = ([key[1:] for key in self.order if key[0] == kind] for kind in "hc")
        if h and c and h != c:
            yield (
                f"the returned hidden state lists {_order_in_words(h)}, the cell state "
                f"{_order_in_words(c)}"
            )

    def sentences(self, directions: int) -> Iterator[str]:
        """What a user of nn.LSTM would not expect."""
        if directions > 1 and self.joined != "forward first":
            yield UNLIKE_TORCH[self.joined]
        elif directions > 1 and self.inner != "forward first":
            yield f"between layers, {UNLIKE_TORCH[self.inner]}"
        for kind, word in (("h", "hidden"), ("c", "cell")):
            mine = [key[1:] for key in self.order if key[0] == kind]
            if mine and mine != sorted(mine):
                yield f"the returned {word} state lists {_order_in_words(mine)}"
                return


CONCATENATED = ("forward first", "backward first", "taking turns")
"""Ways of joining two directions that keep both, in some order of their units."""

UNLIKE_TORCH = {
    "backward first": "the backward direction's outputs come before the forward's",
    "taking turns": "in the output the two directions' units take turns",
    "sum": "the two directions' outputs are added up",
    "mean": "the mean of the two directions' outputs is taken",
}
"""Layouts of two directions' outputs that are none of nn.LSTM's."""


@dataclass(frozen=True)
class Read:
    """A result as the theory explains it: its layout, and where each state lies."""

    layout: Layout
    path: Path
    cut: Mapping[Key, Part]


@dataclass(frozen=True)
class Understood:
    """What is known of a stack: mistakes in sentences, and its layout where it has none."""

    assignment: Assignment
    mistakes: tuple[str, ...] = ()
    layout: Layout | None = None
    remarks: tuple[str, ...] = ()


class NotUnderstoodError(Exception):
    """It is no stack of what the plain module is, or none that can be called or mapped."""


def understand(subject: Subject, asked: Asked, *, seed: int = 0) -> Understood:
    """What a subject computes with options that ask for such a stack.

    Raises NotUnderstoodError with the reason.
    """
    stacked = built(subject, asked)
    found = list(stacked.assignments())
    fitting = [a for a in found if (a.layers, a.directions) == (asked.layers, asked.directions)]
    if not fitting and found:
        return Understood(found[0], (_too_few(found[0], asked.layers, asked.directions),))
    if not fitting:
        raise NotUnderstoodError("its parameters are not those of so many layers or directions")
    loose = unregistered(stacked.module)
    if loose and not unregistered(subject.build(I, H).module):
        lost = "is not a registered parameter: no optimiser sees it, nothing saves or moves it"
        return Understood(fitting[0], (f"`{loose[0]}` {lost}",))
    return _explained([Scene(stacked, one, seed) for one in fitting])


def right_scene(subject: Subject, asked: Asked, *, seed: int = 0) -> Scene:
    """A stack whose results without a state are right. Raises NotUnderstoodError where none is."""
    stacked = built(subject, asked)
    for one in stacked.assignments():
        if (one.layers, one.directions) == (asked.layers, asked.directions):
            scene = Scene(stacked, one, seed)
            if scene.explained(RIGHT) is not None:
                return scene
    raise NotUnderstoodError("its results are not right as they are")


def built(subject: Subject, asked: Asked) -> Stacked:
    """A stack of a sequence's layers, or of cells. Raises NotUnderstoodError."""
    try:
        return Stacked(subject, asked, I, H)
    except Exception as error:
        raise NotUnderstoodError(f"its constructor raised {describe(error)}") from error


def _too_few(has: Assignment, layers: int, directions: int) -> str:
    """What is missing of the parameters that were asked for."""
    if has.layers < layers:
        count = "one layer" if has.layers == 1 else f"{has.layers} layers"
        missing = "layers share theirs, or are missing"
        return f"it has the parameters of {count}, where {layers} were asked for: {missing}"
    if has.directions < directions:
        return "it has the parameters of one direction: both use the same"
    return f"it has the parameters of {has.layers} layers and {has.directions} directions"


def _explained(readings: Sequence[Scene]) -> Understood:
    """By the first assignment of the parameters with which it is right, or has a known mistake."""
    raised: NotUnderstoodError | None = None
    for scene in readings:
        try:
            if scene.explained(RIGHT) is not None:
                return _all_of(scene)
        except NotUnderstoodError as error:
            raised = error
    if raised is not None:
        raise raised
    for scene in readings[:LIKELY]:
        shape = scene.assignment
        for wrong in scene.mistakes():
            if scene.explained(wrong.wiring) is not None:
                return Understood(shape, (wrong.sentence,))
    return Understood(readings[0].assignment, tuple(readings[0].off()))


def _all_of(scene: Scene) -> Understood:
    """Of a stack that is right without a state: with one, its gradients, its habits."""
    shape, layout = scene.assignment, scene.layout
    assert layout is not None
    asked = (layout.at_odds, scene.with_state, scene.gradients)
    mistakes = next((said for ask in asked if (said := list(ask()))), [])
    remarks = list(layout.sentences(shape.directions))
    if _promised(shape):
        mistakes += [f"with nn.LSTM's names, {said}" for said in (*_misnamed(shape), *remarks)]
        remarks = []
    return Understood(shape, tuple(dict.fromkeys(mistakes)), layout, tuple(remarks))


_NAME = re.compile(r"(?:.*\.)?(?:weight|bias)_[ih]h_l(\d+)(_reverse)?$")
"""How nn.LSTM calls its parameters: they promise its layers and directions too."""


def _promised(shape: Assignment) -> bool:
    """Whether all parameters have nn.LSTM's names."""
    return all(_NAME.match(mine) for names in shape.named.values() for mine in names.values())


def _misnamed(shape: Assignment) -> Iterator[str]:
    for (layer, direction), names in shape.named.items():
        for mine in names.values():
            found = _NAME.match(mine)
            assert found is not None
            if (int(found[1]), int(bool(found[2]))) != (layer, direction):
                way = "backward" if direction else "forward"
                yield f"`{mine}` belongs to layer {layer}, in the {way} direction"
                return


class Scene:
    """One stack with one assignment of its parameters, and the numbers it is asked with."""

    def __init__(self, stacked: Stacked, assignment: Assignment, seed: int) -> None:
        self.stacked, self.assignment = stacked, assignment
        self.steps = 1 if stacked.interface.kind == "cell" else T
        drawn = {
            place: draw(width, H, B, self.steps, seed=seed + 7 * n)
            for n, (place, width) in enumerate(assignment.widths.items())
        }
        dtype = stacked.subject.dtype
        self.x = draw(I, H, B, self.steps, seed=seed + 91).x.to(dtype)
        self.states: dict[Key, Tensor] = {}
        for kind, part in (("h", 0), ("c", 1)):
            for layer, direction in itertools.product(
                range(assignment.layers), range(assignment.directions)
            ):
                state = drawn[layer, direction].state
                assert state is not None
                width = stacked.state_size if kind == "h" else H
                self.states[kind, layer, direction] = state[part][:, :width].to(dtype)
        self.parameters = {
            place: _narrowed(one.parameters.to(dtype=dtype), stacked.state_size)
            for place, one in drawn.items()
        }
        generator = torch.Generator().manual_seed(seed + 3)
        self.projections = {
            place: torch.randn(H, stacked.state_size, generator=generator).to(dtype)
            for place in assignment.projections
        }
        self.layout: Layout | None = None
        self.read: Read | None = None
        self.marks: Marks | None = None

    def told(self, interface: Interface, marks: Marks) -> Scene:
        """The same module and numbers, called so that it is told which steps count."""
        other = copy.copy(self)
        other.stacked, other.marks = self.stacked.called(interface), marks
        for found in ("plain", "way", "given"):
            other.__dict__.pop(found, None)
        return other

    @cached_property
    def loaded(self) -> dict[Place, Parameters]:
        """What the module computes with, in float64."""
        found = self.stacked.load(self.assignment, self.parameters, self.projections)
        return {place: values.to(dtype=torch.float64) for place, values in found.items()}

    @cached_property
    def plain(self) -> Any:
        """The module's result without a state."""
        _ = self.loaded
        try:
            with torch.no_grad():
                return self.stacked.run(self.x)
        except Exception as error:
            raise NotUnderstoodError(f"a call raised {describe(error)}") from error

    # -- without a state ------------------------------------------------------------------------

    def explained(self, wiring: Wiring, heeding: Heeding = HEEDED) -> Read | None:
        """How the result without a state is read, where this wiring gives it."""
        for inner in self._inner() if self.layout is None else (self.layout.inner,):
            outcome = self.theory(wiring, None, inner, heeding)
            found = None if outcome is None else self.reading(self.plain, outcome, inner)
            if found is not None:
                if wiring == RIGHT and self.marks is None:
                    self.read, self.layout = found, found.layout
                return found
        return None

    def _inner(self) -> Sequence[str]:
        """What may become of two directions' outputs between layers, by the widths they have."""
        a = self.assignment
        if a.layers == 1 or a.directions == 1:
            return ("forward first",)
        wide = a.widths[1, 0] == 2 * self.stacked.state_size
        return tuple(n for n in JOINED if (n in CONCATENATED) == wide)

    def _stack(self, inner: str) -> Stack:
        a = self.assignment
        ways = (FORWARD, BACKWARD)[: a.directions]
        layer = Layer(LSTM, ways, projected=self.stacked.projected, joined=inner)
        return Stack((layer,) * a.layers)

    def mistakes(self) -> Iterator[Miswired]:
        """Every way in which such a stack may be wired wrongly."""
        shape = self.assignment
        return miswired(shape.layers, shape.directions, projected=self.stacked.projected)

    def _named(self) -> Iterator[tuple[Address, Tensor]]:
        """What the module computes with, in float64, by address."""
        for place, values in self.loaded.items():
            yield from ((Address(*place, name), tensor) for name, tensor in values.named())
        for place, matrix in self.projections.items():
            yield Address(*place, "P"), matrix.double()

    def theory(
        self, wiring: Wiring, states: States | None, inner: str, heeding: Heeding = HEEDED
    ) -> Outcome | None:
        """What such a stack gives; None where such a wiring does not fit its sizes."""
        parameters = dict(self._named())
        given = None if states is None else self._by_place(states)
        try:
            stack, x = self._stack(inner), self.x.double()
            return run_stack(
                stack, parameters, x, given, marks=self.marks, heeding=heeding, wiring=wiring
            )
        except (ValueError, RuntimeError, IndexError, KeyError):
            return None

    def _by_place(self, states: States) -> list[list[tuple[Tensor, Tensor]]]:
        a = self.assignment
        return [
            [(states["h", n, d].double(), states["c", n, d].double()) for d in range(a.directions)]
            for n in range(a.layers)
        ]

    def reading(self, result: Any, outcome: Outcome, inner: str) -> Read | None:
        """How a result is the theory's, whatever its order; None where it is not."""
        try:
            path, y = self.output(result)
            parts = self.states_in(result, path)
        except ValueError as error:
            if self.marks is not None:  # it lies otherwise than when nothing is told
                return None
            raise NotUnderstoodError(str(error)) from error
        joins = ((n, v[:, : y.shape[1]]) for n, v in self._joins(outcome))
        y = self.shown(y, outcome)
        joined = next((n for n, v in joins if self.same(y, self.shown(v, outcome))), None)
        if joined is None or not _one_layout(inner, joined, self.assignment):
            return None
        left = dict(_keyed(outcome))
        cut: dict[Key, Part] = {}
        for part, tensor in parts:
            key = next((k for k, v in left.items() if self.same(tensor, v)), None)
            if key is None:
                return None
            del left[key]
            cut[key] = part
        return Read(Layout(joined, inner, tuple(cut)), path, cut)

    def _joins(self, outcome: Outcome) -> Iterator[tuple[str, Tensor]]:
        """The theory's output in every layout of the directions that there is."""
        outputs = outcome.outputs
        if not self.stacked.returns_output:
            yield "forward first", outcome.y[..., :0]
            return
        if self.stacked.interface.kind == "last":  # of the backward direction that is the first
            outputs = tuple(y[:, :1] if d else y[:, -1:] for d, y in enumerate(outputs))
            if self.marks is not None:
                outputs = tuple(h[:, None] for h, *_ in outcome.states[-1])
        if len(outputs) == 1:
            yield "forward first", self.stacked.read_out(outputs[0])
            return
        for name, join in JOINED.items():
            with contextlib.suppress(RuntimeError):  # its output layer is of another width
                yield name, self.stacked.read_out(join(*outputs))

    def output(self, result: Any) -> tuple[Path, Tensor]:
        """Where the output lies, and what it is; some end with the longest sequence."""
        longest = self.steps if self.marks is None else max(self.marks.lengths)
        try:
            return self.stacked.output(result, B, self.steps)
        except ValueError:
            return self.stacked.output(result, B, longest)

    def states_in(self, result: Any, path: Path) -> list[tuple[Part, Tensor]]:
        """Every state in a result, beside the output that lies there."""
        return states_in(result, B, (H, self.stacked.state_size), self.steps, path)

    def shown(self, y: Tensor, outcome: Outcome) -> Tensor:
        """An output where it says anything, zeros elsewhere."""
        if outcome.shown is None or self.stacked.interface.kind == "last":
            return y
        return torch.where(outcome.shown[:, : y.shape[1], None], y, 0.0)

    def same(self, got: Tensor, expected: Tensor) -> bool:
        """Whether they are the same up to rounding."""
        if not got.numel():
            return not expected.numel()
        eps = torch.finfo(got.dtype).eps
        return relative_error(got, expected) <= tolerances.allowed(got.dtype, 4 * eps, 64)

    def off(self) -> Iterator[str]:
        """What is off, of a stack that nothing explains."""
        silent = self._silent()
        if silent:
            yield f"`{silent[0]}` has no effect on any result: a layer does not use its own"
            return
        outcome = self.theory(RIGHT, None, self._inner()[0])
        assert outcome is not None
        path, y = self.output(self.plain)
        if not any(self.same(y, value) for _, value in self._joins(outcome)):
            yield "the output is not that of so many layers or directions"
            return
        known = dict(_keyed(outcome))
        for _, tensor in self.states_in(self.plain, path):
            if not any(self.same(tensor, v) for v in known.values()):
                yield "the output is right, and a returned state is no layer's"
                return
        yield "the output is right, and of the returned states one stands twice"

    def _silent(self) -> list[str]:
        """Parameters that no result depends on."""
        x = self.x.clone().requires_grad_()
        leaves = [leaf.tensor for leaf in leaves_of(self.stacked.run(x), self.steps)]
        return self.stacked.silent(self._loss_of(leaves))

    # -- with one -------------------------------------------------------------------------------

    @cached_property
    def way(self) -> Way | None:
        """How states are handed over; None where none can be."""
        if not self.stacked.interface.takes_state:
            return None
        complete = self.read is not None and len(self.read.cut) == len(self.states)
        cut = self.read.cut if self.read is not None and complete else None
        _, y = self.output(self.plain)
        for way in self.stacked.ways(self.plain, cut):
            try:
                with torch.no_grad():
                    _, other = self.output(way(self.x, self.states))
            except Exception:  # a wrong guess may raise anything
                continue
            if other.shape != y.shape:
                continue
            if not y.numel() or not torch.equal(other, y):
                return way
        return None

    @cached_property
    def given(self) -> Any:
        """The module's result with a state; None where none can be given."""
        with torch.no_grad():
            return None if self.way is None else self.way(self.x, self.states)

    def explained_given(self, heeding: Heeding = HEEDED) -> Read | None:
        """How that result is read, where such a stack gives it."""
        if self.given is None or self.layout is None:
            return None
        outcome = self.theory(RIGHT, self.states, self.layout.inner, heeding)
        return None if outcome is None else self.reading(self.given, outcome, self.layout.inner)

    def with_state(self) -> Iterator[str]:
        """What is wrong where a state is given."""
        if self.way is None:
            return
        assert self.read is not None
        result, inner = self.way(self.x, self.states), self.read.layout.inner
        outcome = self.theory(RIGHT, self.states, inner)
        assert outcome is not None
        found = self.reading(result, outcome, inner)
        if found is not None:
            if found.layout != self.read.layout:
                yield "with a state given, its results lie in another order than without one"
            return
        for wrong in self.mistakes():
            outcome = self.theory(wrong.wiring, self.states, inner)
            if outcome is not None and self.reading(result, outcome, inner) is not None:
                yield wrong.sentence
                return
        yield self._sources(result) or "with a state given, its results are not those of its layers"

    def _sources(self, result: Any) -> str | None:
        """From which of the given states each layer starts; None where some start from none."""
        assert self.read is not None
        path, _ = self.output(result)
        got = dict(self.states_in(result, path))
        places = list(self.assignment.named)
        if any((kind, *place) not in self.read.cut for kind in "hc" for place in places):
            return None
        taken, said = dict(self.states), ""
        for place in sorted(places):
            wanted = [got[self.read.cut[kind, *place]] for kind in "hc"]
            pairs = sorted(itertools.product(places, places), key=lambda p: p != (place, place))
            for h, c in pairs:
                taken["h", *place], taken["c", *place] = self.states["h", *h], self.states["c", *c]
                outcome = self.theory(RIGHT, taken, self.read.layout.inner)
                assert outcome is not None
                ends = outcome.states[place[0]][place[1]]
                if all(map(self.same, wanted, ends)):
                    break
            else:
                return None
            if (h, c) != (place, place) and not said:
                wrong, other = ("cell ", c) if h == place else ("hidden ", h)
                wrong = "" if h == c else wrong
                said = (
                    f"{self.where(place)} starts from the {wrong}state that is returned for "
                    f"{self.where(other)}"
                )
        return said or None

    # -- gradients ------------------------------------------------------------------------------

    def gradients(self) -> Iterator[str]:
        """Which gradients are wrong, of values that are right."""
        try:
            got = self._got()
        except Exception as error:
            yield f"the backward pass raised {describe(error)}"
            return
        expected = self._expected(RIGHT)
        wrong = [n for n, g in got.items() if not self.same(g, expected[_plain(n)])]
        if not wrong:
            return
        for one in self.mistakes():
            if "cut" in (one.wiring.reads, one.wiring.projects):
                other = self._expected(one.wiring)
                if all(self.same(g, other[_plain(n)]) for n, g in got.items()):
                    yield one.sentence
                    return
        lost = [n for n in wrong if not bool(got[n].any())]
        what = f"no gradient reaches {lost[0]}" if lost else f"the gradient of {wrong[0]} is wrong"
        more = len(wrong) - 1
        yield f"{what} ({more} more wrong)" if more else what

    def _got(self) -> dict[str, Tensor]:
        """The module's gradients by name."""
        assert self.read is not None
        x = self.x.clone().requires_grad_()
        states = {k: s.clone().requires_grad_() for k, s in self.states.items()}
        result = self.stacked.run(x) if self.way is None else self.way(x, states)
        path, y = self.output(result)
        parts = dict(self.states_in(result, path))
        if self.marks is not None and self.stacked.interface.kind != "last":
            y = torch.where(self.marks.counts[:, : y.shape[1], None], y, 0.0)
        loss = self._loss(y, {k: parts[p] for k, p in self.read.cut.items()})
        for tensor in self.stacked.module.parameters():
            tensor.grad = None
        if not loss.requires_grad:
            return {"the input x": torch.zeros_like(x)}
        loss.backward()  # type: ignore[no-untyped-call]
        found = {"the input x": _grad(x)}
        if self.way is not None:
            found |= {_state_in_words(k): _grad(s) for k, s in states.items()}
        for place, named in self.stacked.gradients(self.assignment).items():
            found |= {self._of(n, place): g for n, g in named.items()}
        return found

    def _expected(self, wiring: Wiring) -> dict[str, Tensor]:
        assert self.read is not None
        x = self.x.clone().double().requires_grad_()
        states = {k: s.clone().double().requires_grad_() for k, s in self.states.items()}
        leaves = {a: t.detach().clone().requires_grad_() for a, t in self._named()}
        given = None if self.way is None else self._by_place(states)
        stack = self._stack(self.read.layout.inner)
        outcome = run_stack(stack, leaves, x, given, marks=self.marks, wiring=wiring)
        y = dict(self._joins(outcome))[self.read.layout.joined]
        ends = dict(_keyed(outcome))
        self._loss(y, {k: ends[k] for k in self.read.cut}).backward()  # type: ignore[no-untyped-call]
        found = {"the input x": _grad(x)}
        if self.way is not None:
            found |= {_state_in_words(k): _grad(s) for k, s in states.items()}
        return found | {
            self._of(a.name, (a.layer, a.direction)): _grad(t) for a, t in leaves.items()
        }

    def _loss(self, y: Tensor, states: Mapping[Key, Tensor]) -> Tensor:
        return self._loss_of([y, *(states[k] for k in sorted(states))])

    def _loss_of(self, parts: Sequence[Tensor]) -> Tensor:
        """Each result's entries, weighed by chance."""
        generator = torch.Generator().manual_seed(17)
        return torch.stack([
            (t * torch.randn(t.shape, generator=generator, dtype=torch.float64).to(t.dtype)).sum()
            for t in parts
        ]).sum()  # fmt: skip

    def _of(self, name: str, place: Place) -> str:
        """A parameter in words."""
        where = self.where(place)
        return f"{name} of {where}" if where else name

    def where(self, place: Place) -> str:
        layer, direction = place
        said = f"the {ORDINALS[layer]} layer" if self.assignment.layers > 1 else ""
        if self.assignment.directions > 1:
            way = f"the {('forward', 'backward')[direction]} direction"
            return f"{said}'s {way.removeprefix('the ')}" if said else way
        return said


def _narrowed(parameters: Parameters, state_size: int) -> Parameters:
    """With weights for hidden states of this width."""
    return Parameters(parameters.W, parameters.U[:, :state_size], parameters.b)


def _one_layout(inner: str, joined: str, shape: Assignment) -> bool:
    """Whether two directions are joined in the end as between layers, as far as both keep both."""
    if shape.layers == 1 or shape.directions == 1:
        return True
    return inner == joined or not (inner in CONCATENATED and joined in CONCATENATED)


def _grad(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def _plain(name: str) -> str:
    """Without the remark on which of two biases is meant."""
    first, found, rest = name.partition(" (in ")
    return first + rest.partition(")")[2] if found else name


def _state_in_words(key: Key) -> str:
    kind, layer, direction = key
    word = {"h": "hidden", "c": "cell"}[kind]
    return f"the given {word} state of layer {layer + 1}, direction {direction + 1}"


def _keyed(outcome: Outcome) -> Iterator[tuple[Key, Tensor]]:
    for layer, ends in enumerate(outcome.states):
        for direction, (h, c) in enumerate(ends):
            yield ("h", layer, direction), h
            yield ("c", layer, direction), c


def _order_in_words(places: Sequence[Place]) -> str:
    if places == sorted(places):
        return "the layers first to last"
    if places == sorted(places, reverse=True):
        return "the layers last first"
    if places == sorted(places, key=lambda p: (-p[0], p[1])):
        return "the layers last first"
    if places == sorted(places, key=lambda p: (p[1], p[0])):
        return "one direction's layers after the other's"
    if places == sorted(places, key=lambda p: (p[0], -p[1])):
        return "the backward direction before the forward one"
    return f"its layers in the order {', '.join(str(layer + 1) for layer, _ in places)}"
