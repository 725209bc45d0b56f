"""Canonical parameters: the draws, and the exchanges that a layout makes difficult."""

from __future__ import annotations

import math

import pytest
import torch

from impls.parameters import GATES, standard_normal, uniform
from impls.registry import implementations
from impls.torch_nn import TorchNN


@pytest.mark.parametrize("draw", [standard_normal, uniform])
def test_one_seed_means_the_same_weights(draw) -> None:
    """Same seed, same values; another seed, others; a smaller dtype is the same, rounded."""
    one, again, other = (dict(draw(3, 5, seed=s).named()) for s in (7, 7, 8))
    wide = dict(draw(3, 5, seed=7, dtype=torch.float64).named())
    for name, value in one.items():
        assert torch.equal(value, again[name])
        assert not torch.equal(value, other[name])
        assert torch.equal(value, wide[name].float())


def test_drawing_leaves_the_global_generator_alone() -> None:
    """A benchmark that draws weights must not change what its caller draws next."""
    before = torch.get_rng_state()
    uniform(3, 5, seed=1)
    standard_normal(3, 5, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_standard_normal_is_unscaled() -> None:
    """The documented draw: mean 0, variance 1, whatever the sizes (4 standard errors)."""
    values = torch.cat([t.flatten() for _, t in standard_normal(50, 200, seed=0).named()])
    assert abs(values.mean().item()) < 4 / math.sqrt(len(values))
    assert abs(values.var().item() - 1) < 4 * math.sqrt(2 / len(values))


def test_uniform_is_bounded_by_the_hidden_size() -> None:
    """U(-1/√H, 1/√H): never above, and close to it somewhere."""
    values = torch.cat([t.flatten().abs() for _, t in uniform(50, 100, seed=0).named()])
    assert 0.0999 < values.max().item() <= 0.1


def test_documented_names_and_shapes() -> None:
    """One entry for each documented parameter, in gate order, the head last."""
    shapes = {name: tuple(tensor.shape) for name, tensor in uniform(3, 5, seed=0).named()}
    assert list(shapes) == [f"{p}_{g}" for p in "WUb" for g in GATES] + ["W_h", "b_h"]
    assert [shapes["W_i"], shapes["U_f"], shapes["b_o"]] == [(3, 5), (5, 5), (5,)]
    assert [shapes["W_h"], shapes["b_h"]] == [(5, 5), (5,)]
    assert uniform(3, 5, seed=0).without_head().head is None


@pytest.mark.parametrize("name", implementations())
def test_wrong_sizes_are_refused(name: str) -> None:
    """Loading what does not fit names both sizes, for values and for gradients."""
    layer = implementations()[name].load()(3, 5)
    for wrong in (uniform(4, 5, seed=0), uniform(3, 6, seed=0), uniform(3, 5, seed=0, head=False)):
        for load in (layer.load_parameters, layer.load_gradients):
            with pytest.raises(ValueError, match=r"expected .*\(3, 5, True\), got \("):
                load(wrong)


@pytest.mark.parametrize("name", implementations())
def test_no_gradient_yet_is_said(name: str) -> None:
    """Before the first backward there is nothing to read, and the error says what to do."""
    layer = implementations()[name].load()(3, 5)
    with pytest.raises(ValueError, match=r"no gradient yet for .*: run backward first"):
        layer.read_gradients()


@pytest.mark.parametrize("name", implementations())
def test_what_is_read_is_a_copy(name: str) -> None:
    """Writing into what was read does not write into the layer."""
    layer = implementations()[name].load()(3, 5)
    layer.load_parameters(uniform(3, 5, seed=0))
    for _, value in layer.read_parameters().named():
        value.fill_(7.0)
    for _, value in layer.read_parameters().named():
        assert value.max() < 1


def test_the_second_bias_counts_once() -> None:
    """nn.LSTM's two biases get the same gradient; the canonical one is that, not twice that."""
    layer = TorchNN(3, 5)
    outputs, (h, c) = layer(torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0)))
    (outputs.sum() + h.sum() + c.sum()).backward()
    first, second = layer.lstm.bias_ih_l0.grad, layer.lstm.bias_hh_l0.grad
    assert torch.equal(first, second)
    assert torch.equal(layer.read_gradients().b[GATES.index("o")], first[15:20])
