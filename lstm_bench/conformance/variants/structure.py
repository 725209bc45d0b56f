"""What a module is built of: torch's own layers, how many blocks, how many layers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import suppress

from torch import Tensor, nn

from lstm_bench.conformance.variants.blocks import Blocks, biases_by_side, gather
from lstm_bench.conformance.variants.probe import Probe
from lstm_bench.theory.cell import Cell
from lstm_bench.theory.compute import run
from lstm_bench.theory.edits import Theory
from lstm_bench.theory.families import FAMILIES, LSTM


def torch_layers(probe: Probe) -> Iterator[str]:
    """Torch's own layers say what they are."""
    if not isinstance(probe.module, nn.Module):
        return
    for part in probe.module.modules():
        if isinstance(part, (nn.GRU, nn.GRUCell)):
            yield "a GRU (gated recurrent unit), one state and two gates: it holds torch's own"
        if isinstance(part, (nn.RNN, nn.RNNCell)):
            yield "a plain (Elman) RNN, one state and no gates: it holds torch's own"
        if isinstance(part, nn.RNNBase):
            yield from _of_base(part)


def _of_base(part: nn.RNNBase) -> Iterator[str]:
    if part.proj_size:
        yield "an LSTM with a projected hidden state (proj_size)"
    if part.bidirectional:
        yield "a bidirectional LSTM: one in each direction of time"
    if part.num_layers > 1:
        yield f"a stack of {part.num_layers} layers, where one is meant"


def by_equation(probe: Probe) -> Iterator[str]:
    """The family that gives the same results from the same blocks."""
    got = probe.step()
    for blocks in _cuts(probe):
        if not blocks.x or len(blocks.x) != len(blocks.h):
            continue
        for cell in FAMILIES:
            for found in _steps(probe, blocks, cell) if cell is not LSTM else ():
                if set(found) == set(got) and all(probe.equal(got[n], found[n]) for n in got):
                    yield f"{cell.name} (its results follow from these equations)"


def _cuts(probe: Probe) -> Iterator[Blocks]:
    """The ways to cut the parameters up, in float64."""
    for flipped, h_first in itertools.product((True, False), (False, True)):
        yield _double(_gathered(probe, flipped=flipped, h_first=h_first))


def _steps(probe: Probe, blocks: Blocks, cell: Cell) -> Iterator[dict[str, Tensor]]:
    """The states after a step of a cell, for every order of the blocks, which may be its gates'."""
    known = cell.parameters()
    if len(cell.gates) != len(blocks.x) or any(name[0] not in "WUbd" for name in known):
        return
    over_x, over_h = biases_by_side(blocks)
    state = probe.h.double(), probe.c.double()
    for order in itertools.permutations(range(len(blocks.x))):
        named = {}
        for gate, k in zip(cell.gates, order, strict=True):
            apart = f"d_{gate}" in known  # a bias of its own beside what comes from h
            named[f"W_{gate}"], named[f"U_{gate}"] = blocks.x[k].value, blocks.h[k].value
            named[f"b_{gate}"] = over_x[k] if apart else over_x[k] + over_h[k]
            named |= {f"d_{gate}": over_h[k]} if apart else {}
        found = run(Theory(cell), named, probe.x.double(), state[: len(cell.states)])
        yield {name: found[name] for name, _ in cell.states}


def _gathered(probe: Probe, *, flipped: bool = False, h_first: bool = False) -> Blocks:
    sizes = (probe.input_size, probe.hidden_size)
    return gather(probe.tensors, *sizes, flipped=flipped, h_first=h_first)


def _double(blocks: Blocks) -> Blocks:
    def lifted(found: list) -> list:  # type: ignore[type-arg]
        return [type(b)(b.name, b.value.double()) for b in found]

    return Blocks(lifted(blocks.x), lifted(blocks.h), lifted(blocks.bias), blocks.extra)


def several(probe: Probe) -> Iterator[str]:
    """More blocks than one layer in one direction has."""
    blocks = _gathered(probe)
    over_x, over_h = len(blocks.x), len(blocks.h)
    if over_x in (6, 8) and over_x == over_h and _both_directions(probe):
        yield "a bidirectional recurrence: it runs in both directions of time, each with weights"
    if over_x >= 3 and over_h > over_x and (over_h - over_x) % (2 * over_x) == 0:
        layers = 1 + (over_h - over_x) // (2 * over_x)
        yield f"a stack of {layers} recurrent layers, {over_x} gates each, where one is meant"
    if (over_x, over_h) == (1, 8) and "c" in probe.step():
        yield (
            f"an LSTM behind another layer: `{blocks.x[0].name}` takes its input to the hidden "
            "size first"
        )


def _both_directions(probe: Probe) -> bool:
    """Whether the first output moves with the last input; by its names where it cannot be run."""
    try:
        return _sees_the_future(probe)
    except Exception:  # outputs twice as wide, say
        return bool(probe.named("^bi|backward|revers|right"))


def _sees_the_future(probe: Probe) -> bool:
    x = probe.x.expand(-1, 4, -1).clone()
    later = x.clone()
    later[:, -1] += 1
    before, after = (probe.run(given, state=False)["y"][:, 0] for given in (x, later))
    return not probe.equal(before, after)


def projected(probe: Probe) -> Iterator[str]:
    """Four gates over a narrower (or wider) h, which one more matrix makes of o tanh(c)."""
    yield from _projected_to_as_many(probe)
    I, H = probe.input_size, probe.hidden_size  # noqa: E741
    weights = {n: t for n, t in probe.tensors.items() if t.dim() >= 2 and min(t.shape) > 0}
    total = sum(t.numel() for t in weights.values())
    fitting = [
        (name, t.numel() // H)
        for name, t in weights.items()
        if t.dim() == 2
        and H in t.shape
        and t.numel() // H not in (I, H)
        # All the rest is four gates over x and over an h of that width.
        and total - t.numel() == 4 * H * (I + t.numel() // H)
    ]
    # Per-gate matrices over h have the projection's shape: then its name tells it, or its place.
    fitting.sort(key=lambda found: bool(re.search("proj|_hr|_p\\b|_rh|_mh", found[0])))
    for name, width in fitting[-1:]:
        yield (
            f"an LSTM with a projected hidden state: `{name}` takes h from {H} to {width} "
            "units, and that is what is fed back"
        )


def _projected_to_as_many(probe: Probe) -> Iterator[str]:
    """The same where h stays as wide, which only equations tell from another mistake."""
    got = probe.step()
    for blocks in _cuts(probe):
        if (len(blocks.x), len(blocks.h)) != (4, 5):
            continue
        for place, projection in enumerate(blocks.h):
            own = [b for b in blocks.bias if b.owner and b.owner == projection.owner]
            if not own and len(blocks.bias) % 4 == 1:
                own = blocks.bias[-1:]
            rest = Blocks(
                blocks.x,
                blocks.h[:place] + blocks.h[place + 1 :],
                [b for b in blocks.bias if all(b is not one for one in own)],
            )
            made = [
                step["h"]  # o tanh(c), for each order of the gates that gives the right c
                for step in _steps(probe, rest, LSTM)
                if "c" not in got or probe.equal(got["c"], step["c"])
            ]
            bias = sum(b.value for b in own)
            if any(
                probe.equal(got["h"], m @ P + bias)
                for m in made
                for P in (projection.value, projection.value.T)
            ):
                yield (
                    f"an LSTM with a projected hidden state: `{projection.name}` is applied to "
                    "o tanh(c), and that is what is fed back (its results follow from these "
                    "equations)"
                )


def convolutional(probe: Probe) -> Iterator[str]:
    """Weights with a kernel's axes, which are nothing that a block of an LSTM can be."""
    H = probe.hidden_size
    for name, tensor in _gathered(probe).extra.items():
        if tensor.dim() == 4:
            yield f"a convolutional LSTM: `{name}` is the kernel of a convolution over space"
        if tensor.dim() == 3 and tensor.shape[0] % H == 0:
            yield (
                f"a quasi-recurrent unit (QRNN): `{name}` is the kernel of a convolution over "
                "time, in the place of recurrent weights"
            )


def by_count(probe: Probe) -> Iterator[str]:
    """No equation fits: what the number of blocks and states alone says."""
    with suppress(Exception):
        if _sees_the_future(probe):
            return  # attention, say: no recurrence at all
    blocks = _gathered(probe)
    over_x, two_states = len(blocks.x), "c" in probe.step()
    if not two_states:
        names = {
            1: "one state and one block of weights: a plain RNN without gates",
            2: "one state and two blocks of weights: one gate and a candidate, as a minimal gated "
            "unit (MGU) has",
            3: "one state and three blocks of weights: two gates and a candidate, as a GRU has",
        }
        if over_x in names:
            yield f"a recurrence with {names[over_x]}"
    elif over_x == 3:
        yield "a recurrence with the parameters of three gates' blocks, where an LSTM has four"
    elif over_x in (1, 2):
        yield f"a recurrence with {over_x} of the four blocks of weights that an LSTM has"
