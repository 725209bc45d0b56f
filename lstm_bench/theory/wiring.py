"""How the layers and directions of a stack are joined, and the ways in which that goes wrong.

A :class:`Wiring` says for each part of a stack where what it needs comes from. As it stands it is
right; each field of another value is a mistake, and has its sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from lstm_bench.theory.words.nouns import ORDINALS


@dataclass(frozen=True)
class Wiring:
    """Where what a layer, or the backward direction of one, needs comes from.

    since: the first layer (from 0 on) in which it is so.
    """

    weights: str = "own"
    starts: str = "own"
    reads: str = "below"
    carries: str = "own"
    depth: str = "whole"
    returns: str = "own"
    backward_weights: str = "own"
    backward_starts: str = "own"
    backward_time: str = "turned"
    backward_shows: str = "own end"
    backward_returns: str = "own"
    projects: str = "own"
    since: int = 0


RIGHT = Wiring()

OF_LAYERS: dict[str, dict[str, str]] = {
    "weights": {
        "first": "uses the first layer's weights instead of its own",
        "below": "uses the weights of the layer below instead of its own",
    },
    "starts": {
        "first": "starts from the state given for the first layer, not from its own",
        "last": "starts from the state given for the last layer, not from its own",
        "none": "starts from zeros, whatever state is given for it",
        "below's end": "starts from the state in which the layer below ended",
    },
    "reads": {
        "x": "reads the input x, not the output of the layer below",
        "first": "reads the first layer's output, not that of the layer below",
        "late": "reads what the layer below gave one step earlier",
        "last": "reads the last output of the layer below at every step",
        "skip": "reads the output of the layer below and that layer's input, added up: a residual "
        "connection between layers",
        "tanh": "reads the output of the layer below through tanh",
        "relu": "reads the output of the layer below through a ReLU",
        "sigmoid": "reads the output of the layer below through a sigmoid",
        "forward alone": "reads the forward direction of the layer below alone",
        "backward alone": "reads the backward direction of the layer below alone",
        "forward": "reads the forward direction of the layer below alone, with zeros for the other",
        "backward": "reads the backward direction of the layer below alone, with zeros for the "
        "other",
        "forward twice": "reads the forward direction of the layer below twice, never the backward",
        "exchanged": "reads the two directions of the layer below in exchanged order",
        "half": "reads half of the output of the layer below, with zeros for the rest",
        "turned": "reads the output of the layer below from the last step to the first",
        "cut": "cuts back-propagation: no gradient flows from it to the layer below",
    },
    "carries": {
        "h and c": "goes on at each step from the state of the layer below, not from its own",
        "h": "goes on at each step from the hidden state of the layer below, not from its own",
        "c": "goes on at each step from the cell state of the layer below, not from its own",
    },
}  # fmt: skip
"""Field → value → what a layer does wrong; who does it is said before."""

OF_ALL: dict[str, dict[str, str]] = {
    "starts": {
        "reversed": "the layers' states are taken in the reverse of the order in which they are "
        "returned"
    },
    "carries": {"shared": "all layers go on from one and the same state, which each overwrites"},
    "depth": {"short": "the last layer is not run"},
    "returns": {
        "last": "the last layer's state is returned for every layer",
        "first": "the first layer's state is returned for every layer",
    },
}
"""The same of the whole stack."""

OF_BACKWARD: dict[str, dict[str, str]] = {
    "backward_shows": {
        "last step": "of the backward direction, the output at the last step is returned, which "
        "has seen that step alone",
    },
    "backward_weights": {
        "forward": "both directions use the forward direction's weights",
        "exchanged": "each direction uses the other one's weights",
    },
    "backward_starts": {
        "forward": "the backward direction starts from the state given for the forward direction",
        "none": "the backward direction starts from zeros, whatever state is given for it",
        "exchanged": "each direction starts from the state that the other returns",
        "forward's end": "the backward direction starts from the state in which the forward "
        "direction ended",
    },
    "backward_time": {
        "left": "the backward direction's outputs are not turned back in time: its last output "
        "stands at the last step",
        "forward": "the backward direction reads the sequence from the first step to the last, "
        "like the forward one",
        "fed turned back": "the backward direction reads forward in time, and its outputs are "
        "turned",
    },
    "backward_returns": {
        "first": "the backward direction's returned state is that after its first step, at the "
        "end of the sequence",
        "forward": "the forward direction's state is returned for both directions",
        "exchanged": "each direction's state is returned as the other's",
    },
}
"""The same of directions."""


OF_PROJECTIONS: dict[str, dict[str, str]] = {
    "projects": {
        "squashed": "the projected hidden state goes through tanh",
        "cut": "no gradient flows through the projection of the hidden state",
    },
}
"""The same of hidden states that are projected to another width."""


@dataclass(frozen=True)
class Miswired:
    """A mistake: how it is wired, and what is wrong in a sentence, for so many layers."""

    wiring: Wiring
    layers: int

    @property
    def sentence(self) -> str:
        field, value = next(
            (f.name, getattr(self.wiring, f.name))
            for f in fields(Wiring)
            if f.name != "since" and getattr(self.wiring, f.name) != getattr(RIGHT, f.name)
        )
        of_any = OF_BACKWARD | OF_PROJECTIONS
        if field in of_any:
            since = self.wiring.since
            return of_any[field][value] + (f" (in {_from(since, self.layers)})" * (since > 0))
        if value in OF_ALL.get(field, {}):
            return OF_ALL[field][value]
        return f"{_from(self.wiring.since, self.layers)} {OF_LAYERS[field][value]}"


def _from(since: int, layers: int) -> str:
    """The layers from this one on, in words."""
    if since == layers - 1 > 0:
        return f"the {ORDINALS[since]} layer" if since < len(ORDINALS) else "the last layer"
    if since == 0:
        return "every layer"
    return "every layer after the first" if since == 1 else f"the layers from number {since + 1} on"


def miswired(layers: int, directions: int, *, projected: bool = False) -> Iterator[Miswired]:
    """Every mistake that so many layers and directions can show, the plainest first."""
    for field, values in OF_PROJECTIONS.items() if projected else ():
        yield from (Miswired(_wired(field, value), layers) for value in values)
    for field, values in OF_ALL.items() if layers > 1 else ():
        yield from (Miswired(_wired(field, value), layers) for value in values)
    for since in range(1, min(layers, 3)):
        for field, values in OF_LAYERS.items():
            yield from (Miswired(_wired(field, value, since), layers) for value in values)
    for since in range(min(layers, 2)) if directions > 1 else ():
        for field, values in OF_BACKWARD.items():
            yield from (Miswired(_wired(field, value, since), layers) for value in values)


def _wired(field: str, value: str, since: int = 0) -> Wiring:
    told: dict[str, Any] = {field: value, "since": since}
    return replace(RIGHT, **told)
