"""Where an LSTM's weights are, found by reading its source.

Each maker here returns a function from a module to its :class:`Weights`, gates stacked in order
i f g o. It is differentiable in the module's own parameters: the reference, run with these
weights, yields the gradient that each parameter must get.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Weights:
    """w (4, H, I), u (4, H, H), b (4, H); head (K, H) and (K,); start a default state (1, H)."""

    w: Tensor
    u: Tensor
    b: Tensor
    head: tuple[Tensor, Tensor] | None = None
    start: tuple[Tensor, Tensor] | None = None


Find = Callable[[nn.Module], Weights]


def at(module: Any, name: str) -> Any:
    """The attribute at a dotted path; None where the last name is missing."""
    *path, last = name.split(".")
    return getattr(reduce(getattr, path, module), last, None)


def rows(matrix: Tensor, order: str) -> Tensor:
    """(4H, ...) with gates in this order, as (4, H, ...) in order i f g o."""
    block = dict(zip(order, matrix.chunk(4), strict=True))
    return torch.stack([block[gate] for gate in "ifgo"])


def interleaved(matrix: Tensor, order: str) -> Tensor:
    """(4H, ...) with the four gates of a unit side by side."""
    return rows(matrix.unflatten(0, (-1, 4)).transpose(0, 1).flatten(0, 1), order)


def total(parts: list[Tensor], like: Tensor, plus: float) -> Tensor:
    """The sum of the biases, or zeros; ``plus`` is a constant on the forget gate."""
    constant = like.new_tensor([0.0, plus, 0.0, 0.0])[:, None]
    return sum(parts, start=like.new_zeros(4, like.shape[1])) + constant


def fused(
    order: str,
    w: str,
    u: str,
    *biases: str,
    columns: bool = False,
    cut: Any = rows,
    plus: float = 0,
) -> Find:
    """Two fused matrices, (4H, K) or in ``columns`` (K, 4H), and any number of biases."""

    def find(module: nn.Module) -> Weights:
        x, h = (at(module, name) for name in (w, u))
        x, h = (cut(m.t() if columns else m, order) for m in (x, h))
        given = [at(module, name) for name in biases]
        b = [cut(bias.flatten(), order) for bias in given if bias is not None]
        return Weights(x, h, total(b, h[..., 0], plus))

    return find


def with_bias_in_w(order: str, w: str, u: str) -> Find:
    """Two fused matrices, (4H, I + 1) with the bias for a last column, and (4H, H)."""

    def find(module: nn.Module) -> Weights:
        x, h = (rows(at(module, name), order) for name in (w, u))
        return Weights(x[..., :-1], h, x[..., -1])

    return find


def joined(
    order: str, name: str, *bias: str, parts: str = "xh", columns: bool = False, plus: float = 0
) -> Find:
    """One matrix over x, h and perhaps a constant 1, in the order that ``parts`` says."""

    def find(module: nn.Module) -> Weights:
        matrix = at(module, name)
        matrix = rows(matrix.t() if columns else matrix, order)
        sizes = {"1": 1, "h": matrix.shape[1]}
        sizes["x"] = matrix.shape[2] - matrix.shape[1] - ("1" in parts)
        piece = dict(zip(parts, matrix.split([sizes[p] for p in parts], 2), strict=True))
        b = [rows(at(module, n).flatten(), order) for n in bias]
        b += [piece["1"].squeeze(2)] if "1" in parts else []
        return Weights(piece["x"], piece["h"], total(b, matrix[..., 0], plus))

    return find


def per_gate(
    names: str | tuple[str, ...],
    w: str,
    u: str,
    *biases: str,
    columns: bool = False,
    plus: float = 0,
) -> Find:
    """Patterns with ``{}`` for a gate; ``names`` are those of i, f, g and o."""

    def stack(module: nn.Module, pattern: str) -> Tensor:
        return torch.stack([at(module, pattern.format(name)) for name in names])

    def find(module: nn.Module) -> Weights:
        x, h = stack(module, w), stack(module, u)
        x, h = (x.mT, h.mT) if columns else (x, h)
        b = [stack(module, pattern).flatten(1) for pattern in biases]
        return Weights(x, h, total(b, h[..., 0], plus))

    return find


def per_gate_joined(names: tuple[str, ...], w: str, b: str, parts: str) -> Find:
    """One matrix over x and h for each gate."""

    def find(module: nn.Module) -> Weights:
        m = torch.stack([at(module, w.format(name)) for name in names])
        bias = torch.stack([at(module, b.format(name)).flatten() for name in names])
        hidden = m.shape[1]
        x, h = (m[..., :-hidden], m[..., -hidden:])
        if parts == "hx":
            h, x = m[..., :hidden], m[..., hidden:]
        return Weights(x, h, bias)

    return find


def stacked(order: str, w: str, u: str, b: str, columns: bool = False) -> Find:
    """Parameters that hold the four gates along their first axis."""

    def find(module: nn.Module) -> Weights:
        pick = [order.index(gate) for gate in "ifgo"]
        x, h, bias = (at(module, name)[pick] for name in (w, u, b))
        return Weights(x.mT if columns else x, h.mT if columns else h, bias.flatten(1))

    return find


def headed(find: Find, w: str, b: str, columns: bool = False) -> Find:
    """The same with an output layer."""

    def found(module: nn.Module) -> Weights:
        weight, bias = at(module, w), at(module, b)
        return replace(find(module), head=(weight.t() if columns else weight, bias.flatten()))

    return found


def started(find: Find) -> Find:
    """The same with a learned default state in h0 and c0."""
    return lambda module: replace(find(module), start=(module.h0, module.c0))


def triples(order: str) -> Find:
    """A ParameterList that starts with (W_x, W_h, b) of each gate, weights (I, H)."""

    def find(module: Any) -> Weights:
        start = [3 * order.index(gate) for gate in "ifgo"]
        w, u, b = (torch.stack([module.params[k + part] for k in start]) for part in range(3))
        return Weights(w.mT, u.mT, b)

    return find


def stacked_joined(module: Any) -> Weights:
    """HomemadeSigmoidLSTM: (4, H, I + H), gates f i g o, a constant 1 on the forget gate."""
    m, b = module.W[[1, 0, 2, 3]], module.b[[1, 0, 2, 3]]
    return Weights(m[..., : -m.shape[1]], m[..., -m.shape[1] :], total([b], m[..., 0], 1.0))


def flat(module: Any) -> Weights:
    """FlatLSTM: cut the vector up first."""
    w_x, w_h, b_x, b_h = (rows(piece, "ifgo") for piece in module.unpack())
    return Weights(w_x, w_h, b_x + b_h)
