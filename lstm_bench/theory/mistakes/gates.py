"""Mistakes of a step: what goes into the gates, what happens to them, what is made of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from lstm_bench.theory.edits import (
    Added,
    Against,
    Axis,
    Constant,
    Factor,
    Growing,
    Instead,
    Normalised,
    Other,
    Shifted,
    Through,
    When,
    With,
)
from lstm_bench.theory.mistakes.made import (
    FACTORS,
    GATES,
    PARTS,
    SIGMOIDS,
    Mistake,
    each_and,
    edit,
    moved,
)
from lstm_bench.theory.words.nouns import GATES as NAMES


def operands() -> Iterator[Mistake]:
    """x, h and the bias of one gate or all: lost, counted otherwise, read from elsewhere."""
    for gates in each_and(GATES):
        for kind in ("x_{}", "h_{}", "z_{}<b_{}"):
            places = [kind.format(g, g) for g in gates]
            failure_class = "parameters" if "b" in kind else "equations"
            for by in FACTORS:
                yield Mistake((edit(Factor(by), *places),), failure_class)
        read = [f"h_{g}<h" for g in gates]
        for name in ("c", "c'", "tanh c'", "h'", "before h"):
            yield Mistake((edit(Other(name), *read),), "equations")
        yield Mistake((edit(Through("tanh"), *read),), "equations")
        yield Mistake((edit(Other("c"), *read), edit(Through("tanh"), *read)), "equations")
        yield Mistake((edit(Axis("first for all", "B"), *read),), "equations")
        sums = [f"z_{g}" for g in gates]
        yield Mistake((edit(Axis("first for all", "B"), *sums),), "batch_time")
        yield Mistake((edit(Instead("product of the first two"), *sums),), "equations")
        yield Mistake((edit(With("sum", "c"), *sums),), "equations")
        yield Mistake((edit(Shifted(1.0), *sums),), "parameters")
        for by in (2.0, 0.5):
            if len(gates) > 1 or (gates[0] == "a") == (by == 2):  # others: another squash
                yield Mistake((edit(Factor(by), *sums),), "equations")
    for gate in SIGMOIDS:
        yield Mistake(
            (edit(With("product", gate), "h_a<h"),),
            "equations",
            f"the candidate sees the hidden state through the {NAMES[gate]} (its product "
            "with h, as in a GRU) instead of h itself",
        )
    yield from _bias_by_steps()
    yield from _shares()


def _bias_by_steps() -> Iterator[Mistake]:
    biases = [f"z_{g}<b_{g}" for g in GATES]
    xs = [f"x_{g}" for g in GATES]
    for share in SHARES[1:]:
        yield Mistake(
            (edit(Factor(1 - share), *biases, when=When("first")),),
            "parameters",
            "one of the two biases is not added, at the first step",
        )
    for when in (When("first"), When("not first")):
        yield Mistake((edit(Factor(0.0), *biases, when=when),), "parameters")
        yield Mistake((edit(Factor(0.0), *xs, when=when),), "batch_time")
    yield Mistake(
        (edit(Growing(), *biases),),
        "parameters",
        "the biases are added once more with every step: they accumulate",
    )


SHARES = (1.0, 0.375, 0.625)
"""The part of a gate's bias that one tensor holds: all of it, or an uneven part of two."""


def _shares() -> Iterator[Mistake]:
    for share, gate in itertools.product(SHARES, GATES):
        yield Mistake(
            (edit(Factor(1 - share), f"z_{gate}<b_{gate}"), edit(Added(f"b_{gate}", share), gate)),
            "equations",
            f"the {NAMES[gate]}'s bias is added after it is squashed, not before",
        )
    for share in SHARES:
        places = [(g, f"b_{g}") for g in GATES]
        yield Mistake(
            tuple(
                e
                for g, b in places
                for e in (
                    edit(Added(b, share), f"x_{g}"),
                    edit(Added(b, 1 - share), f"h_{g}"),
                    edit(Factor(0.0), f"z_{g}<{b}"),
                    edit(Instead("product of the first two"), f"z_{g}"),
                )
            ),
            "equations",
            "every gate multiplies what comes from x and from h instead of adding them",
        )


def parameters() -> Iterator[Mistake]:
    """Weights and biases of one gate used in another, in another order, transposed, normalised."""
    for parts, target, source in (
        (parts, *pair) for parts in PARTS for pair in itertools.permutations(GATES, 2)
    ):
        t, s = NAMES[target], NAMES[source]
        yield Mistake(
            tuple(edit(Other(f"{k}_{source}"), f"{k}_{target}") for k in parts),
            "equations",
            f"the {t} uses the {PARTS[parts]} of the {s} instead of its own"
            + (f": the {s} is used twice" if parts == "WUb" else ""),
        )
    for source, part in itertools.product(GATES, "bWU"):
        yield Mistake(
            (edit(Other(f"{part}_{source}"), *(f"{part}_{g}" for g in GATES)),),
            "equations",
            f"every gate uses the {PARTS[part]} of the {NAMES[source]}: "
            f"one {PARTS[part]} for all gates",
        )
    yield from _orders()
    for gates in each_and(GATES):
        for kind in "WU":
            yield Mistake(
                (edit(Axis("transposed", "F"), *(f"{kind}_{g}" for g in gates)),), "parameters"
            )
    both = [f"{kind}_{g}" for kind in "WU" for g in GATES]
    yield Mistake(
        (edit(Axis("transposed", "F"), *both),),
        "parameters",
        "the weights over x and over h are transposed, which runs only where the sizes are equal",
    )
    viewed = edit(Axis("viewed transposed", "F"), *(f"W_{g}" for g in GATES))
    yield Mistake((viewed,), "layout")
    for kinds in ("U", "W", "WU"):
        for by in ("unit", "operand", "gate", "all"):
            yield Mistake(
                tuple(edit(Normalised(by), *(f"{k}_{g}" for g in GATES)) for k in kinds),
                "parameters",
            )


def _orders() -> Iterator[Mistake]:
    """Gates exchanged, on one side or everywhere; then every other order of gates."""
    for first, second in itertools.combinations(GATES, 2):
        for parts, told in {**PARTS, "WUb": "parameters"}.items():
            a, b = NAMES[first], NAMES[second]
            yield Mistake(
                moved({first: second, second: first}, parts),
                "parameters" if parts == "WUb" else "equations",
                f"{a} and {b} are swapped: each uses the {told} of the other",
            )
    sides = {"WUb": "parameters", "U": "recurrent weights", "W": "weights over x"}
    for order in itertools.permutations(GATES):
        others = {g: source for g, source in zip(GATES, order, strict=True) if g != source}
        if len(others) < 3:
            continue  # the same, or one exchange
        told = ", ".join(f"the {NAMES[g]} uses those of the {NAMES[s]}" for g, s in others.items())
        for parts, what in sides.items():
            yield Mistake(
                moved(others, parts),
                "parameters",
                f"the gates' {what} are in another order: {told}",
            )


FOR_SIGMOID = (
    "tanh", "relu", "nothing", "hard sigmoid", "Keras 1's hard sigmoid", "exp", "softplus",
    "softmax over the units", "softmax over the batch", "1 - sigmoid", "sigmoid of sigmoid",
    "sigmoid of 2z", "sigmoid of tanh", "rounded sigmoid", "sigmoid squared", "root of sigmoid",
)  # fmt: skip
FOR_TANH = (
    "sigmoid", "relu", "leaky relu", "nothing", "hard tanh", "softsign", "elu", "gelu", "silu",
    "sin", "arctan", "softmax over the units", "-tanh", "tanh of tanh", "tanh of z/2",
    "LeCun's tanh", "4 sigmoid - 2",
)  # fmt: skip


def squashes() -> Iterator[Mistake]:
    """Each gate through each other function, and all sigmoids at once; the cell state likewise."""
    for gates in each_and(SIGMOIDS):
        for function in FOR_SIGMOID:
            yield Mistake((edit(Instead(function), *gates),), "equations")
        for number in (1.0, 0.0, 0.5):
            if (gates, number) == (("i",), 0.0) or (len(gates), number) == (3, 0.0):
                continue  # the same as a candidate of 0; nothing comes out
            yield Mistake((edit(Constant(number), *gates),), "equations")
    for function in FOR_TANH:
        yield Mistake((edit(Instead(function), "a"),), "equations")
        yield Mistake((edit(Instead(function), "tanh c'"),), "equations")
    for number in (1.0, 0.0):
        yield Mistake((edit(Constant(number), "a"),), "equations")
    for gates in (("i", "f"), SIGMOIDS):
        yield Mistake((edit(Against(gates), *gates),), "equations")


def cells() -> Iterator[Mistake]:
    """The cell state and the hidden state, put together otherwise."""
    read = ("i", "f", "o", "a", "h", "c", "before c")
    for reader, name in (("kept", "f"), ("kept", "c"), ("new", "i"), ("new", "a")):
        for other in read:
            # A gate for another is borrowed parameters.
            if other != name and not {other, name} <= set(SIGMOIDS):
                yield Mistake((edit(Other(other), f"{reader}<{name}"),), "equations")
    for gate, reader in (("i", "kept<f"), ("f", "new<i")):
        whose = NAMES["f" if gate == "i" else "i"]
        yield Mistake(
            (edit(Other(gate), reader), edit(Through("complement"), reader)),
            "equations",
            f"the {whose} is 1 - {gate} instead of its own: the {whose}'s weights are not used",
        )
    for other in ("c", "a", "new", "kept", "h", "before c"):
        yield Mistake((edit(Other(other), "tanh c'<c'"),), "equations")
    yield Mistake((edit(Other("a"), "h'<o"),), "equations")
    for other in ("a", "c", "h"):
        yield Mistake((edit(Other(other), "h'<tanh c'"),), "equations")
    for node, how in (("kept", "sum"), ("new", "sum"), ("c'", "product"), ("h'", "sum")):
        yield Mistake((edit(Instead(how), node),), "equations")
    for node, name in (("new", "f"), ("kept", "i"), ("new", "o"), ("kept", "o")):
        yield Mistake((edit(With("product", name), node),), "equations")
    for node, name in (("c'", "c"), ("h'", "h"), ("c'", "a"), ("c'", "h")):
        yield Mistake((edit(With("sum", name), node),), "equations")
    yield Mistake((edit(With("mean", "h"), "h'"),), "equations")
    yield Mistake((edit(Factor(0.5), "c'"),), "equations")
    for function in ("tanh", "sigmoid", "relu"):
        yield Mistake((edit(Through(function), "c'"),), "equations")
        yield Mistake((edit(Through(function), "h'"),), "equations")
    yield Mistake((edit(Through("tanh"), "kept<c"),), "equations")
    yield Mistake((edit(Through("normalising over the units"), "tanh c'<c'"),), "equations")
    yield Mistake((edit(Other("c'"), "h'"),), "equations", "the cell state c is handed on as the "
                  "hidden state")  # fmt: skip
    yield Mistake(
        (edit(Instead("nothing"), "tanh c'"), edit(Through("tanh"), "h'")),
        "equations",
        "the output gate stands inside the tanh: h = tanh(o c)",
    )
    yield Mistake(
        (edit(Through("tanh"), "c'"), edit(Instead("nothing"), "tanh c'")),
        "equations",
        "the squashed cell state is kept: tanh(c) is carried on in the place of c",
    )
