"""From behaviour to the first cause, by name, on known mistakes and others."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from impls.registry import implementations
from lstm_bench.conformance.diagnosis import diagnose
from lstm_bench.conformance.diagnosis.unmapped import diagnose_unmapped
from lstm_bench.subject import open_subject
from lstm_bench.theory.mistakes import IN_GRADIENTS, IN_VALUES
from tests.conformance.mistaken import FAILED, Plain, having, with_factory
from tests.spellings import SPELLINGS

NOT_HERE = {"y<outputs", "y<b_h", "read out", "W_h", "b_h", "run"}
"""Places of an output layer, and of a run over the batch, which has no states to return."""

SHOWN = [
    m for m in (*IN_VALUES, *IN_GRADIENTS)
    if m.failure_class != "numerics" and not NOT_HERE.issuperset(m.edits[0].places)
]  # fmt: skip


# Every so many; that all are told apart is tested where they are made.
@pytest.mark.parametrize("mistake", SHOWN[::29], ids=lambda m: m.sentence[:60])
def test_a_known_mistake_is_told_in_its_own_sentence(mistake):
    said = diagnose(with_factory(having(mistake)), FAILED)[0]
    # Where sizes must be equal, or no state given, for it to show, that is said besides.
    assert said.startswith((mistake.sentence, "wrong for"))


@pytest.mark.parametrize("name", implementations())
def test_nothing_is_said_against_the_right_ones(name):
    subject = open_subject(name)
    assert diagnose(subject, []) == []
    assert diagnose(subject, FAILED) == ["some_check: something is off"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("spelling", SPELLINGS[::9], ids=lambda s: s.name)
def test_nothing_is_said_against_right_spellings(spelling):
    subject = open_subject(spelling.target, **spelling.kwargs)
    assert diagnose(subject, FAILED) == ["some_check: something is off"]


# -- mistakes that nobody has listed -------------------------------------------------------------


def told(**steps):
    return "; ".join(diagnose(with_factory(type("Otherwise", (Plain,), steps)), FAILED))


def squashes(**gates):
    return tuple((dict(zip("ifo", Plain.sigmoids, strict=True)) | gates).values())


def test_a_steeper_shifted_gate_is_fitted():
    said = told(sigmoids=squashes(f=lambda z: (1.7 * z + 0.3).sigmoid()))
    assert said == "the forget gate is sigmoid(1.7 z + 0.3) instead of sigmoid(z)"


def test_a_scaled_candidate_is_fitted():
    said = told(candidate=lambda z: 1.25 * z.tanh())
    assert "the candidate is 1.25 times what it should be" in said


def test_a_straight_line_is_fitted():
    said = told(sigmoids=squashes(o=lambda z: (0.25 * z + 0.5).clamp(0, 1)))
    assert "output gate" in said
    assert "0.25 z + 0.5" in said
    assert "hard sigmoid" in said


def test_a_curve_of_no_family_is_measured():
    said = told(sigmoids=squashes(i=lambda z: z.sigmoid() + 0.01 * z.sin()))
    assert "the input gate's curve is not a sigmoid" in said


def test_an_operand_counted_by_a_factor_is_measured():
    factors = torch.tensor([1, 0.7, 1, 1]).reshape(4, 1, 1)

    def operands(self, x, h):
        return x @ self.W + factors.to(h) * (h @ self.U) + self.b[:, None]

    assert told(operands=operands) == "the forget gate counts the hidden state h 0.7 times"


def test_the_curve_from_cell_to_hidden_state_is_measured():
    said = told(hidden=lambda self, o, c: o * (c.tanh() - 0.01 * c**3))
    assert "from cell state to hidden state the curve is not tanh(c)" in said


def test_rows_that_know_of_each_other_are_told():
    def operands(self, x, h):
        return Plain.operands(self, x - 0.1 * x.mean(0), h)

    said = told(operands=operands)
    assert "sequences of a batch are mixed" in said


def test_a_look_into_the_future_is_told():
    said = told(inputs=lambda self, x: x + 0.1 * x.flip(1))
    assert "future" in said


class FromRow37(Plain):
    def forward(self, x, state=None):
        y, (h, c) = super().forward(x, state)
        return y, (h, torch.cat([c[:37], 0.9 * c[37:]]))


class UnitsInFours(Plain):
    def forward(self, x, state=None):
        y, (h, c) = super().forward(x, state)
        rest = self.b.shape[1] // 4 * 4
        return torch.cat([y[..., :rest], 0.5 * y[..., rest:]], -1), (h, c)


class ForgetsAfter20(Plain):
    def forward(self, x, state=None):
        outputs = []
        for part in x.split(20, 1):
            y, state = super().forward(part, None if outputs else state)
            outputs.append(y)
        return torch.cat(outputs, 1), state


class Leaks(Plain):
    last = None

    def forward(self, x, state=None):
        if state is None and self.last is not None and self.last[0].shape[0] == x.shape[0]:
            state = self.last
        y, state = super().forward(x, state)
        self.last = state[0].detach(), state[1].detach()
        return y, state


class WritesIntoTheState(Plain):
    def forward(self, x, state=None):
        y, (h, c) = super().forward(x, state)
        if state is not None:
            state[1].data.copy_(c)
        return y, (h, c)


class RefusesOneRow(Plain):
    def forward(self, x, state=None):
        if x.shape[0] == 1:
            raise IndexError("batch of one")
        return super().forward(x, state)


class OneRowLess(Plain):
    def forward(self, x, state=None):
        y, (h, c) = super().forward(x, state)
        return (y.squeeze(1) if x.shape[1] == 1 else y), (h, c)


class ScaledGradient(Plain):
    def operands(self, x, h):
        U = self.U.detach() + 0.7 * (self.U - self.U.detach())
        return x @ self.W + h @ U + self.b[:, None]


class KeptOnTheModule(Plain):
    def forward(self, x, state=None):
        y, state = super().forward(x, state)
        if y.requires_grad:
            self.last_x = x.detach()
            y.register_hook(lambda g: g * (self.last_x == x).all())
        return y, state


class OwnBuffer(Plain):
    buffer = None

    def forward(self, x, state=None):
        y, state = super().forward(x, state)
        if y.requires_grad:
            return y, state
        if self.buffer is None or self.buffer.shape != y.shape:
            self.buffer = torch.empty_like(y)
        return self.buffer.copy_(y), state


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (FromRow37, ("cell state", "wrong from batch size 38 on, right up to 37", "row 37 only")),
        (UnitsInFours, ("wrong for hidden size 5, right for 4 and 8", "unit 4 only")),
        (ForgetsAfter20, ("state is reset to zeros after every 20 steps", "21 steps", "state")),
        (Leaks, ("state leaks from one call to the next",)),
        (WritesIntoTheState, ("writes into its arguments", "c0")),
        (RefusesOneRow, ("raises IndexError: batch of one", "B = 1")),
        (OneRowLess, ("shape (3, 5) instead of (3, 1, 5)", "single step")),
        (ScaledGradient, ("recurrent weights", "0.7 times what it should be")),
        (KeptOnTheModule, ("second forward pass", "spoils")),
        (OwnBuffer, ("the output y of one call", "overwritten by the next")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_measured_is_told(factory, words):
    class NoStateSplit(factory):
        pass

    subject = with_factory(NoStateSplit)
    said = "; ".join(diagnose(subject, FAILED))
    for word in words:
        assert word in said


def test_a_subject_that_only_raises_is_told_by_its_error():
    class Raises(Plain):
        def forward(self, x, state=None):
            raise RuntimeError("out of order")

    assert "RuntimeError: out of order" in diagnose(with_factory(Raises), FAILED)[0]


def test_a_subject_that_cannot_even_be_built_leaves_the_checks_message():
    class Unbuildable(Plain):
        def __init__(self, input_size, hidden_size):
            raise OSError("no weights")

    assert diagnose(with_factory(Unbuildable), FAILED) == ["some_check: something is off"]


# -- without a mapping ---------------------------------------------------------------------------


class ReadsTheCell(nn.Module):
    """C where h is meant, one Linear over [x, h], gates in the order f, i, o, g."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.linear = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        h, c = state
        outputs = []
        for x_t in x.unbind(1):
            f, i, o, g = self.linear(torch.cat([x_t, c], 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)


def test_without_a_mapping_every_order_of_gates_is_tried():
    module = ReadsTheCell(5, 3).double()

    def call(x, state):
        y, (h, c) = module(x, state)
        return {"y": y, "h": h, "c": c}

    assert diagnose_unmapped(module, (5, 3), call) == [
        "every gate reads the cell state c where it should read the hidden state h"
    ]
    assert diagnose_unmapped(module, (5, 3), None) == []


class OneBiasForAll(nn.Module):
    """Weights (4, H, I) and (4, H, H), one bias (H,), no state."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w = nn.Parameter(torch.randn(4, hidden_size, input_size))
        self.u = nn.Parameter(torch.randn(4, hidden_size, hidden_size))
        self.b = nn.Parameter(torch.randn(hidden_size))

    def bias(self):
        return self.b

    def forward(self, x):
        h = c = x.new_zeros(len(x), self.u.shape[1])
        outputs = []
        for x_t in x.unbind(1):
            z = torch.einsum("khi,bi->kbh", self.w, x_t) + torch.einsum("khj,bj->kbh", self.u, h)
            i, f, o, g = z + self.bias()
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, 1)


class OneForEach(OneBiasForAll):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.b = nn.Parameter(torch.randn(4, hidden_size))

    def bias(self):
        return self.b[:, None]


def test_one_bias_for_all_gates_is_a_mistake_and_one_for_each_is_none():
    def call(module):
        return lambda x, state: {"y": module(x)}

    shared, right = (f(5, 3).double() for f in (OneBiasForAll, OneForEach))
    (told,) = diagnose_unmapped(shared, (5, 3), call(shared))
    assert "one bias for all gates" in told
    assert diagnose_unmapped(right, (5, 3), call(right)) is None
