"""Mistakes of the backward pass alone: what flows back, and formulas of derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from lstm_bench.theory.edits import (
    BACK,
    FORMULA,
    Axis,
    Bent,
    Clipped,
    Constant,
    Factor,
    Other,
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


def flow() -> Iterator[Mistake]:
    """What flows back is lost, counted otherwise, clipped, or goes elsewhere."""
    places = {
        "from step to step": [["carried h"], ["carried c"], ["carried h", "carried c"]],
        "through": [[g] for g in GATES] + [["tanh c'"], ["kept<c"], ["output"], ["h'"], ["c'"]],
        "into": [["inputs"], ["given h"], ["given c"], ["given h", "given c"], ["y"],
                 ["returned h"], ["returned c"], ["returned h", "returned c"], ["y", "returned c"]],
    }  # fmt: skip
    for group in (p for some in places.values() for p in some):
        for by in FACTORS:
            if (group, by) != (["carried h", "carried c"], 0.0):  # detached at every step
                yield Mistake((edit(Factor(by), *group, way=BACK),), "gradients")
    yield Mistake(
        (edit(Factor(0.0), "carried c", "returned c", way=BACK),),
        "gradients",
        "the gradient that comes to a step through the new cell state, from later steps and from "
        "c_n, is ignored",
    )
    for state in "hc":
        yield Mistake((edit(With("sum", state), f"carried {state}", way=BACK),), "gradients")
    for operand in "hx":
        for gate in GATES:
            mine = f"{operand}_{gate}<{operand}"
            rest = [f"{operand}_{g}<{operand}" for g in GATES if g != gate]
            yield Mistake((edit(Factor(0.0), mine, way=BACK),), "gradients")
            yield Mistake((edit(Factor(0.0), *rest, way=BACK),), "gradients")
    every = [f"h_{g}<h" for g in GATES]
    yield Mistake((edit(Factor(0.0), *every, way=BACK),), "gradients")
    for steps in range(1, 6):
        yield detached_every(steps)
        if steps > 1:
            yield detached_before_last(steps)
    yield from _of_parameters()
    yield from _of_inputs()
    yield from _of_results()


def _of_parameters() -> Iterator[Mistake]:
    kinds = {"W": "x_{0}<W_{0}", "U": "h_{0}<U_{0}", "b": "z_{0}<b_{0}"}
    for which in ("WUb", "W", "U", "b"):
        places = [kinds[k].format(g) for k in which for g in GATES]
        for when in (When("not last"), When("not first"), When("first"), When("last")):
            yield Mistake((edit(Factor(0.0), *places, way=BACK, when=when),), "gradients")
    others = When(rows="not first")
    rows = {"W": ("x_{0}<x", FORMULA), "U": ("h_{0}<h", FORMULA), "b": ("z_{0}<b_{0}", BACK)}
    told = {
        "WUb": "the parameters' gradients come",
        "W": "the gradient of the weights over x comes",
        "U": "the gradient of the recurrent weights (over h) comes",
        "b": "the gradient of the biases comes",
    }
    for which, words_of in told.items():
        edits = tuple(
            edit(Factor(0.0), rows[k][0].format(g), way=rows[k][1], when=others)
            for k in which
            for g in GATES
        )
        yield Mistake(edits, "gradients", f"{words_of} from the first sequence of the batch only")
    groups = [[f"{k}_{g}"] for k in "WUb" for g in GATES]
    groups += [[f"{k}_{g}" for k in "WUb"] for g in GATES]
    groups += [[f"{k}_{g}" for k in kinds for g in GATES] for kinds in ("W", "U", "b", "WU", "WUb")]
    groups += [["W_h"], ["b_h"]]
    for group in groups:
        for by in FACTORS:
            yield Mistake((edit(Factor(by), *group, way=BACK),), "gradients")
    for group in (["W_i", "W_f", "W_o", "W_a"], *([f"U_{g}"] for g in GATES),
                  [f"U_{g}" for g in GATES]):  # fmt: skip
        yield Mistake((edit(Axis("transposed", "F"), *group, way=BACK),), "gradients")
    told_parts = {**PARTS, "WUb": "parameters"}
    for first, second in itertools.combinations(GATES, 2):
        for parts in ("WUb", "W", "U", "b"):
            yield Mistake(
                moved({first: second, second: first}, parts, way=BACK),
                "gradients",
                f"the gradients of the {told_parts[parts]} of {NAMES[first]} and "
                f"{NAMES[second]} are swapped",
            )


def exchanged() -> Iterator[Mistake]:
    """What flows back to one gate goes to another: their gradients stand in another order."""
    for order in itertools.permutations(GATES):
        others = {g: to for g, to in zip(GATES, order, strict=True) if g != to}
        if not others:
            continue
        edits = tuple(edit(Other(f"z_{to}"), f"z_{g}", way=BACK) for g, to in others.items())
        if len(others) == 2:
            first, second = others
            told = f"{NAMES[first]} and {NAMES[second]} are swapped"
        else:
            goes = (f"the {NAMES[g]}'s goes to the {NAMES[to]}" for g, to in others.items())
            told = f"the gates are in another order: {', '.join(goes)}"
        yield Mistake(edits, "gradients", f"the gradients of what goes into {told}")


def _of_inputs() -> Iterator[Mistake]:
    for how, axis in (
        ("reversed", "T"), ("rolled", "T"), ("rolled back", "T"), ("reversed", "B"), ("sum", "B"),
    ):  # fmt: skip
        yield Mistake((edit(Axis(how, axis), "inputs", way=BACK),), "gradients")
    for when in (When("first"), When("last"), When("not first"), When("not last")):
        places = [f"x_{g}<x" for g in GATES]
        yield Mistake((edit(Factor(0.0), *places, way=BACK, when=when),), "gradients")
    yield Mistake(
        (
            edit(Other("given c"), "given h", way=BACK),
            edit(Other("given h"), "given c", way=BACK),
        ),
        "gradients",
        "the gradients of h0 and c0 are swapped",
    )
    everything = ("inputs", "given h", "given c")
    for by in FACTORS:
        yield Mistake((edit(Factor(by), *everything, way=BACK),), "gradients")
        more = [f"{k}_{g}" for k in "WUb" for g in GATES]
        yield Mistake((edit(Factor(by), *everything, *more, "W_h", "b_h", way=BACK),), "gradients")


def _of_results() -> Iterator[Mistake]:
    h, c = (
        edit(Other("returned c"), "returned h", way=BACK),
        edit(Other("returned h"), "returned c", way=BACK),
    )
    told = "the gradients that come in through h_n and c_n are swapped"
    yield Mistake((h, c), "gradients", told)
    both = (
        edit(With("sum", "returned c"), "returned h", way=BACK),
        edit(Factor(0.0), "returned c", way=BACK),
    )
    yield Mistake(
        both,
        "gradients",
        "the gradient that comes in through h_n is used for the cell state c_n too",
    )
    for when in (When("not last"), When("last")):
        yield Mistake((edit(Factor(0.0), "y", way=BACK, when=when),), "gradients")


def detached_every(steps: int) -> Mistake:
    """The state is cut off after every so many steps: truncated back-propagation."""
    every = "between steps" if steps == 1 else f"after every {steps} steps"
    return Mistake(
        (edit(Factor(0.0), "carried h", "carried c", way=BACK, when=When("every", steps)),),
        "gradients",
        f"the state is detached {every}: back-propagation through time is truncated",
    )


def detached_before_last(steps: int) -> Mistake:
    """Only the last so many steps take part in the backward pass."""
    when = When("at last but", steps)
    return Mistake(
        (edit(Factor(0.0), "carried h", "carried c", way=BACK, when=when),),
        "gradients",
        f"the gradient flows back through the last {steps} steps only: back-propagation through "
        "time is truncated",
    )


def clipped_back(limit: float) -> Iterator[Mistake]:
    """The gradient that flows from step to step is clipped."""
    for places in (["h'"], ["c'"], ["h'", "c'"], ["carried h"], [f"z_{g}" for g in GATES]):
        yield Mistake((edit(Clipped(limit), *places, way=BACK),), "gradients")


FOR_SIGMOID_BACK = ("1", "z (1 - z)", "1 - s²", "1 - s", "s", "s (1 + s)")
FOR_TANH_BACK = ("1", "1 - z²", "s (1 - s)", "1 - s", "1 + s²", "1 - tanh(s)²")


def formulas() -> Iterator[Mistake]:
    """Formulas of the backward pass: a derivative, or a factor of a product."""
    for gates in each_and(SIGMOIDS):
        for derivative in FOR_SIGMOID_BACK:
            yield Mistake((edit(Bent(derivative), *gates),), "gradients")
    for derivative in FOR_TANH_BACK:
        for node in ("a", "tanh c'"):
            yield Mistake((edit(Bent(derivative), node),), "gradients")
    yield Mistake((edit(Bent("1 - s²", "h'"), "tanh c'"),), "gradients")
    yield Mistake((edit(Other("c"), "tanh c'<c'", way=FORMULA),), "gradients")
    for gate, other in itertools.permutations(GATES, 2):
        own, function = ("1 - s²", "tanh") if gate == "a" else ("s (1 - s)", "sigmoid")
        yield Mistake(
            (edit(Bent(own, other), gate),),
            "gradients",
            f"the derivative of the {NAMES[gate]}'s {function} is computed from the value of the "
            f"{NAMES[other]}",
        )
    values = ("i", "f", "o", "a", "h", "c", "c'", "tanh c'", "h'")
    factors = (("kept", "f"), ("kept", "c"), ("new", "i"), ("new", "a"), ("h'", "o"),
               ("h'", "tanh c'"))  # fmt: skip
    for reader, read in factors:
        place = f"{reader}<{read}"
        for name in values:
            if name != read:
                yield Mistake((edit(Other(name), place, way=FORMULA),), "gradients")
        yield Mistake((edit(Constant(1.0), place, way=FORMULA),), "gradients")
        yield Mistake((edit(Through("tanh"), place, way=FORMULA),), "gradients")
    old = edit(Other("c"), "h'<tanh c'", way=FORMULA)
    yield Mistake((old, edit(Through("tanh"), "h'<tanh c'", way=FORMULA)), "gradients")
    for name in ("h'", "c", "before h"):
        places = [f"h_{g}<h" for g in GATES]
        yield Mistake(tuple(edit(Other(name), place, way=FORMULA) for place in places), "gradients")
