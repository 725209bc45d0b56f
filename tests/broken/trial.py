"""A defect and its intact host side by side, called in the way of their kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tests.broken.record import Sizes

CLOSE = 1e-9
State = tuple[Tensor, Tensor] | None
Result = tuple[Tensor, Tensor, Tensor]

TIME_FIRST = ("TimeFirstLSTM", "GateParameters", "HandBackwardLSTM")


@dataclass(frozen=True)
class Trial:
    """``subject`` is on trial, ``host`` is intact; x and states come in the host's own layout."""

    subject: nn.Module
    host: nn.Module
    kind: str
    sizes: Sizes
    dtype: torch.dtype = torch.float64
    draw: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(7))

    def normal(self, *shape: int) -> Tensor:
        """Float32 values, so that every dtype holds the same ones."""
        return torch.randn(*shape, generator=self.draw).to(self.dtype)

    def x(self, features: int | None = None) -> Tensor:
        T, B, I, _ = self.sizes
        lead = (B,) if self.kind == "StepCell" else (T, B) if self.kind in TIME_FIRST else (B, T)
        return self.normal(*lead, features or I)

    def state(self, rows: int | None = None, units: int | None = None) -> tuple[Tensor, Tensor]:
        _, B, _, H = self.sizes
        lead = (1,) if self.kind == "FusedLSTM" else ()
        shape = (*lead, rows or B, units or H)
        return self.normal(*shape), self.normal(*shape)

    def call(self, module: nn.Module, x: Tensor, state: State) -> Result:
        """y, h, c; of a cell, y is h."""
        if self.kind == "HandBackwardLSTM":
            return module(x, *(state or ()))
        if self.kind == "StepCell":
            h, c = module(x, state)
            return h, h, c
        y, (h, c) = module(x, state)
        return y, h, c


def differ(ours: Any, theirs: Any, close: float = CLOSE) -> bool:
    """Two results differ in a shape, in a value, or in where they are NaN."""
    return any(
        a.shape != b.shape
        or not torch.allclose(a.to(b.dtype), b, rtol=close, atol=close, equal_nan=True)
        for a, b in zip(ours, theirs, strict=True)
    )


def raises(call: Callable[[], Any]) -> bool:
    try:
        call()
    except Exception:
        return True
    return False
