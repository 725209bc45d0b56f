"""The reference against an independent one: nn.LSTM in float64, values and every gradient."""

import pytest
import torch
from torch import nn

from lstm_bench.conformance.problem import Results, draw, solve_reference


def by_nn_lstm(problem):
    """The same problem solved by nn.LSTM and F.linear, mapped here by hand."""
    p = problem.parameters
    lstm = nn.LSTM(p.input_size, p.hidden_size, batch_first=True).double()
    head = nn.Linear(p.hidden_size, p.hidden_size).double()
    order = [0, 1, 3, 2]  # i f o a → i f g o
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(torch.cat([p.W[k].T for k in order]))
        lstm.weight_hh_l0.copy_(torch.cat([p.U[k].T for k in order]))
        lstm.bias_ih_l0.copy_(torch.cat([p.b[k] for k in order]))
        lstm.bias_hh_l0.zero_()
        head.weight.copy_(p.W_h.T)
        head.bias.copy_(p.b_h)
    x = problem.x.clone().requires_grad_()
    h0, c0 = (s.clone().requires_grad_() for s in problem.state)
    hidden, (h, c) = lstm(x, (h0[None], c0[None]))
    y = head(hidden)
    cot = problem.cotangents
    ((cot.y * y).sum() + (cot.h * h[0]).sum() + (cot.c * c[0]).sum()).backward()
    found = Results({"y": y, "h": h[0], "c": c[0]})
    found.update({"grad x": x.grad, "grad h0": h0.grad, "grad c0": c0.grad})
    for k, gate in enumerate("ifao"):  # torch's order, by our letters
        found[f"grad W_{gate}"] = lstm.weight_ih_l0.grad.chunk(4)[k].T
        found[f"grad U_{gate}"] = lstm.weight_hh_l0.grad.chunk(4)[k].T
        found[f"grad b_{gate}"] = lstm.bias_ih_l0.grad.chunk(4)[k]
    found["grad W_h"], found["grad b_h"] = head.weight.grad.T, head.bias.grad
    return found


@pytest.mark.parametrize("sizes", [(3, 5, 2, 4), (1, 1, 1, 1), (4, 2, 7, 11)])
def test_the_reference_is_nn_lstm_in_every_value_and_gradient(sizes):
    input_size, hidden_size, batch, steps = sizes
    problem = draw(input_size, hidden_size, batch, steps, seed=3, head_size=hidden_size)
    expected, got = by_nn_lstm(problem), solve_reference(problem)
    assert set(got) == set(expected)
    for part in expected:
        assert torch.allclose(got[part], expected[part], rtol=0, atol=1e-12), part


def test_no_state_means_zeros():
    problem = draw(3, 5, 2, 4, seed=1, state=False)
    zeros = torch.zeros(2, 5, dtype=torch.float64)
    given = type(problem)(problem.parameters, problem.x, (zeros, zeros), problem.cotangents)
    for part in ("y", "h", "c"):
        left = solve_reference(problem, gradients=False)[part]
        assert torch.equal(left, solve_reference(given, gradients=False)[part])


def test_one_seed_is_one_problem_in_every_precision():
    narrow = draw(3, 5, 2, 4, seed=9, dtype=torch.float32)
    wide = draw(3, 5, 2, 4, seed=9)
    assert torch.equal(narrow.x, wide.x.float())
    assert torch.equal(narrow.parameters.U, wide.parameters.U.float())


def test_a_remark_on_a_part_points_to_the_part():
    results = Results({"grad b_f": torch.ones(2)})
    assert torch.equal(results["grad b_f (in bias_hh)"], torch.ones(2))
    with pytest.raises(KeyError):
        results["grad W_f"]
