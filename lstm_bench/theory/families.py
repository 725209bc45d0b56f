"""Recurrences by name: each is a row. To add one, write its equations as nodes.

The step of each stands in the comment above it, in the letters of the nodes: z_g is what goes into
gate g, x W_g + h U_g + b_g; σ the sigmoid; c' and h' the states after the step.
"""

from __future__ import annotations

from lstm_bench.theory.cell import Cell, Node, gate

_TWO = (("h", "h'"), ("c", "c'"))
_ONE = (("h", "h'"),)


def _gates(names: str) -> tuple[Node, ...]:
    """Gates in this order; a and n are candidates."""
    return tuple(n for name in names for n in gate(name, "tanh" if name in "an" else "sigmoid"))


def _lstm(words: str, names: str, kept: Node, new: Node, *hidden: Node) -> Cell:
    """C' is what is kept and what is new; h' is made of it, as an LSTM does if nothing is said."""
    usual = Node("tanh c'", "tanh", ("c'",)), Node("h'", "product", ("o", "tanh c'"))
    both = Node("c'", "sum", ("kept", "new"))
    nodes = (*_gates(names), *_left(kept, new), kept, new, both, *(hidden or usual))
    return Cell(words, tuple(names), _TWO, nodes, "h'")


def _left(*nodes: Node) -> tuple[Node, ...]:
    """What a gate leaves, where one of these reads it: ``1 - f``."""
    read = dict.fromkeys(name for node in nodes for name in node.reads if name.startswith("1 - "))
    return tuple(Node(name, "complement", (name.removeprefix("1 - "),)) for name in read)


_KEPT, _NEW = Node("kept", "product", ("f", "c")), Node("new", "product", ("i", "a"))

# c' = σ(z_f) c + σ(z_i) tanh(z_a);  h' = σ(z_o) tanh(c')
LSTM = _lstm("an LSTM", "ifoa", _KEPT, _NEW)

# c' = f c + (1 - f) a
COUPLED = _lstm(
    "an LSTM with coupled input and forget gate: i = 1 - f, so three gates' parameters",
    "foa", _KEPT, Node("new", "product", ("1 - f", "a")),
)  # fmt: skip

# c' = (1 - i) c + i a
COUPLED_BY_INPUT = _lstm(
    "an LSTM with coupled input and forget gate: f = 1 - i, so three gates' parameters",
    "ioa", Node("kept", "product", ("1 - i", "c")), _NEW,
)  # fmt: skip

# c' = c + i a
WITHOUT_FORGET = _lstm(
    "an LSTM without a forget gate, as of 1997: c = c + i a",
    "ioa", Node("kept", "nothing", ("c",)), _NEW,
)  # fmt: skip

# c' = f c + a
WITHOUT_INPUT = _lstm(
    "an LSTM without an input gate: c = f c + a", "foa", _KEPT, Node("new", "nothing", ("a",))
)

# h' = tanh(c')
WITHOUT_OUTPUT = _lstm(
    "an LSTM without an output gate: h = tanh(c)", "ifa", _KEPT, _NEW, Node("h'", "tanh", ("c'",))
)

# c' = f c + (1 - f) a;  h' = c'
JANET = _lstm(
    "JANET, an LSTM with a forget gate alone: c = f c + (1 - f) a, h = c",
    "fa", _KEPT, Node("new", "product", ("1 - f", "a")), Node("h'", "nothing", ("c'",)),
)  # fmt: skip


def _peeping(name: str, squash: str, at: str) -> tuple[Node, ...]:
    """A gate that sees a cell state too, unit by unit."""
    x, h, total, squashed = gate(name, squash)
    seen = Node(f"c_{name}", "product", (f"p_{name}", at))
    return x, h, seen, Node(total.name, "sum", (*total.reads, seen.name)), squashed


# i and f see c through p, o sees c'
PEEPHOLE = Cell(
    "an LSTM with peepholes: gates see the cell state too",
    LSTM.gates,
    _TWO,
    (
        *_peeping("i", "sigmoid", "c"),
        *_peeping("f", "sigmoid", "c"),
        *gate("a", "tanh"),
        *(_KEPT, _NEW, Node("c'", "sum", ("kept", "new"))),
        *_peeping("o", "sigmoid", "c'"),
        Node("tanh c'", "tanh", ("c'",)),
        Node("h'", "product", ("o", "tanh c'")),
    ),
    "h'",
)


def _rnn(squash: str) -> Cell:
    """H' = squash(z_a)"""
    words = f"a plain (Elman) RNN without gates: h = {squash}(W x + U h + b)"
    return Cell(words, ("a",), (("h", "a"),), gate("a", squash), "a")


def _blend(name: str, *, keeps: bool) -> tuple[Node, ...]:
    """The old state and the candidate: the gate keeps the one, or takes the other."""
    left = Node(f"1 - {name}", "complement", (name,))
    old, new = (name, left.name) if keeps else (left.name, name)
    return (
        left,
        Node("kept", "product", (old, "h")),
        Node("new", "product", (new, "n")),
        Node("h'", "sum", ("kept", "new")),
    )


def _through(gate_name: str, *, after: bool) -> tuple[Node, ...]:
    """A candidate n that sees the hidden state through a gate, after or before its weights."""
    x = Node("x_n", "weighed", ("x", "W_n"))
    if after:  # the second bias is inside, as torch and cuDNN have it
        return (
            x,
            Node("h_n", "weighed", ("h", "U_n")),
            Node("hd_n", "sum", ("h_n", "d_n")),
            Node("seen", "product", (gate_name, "hd_n")),
            Node("z_n", "sum", ("x_n", "seen", "b_n")),
            Node("n", "tanh", ("z_n",)),
        )
    return (
        x,
        Node("seen", "product", (gate_name, "h")),
        Node("h_n", "weighed", ("seen", "U_n")),
        Node("z_n", "sum", ("x_n", "h_n", "b_n")),
        Node("n", "tanh", ("z_n",)),
    )


def _gru(*, after: bool, keeps: bool) -> Cell:
    """New h: z h + (1 - z) n, or z and 1 - z exchanged; n sees r (h U_n + d_n), or (r h) U_n."""
    words = (
        "a GRU (gated recurrent unit), one state h and the gates r and z: the reset gate acts "
        f"{'after' if after else 'before'} the product with U, "
        f"{'z keeps the old state' if keeps else 'z takes the new state'}"
    )
    nodes = (*_gates("rz"), *_through("r", after=after), *_blend("z", keeps=keeps))
    return Cell(words, ("r", "z", "n"), _ONE, nodes, "h'")


def _mgu(*, after: bool, keeps: bool) -> Cell:
    """A GRU with one gate f for both."""
    words = "a minimal gated unit (MGU): one state h, one gate that forgets and resets"
    nodes = (*_gates("f"), *_through("f", after=after), *_blend("f", keeps=keeps))
    return Cell(words, ("f", "n"), _ONE, nodes, "h'")


RNN = _rnn("tanh")
GRU = _gru(after=True, keeps=True)
MGU = _mgu(after=False, keeps=False)

FAMILIES: tuple[Cell, ...] = (
    LSTM, COUPLED, COUPLED_BY_INPUT, WITHOUT_FORGET, WITHOUT_INPUT, WITHOUT_OUTPUT, JANET, PEEPHOLE,
    RNN, _rnn("relu"),
    *(_gru(after=after, keeps=keeps) for after in (True, False) for keeps in (True, False)),
    *(_mgu(after=after, keeps=keeps) for after in (True, False) for keeps in (True, False)),
)  # fmt: skip
