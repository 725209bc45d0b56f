"""An answer sheet: right answers laid out as a subject's results come, compared in one stroke.

Every entry of a result is compared, each part within its own limit. A sheet only says that all is
right; what is not, and whether rounding alone could have done it, the exam finds out
(:meth:`lstm_bench.measure.exam.Exam.mistake`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.measure.exam import BY_ROW, Asked, Exam, plain

TINY = 1e-30
"""The limit of a part whose right answer is zero throughout: nothing else is close to it."""

FEW = 8
"""As many slices, of which each lies regularly, are compared one by one: there are four gates."""


@dataclass(frozen=True)
class Layout:
    """How a result comes: so many entries in one row, and what of it is which canonical part.

    places: of each entry of the parts, one after the other, in that row; None where they are it.
    """

    parts: tuple[tuple[str, tuple[int, ...]], ...]
    count: int
    places: Tensor | None = None

    def named(self, row: Tensor) -> dict[str, Tensor]:
        """Part by part."""
        canonical = row if self.places is None else row.index_select(0, self.places)
        return dict(self._split(canonical))

    def places_of(self) -> dict[str, Tensor]:
        """Of every part, in its shape, where its entries are in the row."""
        whole = torch.arange(self.count) if self.places is None else self.places
        return dict(self._split(whole))

    def _split(self, canonical: Tensor) -> Iterator[tuple[str, Tensor]]:
        sizes = [math.prod(shape) for _, shape in self.parts]
        for (name, shape), flat in zip(self.parts, torch.split(canonical, sizes), strict=True):
            yield name, flat.view(shape)

    def first(self, count: int, wanted: Collection[str]) -> Layout:
        """That of a result's first entries, which hold these parts and nothing else."""
        parts = tuple(part for part in self.parts if part[0] in wanted)
        entries = sum(math.prod(shape) for _, shape in parts)
        return Layout(parts, count, None if self.places is None else self.places[:entries])


class Sheet:
    """The answers to an exam's questions, as one subject gives them in one pass."""

    def __init__(self, exam: Exam, asked: Asked, layout: Layout) -> None:
        answers = [exam.answer(n, asked) for n in range(len(exam.questions))]
        self._count = layout.count
        self._fits = all(
            plain(name) in answers[0] and answers[0][plain(name)].shape == shape
            for name, shape in layout.parts
        )
        self._pieces: list[Piece] = []
        if self._fits:
            for name, places in layout.places_of().items():
                rights = [answer[plain(name)] for answer in answers]
                limits = [max(exam.limit() * _largest(right), TINY) for right in rights]
                self._pieces += _pieces(places, rights, limits, by_row=name in BY_ROW)
            dtype = next(iter(answers[0].values())).dtype
            sizes = [math.prod(piece.shape) for piece in self._pieces]
            self._work = torch.empty(max(sizes, default=0), dtype=dtype)

    def right(self, number: int, order: Tensor, row: Tensor) -> bool:
        """Whether a question's rows, asked in this order, are answered so. row: the result."""
        if not self._fits or len(row) != self._count:
            return False
        return all(piece.right(number, order, row, self._work) for piece in self._pieces)


@dataclass(frozen=True)
class Piece:
    """Right answers in the order in which a part of a result, or one gate of it, lies in the row.

    begin, strides: where; or index, where it does not lie regularly. by_row: the dimension over
    sequences, whose order is another for each question asked. rights, limits: one a question.
    """

    shape: tuple[int, ...]
    begin: int
    strides: tuple[int, ...]
    index: Tensor | None
    by_row: int | None
    rights: tuple[Tensor, ...]
    limits: tuple[float, ...]

    def right(self, number: int, order: Tensor, row: Tensor, work: Tensor) -> bool:
        """Whether all is within the limit: of NaN nothing is. work: room for the differences."""
        if self.index is None:
            given = row.as_strided(self.shape, self.strides, row.storage_offset() + self.begin)
        else:
            given = row.index_select(0, self.index).view(self.shape)
        expected, limit = self.rights[number], self.limits[number]
        off = work[: given.numel()].view(self.shape)
        if self.by_row is None:
            torch.sub(expected, given, out=off)
        else:
            torch.index_select(expected, self.by_row, order, out=off).sub_(given)
        low, high = torch.aminmax(off)
        return bool(low >= -limit) and bool(high <= limit)


def _pieces(
    places: Tensor, rights: Sequence[Tensor], limits: Sequence[float], *, by_row: bool
) -> Iterator[Piece]:
    """One, or as many as there are gates, where each of these lies regularly by itself."""
    if places.numel() == 0:
        return
    strides = _strides(places)
    if strides is None and not by_row and 1 < len(places) <= FEW:
        for k, some in enumerate(places):
            yield from _pieces(some, [right[k] for right in rights], limits, by_row=False)
        return
    index = places.flatten() if strides is None else None
    found = places.stride() if strides is None else strides
    order = sorted(range(places.dim()), key=lambda d: -found[d])  # as they follow one another
    yield Piece(
        shape=tuple(places.shape[d] for d in order),
        begin=int(places.flatten()[0]),
        strides=tuple(found[d] for d in order),
        index=index,
        by_row=order.index(0) if by_row else None,
        rights=tuple(right.permute(order).contiguous() for right in rights),
        limits=tuple(limits),
    )


def _strides(places: Tensor) -> tuple[int, ...] | None:
    """Of entries that lie at even distances in every dimension; None of others."""
    found, regular = [], places.flatten()[0]
    for dim, size in enumerate(places.shape):
        line = places[tuple(slice(None) if d == dim else 0 for d in range(places.dim()))]
        found.append(int(line[1] - line[0]) if size > 1 else 1)
        along = torch.arange(size) * found[-1]
        regular = regular + along.view(-1, *[1] * (places.dim() - dim - 1))
    return tuple(found) if min(found, default=1) > 0 and torch.equal(regular, places) else None


def _largest(tensor: Tensor) -> float:
    return float(torch.linalg.vector_norm(tensor, math.inf)) if tensor.numel() else 0.0
