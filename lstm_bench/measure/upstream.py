"""Where a backward pass begins: dL/d of a module's own outputs, new ones for every timed call.

What comes from above is known to nobody before the call: else a forward pass could work the
gradients out in advance. It is the same for every sequence of a batch, so that a question, whose
sequences are asked in another order each time, looks like any other call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lstm_bench.conformance.reference import Cotangents, Trace
from lstm_bench.subject import Instance, Slot

Leaves = Sequence[tuple[Slot, Tensor]]

Cuts = Mapping[str, tuple[int, tuple[int, ...]]]
"""Where in one row y (1, T, K), h and c (1, H) begin, and their shapes."""


class Upstream:
    """Buffers like a module's outputs, and how canonical cotangents come to lie in them.

    They go through the transpose of the way in which the outputs are read. That is nearly always
    a permutation, which is then found once, with numbers for values, and taken as one gather.
    """

    def __init__(
        self, instance: Instance, leaves: Leaves, batch: int, row: Tensor, cuts: Cuts
    ) -> None:
        """leaves: the module's own outputs. row: what comes from above, for one sequence."""
        self._instance, self._batch, self._cuts = instance, batch, cuts
        self._like = [(slot, tensor.detach()) for slot, tensor in leaves]
        self.parts: list[str] = []
        self.buffers = [torch.zeros(t.shape, dtype=t.dtype, device=t.device) for _, t in leaves]
        self._flat = [buffer.view(-1) for buffer in self.buffers]
        numbers = torch.arange(1, len(row) + 1, dtype=torch.float64)
        numbered = [found.long().flatten() for found in self._transposed(numbers)]
        self._places: list[Tensor] | None = [(n - 1).clamp(0) for n in numbered]
        self._used = [None if bool((n > 0).all()) else n > 0 for n in numbered]
        self.take(row)
        exact = self._transposed(row)
        if not all(torch.equal(b, e.to(b)) for b, e in zip(self.buffers, exact, strict=True)):
            self._places = None
            self.take(row)

    def take(self, row: Tensor) -> None:
        """Put what comes from above into the buffers."""
        if self._places is None:
            for buffer, value in zip(self.buffers, self._transposed(row), strict=True):
                buffer.copy_(value)
            return
        for buffer, place, used in zip(self._flat, self._places, self._used, strict=True):
            row = row.to(buffer)
            torch.index_select(row, 0, place, out=buffer)
            if used is not None:
                buffer.mul_(used)

    @torch.enable_grad()
    def _transposed(self, row: Tensor) -> list[Tensor]:
        """The same by autograd, in the dtype of the row."""
        rows = Cotangents(
            *(row[begin : begin + math.prod(shape)].view(shape)
              for begin, shape in (self._cuts[part] for part in "yhc"))
        )  # fmt: skip
        assert rows.y is not None
        pairs = [(slot, t.to(row.dtype, copy=True).requires_grad_()) for slot, t in self._like]
        parts = self._instance.parts_of(pairs, self._batch, rows.y.shape[1])
        trace = Trace(parts.get("y"), parts.get("h"), parts.get("c"))
        self.parts = sorted(trace.named())
        device = pairs[0][1].device
        y = None if trace.y is None else rows.y[:, -trace.y.shape[1] :]
        full = Cotangents(
            *(None if r is None else r.to(device).expand(self._batch, *r.shape[1:])
              for r in (y, rows.h, rows.c))
        )  # fmt: skip
        found = torch.autograd.grad(full.loss(trace), [t for _, t in pairs], allow_unused=True)
        return [
            torch.zeros_like(t) if g is None else g for (_, t), g in zip(pairs, found, strict=True)
        ]
