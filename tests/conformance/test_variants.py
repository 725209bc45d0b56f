"""Other recurrences are named by what they do; a broken LSTM is never excused as one of them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lstm_bench.conformance.variants import recognise_variant
from lstm_bench.subject import open_subject
from lstm_bench.theory.mistakes import IN_VALUES
from tests.conformance.mistaken import having
from tests.spellings import SPELLINGS

I, H = 5, 3  # noqa: E741 - the field's names


class Recurrent(nn.Module):
    """x2h and h2h with so many blocks; a subclass combines them."""

    blocks = 4
    two_states = True

    def __init__(self):
        super().__init__()
        self.x2h = nn.Linear(I, self.blocks * H)
        self.h2h = nn.Linear(H, self.blocks * H)

    def gates(self, x, h):
        return (self.x2h(x) + self.h2h(h)).chunk(self.blocks, 1)

    def call(self, x, state):
        h, c = state if state is not None else (x.new_zeros(len(x), H),) * 2
        for x_t in x.unbind(1):
            h, c = self.step(x_t, h, c)
        return {"h": h, "c": c} if self.two_states else {"h": h}


class GRU(Recurrent):
    blocks, two_states = 3, False

    def step(self, x, h, c):
        (xz, xn, xr), (hz, hn, hr) = self.x2h(x).chunk(3, 1), self.h2h(h).chunk(3, 1)
        z, r = (xz + hz).sigmoid(), (xr + hr).sigmoid()
        return z * h + (1 - z) * (xn + r * hn).tanh(), c


class GRUBefore(Recurrent):
    blocks, two_states = 3, False

    def step(self, x, h, c):
        r, z, _ = (t.sigmoid() for t in self.gates(x, h))
        n = (self.x2h(x).chunk(3, 1)[2] + self.h2h(r * h).chunk(3, 1)[2]).tanh()
        return (1 - z) * h + z * n, c


class ReluRNN(Recurrent):
    blocks, two_states = 1, False

    def step(self, x, h, c):
        return (self.x2h(x) + self.h2h(h)).relu(), c


class Coupled(Recurrent):
    blocks = 3

    def step(self, x, h, c):
        o, f, g = self.gates(x, h)
        f = f.sigmoid()
        c = f * c + (1 - f) * g.tanh()
        return o.sigmoid() * c.tanh(), c


class NoOutputGate(Recurrent):
    blocks = 3

    def step(self, x, h, c):
        g, f, i = self.gates(x, h)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return c.tanh(), c


class Peephole(Recurrent):
    def __init__(self):
        super().__init__()
        self.w_c = nn.Parameter(torch.zeros(3, H))

    def step(self, x, h, c):
        i, f, g, o = self.gates(x, h)
        i, f = (i + self.w_c[0] * c).sigmoid(), (f + self.w_c[1] * c).sigmoid()
        c = f * c + i * g.tanh()
        return (o + self.w_c[2] * c).sigmoid() * c.tanh(), c


class Normalised(Recurrent):
    """By a function, with no module or parameter to give it away."""

    def step(self, x, h, c):
        i, f, g, o = (F.layer_norm(z, (H,)) for z in self.gates(x, h))
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class Lazy(Recurrent):
    """Zoneout, by an option of any name."""

    def __init__(self, share=0.2):
        super().__init__()
        self.share = share

    def step(self, x, h, c):
        i, f, g, o = self.gates(x, h)
        new = f.sigmoid() * c + i.sigmoid() * g.tanh()
        s = self.share
        return s * h + (1 - s) * o.sigmoid() * new.tanh(), s * c + (1 - s) * new


class Bounded(Recurrent):
    """A clipped cell state, by an option of any name."""

    def __init__(self, most=2.0):
        super().__init__()
        self.most = most

    def step(self, x, h, c):
        i, f, g, o = self.gates(x, h)
        new = (f.sigmoid() * c + i.sigmoid() * g.tanh()).clamp(-self.most, self.most)
        return o.sigmoid() * new.tanh(), new


class ExponentialGating(Recurrent):
    def call(self, x, state):
        self.n = torch.ones(len(x), H, dtype=x.dtype)
        return super().call(x, state)

    def step(self, x, h, c):
        i, f, g, o = self.gates(x, h)
        i, f = i.exp(), f.sigmoid()
        c = f * c + i * g.tanh()
        self.n = f * self.n + i
        return o.sigmoid() * c / self.n, c


@pytest.mark.parametrize(
    ("variant", "words", "all_gates"),
    [
        (GRU, ("GRU", "after the product", "z keeps"), False),
        (GRUBefore, ("GRU", "before the product", "z takes"), False),
        (ReluRNN, ("plain", "RNN", "relu"), False),
        (Coupled, ("coupled", "i = 1 - f"), False),
        (NoOutputGate, ("without an output gate",), False),
        (Peephole, ("peephole", "w_c"), True),
        (Normalised, ("normalisation",), True),
        (ExponentialGating, ("exponential",), True),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_variant_is_named(variant, words, all_gates):
    module = variant().double()
    found = recognise_variant(module, (I, H), module.call, has_all_gates=all_gates)
    assert found is not None
    for word in words:
        assert word in found.sentence


@pytest.mark.parametrize(
    ("factory", "other", "words"),
    [(Lazy, {"share": 0.1}, "keeps 0.2"), (Bounded, {"most": 1.0}, "clipped to ±2")],
)
def test_what_an_option_moves_is_meant_and_what_none_moves_is_not(factory, other, words):
    module = factory().double()

    def otherwise(values):
        built = factory(**values).double()
        return built, built.call

    (name,) = other
    options = {name: lambda: otherwise(other)}
    found = recognise_variant(module, (I, H), module.call, has_all_gates=True, options=options)
    assert words in found.sentence
    assert f"`{name}`" in found.sentence
    idle = {"other": lambda: otherwise({})}
    for none in (None, {}, idle):
        assert (
            recognise_variant(module, (I, H), module.call, has_all_gates=True, options=none) is None
        )


def test_a_plain_lstm_with_one_mistake_is_no_variant():
    """What has an LSTM's parameters and gets something wrong is defective."""
    excused = {}
    for mistake in IN_VALUES[::5]:
        module = having(mistake)(I, H).double()

        def call(x, state, module=module):
            y, (h, c) = module(x, state)
            return {"y": y, "h": h, "c": c}

        found = recognise_variant(module, (I, H), call, has_all_gates=True)
        if found is not None:
            excused[mistake.sentence] = found.sentence
    assert excused == {}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: s.name)
def test_a_right_lstm_is_no_variant(spelling):
    subject = open_subject(spelling.target, **spelling.kwargs)
    instance = subject.build(I, H, dtype=subject.dtype)
    for all_gates in (True, False):
        found = recognise_variant(instance.module, (I, H), instance.run, has_all_gates=all_gates)
        assert found is None


def test_what_cannot_be_called_is_not_recognised_and_does_not_raise():
    assert recognise_variant(nn.Linear(I, H), (I, H), None) is None
    assert recognise_variant(object(), (I, H), None) is None
