"""Peak memory of calls whose answer is known."""

import pytest
import torch
from torch import nn

from lstm_bench.measure.memory import peak_bytes


def test_peak_memory_of_a_call_whose_answer_is_known():
    """Two tensors of a mebibyte, one released before the third is made: the peak is two."""

    def call():
        first = torch.ones(2**18)
        second = first + 1
        del first
        return second * 2

    assert peak_bytes(call) == pytest.approx(2 * 2**20, abs=1024)  # and a scalar or two


def test_recording_a_graph_needs_more_memory_than_inference():
    cell, x = nn.LSTMCell(16, 32), torch.randn(8, 16)

    def call():
        state = None
        for _ in range(20):
            state = cell(x, state)
        return state

    training = peak_bytes(call)
    with torch.inference_mode():
        assert training > 2 * peak_bytes(call) > 0


def test_a_call_that_takes_no_memory_is_unmeasured():
    assert peak_bytes(lambda: None) is None
