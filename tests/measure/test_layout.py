"""Where canonical entries lie in a module's own tensors, and when nobody can say."""

import pytest
import torch

from lstm_bench.measure.layout import in_one_row, places

OWN = [torch.randn(2, 3), torch.randn(4)]


def held(reading, own=OWN):
    """The places, proven on other values than those they were found with."""
    found = places(reading, own)
    assert found is not None
    other = [torch.randn_like(t, dtype=torch.float32).to(t) for t in own]
    read = in_one_row(reading(other).values())
    assert torch.equal(read, in_one_row(other).to(read)[found])
    return found


def test_what_moves_entries_is_found():
    held(lambda t: {"a": t[0].T, "b": t[1][[2, 0, 1, 3]]})
    held(lambda t: {"b": torch.stack([t[1], t[1]])})
    assert held(lambda t: {"a": t[0], "b": t[1]}).tolist() == list(range(10))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_in_every_precision_more_entries_than_it_can_count(dtype):
    own = [torch.zeros(300, 11, dtype=dtype)]  # bfloat16 counts to 256
    held(lambda t: {"a": t[0].flip(0).T}, own)


@pytest.mark.parametrize(
    "reading",
    [
        lambda t: {"a": t[0] + 1},
        lambda t: {"a": t[0] * 2},
        lambda t: {"a": -t[0]},
        lambda t: {"a": t[0][0] + t[1][:3]},
        lambda t: {"a": torch.cat([t[1], torch.zeros(2)])},
        lambda t: {"a": t[1].sort(descending=True).values},
        lambda t: {},
    ],
    ids=["shifted", "scaled", "negated", "added up", "entries of its own", "by value", "nothing"],
)
def test_what_does_more_is_not(reading):
    assert places(reading, OWN) is None


def test_no_tensors_have_no_places():
    assert places(lambda t: {}, []) is None
