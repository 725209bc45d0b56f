"""Functions by name: of several nodes, of one, along an axis; and derivatives of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def product(*values: Tensor) -> Tensor:
    first, *rest = values
    for value in rest:
        first = first * value
    return first


def total(*values: Tensor) -> Tensor:
    first, *rest = values
    for value in rest:
        first = first + value
    return first


def _joined(x: Tensor, h: Tensor, *others: Tensor) -> Tensor:
    """What comes from x times what comes from h, and the rest."""
    return total(x * h, *others)


JOINS: dict[str, Callable[..., Tensor]] = {
    "sum": total,
    "product": product,
    "product of the first two": _joined,
    "mean": lambda *values: total(*values) / len(values),
    "weighed": lambda x, weights: x @ weights,
}
"""Functions of several nodes."""

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "nothing": lambda t: t,
    "hard sigmoid": F.hardsigmoid,
    "Keras 1's hard sigmoid": lambda t: (0.2 * t + 0.5).clamp(0, 1),
    "exp": torch.exp,
    "softplus": F.softplus,
    "softmax over the units": lambda t: t.softmax(-1),
    "softmax over the batch": lambda t: t.softmax(0),
    "1 - sigmoid": lambda t: (-t).sigmoid(),
    "sigmoid of sigmoid": lambda t: t.sigmoid().sigmoid(),
    "sigmoid of 2z": lambda t: (2 * t).sigmoid(),
    "sigmoid of tanh": lambda t: t.tanh().sigmoid(),
    "rounded sigmoid": lambda t: t.sigmoid().round(),
    "sigmoid squared": lambda t: t.sigmoid() ** 2,
    "root of sigmoid": lambda t: t.sigmoid().sqrt(),
    "leaky relu": F.leaky_relu,
    "hard tanh": F.hardtanh,
    "softsign": F.softsign,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "sin": torch.sin,
    "arctan": torch.atan,
    "-tanh": lambda t: -t.tanh(),
    "tanh of tanh": lambda t: t.tanh().tanh(),
    "tanh of z/2": lambda t: 2 * t.sigmoid() - 1,
    "LeCun's tanh": lambda t: 1.7159 * (t * 2 / 3).tanh(),
    "4 sigmoid - 2": lambda t: 4 * t.sigmoid() - 2,
    "normalising over the units": lambda t: F.layer_norm(t, t.shape[-1:]),
    "complement": lambda t: 1 - t,
    "nan_to_num": torch.nan_to_num,
    "exp(z) / (1 + exp(z))": lambda t: t.exp() / (1 + t.exp()),
    "tanh by exp(2z)": lambda t: ((2 * t).exp() - 1) / ((2 * t).exp() + 1),
}
"""Functions of one node, entry by entry for the most part."""

DERIVATIVES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "1": lambda z, s: torch.ones_like(s),
    "z (1 - z)": lambda z, s: z * (1 - z),
    "1 - z²": lambda z, s: 1 - z * z,
    "s (1 - s)": lambda z, s: s * (1 - s),
    "1 - s²": lambda z, s: 1 - s * s,
    "1 - s": lambda z, s: 1 - s,
    "s": lambda z, s: s,
    "s (1 + s)": lambda z, s: s * (1 + s),
    "1 + s²": lambda z, s: 1 + s * s,
    "1 - tanh(s)²": lambda z, s: 1 - s.tanh() ** 2,
}
"""Of what goes into a function (z) and what comes out (s)."""


def _late(t: Tensor, dim: int, first: Tensor) -> Tensor:
    return torch.cat([first, t.narrow(dim, 0, t.shape[dim] - 1)], dim)


def _normalised(t: Tensor, dim: int) -> Tensor:
    return (t - t.mean(dim, keepdim=True)) / (t.var(dim, False, True) + 1e-5).sqrt()


ALONG: dict[str, Callable[[Tensor, int], Tensor]] = {
    "reversed": lambda t, d: t.flip(d),
    "rolled": lambda t, d: t.roll(1, d),
    "rolled back": lambda t, d: t.roll(-1, d),
    "first for all": lambda t, d: t.narrow(d, 0, 1).expand_as(t),
    "last for all": lambda t, d: t.narrow(d, t.shape[d] - 1, 1).expand_as(t),
    "late": lambda t, d: _late(t, d, torch.zeros_like(t.narrow(d, 0, 1))),
    "late, the first twice": lambda t, d: _late(t, d, t.narrow(d, 0, 1)),
    "early, the last twice": lambda t, d: torch.cat(
        [t.narrow(d, 1, t.shape[d] - 1), t.narrow(d, t.shape[d] - 1, 1)], d
    ),
    "mean": lambda t, d: t.mean(d, keepdim=True).expand_as(t),
    "sum": lambda t, d: t.sum(d, keepdim=True).expand_as(t),
    "sum so far": torch.cumsum,
    "mean so far": lambda t, d: (
        t.cumsum(d) / torch.arange(1, t.shape[d] + 1).to(t).view(-1, *[1] * (t.dim() - d - 1))
    ),
    "centred": lambda t, d: t - t.mean(d, keepdim=True),
    "normalised": _normalised,
    "transposed": lambda t, d: t.reshape(t.shape[::-1]).mT,
    "viewed transposed": lambda t, d: t.mT.reshape(t.shape),
}
"""What can be done along an axis (dim), in the shape that was there."""

OVER: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda t: t.mean(0),
    "sum": lambda t: t.sum(0),
    "largest": lambda t: t.amax(0),
}
"""What can be made of all the steps' states."""

TYPES = {
    "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16,
}  # fmt: skip


def surrogate(value: Tensor, gradient_of: Tensor) -> Tensor:
    """``value`` going forward, the gradient of ``gradient_of`` going backward."""
    return value.detach() + gradient_of - gradient_of.detach()


class ClippedBack(torch.autograd.Function):
    """The identity, whose gradient is clipped."""

    @staticmethod
    def forward(ctx: Any, t: Tensor, limit: float) -> Tensor:
        ctx.limit = limit
        return t.clone()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        return g.clamp(-ctx.limit, ctx.limit), None


def function(name: str) -> Callable[..., Tensor]:
    """Of one node or of several."""
    return JOINS[name] if name in JOINS else FUNCTIONS[name]


def linearised(name: str, at: Sequence[Tensor], args: Sequence[Tensor]) -> Tensor:
    """Σ ∂f/∂a (at other values) · a: what the backward pass does whose formula reads those."""
    at = [t.detach() for t in at]
    if name == "product":
        terms = [
            product(a, *(other for k, other in enumerate(at) if k != number))
            for number, a in enumerate(args)
        ]
        return total(*terms)
    if name == "weighed":
        return args[0] @ at[1] + at[0] @ args[1]
    if name == "sum":
        return total(*args)
    (point,), (a,) = at, args
    with torch.enable_grad():
        point = point.clone().requires_grad_()
        (slope,) = torch.autograd.grad(FUNCTIONS[name](point).sum(), point)
    return slope * a
