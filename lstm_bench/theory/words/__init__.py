"""Edits in plain English: what is wrong, with what, and when.

What is said depends on the kind of place: a gate *goes through* a function, it *ignores* what it
should read, a state *is not carried*. Every kind has its table here; what no table holds is put
together of the place's noun and the operator's predicate. Several edits at one place are one
thing that stands in another's place: tanh of the cell state, say, where h should.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from lstm_bench.theory.edits import BACK, BOTH, FORMULA, Edit, Operator
from lstm_bench.theory.words.gradients import back, formula
from lstm_bench.theory.words.nouns import (
    OPERANDS,
    PARTNERS,
    gate_of,
    gates,
    joined,
    kind_of,
    noun,
    value,
)
from lstm_bench.theory.words.plain import plain, stands, when
from lstm_bench.theory.words.values import (
    cell_tanh,
    gate,
    inner,
    node,
    operand,
    output,
    sequence,
    state,
    sums,
)


def sentence(edits: Sequence[Edit]) -> str:
    """What is wrong, by these edits, which make one mistake."""
    said = []
    for (places, way, _), group in groupby(edits, key=lambda e: (e.places, e.way, e.when)):
        several = list(group)
        said.append(_said(places, way, [e.operator for e in several], several[0]))
    return joined(list(dict.fromkeys(said)))


def _said(places: Sequence[str], way: str, operators: list[Operator], edit: Edit) -> str:
    if way == FORMULA:
        return formula(places[0], operators) + when(edit.when)
    if way == BACK:
        return back(edit)
    assert way == BOTH
    place, kind = places[0], kind_of(places[0])
    letters = [gate_of(p) for p in places]
    if kind in ("h_<h", "x_<x"):
        read = place.partition("<")[2]
        what = stands(read, operators)
        return f"{gates(letters)} reads {what} where it should read {value(read)}{when(edit.when)}"
    if place in PARTNERS or place == "tanh c'<c'":
        return inner(place, operators) + when(edit.when)
    where = place.partition(" ")[0]
    if where in ("given", "default", "carried", "returned"):
        told = state(where, places, operators[0], edit.when)
        return told if edit.when.steps == "every" else told + when(edit.when)
    return _one(places, kind, letters, operators[0]) + when(edit.when)


def _one(places: Sequence[str], kind: str, letters: Sequence[str], operator: Operator) -> str:
    if kind == "":
        return gate(letters, operator)
    if kind in OPERANDS:
        return operand(letters, kind, operator)
    if kind == "z_":
        return sums(letters, operator)
    if places == ("tanh c'",):
        return cell_tanh(operator)
    if places == ("output",):
        return output(operator)
    if places in (("inputs",), ("outputs",)):
        return sequence(places[0], operator)
    if places[0] in ("kept", "new", "c'", "h'") and len(places) == 1:
        return node(places[0], operator)
    return plain(noun(places), operator)
