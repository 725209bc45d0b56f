"""A small language for layouts: the order of a tensor's axes, written as letters.

``"BTI"`` is batch first, ``"TBI"`` time first, ``"1BH"`` has a leading axis of size one,
``"(TB)H"`` is flattened to rows, time-major, ``"B(2H)"`` holds h and c side by side.
Each letter of the canonical layout stands once; ``1`` may stand anywhere.
"""

from __future__ import annotations

import math
from functools import lru_cache

from torch import Tensor


@lru_cache(maxsize=512)
def groups(axes: str) -> tuple[str, ...]:
    """``"(TB)H"`` → ``("TB", "H")``: the letters that share each axis."""
    found: list[str] = []
    inside = False
    for letter in axes:
        if letter == "(":
            inside = True
            found.append("")
        elif letter == ")":
            inside = False
        elif inside:
            found[-1] += letter
        else:
            found.append(letter)
    return tuple(found)


def _letters(axes: str) -> str:
    return "".join(groups(axes)).replace("1", "")


def arrange(tensor: Tensor, canonical: str, axes: str) -> Tensor:
    """From the canonical layout to ``axes``; a view where that is possible."""
    sizes = dict(zip(canonical, tensor.shape, strict=True))
    permuted = tensor.permute([canonical.index(letter) for letter in _letters(axes)])
    shape = [math.prod(sizes.get(letter, 1) for letter in group) for group in groups(axes)]
    return permuted if list(permuted.shape) == shape else permuted.reshape(shape)


def restore(
    tensor: Tensor, canonical: str, axes: str, sizes: dict[str, int], *, lenient: bool = False
) -> Tensor:
    """The inverse of :func:`arrange`; ``sizes`` tells merged axes apart.

    Raises ValueError on another shape; ``lenient`` lets axes of size one be missing or added.
    """
    letters = _letters(axes)
    expected = [math.prod(sizes.get(letter, 1) for letter in group) for group in groups(axes)]
    squeezed = [n for n in expected if n != 1] == [n for n in tensor.shape if n != 1]
    if list(tensor.shape) != expected and not (lenient and squeezed):
        raise ValueError(f"expected shape {tuple(expected)} for {axes}, got {tuple(tensor.shape)}")
    split = tensor.reshape([sizes[letter] for letter in letters])
    return split.permute([letters.index(letter) for letter in canonical])
