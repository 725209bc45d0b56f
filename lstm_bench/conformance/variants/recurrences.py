"""Recurrences other than the plain LSTM, each as one step over its blocks.

z(j, h) is what goes into block j: x X_j + h U_j + biases; zx and zh are its two halves. What
role each block plays is tried in every order, so no gate order need be known.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.conformance.variants.blocks import Blocks, biases_by_side


class Operands:
    """What goes into each block, for inputs x (B, I)."""

    def __init__(self, blocks: Blocks, x: Tensor) -> None:
        over_x, self.over_h = biases_by_side(blocks)
        self.U = [block.value for block in blocks.h]
        self.zx = [x @ b.value + bias for b, bias in zip(blocks.x, over_x, strict=True)]

    def zh(self, j: int, h: Tensor) -> Tensor:
        return h @ self.U[j] + self.over_h[j]

    def z(self, j: int, h: Tensor) -> Tensor:
        return self.zx[j] + self.zh(j, h)


Step = Callable[[Operands, tuple[int, ...], Tensor, Tensor], tuple[Tensor, Tensor | None]]


@dataclass(frozen=True)
class Known:
    """A recurrence by name. roles: what its blocks are called; step(z, order, h, c) → h, c."""

    sentence: str
    roles: str
    step: Step


def _rnn(squash: Callable[[Tensor], Tensor]) -> Step:
    return lambda z, k, h, c: (squash(z.z(k[0], h)), None)


def _gru(after: bool, keeps: bool) -> Step:
    """after: the reset gate acts on the product. keeps: z keeps the old state, or takes the new."""

    def step(z: Operands, k: tuple[int, ...], h: Tensor, c: Tensor) -> tuple[Tensor, Tensor | None]:
        r, u = z.z(k[0], h).sigmoid(), z.z(k[1], h).sigmoid()
        inner = r * z.zh(k[2], h) if after else z.zh(k[2], r * h)
        n = (z.zx[k[2]] + inner).tanh()
        return ((1 - u) * n + u * h if keeps else (1 - u) * h + u * n), None

    return step


def _mgu(keeps: bool, after: bool) -> Step:
    def step(z: Operands, k: tuple[int, ...], h: Tensor, c: Tensor) -> tuple[Tensor, Tensor | None]:
        f = z.z(k[0], h).sigmoid()
        n = (z.zx[k[1]] + (f * z.zh(k[1], h) if after else z.zh(k[1], f * h))).tanh()
        return ((1 - f) * n + f * h if keeps else (1 - f) * h + f * n), None

    return step


def _janet(z: Operands, k: tuple[int, ...], h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    f, n = z.z(k[0], h).sigmoid(), z.z(k[1], h).tanh()
    c = f * c + (1 - f) * n
    return c, c


def _three(rule: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> Step:
    """Two states and three blocks: two gates and a candidate, combined by a rule."""

    def step(z: Operands, k: tuple[int, ...], h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        p, q = z.z(k[0], h).sigmoid(), z.z(k[1], h).sigmoid()
        return rule(p, q, z.z(k[2], h).tanh(), c)

    return step


def _with(o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    return o * c.tanh(), c


_SINGLE_KEPT = {True: "z keeps the old state", False: "z takes the new state"}

KNOWN: tuple[Known, ...] = (
    Known("a plain (Elman) RNN without gates: h = tanh(W x + U h + b)", "a", _rnn(torch.tanh)),
    Known("a plain (Elman) RNN without gates: h = relu(W x + U h + b)", "a", _rnn(torch.relu)),
    *(
        Known(
            "a GRU (gated recurrent unit), one state h and the gates r and z: the reset gate acts "
            f"{'after' if after else 'before'} the product with U, {_SINGLE_KEPT[keeps]}",
            "rzn",
            _gru(after, keeps),
        )
        for after in (True, False)
        for keeps in (True, False)
    ),
    *(
        Known(
            "a minimal gated unit (MGU): one state h, one gate that forgets and resets",
            "fn",
            _mgu(keeps, after),
        )
        for keeps in (True, False)
        for after in (True, False)
    ),
    Known("JANET, an LSTM with a forget gate alone: c = f c + (1 - f) a, h = c", "fa", _janet),
    Known(
        "an LSTM with coupled input and forget gate: f = 1 - i, so three gates' parameters",
        "ioa",
        _three(lambda i, o, a, c: _with(o, (1 - i) * c + i * a)),
    ),
    Known(
        "an LSTM with coupled input and forget gate: i = 1 - f, so three gates' parameters",
        "foa",
        _three(lambda f, o, a, c: _with(o, f * c + (1 - f) * a)),
    ),
    Known(
        "an LSTM without a forget gate, as of 1997: c = c + i a",
        "ioa",
        _three(lambda i, o, a, c: _with(o, c + i * a)),
    ),
    Known(
        "an LSTM without an input gate: c = f c + a",
        "foa",
        _three(lambda f, o, a, c: _with(o, f * c + a)),
    ),
    Known(
        "an LSTM without an output gate: h = tanh(c)",
        "ifa",
        _three(lambda i, f, a, c: ((f * c + i * a).tanh(), f * c + i * a)),
    ),
)


def candidates(blocks: int) -> Iterator[tuple[Known, tuple[int, ...]]]:
    """The known recurrences with this many blocks, in every order of the blocks."""
    for known in KNOWN:
        if len(known.roles) == blocks:
            for order in itertools.permutations(range(blocks)):
                yield known, order
