"""Where a backward pass begins: dL/d of a module's own outputs, new ones for every timed call.

What comes from above is known to nobody before the call: else a forward pass could work the
gradients out in advance. It is the same for every sequence of a batch, so that a question, whose
sequences are asked in another order each time, looks like any other call.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lstm_bench.conformance.reference import Cotangents, Trace
from lstm_bench.subject import Instance, Slot

Leaves = Sequence[tuple[Slot, Tensor]]


class Upstream:
    """Buffers like a module's outputs, and how canonical cotangents come to lie in them.

    They go through the transpose of the way in which the outputs are read. That is nearly always
    a permutation, which is then found once, with numbers for values, and taken as one gather.
    """

    def __init__(self, instance: Instance, leaves: Leaves, batch: int, rows: Cotangents) -> None:
        """leaves: the module's own outputs. rows: what comes from above, for one sequence."""
        assert rows.y is not None
        self._instance, self._batch, self._steps = instance, batch, rows.y.shape[1]
        self._like = [(slot, tensor.detach()) for slot, tensor in leaves]
        self.parts: list[str] = []
        self.buffers = [torch.zeros(t.shape, dtype=t.dtype, device=t.device) for _, t in leaves]
        self._flat = [buffer.view(-1) for buffer in self.buffers]
        self._places: list[Tensor] | None = self._numbered(rows)
        self.take(rows)
        exact = self._transposed(rows)
        if not all(torch.equal(b, e.to(b)) for b, e in zip(self.buffers, exact, strict=True)):
            self._places = None
            self.take(rows)

    def take(self, rows: Cotangents) -> None:
        """Put what comes from above into the buffers. rows: y (1, T, K), h and c (1, H)."""
        with torch.no_grad():
            if self._places is None:
                for buffer, value in zip(self.buffers, self._transposed(rows), strict=True):
                    buffer.copy_(value)
                return
            flat = _in_one_row(rows)
            for buffer, place in zip(self._flat, self._places, strict=True):
                torch.index_select(flat.to(buffer), 0, place, out=buffer)

    def _numbered(self, rows: Cotangents) -> list[Tensor]:
        """For each entry of the buffers the place in one row that it is read from; 0: a zero."""
        numbers = torch.arange(len(_in_one_row(rows)), dtype=torch.float64)
        parts, begin = {}, 1
        for name, row in (("y", rows.y), ("h", rows.h), ("c", rows.c)):
            if row is not None:
                parts[name] = numbers[begin : begin + row.numel()].view(row.shape)
                begin += row.numel()
        return [found.long().flatten() for found in self._transposed(Cotangents(**parts))]

    @torch.enable_grad()
    def _transposed(self, rows: Cotangents) -> list[Tensor]:
        """The same by autograd, in the dtype of the rows."""
        assert rows.y is not None
        dtype = rows.y.dtype
        pairs = [(slot, t.to(dtype, copy=True).requires_grad_()) for slot, t in self._like]
        parts = self._instance.parts_of(pairs, self._batch, self._steps)
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


def _in_one_row(rows: Cotangents) -> Tensor:
    """A zero, and all values one after the other."""
    parts = [r.flatten() for r in (rows.y, rows.h, rows.c) if r is not None]
    return torch.cat([parts[0].new_zeros(1), *parts])
