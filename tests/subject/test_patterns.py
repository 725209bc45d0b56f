"""Layouts are read off the labels of single entries, hold at every size, and fill gaps."""

import numpy as np
import pytest

from lstm_bench.subject.nudge import CONFLICT, KIND_BIAS, KIND_H, KIND_X, UNKNOWN, Labels, smoothed
from lstm_bench.subject.patterns import Label, Segment, TensorLayout, fit

I, H = 5, 3  # noqa: E741

GATE_MAJOR = Segment(("gate", "unit"), gates=(0, 1, 3, 2))
INTERLEAVED = Segment(("unit", "gate"), gates=(3, 0, 1, 2))
OVER_X = Segment(("index",), KIND_X)
OVER_H = Segment(("index",), KIND_H)
ONE = Segment((), KIND_BIAS)
UNITS = Segment(("unit",))

LAYOUTS = {
    "fused, transposed": TensorLayout(((GATE_MAJOR,), (OVER_X,)), Label()),
    "fused over [h, x]": TensorLayout(((OVER_H, OVER_X), (GATE_MAJOR,)), Label()),
    "interleaved": TensorLayout(((OVER_X,), (INTERLEAVED,)), Label()),
    "with the bias in the matrix": TensorLayout(((OVER_X, OVER_H, ONE), (GATE_MAJOR,)), Label()),
    "one gate": TensorLayout(((OVER_H,), (UNITS,)), Label(gate=2)),
    "a bias": TensorLayout(((GATE_MAJOR,),), Label(kind=KIND_BIAS, index=0)),
    "stacked": TensorLayout(
        ((Segment(("gate",), gates=(1, 0, 2, 3)),), (OVER_X,), (UNITS,)), Label()
    ),
    "flat": TensorLayout(
        (
            (
                Segment(("gate", "unit", "index"), KIND_X, (0, 1, 2, 3)),
                Segment(("gate", "unit", "index"), KIND_H, (0, 1, 2, 3)),
                Segment(("gate", "unit"), KIND_BIAS, (0, 1, 2, 3)),
            ),
        ),
        Label(),
    ),
}


def labels_of(layout: TensorLayout, input_size: int = I, hidden_size: int = H) -> Labels:
    found = Labels.blank(layout.labels(input_size, hidden_size)["kind"].shape)
    for name, array in layout.labels(input_size, hidden_size).items():
        setattr(found, name, array)
    return found


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_read_off_at_one_size_holds_at_another(name):
    layout = LAYOUTS[name]
    found = fit(labels_of(layout), I, H)
    assert found is not None
    for sizes in ((I, H), (2, 6), (1, 1)):
        for component, array in layout.labels(*sizes).items():
            assert np.array_equal(found.labels(*sizes)[component], array), (component, sizes)


@pytest.mark.parametrize(
    "name", ["fused, transposed", "interleaved", "with the bias in the matrix"]
)
def test_a_gate_that_was_not_seen_is_filled_in(name):
    layout = LAYOUTS[name]
    labels = labels_of(layout)
    hidden = labels.gate == 1
    for component in ("kind", "index", "gate", "unit"):
        getattr(labels, component)[hidden] = UNKNOWN
    found = fit(labels, I, H)
    assert found is not None
    assert np.array_equal(found.labels(I, H)["gate"], layout.labels(I, H)["gate"])


def test_entries_that_move_several_units_follow_no_layout():
    labels = labels_of(LAYOUTS["one gate"])
    labels.unit[0, 0] = CONFLICT
    assert fit(labels, I, H) is None


def test_scrambled_entries_follow_no_layout():
    labels = labels_of(LAYOUTS["one gate"])
    labels.unit[0] = np.roll(labels.unit[0], 1)
    assert fit(labels, I, H) is None


def test_stray_gate_labels_are_outvoted():
    gate = np.repeat([0, 1, 2, 3], H)[:, None] * np.ones(I, dtype=np.int64)
    strayed = gate.astype(np.int64)
    strayed[0, 0] = 3
    assert np.array_equal(smoothed(strayed), gate)


def test_transposing_to_h_keeps_the_order_of_gates():
    over_h = LAYOUTS["fused, transposed"].for_operand(KIND_H)
    assert over_h.gate_order == (0, 1, 3, 2)
    assert over_h.labels(I, H)["kind"].shape == (4 * H, H)
