"""How a call is told which steps of each sequence count: by lengths, by a mask, or in x itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_bench.subject import axes as layout
from lstm_bench.theory.marks import Marks

MEANINGS = ("counts", "padding", "anew", "goes on")
"""What a one in a mask may say of its step: it is valid, or is padding; the state starts anew
before it, or does not."""


@dataclass(frozen=True)
class Spelling:
    """kind: "lengths" in a tensor, "list" of lengths, "mask", or "packed", which stands for x.

    axes: of a mask, "BT", "TB", "BT1" or "TB1". dtype: of its numbers: "bool", "float" (x's own) or
    "int". ones: what a one says, of :data:`MEANINGS`.
    """

    kind: str
    axes: str = ""
    dtype: str = ""
    ones: str = "counts"

    @property
    def resets(self) -> bool:
        """Whether it says where the state starts anew, not which steps count."""
        return self.ones in ("anew", "goes on")

    def of(self, marks: Marks, x: Tensor) -> Any:
        """What to hand over. x: (B, T, I)."""
        if self.kind == "packed":
            lengths, ordered = torch.tensor(marks.lengths), sorted(marks.lengths, reverse=True)
            in_order = list(marks.lengths) == ordered  # then no row changes its place
            return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=in_order)
        if self.kind == "lengths":
            return torch.tensor(marks.lengths)
        if self.kind == "list":
            return list(marks.lengths)
        told = marks.anew if self.resets else marks.counts
        ones = ~told if self.ones in ("padding", "goes on") else told
        types = {"bool": torch.bool, "float": x.dtype, "int": torch.int64}
        mask = layout.arrange(ones, "BT", self.axes).contiguous()
        return mask.to(device=x.device, dtype=types[self.dtype])

    def __str__(self) -> str:
        if self.kind != "mask":
            return {
                "lengths": "lengths", "list": "a list of lengths", "packed": "a PackedSequence"
            }[self.kind]  # fmt: skip
        shape = ", ".join(self.axes)
        says = {
            "counts": "a step counts", "padding": "a step is padding",
            "anew": "the state starts anew before the step", "goes on": "the state goes on",
        }[self.ones]  # fmt: skip
        return f"a mask ({shape}), 1 where {says}"


@dataclass(frozen=True, eq=False)
class Spelled:
    """The place of a call's form where it is told; all steps count where there are no marks."""

    spelling: Spelling
    marks: Marks | None = None

    def value(self, x: Tensor) -> Any:
        """x: (B, T, I)."""
        marks = self.marks or Marks.until([x.shape[1]] * x.shape[0], x.shape[1])
        return self.spelling.of(marks, x)


PACKED = Spelling("packed")


def spellings() -> Iterator[Spelling]:
    """Every way to tell, but for a PackedSequence; of masks those in which all ones say nothing.

    Masks come first: lengths may pass for a mask where they are multiplied with something, and
    hardly the other way round.
    """
    for axes in ("BT", "TB", "BT1", "TB1"):
        for dtype in ("bool", "float", "int"):
            yield Spelling("mask", axes, dtype)
    yield from (Spelling("lengths"), Spelling("list"))


def padded(packed: PackedSequence) -> Tensor:
    """(T, B, K), in the order of the rows that were given; zeros beyond their ends."""
    return pad_packed_sequence(packed)[0]
