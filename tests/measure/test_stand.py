"""What is opened on the clock: everything that could compute when it is looked at."""

from collections import OrderedDict, namedtuple
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from lstm_bench.measure.stand import Stand, _is_plain

ONE = torch.zeros(2)


class Named(NamedTuple):
    y: Tensor
    h: Tensor | None = None

    @property
    def computed(self):
        return self.y + 1


class Pair(tuple):
    """Nothing but a name."""


class Iterates(tuple):
    def __iter__(self) -> Iterator[Tensor]:
        return iter([ONE + 1])


class Indexes(dict):
    def __getitem__(self, key):
        return ONE + 1


class Misses(dict):
    def __missing__(self, key):
        return ONE + 1


class Measured(list):
    def __len__(self):
        return 2


class Strange(type(Tensor)):
    pass


@pytest.mark.parametrize(
    "result",
    [
        ONE,
        nn.Parameter(ONE),
        (ONE, (ONE, [ONE])),
        {"y": ONE},
        None,
        Named(ONE),
        namedtuple("Other", "y h")(ONE, ONE),
        Pair((ONE, Named(ONE))),
        torch.nn.utils.rnn.PackedSequence(ONE, torch.tensor([1, 1])),
    ],
)
def test_nothing_computes_here(result):
    assert _is_plain(result)


@pytest.mark.parametrize(
    "result",
    [
        Iterates((ONE,)),
        Indexes(y=ONE),
        Misses(y=ONE),
        Measured([ONE]),
        OrderedDict(y=ONE),
        iter([ONE]),
        ONE.as_subclass(Strange("Sub", (Tensor,), {})),
        (ONE, Iterates((ONE,))),
        Named(ONE, Iterates((ONE,))),
        lambda: ONE,
    ],
)
def test_this_could(result):
    assert not _is_plain(result)


def test_what_does_not_fit_is_not_sent_as_it_is():
    stand = Stand.__new__(Stand)
    stand.dtype, stand.room = torch.float32, (100, 139)
    assert stand._places([torch.zeros(10)], {}) is None
    assert stand._places([torch.zeros(3), None], {}) is None
