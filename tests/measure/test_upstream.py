"""What comes from above a module's outputs: new for every call, in the module's own layout."""

import pytest
import torch

from lstm_bench.conformance.reference import Cotangents
from lstm_bench.measure.upstream import Upstream
from lstm_bench.subject.parcel import Parcel
from lstm_bench.subject.subject import subject_from

B, T, I, H = 3, 4, 5, 6  # noqa: E741


def instance_of(target):
    parcel = Parcel(target, target)
    return subject_from(parcel.open(None), target, **parcel.open_kwargs()).build(I, H)


def rows(instance, generator):
    def row(*shape):
        return torch.randn(1, *shape, generator=generator)

    return Cotangents(row(T, instance.head_size or H), row(H), row(H))


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
    upstream = Upstream(instance, leaves, B, rows(instance, generator))
    for _ in range(3):
        above = rows(instance, generator)
        upstream.take(above)
        parts = instance.parts_of(leaves, B, T)
        read = sum(
            (parts[n] * value).sum().item() for n, value in vars(above).items() if n in parts
        )
        pairs = zip(upstream.buffers, leaves, strict=True)
        native = sum((buffer * t).sum().item() for buffer, (_, t) in pairs)
        assert native == pytest.approx(read, rel=1e-4, abs=1e-4)


def test_a_layout_that_permutes_is_taken_as_one_gather_and_any_other_by_its_transpose():
    generator = torch.Generator().manual_seed(2)
    instance = instance_of("torch_nn")
    x, state = torch.randn(B, T, I), torch.randn(2, B, H).unbind()
    leaves = list(instance.native_leaves(instance.bind(x, state)()))
    upstream = Upstream(instance, leaves, B, rows(instance, generator))
    assert upstream._places is not None
    gathered = [b.clone() for b in upstream.buffers]
    above = rows(instance, generator)
    upstream.take(above)
    assert not torch.equal(gathered[0], upstream.buffers[0])
    gathered = [b.clone() for b in upstream.buffers]
    upstream._places = None
    upstream.take(above)
    assert all(map(torch.equal, gathered, upstream.buffers))
