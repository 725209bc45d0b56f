"""Wrong derivatives: the values are right, a formula of the backward pass is not.

What hand-written backward passes get wrong: the derivative of a squashing function, or which
factor of a product stands in the gradient of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from lstm_bench.conformance.mutants.backward import backward_mutant
from lstm_bench.conformance.mutants.operands import GATES
from lstm_bench.conformance.mutants.recurrence import (
    WORDS,
    Mutant,
    Squash,
    Step,
    change_gate,
    surrogate,
)


def _bent(function: Squash, derivative: Callable[[Tensor, Tensor], Tensor]) -> Squash:
    """``function`` whose derivative is taken to be ``derivative(z, value)``."""

    def squash(z: Tensor) -> Tensor:
        value = function(z)
        return surrogate(value, z * derivative(z, value).detach())

    return squash


_WRONG_DERIVATIVES: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "missing": ("is missing in the backward pass", lambda z, s: torch.ones_like(s)),
    "of_z": (
        "is computed from what goes in instead of what comes out",
        lambda z, s: z * (1 - z),
    ),
    "of_tanh": ("is that of tanh, 1 - s², instead of s (1 - s)", lambda z, s: 1 - s * s),
    "without_value": ("is 1 - s instead of s (1 - s)", lambda z, s: 1 - s),
    "without_complement": ("is s instead of s (1 - s)", lambda z, s: s),
    "plus": ("is s (1 + s) instead of s (1 - s)", lambda z, s: s * (1 + s)),
}

_WRONG_TANH: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "missing": ("is missing in the backward pass", lambda z, s: torch.ones_like(s)),
    "of_z": (
        "is 1 - z², computed from what goes in instead of what comes out",
        lambda z, s: 1 - z * z,
    ),
    "of_sigmoid": ("is that of a sigmoid, s (1 - s), instead of 1 - s²", lambda z, s: s * (1 - s)),
    "not_squared": ("is 1 - s instead of 1 - s²", lambda z, s: 1 - s),
    "plus": ("is 1 + s² instead of 1 - s²", lambda z, s: 1 + s * s),
    "twice": (
        "is that of tanh of tanh: the tanh is applied once more in the backward pass",
        lambda z, s: 1 - s.tanh() ** 2,
    ),
}


def _derivatives() -> Iterator[Mutant]:
    for gate in "ifo":
        for name, (words, derivative) in _WRONG_DERIVATIVES.items():
            yield backward_mutant(
                f"{gate}_derivative_{name}",
                f"the derivative of the {WORDS[gate]}'s sigmoid {words}",
                squash=change_gate(gate, _bent(torch.sigmoid, derivative)),
            )
    for name, (words, derivative) in _WRONG_DERIVATIVES.items():
        each = _bent(torch.sigmoid, derivative)
        yield backward_mutant(
            f"ifo_derivative_{name}",
            f"the derivative of the sigmoids (input, forget and output gate) {words}",
            squash=(each, each, each, torch.tanh),
        )
    for name, (words, derivative) in _WRONG_TANH.items():
        yield backward_mutant(
            f"a_derivative_{name}",
            f"the derivative of the candidate's tanh {words}",
            squash=change_gate("a", _bent(torch.tanh, derivative)),
        )
        function = _bent(torch.tanh, derivative)
        yield backward_mutant(
            f"cell_tanh_derivative_{name}",
            f"the derivative of tanh(c), from hidden state to cell state, {words}",
            hidden=_hidden_with(function),
        )
    for gate in GATES:
        function = torch.tanh if gate == "a" else torch.sigmoid
        yield backward_mutant(
            f"through_{gate}_detached",
            f"no gradient flows through the {WORDS[gate]}: it is detached",
            squash=change_gate(gate, _detaching(function)),
        )
        yield backward_mutant(
            f"through_{gate}_negated",
            f"the gradient through the {WORDS[gate]} has the wrong sign",
            squash=change_gate(gate, _scaled(function, -1.0)),
        )
        yield backward_mutant(
            f"through_{gate}_doubled",
            f"the gradient through the {WORDS[gate]} counts twice",
            squash=change_gate(gate, _scaled(function, 2.0)),
        )
        yield backward_mutant(
            f"through_{gate}_halved",
            f"the gradient through the {WORDS[gate]} counts half",
            squash=change_gate(gate, _scaled(function, 0.5)),
        )


def _hidden_with(function: Squash) -> Callable[[Step], Tensor]:
    return lambda s: s.o * function(s.new_c)


def _detaching(function: Squash) -> Squash:
    return lambda z: function(z).detach()


def _scaled(function: Squash, factor: float) -> Squash:
    return lambda z: surrogate(function(z), factor * function(z))


def _product(left: Tensor, right: Tensor, d_left: Tensor, d_right: Tensor) -> Tensor:
    """Left · right, whose derivatives are taken to be d_left and d_right."""
    return surrogate(left * right, left * d_left.detach() + right * d_right.detach())


_PRODUCTS: dict[str, tuple[str, Callable[[Step], Tensor]]] = {
    "df_new_c": (
        "the gradient of the forget gate uses the new cell state instead of the old one",
        lambda s: _product(s.f, s.c, s.f * s.c + s.i * s.a, s.f) + s.i * s.a,
    ),
    "df_tanh_c": (
        "the gradient of the forget gate uses tanh(c) instead of the old cell state",
        lambda s: _product(s.f, s.c, s.c.tanh(), s.f) + s.i * s.a,
    ),
    "df_h": (
        "the gradient of the forget gate uses the hidden state instead of the old cell state",
        lambda s: _product(s.f, s.c, s.h, s.f) + s.i * s.a,
    ),
    "df_a": (
        "the gradient of the forget gate uses the candidate instead of the old cell state",
        lambda s: _product(s.f, s.c, s.a, s.f) + s.i * s.a,
    ),
    "dc_without_f": (
        "the forget gate is missing in the gradient of the old cell state",
        lambda s: _product(s.f, s.c, s.c, torch.ones_like(s.f)) + s.i * s.a,
    ),
    "dc_with_i": (
        "the gradient of the old cell state uses the input gate instead of the forget gate",
        lambda s: _product(s.f, s.c, s.c, s.i) + s.i * s.a,
    ),
    "dc_with_o": (
        "the gradient of the old cell state uses the output gate instead of the forget gate",
        lambda s: _product(s.f, s.c, s.c, s.o) + s.i * s.a,
    ),
    "di_with_c": (
        "the gradient of the input gate uses the old cell state instead of the candidate",
        lambda s: s.f * s.c + _product(s.i, s.a, s.c, s.i),
    ),
    "di_with_i": (
        "the gradient of the input gate uses the input gate instead of the candidate",
        lambda s: s.f * s.c + _product(s.i, s.a, s.i, s.i),
    ),
    "di_without_a": (
        "the candidate is missing in the gradient of the input gate",
        lambda s: s.f * s.c + _product(s.i, s.a, torch.ones_like(s.i), s.i),
    ),
    "da_with_a": (
        "the gradient of the candidate uses the candidate instead of the input gate",
        lambda s: s.f * s.c + _product(s.i, s.a, s.a, s.a),
    ),
    "da_with_f": (
        "the gradient of the candidate uses the forget gate instead of the input gate",
        lambda s: s.f * s.c + _product(s.i, s.a, s.a, s.f),
    ),
    "da_without_i": (
        "the input gate is missing in the gradient of the candidate",
        lambda s: s.f * s.c + _product(s.i, s.a, s.a, torch.ones_like(s.i)),
    ),
}

_HIDDEN_PRODUCTS: dict[str, tuple[str, Callable[[Step], Tensor]]] = {
    "do_with_c": (
        "the gradient of the output gate uses the cell state c instead of tanh(c)",
        lambda s: _product(s.o, s.new_c.tanh(), s.new_c, s.o),
    ),
    "do_with_old_c": (
        "the gradient of the output gate uses the old cell state instead of the new one",
        lambda s: _product(s.o, s.new_c.tanh(), s.c.tanh(), s.o),
    ),
    "do_with_h": (
        "the gradient of the output gate uses the hidden state instead of tanh(c)",
        lambda s: _product(s.o, s.new_c.tanh(), s.o * s.new_c.tanh(), s.o),
    ),
    "do_without": (
        "tanh(c) is missing in the gradient of the output gate",
        lambda s: _product(s.o, s.new_c.tanh(), torch.ones_like(s.o), s.o),
    ),
    "dc_without_o": (
        "the output gate is missing in the gradient from hidden state to cell state",
        lambda s: _product(s.o, s.new_c.tanh(), s.new_c.tanh(), torch.ones_like(s.o)),
    ),
    "dc_with_i": (
        "the gradient from hidden state to cell state uses i instead of the output gate",
        lambda s: _product(s.o, s.new_c.tanh(), s.new_c.tanh(), s.i),
    ),
    "dc_of_h": (
        "the derivative of tanh(c), from hidden to cell state, is 1 - h² instead of 1 - tanh(c)²",
        lambda s: surrogate(
            s.o * s.new_c.tanh(),
            s.o * s.new_c.tanh().detach()
            + s.new_c * (s.o * (1 - (s.o * s.new_c.tanh()) ** 2)).detach(),
        ),
    ),
    "dc_of_old_c": (
        "the derivative of tanh(c), from hidden to cell state, is taken at the old cell state",
        lambda s: surrogate(
            s.o * s.new_c.tanh(),
            s.o * s.new_c.tanh().detach() + s.new_c * (s.o * (1 - s.c.tanh() ** 2)).detach(),
        ),
    ),
}  # fmt: skip


def _products() -> Iterator[Mutant]:
    for name, (words, cell) in _PRODUCTS.items():
        yield backward_mutant(name, words, cell=cell)
    for name, (words, hidden) in _HIDDEN_PRODUCTS.items():
        yield backward_mutant(f"hidden_{name}", words, hidden=hidden)


MUTANTS = (*_derivatives(), *_products())
