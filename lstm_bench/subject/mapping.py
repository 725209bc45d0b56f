"""Canonical parameters ↔ a module's own tensors, by the layouts that probing found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impls.parameters import GATES, Parameters
from lstm_bench.subject.nudge import KIND_BIAS, KIND_H, KIND_X
from lstm_bench.subject.patterns import TensorLayout
from lstm_bench.subject.tensors import held, learnable

FIELDS = {KIND_X: "W", KIND_H: "U", KIND_BIAS: "b"}


@dataclass(frozen=True)
class HeadLayout:
    """Where the output layer is: weight (H, K), or (K, H) where ``transposed``, and its bias."""

    weight: str | None = None
    transposed: bool = False
    bias: str | None = None


@dataclass(frozen=True)
class ProbedMap:
    """Layouts by tensor name. ``constants``: what the module adds to each gate by itself."""

    layouts: Mapping[str, TensorLayout]
    head: HeadLayout = HeadLayout()
    constants: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    zeroed: tuple[str, ...] = ()
    """Learned initial states: set to zero on loading, so that the default state is zeros."""

    @torch.no_grad()
    def load(self, module: Any, parameters: Parameters) -> Parameters:
        """Load as far as the module holds them; return what it computes with now.

        Where several tensors, or several entries of one, act as their sum (two biases), the value
        is split unevenly among them, so that one that is ignored or counted twice shows.
        """
        tensors = held(module)
        sizes = (parameters.input_size, parameters.hidden_size, parameters.state_size)
        wanted = _vector(parameters.to(dtype=torch.float64))
        sums = torch.zeros_like(wanted)
        for name, layout in self.layouts.items():
            flat = _flat(layout, *sizes, like=tensors[name])
            tensors[name].copy_(wanted[flat.places] * flat.shares * self._share(name))
            sums.index_add_(0, flat.places.flatten(), tensors[name].double().flatten())
        effective = _from_vector(sums, *sizes)
        for name in self.zeroed:
            tensors[name].zero_()
        for gate, constant in enumerate(self.constants):
            effective.b[gate] += constant
        return self._load_head(tensors, parameters, effective)

    def beyond(self, module: Any) -> list[str]:
        """Names of weight matrices besides one for every gate from x and from h."""
        known = {*self.layouts, *self.zeroed, self.head.weight, self.head.bias}
        more = [
            n
            for n, t in learnable(module).items()
            if n not in known and t.dim() >= 2 and min(t.shape) > 1
        ]
        seen: set[tuple[int, int]] = set()
        for name, layout in self.layouts.items():
            fed = {(kind, g) for kind in layout.kinds for g in layout.gate_order}
            fed = {(kind, g) for kind, g in fed if kind != KIND_BIAS}
            more += [name] if fed & seen else []
            seen |= fed
        return more

    def _share(self, name: str) -> float:
        """1, or an uneven share where another tensor feeds the same sums."""
        group = self._duplicates.get(name)
        if group is None:
            return 1.0
        return _share(group.index(name), len(group))

    @cached_property
    def _duplicates(self) -> dict[str, list[str]]:
        """For each tensor that shares its role with others (two biases), all that share it."""
        by_role: dict[tuple[Any, ...], list[str]] = {}
        for name, layout in self.layouts.items():
            kinds = tuple(sorted(layout.kinds))
            if kinds == (KIND_BIAS,):
                by_role.setdefault((kinds, frozenset(layout.gate_order)), []).append(name)
        return {name: names for names in by_role.values() if len(names) > 1 for name in names}

    def _load_head(
        self, tensors: Mapping[str, Tensor], wanted: Parameters, effective: Parameters
    ) -> Parameters:
        body = effective.to(dtype=wanted.W.dtype).without_head()
        if self.head.weight is None or wanted.head is None:
            return body
        W_h, b_h = wanted.head
        tensors[self.head.weight].copy_(W_h.T if self.head.transposed else W_h)
        if self.head.bias is None:
            b_h = torch.zeros_like(b_h)
        else:
            own = tensors[self.head.bias]
            own.copy_(b_h.reshape(own.shape))
        return Parameters(body.W, body.U, body.b, W_h, b_h)

    def gradients(
        self, module: Any, input_size: int, hidden_size: int, state_size: int | None = None
    ) -> dict[str, Tensor]:
        """Gradients by canonical name. Where two tensors feed the same sums, both are given:
        the second as ``b_f (in bias_hh)``. None counts as zeros, as autograd means it.
        """
        sizes = (input_size, hidden_size, state_size or hidden_size)
        tensors = held(module)
        found: dict[str, Tensor] = {}
        for name, layout in self.layouts.items():
            own = tensors[name]
            if not own.requires_grad:
                continue
            gradient = torch.zeros_like(own) if own.grad is None else own.grad
            for part, value in _by_gate(layout, gradient, *sizes).items():
                found[part if part not in found else f"{part} (in {name})"] = value
        return found | self._head_gradients(tensors)

    def _head_gradients(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found = {}
        if self.head.weight is not None and tensors[self.head.weight].requires_grad:
            gradient = _gradient(tensors[self.head.weight])
            found["W_h"] = gradient.T if self.head.transposed else gradient
        if self.head.bias is not None and tensors[self.head.bias].requires_grad:
            found["b_h"] = _gradient(tensors[self.head.bias]).reshape(-1)
        return found


def _gradient(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


@dataclass(frozen=True)
class _Flat:
    """For each entry of a tensor, its place in the vector of all canonical parameters: W, U, b.

    shares: 1, or an uneven share where another entry of the tensor has the same place.
    named: canonical name → its stretch of that vector and its shape, as far as the tensor has it.
    """

    places: Tensor
    shares: Tensor
    named: tuple[tuple[str, int, tuple[int, ...]], ...]


def _flat(
    layout: TensorLayout, input_size: int, hidden_size: int, state_size: int, like: Tensor
) -> _Flat:
    """Raises ValueError where the tensor has another shape."""
    found = _expanded(layout, input_size, hidden_size, state_size, str(like.device))
    if found.places.shape != like.shape:
        raise ValueError(
            f"a parameter of shape {tuple(like.shape)} where {tuple(found.places.shape)} "
            f"was expected for input size {input_size} and hidden size {hidden_size}"
        )
    return found


@lru_cache(maxsize=128)
def _expanded(
    layout: TensorLayout, input_size: int, hidden_size: int, state_size: int, device: str
) -> _Flat:
    labels = layout.labels(input_size, hidden_size, state_size)
    H, start = hidden_size, 0
    places = np.zeros(labels["kind"].shape, dtype=np.int64)
    named = []
    for kind, rows in ((KIND_X, input_size), (KIND_H, state_size), (KIND_BIAS, 1)):
        mask = labels["kind"] == kind
        gate, unit = labels["gate"][mask], labels["unit"][mask]
        index = labels["index"][mask] if kind != KIND_BIAS else 0
        places[mask] = start + (gate * rows + index) * H + unit
        shape = (rows, H) if kind != KIND_BIAS else (H,)
        present = set(np.unique(gate).tolist())
        named += [
            (f"{FIELDS[kind]}_{GATES[g]}", start + g * rows * H, shape)
            for g in layout.gate_order if g in present
        ]  # fmt: skip
        start += 4 * rows * H
    shares = torch.from_numpy(_shares(places))
    return _Flat(torch.from_numpy(places).to(device), shares.to(device), tuple(named))


def _shares(places: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each entry 1, or an uneven share where others have the same place."""
    flat = places.ravel()
    counts, found = np.bincount(flat, minlength=1), np.ones(len(flat))
    several = np.flatnonzero(counts[flat] > 1)
    seen: dict[int, int] = {}
    for entry, place in zip(several.tolist(), flat[several].tolist(), strict=True):
        rank = seen[place] = seen.get(place, -1) + 1
        found[entry] = _share(rank, int(counts[place]))
    return found.reshape(places.shape)


def _share(rank: int, count: int) -> float:
    """Of one of several that act as their sum."""
    return 0.375 if rank < count - 1 else 1 - 0.375 * (count - 1)


def _vector(parameters: Parameters) -> Tensor:
    return torch.cat([parameters.W.flatten(), parameters.U.flatten(), parameters.b.flatten()])


def _from_vector(vector: Tensor, input_size: int, hidden_size: int, state_size: int) -> Parameters:
    shapes = ((4, input_size, hidden_size), (4, state_size, hidden_size), (4, hidden_size))
    parts = torch.split(vector, [math.prod(shape) for shape in shapes])
    return Parameters(*(part.view(shape) for part, shape in zip(parts, shapes, strict=True)))


def _by_gate(
    layout: TensorLayout, gradient: Tensor, input_size: int, hidden_size: int, state_size: int
) -> dict[str, Tensor]:
    """A tensor's gradient cut up by canonical name: ``W_i`` (I, H), ``b_f`` (H,), …"""
    flat = _flat(layout, input_size, hidden_size, state_size, like=gradient)
    vector = gradient.new_zeros(4 * hidden_size * (input_size + state_size + 1))
    vector[flat.places.flatten()] = gradient.flatten()
    return {
        name: vector[start : start + math.prod(shape)].view(shape)
        for name, start, shape in flat.named
    }
