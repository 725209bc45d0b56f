"""Mistakes in what goes into the gates: x, h, the biases, and the weights of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from lstm_bench.conformance.mutants.recurrence import (
    EXACT,
    WORDS,
    Mutant,
    Step,
    exact_operands,
    from_bias,
    from_h,
    from_x,
    mutate,
)

GATES = tuple(WORDS)
"""The gates by letter, in canonical order."""

Groups = tuple[tuple[str, str, tuple[int, ...]], ...]
EACH: Groups = tuple((g, f"the {WORDS[g]}", (k,)) for k, g in enumerate(GATES))
ALL: Groups = (("ifoa", "every gate", (0, 1, 2, 3)),)


def weighted(gates: Sequence[int], x: float, h: float, bias: float) -> Callable[[Step], Tensor]:
    """The operands with these factors on x, h and the bias in ``gates``."""

    def operands(s: Step) -> Tensor:
        factors = torch.ones(3, 4, 1, 1, dtype=s.x.dtype, device=s.x.device)
        for k in gates:
            factors[0, k], factors[1, k], factors[2, k] = x, h, bias
        return factors[0] * from_x(s) + factors[1] * from_h(s) + factors[2] * from_bias(s)

    return operands


_FACTORS = {
    "no_x": ("ignores the input x", 0, 1, 1),
    "no_h": ("ignores the hidden state h: its recurrent weights are not used", 1, 0, 1),
    "no_bias": ("ignores its bias", 1, 1, 0),
    "x_twice": ("counts the input x twice", 2, 1, 1),
    "h_twice": ("counts the hidden state h twice", 1, 2, 1),
    "bias_twice": ("adds its bias twice", 1, 1, 2),
    "x_minus": ("takes the input x with the wrong sign", -1, 1, 1),
    "h_minus": ("takes the hidden state h with the wrong sign", 1, -1, 1),
    "bias_minus": ("takes its bias with the wrong sign", 1, 1, -1),
    "bias_half": ("counts its bias half: one of two biases is not added", 1, 1, 0.5),
}


def _factors() -> Iterator[Mutant]:
    for name, (words, x, h, bias) in _FACTORS.items():
        for letters, subject, gates in (*EACH, *ALL):
            yield mutate(
                f"{letters}_{name}",
                "parameters" if "bias" in name else "equations",
                f"{subject} {words}",
                operands=weighted(gates, x, h, bias),
            )
    yield mutate(
        "a_doubled",
        "equations",
        "the candidate takes twice what it should be before its tanh",
        operands=weighted((3,), 2, 2, 2),
    )


def _mixed(target: int, source: int, parts: str) -> Callable[[Step], Tensor]:
    """Gate ``target`` takes ``source``'s weights over x, over h or its bias (W, U, b)."""

    def operands(s: Step) -> Tensor:
        index = [0, 1, 2, 3]
        index[target] = source
        x, h, b = from_x(s), from_h(s), from_bias(s)
        x = x[index] if "W" in parts else x
        h = h[index] if "U" in parts else h
        return x + h + (b[index] if "b" in parts else b)

    return operands


_PARTS = {
    "W": "weights over x",
    "U": "recurrent weights (over h)",
    "b": "bias",
    "WU": "weights over x and h",
    "Wb": "weights over x and bias",
    "Ub": "recurrent weights and bias",
    "WUb": "weights and bias",
}


def _borrowed() -> Iterator[Mutant]:
    """One gate with another's parameters in place of its own."""
    for parts, words in _PARTS.items():
        for target, source in itertools.permutations(range(4), 2):
            t, s = GATES[target], GATES[source]
            yield mutate(
                f"{t}_with_{parts}_of_{s}",
                "equations",
                f"the {WORDS[t]} uses the {words} of the {WORDS[s]} instead of its own"
                + (f": the {WORDS[s]} is used twice" if parts == "WUb" else ""),
                operands=_mixed(target, source, parts),
            )
    for source, gate in enumerate(GATES):
        for parts in ("b", "W", "U"):
            yield mutate(
                f"all_with_{parts}_of_{gate}",
                "equations",
                f"every gate uses the {_PARTS[parts]} of the {WORDS[gate]}: "
                f"one {_PARTS[parts]} for all gates",
                operands=_one_for_all(source, parts),
            )


def _one_for_all(source: int, part: str) -> Callable[[Step], Tensor]:
    index = [source] * 4

    def operands(s: Step) -> Tensor:
        x, h, b = from_x(s), from_h(s), from_bias(s)
        chosen = {"W": x, "U": h, "b": b}
        chosen[part] = chosen[part][index]
        return chosen["W"] + chosen["U"] + chosen["b"]

    return operands


def _permuted(order: Sequence[int], parts: str) -> Callable[[Step], Tensor]:
    def operands(s: Step) -> Tensor:
        x, h, b = from_x(s), from_h(s), from_bias(s)
        x = x[list(order)] if "W" in parts else x
        h = h[list(order)] if "U" in parts else h
        return x + h + (b[list(order)] if "b" in parts else b)

    return operands


def _exchanged() -> Iterator[Mutant]:
    """Gates exchanged on one side only, or everywhere; then every other order of gates."""
    for first, second in itertools.combinations(range(4), 2):
        order = [0, 1, 2, 3]
        order[first], order[second] = second, first
        a, b = GATES[first], GATES[second]
        for parts, words in {**_PARTS, "WUb": "parameters"}.items():
            yield mutate(
                f"{a}_{b}_exchanged_{parts}",
                "parameters" if parts == "WUb" else "equations",
                f"{WORDS[a]} and {WORDS[b]} are swapped: each uses the {words} of the other",
                operands=_permuted(order, parts),
            )
    for permuted in itertools.permutations(range(4)):
        if sum(k != g for k, g in enumerate(permuted)) < 3:
            continue  # the same, or one exchange
        letters = "".join(GATES[k] for k in permuted)
        told = ", ".join(
            f"the {WORDS[GATES[k]]} uses those of the {WORDS[GATES[g]]}"
            for k, g in enumerate(permuted)
            if k != g
        )
        for parts, words in (
            ("WUb", "parameters"),
            ("U", "recurrent weights"),
            ("W", "weights over x"),
        ):
            yield mutate(
                f"order_{letters}_{parts}",
                "parameters",
                f"the gates' {words} are in another order: {told}",
                operands=_permuted(permuted, parts),
            )


def _transposed() -> Iterator[Mutant]:
    """Square weights the wrong way round; over x this runs only where I = H."""
    for letters, subject, gates in (*EACH, *ALL):
        whose = "every gate's" if len(gates) == 4 else f"{subject}'s"
        yield mutate(
            f"{letters}_U_transposed",
            "parameters",
            f"{whose} recurrent weights (over h) are transposed",
            operands=_with_transposed(gates, over_h=True),
        )
        yield mutate(
            f"{letters}_W_transposed",
            "parameters",
            f"{whose} weights over x are transposed, which runs only where the sizes are equal",
            operands=_with_transposed(gates, over_h=False),
        )
    yield mutate(
        "WU_transposed",
        "parameters",
        "the weights over x and over h are transposed, which runs only where the sizes are equal",
        operands=lambda s: s.x @ s.p.W.mT + s.h @ s.p.U.mT + from_bias(s),
    )
    yield mutate(
        "W_viewed",
        "layout",
        "the weights over x are viewed in their transposed shape instead of being transposed",
        operands=lambda s: s.x @ s.p.W.mT.reshape(s.p.W.shape) + from_h(s) + from_bias(s),
    )


def _with_transposed(gates: Sequence[int], over_h: bool) -> Callable[[Step], Tensor]:
    def flip(weights: Tensor) -> Tensor:
        return torch.stack([w.T if k in gates else w for k, w in enumerate(weights)])

    def operands(s: Step) -> Tensor:
        if over_h:
            return from_x(s) + s.h @ flip(s.p.U) + from_bias(s)
        return s.x @ flip(s.p.W) + from_h(s) + from_bias(s)

    return operands


def _over_h(gates: Sequence[int], other: Callable[[Step], Tensor]) -> Callable[[Step], Tensor]:
    """The operands with ``other`` in the place of h in these gates."""

    def operands(s: Step) -> Tensor:
        recurrent = torch.stack(
            [(other(s) if k in gates else s.h) @ u for k, u in enumerate(s.p.U)]
        )
        return from_x(s) + recurrent + from_bias(s)

    return operands


_IN_PLACE_OF_H: dict[str, tuple[str, Callable[[Step], Tensor]]] = {
    "c_for_h": ("reads the cell state c where it should read the hidden state h", lambda s: s.c),
    "tanh_c_for_h": (
        "reads tanh(c) where it should read the hidden state h",
        lambda s: s.c.tanh(),
    ),
    "stale_h": (
        "reads the hidden state of two steps ago: h is stale by one step",
        lambda s: s.before[0],
    ),
    "squashed_h": ("reads tanh(h) where it should read the hidden state h", lambda s: s.h.tanh()),
    "new_c_for_h": (
        "reads the new cell state where it should read the old hidden state h",
        lambda s: _exact_next(s)[1],
    ),
    "new_tanh_c_for_h": (
        "reads tanh of the new cell state where it should read the old hidden state h",
        lambda s: _exact_next(s)[1].tanh(),
    ),
    "new_h_for_h": (
        "reads the new hidden state where it should read the old one",
        lambda s: _exact_next(s)[0],
    ),
    "first_row_h": (
        "reads the hidden state of the first sequence of the batch for all of them",
        lambda s: s.h[:1].expand_as(s.h),
    ),
}


def _exact_next(s: Step) -> tuple[Tensor, Tensor]:
    """The state that the equations give after this step."""
    i, f, o, a = (q(z) for q, z in zip(EXACT.squash, exact_operands(s), strict=True))
    c = f * s.c + i * a
    return o * c.tanh(), c


def _other_operands() -> Iterator[Mutant]:
    for name, (words, other) in _IN_PLACE_OF_H.items():
        for letters, subject, gates in (*EACH, *ALL):
            operands = _over_h(gates, other)
            yield mutate(f"{letters}_{name}", "equations", f"{subject} {words}", operands=operands)
    for k, gate in enumerate(GATES):
        yield mutate(
            f"{gate}_adds_c",
            "equations",
            f"the {WORDS[gate]} also adds the cell state c before it is squashed",
            operands=_adding(k, lambda s: s.c),
        )
        yield mutate(
            f"{gate}_multiplies",
            "equations",
            f"the {WORDS[gate]} multiplies what comes from x and from h instead of adding them",
            operands=_multiplying((k,)),
        )
        yield mutate(
            f"{gate}_plus_one",
            "parameters",
            f"the {WORDS[gate]} has a constant 1 added to its bias",
            operands=_adding(k, lambda s: torch.ones_like(s.c)),
        )
    for share in SHARES:
        yield mutate(
            f"ifoa_multiplies_{share:g}",
            "equations",
            "every gate multiplies what comes from x and from h instead of adding them",
            operands=_multiplying_biased(share),
        )
        for k, gate in enumerate(GATES):
            yield mutate(
                f"{gate}_bias_outside_{share:g}",
                "equations",
                f"the {WORDS[gate]}'s bias is added after it is squashed, not before",
                operands=_biased(k, 1 - share),
                cell=_bias_outside(k, share),
            )
    for letters, subject, gates in (*EACH, *ALL):
        yield mutate(
            f"{letters}_first_row",
            "batch_time",
            f"{subject} of the first sequence of the batch is used for all of them, which mixes "
            "the sequences",
            operands=_of_first_row(gates),
        )
    yield mutate(
        "ifoa_multiplies",
        "equations",
        "every gate multiplies what comes from x and from h instead of adding them",
        operands=_multiplying((0, 1, 2, 3)),
    )
    yield mutate(
        "bias_on_first_step",
        "parameters",
        "the biases are added on the first step only",
        operands=lambda s: from_x(s) + from_h(s) + from_bias(s) * (s.t == 0),
    )
    yield mutate(
        "bias_not_on_first_step",
        "parameters",
        "the biases are not added on the first step",
        operands=lambda s: from_x(s) + from_h(s) + from_bias(s) * (s.t > 0),
    )
    yield mutate(
        "bias_every_step_more",
        "parameters",
        "the biases are added once more with every step: they accumulate",
        operands=lambda s: from_x(s) + from_h(s) + from_bias(s) * (s.t + 1),
    )
    yield mutate(
        "x_once",
        "batch_time",
        "the input x is read on the first step only",
        operands=lambda s: from_x(s) * (s.t == 0) + from_h(s) + from_bias(s),
    )


def _adding(gate: int, more: Callable[[Step], Tensor]) -> Callable[[Step], Tensor]:
    def operands(s: Step) -> Tensor:
        extra = torch.zeros(4, 1, 1, dtype=s.x.dtype, device=s.x.device)
        extra[gate] = 1
        return exact_operands(s) + extra * more(s)

    return operands


def _multiplying(gates: Sequence[int]) -> Callable[[Step], Tensor]:
    def operands(s: Step) -> Tensor:
        rows = zip(from_x(s), from_h(s), from_bias(s), strict=True)
        return torch.stack(
            [x * h + b if k in gates else x + h + b for k, (x, h, b) in enumerate(rows)]
        )

    return operands


SHARES = (1.0, 0.375, 0.625)
"""The part of a gate's bias that one tensor holds: all of it, or an uneven part of two."""


def _multiplying_biased(share: float) -> Callable[[Step], Tensor]:
    def operands(s: Step) -> Tensor:
        b = from_bias(s)
        return (from_x(s) + share * b) * (from_h(s) + (1 - share) * b)

    return operands


def _biased(gate: int, share: float) -> Callable[[Step], Tensor]:
    return weighted((gate,), 1, 1, share)


def _bias_outside(gate: int, share: float) -> Callable[[Step], Tensor]:
    """The cell after this gate's bias was added to what came out of it."""
    letter = GATES[gate]

    def cell(s: Step) -> Tensor:
        setattr(s, letter, getattr(s, letter) + share * s.p.b[gate])
        return s.f * s.c + s.i * s.a

    return cell


def _of_first_row(gates: Sequence[int]) -> Callable[[Step], Tensor]:
    def operands(s: Step) -> Tensor:
        z = exact_operands(s)
        return torch.stack(
            [row[:1].expand_as(row) if k in gates else row for k, row in enumerate(z)]
        )

    return operands


def _reset_by(gate: int) -> Callable[[Step], Tensor]:
    """The candidate sees h through a gate, as a GRU's does."""

    def operands(s: Step) -> Tensor:
        z = exact_operands(s)
        seen = (z[gate].sigmoid() * s.h) @ s.p.U[3]
        return torch.cat([z[:3], (from_x(s)[3] + seen + from_bias(s)[3]).unsqueeze(0)])

    return operands


def _normalised(dim: int | tuple[int, ...], over_x: bool, over_h: bool) -> Callable[[Step], Tensor]:
    """Weights divided by their length before use; ``dim`` of (4, in, H)."""

    def operands(s: Step) -> Tensor:
        W, U = s.p.W, s.p.U
        W = W / torch.linalg.vector_norm(W, dim=dim, keepdim=True) if over_x else W
        U = U / torch.linalg.vector_norm(U, dim=dim, keepdim=True) if over_h else U
        return s.x @ W + s.h @ U + from_bias(s)

    return operands


def _odd_weights() -> Iterator[Mutant]:
    for gate, letter in enumerate(GATES[:3]):
        yield mutate(
            f"reset_by_{letter}",
            "equations",
            f"the candidate sees the hidden state through the {WORDS[letter]} (its product with h, "
            "as in a GRU) instead of h itself",
            operands=_reset_by(gate),
        )
    sides = (
        ("U", False, True, "the recurrent weights are"),
        ("W", True, False, "the weights over x are"),
    )
    for name, over_x, over_h, words in (*sides, ("WU", True, True, "all weights are")):
        for way, dim in (("unit", 1), ("operand", (0, 2)), ("gate", (1, 2)), ("all", (0, 1, 2))):
            yield mutate(
                f"{name}_normalised_by_{way}",
                "parameters",
                f"{words} normalised in every call: divided by their length, by {way}",
                operands=_normalised(dim, over_x, over_h),
            )


MUTANTS = (
    *_odd_weights(),
    *_factors(),
    *_borrowed(),
    *_exchanged(),
    *_transposed(),
    *_other_operands(),
)
