"""A cell as data computes what its equations, and torch's own cells, compute."""

import pytest
import torch
from torch import nn

from impls.parameters import GATES
from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.problem import draw, solve_reference
from lstm_bench.theory import compute
from lstm_bench.theory.cell import Cell, Node, gate
from lstm_bench.theory.edits import Theory
from lstm_bench.theory.families import COUPLED, FAMILIES, GRU, LSTM, MGU, PEEPHOLE, RNN

B, T, WIDE, H = 3, 5, 4, 6


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


def drawn(cell):
    """Parameters of a cell by name, from one seed."""
    torch.manual_seed(1)
    shapes = {"W": (WIDE, H), "U": (H, H), "b": (H,), "d": (H,), "p": (H,)}
    return {n: torch.randn(shapes[n[0]], dtype=torch.float64) for n in cell.parameters()}


@pytest.mark.parametrize("head_size", [None, 2])
@pytest.mark.parametrize("state", [True, False])
def test_without_edits_it_is_the_reference(head_size, state):
    problem = draw(WIDE, H, B, T, seed=1, head_size=head_size, state=state)
    named, expected = dict(problem.parameters.named()), solve_reference(problem)
    found = compute.run(Theory(LSTM), named, problem.x, problem.state)
    cotangents = dict(vars(problem.cotangents))
    gradients = compute.gradients(Theory(LSTM), named, problem.x, problem.state, cotangents)
    found |= {f"grad {name}": gradient for name, gradient in gradients.items()}
    assert set(found) == set(expected)
    assert all(relative_error(found[part], expected[part]) < 1e-12 for part in found)


def like_torch(cell, module, blocks):
    """A cell's parameters loaded into a module of torch's, whose gates come in the order given."""
    parameters = drawn(cell)
    module = module(WIDE, H, batch_first=True).double()
    with torch.no_grad():
        for place, kind, gates in (
            ("weight_ih_l0", "W", blocks["x"]), ("weight_hh_l0", "U", blocks["h"]),
            ("bias_ih_l0", "b", blocks["x"]), ("bias_hh_l0", "d", blocks["second"]),
        ):  # fmt: skip
            named = [parameters[f"{kind}_{g}"] if g else torch.zeros(H) for g in gates]
            rows = [t.mT if t.dim() == 2 else t for t in named]
            getattr(module, place).copy_(torch.cat(rows))
    return parameters, module


@pytest.mark.parametrize(
    ("cell", "module", "blocks"),
    [
        (LSTM, nn.LSTM, {"x": "ifao", "h": "ifao", "second": [""] * 4}),
        (GRU, nn.GRU, {"x": "rzn", "h": "rzn", "second": ["", "", "n"]}),
        (RNN, nn.RNN, {"x": "a", "h": "a", "second": [""]}),
    ],
)
def test_torchs_own_modules_are_rows(cell, module, blocks):
    parameters, module = like_torch(cell, module, blocks)
    x, state = normal(B, T, WIDE), tuple(normal(B, H) for _ in cell.states)
    given = tuple(s.unsqueeze(0) for s in state)
    y, last = module(x, given if len(given) > 1 else given[0])
    found = compute.run(Theory(cell), parameters, x, state)
    torch.testing.assert_close(found["y"], y)
    for (name, _), t in zip(cell.states, last if len(given) > 1 else (last,), strict=True):
        torch.testing.assert_close(found[name], t[0])


def test_a_minimal_gated_unit_is_written_as_it_is_published():
    p, x, h = drawn(MGU), normal(B, T, WIDE), normal(B, H)
    found = compute.run(Theory(MGU), p, x, (h,))["h"]
    for t in range(T):
        f = torch.sigmoid(x[:, t] @ p["W_f"] + h @ p["U_f"] + p["b_f"])
        n = torch.tanh(x[:, t] @ p["W_n"] + (f * h) @ p["U_n"] + p["b_n"])
        h = (1 - f) * h + f * n
    torch.testing.assert_close(found, h)


def test_coupled_gates_and_blank_peepholes_are_an_lstm():
    x, state = normal(B, T, WIDE), (normal(B, H), normal(B, H))
    p = drawn(LSTM)
    expected = compute.run(Theory(LSTM), p, x, state)
    blank = {f"p_{g}": torch.zeros(H, dtype=torch.float64) for g in "ifo"}
    found = compute.run(Theory(PEEPHOLE), p | blank, x, state)
    assert all(torch.equal(found[part], expected[part]) for part in expected)
    # 1 - sigmoid(z) = sigmoid(-z): an LSTM whose input gate has f's parameters, negated.
    opposite = {f"{k}_i": -p[f"{k}_f"] for k in "WUb"}
    coupled = compute.run(Theory(COUPLED), p, x, state)
    twin = compute.run(Theory(LSTM), p | opposite, x, state)
    assert all(torch.allclose(coupled[part], twin[part]) for part in twin)


def test_peepholes_see_the_cell_state_before_and_after():
    p, x, (h, c) = drawn(PEEPHOLE), normal(B, T, WIDE), (normal(B, H), normal(B, H))
    found = compute.run(Theory(PEEPHOLE), p, x, (h, c))
    for t in range(T):
        z = {g: x[:, t] @ p[f"W_{g}"] + h @ p[f"U_{g}"] + p[f"b_{g}"] for g in GATES}
        i, f = (torch.sigmoid(z[g] + p[f"p_{g}"] * c) for g in "if")
        c = f * c + i * torch.tanh(z["a"])
        h = torch.sigmoid(z["o"] + p["p_o"] * c) * torch.tanh(c)
    torch.testing.assert_close(found["h"], h)
    torch.testing.assert_close(found["c"], c)


def test_every_family_runs_forward_and_backward_without_a_given_state():
    for cell in FAMILIES:
        cotangents = {"y": normal(B, T, H)}
        found = compute.gradients(Theory(cell), drawn(cell), normal(B, T, WIDE), None, cotangents)
        assert set(found) == {"x", *cell.parameters()}
        assert all(bool(gradient.abs().sum() > 0) for gradient in found.values()), cell.name


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ((Node("h'", "tanh", ("z",)),), "z"),
        ((*gate("a", "tanh"), Node("a", "tanh", ("x",))), "there already"),
        ((Node("b", "tanh", ("x",)),), "no node"),
    ],
)
def test_a_cell_that_reads_what_is_not_there_is_refused(nodes, words):
    with pytest.raises(ValueError, match=words):
        Cell("odd", ("a",), (("h", "h'"),), nodes, "h'")
