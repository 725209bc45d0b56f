"""Stacks of layers are what torch's own modules compute, in every combination of arguments."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_bench.theory.edits import Edit, Factor, Through
from lstm_bench.theory.families import GRU, LSTM, RNN
from lstm_bench.theory.marks import Marks
from lstm_bench.theory.stack import Address, Stack
from lstm_bench.theory.stacked import run_stack

B, T, WIDE, H, P = 3, 5, 4, 6, 2
GATES = {"LSTM": "ifao", "GRU": "rzn", "RNN": "a"}
CELLS = {"LSTM": (LSTM, nn.LSTM), "GRU": (GRU, nn.GRU), "RNN": (RNN, nn.RNN)}
LENGTHS = [5, 2, 3]


def addressed(module, kind):
    """The parameters of a module of torch's, by address; two biases are one, but for a GRU's n."""
    found, gates = {}, GATES[kind]
    for layer, direction in itertools.product(range(module.num_layers), range(2)):
        end = f"l{layer}" + "_reverse" * direction
        if not hasattr(module, f"weight_ih_{end}"):
            continue
        parts = {
            name: getattr(module, f"{name}_{end}").detach().chunk(len(gates))
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        for k, gate in enumerate(gates):
            second = parts["bias_hh"][k]
            apart = (kind, gate) == ("GRU", "n")
            values = {
                f"W_{gate}": parts["weight_ih"][k].T, f"U_{gate}": parts["weight_hh"][k].T,
                f"b_{gate}": parts["bias_ih"][k] + (0 if apart else second),
            }  # fmt: skip
            values |= {f"d_{gate}": second} if apart else {}
            found |= {Address(layer, direction, name): t for name, t in values.items()}
        if module.proj_size:
            found[Address(layer, direction, "P")] = getattr(module, f"weight_hr_{end}").detach().T
    return found


def drawn(kind, layers, both, projected=False, **more):
    torch.manual_seed(layers + 10 * both)
    cell, make = CELLS[kind]
    more |= {"proj_size": P} if projected else {}
    module = make(WIDE, H, layers, batch_first=True, bidirectional=both, **more).double()
    stack = Stack.of(cell, layers, both_ways=both, projected=projected)
    assert set(addressed(module, kind)) == set(stack.addresses())
    x = torch.randn(B, T, WIDE, dtype=torch.float64)
    sizes = (P if projected else H, H)[: len(cell.states)]
    given = [torch.randn(layers * (1 + both), B, size, dtype=torch.float64) for size in sizes]
    return module, stack, x, given


def by_place(stack, given):
    """States as torch stacks them → [layer][direction]."""
    rows = iter(zip(*given, strict=True))
    return [[next(rows) for _ in layer.directions] for layer in stack.layers]


def in_torchs_order(outcome):
    flat = [state for layer in outcome.states for state in layer]
    return [torch.stack(parts) for parts in zip(*flat, strict=True)]


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_it_is_what_torch_computes(kind, layers, both, state, lengths):
    held(*drawn(kind, layers, both), kind, state, lengths)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_projection_is_fed_back(layers, both):
    held(*drawn("LSTM", layers, both, projected=True), "LSTM", True, None)
    held(*drawn("LSTM", layers, both, projected=True), "LSTM", False, LENGTHS)


def held(module, stack, x, given, kind, state, lengths):
    found = run_stack(
        stack, addressed(module, kind), x, by_place(stack, given) if state else None,
        marks=Marks.until(lengths, T) if lengths else None,
    )  # fmt: skip
    sent = x
    if lengths:
        sent = pack_padded_sequence(x, torch.tensor(lengths), True, enforce_sorted=False)
    states = (tuple(given) if len(given) > 1 else given[0]) if state else None
    y, last = module(sent, states)
    if lengths:
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=T)
    torch.testing.assert_close(found.y, y)
    expected = last if isinstance(last, tuple) else (last,)
    for mine, theirs in zip(in_torchs_order(found), expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_masks_lie_between_layers_and_not_after_the_last():
    module, stack, x, _ = drawn("LSTM", 2, both=False)
    parameters = addressed(module, "LSTM")
    ones = [torch.ones(B, T, H, dtype=torch.float64)]
    plain = run_stack(stack, parameters, x)
    assert torch.equal(run_stack(stack, parameters, x, masks=ones).y, plain.y)
    blank = run_stack(stack, parameters, x, masks=[torch.zeros_like(ones[0])])
    assert torch.equal(blank.states[0][0][0], plain.states[0][0][0])
    assert not torch.equal(blank.y, plain.y)


def test_a_mistake_is_made_in_one_layer_and_direction():
    module, stack, x, _ = drawn("GRU", 2, both=True)
    parameters = addressed(module, "GRU")
    plain = run_stack(stack, parameters, x)
    wrong = run_stack(stack, parameters, x, edits={(1, 1): (Edit(Factor(0), ("z_r<b_r",)),)})
    assert torch.equal(wrong.y[..., :H], plain.y[..., :H])
    assert not torch.equal(wrong.y[..., H:], plain.y[..., H:])
    assert torch.equal(wrong.states[0][0][0], plain.states[0][0][0])
    squashed = run_stack(
        stack, parameters, x, edits={(0, 0): (Edit(Through("tanh"), ("outputs",)),)}
    )
    assert torch.equal(squashed.states[0][0][0], plain.states[0][0][0])
    assert not torch.equal(squashed.y, plain.y)


def test_what_lies_beyond_an_end_is_not_read():
    module, stack, x, _ = drawn("LSTM", 2, both=True)
    parameters, other = addressed(module, "LSTM"), x.clone()
    other[1, LENGTHS[1] :] = float("nan")
    first = run_stack(stack, parameters, x, marks=Marks.until(LENGTHS, T))
    assert torch.equal(
        first.y, run_stack(stack, parameters, other, marks=Marks.until(LENGTHS, T)).y
    )
