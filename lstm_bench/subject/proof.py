"""Prove a mapping: load random parameters by it and get the equations' values back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impls.parameters import GATES, Parameters
from lstm_bench.subject.instance import Instance
from lstm_bench.subject.mapping import ProbedMap

ENOUGH = {torch.float64: 1e-8, torch.float32: 1e-3}


@dataclass(frozen=True)
class Proof:
    """A map and how many of the returned parts agree with the equations under it."""

    parameter_map: ProbedMap
    score: int
    complete: bool


def prove(instance: Instance, parameter_map: ProbedMap, dtype: torch.dtype) -> Proof:
    """Load by the map and compare; add the constants that the module seems to have, if it helps."""
    plain = _proof(instance, parameter_map, dtype)
    if plain.complete:
        return plain
    instance.parameter_map = parameter_map
    constants = _constants(instance, dtype)
    if constants is None:
        return plain
    adjusted = _proof(instance, replace(parameter_map, constants=constants), dtype)
    return adjusted if adjusted.score > plain.score else plain


def _proof(instance: Instance, parameter_map: ProbedMap, dtype: torch.dtype) -> Proof:
    instance.parameter_map = parameter_map
    agreeing = _agreeing(instance, dtype)
    score = sum(agreeing.values())
    return Proof(parameter_map, score, bool(agreeing) and all(agreeing.values()))


def _random(instance: Instance, dtype: torch.dtype, seed: int) -> Parameters:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return (torch.randn(*shape, generator=generator, dtype=torch.float64) * 0.6).to(dtype)

    I, H, K = instance.input_size, instance.hidden_size, instance.head_size  # noqa: E741
    head = () if K is None else (normal(H, K), normal(K))
    return Parameters(normal(4, I, H), normal(4, H, H), normal(4, H), *head)


def _agreeing(instance: Instance, dtype: torch.dtype) -> dict[str, bool]:
    """Which parts agree over three steps of four sequences, from a random state if one is taken."""
    generator = torch.Generator().manual_seed(7)
    try:
        with torch.no_grad():
            effective = instance.load(_random(instance, dtype, 5)).to(dtype=torch.float64)
            x = torch.randn(4, 3, instance.input_size, generator=generator).to(dtype)
            h, c = torch.randn(2, 4, instance.hidden_size, generator=generator).to(dtype)
            state = (h, c) if instance.interface.takes_state else None
            got = instance.run(x, state)
    except Exception:
        return {}
    if state is None:
        h, c = torch.zeros_like(h), torch.zeros_like(c)
    wanted = equations(effective, x.double(), h.double(), c.double())
    limit = ENOUGH[dtype]
    return {
        part: value.shape == wanted[part].shape
        and bool((value.double() - wanted[part]).abs().max() < limit)
        for part, value in got.items()
        if part in wanted
    }


def equations(p: Parameters, x: Tensor, h: Tensor, c: Tensor) -> dict[str, Tensor]:
    """The LSTM's equations over x (B, T, I); parts y, h, c."""
    outputs = []
    for x_t in x.unbind(1):
        i, f, o, a = (x_t @ p.W[k] + h @ p.U[k] + p.b[k] for k in range(len(GATES)))
        c = f.sigmoid() * c + i.sigmoid() * a.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h if p.head is None else h @ p.head[0] + p.head[1])
    return {"y": torch.stack(outputs, 1), "h": h, "c": c}


def _constants(instance: Instance, dtype: torch.dtype) -> tuple[float, float, float, float] | None:
    """What the module adds to each gate by itself (a forget bias of +1, say), from two steps.

    With all parameters zero but the candidate's (which is fed r through x), from zero states:
    c1 = σ(k_i) tanh(r),  h1 = σ(k_o) tanh(c1),  c2 = σ(k_f) c1 + c1. Where c is not returned,
    k_o is taken to be zero and c read off h. None where the numbers make no sense as constants.
    """
    zeros = _random(instance, dtype, 5).map(torch.zeros_like)
    W = zeros.W.clone()
    W[3, 0] = 1.0
    try:
        first = _states_after(1, instance, replace(zeros, W=W))
        second = _states_after(2, instance, replace(zeros, W=W))
    except Exception:
        return None
    r = torch.ones((), dtype=torch.float64)
    found = (
        _single(_logit(first["c"] / r.tanh())),
        _single(_logit((second["c"] - first["c"]) / first["c"])),
        _single(_logit(first["h"] / first["c"].tanh())),
    )
    if any(v is None or abs(v) > 20 for v in found):
        return None
    k_i, k_f, k_o = (round(v or 0.0, 4) for v in found)
    return (k_i, k_f, k_o, 0.0)


def _states_after(steps: int, instance: Instance, parameters: Parameters) -> dict[str, Tensor]:
    """H and c (in float64) after this many steps of x = e_0 from zero states."""
    instance.load(parameters)
    x = torch.zeros(2, steps, instance.input_size, dtype=parameters.W.dtype)
    x[..., 0] = 1.0
    zeros = torch.zeros(2, instance.hidden_size, dtype=parameters.W.dtype)
    state = (zeros, zeros.clone()) if instance.interface.takes_state else None
    with torch.no_grad():
        parts = {name: part.double() for name, part in instance.run(x, state).items()}
    h = parts["h"] if "h" in parts else parts["y"][:, -1]
    c = parts["c"] if "c" in parts else torch.atanh((2 * h).clamp(-1, 1))
    return {"h": h, "c": c}


def _logit(t: Tensor) -> Tensor:
    return torch.log(t / (1 - t))


def _single(t: Tensor) -> float | None:
    """The one value that all entries have, or None."""
    if not bool(t.isfinite().all()) or bool((t - t.flatten()[0]).abs().max() > 1e-4):
        return None
    return float(t.flatten()[0])
