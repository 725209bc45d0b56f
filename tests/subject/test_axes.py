"""The language for layouts: arranging and restoring are inverse, and views where they can be."""

import pytest
import torch

from lstm_bench.subject.axes import arrange, groups, restore

SIZES = {"B": 7, "T": 4, "I": 5, "H": 3, "K": 3, "2": 2}


@pytest.mark.parametrize(
    ("canonical", "axes", "shape"),
    [
        ("BTI", "BTI", (7, 4, 5)),
        ("BTI", "TBI", (4, 7, 5)),
        ("BTI", "(TB)I", (28, 5)),
        ("BTI", "(BT)I", (28, 5)),
        ("BH", "1BH", (1, 7, 3)),
        ("BH", "B1H", (7, 1, 3)),
        ("2BH", "B(2H)", (7, 6)),
        ("2BH", "21BH", (2, 1, 7, 3)),
        ("BTK", "KBT", (3, 7, 4)),
    ],
)
def test_restoring_what_was_arranged_gives_it_back(canonical, axes, shape):
    tensor = torch.randn([SIZES[letter] for letter in canonical])
    arranged = arrange(tensor, canonical, axes)
    assert tuple(arranged.shape) == shape
    assert torch.equal(restore(arranged, canonical, axes, SIZES), tensor)


def test_time_major_rows_put_step_t_of_sequence_b_at_t_times_batch_plus_b():
    tensor = torch.arange(2 * 3 * 1.0).reshape(2, 3, 1)  # B=2, T=3
    rows = arrange(tensor, "BTI", "(TB)I")
    assert rows[1 * 2 + 0] == tensor[0, 1]
    assert rows[2 * 2 + 1] == tensor[1, 2]


def test_a_transposition_is_a_view():
    tensor = torch.randn(7, 4, 5)
    assert arrange(tensor, "BTI", "TBI").data_ptr() == tensor.data_ptr()


def test_another_shape_is_an_error_that_names_both():
    with pytest.raises(ValueError, match=r"expected shape \(7, 3\) for BH, got \(3, 7\)"):
        restore(torch.zeros(3, 7), "BH", "BH", SIZES)


def test_lenient_reading_forgives_axes_of_size_one_only():
    squeezed = torch.zeros(7, 3)
    sizes = {**SIZES, "T": 1}
    assert restore(squeezed, "BTK", "BTK", sizes, lenient=True).shape == (7, 1, 3)
    with pytest.raises(ValueError, match="expected shape"):
        restore(torch.zeros(3, 7), "BTK", "BTK", sizes, lenient=True)


def test_merged_axes_are_grouped():
    assert groups("1B(2H)") == ("1", "B", "2H")
