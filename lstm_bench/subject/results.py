"""Reading a result whose form is not known yet: which tensor is the output, which h, which c.

Shapes narrow the readings down (the probe's sizes are all different); values decide: the
hidden state is the state tensor that equals the last output, the cell state is the one that
grows without bound when the given cell state does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from lstm_bench.subject.interface import Form, Slot, Steps, rebuild
from lstm_bench.subject.spelled import padded

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Leaf:
    """One tensor of a result, a list with one tensor a step (then stacked along axis 0), or what
    came packed (then padded, time first).
    """

    path: Path
    tensor: Tensor
    steps: bool = False
    packed: bool = False


def leaves_of(result: Any, steps: int, path: Path = ()) -> Iterator[Leaf]:
    """Every tensor of a nested result, with its path."""
    if isinstance(result, Tensor):
        yield Leaf(path, result)
    elif isinstance(result, PackedSequence):
        yield Leaf(path, padded(result), packed=True)
    elif isinstance(result, Mapping):
        for key, value in result.items():
            yield from leaves_of(value, steps, (*path, key))
    elif isinstance(result, (tuple, list)):
        if _is_list_of_steps(result, steps):
            yield Leaf(path, torch.stack(list(result)), steps=True)
            return
        for k, value in enumerate(result):
            yield from leaves_of(value, steps, (*path, k))


def _is_list_of_steps(result: Any, steps: int) -> bool:
    return (
        len(result) == steps > 2
        and all(isinstance(r, Tensor) for r in result)
        and len({r.shape for r in result}) == 1
    )


def build_form(result: Any, slots: Mapping[Path, Form], path: Path = ()) -> Form:
    """The result with every leaf replaced by its slot, ``"?"`` where there is none."""
    if path in slots:
        return slots[path]
    if isinstance(result, Mapping):
        return {k: build_form(v, slots, (*path, k)) for k, v in result.items()}
    if isinstance(result, (tuple, list)):
        return rebuild(result, [build_form(v, slots, (*path, k)) for k, v in enumerate(result)])
    return Slot("?")


def sequence_axes(leaf: Leaf, batch: int, steps: int) -> tuple[str, ...]:
    """Layouts in which a leaf can be a sequence (B, T, K), by shape alone."""
    shape = tuple(leaf.tensor.shape)
    if leaf.steps or leaf.packed:
        return ("TBK",) if shape[:2] == (steps, batch) else ()
    if len(shape) == 3 and shape[:2] == (batch, steps):
        return ("BTK",)
    if len(shape) == 3 and shape[:2] == (steps, batch):
        return ("TBK",)
    if len(shape) == 3 and shape[1:] == (batch, steps):
        return ("KBT",)
    if len(shape) == 3 and shape[0] == batch and shape[2] == steps:
        return ("BKT",)
    if len(shape) == 4 and 1 in shape[:3]:  # an axis for one direction or one layer
        at = shape.index(1)
        rest = (*shape[:at], *shape[at + 1 :])[:2]
        known = "BTK" if rest == (batch, steps) else "TBK" if rest == (steps, batch) else ""
        return (known[:at] + "1" + known[at:],) if known else ()
    if len(shape) == 2 and shape[0] == batch * steps:
        return ("(TB)K", "(BT)K")
    return ()


def last_output(leaves: list[Leaf], batch: int, hidden: int) -> Leaf | None:
    """Where no leaf is a sequence, the one that can be the last step's output (B, K).

    One of a width of its own; or, where it is all that there is, one as wide as a state.
    """
    rows = [leaf for leaf in leaves if leaf.tensor.dim() == 2 and len(leaf.tensor) == batch]
    wide = [leaf for leaf in rows if state_axes(leaf, batch, hidden) is None]
    found = rows if len(leaves) == 1 else wide
    return found[0] if len(found) == 1 else None


_STATE_SHAPES = ("BH", "1BH", "B1H", "HB", "2BH", "21BH", "12BH", "B2H", "B(2H)", "1B(2H)")


def state_axes(leaf: Leaf, batch: int, hidden: int) -> str | None:
    """The layout in which a leaf can be a state of B sequences, by shape alone."""
    sizes = {"B": batch, "H": hidden, "2": 2, "1": 1}
    shapes: dict[str, tuple[int, ...]] = {
        "B(2H)": (batch, 2 * hidden),
        "1B(2H)": (1, batch, 2 * hidden),
    }
    for axes in _STATE_SHAPES:
        shape = shapes.get(axes) or tuple(sizes[letter] for letter in axes)
        if tuple(leaf.tensor.shape) == shape:
            return axes
    return None


def slot_for(leaf: Leaf, role: str, axes: str) -> Form:
    """The slot of a leaf; a list of steps keeps its form."""
    return Steps(Slot(role, axes)) if leaf.steps else Slot(role, axes)
