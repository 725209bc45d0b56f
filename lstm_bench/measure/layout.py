"""Where the entries of a canonical result lie in a module's own tensors.

What reads a module's own tensors canonically (transposes, splits, stacks them) nearly always only
moves entries. Numbers in place of values show once where each one goes; afterwards results travel
as they are, and nobody need arrange them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

Reading = Callable[[Sequence[Tensor]], Mapping[str, Tensor]]
"""From a module's own tensors to canonical parts."""


def places(reading: Reading, like: Sequence[Tensor]) -> Tensor | None:
    """For each entry of the canonical parts its place among all of the module's own entries.

    Both are counted one part, one tensor after the other. None where reading does more than move
    entries: where it adds up, scales, or has entries of its own. ``like``: tensors of the module's
    own shapes, dtypes and devices, whose values do not matter.
    """
    count = sum(t.numel() for t in like)
    if count == 0:
        return None
    base = min(int(1 / torch.finfo(t.dtype).eps) for t in like)  # whole numbers below are exact
    numbers, found, weight = torch.arange(1, count + 1), None, 1
    while weight <= count:
        read = in_one_row(reading(_shaped((numbers // weight) % base, like)).values())
        digits = read.to(torch.float64).nan_to_num(-1.0)
        found = digits * weight if found is None else found + digits * weight
        weight *= base
    assert found is not None
    if len(found) == 0 or found.min() < 1 or found.max() > count:
        return None
    place = found.long() - 1
    trial = torch.randn(count)
    read = in_one_row(reading(_shaped(trial, like)).values())
    mine = in_one_row(_shaped(trial, like)).to(read)
    return place if torch.equal(read, mine[place]) else None


def in_one_row(tensors: Iterable[Tensor]) -> Tensor:
    """All entries one after the other, on the CPU."""
    flat = [t.detach().flatten().cpu() for t in tensors]
    return torch.cat(flat) if flat else torch.empty(0)


def _shaped(values: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """The values in tensors like these."""
    parts = torch.split(values, [t.numel() for t in like])
    return [part.view(t.shape).to(t) for part, t in zip(parts, like, strict=True)]
