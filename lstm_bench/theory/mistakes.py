"""The mistakes that can be made in an LSTM: operators times places.

Each is a tuple of edits with a sentence. Most sentences are made from the edits; where people in
the field say a thing in words of their own, these stand here. A mistake in the values comes before
one in the gradients, and a cause before its consequences.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from lstm_bench.theory import words
from lstm_bench.theory.edits import (
    ALWAYS,
    BACK,
    BOTH,
    FORMULA,
    Added,
    Against,
    Axis,
    Bent,
    Clipped,
    Constant,
    Edit,
    Factor,
    Growing,
    Instead,
    Normalised,
    Operator,
    Other,
    Rounded,
    Shifted,
    Step,
    Theory,
    Through,
    Viewed,
    When,
    Whole,
    With,
)
from lstm_bench.theory.families import LSTM

GATES = LSTM.gates
SIGMOIDS = ("i", "f", "o")


@dataclass(frozen=True)
class Mistake:
    """Edits that make one mistake, its failure class, and words of its own, if any."""

    edits: tuple[Edit, ...]
    failure_class: str
    words: str = ""

    @cached_property
    def sentence(self) -> str:
        """What is wrong, in plain English."""
        return self.words or words.joined([words.sentence(edit) for edit in self.edits])

    @cached_property
    def theory(self) -> Theory:
        return Theory(LSTM, self.edits)

    @property
    def backward_alone(self) -> bool:
        """Whether all values are right."""
        return all(edit.way != BOTH for edit in self.edits)


def edit(operator: Operator, *places: str, way: str = BOTH, when: When = ALWAYS) -> Edit:
    return Edit(operator, places, way, when)


def _each_and(gates: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Each gate by itself, then all of these."""
    yield from ((g,) for g in gates)
    yield tuple(gates)


# -- values: what goes into the gates -----------------------------------------------------------

FACTORS = (0.0, 2.0, -1.0, 0.5)


def operands() -> Iterator[Mistake]:
    """x, h and the bias of one gate or all: lost, counted otherwise, read from elsewhere."""
    for gates in _each_and(GATES):
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
        yield Mistake((edit(Shifted(1.0), *(f"z_{g}" for g in gates)),), "parameters")
        for by in (2.0, 0.5):
            if len(gates) > 1 or (gates[0] == "a") == (by == 2):  # others: another squash
                yield Mistake((edit(Factor(by), *sums),), "equations")
    for gate in SIGMOIDS:
        yield Mistake(
            (edit(With("product", gate), "h_a<h"),),
            "equations",
            f"the candidate sees the hidden state through the {words.GATES[gate]} (its product "
            "with h, as in a GRU) instead of h itself",
        )
    yield from _bias_by_steps()
    yield from _shares()


def _bias_by_steps() -> Iterator[Mistake]:
    biases = [f"z_{g}<b_{g}" for g in GATES]
    xs = [f"x_{g}" for g in GATES]
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
            f"the {words.GATES[gate]}'s bias is added after it is squashed, not before",
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


PARTS = {
    "W": "weights over x",
    "U": "recurrent weights (over h)",
    "b": "bias",
    "WU": "weights over x and h",
    "Wb": "weights over x and bias",
    "Ub": "recurrent weights and bias",
    "WUb": "weights and bias",
}


def parameters() -> Iterator[Mistake]:
    """Weights and biases of one gate used in another, in another order, transposed, normalised."""
    for parts, target, source in (
        (parts, *pair) for parts in PARTS for pair in itertools.permutations(GATES, 2)
    ):
        t, s = words.GATES[target], words.GATES[source]
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
            f"every gate uses the {PARTS[part]} of the {words.GATES[source]}: "
            f"one {PARTS[part]} for all gates",
        )
    yield from _orders()
    for gates in _each_and(GATES):
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
            a, b = words.GATES[first], words.GATES[second]
            yield Mistake(
                _moved({first: second, second: first}, parts),
                "parameters" if parts == "WUb" else "equations",
                f"{a} and {b} are swapped: each uses the {told} of the other",
            )
    sides = {"WUb": "parameters", "U": "recurrent weights", "W": "weights over x"}
    for order in itertools.permutations(GATES):
        moved = {g: source for g, source in zip(GATES, order, strict=True) if g != source}
        if len(moved) < 3:
            continue  # the same, or one exchange
        told = ", ".join(
            f"the {words.GATES[g]} uses those of the {words.GATES[s]}" for g, s in moved.items()
        )
        for parts, what in sides.items():
            yield Mistake(
                _moved(moved, parts),
                "parameters",
                f"the gates' {what} are in another order: {told}",
            )


def _moved(sources: dict[str, str], parts: str) -> tuple[Edit, ...]:
    return tuple(
        edit(Other(f"{part}_{source}"), f"{part}_{gate}")
        for part in parts
        for gate, source in sources.items()
    )


# -- values: what happens to the gates ----------------------------------------------------------

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
    for gates in _each_and(SIGMOIDS):
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
        whose = words.GATES["f" if gate == "i" else "i"]
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


# -- values: states, steps and rows -------------------------------------------------------------

ROWS = ("reversed", "first for all", "last for all", "mean")


def states() -> Iterator[Mistake]:
    """States as they are given, by default, on their way and in the end."""
    for which in (("h",), ("c",), ("h", "c")):
        given, default = [f"given {s}" for s in which], [f"default {s}" for s in which]
        carried, returned = [f"carried {s}" for s in which], [f"returned {s}" for s in which]
        for places in (given, carried, returned):
            operators: tuple[Operator, ...] = (
                *map(Factor, FACTORS), Through("tanh"), *(Axis(how, "B") for how in ROWS),
                Viewed("BF", "FB"), Viewed("FB", "BF"),
            )  # fmt: skip
            for operator in operators:
                yield Mistake((edit(operator, *places),), "state")
        yield Mistake((edit(Axis("rolled", "B"), *carried),), "state")
        yield Mistake((edit(Constant(1.0), *given),), "state")
        for number in (1.0, 0.1, 0.5):
            yield Mistake((edit(Constant(number), *default),), "state")
        for number in (1, -2, 0):
            yield Mistake((edit(Step(number), *returned),), "state")
        for how in ("mean", "sum", "largest"):
            yield Mistake((edit(Axis(how, "T"), *returned),), "state")
        for steps in (2, 3, 4, 5):
            yield reset_every(steps, which)
        yield Mistake(
            tuple(edit(Other(s), f"carried {s}") for s in which),
            "state",
        )
    yield from _exchanged_states()


def _exchanged_states() -> Iterator[Mistake]:
    ways = {
        "given": ("given h", "given c"),
        "carried": ("h'", "c'"),
        "returned": ("h'", "c'"),
    }
    for place, (h, c) in ways.items():
        at_h, at_c = edit(Other(c), f"{place} h"), edit(Other(h), f"{place} c")
        yield Mistake((at_h, at_c), "state")
        yield Mistake((at_h,), "state")
        yield Mistake((at_c,), "state")
    yield Mistake((edit(With("sum", "given h"), "given c"),), "state")
    for place in ("carried h", "returned h"):
        yield Mistake((edit(Other("tanh c'"), place),), "state")
    yield Mistake((edit(With("sum", "h"), "carried h"),), "state")


def reset_every(steps: int, which: Sequence[str] = ("h", "c")) -> Mistake:
    """The state is zeros again after every so many steps."""
    places = [f"carried {s}" for s in which]
    return Mistake((edit(Factor(0.0), *places, when=When("every", steps)),), "state")


def restart_every(steps: int, which: Sequence[str] = ("h", "c")) -> Mistake:
    """The state starts again from the initial one after every so many steps."""
    when = When("every", steps)
    return Mistake(tuple(edit(Other(f"{s}0"), f"carried {s}", when=when) for s in which), "state")


def sequences() -> Iterator[Mistake]:
    """Inputs and outputs along batch and time: reversed, shifted, mixed, left out."""
    along_time = (
        "reversed", "rolled", "first for all", "last for all", "late", "late, the first twice",
        "early, the last twice", "centred", "sum so far", "mean so far", "mean",
    )  # fmt: skip
    along_batch = ("reversed", "first for all", "last for all", "mean", "centred", "normalised",
                   "sum so far", "rolled")  # fmt: skip
    for place in ("inputs", "outputs"):
        for how in along_time:
            yield Mistake((edit(Axis(how, "T"), place),), "batch_time")
        for how in along_batch:
            yield Mistake((edit(Axis(how, "B"), place),), "batch_time")
        yield Mistake((edit(Axis("reversed", "F"), place),), "batch_time")
        yield Mistake((edit(Axis("normalised", "F"), place),), "batch_time")
        for function in ("tanh", "relu"):
            yield Mistake((edit(Through(function), place),), "batch_time")
        for read in ("BTF", "TBF"):
            for order in map("".join, itertools.permutations("TBF")):
                if order != read and (place == "outputs" or order[-1] == "F"):
                    yield Mistake((edit(Viewed(order, read), place),), "batch_time")
    yield Mistake((edit(Clipped(1.0), "inputs"),), "batch_time")
    for level in (0.0, 1.0):
        yield Mistake((edit(Constant(level), "output"),), "batch_time")
    for steps in ("first", "last", "not first", "not last", "odd"):
        yield Mistake((edit(Factor(0.0), "output", when=When(steps)),), "batch_time")
    yield Mistake((edit(Other("h"), "output"),), "batch_time")
    yield Mistake((edit(Other("h"), "output", when=When("last")),), "batch_time")
    for other in ("c'", "tanh c'", "o"):
        yield Mistake((edit(Other(other), "output"),), "batch_time")
    yield Mistake((edit(With("sum", "h"), "output"),), "batch_time")
    for number in (1, 2, 3, 4, 5):
        yield truncated(number)
        yield frozen(number)
    for when in (When("last"), When("first")):
        yield _kept(when)
        for place in ("output", "y"):
            yield _kept(when, edit(Factor(0.0), place, when=when))
    yield Mistake(
        (edit(Axis("reversed", "T"), "inputs"), edit(Axis("reversed", "T"), "outputs")),
        "batch_time",
        "the recurrence runs backwards in time, from the last step to the first",
    )

    for how, told in {
        "first step twice": "the first step is run twice",
        "last step twice": "the last step is run twice",
        "future added": "a pass backwards in time is added: outputs depend on later inputs "
        "(the future)",
        "over the batch": "batch and time are mixed up: the recurrence runs over the batch axis "
        "instead of time",
        "one long sequence": "the sequences of the batch are run one after the other as one long "
        "sequence: state leaks from row to row of the batch",
    }.items():
        yield Mistake((edit(Whole(how), "run"),), "batch_time", told)


def _kept(when: When, *more: Edit) -> Mistake:
    """The state stays as it is at some steps."""
    return Mistake(
        (edit(Other("h"), "h'", when=when), edit(Other("c"), "c'", when=when), *more), "batch_time"
    )


def truncated(steps: int) -> Mistake:
    """Nothing happens any more after so many steps: their outputs are zeros."""
    return Mistake(
        (
            edit(Factor(0.0), "output", when=When("from", steps)),
            edit(Step(steps), "returned h", "returned c"),
        ),
        "batch_time",
        f"only the first {steps} steps of time are processed; the outputs after them are zeros",
    )


def frozen(steps: int) -> Mistake:
    """After so many steps the state stays as it is."""
    found = _kept(When("from", steps))
    told = f"after {steps} steps of time the state stays as it is: the sequence is truncated"
    return Mistake(found.edits, found.failure_class, told)


def head() -> Iterator[Mistake]:
    """The output layer, where there is one."""
    for by in (0.0, 2.0):
        yield Mistake((edit(Factor(by), "y<b_h"),), "equations")
    for function in ("tanh", "relu"):
        for place in ("read out", "y<outputs"):
            yield Mistake((edit(Through(function), place),), "equations")


def numerics() -> Iterator[Mistake]:
    """Parts of the computation in a smaller type, and NaN cleaned away."""
    sums = [f"z_{g}" for g in GATES]
    for dtype in ("float32", "float16", "bfloat16"):
        for places in (["inputs"], ["carried c"], ["carried h"], ["c'"], sums, ["outputs"]):
            yield Mistake((edit(Rounded(dtype), *places),), "numerics")
    for places in (["inputs"], sums, ["c'"], ["outputs", "returned h", "returned c"]):
        yield Mistake((edit(Through("nan_to_num"), *places),), "numerics")
    yield Mistake((edit(Instead("exp(z) / (1 + exp(z))"), *SIGMOIDS),), "numerics")
    yield Mistake((edit(Instead("tanh by exp(2z)"), "a", "tanh c'"),), "numerics")


# -- gradients ----------------------------------------------------------------------------------


def flow() -> Iterator[Mistake]:
    """What flows back is lost, counted otherwise, clipped, or goes elsewhere."""
    places = {
        "from step to step": [["carried h"], ["carried c"], ["carried h", "carried c"]],
        "through": [[g] for g in GATES] + [["tanh c'"], ["kept<c"], ["output"], ["h'"], ["c'"]],
        "into": [["inputs"], ["given h"], ["given c"], ["given h", "given c"], ["y"],
                 ["h_n"], ["c_n"], ["h_n", "c_n"], ["y", "c_n"]],
    }  # fmt: skip
    for group in (p for some in places.values() for p in some):
        for by in FACTORS:
            if (group, by) != (["carried h", "carried c"], 0.0):  # detached at every step
                yield Mistake((edit(Factor(by), *group, way=BACK),), "gradients")
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
    for first, second in itertools.combinations(GATES, 2):
        for parts in ("WUb", "W", "U", "b"):
            pairs = [(f"{k}_{first}", f"{k}_{second}") for k in parts]
            yield Mistake(
                tuple(
                    edit(Other(one), other, way=BACK)
                    for pair in pairs
                    for one, other in (pair, pair[::-1])
                ),
                "gradients",
            )


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
    )
    everything = ("inputs", "given h", "given c")
    for by in FACTORS:
        yield Mistake((edit(Factor(by), *everything, way=BACK),), "gradients")
        more = [f"{k}_{g}" for k in "WUb" for g in GATES]
        yield Mistake((edit(Factor(by), *everything, *more, "W_h", "b_h", way=BACK),), "gradients")


def _of_results() -> Iterator[Mistake]:
    h, c = edit(Other("c_n"), "h_n", way=BACK), edit(Other("h_n"), "c_n", way=BACK)
    yield Mistake((h, c), "gradients")
    both = edit(With("sum", "c_n"), "h_n", way=BACK), edit(Factor(0.0), "c_n", way=BACK)
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
    for gates in _each_and(SIGMOIDS):
        for derivative in FOR_SIGMOID_BACK:
            yield Mistake((edit(Bent(derivative), *gates),), "gradients")
    for derivative in FOR_TANH_BACK:
        for node in ("a", "tanh c'"):
            yield Mistake((edit(Bent(derivative), node),), "gradients")
    yield Mistake((edit(Bent("1 - s²", "h'"), "tanh c'"),), "gradients")
    yield Mistake((edit(Other("c"), "tanh c'<c'", way=FORMULA),), "gradients")
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


def _all(*tables: Iterable[Mistake]) -> tuple[Mistake, ...]:
    return tuple(itertools.chain(*tables))


IN_VALUES = _all(
    squashes(), cells(), head(), parameters(), operands(), states(), sequences(), numerics()
)
IN_GRADIENTS = _all(flow(), formulas())
