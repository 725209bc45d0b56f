"""What probing alone already shows: silent parameters, names that contradict what they do."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lstm_bench.subject.identify import Identified, prepare
from lstm_bench.subject.instance import Instance
from lstm_bench.subject.interface import axes_of_x_and_y, slots
from lstm_bench.subject.nudge import KIND_BIAS, KIND_H, KIND_X, UNKNOWN, Labels
from lstm_bench.subject.patterns import TensorLayout
from lstm_bench.subject.probe import H, I

WORDS = ("input gate", "forget gate", "output gate", "candidate")
TORCH_ORDER = (0, 1, 3, 2)
"""i, f, g, o with g the candidate: how ``nn.LSTM`` and ``nn.LSTMCell`` store gates."""


@dataclass(frozen=True)
class Finding:
    """level: "fail", "warning" or "note"; check_class as in the conformance room's classes."""

    level: str
    check_class: str
    sentence: str


def findings(factory: Any, found: Identified) -> tuple[Finding, ...]:
    layouts = found.parameter_map.layouts
    return (
        *_silent_parameters(found),
        *_torch_names(layouts),
        *_torch_constants(found),
        *_unsteady(found),
        *_gate_names(layouts),
        *_state_order(found),
        *_ignored_states(factory, found),
        *_mixed_layout(found),
        *_without_state(factory, found),
        *_strengths(found.labels),
    )


def _silent_parameters(found: Identified) -> Iterator[Finding]:
    """A parameter, or one gate's part of one, that moves nothing at all."""
    for name in found.silent:
        shape = found.labels[name].unit.shape
        if H in shape or 4 * H in shape:
            yield Finding("fail", "parameters", f"`{name}` has no effect on any output or state")
    if found.proven or not all(found.effects.values()):
        return  # whole sequences show them at work; or an ignored state silences them
    for name, layout in found.parameter_map.layouts.items():
        if name not in found.labels or not found.effects:
            continue
        seen, meant = found.labels[name].unit != UNKNOWN, layout.labels(I, H)
        for kind, operand in ((KIND_X, "x"), (KIND_H, "h"), (KIND_BIAS, "its bias")):
            for gate in layout.gate_order:
                part = (meant["kind"] == kind) & (meant["gate"] == gate)
                if part.any() and not seen[part].any():
                    yield Finding(
                        "fail",
                        "parameters",
                        f"the {WORDS[gate]} ignores {operand}: its part of `{name}` has no effect",
                    )


def _ignored_states(factory: Any, found: Identified) -> Iterator[Finding]:
    """A state that is taken and moves nothing."""
    for name, words in (("h", "hidden state h0"), ("c", "cell state c0")):
        if found.effects.get(name) is False:
            here = "it moves nothing"
            if _moves_in_eights(factory, found, name):
                here = f"with hidden size {H} it moves nothing, with 8 it does"
            yield Finding("fail", "state", f"the given {words} is ignored: {here}")


def _moves_in_eights(factory: Any, found: Identified, name: str) -> bool:
    """Whether a state moves something where the hidden size suits code that works in tiles."""
    generator = torch.Generator().manual_seed(7)
    x, h, c = (torch.randn(2, *s, generator=generator) for s in ((1, I), (8,), (8,)))
    try:
        module = prepare(found.recipe.build(factory, I, 8), torch.float32)
        instance = Instance(module, found.interface, found.parameter_map, I, 8, lenient=True)
        with torch.no_grad():
            before = {n: t.clone() for n, t in instance.run(x, (h.clone(), c.clone())).items()}
            h, c = (h + 0.7, c) if name == "h" else (h, c + 0.7)
            after = instance.run(x, (h, c))
    except Exception:  # it runs in no such size
        return False
    return any(not torch.equal(before[n], after[n]) for n in before)


def _mixed_layout(found: Identified) -> Iterator[Finding]:
    words = {"B": "batch first", "T": "time first"}
    x, y = axes_of_x_and_y(found.interface)
    if x and y and x[0] != y[0] and {x[0], y[0]} <= set(words):
        yield Finding(
            "warning",
            "layout",
            f"it reads its input {words[x[0]]} and gives its output {words[y[0]]}: stacked, or in "
            "the place of another, it would mix batch and time",
        )


def _without_state(factory: Any, found: Identified) -> Iterator[Finding]:
    ignored = _ignored_of_a_pair(factory, found) if found.half_a_state else ""
    if ignored:
        yield Finding(
            "fail",
            "state",
            f"the given {ignored} is ignored: of the pair (h, c) that it returns, and takes back "
            "as its state, it reads the other alone",
        )
    elif found.half_a_state:
        yield Finding(
            "warning",
            "state",
            "it is an LSTM that takes one state, where an LSTM has two (h and c): a sequence "
            "cannot be carried on from one call to the next; it was judged without a given state",
        )


def _ignored_of_a_pair(factory: Any, found: Identified) -> str:
    """Of the two states that a call returns as a pair, and the next one takes: which moves nothing.

    Empty where it returns no pair, does not take one back, or heeds both.
    """
    try:
        module = prepare(found.recipe.build(factory, I, H), torch.float32)
        instance = Instance(module, found.interface, found.parameter_map, I, H, lenient=True)
        arguments, keywords = instance.native(torch.ones(2, 3, I), None)
        with torch.no_grad():
            _, (h, c) = module(*arguments, **keywords)
            plain, _ = module(*arguments, (h, c), **keywords)
            for words, state in (("cell state c0", (h, c + 1)), ("hidden state h0", (h + 1, c))):
                if torch.equal(module(*arguments, state, **keywords)[0], plain):
                    return words
    except Exception:  # it returns no pair, or does not take one
        return ""
    return ""


def _torch_names(layouts: Mapping[str, TensorLayout]) -> Iterator[Finding]:
    """Names and shapes of nn.LSTM or nn.LSTMCell promise its order of gates."""
    for suffix in ("_l0", ""):
        for name, layout in layouts.items():
            prefix, _, last = name.rpartition("weight_ih" + suffix)
            if last or not name.endswith("weight_ih" + suffix):
                continue
            wanted = {f"{prefix}weight_{s}{suffix}" for s in ("ih", "hh")}
            biases = {f"{prefix}bias_{s}{suffix}" for s in ("ih", "hh")}
            own = {n for n in layouts if n.startswith(prefix) and "." not in n[len(prefix) :]}
            if own not in (wanted, wanted | biases) or _shape(layout) != (4 * H, I):
                continue
            for n in sorted(own):
                if not _as_torch(layouts[n]):
                    yield Finding(
                        "fail",
                        "parameters",
                        f"`{n}` has the name and shape of nn.LSTM's parameter but not its meaning: "
                        f"{_difference(layouts[n])}; nn.LSTM's checkpoints load and give other "
                        "results",
                    )
                    return


def _torch_constants(found: Identified) -> Iterator[Finding]:
    """A constant of its own beside nn.LSTM's names changes what a checkpoint means."""
    added = [f"{k:+g} on the {WORDS[g]}" for g, k in enumerate(found.parameter_map.constants) if k]
    names = {name.rpartition(".")[2] for name in found.parameter_map.layouts}
    torch_s = {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}
    if added and (torch_s <= names or {n.removesuffix("_l0") for n in torch_s} <= names):
        yield Finding(
            "fail",
            "parameters",
            f"it has nn.LSTM's parameter names but adds a constant of its own ({', '.join(added)}, "
            "a hidden bias): nn.LSTM's checkpoints load and give other results",
        )


def _unsteady(found: Identified) -> Iterator[Finding]:
    if found.unsteady:
        yield Finding("fail", "state", found.unsteady)


def _as_torch(layout: TensorLayout) -> bool:
    """Whether every entry does what the same entry of nn.LSTM's parameter does."""
    labels = layout.labels(I, H)
    rows = np.arange(4 * H)
    gate, unit = np.array(TORCH_ORDER)[rows // H], rows % H
    shape = (-1,) + (1,) * (labels["gate"].ndim - 1)
    right = (labels["gate"] == gate.reshape(shape)) & (labels["unit"] == unit.reshape(shape))
    if labels["index"].ndim == 2:
        right &= labels["index"] == np.arange(labels["index"].shape[1])
    return bool(right.all())


def _difference(layout: TensorLayout) -> str:
    if layout.gate_order != TORCH_ORDER or layout.interleaved:
        return f"its order of gates is {_order(layout)}, nn.LSTM's is i, f, g, o"
    return "each gate's block is transposed"


def _shape(layout: TensorLayout) -> tuple[int, ...]:
    return tuple(layout.labels(I, H)["kind"].shape)


def _order(layout: TensorLayout) -> str:
    letters = ", ".join("ifog"[g] for g in layout.gate_order)
    return letters + (" interleaved by unit" if layout.interleaved else "")


_GATE_WORDS = (
    (0, re.compile(r"^(i|in|inp|input|ig|update|write)(_?g(ate)?)?$")),
    (1, re.compile(r"^(f|fg|forget|keep|for)(_?g(ate)?)?$")),
    (2, re.compile(r"^(o|og|out|output|read)(_?g(ate)?)?$")),
    (
        3,
        re.compile(
            r"^(a|c|g|z|u|n|j|k|cc|cg|cell|cand|candidate|memory|new|modulation|tilde|c_?tilde|c_?hat|cell_?g(ate)?|g_?gate)$"
        ),
    ),
)


def _gate_names(layouts: Mapping[str, TensorLayout]) -> Iterator[Finding]:
    """Four tensors alike but for a gate's name in theirs: does each do what its name says?"""
    for kind, operand in ((KIND_X, "x"), (KIND_H, "h")):
        single = {n: lay.gate_order[0] for n, lay in layouts.items()
                  if kind in lay.kinds and len(lay.gate_order) == 1}  # fmt: skip
        if len(single) != 4 or len(set(single.values())) != 4:
            continue
        claimed = _claims(list(single))
        if claimed is None:
            continue
        wrong = [n for n in single if claimed[n] != single[n]]
        if wrong:
            listed = "; ".join(f"`{n}` acts as the {WORDS[single[n]]}" for n in wrong)
            yield Finding(
                "fail", "equations", f"gates are mixed up: {listed} (seen from {operand})"
            )
            return


def _common_start(names: list[str]) -> str:
    """The longest start that all names share (``os.path.commonprefix`` is on its way out)."""
    pairs = zip(min(names), max(names), strict=False)
    return "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _claims(names: list[str]) -> dict[str, int] | None:
    """The gate that each of four names claims, where all four claim a different one."""
    prefix = _common_start(names)
    suffix = _common_start([n[::-1] for n in names])[::-1]
    claims: dict[str, int] = {}
    for name in names:
        word = name[len(prefix) : len(name) - len(suffix)] if suffix else name[len(prefix) :]
        word = re.sub(r"([a-z])([A-Z])", r"\1_\2", word).lower().strip("._0123456789")
        gate = next((g for g, pattern in _GATE_WORDS if pattern.match(word)), None)
        if gate is None:
            return None
        claims[name] = gate
    return claims if len(set(claims.values())) == 4 else None


def _state_order(found: Identified) -> Iterator[Finding]:
    """A state must come out in the order in which it goes in, and arguments be what they say."""
    interface = found.interface
    if interface.state_arguments is not None:
        as_h, as_c = interface.state_arguments
        if as_h[0].lower() == "c" and as_c[0].lower() == "h":
            yield Finding(
                "fail",
                "state",
                f"h and c are swapped: the argument `{as_h}` acts as the hidden state and "
                f"`{as_c}` as the cell state",
            )
        return
    taken = _order_of_states((interface.arguments, interface.keywords))
    returned = _order_of_states(interface.result)
    if taken and returned and taken != returned:
        yield Finding(
            "fail",
            "state",
            f"h and c are swapped: the state goes in as ({', '.join(taken)}) and comes out as "
            f"({', '.join(returned)}), so a returned state cannot be handed back",
        )


def _order_of_states(form: Any) -> list[str]:
    order: list[str] = []
    for slot in slots(form):
        if slot.role in ("h", "c", "hc", "ch"):
            order += [role for role in slot.role if role not in order]
    return order if len(order) == 2 else []


def _strengths(labels: Mapping[str, Labels]) -> Iterator[Finding]:
    """Entries of one gate and unit must all count the same, biases too."""
    by_gate: dict[tuple[int, int], list[tuple[float, str]]] = {}
    for name, found in labels.items():
        mask = (found.gate != UNKNOWN) & (found.kind == KIND_BIAS)
        for gate in np.unique(found.gate[mask]):
            here = mask & (found.gate == gate)
            by_gate.setdefault((int(gate), KIND_BIAS), []).append(
                (float(np.median(found.strength[here])), name)
            )
    for (gate, _), biases in by_gate.items():
        weights = [
            float(np.median(found.strength[(found.gate == gate) & (found.kind == KIND_X)]))
            for found in labels.values()
            if ((found.gate == gate) & (found.kind == KIND_X)).any()
        ]
        if not weights:
            continue
        for strength, name in biases:
            times = strength / weights[0] if weights[0] > 0 else 1.0
            if times > 1.5 and abs(times - round(times)) < 0.02 and times < 5:
                yield Finding(
                    "fail",
                    "parameters",
                    f"the bias `{name}` counts {times:.0f} times in the {WORDS[gate]}, "
                    "where each bias counts once",
                )
