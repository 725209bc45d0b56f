"""An answer sheet: right answers laid out as a subject's results come, compared in one stroke.

Every entry of a result is compared, each part within its own limit. A sheet only says that all is
right; what is not, and whether rounding alone could have done it, the exam finds out
(:meth:`lstm_bench.measure.exam.Exam.mistake`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.measure.exam import BY_ROW, Asked, Exam, plain

TINY = 1e-30
"""The limit of a part whose right answer is zero throughout: nothing else is close to it."""


@dataclass(frozen=True)
class Layout:
    """How a result comes: so many entries in one row, and what of it is which canonical part.

    places: of each entry of the parts, one after the other, in that row; None where they are it.
    """

    parts: tuple[tuple[str, tuple[int, ...]], ...]
    count: int
    places: Tensor | None = None

    def canonical(self, row: Tensor) -> Tensor:
        """All parts one after the other."""
        return row if self.places is None else row.index_select(0, self.places)

    def named(self, row: Tensor) -> dict[str, Tensor]:
        """Part by part."""
        sizes = [math.prod(shape) for _, shape in self.parts]
        split = torch.split(self.canonical(row), sizes)
        return {name: t.view(shape) for (name, shape), t in zip(self.parts, split, strict=True)}

    def first(self, count: int, wanted: Collection[str]) -> Layout:
        """That of a result's first entries, which hold these parts and nothing else."""
        parts = tuple(part for part in self.parts if part[0] in wanted)
        entries = sum(math.prod(shape) for _, shape in parts)
        return Layout(parts, count, None if self.places is None else self.places[:entries])

    def moves_all(self) -> bool:
        """Whether every entry of the row is one of a part, and of one alone."""
        if self.places is None or len(self.places) != self.count:
            return False
        return bool((torch.bincount(self.places, minlength=self.count) == 1).all())


class Sheet:
    """The answers to an exam's questions, as one subject gives them in one pass."""

    def __init__(self, exam: Exam, asked: Asked, layout: Layout) -> None:
        self._layout = layout
        self._direct = layout.moves_all()
        self._answers = [exam.answer(n, asked) for n in range(len(exam.questions))]
        self._fits = all(
            plain(name) in self._answers[0] and self._answers[0][plain(name)].shape == shape
            for name, shape in layout.parts
        )
        self._rows: list[list[Tensor]] = []
        self._expected: list[Tensor] = []
        if self._fits:
            weights = [self._weights(answer, exam.limit()) for answer in self._answers]
            self._scales = [self._laid_out(self._full(w)) for w in weights]
            for answer, weight in zip(self._answers, weights, strict=True):
                self._add(answer, weight)
            self._work = torch.empty_like(self._scales[0])

    def right(self, number: int, order: Tensor, row: Tensor) -> bool:
        """Whether a question's rows, asked in this order, are answered so. row: the result."""
        if not self._fits or len(row) != self._layout.count:
            return False
        given = row if self._direct else self._layout.canonical(row)
        expected, scale = self._expected[number], self._scales[number]
        moved = [t.index_select(0, order).flatten() for t in self._rows[number]]
        if moved:
            expected.scatter_(0, self._moving, torch.cat(moved))
        torch.addcmul(expected, given.to(scale), scale, out=self._work)
        low, high = torch.aminmax(self._work)
        return bool(low >= -1) and bool(high <= 1)  # of NaN neither holds

    def _weights(self, answer: Mapping[str, Tensor], limit: float) -> list[float]:
        """Of each part, by how much a difference counts: 1 is what is just allowed."""
        largest = [
            float(torch.linalg.vector_norm(answer[plain(name)], math.inf))
            for name, _ in self._layout.parts
        ]
        return [1 / max(limit * scale, TINY) for scale in largest]

    def _full(self, weights: Sequence[float]) -> Tensor:
        dtype = self._answers[0][plain(self._layout.parts[0][0])].dtype
        return torch.cat(
            [torch.full((math.prod(shape),), w, dtype=dtype)
             for (_, shape), w in zip(self._layout.parts, weights, strict=True)]
        )  # fmt: skip

    def _add(self, answer: Mapping[str, Tensor], weights: Sequence[float]) -> None:
        """Negative and weighted, so that one multiplication and addition compares."""
        weighted = [
            (name, answer[plain(name)] * -weight)
            for (name, _), weight in zip(self._layout.parts, weights, strict=True)
        ]
        self._expected.append(self._laid_out(torch.cat([t.flatten() for _, t in weighted])))
        self._rows.append([t for name, t in weighted if name in BY_ROW])
        if len(self._rows) == 1:
            flags = torch.cat([torch.full((t.numel(),), n in BY_ROW) for n, t in weighted])
            canonical = flags.nonzero().flatten()
            places = self._layout.places
            self._moving = places[canonical] if self._direct and places is not None else canonical

    def _laid_out(self, canonical: Tensor) -> Tensor:
        """As results come, where those can be compared as they are."""
        places = self._layout.places
        if not self._direct or places is None:
            return canonical
        return torch.empty_like(canonical).scatter_(0, places, canonical)
