"""What places and values are called, and verbs that agree with it."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_bench.theory.cell import PARAMETERS

GATES = {
    "i": "input gate", "f": "forget gate", "o": "output gate", "a": "candidate",
    "r": "reset gate", "z": "update gate", "n": "candidate",
}  # fmt: skip

ORDINALS = ("first", "second", "third", "fourth", "fifth")
"""Layers and steps, counted from 0 on."""

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
    "carried h": "the hidden state",
    "carried c": "the cell state",
    "output": "the output of each step",
    "outputs": "the outputs",
    "returned h": "the returned hidden state",
    "returned c": "the returned cell state",
    "y": "the result y",
    "read out": "the output layer's result",
    "W_h": "the output layer's weight",
    "b_h": "the output layer's bias",
    "y<b_h": "the output layer's bias",
    "y<outputs": "the hidden state that the output layer reads",
}
"""Nouns of values and places that belong to no gate."""

KINDS = {
    "W": "weights over x",
    "U": "recurrent weights (over h)",
    "b": "bias",
    "d": "second bias",
    "p": "peephole weights",
    "x_<W": "weights over x",
    "h_<U": "recurrent weights (over h)",
    "z_<b": "bias",
}
"""What is a gate's own."""

OPERANDS = {"x_": "the input x", "h_": "the hidden state h", "z_<b": "its bias"}
"""What goes into a gate."""

PARTNERS = {
    "kept<c": "the forget gate", "kept<f": "the old cell state", "new<a": "the input gate",
    "new<i": "the candidate", "h'<tanh c'": "the output gate",
    "h'<o": "the hidden state where it comes from tanh(c)",
}  # fmt: skip
"""Factors of a product, each with what is multiplied by it."""

EVERY = ("i", "f", "o", "a")


def joined(words: Sequence[str]) -> str:
    """a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def gate_of(place: str) -> str:
    """The gate that a place belongs to, or an empty string."""
    node = place.partition("<")[0]
    last = node.rpartition("_")[2]
    return last if last in GATES and node not in ("W_h", "b_h") else ""


def kind_of(place: str) -> str:
    """A place without its gate's letter: ``x_``, ``h_<h``, ``U``; empty for the gate itself."""
    gate = gate_of(place)
    if not gate:
        return place
    reader, mark, read = place.partition("<")
    if not mark and reader[0] in PARAMETERS and reader[1:] == f"_{gate}":
        return reader[0]
    return reader.removesuffix(gate) + mark + read.removesuffix(f"_{gate}")


def value(name: str) -> str:
    """A value by its name."""
    if name in VALUES:
        return VALUES[name]
    gate, kind = gate_of(name), kind_of(name)
    if gate and not kind:
        return f"the {GATES[gate]}"
    return f"the {GATES[gate]}'s {KINDS[kind.rstrip('_')]}" if gate else name


def gates(letters: Sequence[str]) -> str:
    """Of whom something is said: one gate, or each of several."""
    if len(letters) == 1:
        return f"the {GATES[letters[0]]}"
    if tuple(letters) == EVERY:
        return "every gate"
    names = [GATES[g] for g in letters]
    if all(name.endswith(" gate") for name in names):
        return f"each of {joined([n.removesuffix(' gate') for n in names])} gate"
    return f"each of {joined(names)}"


def noun(places: Sequence[str]) -> str:
    """What these places are."""
    kinds = list(dict.fromkeys(map(kind_of, places)))
    letters = list(dict.fromkeys(filter(None, map(gate_of, places))))
    if frozenset(places) in STATES:
        return STATES[frozenset(places)]
    if {"inputs", "W_h"} <= set(places):
        return "everything"
    if not letters:
        return joined([value(place) for place in places])
    rest = [place for place in places if not gate_of(place)]
    whose = "all" if tuple(letters) == EVERY else gates(letters)
    parts = [kind for kind in kinds if kind in KINDS]
    if len(parts) < len(kinds) - len(rest):
        found = gates(letters)
    elif whose == "all":
        found = _of_all("".join(kind[-1] for kind in parts))
    else:
        names = [KINDS[kind] for kind in parts]
        found = f"{whose}'s " + ("parameters" if len(parts) == 3 else joined(names))
    return joined([*map(value, rest), found])


STATES = {
    frozenset(("given h", "given c")): "the given state, h0 and c0,",
    frozenset(("default h", "default c")): "the default state",
    frozenset(("carried h", "carried c")): "the state",
    frozenset(("returned h", "returned c")): "the returned state",
}


def _of_all(parts: str) -> str:
    return {
        "W": "all weights over x",
        "U": "all recurrent weights (over h)",
        "b": "all biases",
        "WU": "all weights, over x and over h,",
        "WUb": "all parameters",
    }[parts]


def plural(subject: str) -> bool:
    """Whether a verb after this noun stands in the plural."""
    one = ("the output of", "the hidden state", "the gradient", "every ", "each ")
    if subject.startswith(one):
        return False
    if subject.startswith("all "):
        return True
    words = subject.split(" (")[0].split(",")[0]
    return " and " in words or (words.endswith("s") and not words.endswith(("bias", "gates")))


def be(subject: str, rest: str) -> str:
    """The subject is …, or are."""
    return f"{subject} {'are' if plural(subject) else 'is'} {rest}"


def does(subject: str, verb: str, rest: str) -> str:
    """The subject counts …, or count. verb: in the plural."""
    ending = "es" if verb.endswith("o") else "s"
    return f"{subject} {verb if plural(subject) else verb + ending} {rest}".rstrip()


def has(subject: str, rest: str) -> str:
    """The subject has …, or have."""
    return f"{subject} {'have' if plural(subject) else 'has'} {rest}"
