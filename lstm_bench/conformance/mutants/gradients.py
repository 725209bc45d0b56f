"""Mistakes at both ends of the backward pass: what comes into it, and what is made of its result.

A cotangent may be ignored, doubled or swapped for another; a gradient may come out zero, doubled,
with the wrong sign, transposed, or under another's name.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.mutants.operands import GATES
from lstm_bench.conformance.mutants.recurrence import WORDS, Gradients, Mutant
from lstm_bench.conformance.problem import Results
from lstm_bench.conformance.reference import Cotangents

CLASS = "gradients"


# -- cotangents --------------------------------------------------------------------------------


def _blank(t: Tensor | None) -> Tensor | None:
    return None if t is None else torch.zeros_like(t)


def _times(t: Tensor | None, factor: float) -> Tensor | None:
    return None if t is None else t * factor


def _only_last(y: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(y[:, :-1]), y[:, -1:]], 1)


def _without_last(y: Tensor) -> Tensor:
    return torch.cat([y[:, :-1], torch.zeros_like(y[:, -1:])], 1)


_COTANGENTS: dict[str, tuple[str, Callable[[Cotangents], Cotangents]]] = {
    "y_ignored": (
        "the gradient that comes in through the outputs y is ignored",
        lambda c: replace(c, y=_blank(c.y)),
    ),
    "h_ignored": (
        "the gradient that comes in through the returned hidden state h_n is ignored",
        lambda c: replace(c, h=_blank(c.h)),
    ),
    "c_ignored": (
        "the gradient that comes in through the returned cell state c_n is ignored",
        lambda c: replace(c, c=_blank(c.c)),
    ),
    "states_ignored": (
        "the gradients that come in through the returned states h_n and c_n are ignored",
        lambda c: Cotangents(c.y, _blank(c.h), _blank(c.c)),
    ),
    "all_but_h_ignored": (
        "the gradients that come in through y and c_n are ignored: only that of h_n counts",
        lambda c: Cotangents(_blank(c.y), c.h, _blank(c.c)),
    ),
    "h_twice": (
        "the gradient that comes in through the returned hidden state h_n counts twice",
        lambda c: replace(c, h=_times(c.h, 2)),
    ),
    "c_twice": (
        "the gradient that comes in through the returned cell state c_n counts twice",
        lambda c: replace(c, c=_times(c.c, 2)),
    ),
    "y_twice": (
        "the gradient that comes in through the outputs y counts twice",
        lambda c: replace(c, y=_times(c.y, 2)),
    ),
    "y_last_only": (
        "only the last step's output passes on its gradient; those of earlier steps are ignored",
        lambda c: replace(c, y=None if c.y is None else _only_last(c.y)),
    ),
    "y_last_ignored": (
        "the gradient that comes in through the last step's output is ignored",
        lambda c: replace(c, y=None if c.y is None else _without_last(c.y)),
    ),
    "h_c_swapped": (
        "the gradients that come in through h_n and c_n are swapped",
        lambda c: Cotangents(c.y, c.c, c.h),
    ),
    "h_as_c": (
        "the gradient that comes in through h_n is used for the cell state c_n too",
        lambda c: Cotangents(c.y, c.h, c.h),
    ),
    "h_negated": (
        "the gradient that comes in through the returned hidden state h_n has the wrong sign",
        lambda c: replace(c, h=_times(c.h, -1)),
    ),
    "c_negated": (
        "the gradient that comes in through the returned cell state c_n has the wrong sign",
        lambda c: replace(c, c=_times(c.c, -1)),
    ),
}  # fmt: skip


def _cotangents() -> Iterator[Mutant]:
    for name, (words, change) in _COTANGENTS.items():
        yield Mutant(f"grad_cotangent_{name}", CLASS, words, cotangents=change)


# -- the gradients themselves ------------------------------------------------------------------

_CHANGES: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "zero": ("is zero or missing", torch.zeros_like),
    "doubled": ("is twice what it should be", lambda g: 2 * g),
    "halved": ("is half of what it should be", lambda g: g / 2),
    "negated": ("has the wrong sign", lambda g: -g),
}

_GROUPS: dict[str, tuple[str, str]] = {
    "x": ("the gradient of the input x", "x"),
    "h0": ("the gradient of the hidden state h0", "h0"),
    "c0": ("the gradient of the cell state c0", "c0"),
    "states": ("the gradient of the initial state, h0 and c0,", "h0 c0"),
    "leaves": ("the gradient of x, h0 and c0", "x h0 c0"),
    "W": ("the gradient of all weights over x", "W_i W_f W_o W_a"),
    "U": ("the gradient of all recurrent weights (over h)", "U_i U_f U_o U_a"),
    "b": ("the gradient of all biases", "b_i b_f b_o b_a"),
    "weights": (
        "the gradient of all weights, over x and over h,",
        "W_i W_f W_o W_a U_i U_f U_o U_a",
    ),
    "parameters": (
        "the gradient of all parameters",
        "W_i W_f W_o W_a U_i U_f U_o U_a b_i b_f b_o b_a",
    ),
    "everything": (
        "every gradient (of x, h0, c0 and all parameters)",
        "x h0 c0 W_i W_f W_o W_a U_i U_f U_o U_a b_i b_f b_o b_a W_h b_h",
    ),
    "head_weight": ("the gradient of the output layer's weight", "W_h"),
    "head_bias": ("the gradient of the output layer's bias", "b_h"),
}


def gradient_groups() -> dict[str, tuple[str, tuple[str, ...]]]:
    """What a wrong gradient can be the gradient of, in words, and the parts that it covers."""
    groups = {name: (words, tuple(parts.split())) for name, (words, parts) in _GROUPS.items()}
    kinds = (("W", "weights over x"), ("U", "recurrent weights (over h)"), ("b", "bias"))
    for gate in GATES:
        for letter, words in kinds:
            part = f"{letter}_{gate}"
            groups[part] = (f"the gradient of the {WORDS[gate]}'s {words}", (part,))
        groups[gate] = (
            f"the gradient of the {WORDS[gate]}'s parameters",
            tuple(f"{letter}_{gate}" for letter, _ in kinds),
        )
    return groups


def _altering(parts: Sequence[str], change: Callable[[Tensor], Tensor]) -> Callable[..., Gradients]:
    def alter(exact: Results, p: Parameters) -> Gradients:
        return {f"grad {n}": change(exact[f"grad {n}"]) for n in parts if f"grad {n}" in exact}

    return alter


def _altered() -> Iterator[Mutant]:
    groups = gradient_groups()
    for group, (whose, parts) in groups.items():
        for name, (words, change) in _CHANGES.items():
            alter = _altering(parts, change)
            yield Mutant(f"grad_{group}_{name}", CLASS, f"{whose} {words}", alter=alter)
    for group in ("U", "U_i", "U_f", "U_o", "U_a", "W"):
        whose, parts = groups[group]
        alter = _altering(parts, _turned)
        yield Mutant(f"grad_{group}_transposed", CLASS, f"{whose} is transposed", alter=alter)
    for first, second in itertools.combinations(GATES, 2):
        for letters, words in (
            ("WUb", "parameters"),
            ("W", "weights over x"),
            ("U", "recurrent weights"),
            ("b", "bias"),
        ):
            yield Mutant(
                f"grad_{first}_{second}_swapped_{letters}",
                CLASS,
                f"the gradients of the {words} of {WORDS[first]} and {WORDS[second]} are swapped",
                alter=_swapping([(f"{n}_{first}", f"{n}_{second}") for n in letters]),
            )
    yield Mutant(
        "grad_h0_c0_swapped",
        CLASS,
        "the gradients of h0 and c0 are swapped",
        alter=_swapping([("h0", "c0")]),
    )
    for name, words, change in (
        ("reversed", "comes in reverse order of time", lambda g: g.flip(1)),
        ("last_only", "is right for the last step only, and zero elsewhere", _only_last),
        ("first_only", "is right for the first step only, and zero elsewhere", _first_only),
        ("late", "comes one step of time too late", lambda g: g.roll(1, 1)),
        ("early", "comes one step of time too early", lambda g: g.roll(-1, 1)),
        ("batch_reversed", "comes in reverse order of the batch", lambda g: g.flip(0)),
        ("summed", "is summed over the batch", lambda g: g.sum(0, keepdim=True).expand_as(g)),
    ):  # fmt: skip
        alter = _altering(("x",), change)
        yield Mutant(f"grad_x_{name}", CLASS, f"the gradient of the input x {words}", alter=alter)


def _turned(g: Tensor) -> Tensor:
    return g.mT if g.shape[-1] == g.shape[-2] else g.mT.reshape(g.shape)


def _first_only(g: Tensor) -> Tensor:
    return torch.cat([g[:, :1], torch.zeros_like(g[:, 1:])], 1)


def _swapping(pairs: Sequence[tuple[str, str]]) -> Callable[..., Gradients]:
    def alter(exact: Results, p: Parameters) -> Gradients:
        found = {}
        for first, second in pairs:
            if f"grad {first}" in exact and f"grad {second}" in exact:
                found[f"grad {first}"] = exact[f"grad {second}"]
                found[f"grad {second}"] = exact[f"grad {first}"]
        return found

    return alter


MUTANTS = (*_cotangents(), *_altered())
