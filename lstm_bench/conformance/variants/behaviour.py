"""What a module does that no plain LSTM does, whatever its parameters are called."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lstm_bench.conformance.variants.blocks import gather
from lstm_bench.conformance.variants.probe import Probe


def _zero(name: str, tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor)


# -- the cell state in the gates -----------------------------------------------------------------


def peepholes(probe: Probe) -> Iterator[str]:
    """A tensor besides four gates' weights that does nothing where c = 0, or moves o through c.

    Seen with all else at zero: then gates stand at 1/2, and what lets them see the cell state
    is the only thing that bends c' = f c.
    """
    H = probe.hidden_size
    blocks = gather(probe.tensors, probe.input_size, H)
    if not (len(blocks.bias) % 4 or len(blocks.h) % 4 or probe.named("peep")):
        return  # nothing besides four gates' own weights
    wanted = {(H,), (3, H), (3 * H,), (2 * H,), (H, H), (1, H), (3 * H, H), (H, 3 * H)}
    names = [n for n, t in probe.tensors.items() if tuple(t.shape) in wanted]
    c = torch.linspace(-2, 2, 16, dtype=probe.dtype).reshape(16, 1).expand(-1, H).contiguous()
    still = torch.zeros_like(c)
    x = torch.zeros(16, 1, probe.input_size, dtype=probe.dtype)
    for name in names:

        def alone(n: str, tensor: Tensor, name: str = name) -> Tensor:
            return torch.full_like(tensor, 0.7) if n == name else torch.zeros_like(tensor)

        with probe.parameters(_zero):
            plain = probe.step(x, still, c)
        with probe.parameters(alone):
            bent, at_zero = probe.step(x, still, c), probe.step(x, still, still)
        with probe.parameters(_zero):
            nothing = probe.step(x, still, still)
        if not probe.same(at_zero, nothing) or probe.same(bent, plain):
            continue
        if not _odd(bent, plain, probe):
            continue  # multiplies c and -c alike: a constant factor or a bias, which sees no c
        kind = (
            "full" if probe.tensors[name].dim() == 2 and min(probe.tensors[name].shape) > 3 else ""
        )
        yield (
            f"an LSTM with {kind + ' ' if kind else ''}peepholes: `{name}` lets the gates see the "
            "cell state"
        )


def _odd(bent: dict[str, Tensor], plain: dict[str, Tensor], probe: Probe) -> bool:
    """Whether the factor by which c (or h, of the output gate) changed differs for c and -c."""
    part = "c" if "c" in bent and not probe.equal(bent["c"], plain["c"]) else "h"
    factor = bent[part] / plain[part]
    return bool(factor.isfinite().all()) and not probe.equal(factor, factor.flip(0))


# -- normalisation and size of the gates ---------------------------------------------------------


def normalised(probe: Probe) -> Iterator[str]:
    """A layer of normalisation, or results that do not change when all weights are scaled."""
    if isinstance(probe.module, nn.Module):
        for part in probe.module.modules():
            name = type(part).__name__
            if isinstance(part, (nn.LayerNorm, nn.GroupNorm)) or "RMSNorm" in name:
                yield f"an LSTM with layer normalisation ({name}) inside its steps"
            if isinstance(part, (nn.BatchNorm1d, nn.InstanceNorm1d)):
                yield f"an LSTM with {name} (batch normalisation) inside its steps"
    if _ignores_scale(probe):
        yield "an LSTM with a normalisation inside its steps: scaling all weights changes nothing"


def _ignores_scale(probe: Probe) -> bool:
    """Whether small operands weighted 20 or 100 times give the same; gates stay unsaturated."""
    results = []
    for factor, x in ((20.0, probe.x), (100.0, probe.x), (20.0, probe.x.flip(0))):

        def scaled(name: str, tensor: Tensor, factor: float = factor) -> Tensor:
            return tensor * factor if _is_weight(tensor, probe) else torch.zeros_like(tensor) + 0.1

        with probe.parameters(scaled):
            results.append(probe.step(0.01 * x, 0.01 * probe.h))
    small, large, other = (result["h"] for result in results)
    moves = (other - small).abs().max()
    return bool(moves > 1e-2) and bool((large - small).abs().max() < 0.02 * moves)


def _is_weight(tensor: Tensor, probe: Probe) -> bool:
    return tensor.dim() >= 2 and min(tensor.shape) > 1


def exponential(probe: Probe) -> Iterator[str]:
    """A normaliser beside the cell: h = o c / n, where gates move n.

    With the candidate at zero, c = f c0 whatever the input gate does, and an LSTM's h is
    tanh(c) / 2. Here h is in proportion to c, and of the biases that move h and not c, some
    raise it (the output gate's) and some lower it (what the normaliser grows by).
    """
    H = probe.hidden_size
    x, still = torch.zeros_like(probe.x), torch.zeros_like(probe.h)
    with probe.parameters(_zero):
        plain, double = (probe.step(x, still, k * probe.c) for k in (1, 2))
    if "c" not in plain or probe.equal(plain["c"], plain["h"]):
        return
    if not probe.equal(double["h"], 2 * plain["h"]) or not probe.equal(double["c"], 2 * plain["c"]):
        return
    raised = lowered = False
    for name, tensor in probe.tensors.items():
        for k in range(tensor.numel() // H if tensor.dim() == 1 else 0):

            def lifted(n: str, t: Tensor, name: str = name, k: int = k) -> Tensor:
                found = torch.zeros_like(t)
                if n == name:
                    found[k * H : (k + 1) * H] = 0.5
                return found

            with probe.parameters(lifted):
                moved = probe.step(x, still)
            if probe.equal(moved["c"], plain["c"]):
                ratio = (moved["h"] / plain["h"]).mean().item()
                raised |= ratio > 1 + 1e-6
                lowered |= ratio < 1 - 1e-6
    if raised and lowered:
        yield (
            "an LSTM with exponential gating (sLSTM): beside the cell state it keeps a normaliser "
            "that its gates move and h is divided by"
        )


# -- what h does -----------------------------------------------------------------------------


def without_recurrence(probe: Probe) -> Iterator[str]:
    """Gates that do not see h, or see it unit by unit, or only as a factor of x."""
    plain = probe.step()
    other = probe.h.flip(0) + 0.3
    blocks = gather(probe.tensors, probe.input_size, probe.hidden_size)
    if probe.same(probe.step(h=other), plain):
        if not blocks.h and not probe.same(probe.step(c=-probe.c), plain):
            yield (
                "a quasi-recurrent unit (SRU, QRNN): its gates see the input alone, not the hidden "
                "state h; it has no recurrent weights"
            )
        return
    one = probe.h.clone()
    one[:, 0] += 0.5
    moved = probe.step(h=one)
    parts = [p for p in moved if not probe.equal(moved[p], plain[p])]
    apart = all(probe.equal(moved[p][:, 1:], plain[p][:, 1:]) for p in moved)
    if parts and apart and not blocks.h:
        yield (
            "an LSTM with diagonal recurrent weights (independent units): each unit sees its own "
            "hidden state alone, element by element"
        )
    if len(blocks.x) % 4 == 0 and not probe.named("multipl|mlstm"):
        return
    blind = torch.zeros_like(probe.x)
    no_bias = {n for n, t in probe.tensors.items() if not _is_weight(t, probe)}

    def unbiased(name: str, tensor: Tensor) -> Tensor:
        return torch.zeros_like(tensor) if name in no_bias else tensor

    with probe.parameters(unbiased):
        if probe.same(probe.step(x=blind, h=other), probe.step(x=blind)):
            yield (
                "a multiplicative LSTM: its gates see the product of what comes from x and from h, "
                "an intermediate state in the place of h"
            )


def residual(probe: Probe) -> Iterator[str]:
    """Something that reaches the output past all states."""
    with probe.parameters(_zero):
        if _output_moves_with_x(probe) and probe.named("resid|skip|short|highway|dense"):
            yield "an LSTM with a residual (skip) connection: its input is added to its output"
    for name, tensor in probe.tensors.items():
        if set(tensor.shape) != {probe.input_size, probe.hidden_size}:
            continue

        def alone(n: str, t: Tensor, name: str = name) -> Tensor:
            return t if n == name else torch.zeros_like(t)

        with probe.parameters(alone):
            if _output_moves_with_x(probe):
                yield (
                    f"an LSTM with a residual (skip, shortcut) connection: through `{name}` the "
                    "input is added to the output"
                )


def _output_moves_with_x(probe: Probe) -> bool:
    """Whether the output moves with x while the returned h and c do not."""
    before, after = probe.run(probe.x), probe.run(-probe.x)
    if "y" not in before or not {"h", "c"} & set(before):
        return False
    states = [part for part in ("h", "c") if part in before]
    still = all(probe.equal(before[p], after[p]) for p in states)
    return still and not probe.equal(before["y"], after["y"])


def zoneout(probe: Probe) -> Iterator[str]:
    """With all parameters at zero an LSTM forgets h at once; here a share of it stays.

    It is meant to, where an option of the constructor says how much.
    """
    kept = _kept_share(probe)
    for name, other in probe.otherwise() if kept else ():
        if _kept_share(other) != kept:
            yield (
                f"an LSTM with zoneout (`{name}`): each unit keeps {kept:.4g} of its old state and "
                "takes the rest from the new one"
            )


def _kept_share(probe: Probe) -> float | None:
    with probe.parameters(_zero):
        base, up = probe.step(h=probe.h), probe.step(h=probe.h + 1)
    share = up["h"] - base["h"]
    kept = share.flatten()[0].item()
    steady = probe.equal(share, torch.full_like(share, kept)) and "c" in base
    return round(kept, 6) if steady and 1e-4 < kept < 1 - 1e-4 else None


def clipped(probe: Probe) -> Iterator[str]:
    """A cell or hidden state that stays within limits which an option of the constructor moves."""
    found = _limit(probe)
    if found is None:
        return
    which, limit = found
    for name, other in probe.otherwise():
        if _limit(other) != found:
            yield f"an LSTM whose {which} state is clipped to ±{limit:.6g} by design (`{name}`)"


def _limit(probe: Probe) -> tuple[str, float] | None:
    """Which state stays within what, where the cell state is asked to be 5000 and h 1/2."""
    with probe.parameters(_zero):
        found = probe.step(c=torch.full_like(probe.c, 1e4))
    if "c" in found and bool((found["c"] < 4999).all()):
        return "cell", round(found["c"].max().item(), 6)
    if bool((found["h"].abs() < 0.499).all()):
        return "hidden", round(found["h"].max().item(), 6)
    return None


def rectified(probe: Probe) -> Iterator[str]:
    """ReLU in the place of both tanh: states that are never negative and not bounded."""
    generator = torch.Generator().manual_seed(3)

    def large(name: str, tensor: Tensor) -> Tensor:
        return torch.randn(tensor.shape, generator=generator, dtype=torch.float64).to(tensor) * 2

    with probe.parameters(large):
        found = probe.step(c=torch.zeros_like(probe.c))
    never_negative = all(bool((t >= -1e-6).all()) for t in found.values())
    if never_negative and bool((found["h"] > 1.001).any()):
        yield "an LSTM with ReLU in place of tanh, in the candidate and in the hidden state"


# -- three blocks, no equation known ------------------------------------------------------------


def missing_gates(probe: Probe) -> Iterator[str]:
    """C' = s c + r: a slope s of 1 means no forget gate; |r| <= 1 - s everywhere, coupled gates."""
    blocks = gather(probe.tensors, probe.input_size, probe.hidden_size)
    zeros = torch.zeros_like(probe.c)
    first = probe.step(c=zeros)
    if "c" not in first or len(blocks.x) >= 4:
        return
    r = first["c"]
    slope, twice = (probe.step(c=zeros + k)["c"] - r for k in (1, 2))
    if not probe.equal(twice, 2 * slope) or probe.equal(slope, zeros):
        return  # not linear in c, or a state that it cannot be given
    if probe.equal(slope, torch.ones_like(slope)):
        yield "an LSTM without a forget gate (as of 1997): the old cell state is kept whole"
    if bool((r.abs() <= 1 - slope + 1e-4).all()):
        yield "an LSTM with coupled gates: input and forget gate sum to 1"
