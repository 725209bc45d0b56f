"""Edits in plain English: what is wrong, with what, at which steps.

Every place has a noun, every operator a predicate; a sentence is the two, and when. Where a field
has a usual way of saying a thing, :mod:`~lstm_bench.theory.mistakes` says it so instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_bench.theory.edits import (
    BACK,
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
    Through,
    Viewed,
    When,
    Whole,
    With,
)

GATES = {
    "i": "input gate", "f": "forget gate", "o": "output gate", "a": "candidate",
    "r": "reset gate", "z": "update gate", "n": "candidate",
}  # fmt: skip

VALUES = {
    "x": "the input x",
    "h": "the hidden state h",
    "c": "the cell state c",
    "h'": "the new hidden state",
    "c'": "the new cell state",
    "tanh c'": "tanh of the new cell state",
    "kept": "the old part of the cell state, f c",
    "new": "the new part of the cell state, i a",
    "before h": "the hidden state of two steps ago",
    "before c": "the cell state of two steps ago",
    "h0": "the initial hidden state",
    "c0": "the initial cell state",
    "inputs": "the inputs",
    "given h": "the given hidden state h0",
    "given c": "the given cell state c0",
    "default h": "the default hidden state",
    "default c": "the default cell state",
    "carried h": "the hidden state that is carried from step to step",
    "carried c": "the cell state that is carried from step to step",
    "output": "the output of each step",
    "outputs": "the outputs",
    "returned h": "the returned hidden state",
    "returned c": "the returned cell state",
    "y": "the result y",
    "h_n": "the returned hidden state h_n",
    "c_n": "the returned cell state c_n",
    "W_h": "the output layer's weight",
    "b_h": "the output layer's bias",
    "read out": "the output layer's result",
    "y<b_h": "the output layer's bias",
    "y<outputs": "what the output layer reads",
}

READERS = {"kept": "the forget gate multiplies", "tanh c'": "goes through tanh"}

KINDS = {
    "W": "weights over x", "U": "recurrent weights (over h)", "b": "bias", "p": "peephole weights",
}  # fmt: skip

PLURALS = ("weights", "inputs", "outputs", "biases", "states")


def noun(places: Sequence[str]) -> str:
    """What these places are, as the subject of a sentence."""
    kinds = {_kind(place) for place in places}
    if len(places) == 1 or len(kinds) > 1:
        return joined([_one(place) for place in places])
    (kind,) = kinds
    gates = [GATES[_gate(place)] for place in places if _gate(place) in GATES]
    if len(gates) < len(places):
        return joined([_one(place) for place in places])
    whose = "every gate" if len(gates) == 4 else f"each of {joined(gates)}"
    return _of(kind, whose)


def _one(place: str) -> str:
    gate = _gate(place)
    if gate in GATES:
        return _of(_kind(place), f"the {GATES[gate]}")
    if place in VALUES:
        return VALUES[place]
    reader, _, read = place.partition("<")
    return f"{value(read)} in {value(reader)}"


def value(name: str) -> str:
    """A value that another one is taken for, as an object."""
    if name in VALUES:
        return VALUES[name]
    gate = _gate(name)
    return _of(_kind(name), f"the {GATES[gate]}") if gate in GATES else name


def _gate(place: str) -> str:
    """The gate that a place belongs to, or ""."""
    node = place.partition("<")[0]
    last = node.rpartition("_")[2]
    return last if last in GATES and node not in ("W_h", "b_h") else ""


def _kind(place: str) -> str:
    """A place with its gate's letter left out: ``x_``, ``h_<h``, ``U_``, ``""`` for the gate."""
    gate = _gate(place)
    if not gate:
        return place
    reader, mark, read = place.partition("<")
    left = read.removesuffix(f"_{gate}") if read.endswith(f"_{gate}") else read
    return reader.removesuffix(gate) + mark + left


def _of(kind: str, whose: str) -> str:
    """``whose``: "the input gate", "every gate"."""
    if kind == "":
        return whose
    if kind.rstrip("_") in KINDS:
        return f"{_possessive(whose)} {KINDS[kind.rstrip('_')]}"
    return {
        "x_": f"what {whose} takes from the input x",
        "h_": f"what {whose} takes from the hidden state h",
        "c_": f"what {whose} takes from the cell state c",
        "z_": f"what goes into {whose}",
        "z_<b": f"{_possessive(whose)} bias",
        "h_<h": f"the hidden state h that {whose} reads",
        "x_<x": f"the input x that {whose} reads",
        "x_<W": f"{_possessive(whose)} weights over x",
        "h_<U": f"{_possessive(whose)} recurrent weights (over h)",
    }.get(kind, f"{kind} of {whose}")


def _possessive(whose: str) -> str:
    return f"{whose}'" if whose.endswith("s") else f"{whose}'s"


def joined(words: Sequence[str]) -> str:
    """a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


@dataclass(frozen=True)
class Verb:
    """A predicate for one thing and for several."""

    one: str
    several: str

    def of(self, subject: str) -> str:
        plural = " and " in subject or subject.split(" that ")[0].split(",")[0].endswith(PLURALS)
        return self.several if plural and not subject.startswith(("what ", "each ")) else self.one


def _is(rest: str) -> Verb:
    return Verb(f"is {rest}", f"are {rest}")


def _does(stem: str, rest: str) -> Verb:
    ending = "es" if stem.endswith("o") else "s"
    return Verb(f"{stem}{ending} {rest}", f"{stem} {rest}")


FACTORS = {
    0.0: _is("lost: it counts as 0"),
    0.5: _does("count", "half"),
    2.0: _does("count", "twice"),
    -1.0: Verb("has the wrong sign", "have the wrong sign"),
}
AXES = {"B": "the batch", "T": "time", "F": "the features"}
ALONG = {
    "reversed": "taken in reverse order of {axis}",
    "rolled": "rolled by one along {axis}",
    "rolled back": "rolled back by one along {axis}",
    "first for all": "that of the first in {axis} for all of them",
    "last for all": "that of the last in {axis} for all of them",
    "late": "shifted by one along {axis}, with zeros first",
    "late, the first twice": "shifted by one along {axis}: each is that of the one before",
    "early, the last twice": "shifted by one along {axis}: each is that of the next",
    "mean": "averaged over {axis}",
    "sum": "summed over {axis}",
    "largest": "the largest over {axis}",
    "sum so far": "summed up along {axis}",
    "mean so far": "averaged with all before along {axis}",
    "centred": "centred over {axis}",
    "normalised": "normalised over {axis}",
    "transposed": "transposed",
}
MIXES = "which mixes the sequences"


def predicate(operator: Operator) -> Verb:
    """What an operator does to a value."""
    match operator:
        case Factor(by):
            return FACTORS.get(by) or _does("count", f"{by:g} times")
        case Growing():
            return _does("count", "once more with every step")
        case Constant(number):
            return Verb(f"is {number:g} throughout", f"are {number:g} throughout")
        case Shifted(by):
            return Verb(f"has a constant {by:g} added", f"have a constant {by:g} added")
        case Through(function):
            return _does("go", f"through {function}")
        case Instead(function):
            return _does("go", f"through {function} instead")
        case Against(gates):
            names = joined([GATES[g] for g in gates])
            return _does("go", f"through a softmax of {names} against one another")
        case Whole(how):
            return _does("have", how)
        case Bent(derivative, of):
            told = f" of {value(of)}" if of else ""
            return Verb(f"has the derivative {derivative}{told}", f"have {derivative}{told}")
        case Other(name):
            return Verb(f"is taken for {value(name)}", f"are taken for {value(name)}")
        case With(how, name):
            joins = {"sum": "added to", "product": "multiplied by", "mean": "averaged with"}
            return _is(f"{joins[how]} {value(name)}")
        case Added(name, share):
            part = "" if share == 1 else "a part of "
            return _is(f"added {part}{value(name)}")
        case Axis(how, axis):
            return _is(ALONG[how].format(axis=AXES[axis]) + (f", {MIXES}" * (axis == "B")))
        case Viewed(order, read):
            laid, as_axes = (", ".join(axes) for axes in (order, read))
            return _is(f"scrambled: ({laid}) is viewed as ({as_axes}) instead of being transposed")
        case Step(number):
            return _is(_after(number))
        case Clipped(limit):
            return _is(f"clipped to ±{limit:g}")
        case Rounded(dtype):
            return _is(f"rounded to {dtype}")
        case Normalised(by):
            return _is(f"divided by their length in every call, by {by}")
    raise TypeError(operator)


def _after(number: int) -> str:
    if number == 0:
        return "the initial one: it is not updated"
    if number < 0:
        return f"that of {-number - 1} step{'s' * (number < -2)} before the last"
    return f"that after {number} step{'s' * (number > 1)} instead of the last"


def when(condition: When) -> str:
    """At which steps and rows, as the end of a sentence."""
    steps = {
        "all": "",
        "first": "at the first step",
        "last": "at the last step",
        "not first": "at all steps but the first",
        "not last": "at all steps but the last",
        "odd": "at every second step",
        "every": f"after every {condition.number} steps",
        "from": f"after {condition.number} step{'s' * (condition.number > 1)} of time",
        "at last but": f"before the last {condition.number} steps",
    }[condition.steps]
    rows = {
        "all": "",
        "first": "in the first sequence of the batch",
        "not first": "in all sequences of the batch but the first",
    }[condition.rows]
    return "".join(f", {part}" for part in (steps, rows) if part)


def sentence(edit: Edit) -> str:
    """What is wrong, by one edit."""
    subject = noun(edit.places)
    if edit.way == BACK:
        if edit.operator == Factor(0):
            return f"no gradient flows back to {subject}{when(edit.when)}"
        subject = f"the gradient of {subject}"
    elif edit.way == FORMULA:
        (place,) = edit.places
        reader, _, read = place.partition("<")
        other = edit.operator
        told = value(other.name) if isinstance(other, Other) else predicate(other).one
        if other == Constant(1):
            return f"{value(read)} is missing in the derivative of {value(reader)}"
        return f"the derivative of {value(reader)} uses {told} instead of {value(read)}"
    return f"{subject} {predicate(edit.operator).of(subject)}{when(edit.when)}"
