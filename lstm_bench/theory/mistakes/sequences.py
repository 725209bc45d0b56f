"""Mistakes around the steps: states, inputs and outputs along batch and time, precision."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from lstm_bench.theory.edits import (
    Axis,
    Clipped,
    Constant,
    Edit,
    Factor,
    Instead,
    Operator,
    Other,
    Rounded,
    Step,
    Through,
    Viewed,
    When,
    Whole,
    With,
)
from lstm_bench.theory.mistakes.made import (
    FACTORS,
    GATES,
    SIGMOIDS,
    Mistake,
    edit,
)

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


SWAPPED = {
    "given": "the given h0 and c0 are swapped: h0 is taken as the cell state and c0 as the hidden "
    "state",
    "carried": "h and c are swapped from one step to the next",
    "returned": "the returned h and c are swapped: the cell state comes where the hidden state "
    "belongs",
}


def _exchanged_states() -> Iterator[Mistake]:
    ways = {
        "given": ("given h", "given c"),
        "carried": ("h'", "c'"),
        "returned": ("h'", "c'"),
    }
    for place, (h, c) in ways.items():
        at_h, at_c = edit(Other(c), f"{place} h"), edit(Other(h), f"{place} c")
        yield Mistake((at_h, at_c), "state", SWAPPED[place])
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


def leaks() -> Iterator[Mistake]:
    """The state of the call before is what this one starts from: values ``left h``, ``left c``."""
    told = "leaks from one call to the next: a call starts from what the last call left behind"
    for which, words in (("hc", "the state"), ("h", "the hidden state"), ("c", "the cell state")):
        edits = tuple(edit(Other(f"left {s}"), f"given {s}", f"default {s}") for s in which)
        yield Mistake(edits, "state", f"{words} {told}")


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
    for when, told in (
        (When("last"), "the last step is dropped: it is never run"),
        (When("first"), "the first step is skipped: it is never run"),
    ):
        yield _kept(when, told)
        for place in ("output", "y"):
            zero = edit(Factor(0.0), place, when=when)
            whose = "its output stays zero" if place == "output" else "the result there stays zero"
            yield _kept(when, f"{told}, and {whose}", zero)
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


def _kept(when: When, told: str, *more: Edit) -> Mistake:
    """The state stays as it is at some steps."""
    stays = edit(Other("h"), "h'", when=when), edit(Other("c"), "c'", when=when)
    return Mistake((*stays, *more), "batch_time", told)


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
    told = f"after {steps} steps of time the state stays as it is: the sequence is truncated"
    return _kept(When("from", steps), told)


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
    told = "is computed as exp(z) / (1 + exp(z)), which overflows for large z"
    sigmoid = edit(Instead("exp(z) / (1 + exp(z))"), *SIGMOIDS)
    yield Mistake((sigmoid,), "numerics", f"the sigmoid {told}")
    tanh = edit(Instead("tanh by exp(2z)"), "a", "tanh c'")
    told = "tanh is computed from exp(2z), which overflows for large z"
    yield Mistake((tanh,), "numerics", told)


def times(by: float, place: str) -> Mistake:
    """A value is a multiple of what it should be."""
    return Mistake((edit(Factor(by), place),), "equations")


def clipped(limit: float, *places: str) -> Mistake:
    """Values are clipped to ± a limit. Clipped by design, that is a variant."""
    return Mistake((edit(Clipped(limit), *places),), "numerics")
