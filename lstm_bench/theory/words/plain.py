"""What an operator does to a value, where no kind of place has a way of its own to say it."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_bench.theory.edits import (
    Axis,
    Clipped,
    Constant,
    Factor,
    Growing,
    Normalised,
    Operator,
    Other,
    Rounded,
    Shifted,
    Step,
    Through,
    Viewed,
    When,
    With,
)
from lstm_bench.theory.words.nouns import be, does, has, plural, value


def stands(name: str, operators: Sequence[Operator]) -> str:
    """What operators make of a value, as a noun: tanh of the cell state c."""
    found = value(name)
    for operator in operators:
        match operator:
            case Other(other):
                found = value(other)
            case Through("complement"):
                found = f"1 - {found.removeprefix('the ')}"
            case Through(function):
                found = f"{function} of {found}"
            case With("product", other):
                found = f"{found} times {value(other)}"
            case Axis("first for all", "B"):
                found = f"{found} of the first sequence of the batch"
            case Constant(number):
                found = f"{number:g}"
            case Factor(by):
                found = f"{by:g} times {found}"
            case _:
                raise TypeError(f"no word for what stands there by {operator}")
    return found


def a(function: str) -> str:
    return f"a {function}" if function.startswith(("sigmoid", "softmax")) else function


AXES = {"B": "the batch", "T": "time", "F": "the features"}
ALONG = {
    "reversed": "taken in reverse order of {axis}",
    "rolled": "rolled by one along {axis}",
    "rolled back": "rolled back by one along {axis}",
    "first for all": "{that} of the first in {axis} for all of them",
    "last for all": "{that} of the last in {axis} for all of them",
    "late": "shifted by one along {axis}, with zeros first",
    "late, the first twice": "shifted by one along {axis}: each is that of the one before",
    "early, the last twice": "shifted by one along {axis}: each is that of the next",
    "mean": "averaged over {axis}",
    "sum": "summed over {axis}",
    "largest": "the largest over {axis} instead of the last step's",
    "sum so far": "summed up along {axis}",
    "mean so far": "averaged with all before along {axis}",
    "centred": "centred over {axis}",
    "normalised": "normalised over {axis}",
    "transposed": "transposed",
    "viewed transposed": "viewed in their transposed shape instead of being transposed",
}


def along(operator: Axis, subject: str) -> str:
    """What is done along an axis, after the verb."""
    that = "those" if plural(subject) else "that"
    return ALONG[operator.how].format(axis=AXES[operator.axis], that=that)


MIXES = ", which mixes the sequences"
FACTORS = {0.0: "zero", 0.5: "half of what {} should be", 2.0: "twice what {} should be"}


def plain(subject: str, operator: Operator) -> str:
    """A noun and a predicate."""
    match operator:
        case Factor(-1.0):
            return has(subject, "the wrong sign")
        case Factor(by):
            told = FACTORS.get(by, f"{by:g} times what {{}} should be")
            return be(subject, told.format("they" if plural(subject) else "it"))
        case Growing():
            return does(subject, "count", "once more with every step")
        case Constant(number):
            return be(subject, {0.0: "zeros", 1.0: "ones"}.get(number, f"{number:g} throughout"))
        case Shifted(by):
            return has(subject, f"a constant {by:g} added")
        case Through("nan_to_num"):
            return f"NaN in {subject} is cleaned away"
        case Through(function):
            return does(subject, "go", f"through {a(function)}")
        case Other(name):
            return f"{value(name)} stands in the place of {subject}"
        case With("mean", name):
            return be(subject, f"averaged with {value(name)}")
        case With(how, name):
            verb = {"sum": "added to", "product": "multiplied with"}[how]
            return f"{value(name)} is {verb} {subject}"
        case Axis(_, axis):
            return be(subject, along(operator, subject) + MIXES * (axis == "B"))
        case Viewed(order, read):
            laid, other = (", ".join(axes) for axes in (order, read))
            told = f"({laid}) is viewed as ({other}) instead of being transposed"
            return f"{subject.rstrip(',')}: the axes are scrambled, {told}"
        case Step(0):
            return be(subject, "the initial one: it is not updated")
        case Step(number) if number < 0:
            before = "the step" if number == -2 else f"{-number - 1} steps"
            return be(subject, f"that of {before} before the last: it is stale")
        case Step(number):
            which = "the first step" if number == 1 else f"step {number}"
            return be(subject, f"that of {which} instead of the last")
        case Clipped(limit):
            return be(subject, f"clipped to ±{limit:g}")
        case Rounded(dtype):
            return be(subject, f"rounded to {dtype}")
        case Normalised(by):
            return be(subject, f"normalised in every call: divided by their length, by {by}")
    raise TypeError(f"no word for {operator} of {subject}")


def when(condition: When) -> str:
    """At which steps and rows, as the end of a sentence."""
    steps = {
        "all": "",
        "first": "at the first step",
        "last": "at the last step",
        "not first": "from the second step on",
        "not last": "at all steps but the last",
        "odd": "at every second step",
        "every": f"after every {condition.number} steps of time",
        "from": f"after {condition.number} step{'s' * (condition.number > 1)} of time",
        "at last but": f"before the last {condition.number} steps",
    }[condition.steps]
    rows = {
        "all": "",
        "first": "in the first sequence of the batch",
        "not first": "in all sequences of the batch but the first",
    }[condition.rows]
    return "".join(f", {part}" for part in (steps, rows) if part)
