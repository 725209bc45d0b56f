"""What is wrong with what flows back, and with the formulas of the backward pass."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_bench.theory.edits import (
    Axis,
    Clipped,
    Constant,
    Edit,
    Factor,
    Operator,
    Other,
    With,
)
from lstm_bench.theory.words.nouns import (
    EVERY,
    GATES,
    PARTNERS,
    gate_of,
    gates,
    joined,
    kind_of,
    noun,
    value,
)
from lstm_bench.theory.words.plain import along, plain, stands, when

COUNTS = {2.0: "counts twice", 0.5: "counts half", -1.0: "has the wrong sign"}
"""What flows through a place, times a number."""


def back(edit: Edit) -> str:
    """What flows back to a place."""
    places, operator = edit.places, edit.operator
    letters = [gate_of(place) for place in places]
    kinds = {kind_of(place) for place in places}
    if kinds == {""}:  # gates
        return _through(gates(letters), operator)
    if kinds in ({"h_<h"}, {"x_<x"}):
        what = "hidden state" if kinds == {"h_<h"} else "input x"
        if edit.when.steps in COMES:
            return f"the gradient of the {what} comes from {COMES[edit.when.steps]}"
        if tuple(letters) == EVERY:
            return f"the {what} is detached in every step, h0 too: no gradient flows back through h"
        if len(letters) == 3:
            (rest,) = set(EVERY) - set(letters)
            told = f"comes from the {GATES[rest]} alone; the other gates are left out"
            return f"the gradient of the {what} {told}"
        return f"the gradient of the {what} leaves out {gates(letters)}"
    if kinds <= {"y", "returned h", "returned c"}:
        return _from_above(places, operator) + when(edit.when)
    if places[0].startswith("carried"):
        told = noun(places)
        if operator == Factor(0.0):
            where = f"through {places[0][-1]}" if len(places) == 1 else "through time"
            return f"{told} is detached between steps: no gradient flows back {where}"
        return f"{_gradient(told, operator)}, from step to step"
    if places[0] in ("h'", "c'", "tanh c'", "kept<c", "output"):
        return _through(noun_of_read(places), operator) + when(edit.when)
    if operator == Factor(0.0) and edit.when.steps in COMES:
        return f"the gradient of {noun(places)} comes from {COMES[edit.when.steps]}"
    return _gradient(noun(places), operator) + when(edit.when)


COMES = {
    "not last": "the last step only: the earlier steps of time are lost, as if overwritten",
    "not first": "the first step only: the later steps of time are lost, as if overwritten",
    "first": "all steps but the first",
    "last": "all steps but the last",
}
"""Where nothing flows back at some steps, it flows at the others."""


def noun_of_read(places: Sequence[str]) -> str:
    """Places inside a cell, on the way back."""
    known = {"kept<c": "the old cell state", "tanh c'": "tanh(c), from h into c",
             "output": "the outputs"}  # fmt: skip
    return joined([known.get(place, value(place)) for place in places])


def _through(what: str, operator: Operator) -> str:
    match operator:
        case Factor(0.0):
            return f"no gradient flows through {what}: it is detached"
        case Factor(by):
            return f"the gradient through {what} {COUNTS[by]}"
        case Clipped(limit):
            return f"the gradient of {what} is clipped to ±{limit:g} in every step"
    return _gradient(what, operator)


def gradient_of(places: Sequence[str]) -> str:
    """The gradient that ends at these places, as a noun."""
    return _of(noun(places))


def _of(what: str) -> str:
    return "every gradient" if what == "everything" else f"the gradient of {what}"


def _gradient(what: str, operator: Operator) -> str:
    subject = _of(what)
    match operator:
        case Factor(0.0):
            return f"{subject} is zero or missing"
        case Axis():
            return f"{subject} is {along(operator, subject)}"
        case With("sum", _):
            return f"{subject} is added up instead of handed on"
        case Other(name):
            return f"{subject} goes to {value(name)}"
        case Clipped(limit):
            return f"{subject} is clipped to ±{limit:g} in every step"
    return plain(subject, operator)


def _from_above(places: Sequence[str], operator: Operator) -> str:
    subject = f"the gradient that comes in through {_results(places)}"
    match operator:
        case Factor(0.0):
            return f"{subject} is ignored"
        case Factor(by):
            return f"{subject} {COUNTS[by]}"
        case Other(name):
            return f"{subject} goes to {value(name)}"
    return plain(subject, operator)


def _results(places: Sequence[str]) -> str:
    names = {"y": "the outputs y", "returned h": "the returned hidden state h_n",
             "returned c": "the returned cell state c_n"}  # fmt: skip
    return joined([names[place] for place in places])


def formula(place: str, operators: Sequence[Operator]) -> str:
    """What a node takes for one of its inputs in its derivative."""
    reader, _, read = place.partition("<")
    if kind_of(place) in ("h_<h", "x_<x"):
        what = "recurrent weights (over h)" if read == "h" else "weights over x"
        return f"the gradient of the {what} is taken with {stands(read, operators)}"
    if reader == "tanh c'":
        told = "the derivative of tanh(c), from hidden to cell state, is taken at"
        return f"{told} {stands(read, operators)}"
    partner = PARTNERS[place]
    if list(operators) == [Constant(1.0)]:
        return f"{value(read)} is missing in the gradient of {partner}"
    return f"the gradient of {partner} uses {stands(read, operators)} instead of {value(read)}"
