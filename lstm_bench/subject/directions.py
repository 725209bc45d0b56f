"""A bidirectional module, taken apart: each direction of time as a layer of its own.

Told by behaviour. Some features of the output move with inputs of later steps: they are the
backward direction's, the others the forward one's, and each parameter belongs to the direction
whose features move with it. With the axis of time turned round and only its own features shown,
a direction is called, mapped and judged like any other LSTM.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lstm_bench.subject import nudge
from lstm_bench.subject.construct import Recipe, recipes
from lstm_bench.subject.forms import signature_of
from lstm_bench.subject.probe import B, H, I, T, safely
from lstm_bench.subject.results import Leaf, Path, leaves_of
from lstm_bench.subject.tensors import learnable

Factory = Callable[[int, int], "OneDirection"]


@dataclass(frozen=True)
class Plan:
    """How to see one direction of a bidirectional module.

    features: its share of the output's 2 H. states: paths of its states in the result, and which
    of two along the first axis is meant (None where the tensor is its own). state: how a pair
    (h, c), each (2, B, H), is handed over; empty where none is taken.
    """

    recipe: Recipe
    factory: Any
    backward: bool
    batch_first: bool
    output: Path
    features: slice
    parameters: tuple[str, ...]
    states: tuple[tuple[Path, int | None], ...]
    state: tuple[str, ...]

    def build(self, input_size: int, hidden_size: int) -> OneDirection:
        """A direction of a fresh module, of any size."""
        whole = self.recipe.build(self.factory, input_size, hidden_size)
        kind = OneDirectionWithState if self.state else OneDirection
        return kind(whole, self)


@dataclass(frozen=True)
class Directions:
    """Both plans; whether their features lie one after the other, forward first."""

    forward: Plan
    backward: Plan
    interleaved: bool
    backward_first: bool
    shared: tuple[str, ...]
    """Parameters that both directions use, entry by entry."""
    halved: tuple[str, ...]
    """Parameters that hold both directions' weights beside one another."""

    @property
    def all_shared(self) -> bool:
        """Whether both directions run with the same weights throughout."""
        return set(self.shared) == {*self.forward.parameters, *self.backward.parameters}


class OneDirection(nn.Module):
    """One direction of a module that runs in both: x (B, T, I) → y (B, T, H), its states."""

    _whole: nn.Module
    _plan: Plan

    def __init__(self, whole: nn.Module, plan: Plan) -> None:
        super().__init__()
        # Not registered: what belongs to the other direction is not this one's to show.
        object.__setattr__(self, "_whole", whole)
        object.__setattr__(self, "_plan", plan)
        self._show()

    def _show(self) -> None:
        own = dict(self._whole.named_parameters())
        for name in self._plan.parameters:
            self._parameters[name] = own[name]  # by its own name, which may hold dots

    def _apply(self, function: Any, recurse: bool = True) -> OneDirection:
        self._whole._apply(function)  # type: ignore[no-untyped-call]
        self._show()
        return self

    def train(self, mode: bool = True) -> OneDirection:
        self._whole.train(mode)
        return super().train(mode)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        others = {n: t for n, t in self._whole.state_dict().items() if n not in self._parameters}
        whole = {**others, **state_dict}
        return self._whole.load_state_dict(whole, strict, assign)

    def forward(self, x: Tensor) -> Any:
        return self._run(x, None)

    def _run(self, x: Tensor, state: Any) -> Any:
        plan = self._plan
        x = x.flip(1) if plan.backward else x
        x = x if plan.batch_first else x.transpose(0, 1).contiguous()
        result = self._whole(x, **self._both(state))
        found = {leaf.path: leaf.tensor for leaf in leaves_of(result, 0)}
        y = found[plan.output]
        y = (y if plan.batch_first else y.transpose(0, 1))[..., self._own(y.shape[-1])]
        y = y.flip(1) if plan.backward else y
        states = [found[p] if k is None else found[p][k] for p, k in plan.states]
        return (y, tuple(states)) if states else y

    def _own(self, width: int) -> slice:
        features = self._plan.features
        if features.step == 2:
            return features
        return slice(0, width // 2) if features.start == 0 else slice(width // 2, width)

    def _both(self, state: Any) -> dict[str, Any]:
        """The state for both directions, where the other one's is zeros."""
        if state is None:
            return {}
        place = int(self._plan.backward)
        pair = [torch.stack([s, torch.zeros_like(s)][:: -1 if place else 1]) for s in state]
        names = self._plan.state
        return {names[0]: tuple(pair)} if len(names) == 1 else dict(zip(names, pair, strict=True))


class OneDirectionWithState(OneDirection):
    """The same of a module that takes a state."""

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> Any:
        return self._run(x, state)


def directions(factory: Any, kwargs: Mapping[str, Any]) -> Directions | None:
    """Both directions of what runs in both; None of anything else. Never raises."""
    for recipe in recipes(factory, kwargs):
        try:
            module = recipe.build(factory, I, H)
            if not isinstance(module, nn.Module):
                return None
            with safely():
                found = _taken_apart(module.eval(), recipe, factory)
        except Exception:  # a wrong guess may raise anything
            continue
        if found is not None:
            return found
    return None


def _taken_apart(module: nn.Module, recipe: Recipe, factory: Any) -> Directions | None:
    nudge.randomise(learnable(module), seed=3)
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(B, T, I, generator=generator)
    for batch_first in (True, False):

        def call(x: Tensor, batch_first: bool = batch_first, **state: Any) -> list[Leaf]:
            x = x if batch_first else x.transpose(0, 1)
            return list(leaves_of(module(x, **state), T))

        shape = (B, T, 2 * H) if batch_first else (T, B, 2 * H)
        outputs = [o for o in call(x) if tuple(o.tensor.shape) == shape and not o.steps]
        if not outputs or not _rows_apart(call, x, outputs[0].path, batch_first):
            continue
        backward = _seeing_the_future(call, x, outputs[0].path, batch_first)
        return _plans(module, recipe, factory, call, x, outputs[0].path, batch_first, backward)
    return None


def _output(leaves: list[Leaf], path: Path, batch_first: bool) -> Tensor:
    y = next(leaf.tensor for leaf in leaves if leaf.path == path)
    return y if batch_first else y.transpose(0, 1)


@torch.no_grad()
def _rows_apart(call: Any, x: Tensor, path: Path, batch_first: bool) -> bool:
    other = x.clone()
    other[3] += 1.0
    moved = _output(call(other), path, batch_first) - _output(call(x), path, batch_first)
    return bool(moved[3].any()) and not bool(moved[:3].any() or moved[4:].any())


@torch.no_grad()
def _seeing_the_future(call: Any, x: Tensor, path: Path, batch_first: bool) -> Tensor:
    """Which features of the first step move with the last step's input."""
    other = x.clone()
    other[:, -1] += 1.0
    moved = _output(call(other), path, batch_first) - _output(call(x), path, batch_first)
    return moved[:, 0].abs().amax(0) > 0


_LAYOUTS = {
    (False, False): (slice(0, H), slice(H, 2 * H)),
    (False, True): (slice(H, 2 * H), slice(0, H)),
    (True, False): (slice(0, None, 2), slice(1, None, 2)),
    (True, True): (slice(1, None, 2), slice(0, None, 2)),
}
"""(interleaved, backward first) → the features of the forward and of the backward direction."""


def _plans(
    module: nn.Module, recipe: Recipe, factory: Any, call: Any, x: Tensor, path: Path,
    batch_first: bool, backward: Tensor,
) -> Directions | None:  # fmt: skip
    fitting = [
        (order, places)
        for order, places in _LAYOUTS.items()
        if bool(backward[places[1]].all()) and not bool(backward[places[0]].any())
    ]
    if not fitting:
        return None  # deeper layers see both directions, or the two are added up
    (interleaved, backward_first), (ahead, back) = fitting[0]
    leaves = call(x)
    y = _output(leaves, path, batch_first)
    moved = [_moved_by(module, y[..., features]) for features in (ahead, back)]
    used = [list(part) for part in moved]
    taken = _way_to_hand_over(module, call, x, path, batch_first)
    plans = [
        Plan(
            recipe, factory, place == 1, batch_first, path, features, tuple(used[place]),
            tuple(_states_of(module, leaves, used, place)), taken,
        )
        for place, features in enumerate((ahead, back))
    ]  # fmt: skip
    in_both = [n for n in used[0] if n in used[1]]
    shared = tuple(n for n in in_both if bool((moved[0][n] & moved[1][n]).any()))
    halved = tuple(n for n in in_both if n not in shared)
    return Directions(plans[0], plans[1], interleaved, backward_first, shared, halved)


def _moved_by(module: nn.Module, part: Tensor) -> dict[str, Tensor]:
    """Which parameters, and which of their entries, a part of the results moves with."""
    named = {n: p for n, p in module.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(
        part.sum(), list(named.values()), allow_unused=True, retain_graph=True
    )
    seen = {n: g != 0 for n, g in zip(named, found, strict=True) if g is not None}
    return {n: entries for n, entries in seen.items() if bool(entries.any())}


def _states_of(
    module: nn.Module, leaves: list[Leaf], used: list[list[str]], place: int
) -> Iterator[tuple[Path, int | None]]:
    """Where a direction's states are: by what they depend on; both in one tensor, by order."""
    for leaf in leaves:
        shape = tuple(leaf.tensor.shape)
        if shape == (2, B, H):
            yield leaf.path, place
        elif shape in ((B, H), (1, B, H)):
            own = _moved_by(module, leaf.tensor)
            if own and set(own) <= set(used[place]):
                yield leaf.path, None


def _way_to_hand_over(
    module: nn.Module, call: Any, x: Tensor, path: Path, batch_first: bool
) -> tuple[str, ...]:
    """Names of the arguments that take a state for both directions, h and c each (2, B, H)."""
    generator = torch.Generator().manual_seed(6)
    h, c = torch.randn(2, 2, B, H, generator=generator)
    plain = _output(call(x), path, batch_first)
    others = signature_of(module).others
    ways = [(n,) for n in others] + [(a, b) for a, b in itertools.pairwise(others)]
    for way in ways:
        state = {way[0]: (h, c)} if len(way) == 1 else dict(zip(way, (h, c), strict=True))
        try:
            given = _output(call(x, **state), path, batch_first)
        except Exception:  # a wrong guess may raise anything
            continue
        if given.shape == plain.shape and not torch.equal(given, plain):
            return way
    return ()
