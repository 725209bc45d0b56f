"""One canonical form for an LSTM's parameters, whatever layout an implementation stores.

Every implementation says once how the canonical form maps onto its own tensors (`pack`) and
back (`unpack`). Values travel through these two; gradients travel through their transposes,
which autograd derives. That is why a layout with two biases needs no special case: loading
puts b into the first and zero into the second, so reading b's gradient back (the transpose
of loading) takes the first bias's gradient, once, not twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

GATES = ("i", "f", "o", "a")
"""Canonical gate order: input, forget, output, candidate."""

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Parameters:
    """An LSTM's parameters gate by gate, gates stacked in the order of :data:`GATES`.

    W: (4, I, H) input to gates.   U: (4, H, H) hidden to gates.   b: (4, H), one bias a gate.
    Where the hidden state is projected to another width P, U is (4, P, H).
    W_h: (H, H) and b_h: (H,): the output layer, or both None where there is none.

    The same class carries gradients: each field then holds dL/dfield.
    """

    W: Tensor
    U: Tensor
    b: Tensor
    W_h: Tensor | None = None
    b_h: Tensor | None = None

    @property
    def input_size(self) -> int:
        return self.W.shape[1]

    @property
    def hidden_size(self) -> int:
        return self.W.shape[2]

    @property
    def state_size(self) -> int:
        """The width of what U reads: H, or P where the hidden state is projected."""
        return self.U.shape[1]

    @property
    def head(self) -> tuple[Tensor, Tensor] | None:
        """(W_h, b_h), or None where there is no output layer."""
        if self.W_h is None or self.b_h is None:
            return None
        return self.W_h, self.b_h

    def named(self) -> Iterator[tuple[str, Tensor]]:
        """``("W_i", (I, H))``, …, ``("b_h", (H,))``: one entry for each documented parameter."""
        for field in ("W", "U", "b"):
            for gate, tensor in zip(GATES, getattr(self, field), strict=True):
                yield f"{field}_{gate}", tensor
        if self.head is not None:
            yield "W_h", self.head[0]
            yield "b_h", self.head[1]

    def map(self, function: Callable[[Tensor], Tensor]) -> Parameters:
        """A new value with ``function`` applied to every field."""
        W_h, b_h = (None, None) if self.head is None else map(function, self.head)
        return Parameters(function(self.W), function(self.U), function(self.b), W_h, b_h)

    def to(
        self, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Parameters:
        return self.map(lambda tensor: tensor.to(device=device, dtype=dtype))

    def without_head(self) -> Parameters:
        return Parameters(self.W, self.U, self.b)


def standard_normal(
    input_size: int,
    hidden_size: int,
    *,
    seed: int,
    head: bool = True,
    dtype: torch.dtype = torch.float32,
) -> Parameters:
    """Every entry from N(0, 1), unscaled: the documented initialisation.

    From a hidden size of a few dozen on it saturates the gates: training hardly moves, and
    long sequences become too ill-conditioned to compare in float32.
    """
    return _draw(input_size, hidden_size, head, seed, dtype, lambda t, g: t.normal_(generator=g))


def uniform(
    input_size: int,
    hidden_size: int,
    *,
    seed: int,
    head: bool = True,
    dtype: torch.dtype = torch.float32,
) -> Parameters:
    """Every entry from U(-1/√H, 1/√H): what ``torch.nn.LSTM`` does, and the one to train with."""
    bound = 1 / math.sqrt(hidden_size)
    return _draw(
        input_size,
        hidden_size,
        head,
        seed,
        dtype,
        lambda t, g: t.uniform_(-bound, bound, generator=g),
    )


def _draw(
    input_size: int,
    hidden_size: int,
    head: bool,
    seed: int,
    dtype: torch.dtype,
    fill: Callable[[Tensor, torch.Generator], Tensor],
) -> Parameters:
    """Draw in float64 and round once, so that one seed means the same weights in every dtype."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(4, input_size, hidden_size), (4, hidden_size, hidden_size), (4, hidden_size)]
    if head:
        shapes += [(hidden_size, hidden_size), (hidden_size,)]
    drawn = [fill(torch.empty(s, dtype=torch.float64), generator).to(dtype) for s in shapes]
    return Parameters(*drawn)


class CanonicalParameters(nn.Module):
    """Mixin: gives a layer that defines `pack` and `unpack` the contract's four exchanges."""

    input_size: int
    hidden_size: int
    has_head: bool

    def pack(self, parameters: Parameters) -> Tensors:
        """Canonical form → this layer's own tensors, by parameter name. Linear."""
        raise NotImplementedError

    def unpack(self, tensors: Tensors) -> Parameters:
        """The layer's own tensors → canonical form. Linear, and a left inverse of `pack`."""
        raise NotImplementedError

    @torch.no_grad()
    def load_parameters(self, parameters: Parameters) -> None:
        """Copy ``parameters`` into this layer, exactly up to its dtype.

        Raises ValueError where sizes or the presence of an output layer do not match.
        """
        self._check(parameters)
        own = dict(self.named_parameters())
        for name, value in self.pack(parameters).items():
            own[name].copy_(value)

    @torch.no_grad()
    def read_parameters(self) -> Parameters:
        """A copy of this layer's parameters in canonical form."""
        own = {name: parameter.detach() for name, parameter in self.named_parameters()}
        return self.unpack(own).map(torch.clone)

    def load_gradients(self, gradients: Parameters) -> None:
        """Set ``.grad`` of every parameter: the transpose of `unpack`."""
        self._check(gradients)
        own = {n: torch.zeros_like(p, requires_grad=True) for n, p in self.named_parameters()}
        canonical = dict(self.unpack(own).named())
        wanted = dict(gradients.named())
        torch.autograd.backward(list(canonical.values()), [wanted[name] for name in canonical])
        for name, parameter in self.named_parameters():
            parameter.grad = own[name].grad

    def read_gradients(self) -> Parameters:
        """The gradients in canonical form: the transpose of `pack`.

        Raises ValueError naming the parameters that have no gradient yet.
        """
        own = dict(self.named_parameters())
        missing = [name for name, parameter in own.items() if parameter.grad is None]
        if missing:
            raise ValueError(f"no gradient yet for {', '.join(missing)}: run backward first")
        anchor = self.read_parameters().map(lambda t: torch.zeros_like(t, requires_grad=True))
        packed = {n: t for n, t in self.pack(anchor).items() if t.requires_grad}
        torch.autograd.backward(list(packed.values()), [own[n].grad for n in packed])
        return anchor.map(lambda t: t.grad if t.grad is not None else torch.zeros_like(t))

    def _check(self, parameters: Parameters) -> None:
        expected = (self.input_size, self.hidden_size, self.has_head)
        got = (parameters.input_size, parameters.hidden_size, parameters.head is not None)
        if got != expected:
            raise ValueError(
                f"parameters: expected (input_size, hidden_size, head) = {expected}, got {got}"
            )
