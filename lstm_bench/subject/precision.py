"""In which precision a module really computes, whatever the dtype of what goes in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lstm_bench.subject.probe import H, I

NUDGE = {torch.float64: 1e-10, torch.float32: 1e-4}
"""Far above the rounding of its dtype (1e-16, 1e-7), far below that of the next lower one."""


def is_coarse(
    run: Callable[..., dict[str, Tensor]] | None, dtype: torch.dtype, *, takes_state: bool
) -> bool:
    """Whether results move in steps: what is smooth moves twice as far for twice the nudge.

    run(x (B, T, I), (h, c) or None) → parts. A wrong equation is smooth too, and is not coarse;
    so is an input that has no effect, however far it is moved.
    """
    if run is None:
        return False
    generator = torch.Generator().manual_seed(29)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    x, towards = normal(4, 2, I), normal(4, 2, I)
    state = (normal(4, H) / 2, normal(4, H)) if takes_state else None

    def results(distance: float) -> dict[str, Tensor]:
        copied: Any = None if state is None else (state[0].clone(), state[1].clone())
        with torch.no_grad():
            parts = run(x + distance * towards, copied)
        return {name: part.double().clone() for name, part in parts.items()}

    try:
        nudge = NUDGE[dtype]
        here, near, twice, far = (results(k) for k in (0.0, nudge, 2 * nudge, 0.5))
    except Exception:  # the checks say what raises
        return False
    return any(_in_steps(here[n], near[n], twice[n], far[n]) for n in here)


def _in_steps(here: Tensor, near: Tensor, twice: Tensor, far: Tensor) -> bool:
    """Of one part of the results: a rounded c moves in steps where h, by its gate, does not."""
    if not all(bool(r.isfinite().all()) for r in (here, near, twice, far)):
        return False
    if torch.equal(far, here):
        return False  # x has no effect on it at all
    moved, moved_twice = near - here, twice - here
    off = (moved_twice - 2 * moved).abs().max()
    return bool(off > 0.2 * moved_twice.abs().max()) or not bool(moved_twice.any())
