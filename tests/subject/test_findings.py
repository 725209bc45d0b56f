"""What probing alone shows of a broken LSTM: silent gates, contradicting names, swapped states."""

import pytest
import torch
from torch import nn

from lstm_bench.subject.subject import subject_from


class Host(nn.Module):
    """An ordinary LSTM; the broken ones change one line of it."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.wx = nn.Linear(input_size, 4 * hidden_size)
        self.wh = nn.Linear(hidden_size, 4 * hidden_size)

    def gates(self, x, h):
        return (self.wx(x) + self.wh(h)).chunk(4, -1)

    def combine(self, i, f, g, o, c):
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def forward(self, x, state=None):
        zeros = x.new_zeros(x.shape[0], self.hidden_size)
        h, c = (zeros, zeros) if state is None else state
        out = []
        for x_t in x.unbind(1):
            h, c = self.combine(*self.gates(x_t, h), c)
            out.append(h)
        return torch.stack(out, 1), (h, c)


class OutputGateWithoutH(Host):
    def gates(self, x, h):
        i, f, g, _ = super().gates(x, h)
        return i, f, g, self.wx(x).chunk(4, -1)[3]


class ForgetIsOneMinusInput(Host):
    def combine(self, i, f, g, o, c):
        c = (1 - i.sigmoid()) * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class SecondBiasUnused(Host):
    def gates(self, x, h):
        return (self.wx(x) + h @ self.wh.weight.T).chunk(4, -1)


class BiasTwice(Host):
    def gates(self, x, h):
        return (self.wx(x) + self.wx.bias + h @ self.wh.weight.T).chunk(4, -1)


class SwappedOut(Host):
    def forward(self, x, state=None):
        out, (h, c) = super().forward(x, state)
        return out, (c, h)


class StateIgnored(Host):
    def forward(self, x, state=None):
        return super().forward(x, None)


class NamedGates(nn.Module):
    """Four Linear layers whose names say which gate they are; `i` and `f` used the wrong way."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "ifgo":
            setattr(self, f"{gate}_x", nn.Linear(input_size, hidden_size))
            setattr(self, f"{gate}_h", nn.Linear(hidden_size, hidden_size))

    def forward(self, x, state):
        h, c = state
        i, f, g, o = (getattr(self, f"{k}_x")(x) + getattr(self, f"{k}_h")(h) for k in "figo")
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, c


class TorchNamesOtherOrder(nn.LSTMCell):
    def forward(self, x, state):
        h, c = state
        z = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, o, g = z.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (OutputGateWithoutH, "output gate ignores h"),
        (ForgetIsOneMinusInput, "forget gate ignores x"),
        (SecondBiasUnused, "`wh.bias` has no effect"),
        (BiasTwice, "counts 2 times"),
        (SwappedOut, "h and c are swapped"),
        (StateIgnored, "h0 is ignored"),
        (NamedGates, "gates are mixed up"),
        (TorchNamesOtherOrder, "order of gates is"),
    ],
)
def test_the_finding_names_it(broken, words):
    found = [f.sentence for f in subject_from(broken, broken.__name__).findings]
    assert any(words in sentence for sentence in found), found


def test_the_intact_host_has_no_finding():
    assert subject_from(Host, "host").findings == ()
