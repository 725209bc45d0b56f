"""What does each entry of each parameter do? Nudge it and watch.

One step of an LSTM is, for each gate g and unit u,  z_g[u] = x·W_g[:,u] + h·U_g[:,u] + b_g[u].
So every entry multiplies one operand (an x_j, an h_j, or 1) and feeds one gate of one unit.
On rows of chosen data, with all entries at random moderate values, a small nudge tells:

- the **unit**: the only column of the new c and h that moves;
- the **operand**: with x = e_j and h = 0 only entries of x_j and biases move anything; with h = e_j
  beside a constant x, of the entries that multiply an h only those of h_j do;
- the **gate**, by the sign of dc over random rows, whatever the exact activations are:
  output gate: c does not move (and dh has the sign of h);   forget gate: dc has the sign of c0;
  candidate: dc is positive everywhere;   input gate: dc has the sign of the candidate, so mixed.

Nothing is guessed from names, shapes or positions, so any layout is found the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

GATE_I, GATE_F, GATE_O, GATE_A = range(4)
KIND_X, KIND_H, KIND_BIAS = range(3)
UNKNOWN = -1
CONFLICT = -2

Step = Callable[[Tensor, Tensor, Tensor], Mapping[str, Tensor]]
"""(x (N, I), h (N, H), c (N, H)) → parts: h and c (N, H), y (N, K), as far as there are any."""

Array = NDArray[np.int64]


@dataclass
class Labels:
    """What each entry of a tensor does; arrays of the tensor's shape, -1 where nothing moved.

    kind: operand x, h or bias; index: which x_j or h_j; gate in the order i, f, o, a; unit.
    coefficient: how many times the entry counts, relative to the others of its gate.
    head: entries that move the output but no state.
    """

    kind: Array
    index: Array
    gate: Array
    unit: Array
    strength: NDArray[np.float64]
    head_unit: Array
    head_feature: Array

    @classmethod
    def blank(cls, shape: tuple[int, ...]) -> Labels:
        def unknown() -> Array:
            return np.full(shape, UNKNOWN, dtype=np.int64)

        return cls(
            unknown(), unknown(), unknown(), unknown(), np.zeros(shape), unknown(), unknown()
        )


@dataclass(frozen=True)
class Rows:
    """``dense`` random rows of data first, then each x = e_j alone, then each h = e_j beside an x.

    No row has x = 0: some take a step of zeros for padding.
    """

    x: Tensor
    h: Tensor
    c: Tensor
    dense: int


def rows(input_size: int, hidden_size: int, dtype: torch.dtype, seed: int = 0) -> Rows:
    generator = torch.Generator().manual_seed(seed)
    dense = 24
    singles = ALIKE * (input_size + hidden_size)
    total = dense + singles
    x = torch.zeros(total, input_size, dtype=torch.float64)
    h = torch.zeros(total, hidden_size, dtype=torch.float64)
    x[:dense] = torch.randn(dense, input_size, generator=generator, dtype=torch.float64)
    h[:dense] = torch.randn(dense, hidden_size, generator=generator, dtype=torch.float64)
    c = torch.rand(total, hidden_size, generator=generator, dtype=torch.float64) + 0.4
    c[: dense // 2] *= -1
    c[:dense] = c[torch.randperm(dense, generator=generator)]
    for k in range(ALIKE):  # the same row with other signs: a rectifier is not silent on all
        sign, first = (1.0, 1.0, -1.0)[k], dense + k * (input_size + hidden_size)
        middle, last = first + input_size, first + input_size + hidden_size
        x[first:middle] = sign * torch.eye(input_size, dtype=torch.float64)
        x[middle:last] = 0.3 * sign
        h[middle:last] = sign * torch.eye(hidden_size, dtype=torch.float64)
        c[first:last] *= (1.0, -1.0, 1.0)[k]
    return Rows(x.to(dtype), h.to(dtype), c.to(dtype), dense)


ALIKE = 3
"""How many rows look for each operand, alike but for signs."""


@torch.no_grad()
def randomise(tensors: Mapping[str, Tensor], seed: int) -> None:
    """Random moderate values, none near zero: nothing saturates and nothing is switched off."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in tensors.values():
        size = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) * 0.4 + 0.2
        sign = torch.randint(0, 2, tensor.shape, generator=generator) * 2 - 1
        tensor.copy_((size * sign).to(tensor.dtype))


def label(
    tensors: Mapping[str, Tensor],
    step: Step,
    input_size: int,
    hidden_size: int,
    dtype: torch.dtype,
    *,
    stateful: bool = True,
) -> dict[str, Labels]:
    """Nudge every entry of every tensor and say what it does."""
    data = rows(input_size, hidden_size, dtype)
    randomise(tensors, seed=1)
    state = (data.h, data.c) if stateful else (torch.zeros_like(data.h), torch.zeros_like(data.c))
    observer = _Observer(step, data, state, dtype)
    return {name: observer.tensor(tensor) for name, tensor in tensors.items()}


def single_features(
    tensors: Mapping[str, Tensor],
    step: Step,
    input_size: int,
    hidden_size: int,
    dtype: torch.dtype,
    stateful: bool,
) -> dict[str, int | None]:
    """For each tensor whose every entry moves just one feature of y: the axis that tells which.

    Where no tensor moves several features there is no output layer, and nothing is returned.
    """
    data = rows(input_size, hidden_size, dtype)
    randomise(tensors, seed=2)
    state = (data.h, data.c) if stateful else (torch.zeros_like(data.h), torch.zeros_like(data.c))
    observer = _Observer(step, data, state, dtype)
    found: dict[str, int | None] = {}
    several = False
    for name, tensor in tensors.items():
        features = observer.features(tensor)
        several |= bool((features == CONFLICT).any())
        if (features < 0).any():
            continue
        first = [
            axis
            for axis in range(features.ndim)
            if all(np.unique(part).size == 1 for part in np.moveaxis(features, axis, 0))
        ]
        found[name] = first[0] if first else None
    return found if several else {}


class _Observer:
    def __init__(
        self, step: Step, data: Rows, state: tuple[Tensor, Tensor], dtype: torch.dtype
    ) -> None:
        self._step = step
        self._data = data
        self._state = state
        self._delta = 1e-5 if dtype == torch.float64 else 2e-2
        self._noise = 1e-13 if dtype == torch.float64 else 2e-6
        self._base = self._observe()

    def _observe(self) -> dict[str, NDArray[np.float64]]:
        with torch.no_grad():
            parts = self._step(self._data.x.clone(), *(s.clone() for s in self._state))
        # TorchScript that has run with gradients keeps recording a graph under no_grad.
        return {name: part.detach().double().cpu().numpy() for name, part in parts.items()}

    def tensor(self, tensor: Tensor) -> Labels:
        labels = Labels.blank(tuple(tensor.shape))
        flat = tensor.detach().view(-1) if tensor.is_contiguous() else None
        for position, where in enumerate(np.ndindex(*tensor.shape)):
            target = flat[position] if flat is not None else tensor.detach()[where]
            before = target.clone()
            target += self._delta
            moved = self._observe()
            target.copy_(before)
            change = {n: (moved[n] - self._base[n]) / self._delta for n in moved}
            self._read(labels, where, change)
        labels.gate = smoothed(labels.gate)
        return labels

    def features(self, tensor: Tensor) -> Array:
        """For each entry the one feature of y that it moves, CONFLICT where it moves several."""
        found = np.full(tuple(tensor.shape), UNKNOWN, dtype=np.int64)
        for where in np.ndindex(*tensor.shape):
            target = tensor.detach()[where]
            before = target.clone()
            target += self._delta
            moved = np.abs(self._observe()["y"] - self._base["y"]).max(axis=0) > self._noise
            target.copy_(before)
            which = np.flatnonzero(moved)
            if len(which):
                found[where] = int(which[0]) if len(which) == 1 else CONFLICT
        return found

    def _read(
        self, labels: Labels, where: tuple[int, ...], change: Mapping[str, NDArray[np.float64]]
    ) -> None:
        limit = self._noise / self._delta
        dh, dc = change.get("h"), change.get("c")
        states = [d for d in (dc, dh) if d is not None]
        if not states:
            return
        moved: NDArray[np.bool_] = np.logical_or.reduce([np.abs(d) > limit for d in states])
        if not moved.any():
            self._read_head(labels, where, change, limit)
            return
        units = np.flatnonzero(moved.sum(axis=0))
        if len(units) != 1:
            labels.unit[where] = CONFLICT
            return
        unit = int(units[0])
        kind, index = self._operand(moved[self._data.dense :, unit])
        labels.unit[where], labels.kind[where], labels.index[where] = unit, kind, index
        if kind < 0:
            return
        gate, strength = self._gate(unit, self._value(kind, index), dc, dh, limit)
        labels.gate[where], labels.strength[where] = gate, strength

    def _operand(self, active: NDArray[np.bool_]) -> tuple[int, int]:
        """From the rows (x = e_1 …, then h = e_1 …) in which anything moved.

        A bias moves all of the first; a weight of x_j only the j-th; a weight of h_j none of
        the first, and of the second only the j-th.
        """
        inputs = self._data.x.shape[1]
        active = np.logical_or.reduce(active.reshape(ALIKE, -1))
        by_x, by_h = np.flatnonzero(active[:inputs]), np.flatnonzero(active[inputs:])
        if len(by_x) == inputs:
            return KIND_BIAS, 0
        if len(by_x) == 1:
            return KIND_X, int(by_x[0])
        if len(by_x) == 0 and len(by_h) == 1:
            return KIND_H, int(by_h[0])
        return CONFLICT, UNKNOWN

    def _value(self, kind: int, index: int) -> NDArray[np.float64]:
        dense = self._data.dense
        if kind == KIND_BIAS:
            return np.ones(dense)
        operand = self._data.x if kind == KIND_X else self._state[0]
        values: NDArray[np.float64] = operand[:dense, index].double().numpy()
        return values

    def _gate(
        self,
        unit: int,
        value: NDArray[np.float64],
        dc: NDArray[np.float64] | None,
        dh: NDArray[np.float64] | None,
        limit: float,
    ) -> tuple[int, float]:
        """The gate by the signs over the dense rows, and the strength (mean |dz|-like size)."""
        dense = self._data.dense
        seen = dc if dc is not None else dh
        assert seen is not None
        slope = seen[:dense, unit] / value
        visible = np.abs(seen[:dense, unit]) > limit
        c0 = self._state[1][:dense, unit].double().numpy()
        if dc is not None and dh is not None and not visible.any():
            slope = dh[:dense, unit] / value
            return GATE_O, float(np.median(np.abs(slope)))
        sign = np.sign(slope[visible])
        strength = float(np.median(np.abs(slope)))
        if dc is None and "h" in self._base:
            h = self._base["h"][:dense, unit][visible]
            if _agree(sign, np.sign(h)):
                return GATE_O, strength
        if np.any(c0 != 0) and _agree(sign, np.sign(c0[visible])):
            return GATE_F, strength
        return (GATE_A if _agree(sign, np.ones_like(sign)) else GATE_I), strength

    def _read_head(
        self,
        labels: Labels,
        where: tuple[int, ...],
        change: Mapping[str, NDArray[np.float64]],
        limit: float,
    ) -> None:
        """An entry of the output layer moves one feature of y, in proportion to one unit of h."""
        dy = change.get("y")
        if dy is None or "h" not in self._base:
            return
        features = np.flatnonzero((np.abs(dy) > limit).any(axis=0))
        if len(features) != 1:
            return
        feature = int(features[0])
        column = dy[:, feature]
        labels.head_feature[where] = feature
        if np.allclose(column, column[0], rtol=1e-3):
            labels.head_unit[where] = CONFLICT  # the head's bias: the same on every row
            return
        h = self._base["h"]
        errors = np.abs(h - column[:, None]).max(axis=0)
        labels.head_unit[where] = int(errors.argmin())


def smoothed(gate: Array) -> Array:
    """The gates of a tensor with stray labels outvoted.

    Where an equation is wrong, the signs of a few entries can point to a neighbouring gate. The
    gate is the same for a whole tensor, or along some axis: the reading with the fewest strays
    wins, if three quarters of the entries keep their label.
    """
    best, share = gate, 0.75
    readings: list[tuple[int, ...]] = [tuple(range(gate.ndim))]
    readings += [tuple(a for a in range(gate.ndim) if a != axis) for axis in range(gate.ndim)]
    known = gate >= 0
    for along in readings:
        votes = np.stack([((gate == g) & known).sum(axis=along, keepdims=True) for g in range(4)])
        winner = np.broadcast_to(votes.argmax(axis=0), gate.shape)
        kept = float((winner == gate)[known].mean()) if known.any() else 0.0
        if kept > share:
            best, share = np.where(known, winner, gate), kept
    return best


def _agree(sign: NDArray[np.float64], expected: NDArray[np.float64]) -> bool:
    """Whether the signs are the same on (nearly) all rows, or opposite on all."""
    if sign.size == 0:
        return False
    share = float((sign == expected).mean())
    return share > 0.95 or share < 0.05
