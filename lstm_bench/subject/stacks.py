"""Several layers, or both directions, of something that is understood with one of each.

The plain module's parameter map serves every layer and direction by itself: a stack's parameters
are those of so many plain modules, in an order that is tried out. How states travel is read off
the stack's own result: the tensors beside the output are cut into states of one layer and one
direction each, and given states are put into the same containers.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from impls.parameters import Parameters
from lstm_bench.subject import axes as layout
from lstm_bench.subject.construct import LAYERS, names_it, settings_of
from lstm_bench.subject.identify import prepare
from lstm_bench.subject.interface import (
    Constant,
    Form,
    Interface,
    Slot,
    Steps,
    fill,
    rebuild,
    slots,
)
from lstm_bench.subject.mapping import HeadLayout, ProbedMap
from lstm_bench.subject.results import Path, leaves_of
from lstm_bench.subject.spelled import Spelled
from lstm_bench.subject.subject import Subject
from lstm_bench.subject.tensors import held, learnable

Place = tuple[int, int]
"""A layer and a direction, from 0 on."""

States = Mapping[tuple[str, int, int], Tensor]
"""(h or c, layer, direction) → (B, H)."""


@dataclass(frozen=True)
class Assignment:
    """Which of a stack's parameters are which layer's and direction's.

    named: for each, from the plain module's names to the stack's. widths: of what each reads.
    projections: for each, the name of the matrix that projects its hidden state, if there is one.
    """

    layers: int
    directions: int
    named: Mapping[Place, Mapping[str, str]]
    widths: Mapping[Place, int]
    projections: Mapping[Place, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A state in a stack's result: the leaf that holds it, and where along the leaf's other axes.

    after_batch: whether these come after the axis of the batch, not before it.
    """

    path: Path
    index: tuple[int, ...] = ()
    after_batch: bool = False

    def of(self, whole: Tensor) -> Tensor:
        """(B, H), a view of the leaf."""
        for place in self.index:
            whole = whole.select(1 if self.after_batch else 0, place)
        return whole


@dataclass(frozen=True)
class Asked:
    """Options of a constructor, and the stack that they ask for.

    projected: the width of its hidden states, where it is not that of its cell states.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    layers: int = 1
    directions: int = 1
    projected: int | None = None

    def having(self, **options: Any) -> Asked:
        """The same stack with more options."""
        return replace(self, options={**self.options, **options})

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


@dataclass(frozen=True)
class Offered:
    """Which options of a constructor make a stack, found by what they do.

    layers: the name of the one that says how many, and how many it says for the plain module.
    both_ways: what makes it run in both directions of time; empty where nothing does. projection:
    the name of the one that says to what width hidden states are projected.
    """

    layers: str | None
    one: int
    both_ways: Mapping[str, Any]
    projection: str | None
    unprojected: int | None

    def stack(
        self, *, layers: int = 1, directions: int = 1, projected: int | None = None
    ) -> Asked | None:
        """The options for such a stack; None where it is not offered."""
        options: dict[str, Any] = {}
        if layers > 1:
            if self.layers is None:
                return None
            options[self.layers] = self.one + layers - 1
        if directions > 1:
            if not self.both_ways:
                return None
            options |= self.both_ways
        if projected is not None:
            if self.projection is None:
                return None
            options[self.projection] = projected
        return Asked(options, layers, directions, projected)

    @property
    def plain(self) -> dict[str, Any]:
        """Its options as they are for one layer in one direction."""
        ways = {n: not v if isinstance(v, bool) else v - 1 for n, v in self.both_ways.items()}
        layers = {} if self.layers is None else {self.layers: self.one}
        projection = {} if self.projection is None else {self.projection: self.unprojected}
        return layers | ways | projection

    @classmethod
    @lru_cache(maxsize=64)
    def by(cls, subject: Subject) -> Offered:
        """Those of a subject. An option whose parameters stay the same is told by its name."""
        layers: dict[str, int] = {}
        both: list[dict[str, Any]] = []
        narrower: dict[str, int | None] = {}
        settings = settings_of(subject.factory, subject.recipe)
        for name, value in settings.items():
            if isinstance(value, bool):
                if _kind_of(subject, {name: not value}) == "directions":
                    both.append({name: not value})
            elif isinstance(value, int) and value > 0:
                kind = _kind_of(subject, {name: value + 1})
                if kind == "layers":
                    layers[name] = value
                elif kind == "directions":
                    both.append({name: value + 1})
            elif (value is None or isinstance(value, int)) and _projects(subject, name):
                narrower[name] = value
        named = [n for n, v in settings.items() if v == 1 and re.search(LAYERS, n.lower())]
        ways = [n for n, v in settings.items() if v is False and re.search(BOTH_WAYS, n.lower())]
        for name in named if not layers else ():
            if _kind_of(subject, {name: 2}) is not None:
                layers[name] = 1
        for name in ways if not both else ():
            if _kind_of(subject, {name: True}) is not None:
                both.append({name: True})
        deeper, projection = next(iter(layers), None), next(iter(narrower), None)
        one = 1 if deeper is None else layers[deeper]
        off = None if projection is None else narrower[projection]
        return cls(deeper, one, both[0] if both else {}, projection, off)


BOTH_WAYS = r"bidir|(^|_)both|two_?way"
"""How an option for both directions of time is spelled."""


def _kind_of(subject: Subject, options: Mapping[str, Any]) -> str | None:
    """What options make of the plain module: "layers", "directions", "else"; None: they fail.

    A second set of parameters is a layer's where it is as wide as what a layer gives, and the
    other direction's where outputs move with later inputs. Neither is what an ensemble has.
    """
    try:
        stacked = Stacked(subject, Asked(options), 5, 4)
        found = list(stacked.assignments())
    except Exception:  # the constructor takes no such value
        return None
    if any(a.layers > 1 and a.directions == 1 and a.widths[1, 0] != 5 for a in found):
        return "layers"
    if any(a.layers == 1 and a.directions == 2 for a in found) and stacked.sees_the_future():
        return "directions"
    return "else"


def _projects(subject: Subject, name: str) -> bool:
    """Whether an option makes hidden states narrower, those that are fed back among them."""
    try:
        stacked = Stacked(subject, Asked({name: 3}, projected=3), 5, 4)
        if not names_it(subject.factory, name):  # passed on to what may not suit the rest of it
            stacked.run(torch.zeros(2, 3, 5, dtype=subject.dtype))
        return any(True for _ in stacked.assignments())
    except Exception:  # the constructor takes no such value
        return False


class Stacked:
    """A module with options that make it a stack, called as the plain one is.

    state_size: the width of its hidden states.
    """

    def __init__(self, subject: Subject, asked: Asked, input_size: int, hidden_size: int) -> None:
        """Raises whatever the constructor raises."""
        recipe = subject.having(**asked.options).recipe
        module = recipe.build(subject.factory, input_size, hidden_size)
        self.module = prepare(module, subject.dtype)
        self.subject, self.input_size, self.hidden_size = subject, input_size, hidden_size
        self.interface = subject.interface
        self.projected = asked.projected is not None
        self.state_size = asked.projected or hidden_size

    def called(self, interface: Interface) -> Stacked:
        """The same module, called in another way."""
        other = copy.copy(self)
        other.interface = interface
        return other

    # -- parameters -----------------------------------------------------------------------------

    def assignments(self) -> Iterator[Assignment]:
        """Every order of the parameters that fits by shape, the likeliest first."""
        plain = self.subject.build(self.input_size, self.hidden_size, dtype=self.subject.dtype)
        layouts = self.subject.parameter_map.layouts
        wanted = [n for n in held(plain.module) if n in layouts]
        own = {n: t for n, t in held(self.module).items() if n not in self._apart()}
        matrices = self._projections(own, wanted) if self.projected else []
        own = {n: t for n, t in own.items() if n not in matrices}
        if not wanted or len(own) % len(wanted) or bool(matrices) != self.projected:
            return
        count = len(own) // len(wanted)
        seen: list[Mapping[Place, Mapping[str, str]]] = []
        # Deeper layers that are as wide as the input are a mistake: other readings come first.
        for odd, directions in itertools.product((False, True), (1, 2)):
            if count % directions:
                continue
            layers = count // directions
            numbered = _numbered(list(own), wanted, layers, directions)
            in_order = (
                dict(zip(own, places, strict=True))
                for places in _orders(layers, directions, wanted)
            )
            for places in itertools.chain(numbered, in_order):
                found = self._fitting(places, own, layers, directions, odd)
                if found is None or found.named in seen:
                    continue
                seen.append(found.named)
                yield from self._with_projections(found, matrices)

    def _projections(self, own: Mapping[str, Tensor], wanted: Sequence[str]) -> list[str]:
        """Names of the matrices that project hidden states, (P, H) or (H, P)."""
        known, sizes = {_pattern(name) for name in wanted}, {self.hidden_size, self.state_size}
        return [
            n for n, t in own.items()
            if t.dim() == 2 and set(t.shape) == sizes and _pattern(n) not in known
        ]  # fmt: skip

    def _with_projections(self, found: Assignment, matrices: list[str]) -> Iterator[Assignment]:
        """With every order in which they may belong to layers and directions."""
        if not matrices:
            yield found
        elif len(matrices) == len(found.named):
            by_layer = sorted(found.named)
            by_direction = sorted(found.named, key=lambda place: place[::-1])
            for places in (by_layer, by_direction)[: 1 + (by_layer != by_direction)]:
                yield replace(found, projections=dict(zip(places, matrices, strict=True)))

    def _apart(self) -> set[str | None]:
        """Names of an output layer, and of learned initial states."""
        found = self.subject.parameter_map
        return {found.head.weight, found.head.bias, *found.zeroed}

    def _fitting(
        self, places: Mapping[str, tuple[int, int, str]], own: Mapping[str, Tensor],
        layers: int, directions: int, odd: bool,
    ) -> Assignment | None:  # fmt: skip
        """The parameters at these places, where every one has the shape that it would need."""
        named: dict[Place, dict[str, str]] = {}
        for mine, (layer, direction, name) in places.items():
            named.setdefault((layer, direction), {})[name] = mine
        widths: dict[Place, int] = {}
        for place, names in named.items():
            wide = [
                w for w in self._widths(place[0], directions, odd)
                if all(self._shape(n, w) == tuple(own[m].shape) for n, m in names.items())
            ]  # fmt: skip
            if not wide:
                return None
            widths[place] = wide[0]
        return Assignment(layers, directions, named, widths)

    def _widths(self, layer: int, directions: int, odd: bool) -> tuple[int, ...]:
        wide = self.state_size
        return (self.input_size,) if layer == 0 or odd else (directions * wide, wide)

    def _shape(self, name: str, width: int) -> tuple[int, ...]:
        layout = self.subject.parameter_map.layouts[name]
        return tuple(layout.labels(width, self.hidden_size, self.state_size)["kind"].shape)

    def load(
        self,
        assignment: Assignment,
        parameters: Mapping[Place, Parameters],
        projections: Mapping[Place, Tensor],
    ) -> dict[Place, Parameters]:
        """Load each layer's and direction's; what they compute with now.

        projections: (H, P) each.
        """
        with torch.no_grad():
            own = held(self.module)
            for place, name in assignment.projections.items():
                own[name].copy_(self._as_it_lies(projections[place], own[name]))
            for name in self.subject.parameter_map.zeroed:
                if name in own:
                    own[name].zero_()
        return {
            place: self._map.load(self._shown(assignment, place), values)
            for place, values in parameters.items()
        }

    def _as_it_lies(self, matrix: Tensor, like: Tensor) -> Tensor:
        """A projection (H, P) as the module holds it, or one of its as (H, P)."""
        return matrix if like.shape == (self.hidden_size, self.state_size) else matrix.T

    def read_out(self, y: Tensor) -> Tensor:
        """What an output layer on top makes of outputs in float64; these where there is none."""
        head, own = self.subject.parameter_map.head, held(self.module)
        if head.weight is None:
            return y
        weight = own[head.weight].detach().double()
        y = y @ (weight.T if head.transposed else weight)
        return y if head.bias is None else y + own[head.bias].detach().double().reshape(-1)

    def gradients(self, assignment: Assignment) -> dict[Place, dict[str, Tensor]]:
        """The parameters' ``.grad`` by canonical name; P: of a projection."""
        own, found = held(self.module), {}
        for place in assignment.named:
            sizes = assignment.widths[place], self.hidden_size, self.state_size
            found[place] = self._map.gradients(self._shown(assignment, place), *sizes)
            if place in assignment.projections:
                matrix = own[assignment.projections[place]]
                grad = torch.zeros_like(matrix) if matrix.grad is None else matrix.grad
                found[place]["P"] = self._as_it_lies(grad, matrix)
        return found

    @property
    def _map(self) -> ProbedMap:
        """The plain module's, for what lies in a layer: no output layer, no learned state."""
        return replace(self.subject.parameter_map, head=HeadLayout(), zeroed=())

    def _shown(self, assignment: Assignment, place: Place) -> nn.Module:
        """The parameters of a layer in one direction under the names of the plain module's."""
        own, view = held(self.module), nn.Module()
        for name, mine in assignment.named[place].items():
            tensor = own[mine]
            where = view._parameters if isinstance(tensor, nn.Parameter) else view.__dict__
            where[name] = tensor  # type: ignore[assignment]
        return view

    def silent(self, loss: Tensor) -> list[str]:
        """Names of parameters that a result does not depend on at all."""
        wanted = {n: p for n, p in learnable(self.module).items() if p.requires_grad}
        found = torch.autograd.grad(
            loss, list(wanted.values()), allow_unused=True, retain_graph=True
        )
        return [n for n, g in zip(wanted, found, strict=True) if g is None or not bool(g.any())]

    # -- calls ----------------------------------------------------------------------------------

    def run(self, x: Tensor) -> Any:
        """The module's own result without a state. x: (B, T, I)."""
        form = self.interface
        if form.stateless is None:
            return self._from_zeros(x)
        parts = {"x": x}
        return self.module(
            *fill(form.stateless, parts), **fill(dict(form.stateless_keywords), parts)
        )

    def _from_zeros(self, x: Tensor) -> Any:
        """The same of one that must be given a state: zeros, however it takes them."""
        shape = next(self.assignments())
        zeros = {
            (kind, *place): x.new_zeros(len(x), width)
            for kind, width in (("h", self.state_size), ("c", self.hidden_size))
            for place in sorted(shape.named)
        }  # fmt: skip
        failed: Exception | None = None
        for way in self.ways(None, None):
            try:
                return way(x, zeros)
            except Exception as error:  # a wrong guess may raise anything
                failed = failed or error
        raise failed or TypeError("it takes no state")

    def sees_the_future(self) -> bool:
        """Whether the first outputs move with the last input; False where that cannot be seen."""
        generator = torch.Generator().manual_seed(8)
        with torch.no_grad():
            for tensor in learnable(self.module).values():
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            x = torch.randn(2, 3, self.input_size, generator=generator).to(self.subject.dtype)
            later = x.clone()
            later[:, -1] += 1
            try:
                first, other = (self.output(self.run(each), 2, 3)[1][:, 0] for each in (x, later))
            except Exception:  # it is called in another way
                return False
        return not torch.equal(first, other)

    def ways(self, result: Any, cut: Cut | None) -> Iterator[Way]:
        """Ways to hand states over, the likeliest first: as the result has them, or as the plain
        module takes them with an axis, or a list, of layers and directions.
        """
        forms = (self.interface.arguments, dict(self.interface.keywords))
        puts: list[Callable[[Form, States], Any]] = [_in_one_axis, _in_lists, _in_its_list]
        if cut is not None:
            template = _Template(result, cut)
            puts = [template.whole, template.each, *puts]
        for put in puts:

            def way(x: Tensor, states: States, put: Any = put) -> Any:
                arguments, keywords = _put(forms, x, states, put)
                return self.module(*arguments, **keywords)

            yield way

    @property
    def returns_output(self) -> bool:
        """Whether it returns an output, beside its states or alone."""
        return _path_of_y(self.interface.result) is not None

    def output(self, result: Any, batch: int, steps: int) -> tuple[Path, Tensor]:
        """Where the output lies in a result, and what it is: (B, T, K), or (B, 1, K) of the last.

        Of what returns states alone it has no entries. Raises ValueError where there is none of
        the plain module's layout.
        """
        found = _path_of_y(self.interface.result)
        if not self.returns_output:
            return ("",), torch.empty(batch, steps, 0, dtype=self.subject.dtype)
        for leaf in leaves_of(result, steps):
            if found is not None and leaf.path == found[0]:
                axes = "TBK" if leaf.packed else found[1]
                shown = 1 if self.interface.kind == "last" else steps
                width = leaf.tensor.numel() // (batch * shown)
                sizes = {"B": batch, "T": shown, "K": width}
                return leaf.path, layout.restore(leaf.tensor, "BTK", axes, sizes)
        raise ValueError("it returns no sequence of outputs")


Way = Callable[[Tensor, States], Any]
Cut = Mapping[tuple[str, int, int], Part]
"""Where in a result each state lies."""


def states_in(
    result: Any, batch: int, widths: Sequence[int], steps: int, beside: Path
) -> list[tuple[Part, Tensor]]:
    """Every state (B, H) that lies in a result beside its output. Raises ValueError on others.

    widths: those that a state may have.
    """
    found = []
    for leaf in leaves_of(result, steps):
        if leaf.path == beside:
            continue
        shape = tuple(leaf.tensor.shape)
        if shape[-2:-1] == (batch,) and shape[-1] in widths:
            others, after = shape[:-2], False
        elif len(shape) > 2 and shape[0] == batch and shape[-1] in widths:
            others, after = shape[1:-1], True
        else:
            raise ValueError(f"it returns a tensor of shape {shape} beside its output")
        places = itertools.product(*(range(n) for n in others))
        parts = [Part(leaf.path, index, after) for index in places]
        found += [(part, part.of(leaf.tensor)) for part in parts]
    return found


@dataclass(frozen=True)
class _Template:
    """A result as the containers in which states are given."""

    result: Any
    cut: Cut

    def whole(self, form: Form, states: States) -> Any:
        """All states of a form together, as they lie together in the result."""
        roles = {letter for slot in slots(form) for letter in slot.role}
        return self._filled(roles, states)

    def each(self, form: Form, states: States) -> Any:
        """The hidden states by themselves and the cell states by themselves."""
        if isinstance(form, Slot):
            return self._filled(set(form.role), states)
        return rebuild(form, [self.each(inner, states) for inner in form])

    def _filled(self, roles: set[str], states: States) -> Any:
        wanted = {key: part for key, part in self.cut.items() if key[0] in roles}
        leaves: dict[Path, Tensor] = {}
        for leaf in leaves_of(self.result, 0):
            mine = {key: part for key, part in wanted.items() if part.path == leaf.path}
            if mine:
                rows = {part: states[key] for key, part in mine.items()}
                leaves[leaf.path] = _assembled(leaf.tensor, rows)
        common = _common(list(leaves))
        if not common:
            raise TypeError("its states do not lie together")
        node = self.result
        for key in common:
            node = node[key]
        return _refilled(node, common, leaves)


def _common(paths: Sequence[Path]) -> Path:
    """The innermost container that holds them all."""
    same = itertools.takewhile(lambda keys: len(set(keys)) == 1, zip(*paths, strict=False))
    return tuple(keys[0] for keys in same)


def _assembled(like: Tensor, rows: Mapping[Part, Tensor]) -> Tensor:
    """A tensor of this shape of its parts; differentiable in them. A part alone is that tensor."""
    if all(not part.index for part in rows):
        return next(iter(rows.values()))
    whole = torch.zeros_like(like)
    for part, row in rows.items():
        part.of(whole).copy_(row)
    return whole


def _refilled(node: Any, path: Path, leaves: Mapping[Path, Tensor]) -> Any:
    if isinstance(node, Tensor):
        return leaves[path]
    if isinstance(node, Mapping):
        return {k: _refilled(v, (*path, k), leaves) for k, v in node.items()}
    return rebuild(node, [_refilled(v, (*path, k), leaves) for k, v in enumerate(node)])


def _put(form: Form, x: Tensor, states: States, put: Callable[[Form, States], Any]) -> Any:
    """A call's form with x in its place, and what ``put`` makes of every part with states alone."""
    roles = {letter for slot in slots(form) for letter in slot.role}
    if roles and roles <= {"h", "c"}:
        return put(form, states)
    if isinstance(form, (Slot, Constant, Spelled)):
        return fill(form, {"x": x})
    if isinstance(form, Mapping):
        return {key: _put(value, x, states, put) for key, value in form.items()}
    return rebuild(form, [_put(value, x, states, put) for value in form])


def _in_one_axis(form: Form, states: States) -> Any:
    """Each tensor with an axis for layers and directions, where the plain one has one of size one
    or none.
    """
    if isinstance(form, Slot):
        parts = [
            torch.stack([state for (kind, _, _), state in states.items() if kind == letter])
            for letter in form.role
        ]
        whole = parts[0] if len(parts) == 1 else torch.stack(parts)
        return whole.transpose(0, 1).contiguous() if form.axes == "B1H" else whole
    return rebuild(form, [_in_one_axis(inner, states) for inner in form])


def _in_lists(form: Form, states: States) -> Any:
    """A list with what the plain module takes, for each layer and direction."""
    places = dict.fromkeys(key[1:] for key in states)
    return [
        fill(form, {kind: states[kind, *place] for kind in "hc" if (kind, *place) in states})
        for place in places
    ]


def _in_its_list(form: Form, states: States) -> Any:
    """Where the plain module takes a list of one, a list of as many."""
    if not isinstance(form, (list, tuple)) or len(form) != 1:
        raise TypeError("it takes no list of one state")
    return _in_lists(form[0], states)


def _path_of_y(form: Form, path: Path = ()) -> tuple[Path, str] | None:
    """Where the output lies in a return form, and in which layout."""
    if isinstance(form, Steps):
        return (path, form.each.axes) if form.each.role == "y" else None
    if isinstance(form, Slot):
        return (path, form.axes) if form.role == "y" else None
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(form, Mapping):
        inner = form.items()
    elif isinstance(form, (tuple, list)):
        inner = enumerate(form)
    return next((f for k, v in inner if (f := _path_of_y(v, (*path, k))) is not None), None)


def _numbered(
    own: Sequence[str], names: Sequence[str], layers: int, directions: int
) -> Iterator[dict[str, tuple[int, int, str]]]:
    """Places by the numbers in a stack's names, where these are the plain module's otherwise.

    Of two directions, either is a number too, or the other one has names of its own.
    """
    patterns = [_pattern(name) for name in names]
    if len(set(patterns)) < len(patterns):
        return
    groups: dict[str, list[str]] = {}
    for name in own:
        groups.setdefault(_pattern(name), []).append(name)
    for group in groups.values():
        group.sort(key=lambda name: [int(n) for n in re.findall(r"\d+", name)])
    others = [p for p in groups if p not in patterns]
    L, D = range(layers), range(directions)
    if set(groups) == set(patterns):
        orders = [[(n, d) for n in L for d in D], [(n, d) for d in D for n in L]]
        ways = [
            {p: (name, order) for p, name in zip(patterns, names, strict=True)}
            for order in (orders if directions > 1 else orders[:1])
        ]
    elif directions == 2 and len(others) == len(patterns) == len(groups) - len(others):
        ways = [
            {p: (n, [(k, 0) for k in L]) for p, n in zip(patterns, names, strict=True)}
            | {p: (n, [(k, 1) for k in L]) for p, n in zip(others, names, strict=True)}
        ]
    else:
        return
    for way in ways:
        if all(len(group) == len(way[p][1]) for p, group in groups.items()):
            yield {
                mine: (*place, way[p][0])
                for p, group in groups.items()
                for mine, place in zip(group, way[p][1], strict=True)
            }


def _pattern(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _orders(
    layers: int, directions: int, names: Sequence[str]
) -> Iterator[list[tuple[int, int, str]]]:
    """Orders in which a stack may hold its parameters, the likeliest first."""
    L, D = range(layers), range(directions)
    for back in (D, D[::-1]) if directions > 1 else (D,):
        yield [(layer, d, n) for layer in L for d in back for n in names]
        yield [(layer, d, n) for d in back for layer in L for n in names]
        yield [(layer, d, n) for n in names for layer in L for d in back]
        yield [(layer, d, n) for n in names for d in back for layer in L]
        yield [(layer, d, n) for layer in L for n in names for d in back]
        yield [(layer, d, n) for d in back for n in names for layer in L]
