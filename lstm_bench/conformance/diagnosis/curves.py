"""One gate at a time: which gate is off, at which operand, and what its curve looks like.

With all parameters zero but one gate's, every other gate stands still at 1/2 (the candidate at
0), and that gate can be read off the states: f from how c depends on c0, i and the candidate
from what enters the cell, o from h. Biases of many units sweep a whole curve in one call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.diagnosis.scenes import Played, Scene, play
from lstm_bench.conformance.problem import Problem
from lstm_bench.subject import Instance, Subject
from lstm_bench.theory.edits import Constant, Instead, Operator
from lstm_bench.theory.functions import FUNCTIONS
from lstm_bench.theory.mistakes.gates import FOR_SIGMOID, FOR_TANH
from lstm_bench.theory.words import nouns
from lstm_bench.theory.words.values import cell_tanh
from lstm_bench.theory.words.values import gate as gate_in_words

GATES = "ifoa"
ONE_STEP = Scene("", steps=1)
OPERANDS = {"W": "what comes from x", "U": "what comes from h", "b": "its bias"}


def only(problem: Problem, gates: str, fields: str = "WUb") -> Problem:
    """The problem with all parameters zero but these gates' (and of these, only some)."""
    p = problem.parameters
    keep = torch.tensor([float(g in gates) for g in GATES], dtype=p.W.dtype)
    W, U, b = (
        t * keep.reshape(4, *[1] * (t.dim() - 1)) * float(name in fields)
        for name, t in (("W", p.W), ("U", p.U), ("b", p.b))
    )
    return replace(problem, parameters=Parameters(W, U, b, *(p.head or ())))


def _plays_right(subject: Subject, gates: str, fields: str = "WUb") -> bool:
    played = play(subject, replace(ONE_STEP, change=_seen(gates, fields)))
    return played is None or played.fine


def _seen(gates: str, fields: str = "WUb") -> Callable[[Problem], Problem]:
    """Only these gates have parameters; a candidate of tanh(1) lets the input gate be seen."""

    def change(problem: Problem) -> Problem:
        found = only(problem, gates, fields)
        if "i" in gates and "a" not in gates:
            found.parameters.b[3] += 1.0
        return found

    return change


def one_step_in_words(subject: Subject) -> list[str]:
    """What is wrong within a single step, as narrow as gates at work alone can show it."""
    if not _plays_right(subject, ""):
        return _each(subject) or [_all_zero(subject)]
    alone = [g for g in "afo" if not _plays_right(subject, g)]
    if "a" not in alone and not _plays_right(subject, "i"):
        alone.insert(0, "i")
    if alone:
        return [sentence for gate in alone for sentence in _one_gate(subject, gate)]
    pairs = [a + b for k, a in enumerate(GATES) for b in GATES[k + 1 :]]
    together = [pair for pair in pairs if not _plays_right(subject, pair)]
    if together:
        first = " and ".join(f"the {nouns.GATES[g]}" for g in together[0])
        return [f"each gate is right alone; {first} are wrong together: how they are combined"]
    return []


def _all_zero(subject: Subject) -> str:
    played = play(subject, replace(ONE_STEP, change=lambda p: only(p, "")))
    assert played is not None
    if played.error:
        return f"with all parameters at zero it raises {played.error}"
    off = " and ".join(_state_words(part) for part in played.wrong)
    return (
        f"even with all parameters at zero, where c is c0 / 2 and h is tanh(c) / 2, {off} "
        f"is wrong: the way in which states and gates are combined is not the LSTM's"
        + _ratio(played)
    )


def _ratio(played: Played) -> str:
    """The factor, where one number explains the first wrong part."""
    part = played.wrong[0]
    ratio = (played.got[part].double() / played.expected[part]).flatten()
    if bool((ratio - ratio[0]).abs().max() < 1e-6):
        return f" ({_state_words(part)} is {ratio[0].item():.6g} times what it should be)"
    return ""


def _state_words(part: str) -> str:
    return {"y": "the output", "h": "the hidden state h", "c": "the cell state c"}[part]


def _each(subject: Subject) -> list[str]:
    """Where all gates are wrong alone: the curve of each, at most two sentences."""
    found = [curve_in_words(subject, gate) for gate in GATES]
    return [sentence for sentence in found if sentence][:2]


def _one_gate(subject: Subject, gate: str) -> list[str]:
    wrong = [field for field in "bWU" if not _plays_right(subject, gate, field)]
    told = f"the {nouns.GATES[gate]} is wrong, alone, with the other gates' weights at zero"
    if "b" in wrong:
        curve = curve_in_words(subject, gate)
        if curve:
            return [curve]
    if not wrong:
        return [f"{told}; each of x, h and bias alone is right: how they are added up is wrong"]
    counted = operands_in_words(subject, gate)
    if counted:
        return [counted]
    if len(wrong) < 3:
        right = [OPERANDS[f] for f in "WUb" if f not in wrong]
        bad = " and ".join(OPERANDS[f] for f in wrong)
        return [f"{told}: {bad} is wrong, {' and '.join(right)} is right"]
    return [told]


# -- curves ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """What a gate gives (value) for what goes in (z)."""

    z: Tensor
    value: Tensor


def measure(subject: Subject, gate: str, points: int = 49) -> Curve | None:
    """Sweep one gate's bias from -6 to 6 over as many units; None where it cannot be read off."""
    instance = subject.build(2, points, dtype=subject.dtype)
    z = torch.linspace(-6, 6, points, dtype=torch.float64)
    if gate == "f":
        if not subject.interface.takes_state:
            return None
        high, low = (_cell(subject, instance, {"f": z}, c0) for c0 in (0.75, -0.25))
        return None if high is None or low is None else Curve(z, high - low)
    if gate == "a":
        cell = _cell(subject, instance, {"a": z}, 0.0)
        return None if cell is None else Curve(z, 2 * cell)
    if gate == "i":
        with_a = _cell(subject, instance, {"i": z, "a": torch.ones_like(z)}, 0.0)
        return None if with_a is None else Curve(z, with_a / math.tanh(1.0))
    hidden, cell = _states(subject, instance, {"o": z, "a": torch.ones_like(z) * 3}, 0.0)
    if hidden is None:
        return None
    if cell is None:
        cell = torch.full_like(z, 0.5 * math.tanh(3.0))
    return Curve(z, hidden / cell.tanh())


def _states(
    subject: Subject, instance: Instance, biases: dict[str, Tensor], c0: float | Tensor
) -> tuple[Tensor | None, Tensor | None]:
    """(h, c) of each unit after one step on x = 0, h0 = 0, with these biases alone."""
    H, dtype = instance.hidden_size, subject.dtype
    b = torch.stack([biases.get(g, torch.zeros(H, dtype=torch.float64)) for g in GATES])
    head: tuple[Tensor, ...] = ()
    if instance.head_size is not None:
        if instance.head_size != H:
            return None, None
        head = (torch.eye(H, dtype=torch.float64), torch.zeros(H, dtype=torch.float64))
    p = Parameters(
        torch.zeros(4, 2, H, dtype=torch.float64),
        torch.zeros(4, H, H, dtype=torch.float64),
        b,
        *head,
    )
    instance.load(p.to(dtype=dtype))
    x = torch.zeros(2, 1, 2, dtype=dtype)
    state = None
    if subject.interface.takes_state:
        given = torch.zeros(2, H, dtype=torch.float64) + c0
        state = (torch.zeros(2, H, dtype=dtype), given.to(dtype))
    with torch.no_grad():
        parts = instance.run(x, state)
    h = parts["h"] if "h" in parts else parts["y"][:, -1] if "y" in parts else None
    c = parts.get("c")
    return (None if h is None else h[0].double(), None if c is None else c[0].double())


def _cell(
    subject: Subject, instance: Instance, biases: dict[str, Tensor], c0: float
) -> Tensor | None:
    """C of each unit, read off h = tanh(c) / 2 where c is not returned."""
    h, c = _states(subject, instance, biases, c0)
    if c is not None or h is None:
        return c
    return torch.atanh((2 * h).clamp(-1 + 1e-15, 1 - 1e-15))


def curve_in_words(subject: Subject, gate: str) -> str:
    """What a gate's curve is where it is not what it should be; empty where it is, or unknown."""
    try:
        curve = measure(subject, gate)
    except Exception:  # a stranger's module
        return ""
    if curve is None or not bool(curve.value.isfinite().all()):
        return ""
    right = curve.z.tanh() if gate == "a" else curve.z.sigmoid()
    close = 1e-8 if subject.dtype == torch.float64 else 1e-4
    if _same(curve.value, right, close):
        return ""
    name = "tanh" if gate == "a" else "a sigmoid"
    known = _known_curve(curve, gate, close)
    if known is not None:
        return gate_in_words((gate,), known)
    fitted = _fitted(curve, gate, close)
    if fitted:
        return f"the {nouns.GATES[gate]} {fitted}"
    return f"the {nouns.GATES[gate]}'s curve is not {name}: {_compared(curve, right)}"


def _same(got: Tensor, expected: Tensor, close: float) -> bool:
    return bool((got - expected).abs().max() < close * (1 + expected.abs().max()))


def _known_curve(curve: Curve, gate: str, close: float) -> Operator | None:
    """Another function, or a number, that gives this curve; those first that stand in its place."""
    first, then = (FOR_TANH, FOR_SIGMOID) if gate == "a" else (FOR_SIGMOID, FOR_TANH)
    for name in (*first, *then):
        if _same(curve.value, FUNCTIONS[name](curve.z), close):
            return Instead(name)
    for number in (1.0, 0.0, 0.5):
        if _same(curve.value, torch.full_like(curve.z, number), close):
            return Constant(number)
    return None


def _fitted(curve: Curve, gate: str, close: float) -> str:
    """A scaled, shifted, steeper or clipped version of a known curve."""
    z, value = curve.z, curve.value
    name, base = ("tanh", z.tanh()) if gate == "a" else ("sigmoid", z.sigmoid())
    factor = float((value @ base) / (base @ base))
    if _same(value, factor * base, close):
        return f"is {factor:.4g} times what it should be: {factor:.4g} {name}(z)"
    offset = float((value - base).mean())
    if _same(value, base + offset, close):
        return f"has {offset:.4g} added after its {name}"
    inside = _inner(value, gate)
    if inside is not None:
        slope, shift = _line(z, inside)
        if _same(inside, slope * z + shift, max(close, 1e-6)):
            return f"is {name}({_straight(slope, shift)}) instead of {name}(z)"
    low, high = float(value.min()), float(value.max())
    if _same(value, base.clamp(low, high), close):
        return f"is clipped to between {low:.4g} and {high:.4g} after its {name}"
    between = (value > low + 1e-9) & (value < high - 1e-9)
    if int(between.sum()) >= 4:
        slope, shift = _line(z[between], value[between])
        if _same(value, (slope * z + shift).clamp(low, high), max(close, 1e-6)):
            return (
                f"is a straight line, {_straight(slope, shift)}, clipped to between "
                f"{low:.4g} and {high:.4g} (a hard {name}), instead of {name}(z)"
            )
    return ""


def _inner(value: Tensor, gate: str) -> Tensor | None:
    """What must have gone into the right function to give these values."""
    if gate == "a":
        return torch.atanh(value) if bool((value.abs() < 1).all()) else None
    return torch.logit(value) if bool(((value > 0) & (value < 1)).all()) else None


def _line(z: Tensor, value: Tensor) -> tuple[float, float]:
    design = torch.stack([z, torch.ones_like(z)], 1)
    slope, shift = torch.linalg.lstsq(design, value.unsqueeze(1)).solution.flatten().tolist()
    return slope, shift


def _straight(slope: float, shift: float) -> str:
    text = "z" if abs(slope - 1) < 1e-6 else f"{slope:.4g} z"
    return text if abs(shift) < 1e-6 else f"{text} {'+' if shift > 0 else '-'} {abs(shift):.4g}"


def cell_tanh_in_words(subject: Subject) -> list[str]:
    """The curve from c to h, where c is right and h is not even with all parameters at zero."""
    if not subject.interface.takes_state or not subject.interface.returns("c"):
        return []
    points = 49
    instance = subject.build(2, points, dtype=subject.dtype)
    z = torch.linspace(-6, 6, points, dtype=torch.float64)
    hidden, cell = _states(subject, instance, {}, 2 * z)
    close = 1e-8 if subject.dtype == torch.float64 else 1e-4
    if hidden is None or cell is None or not _same(cell, z, close):
        return []
    curve = Curve(z, 2 * hidden)
    if _same(curve.value, z.tanh(), close) or _same(curve.value[24:25], z[24:25], 1e-3) is False:
        return []
    known = _known_curve(curve, "a", close)
    if known is not None:
        return [cell_tanh(known)]
    fitted = _fitted(curve, "a", close)
    if fitted:
        return [f"from cell state to hidden state, h = o tanh(c): the tanh {fitted}"]
    return [
        "from cell state to hidden state the curve is not tanh(c): " + _compared(curve, z.tanh())
    ]


def _compared(curve: Curve, right: Tensor) -> str:
    shown = [0, 16, 24, 32, 48]
    at, values, meant = (
        ", ".join(f"{t[k].item():.4g}" for k in shown) for t in (curve.z, curve.value, right)
    )
    most = (curve.value - right).abs().max().item()
    return f"at {at} it gives {values}, not {meant} (off by up to {most:.2g})"


# -- operands ----------------------------------------------------------------------------------


def operands_in_words(subject: Subject, gate: str) -> str:
    """The factors with which a gate counts x, h, its bias and c, by least squares."""
    features: Sequence[str] = ("the input x", "the hidden state h", "its bias", "the cell state c")
    found = _regress(subject, gate)
    if found is None:
        return ""
    factors, fits = found
    if not fits:
        return ""
    meant = (1.0, 1.0, 1.0, 0.0)
    told = [
        f"{words} {factor:.4g} times"
        for words, factor, right in zip(features, factors, meant, strict=True)
        if abs(factor - right) > 1e-5
    ]
    return f"the {nouns.GATES[gate]} counts {', '.join(told)}" if told else ""


def _regress(subject: Subject, gate: str) -> tuple[list[float], bool] | None:
    """Regress what went into a gate on x W, h U, b and c. None where it cannot be read off."""
    change = _alone_and_seen(gate)
    played = play(subject, replace(ONE_STEP, batch=9, change=change))
    if played is None or played.error or played.problem.state is None:
        return None
    inside = _what_went_in(played, gate)
    if inside is None or not bool(inside.isfinite().all()):
        return None
    exact, k = played.exact, GATES.index(gate)
    p, (h, c) = exact.parameters, exact.state or (None, None)
    assert h is not None
    assert c is not None
    columns = [exact.x[:, 0] @ p.W[k], h @ p.U[k], p.b[k].expand_as(h), c]
    design = torch.stack([column.flatten() for column in columns], 1)
    solution = torch.linalg.lstsq(design, inside.flatten().unsqueeze(1)).solution
    fits = _same((design @ solution).flatten(), inside.flatten(), 1e-6)
    return solution.flatten().tolist(), fits


def _alone_and_seen(gate: str) -> Callable[[Problem], Problem]:
    """Only this gate has weights; others stand where this one can be seen."""

    def change(problem: Problem) -> Problem:
        found = only(problem, gate)
        b = found.parameters.b.clone()
        if gate in "io":
            b[3] += 1.0  # something must enter the cell
        return replace(found, parameters=replace(found.parameters, b=b))

    return change


def _what_went_in(played: Played, gate: str) -> Tensor | None:
    parts, (_, c0) = played.got, played.exact.state or (None, None)
    if "c" not in parts or "h" not in parts or c0 is None:
        return None
    c, h = parts["c"].double(), parts["h"].double()
    if gate == "f":
        return torch.logit(c / c0)
    if gate == "i":
        return torch.logit((c - c0 / 2) / math.tanh(1.0))
    if gate == "a":
        return torch.atanh(2 * (c - c0 / 2))
    return torch.logit(h / c.tanh())
