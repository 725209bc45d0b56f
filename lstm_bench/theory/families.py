"""Recurrences by name: each is a row. To add one, write its equations as nodes.

The step of each stands in the comment above it, in the letters of the nodes: σ is the sigmoid, a
bare letter a gate, and c' and h' the states after the step.
"""

from __future__ import annotations

from lstm_bench.theory.cell import Cell, Node, gate

_STATES = (("h", "h'"), ("c", "c'"))

# c' = f c + i a;  h' = o tanh(c')
LSTM = Cell(
    "LSTM",
    ("i", "f", "o", "a"),
    _STATES,
    (
        *gate("i", "sigmoid"),
        *gate("f", "sigmoid"),
        *gate("o", "sigmoid"),
        *gate("a", "tanh"),
        Node("kept", "product", ("f", "c")),
        Node("new", "product", ("i", "a")),
        Node("c'", "sum", ("kept", "new")),
        Node("tanh c'", "tanh", ("c'",)),
        Node("h'", "product", ("o", "tanh c'")),
    ),
    "h'",
)

# c' = f c + (1 - f) a: the input gate is what the forget gate leaves
COUPLED = Cell(
    "LSTM with coupled gates",
    ("f", "o", "a"),
    _STATES,
    (
        *gate("f", "sigmoid"),
        *gate("o", "sigmoid"),
        *gate("a", "tanh"),
        Node("1 - f", "complement", ("f",)),
        Node("kept", "product", ("f", "c")),
        Node("new", "product", ("1 - f", "a")),
        Node("c'", "sum", ("kept", "new")),
        Node("tanh c'", "tanh", ("c'",)),
        Node("h'", "product", ("o", "tanh c'")),
    ),
    "h'",
)


def _peeping(name: str, squash: str, at: str) -> tuple[Node, ...]:
    """A gate that sees a cell state too, unit by unit."""
    return (
        Node(f"x_{name}", "weighed", ("x", f"W_{name}")),
        Node(f"h_{name}", "weighed", ("h", f"U_{name}")),
        Node(f"c_{name}", "product", (f"p_{name}", at)),
        Node(f"z_{name}", "sum", (f"x_{name}", f"h_{name}", f"c_{name}", f"b_{name}")),
        Node(name, squash, (f"z_{name}",)),
    )


# i and f see c through p, o sees c'
PEEPHOLE = Cell(
    "LSTM with peepholes",
    LSTM.gates,
    _STATES,
    (
        *_peeping("i", "sigmoid", "c"),
        *_peeping("f", "sigmoid", "c"),
        *gate("a", "tanh"),
        Node("kept", "product", ("f", "c")),
        Node("new", "product", ("i", "a")),
        Node("c'", "sum", ("kept", "new")),
        *_peeping("o", "sigmoid", "c'"),
        Node("tanh c'", "tanh", ("c'",)),
        Node("h'", "product", ("o", "tanh c'")),
    ),
    "h'",
)

# h' = tanh(x W + h U + b)
RNN = Cell("plain RNN", ("a",), (("h", "a"),), gate("a", "tanh"), "a")

# h' = (1 - z) n + z h, where n sees the hidden state through r, as torch's and cuDNN's does
GRU = Cell(
    "GRU",
    ("r", "z", "n", "m"),
    (("h", "h'"),),
    (
        *gate("r", "sigmoid"),
        *gate("z", "sigmoid"),
        Node("x_n", "weighed", ("x", "W_n")),
        Node("in", "sum", ("x_n", "b_n")),
        Node("h_m", "weighed", ("h", "U_m")),
        Node("hn", "sum", ("h_m", "b_m")),
        Node("seen", "product", ("r", "hn")),
        Node("z_n", "sum", ("in", "seen")),
        Node("n", "tanh", ("z_n",)),
        Node("1 - z", "complement", ("z",)),
        Node("new", "product", ("1 - z", "n")),
        Node("kept", "product", ("z", "h")),
        Node("h'", "sum", ("new", "kept")),
    ),
    "h'",
)

# h' = (1 - f) h + f n, where n sees f h
MGU = Cell(
    "minimal gated unit",
    ("f", "n"),
    (("h", "h'"),),
    (
        *gate("f", "sigmoid"),
        Node("seen", "product", ("f", "h")),
        Node("x_n", "weighed", ("x", "W_n")),
        Node("h_n", "weighed", ("seen", "U_n")),
        Node("z_n", "sum", ("x_n", "h_n", "b_n")),
        Node("n", "tanh", ("z_n",)),
        Node("1 - f", "complement", ("f",)),
        Node("kept", "product", ("1 - f", "h")),
        Node("new", "product", ("f", "n")),
        Node("h'", "sum", ("kept", "new")),
    ),
    "h'",
)

FAMILIES: tuple[Cell, ...] = (LSTM, COUPLED, PEEPHOLE, RNN, GRU, MGU)
