"""Workloads: sizes, names, arithmetic, presets."""

import subprocess
import sys

import pytest

from lstm_bench.measure.workloads import PASSES, PRESETS, Workload, grid


def test_the_arithmetic_of_a_forward_is_two_products_a_gate_and_the_head():
    assert Workload(2, 3, 5, 7, head=False).forward_flops == 2 * 3 * 2 * 4 * 7 * (5 + 7)
    assert Workload(2, 3, 5, 7).forward_flops == 2 * 3 * 2 * (4 * 7 * (5 + 7) + 7 * 7)


def test_a_backward_costs_two_forwards_and_a_step_three():
    w = Workload(2, 3, 5, 7)
    assert [w.flops(p) // w.forward_flops for p in PASSES] == [1, 1, 2, 3]


def test_a_grid_has_every_combination_and_i_equals_h_unless_said():
    found = grid((1, 8), (35,), (64, 128))
    assert len(found) == 4
    assert all(w.input_size == w.hidden_size for w in found)
    assert {w.input_size for w in grid((1,), (1,), (64,), (28, 29))} == {28, 29}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_source_and_no_cell_twice(name):
    preset = PRESETS[name]
    assert preset.source
    assert len(set(preset.workloads)) == len(preset.workloads) > 0
    assert len({w.name for w in preset.workloads}) == len(preset.workloads)


def test_the_documented_preset_is_the_article_s():
    assert PRESETS["documented"].workloads == (Workload(32, 35, 28, 256, head=True),)


def test_workloads_do_not_need_torch():
    code = "import lstm_bench.measure.workloads, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
