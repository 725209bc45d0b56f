"""Recurrences by design that are not the plain LSTM, recognised by what they do.

Each has its own equation, so each shows itself in a few calls: a peephole's weight is silent
where the cell state is zero, a missing forget gate passes the old cell state on whole, coupled
gates give the new candidate exactly what they take from the old state. What a module is built
of (several layers, a normalisation) is read off its submodules, where these are torch's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lstm_bench.subject.tensors import learnable

Call = Callable[..., Mapping[str, Tensor]]


@dataclass(frozen=True)
class Explanation:
    """A sentence that names the recurrence."""

    sentence: str


def recognise_variant(
    module: Any, sizes: tuple[int, int], call: Call | None, *, has_all_gates: bool = False
) -> Explanation | None:
    """The first recurrence that fits, or None. Never raises.

    module: of ``sizes`` (I, H); call(x (B, T, I), (h, c)) → parts, as far as it can be called.
    has_all_gates: it has all of an LSTM's weights. Then only what it has besides, or does
    throughout, makes it a variant; a gate that does not use its own weights is a defect.
    """
    probe = _Probe(module, sizes, call)
    looks = [_by_submodules, _peepholes, _gating]
    if not has_all_gates:
        looks += [_single_state, _missing_gates, _no_recurrence]
    for look in looks:
        try:
            sentence = next(iter(look(probe)), None)
        except Exception:  # what cannot be looked at is not recognised
            continue
        if sentence is not None:
            return Explanation(sentence)
    return None


class _Probe:
    """Single steps of a module at random moderate parameters."""

    def __init__(self, module: Any, sizes: tuple[int, int], call: Call | None) -> None:
        self.module = module
        self.input_size, self.hidden_size = sizes
        self._call = call
        self.tensors = learnable(module)
        self.dtype = next((t.dtype for t in self.tensors.values()), torch.float32)
        generator = torch.Generator().manual_seed(5)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64).to(self.dtype)

        self.x = normal(64, 1, self.input_size)
        self.h, self.c = normal(64, self.hidden_size) * 0.5, normal(64, self.hidden_size)
        with torch.no_grad():
            for tensor in self.tensors.values():
                tensor.copy_(normal(*tensor.shape) * 0.4)

    def step(self, h: Tensor, c: Tensor) -> Mapping[str, Tensor]:
        if self._call is None:
            raise ValueError("it cannot be called")
        with torch.no_grad():
            return self._call(self.x.clone(), (h.clone(), c.clone()))


def _by_submodules(probe: _Probe) -> Iterator[str]:
    """Torch's own layers say what they are."""
    if not isinstance(probe.module, nn.Module):
        return
    for part in probe.module.modules():
        if isinstance(part, nn.LSTM):
            if part.proj_size:
                yield "an LSTM with a projected hidden state (proj_size)"
            if part.bidirectional:
                yield "a bidirectional LSTM"
            if part.num_layers > 1:
                yield f"a stack of {part.num_layers} LSTM layers"
        if isinstance(part, (nn.GRU, nn.GRUCell)):
            yield "a GRU (gated recurrent unit)"
        if isinstance(part, (nn.RNN, nn.RNNCell)):
            yield "a plain RNN, without gates"
    for part in probe.module.modules():
        if isinstance(part, nn.LayerNorm) or type(part).__name__ in (
            "RMSNorm",
            "LayerNormalization",
        ):
            yield "an LSTM with layer normalisation inside its steps"
        if isinstance(part, (nn.BatchNorm1d, nn.GroupNorm)):
            yield f"an LSTM with {type(part).__name__} inside its steps"


def _single_state(probe: _Probe) -> Iterator[str]:
    """One state: three blocks of weights make a GRU, one a plain RNN, two a minimal unit."""
    parts = probe._call(probe.x.clone()) if probe._call is not None else {}
    if "c" in parts:
        return
    H = probe.hidden_size
    weights = sum(t.numel() for t in probe.tensors.values() if t.dim() >= 2)
    per_block = H * (probe.input_size + H)
    blocks = round(weights / per_block) if per_block else 0
    names = {
        1: "a plain RNN, without gates",
        2: "a minimal gated unit (one gate and a candidate)",
        3: "a GRU (gated recurrent unit): one state, two gates and a candidate",
    }
    if blocks in names and "h" in parts and not any(k == "c" for k in parts):
        yield names[blocks]


def _peepholes(probe: _Probe) -> Iterator[str]:
    """A tensor that does nothing at c = 0 and something elsewhere reads the cell state."""
    H = probe.hidden_size
    zeros = torch.zeros_like(probe.c)
    at_zero, elsewhere = probe.step(probe.h, zeros), probe.step(probe.h, probe.c)
    for name, tensor in probe.tensors.items():
        if tensor.numel() not in (H, 2 * H, 3 * H, H * H, 3 * H * H):
            continue
        with torch.no_grad():
            before = tensor.clone()
            tensor += 0.3
            silent = _equal(probe.step(probe.h, zeros)["c"], at_zero["c"])
            # An output peephole reads the new cell state and moves h alone.
            moves_c = not _equal(probe.step(probe.h, probe.c)["c"], elsewhere["c"])
            tensor.copy_(before)
        if silent and moves_c and _moves_any_input(probe, tensor, zeros):
            yield f"an LSTM with peepholes: `{name}` lets the gates see the cell state"


def _moves_any_input(probe: _Probe, tensor: Tensor, zeros: Tensor) -> bool:
    """A forget gate's own weights are silent at c = 0 too: they depend on x or h, peepholes not.

    With c the same in every row, a peephole changes c by an amount that depends on c; the share
    that x decides is told by making x and h zero, where weights of x and h have nothing to move.
    """
    x, probe.x = probe.x, torch.zeros_like(probe.x)
    try:
        with torch.no_grad():
            base = probe.step(zeros, probe.c)["c"]
            before = tensor.clone()
            tensor += 0.3
            moved = probe.step(zeros, probe.c)["c"]
            tensor.copy_(before)
    finally:
        probe.x = x
    change = (moved - base).abs()
    if not bool((change > 1e-6).any()):
        return False
    # A forget bias changes c in proportion to c; a peephole in proportion to c times c.
    ratio = (moved - base) / probe.c
    spread = ratio.std(dim=0) / ratio.abs().mean(dim=0)
    return bool((spread > 0.05).any())


def _missing_gates(probe: _Probe) -> Iterator[str]:
    """C' = s · c + r: a slope of one means no forget gate, |r| ≤ 1 − s everywhere coupled gates."""
    zeros = torch.zeros_like(probe.c)
    r = probe.step(probe.h, zeros)["c"]
    slope = probe.step(probe.h, zeros + 1)["c"] - r
    twice = probe.step(probe.h, zeros + 2)["c"] - r
    if not torch.allclose(twice, 2 * slope, atol=1e-4):
        return
    if torch.allclose(slope, torch.ones_like(slope), atol=1e-4):
        yield "an LSTM without a forget gate (1997): the old cell state is kept whole"
    blocks = _blocks(probe)
    if blocks == 3 and bool((r.abs() <= 1 - slope + 1e-4).all()):
        yield "an LSTM with coupled gates: the input gate is one minus the forget gate"
    if blocks == 3:
        yield "a recurrence with the parameters of three gates where an LSTM has four"


def _blocks(probe: _Probe) -> int:
    """How many gates the weights are enough for."""
    weights = sum(t.numel() for t in probe.tensors.values() if t.dim() >= 2 and min(t.shape) > 1)
    return round(weights / (probe.hidden_size * (probe.input_size + probe.hidden_size)))


def _no_recurrence(probe: _Probe) -> Iterator[str]:
    """Gates that do not see h: an SRU or QRNN."""
    zeros = torch.zeros_like(probe.h)
    if _equal(probe.step(zeros, probe.c)["c"], probe.step(probe.h, probe.c)["c"]):
        yield "a quasi-recurrent unit (QRNN, SRU): its gates do not see the hidden state"


def _gating(probe: _Probe) -> Iterator[str]:
    """Slopes that no sigmoid gives: exponential gates, rectified candidates, zoneout."""
    zeros = torch.zeros_like(probe.c)
    found = probe.step(probe.h, zeros + 3)
    r = probe.step(probe.h, zeros)["c"]
    candidate = bool((r.abs() > 1 + 1e-4).any()) and bool((r >= -1e-6).all())
    if candidate and bool((found["h"] > 1 + 1e-4).any()):
        yield "an LSTM with ReLU in place of tanh, in the candidate and in the hidden state"


def _equal(a: Tensor, b: Tensor) -> bool:
    return bool(torch.allclose(a, b, rtol=0, atol=1e-7))
