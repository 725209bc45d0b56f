"""How a subject is called and what it returns, as a value: forms with named slots.

A call form is the argument list with each tensor replaced by a :class:`Slot` that says which
part it is and in which layout: ``(Slot("x", "BTI"), (Slot("h", "1BH"), Slot("c", "1BH")))``.
A return form is the same for the result. Binding a call is filling in the form; reading a
result is walking the form and the result side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from lstm_bench.subject import axes as layout
from lstm_bench.subject.spelled import PACKED, Spelled, Spelling, padded

CANONICAL = {
    "x": "BTI",
    "y": "BTK",
    "h": "BH",
    "c": "BH",
    "hc": "2BH",
    "ch": "2BH",
    "cs": "BTK",
}
"""The canonical layout of each part. ``hc``, ``ch``: both states in one tensor, in that order;
``cs``: the cell states of all steps."""


@dataclass(frozen=True)
class Slot:
    """One tensor of a form: which part it is, and the order of its axes.

    A role of ``"?"`` marks a leaf that nothing is known of; it is passed over.
    """

    role: str
    axes: str = ""

    def __str__(self) -> str:
        return f"{self.role}:{self.axes}" if self.axes else self.role


@dataclass(frozen=True)
class Constant:
    """An argument that is always the same, such as None for a mask."""

    value: Any


Form: TypeAlias = Any
"""A Slot, Constant or Spelled, or a tuple, list, dict or NamedTuple of forms."""

PACKED_X = Slot("x", "BTI")
"""What a PackedSequence is made of."""

PACKED_DATA = Slot("x", "(TB)I")
"""What it holds, where all sequences are of one length."""


@dataclass(frozen=True)
class Steps:
    """A result that is a Python list with one tensor a step; ``each``: as stacked along axis 0."""

    each: Slot


@dataclass(frozen=True)
class Interface:
    """The uniform view's other side: a subject's own way of being called.

    kind: "sequence", "cell", or "last" (it returns the output of the last step alone).
    arguments / keywords: the call form with a state; stateless the call form without one, or
    None where a state is required. result: the return form.
    state_arguments: names of the arguments that act as h and as c, where there are two.
    head: True where an output layer stands on top. notes: sentences for people.
    """

    kind: str
    arguments: tuple[Form, ...]
    keywords: Mapping[str, Form]
    stateless: tuple[Form, ...] | None
    result: Form
    takes_state: bool = True
    stateless_keywords: Mapping[str, Form] = field(default_factory=dict)
    head: bool = False
    state_arguments: tuple[str, str] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def told(self) -> tuple[Spelling, ...]:
        """How it is told which steps count, where it must be."""
        given = (*self.arguments, *self.keywords.values())
        return tuple(form.spelling for form in given if isinstance(form, Spelled))

    def returns(self, role: str) -> bool:
        """Whether the result holds this part."""
        return any(role in slot.role for slot in slots(self.result))


def told(interface: Interface, order: Sequence[str], name: str, spelled: Spelled) -> Interface:
    """The same call, in which an argument says which steps count.

    order: the names of the call's parameters, "" for x. name: the argument's; "" for x itself.
    """

    def put(
        arguments: tuple[Form, ...], keywords: Mapping[str, Form]
    ) -> tuple[tuple[Form, ...], dict[str, Form]]:
        at = order.index(name)
        if at < len(arguments):
            return (*arguments[:at], spelled, *arguments[at + 1 :]), dict(keywords)
        return arguments, {**keywords, name: spelled}

    arguments, keywords = put(interface.arguments, interface.keywords)
    call = replace(interface, arguments=arguments, keywords=keywords)
    if interface.stateless is None:
        return call
    stateless, more = put(interface.stateless, interface.stateless_keywords)
    return replace(call, stateless=stateless, stateless_keywords=more)


def slots(form: Form) -> Iterator[Slot]:
    """Every slot of a form, in order."""
    if isinstance(form, Slot):
        yield form
    elif isinstance(form, Steps):
        yield form.each
    elif isinstance(form, Spelled) and form.spelling == PACKED:
        yield PACKED_X
    elif isinstance(form, Mapping):
        for value in form.values():
            yield from slots(value)
    elif isinstance(form, (tuple, list)):
        for value in form:
            yield from slots(value)


def axes_of_x_and_y(interface: Interface) -> tuple[str, str]:
    """The layouts of x and of a whole output tensor (B, T, K); "" where there is none.

    A list with one tensor a step, or rows, has no layout of its own that could be odd.
    """
    given = slots((interface.arguments, dict(interface.keywords)))
    x = next((slot.axes for slot in given if slot.role == "x" and slot is not PACKED_X), "")
    form = interface.result
    tops = form if isinstance(form, (tuple, list)) else [form]
    y = next((s.axes for s in tops if isinstance(s, Slot) and s.role == "y"), "")
    return x, y if y in ("BTK", "TBK") else ""


def fill(form: Form, parts: Mapping[str, Tensor]) -> Any:
    """The form with every slot replaced by its part, in the slot's layout.

    A contiguous part stays contiguous in its new layout; one with strides of its own keeps them
    as far as a view can.
    """
    if isinstance(form, Slot):
        part = _part(form.role, parts)
        arranged = layout.arrange(part, CANONICAL[form.role], form.axes)
        return arranged.contiguous() if part.is_contiguous() else arranged
    if isinstance(form, Constant):
        return form.value
    if isinstance(form, Spelled):
        return form.value(parts["x"])
    if isinstance(form, Mapping):
        return {key: fill(value, parts) for key, value in form.items()}
    return rebuild(form, [fill(value, parts) for value in form])


def _part(role: str, parts: Mapping[str, Tensor]) -> Tensor:
    if role in ("hc", "ch"):
        return torch.stack([parts[letter] for letter in role])
    return parts[role]


def rebuild(like: Any, values: list[Any]) -> Any:
    """A container of the same type as ``like``, NamedTuples included."""
    if isinstance(like, tuple) and hasattr(like, "_fields"):
        return type(like)(*values)
    return type(like)(values)


def leaves(form: Form, result: Any) -> Iterator[tuple[Slot, Tensor]]:
    """Walk a form and a result side by side. Raises ValueError where they do not match."""
    if isinstance(form, Slot):
        if form.role == "?":
            return
        if isinstance(result, PackedSequence):
            result = padded(result)
        if not isinstance(result, Tensor):
            raise ValueError(f"expected a tensor for {form}, got {type(result).__name__}")
        yield form, result
    elif isinstance(form, Steps):
        yield form.each, torch.stack(list(result))
    elif isinstance(form, Spelled):
        if form.spelling == PACKED:
            yield PACKED_DATA, result.data
    elif isinstance(form, Mapping):
        for key, value in form.items():
            yield from leaves(value, result[key])
    elif isinstance(form, (tuple, list)):
        if not isinstance(result, (tuple, list)) or len(result) != len(form):
            raise ValueError(f"expected {len(form)} values, got {type(result).__name__}")
        for inner, value in zip(form, result, strict=True):
            yield from leaves(inner, value)


def read(
    form: Form, result: Any, sizes: dict[str, int], *, lenient: bool = False
) -> dict[str, Tensor]:
    """The parts of a result in canonical layout, by role.

    Raises ValueError on another shape; ``lenient`` as in :func:`lstm_bench.subject.axes.restore`.
    """
    return read_pairs(leaves(form, result), sizes, lenient=lenient)


def read_pairs(
    pairs: Iterable[tuple[Slot, Tensor]], sizes: dict[str, int], *, lenient: bool = False
) -> dict[str, Tensor]:
    """The same of slots and tensors that were walked already."""
    parts: dict[str, Tensor] = {}
    for slot, tensor in pairs:
        part = layout.restore(tensor, CANONICAL[slot.role], slot.axes, sizes, lenient=lenient)
        if slot.role in ("hc", "ch"):
            parts |= dict(zip(slot.role, part.unbind(0), strict=True))
        else:
            parts[slot.role] = part
    if "cs" in parts:  # all states of all steps: the last ones are the state
        cells = parts.pop("cs")
        parts.setdefault("c", cells[:, -1])
        parts.setdefault("h", parts["y"][:, -1])
    return parts
