"""What a stack of layers computes, over sequences of one length or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.theory.compute import State, run
from lstm_bench.theory.edits import Edit, Theory
from lstm_bench.theory.functions import JOINS
from lstm_bench.theory.stack import BACKWARD, Address, Layer, Stack


@dataclass(frozen=True)
class Outcome:
    """y: (B, T, K), of the last layer. states: of each layer and direction, after its last step."""

    y: Tensor
    states: tuple[tuple[State, ...], ...]


def run_stack(
    stack: Stack,
    parameters: Mapping[Address, Tensor],
    x: Tensor,
    states: Sequence[Sequence[State]] | None = None,
    *,
    lengths: Sequence[int] | None = None,
    masks: Sequence[Tensor] | None = None,
    edits: Mapping[tuple[int, int], tuple[Edit, ...]] | None = None,
) -> Outcome:
    """x: (B, T, I). states: [layer][direction], each as the cell has them; None for the default.

    lengths: of each sequence, at least 1; what lies beyond is not read, and given as zeros. masks:
    by which each layer's output but the last one's is multiplied, as dropout does. edits: mistakes
    of a layer in one direction.
    """
    ends = []
    for number, layer in enumerate(stack.layers):
        outputs, mine = [], []
        for direction, way in enumerate(layer.directions):
            given = None if states is None else states[number][direction]
            theory = Theory(layer.step, (edits or {}).get((number, direction), ()))
            named = _of(parameters, number, direction)
            y, end = _one_way(theory, named, x, given, lengths, backward=way == BACKWARD)
            outputs.append(y)
            mine.append(end)
        x = _joined(layer, outputs)
        ends.append(tuple(mine))
        if masks is not None and number + 1 < len(stack.layers):
            x = x * masks[number]
    return Outcome(x, tuple(ends))


def _of(parameters: Mapping[Address, Tensor], layer: int, direction: int) -> dict[str, Tensor]:
    place = (layer, direction)
    return {a.name: t for a, t in parameters.items() if (a.layer, a.direction) == place}


def _one_way(
    theory: Theory,
    parameters: dict[str, Tensor],
    x: Tensor,
    state: State | None,
    lengths: Sequence[int] | None,
    *,
    backward: bool,
) -> tuple[Tensor, State]:
    names = [name for name, _ in theory.cell.states]
    if lengths is None:
        found = run(theory, parameters, x.flip(1) if backward else x, state)
        y = found["y"].flip(1) if backward else found["y"]
        return y, tuple(found[name] for name in names)
    # Each sequence by itself, to its own end: nothing here depends on the others.
    rows, ends = [], []
    for b, length in enumerate(lengths):
        own = x[b : b + 1, :length]
        given = None if state is None else tuple(s[b : b + 1] for s in state)
        y, end = _one_way(theory, parameters, own, given, None, backward=backward)
        rest = y.new_zeros(1, x.shape[1] - length, y.shape[2])
        rows.append(torch.cat([y, rest], 1))
        ends.append(end)
    return torch.cat(rows), tuple(torch.cat(parts) for parts in zip(*ends, strict=True))


def _joined(layer: Layer, outputs: Sequence[Tensor]) -> Tensor:
    if layer.joined == "concatenated":
        return torch.cat(list(outputs), dim=-1)
    return JOINS[layer.joined](*outputs)
