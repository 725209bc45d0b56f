"""A module's parameters as blocks of one gate each, by shape alone.

``(4H, I)``, ``(I, 4H)``, ``(4, I, H)`` and four times ``(H, I)`` all hold four blocks over x.
How many blocks there are over x and over h says much of what recurrence it is: an LSTM has four
of each, a GRU three, a plain RNN one, two layers four and twelve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Block:
    """One gate's part of a tensor: (I, H) over x, (H, H) over h, (H,) for a bias."""

    name: str
    value: Tensor

    @property
    def owner(self) -> str:
        """The submodule that holds it, where it is one."""
        return self.name.rpartition(".")[0]


@dataclass
class Blocks:
    """All of a module's parameters: over x, over h, biases, and what fits none of these."""

    x: list[Block] = field(default_factory=list)
    h: list[Block] = field(default_factory=list)
    bias: list[Block] = field(default_factory=list)
    extra: dict[str, Tensor] = field(default_factory=dict)


def gather(
    tensors: Mapping[str, Tensor],
    input_size: int,
    hidden_size: int,
    *,
    flipped: bool = False,
    h_first: bool = False,
) -> Blocks:
    """Cut up all tensors. flipped: square blocks are stored (out, in); h_first: [h, x], not [x, h].

    Sizes must differ enough for shapes to tell: I, H and I + H no multiples of one another.
    """
    found = Blocks()
    I, H = input_size, hidden_size  # noqa: E741
    for name, tensor in tensors.items():
        value = tensor.detach()
        if value.dim() == 3:
            _three(found, name, value, I, H, flipped)
        elif value.dim() == 2:
            _two(found, name, value, (I, H), flipped, h_first)
        elif value.dim() == 1 and value.numel() % H == 0:
            found.bias += [Block(name, b) for b in value.reshape(-1, H)]
        else:
            found.extra[name] = value
    return found


def _three(found: Blocks, name: str, value: Tensor, I: int, H: int, flipped: bool) -> None:  # noqa: E741
    shape = tuple(value.shape[1:])
    if shape == (I, H):
        found.x += [Block(name, v) for v in value]
    elif shape == (H, I):
        found.x += [Block(name, v.T) for v in value]
    elif shape == (H, H):
        found.h += [Block(name, v.T if flipped else v) for v in value]
    elif shape == (1, H):
        found.bias += [Block(name, v[0]) for v in value]
    else:
        found.extra[name] = value


def _two(
    found: Blocks, name: str, value: Tensor, sizes: tuple[int, int], flipped: bool, h_first: bool
) -> None:
    I, H = sizes  # noqa: E741
    rows, columns = value.shape
    if columns in (I, I + H) and rows % H == 0:
        parts = [part.T for part in torch.split(value, H)]
    elif rows in (I, I + H) and columns % H == 0:
        parts = list(torch.split(value, H, dim=1))
    elif (rows, columns) == (H, H):
        parts = [value.T if flipped else value]
    elif columns == H and rows % H == 0:
        parts = [part.T for part in torch.split(value, H)]
    elif rows == H and columns % H == 0:
        parts = list(torch.split(value, H, dim=1))
    elif columns == H and rows <= 4:
        found.bias += [Block(name, row) for row in value]
        return
    else:
        found.extra[name] = value
        return
    for part in parts:
        if part.shape[0] == I + H:
            first, second = torch.split(part, [H, I] if h_first else [I, H])
            over_x, over_h = (second, first) if h_first else (first, second)
            found.x.append(Block(name, over_x))
            found.h.append(Block(name, over_h))
        else:
            (found.x if part.shape[0] == I else found.h).append(Block(name, part))


def biases_by_side(blocks: Blocks) -> tuple[list[Tensor], list[Tensor]]:
    """The biases that go with x and those that go with h, one a gate each; zeros where none.

    A single one is every gate's.
    """
    count = len(blocks.x)
    blank = [torch.zeros_like(blocks.x[0].value[0]) for _ in range(count)]
    sides = []
    for weights in (blocks.x, blocks.h):
        owners = list(dict.fromkeys(w.owner for w in weights if w.owner))
        sides.append([b.value for owner in owners for b in blocks.bias if b.owner == owner])
    over_x, over_h = sides
    if len(over_x) == count and over_x and blocks.x[0].owner != blocks.h[0].owner:
        return over_x, over_h if len(over_h) == count else blank
    values = [b.value for b in blocks.bias]
    if len(values) == 2 * count:
        return values[:count], values[count:]
    values = values * count if len(values) == 1 else values
    return (values, blank) if len(values) == count else (blank, blank)
