"""Ways to call a recurrent module, the likeliest first.

Each candidate is a call form with slots x, h and c (see :mod:`lstm_bench.subject.interface`).
Names in a signature only order the candidates; which one holds is decided by what it does.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lstm_bench.subject.interface import Constant, Form, Interface, Slot, rebuild
from lstm_bench.subject.spelled import PACKED, Spelled, spellings

_STATE = re.compile(
    r"state|hid|^hx|^h_?x|init|prev|^h_?\d?$|^h_?t|^s\d?$|^hc|carry|memory|mem|^past|last|^c_?\d?$|^cx|cell"
)
_X = re.compile(r"^(x|xs|x_?t|input|inputs|inp|seq|sequence|data|emb|embedded|features|input_?\d?)")
_NOT_STATE = re.compile(r"mask|len|train|drop|pack|device|return|reverse|pad|attention")

MARKING = r"mask|len|pad|valid|reset|start|begin|first|done|anew|init|episode|terminal|goes"
"""How what says which steps count is called."""

STATE_AXES = ("BH", "1BH", "B1H")
COLUMN_AXES = ("HB",)
"""For those that keep sequences as columns, as in x (I, B)."""

STACKED_AXES = ("2BH", "21BH", "12BH", "B2H", "B(2H)", "1B(2H)")
DICT_KEYS = (("h", "c"), ("h0", "c0"), ("hidden", "cell"), ("hx", "cx"), ("h_0", "c_0"))


@dataclass(frozen=True)
class Call:
    """A call form. ``states``: how many states it hands over; ``named``: by a telling name.

    pair: the names of the two arguments for h and c, where they are arguments of their own.
    """

    arguments: tuple[Form, ...]
    keywords: dict[str, Form] = field(default_factory=dict)
    states: int = 0
    named: bool = False
    pair: tuple[str, str] | None = None


@dataclass(frozen=True)
class Signature:
    """The parameters of a call that matter: which takes x, and which may take a state.

    told: what says which steps count, where the call needs that: by name, "" for x itself.
    """

    x_position: int
    others: tuple[str, ...]
    required: tuple[str, ...]
    keyword_only: frozenset[str]
    annotations: dict[str, Any]
    told: Mapping[str, Spelled] = field(default_factory=dict)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The required ones beside x of which nothing is known yet."""
        return tuple(name for name in self.required if name not in self.told)


def signature_of(module: Any) -> Signature:
    """What can be learnt from the signature of ``forward``; a guess where it cannot be read."""
    function = getattr(module, "forward", None) or module
    try:
        found = [
            p
            for p in inspect.signature(function).parameters.values()
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "self"
        ]
    except (TypeError, ValueError):
        found = []
    names = [p.name for p in found] or _schema_names(function) or ["input", "state"]
    required = [p.name for p in found if p.default is p.empty]
    x_position = 0
    if len(names) > 1 and _STATE.search(names[0]) and not _X.match(names[0]):
        x_position = next((k for k, name in enumerate(names) if _X.match(name)), 0)
    x = names[x_position]
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # annotations of strangers may name anything
        hints = {}
    return Signature(
        x_position,
        tuple(n for n in names if n != x),
        tuple(n for n in required if n != x),
        frozenset(p.name for p in found if p.kind is p.KEYWORD_ONLY),
        hints,
    )


def tellings(signature: Signature) -> Iterator[Signature]:
    """Ways to tell which steps count, for a call that needs it; x itself may come packed.

    A mask says nothing where it is ones, or where it is zeros. Beside other required arguments only
    what is called like one is tried.
    """
    likely = [n for n in signature.required if re.search(MARKING, n.lower())]
    for name in likely or signature.required[: len(signature.required) == 1]:
        for spelling in spellings():
            for ones in ("counts", "padding") if spelling.kind == "mask" else ("counts",):
                yield replace(signature, told={name: Spelled(replace(spelling, ones=ones))})
    yield replace(signature, told={"": Spelled(PACKED)})


def order_of(signature: Signature) -> list[str]:
    """The names of its parameters in order, "" for x."""
    order = list(signature.others)
    order.insert(signature.x_position, "")
    return order


def left_alone(module: Any, arguments: tuple[Form, ...], keywords: Any) -> list[str]:
    """Names of a call's optional arguments that such a call does not hand over."""
    signature = signature_of(module)
    used = {*order_of(signature)[: len(arguments)], *keywords}
    return [name for name in signature.others if name not in used]


def free(module: Any, interface: Interface) -> list[str]:
    """Names of a call's arguments that hold no state: what is left alone, and what is told."""
    order = order_of(signature_of(module))
    given = {**dict(zip(order, interface.arguments, strict=False)), **interface.keywords}
    told = [name for name, form in given.items() if isinstance(form, (Constant, Spelled)) and name]
    return [*told, *left_alone(module, interface.arguments, interface.keywords)]


def _schema_names(function: Any) -> list[str]:
    """Argument names of a scripted method, which has a schema instead of a signature."""
    schema = getattr(function, "schema", None)
    return [a.name for a in schema.arguments if a.name != "self"] if schema is not None else []


def stateless_calls(x: Slot, signature: Signature) -> Iterator[Call]:
    """X alone; then with None for whatever else is required."""
    yield _place(signature, x, {})
    if signature.unknown:
        yield _place(signature, x, {name: Constant(None) for name in signature.unknown})


def stateful_calls(x: Slot, signature: Signature, examples: list[Any]) -> Iterator[Call]:
    """Every way to hand over a state. ``examples``: forms that the module itself gave."""
    others = [name for name in signature.others if name not in signature.told]
    ordered = sorted(others, key=lambda name: not _looks_like_state(name))
    singles = [name for name in ordered if not _NOT_STATE.search(name)]
    axes = _axes_beside(x)
    containers = [*examples, *_annotated(signature, axes), *_containers(axes)]
    pairs = [(a, b) for k, a in enumerate(singles) for b in singles[k + 1 :]]
    pairs = [(a, b) for a, b in pairs if _in_order(signature, a, b)]
    if len(signature.unknown) == 2:  # f(x, h, c), both required: a pair of arguments
        yield from _pair_calls(signature, x, pairs)
    for name in singles[:4]:
        for form in containers:
            rest = {n: Constant(None) for n in signature.unknown if n != name}
            named = bool(_looks_like_state(name))
            yield _place(signature, x, {**rest, name: form}, states=2, named=named)
    yield from _pair_calls(signature, x, pairs)


def single_state_calls(x: Slot, signature: Signature) -> Iterator[Call]:
    """One state only, as ``nn.GRU`` takes it."""
    for name in [n for n in signature.others if n not in signature.told][:3]:
        for axes in _axes_beside(x):
            yield _place(signature, x, {name: Slot("h", axes)}, states=1)


def _pair_calls(signature: Signature, x: Slot, pairs: list[tuple[str, str]]) -> Iterator[Call]:
    for first, second in pairs[:6]:
        for axes in _axes_beside(x):
            named = _looks_like_state(first) and _looks_like_state(second)
            form = {first: Slot("h", axes), second: Slot("c", axes)}
            call = _place(signature, x, form, states=2, named=bool(named))
            yield replace(call, pair=(first, second))


def _axes_beside(x: Slot) -> tuple[str, ...]:
    """Layouts of a state that go with a layout of x."""
    return COLUMN_AXES if x.axes.startswith("I") else STATE_AXES


def _containers(state_axes: tuple[str, ...]) -> Iterator[Form]:
    """Pairs, nested lists, stacked tensors, dicts; each with every order of axes."""
    for axes in state_axes:
        yield (Slot("h", axes), Slot("c", axes))
    for axes in state_axes:
        yield [Slot("h", axes), Slot("c", axes)]
        yield [(Slot("h", axes), Slot("c", axes))]
        yield ([Slot("h", axes)], [Slot("c", axes)])
        yield [[Slot("h", axes), Slot("c", axes)]]
    for axes in STACKED_AXES:
        yield Slot("hc", axes)
    for h, c in DICT_KEYS:
        for axes in state_axes[:2]:
            yield {h: Slot("h", axes), c: Slot("c", axes)}


def _annotated(signature: Signature, state_axes: tuple[str, ...]) -> Iterator[Form]:
    """A NamedTuple or a dataclass of two fields that an annotation asks for."""
    for hint in signature.annotations.values():
        for kind in (hint, *typing.get_args(hint)):
            fields = getattr(kind, "_fields", None)
            if isinstance(kind, type) and fields is not None and len(fields) == 2:
                for axes in state_axes:
                    yield rebuild(kind(None, None), [Slot("h", axes), Slot("c", axes)])


def _looks_like_state(name: str) -> bool:
    return bool(_STATE.search(name.lower())) and not _NOT_STATE.search(name.lower())


def _in_order(signature: Signature, first: str, second: str) -> bool:
    return signature.others.index(first) < signature.others.index(second)


def _place(
    signature: Signature,
    x: Slot,
    values: dict[str, Form],
    *,
    states: int = 0,
    named: bool = False,
) -> Call:
    """Arguments by position as far as there is no gap before them, the rest by keyword."""
    values = {**values, **signature.told}
    first: Form = values.pop("", x)
    order = order_of(signature)
    arguments: list[Form] = []
    for name in order:
        if name == "":
            arguments.append(first)
        elif name in values and name not in signature.keyword_only:
            arguments.append(values[name])
        else:
            break
    placed = {n for n in order[: len(arguments)] if n}
    keywords = {n: form for n, form in values.items() if n not in placed}
    return Call(tuple(arguments), keywords, states, named)
