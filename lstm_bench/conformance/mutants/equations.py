"""Mistakes in what happens to the gates: squashing functions, the cell, the hidden state."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_bench.conformance.mutants.recurrence import (
    WORDS,
    Mutant,
    Squash,
    Step,
    change_gate,
    mutate,
)


def keras_hard_sigmoid(z: Tensor) -> Tensor:
    return (0.2 * z + 0.5).clamp(0, 1)


SIGMOID_MISTAKES: dict[str, tuple[str, Squash]] = {
    "tanh": ("goes through tanh instead of a sigmoid", torch.tanh),
    "relu": ("goes through relu instead of a sigmoid", torch.relu),
    "identity": ("is not squashed: its sigmoid is missing", lambda z: z),
    "hard": (
        "goes through a hard sigmoid (z/6 + 1/2, clipped) instead of a sigmoid",
        F.hardsigmoid,
    ),
    "keras_hard": (
        "goes through Keras 1's hard sigmoid (0.2 z + 0.5, clipped) instead of a sigmoid",
        keras_hard_sigmoid,
    ),
    "exp": ("goes through exp instead of a sigmoid", torch.exp),
    "softplus": ("goes through softplus instead of a sigmoid", F.softplus),
    "softmax": (
        "goes through a softmax over the units instead of a sigmoid",
        lambda z: z.softmax(-1),
    ),
    "batch_softmax": (
        "goes through a softmax over the batch instead of a sigmoid",
        lambda z: z.softmax(0),
    ),
    "complement": (
        "is 1 - sigmoid(z) instead of sigmoid(z): its sign is wrong",
        lambda z: (-z).sigmoid(),
    ),
    "twice": ("goes through the sigmoid twice", lambda z: z.sigmoid().sigmoid()),
    "half_tanh": (
        "goes through (tanh(z) + 1)/2 = sigmoid(2z), twice as steep as sigmoid(z)",
        lambda z: (2 * z).sigmoid(),
    ),
    "sigmoid_of_tanh": ("goes through tanh before its sigmoid", lambda z: z.tanh().sigmoid()),
    "rounded": ("is rounded to 0 or 1", lambda z: z.sigmoid().round()),
    "squared": ("is squared", lambda z: z.sigmoid() ** 2),
    "root": ("is the square root of its sigmoid", lambda z: z.sigmoid().sqrt()),
    "one": ("is not used: it counts as 1", torch.ones_like),
    "zero": ("counts as 0: what it lets through is lost", torch.zeros_like),
    "half": ("is always 1/2, whatever goes in", lambda z: torch.full_like(z, 0.5)),
}

TANH_MISTAKES: dict[str, tuple[str, Squash]] = {
    "sigmoid": ("goes through a sigmoid instead of tanh", torch.sigmoid),
    "relu": ("goes through relu instead of tanh", torch.relu),
    "leaky_relu": ("goes through leaky relu instead of tanh", F.leaky_relu),
    "identity": ("is not squashed: its tanh is missing", lambda z: z),
    "hardtanh": ("is clipped to [-1, 1] (hard tanh) instead of going through tanh", F.hardtanh),
    "softsign": ("goes through softsign instead of tanh", F.softsign),
    "elu": ("goes through elu instead of tanh", F.elu),
    "gelu": ("goes through gelu instead of tanh", F.gelu),
    "silu": ("goes through silu instead of tanh", F.silu),
    "sine": ("goes through sin instead of tanh", torch.sin),
    "arctan": ("goes through arctan instead of tanh", torch.atan),
    "softmax": ("goes through a softmax over the units instead of tanh", lambda z: z.softmax(-1)),
    "negative": ("has the wrong sign, as if it were subtracted", lambda z: -z.tanh()),
    "twice": ("goes through tanh twice", lambda z: z.tanh().tanh()),
    "half_argument": (
        "is 2 sigmoid(z) - 1, which is tanh(z/2), instead of tanh(z)",
        lambda z: 2 * z.sigmoid() - 1,
    ),
    "lecun": ("goes through 1.7159 tanh(2z/3)", lambda z: 1.7159 * (z * 2 / 3).tanh()),
    "scaled_sigmoid": (
        "goes through 4 sigmoid(z) - 2 instead of tanh (the original paper's g)",
        lambda z: 4 * z.sigmoid() - 2,
    ),
    "one": ("is not used: it counts as 1", torch.ones_like),
    "zero": ("counts as 0: nothing new enters the cell", torch.zeros_like),
}  # fmt: skip


def _squashes() -> Iterator[Mutant]:
    """Each gate through each wrong function; then all the sigmoids through it at once."""
    for gate in "ifo":
        for name, (words, function) in SIGMOID_MISTAKES.items():
            if (gate, name) == ("i", "zero"):
                continue  # the same as a candidate of 0
            sentence = f"the {WORDS[gate]} {words}"
            yield mutate(
                f"{gate}_{name}", "equations", sentence, squash=change_gate(gate, function)
            )
    for name, (words, function) in TANH_MISTAKES.items():
        sentence = f"the candidate (the cell gate) {words}"
        yield mutate(f"a_{name}", "equations", sentence, squash=change_gate("a", function))
    for name, (words, function) in SIGMOID_MISTAKES.items():
        if name == "zero":
            continue  # nothing comes out: any of several mistakes
        sentence = f"each of input, forget and output gate {words}"
        squash = (function, function, function, torch.tanh)
        yield mutate(f"ifo_{name}", "equations", sentence, squash=squash)
    yield mutate(
        "i_f_softmax",
        "equations",
        "input and forget gate go through a softmax against each other, so that they sum to 1",
        cell=_softmaxed,
    )

    yield mutate(
        "i_f_o_softmax",
        "equations",
        "input, forget and output gate go through a softmax against each other instead of "
        "a sigmoid each",
        cell=_all_softmaxed,
    )
    yield mutate(
        "tanh_kept",
        "equations",
        "the squashed cell state is kept: tanh(c) is carried on in the place of c",
        cell=lambda s: (s.f * s.c + s.i * s.a).tanh(),
        hidden=lambda s: s.o * s.new_c,
    )


def _all_softmaxed(s: Step) -> Tensor:
    gates = torch.stack([s.i.logit(), s.f.logit(), s.o.logit()])
    i, f, s.o = gates.softmax(0).unbind()
    return f * s.c + i * s.a


def _softmaxed(s: Step) -> Tensor:
    i, f = torch.stack([s.i.logit(), s.f.logit()]).softmax(0).unbind()
    return f * s.c + i * s.a


_CELLS = {
    "i_plus_a": (
        "the candidate is added to the input gate instead of being multiplied by it",
        lambda s: s.f * s.c + s.i + s.a,
    ),
    "coupled_by_i": (
        "the forget gate is 1 - i instead of its own: the forget gate's weights are not used",
        lambda s: (1 - s.i) * s.c + s.i * s.a,
    ),
    "coupled_by_f": (
        "the input gate is 1 - f instead of its own: the input gate's weights are not used",
        lambda s: s.f * s.c + (1 - s.f) * s.a,
    ),
    "f_on_everything": (
        "the forget gate multiplies the new part of the cell state too: c = f (c + i a)",
        lambda s: s.f * (s.c + s.i * s.a),
    ),
    "i_on_everything": (
        "the input gate multiplies the old cell state too: c = i (f c + a)",
        lambda s: s.i * (s.f * s.c + s.a),
    ),
    "f_added": (
        "the forget gate is added to the old cell state instead of multiplying it",
        lambda s: s.f + s.c + s.i * s.a,
    ),
    "f_over_h": (
        "the forget gate multiplies the hidden state h instead of the cell state c",
        lambda s: s.f * s.h + s.i * s.a,
    ),
    "f_over_tanh": (
        "the forget gate multiplies tanh(c) instead of the cell state c",
        lambda s: s.f * s.c.tanh() + s.i * s.a,
    ),
    "squashed": (
        "the new cell state goes through tanh before it is kept",
        lambda s: (s.f * s.c + s.i * s.a).tanh(),
    ),
    "sigmoid_squashed": (
        "the new cell state goes through a sigmoid before it is kept",
        lambda s: (s.f * s.c + s.i * s.a).sigmoid(),
    ),
    "rectified": (
        "the new cell state goes through relu before it is kept",
        lambda s: (s.f * s.c + s.i * s.a).relu(),
    ),
    "product": (
        "old and new part of the cell state are multiplied instead of added",
        lambda s: s.f * s.c * s.i * s.a,
    ),
    "averaged": (
        "the cell state is half of what it should be: the mean of old and new part",
        lambda s: (s.f * s.c + s.i * s.a) / 2,
    ),
    "stale": (
        "the cell state of two steps ago is used: c is stale by one step",
        lambda s: s.f * s.before[1] + s.i * s.a,
    ),
    "accumulating": (
        "the old cell state is added once more: c = c + f c + i a",
        lambda s: s.c + s.f * s.c + s.i * s.a,
    ),
}  # fmt: skip

_HIDDEN = {
    "no_tanh": (
        "the tanh of the cell state is missing in the hidden state: h = o c",
        lambda s: s.o * s.new_c,
    ),
    "sigmoid": (
        "the cell state goes through a sigmoid instead of tanh in the hidden state",
        lambda s: s.o * s.new_c.sigmoid(),
    ),
    "relu": (
        "the cell state goes through relu instead of tanh in the hidden state",
        lambda s: s.o * s.new_c.relu(),
    ),
    "hardtanh": (
        "the cell state is clipped to ±1 (hard tanh) instead of tanh in the hidden state",
        lambda s: s.o * s.new_c.clamp(-1, 1),
    ),
    "softsign": (
        "the cell state goes through softsign instead of tanh in the hidden state",
        lambda s: s.o * F.softsign(s.new_c),
    ),
    "double_tanh": (
        "the cell state goes through tanh twice in the hidden state",
        lambda s: s.o * s.new_c.tanh().tanh(),
    ),
    "old_cell": (
        "the hidden state is taken from the old cell state instead of the new one",
        lambda s: s.o * s.c.tanh(),
    ),
    "of_candidate": (
        "the hidden state is taken from the candidate, not from the cell state: h = o a",
        lambda s: s.o * s.a,
    ),
    "old_candidate": (
        "the hidden state is taken from the gated candidate alone: h = o tanh(i a)",
        lambda s: s.o * (s.i * s.a).tanh(),
    ),
    "o_inside": (
        "the output gate stands inside the tanh: h = tanh(o c)",
        lambda s: (s.o * s.new_c).tanh(),
    ),
    "o_added": (
        "the output gate is added to tanh(c) instead of multiplying it",
        lambda s: s.o + s.new_c.tanh(),
    ),
    "residual": (
        "the old hidden state is added to the new one",
        lambda s: s.o * s.new_c.tanh() + s.h,
    ),
    "averaged": (
        "the hidden state is averaged with the old one",
        lambda s: (s.o * s.new_c.tanh() + s.h) / 2,
    ),
    "cell": ("the cell state c is handed on as the hidden state", lambda s: s.new_c),
    "squashed": (
        "the hidden state goes through tanh once more",
        lambda s: (s.o * s.new_c.tanh()).tanh(),
    ),
    "rectified": (
        "the hidden state goes through relu",
        lambda s: (s.o * s.new_c.tanh()).relu(),
    ),
    "normalised": (
        "the cell state is normalised over the units before its tanh",
        lambda s: s.o * F.layer_norm(s.new_c, s.new_c.shape[-1:]).tanh(),
    ),
}  # fmt: skip


def _combinations() -> Iterator[Mutant]:
    for name, (words, function) in _CELLS.items():
        yield mutate(f"cell_{name}", "equations", words, cell=function)
    for name, (words, function) in _HIDDEN.items():
        yield mutate(f"hidden_{name}", "equations", words, hidden=function)


def _head() -> Iterator[Mutant]:
    """The output layer, where there is one."""
    yield mutate(
        "head_bias_missing",
        "equations",
        "the output layer's bias is not added",
        head=lambda y, W, b: y @ W,
    )
    yield mutate(
        "head_bias_twice",
        "equations",
        "the output layer's bias is added twice",
        head=lambda y, W, b: y @ W + 2 * b,
    )
    yield mutate(
        "head_squashed",
        "equations",
        "the output layer's result goes through tanh",
        head=lambda y, W, b: (y @ W + b).tanh(),
    )
    yield mutate(
        "head_over_squashed",
        "equations",
        "the hidden state goes through tanh once more before the output layer",
        head=lambda y, W, b: y.tanh() @ W + b,
    )
    yield mutate(
        "head_rectified",
        "equations",
        "the hidden state goes through relu before the output layer",
        head=lambda y, W, b: y.relu() @ W + b,
    )


MUTANTS = (*_squashes(), *_combinations(), *_head())
