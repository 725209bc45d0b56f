"""What is wrong with a value: of a gate, of what goes into it, of the cell, of a state."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_bench.theory.edits import (
    Added,
    Against,
    Axis,
    Bent,
    Clipped,
    Constant,
    Factor,
    Instead,
    Operator,
    Other,
    Rounded,
    Shifted,
    Through,
    When,
    With,
)
from lstm_bench.theory.words.nouns import OPERANDS, be, gates, noun, value
from lstm_bench.theory.words.plain import a, plain, stands

SQUASHED = {
    "nothing": "is not squashed: its {own} is missing",
    "hard sigmoid": "goes through a hard sigmoid (z/6 + 1/2, clipped) instead of a sigmoid",
    "Keras 1's hard sigmoid": "goes through Keras 1's hard sigmoid (0.2 z + 0.5, clipped) instead "
    "of a sigmoid",
    "1 - sigmoid": "is 1 - sigmoid(z) instead of sigmoid(z): its sign is wrong",
    "sigmoid of sigmoid": "goes through the sigmoid twice",
    "sigmoid of 2z": "goes through (tanh(z) + 1)/2 = sigmoid(2z), twice as steep as sigmoid(z)",
    "sigmoid of tanh": "goes through tanh before its sigmoid",
    "rounded sigmoid": "is rounded to 0 or 1",
    "sigmoid squared": "is squared",
    "root of sigmoid": "is the square root of its sigmoid",
    "hard tanh": "is clipped to ±1 (hard tanh) instead of going through tanh",
    "-tanh": "has the wrong sign, as if it were subtracted",
    "tanh of tanh": "goes through tanh twice",
    "tanh of z/2": "is 2 sigmoid(z) - 1, which is tanh(z/2), instead of tanh(z)",
    "LeCun's tanh": "goes through 1.7159 tanh(2z/3)",
    "4 sigmoid - 2": "goes through 4 sigmoid(z) - 2 instead of tanh (the original paper's g)",
    "exp(z) / (1 + exp(z))": "is computed as exp(z) / (1 + exp(z)), which overflows for large z",
    "tanh by exp(2z)": "is computed from exp(2z), which overflows for large z",
}
CONSTANT = {
    1.0: "is not used: it counts as 1",
    0.0: "counts as 0: what it lets through is lost",
    0.5: "is always 1/2, whatever goes in",
}
SLOPES = {
    "1": "is missing in the backward pass",
    "z (1 - z)": "is computed from what goes in instead of what comes out",
    "1 - z²": "is 1 - z², computed from what goes in instead of what comes out",
    "1 - tanh(s)²": "is that of tanh of tanh: the tanh is applied once more in the backward pass",
}
OWN = {"sigmoid": "s (1 - s)", "tanh": "1 - s²"}


def gate(letters: Sequence[str], operator: Operator) -> str:
    whose, own = gates(letters), "tanh" if letters[0] in "an" else "sigmoid"
    match operator:
        case Instead(function) if function in SQUASHED:
            return f"{whose} {SQUASHED[function].format(own=own)}"
        case Instead(function):
            return f"{whose} goes through {a(function)} instead of {a(own)}"
        case Constant(number):
            return f"{whose} {CONSTANT[number]}"
        case Against(names):
            told = gates(names).removeprefix("each of ")
            return f"{told} go through a softmax against one another instead of a sigmoid each"
        case Bent(derivative):
            several = f"the sigmoids ({whose.removeprefix('each of ')})"
            told = f"{whose}'s {own}" if len(letters) == 1 else several
            return f"the derivative of {told} {_slope(derivative, own)}"
        case Added(name, _):
            return f"{value(name)} is added after it is squashed, not before"
    return plain(whose, operator)


def _slope(derivative: str, own: str) -> str:
    if derivative in SLOPES:
        return SLOPES[derivative]
    of = {"1 - s²": "that of tanh, 1 - s²,", "s (1 - s)": "that of a sigmoid, s (1 - s),"}
    return f"is {of.get(derivative, derivative)} instead of {OWN[own]}"


def cell_tanh(operator: Operator) -> str:
    """The tanh of the cell state in the hidden state."""
    match operator:
        case Instead("nothing"):
            return "the tanh of the cell state is missing in the hidden state: h = o c"
        case Instead(function):
            told = SQUASHED.get(function, f"goes through {a(function)} instead of tanh")
            return f"the cell state {told} in the hidden state"
        case Bent(derivative, None):
            told = "the derivative of tanh(c), from hidden state to cell state,"
            return f"{told} {_slope(derivative, 'tanh')}"
        case Bent():
            told = "the derivative of tanh(c), from hidden to cell state, is"
            return f"{told} 1 - h² instead of 1 - tanh(c)²"
    return plain("tanh of the new cell state", operator)


def operand(letters: Sequence[str], kind: str, operator: Operator) -> str:
    whose, what = gates(letters), OPERANDS[kind]
    match operator:
        case Factor(0.0):
            more = ": its recurrent weights are not used" if kind == "h_" else ""
            return f"{whose} ignores {what}{more}"
        case Factor(2.0) if kind == "z_<b":
            return f"{whose} adds its bias twice"
        case Factor(2.0):
            return f"{whose} counts {what} twice"
        case Factor(-1.0):
            return f"{whose} takes {what} with the wrong sign"
        case Factor(0.5) if kind == "z_<b":
            return f"{whose} counts its bias half: one of two biases is not added"
        case Factor(by):
            return f"{whose} counts {what} {by:g} times"
    return plain(f"what {whose} takes from {what}", operator)


def sums(letters: Sequence[str], operator: Operator) -> str:
    whose = gates(letters)
    match operator:
        case With("sum", name):
            return f"{whose} also adds {value(name)} before it is squashed"
        case Instead("product of the first two"):
            return f"{whose} multiplies what comes from x and from h instead of adding them"
        case Shifted(by):
            return f"{whose} has a constant {by:g} added to its bias"
        case Axis("first for all", "B"):
            return (
                f"{whose} of the first sequence of the batch is used for all of them, which mixes "
                "the sequences"
            )
        case Factor(by):
            return f"{whose} takes {TIMES[by]} what it should before it is squashed"
        case Through("nan_to_num"):
            return "NaN is cleaned away before the gates are squashed"
        case Clipped(limit):
            return f"what goes into the gates is clipped to ±{limit:g} before it is squashed"
        case Rounded(dtype):
            return f"what goes into the gates is rounded to {dtype}"
    return plain(f"what goes into {whose}", operator)


TIMES = {2.0: "twice", 0.5: "half of", 0.0: "nothing of", -1.0: "the opposite of"}


PRODUCTS = {
    "kept": "in the old part of the cell state, f c,",
    "new": "in the new part of the cell state, i a,",
    "h'": "in the hidden state, o tanh(c),",
}


def inner(place: str, operators: Sequence[Operator]) -> str:
    """What a node of the cell reads."""
    reader, _, read = place.partition("<")
    what = stands(read, operators)
    if place == "tanh c'<c'":
        if operators == [Through("normalising over the units")]:
            return "the cell state is normalised over the units before its tanh"
        before = "old " * (operators == [Other("c")])
        what = what.replace("the ", f"the {before}", 1)
        return f"the hidden state is taken from {what} instead of the new cell state"
    return f"{PRODUCTS[reader]} {what} stands in the place of {value(read)}"


def node(name: str, operator: Operator) -> str:
    """The cell state, its parts, and the hidden state."""
    told = value(name)
    match operator:
        case Instead("sum"):
            both = {"kept": "forget gate and old cell state", "new": "input gate and candidate",
                    "h'": "output gate and tanh(c)"}[name]  # fmt: skip
            return f"{both} are added instead of multiplied"
        case Instead("product"):
            return "old and new part of the cell state are multiplied instead of added"
        case With("product", other):
            return f"{value(other)} multiplies {told}, too"
        case With("sum", other):
            return f"{value(other)} is added to {told} once more"
        case With("mean", other):
            return f"{told} is averaged with {value(other)}"
        case Through("nan_to_num"):
            return f"NaN in {told.replace('new ', '')} is cleaned away"
        case Clipped(limit):
            return f"{told.replace('new ', '')} is clipped to ±{limit:g}"
        case Through(function):
            before = "before it is kept" if name == "c'" else "once more"
            return f"{told} goes through {a(function)} {before}"
    return plain(told, operator)


def output(operator: Operator) -> str:
    """What a step gives out."""
    if operator == Other("h"):
        return "the output of each step is the hidden state before it, one step late"
    return plain(noun(("output",)), operator)


def sequence(place: str, operator: Operator) -> str:
    """All inputs, or all outputs."""
    told = plain(noun((place,)), operator)
    if operator in (Axis("centred", "T"), Axis("mean", "T")):
        told += ", so that every output sees the whole sequence"
    return told


def state(where: str, places: Sequence[str], operator: Operator, when: When) -> str:
    told, letters = noun(places), "".join(place[-1] for place in places)
    blank = {"h": "h = 0", "c": "c = 0", "hc": "zeros"}[letters]
    initial = {"h": "h0", "c": "c0", "hc": "the initial state"}[letters]
    match (where, operator):
        case ("given", Factor(0.0)):
            return be(told, f"ignored: the recurrence starts from {blank}")
        case ("default", Constant(number)):
            return be(told, f"{'ones' if number == 1 else f'{number:g}'} instead of zeros")
        case ("given", Constant(1.0)):
            return be(told, "replaced by ones")
        case ("carried", Factor(0.0)) if when.steps == "every":
            return be(told, f"reset to zeros after every {when.number} steps of time")
        case ("carried", Factor(0.0)):
            return be(told, f"not carried from step to step: every step starts from {blank}")
        case ("carried", Other(name)) if name in ("h", "c") and name in letters:
            return be(told, f"not updated from step to step: every step reads {initial}")
        case ("carried", Other(name)) if name in ("h0", "c0"):
            every = f"after every {when.number} steps of time"
            return f"{told} starts again from the initial one {every}: it is not carried on"
        case ("carried", Other(name)):
            return f"{value(name)} is carried to the next step as {told} too"
        case ("carried", _):
            return f"{plain(told, operator)}, on its way to the next step"
        case ("returned", Factor(0.0)):
            return be(told, "zeros")
        case ("returned", Other(name)):
            return f"{value(name)} is returned as {told.replace('returned ', '')} too"
        case ("given", Other(name)):
            return f"{value(name)} is used as {told.replace('given ', '')} too"
    return plain(told, operator)
