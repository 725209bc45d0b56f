"""Dropout between layers: where it acts, how often, and how what is left is scaled.

The second of two layers is given weights that make a window of it: its gates stand open, it forgets
everything, and each of its units shows one unit of what reaches it. So the mask can be read off the
output, entry by entry, and held against what the first layer gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.problem import draw
from lstm_bench.conformance.reference import run
from lstm_bench.subject import Subject
from lstm_bench.subject.construct import settings_of
from lstm_bench.subject.stacks import Asked, Assignment, Stacked

B, T, I, H = 64, 5, 5, 8  # noqa: E741
RATE = 0.25
CALLS = 3
OPEN = 40.0
"""A bias that leaves a gate open, or shut, to the last digit."""

NOTHING, ALIKE = 1e-9, 1e-4
"""Below is a zero that came through an almost shut gate; alike is what is so in float32."""

SIGMAS = 6.0
"""How far the share of dropped entries may be off: by chance in one of 5e8 calls."""


@dataclass(frozen=True)
class Act:
    """What dropout may do: of the layers' outputs, by what is left multiplied, how many dropped."""

    words: str
    between: float
    after: float
    dropped: float
    right: bool = False


KEPT = 1 - RATE
ACTS = (
    Act("", 1 / KEPT, 1.0, RATE, right=True),
    Act("the option has no effect in training", 1.0, 1.0, 0.0),
    Act(
        "what is left between the layers is not scaled by 1 / (1 - p): in evaluation mode it is "
        "another function", 1.0, 1.0, RATE,
    ),
    Act(
        "what is left between the layers is multiplied by 1 - p, not divided by it",
        KEPT, 1.0, RATE,
    ),
    Act("p is taken for the share that is kept, not for the share that is dropped",
        1 / RATE, 1.0, 1 - RATE),
    Act("dropout acts after the last layer too", 1 / KEPT, 1 / KEPT, 1 - KEPT**2),
    Act("dropout acts after the last layer, not between the layers", 1.0, 1 / KEPT, RATE),
)  # fmt: skip
"""The right one first."""


def option(subject: Subject, two: Asked) -> str | None:
    """The option of its constructor that makes two layers random in training alone."""
    for name, value in settings_of(subject.factory, subject.recipe).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
            continue
        try:
            stacked = Stacked(subject, two.having(**{name: RATE}), I, H)
            x = draw(I, H, 2, T, seed=5).x.to(subject.dtype)
            results = {mode: [_output(stacked, x, mode, n) for n in range(2)] for mode in (0, 1)}
        except Exception:  # it takes no such value
            continue
        if not torch.equal(*results[1]) and torch.equal(*results[0]):
            return name
    return None


def mistake(
    subject: Subject, asked: Asked, assignment: Assignment
) -> tuple[str | None, str | None]:
    """What is wrong with the dropout between two layers, and what is odd about it.

    assignment: of the parameters, as it is known of other sizes.
    """
    stacked = Stacked(subject, asked, I, H)
    same = (a for a in stacked.assignments() if a.named == assignment.named)
    first, second = draw(I, H, B, T, seed=7), _window(subject.dtype)
    loaded = stacked.load(
        next(same),
        {(0, 0): first.parameters.to(dtype=subject.dtype), (1, 0): second},
        {},
    )
    if not bool((loaded[1, 0].b[2] > OPEN / 2).all()):
        return None, "without biases, where its dropout acts is not judged"
    below = run(loaded[0, 0].to(dtype=torch.float64), first.x.to(subject.dtype).double()).y
    assert below is not None
    x = first.x.to(subject.dtype)
    given = [_output(stacked, x, 1, seed).double() for seed in range(CALLS)]
    shown = torch.stack(given)
    dropped = shown.abs() < NOTHING
    act = next((a for a in ACTS if _fits(a, shown, dropped, below)), None)
    if act is None:
        return (
            "in training, what the second layer reads is not the first layer's output with "
            "entries dropped and the others scaled"
        ), None
    if not act.right:
        return act.words, None
    return _spread(dropped)


def _window(dtype: torch.dtype) -> Parameters:
    """A layer whose unit u gives tanh(tanh(what reaches it in unit u)), at each step anew."""
    W = torch.zeros(4, H, H, dtype=dtype)
    W[3] = torch.eye(H)
    b = torch.tensor([OPEN, -OPEN, OPEN, 0.0], dtype=dtype)[:, None].expand(4, H).clone()
    return Parameters(W, torch.zeros(4, H, H, dtype=dtype), b)


def _output(stacked: Stacked, x: Tensor, training: int, seed: int) -> Tensor:
    stacked.module.train(bool(training))
    torch.manual_seed(seed)
    with torch.no_grad():
        return stacked.output(stacked.run(x), x.shape[0], T)[1].clone()


def _fits(act: Act, shown: Tensor, dropped: Tensor, below: Tensor) -> bool:
    """Whether what was not dropped has these values, in about such a share of all entries."""
    expected = act.after * torch.tanh(torch.tanh(act.between * below))
    off = float(((shown - expected) * ~dropped).abs().max())
    share = float(dropped.double().mean())
    near = min({a.dropped for a in ACTS}, key=lambda rate: abs(rate - share))
    return off < ALIKE and near == act.dropped


def _spread(dropped: Tensor) -> tuple[str | None, str | None]:
    """dropped: (CALLS, B, T, H). Over what the mask is one and the same, and how much it drops."""
    calls, rows, steps, units = (
        bool((dropped == dropped.narrow(dim, 0, 1)).all()) for dim in range(dropped.dim())
    )
    if calls:
        return "the same entries are dropped in every call", None
    if rows:
        return "the same units are dropped in every sequence of a batch", None
    if units:
        return "all units are dropped together", None
    drawn = dropped[:, :, 0] if steps else dropped
    share, slack = float(drawn.double().mean()), math.sqrt(RATE * KEPT / drawn.numel())
    if abs(share - RATE) > SIGMAS * slack:
        return f"it drops {share:.0%} of the entries where p is {RATE:.0%}", None
    return None, "one mask serves all steps (locked, or variational, dropout)" if steps else None
