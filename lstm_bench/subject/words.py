"""The found interface in words, for people."""

from __future__ import annotations

import torch

from lstm_bench.subject.axes import groups
from lstm_bench.subject.construct import Recipe
from lstm_bench.subject.interface import PACKED_X, Interface, slots
from lstm_bench.subject.mapping import ProbedMap
from lstm_bench.subject.nudge import KIND_BIAS, KIND_H, KIND_X
from lstm_bench.subject.patterns import TensorLayout

_OPERANDS = {KIND_X: "x", KIND_H: "h", KIND_BIAS: "1"}


def interface_in_words(
    recipe: Recipe, interface: Interface, parameter_map: ProbedMap, dtype: torch.dtype
) -> dict[str, str]:
    """construction, layout, state, returns, gates, biases, output layer, precision."""
    return {
        "construction": str(recipe),
        "layout": _layout(interface),
        "state": _state(interface),
        "returns": _returns(interface),
        "weights": _weights(parameter_map),
        "biases": _biases(parameter_map),
        "output_layer": _head(parameter_map),
        "precision": "float64 and float32" if dtype == torch.float64 else "float32 only",
    }


def _layout(interface: Interface) -> str:
    x = next(s for s in slots((interface.arguments, dict(interface.keywords))) if s.role == "x")
    axes = "" if x is PACKED_X else x.axes
    if interface.kind == "cell":
        return "single-step cell" + (", sequences as columns" if axes == "I(BT)" else "")
    words = {
        "": "packed",
        "BTI": "batch first",
        "TBI": "time first",
        "BIT": "batch first, features before time",
    }
    last = ", the last step's output alone" if interface.kind == "last" else ""
    return words[axes] + last


def _state(interface: Interface) -> str:
    if not interface.takes_state:
        return "none taken"
    given = [s for s in slots((interface.arguments, dict(interface.keywords))) if s.role != "x"]
    roles = ", ".join(" and ".join(s.role) for s in given)
    shapes = {_shape(s.axes) for s in given}
    need = "required" if interface.stateless is None else "optional"
    return f"({roles}), each {' / '.join(sorted(shapes))}, {need}"


def _shape(axes: str) -> str:
    words = [
        "".join(f"{'·' if k else ''}{letter}" for k, letter in enumerate(g)) for g in groups(axes)
    ]
    return f"({', '.join(words)})"


def _returns(interface: Interface) -> str:
    names = {"y": "output", "h": "h", "c": "c", "hc": "h and c", "ch": "c and h", "cs": "all c"}
    found = [
        f"{names[s.role]} {_shape(s.axes)}" for s in slots(interface.result) if s.role in names
    ]
    return ", ".join(found)


def _weights(parameter_map: ProbedMap) -> str:
    parts: list[str] = []
    per_gate: dict[str, list[str]] = {}
    for name, layout in parameter_map.layouts.items():
        operands = _operands(layout)
        if operands == "1":
            continue
        if len(layout.gate_order) == 1:
            per_gate.setdefault(operands, []).append(name)
            continue
        order = ", ".join("ifog"[g] for g in layout.gate_order)
        how = "interleaved as" if layout.interleaved else "fused as"
        parts.append(f"gates {how} {order} in `{name}` over {operands}")
    for operands, names in per_gate.items():
        parts.append(f"one tensor a gate over {operands} (`{names[0]}` …)")
    return "; ".join(parts)


def _operands(layout: TensorLayout) -> str:
    seen: list[str] = []
    for axis in layout.axes:
        for segment in axis:
            symbol = _OPERANDS.get(segment.kind)
            if symbol is not None and symbol not in seen:
                seen.append(symbol)
    if not seen:
        return _OPERANDS.get(layout.whole.kind, "?")
    return f"[{', '.join(seen)}]" if len(seen) > 1 else seen[0]


def _biases(parameter_map: ProbedMap) -> str:
    count = [0, 0, 0, 0]
    for layout in parameter_map.layouts.values():
        if KIND_BIAS in layout.kinds:
            for gate in layout.gate_order:
                count[gate] += 1
    words = {0: "no bias", 1: "one bias", 2: "two biases"}
    if len(set(count)) == 1:
        text = words.get(count[0], f"{count[0]} biases")
    else:
        text = ", ".join(f"{'ifog'[g]}: {n}" for g, n in enumerate(count)) + " biases"
    added = [f"{k:+g} on {'ifog'[g]}" for g, k in enumerate(parameter_map.constants) if k]
    return text + (f", a constant {', '.join(added)}" if added else "")


def _head(parameter_map: ProbedMap) -> str:
    head = parameter_map.head
    return "no output layer" if head.weight is None else f"output layer in `{head.weight}`"
