"""Where a backward pass begins: dL/d of a module's own outputs, new ones for every timed call.

What comes from above is known to nobody before the call: else a forward pass could work the
gradients out in advance. It is the same for every sequence of a batch, so that a question, whose
sequences are asked in another order each time, looks like any other call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.conformance.reference import Cotangents, Trace
from lstm_bench.subject import Instance, Slot

Leaves = Sequence[tuple[Slot, Tensor]]

Cuts = Mapping[str, tuple[int, tuple[int, ...]]]
"""Where in one row y (1, T, K), h and c (1, H) begin, and their shapes."""


class Upstream:
    """Buffers like a module's outputs, and how canonical cotangents come to lie in them.

    They go through the transpose of the way in which the outputs are read. That nearly always
    only moves entries, evenly along a few axes: it is found once, with numbers for values, and is
    one copy with strides from then on (0 along the batch, whose sequences all get the same).
    """

    def __init__(
        self, instance: Instance, leaves: Leaves, batch: int, row: Tensor, cuts: Cuts
    ) -> None:
        """leaves: the module's own outputs. row: what comes from above, for one sequence."""
        self._instance, self._batch, self._cuts = instance, batch, cuts
        self._like = [(slot, tensor.detach()) for slot, tensor in leaves]
        self.parts: list[str] = []
        self.buffers = [torch.zeros(t.shape, dtype=t.dtype, device=t.device) for _, t in leaves]
        numbers = self._transposed(torch.arange(len(row), dtype=torch.float64) + 1)
        self._moves = [Even.found(found.cpu().long() - 1) for found in numbers]
        self.take(row)
        exact = self._transposed(row)
        if not all(torch.equal(b, e.to(b)) for b, e in zip(self.buffers, exact, strict=True)):
            self._moves = [None]
            self.take(row)

    def take(self, row: Tensor) -> None:
        """Put what comes from above into the buffers."""
        moves = [move for move in self._moves if move is not None]
        if len(moves) < len(self.buffers):
            for buffer, value in zip(self.buffers, self._transposed(row), strict=True):
                buffer.copy_(value)
            return
        for buffer, move in zip(self.buffers, moves, strict=True):
            row = row.to(buffer)
            buffer.view(move.sizes).copy_(move.of(row))

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


@dataclass(frozen=True)
class Even:
    """Places that go on evenly along each of a few axes, of any shape that the entries have."""

    begin: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, row: Tensor) -> Tensor:
        """The entries at these places, without moving them."""
        return row.as_strided(self.sizes, self.strides, row.storage_offset() + self.begin)

    @classmethod
    def found(cls, places: Tensor) -> Even | None:
        """Axis by axis, the fastest first; None where there are no such axes."""
        starts, axes = places.flatten(), list[tuple[int, int]]()
        while len(starts) > 1:
            step = int(starts[1] - starts[0])
            alike = starts == starts[0] + step * torch.arange(len(starts))
            size = len(starts) if bool(alike.all()) else int((~alike).nonzero()[0])
            if step < 0 or len(starts) % size:
                return None
            blocks = starts.view(-1, size)
            if not torch.equal(blocks, blocks[:, :1] + step * torch.arange(size)):
                return None
            axes.insert(0, (size, step))
            starts = blocks[:, 0]
        if len(starts) == 0 or starts[0] < 0:
            return None
        sizes, strides = zip(*axes, strict=True) if axes else ((1,), (1,))
        return cls(int(starts[0]), tuple(sizes), tuple(strides))
