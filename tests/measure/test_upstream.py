"""What comes from above a module's outputs: new for every call, in the module's own layout."""

import math

import pytest
import torch

from lstm_bench.measure.upstream import Even, Upstream
from lstm_bench.subject.parcel import Parcel
from lstm_bench.subject.subject import subject_from

B, T, I, H = 3, 4, 5, 6  # noqa: E741


def instance_of(target):
    parcel = Parcel(target, target)
    return subject_from(parcel.open(None), target, **parcel.open_kwargs()).build(I, H)


def row_and_cuts(instance, generator):
    """A row of values with gaps between its parts, and where they are."""
    y = (1, T, instance.head_size or H)
    cuts = {"y": (2, y), "h": (2 + math.prod(y) + 3, (1, H)), "c": (5 + math.prod(y) + H, (1, H))}
    return torch.randn(cuts["c"][0] + H, generator=generator), cuts


def cut(row, cuts):
    return {part: row[b:][: math.prod(shape)].view(shape) for part, (b, shape) in cuts.items()}


@pytest.mark.parametrize(
    "target",
    ["torch_nn", "torch.nn:LSTMCell", "documented_loop"],
)
def test_it_is_the_transpose_of_how_outputs_are_read(target):
    """For any outputs, ⟨above, what is read⟩ is ⟨buffers, outputs⟩."""
    instance, generator = instance_of(target), torch.Generator().manual_seed(1)
    x = torch.randn(B, T, I, generator=generator)
    state = torch.randn(2, B, H, generator=generator).unbind()
    takes = state if instance.interface.takes_state else None
    leaves = list(instance.native_leaves(instance.bind(x, takes)()))
    upstream = Upstream(instance, leaves, B, *row_and_cuts(instance, generator))
    for _ in range(3):
        above, cuts = row_and_cuts(instance, generator)
        upstream.take(above)
        parts = instance.parts_of(leaves, B, T)
        named = cut(above, cuts)
        read = sum((parts[n] * value).sum().item() for n, value in named.items() if n in parts)
        pairs = zip(upstream.buffers, leaves, strict=True)
        native = sum((buffer * t).sum().item() for buffer, (_, t) in pairs)
        assert native == pytest.approx(read, rel=1e-4, abs=1e-4)


def test_a_layout_that_moves_entries_evenly_is_one_copy_and_any_other_goes_by_its_transpose():
    generator = torch.Generator().manual_seed(2)
    instance = instance_of("torch_nn")
    x, state = torch.randn(B, T, I), torch.randn(2, B, H).unbind()
    leaves = list(instance.native_leaves(instance.bind(x, state)()))
    upstream = Upstream(instance, leaves, B, *row_and_cuts(instance, generator))
    assert None not in upstream._moves
    copied = [b.clone() for b in upstream.buffers]
    above, _ = row_and_cuts(instance, generator)
    upstream.take(above)
    assert not torch.equal(copied[0], upstream.buffers[0])
    copied = [b.clone() for b in upstream.buffers]
    upstream._moves = [None]
    upstream.take(above)
    assert all(map(torch.equal, copied, upstream.buffers))


@pytest.mark.parametrize(
    "move",
    [
        lambda p: p,
        lambda p: p.permute(2, 0, 1)[1:],
        lambda p: p[:1].expand(5, 3, 4),
        lambda p: p.unsqueeze(1).expand(2, 7, 3, 4).reshape(14, 12),
        lambda p: torch.stack([p[0], p[1] + 7]),
        lambda p: p[:1, :1, :1],
        lambda p: p[:, :2, :1] + 2,
    ],
)
def test_places_that_go_on_evenly(move):
    places = move(torch.arange(24).view(2, 3, 4))
    even, row = Even.found(places), torch.randn(60)[3:]
    assert torch.equal(even.of(row).reshape(places.shape), row[places])


@pytest.mark.parametrize(
    "move",
    [lambda p: p.flip(0), lambda p: p - 1, lambda p: p[:, [0, 1, 0]], lambda p: p[:0]],
    ids=["backwards", "a zero of nobody's", "here and there", "nothing"],
)
def test_places_that_do_not(move):
    assert Even.found(move(torch.arange(24).view(2, 3, 4))) is None
