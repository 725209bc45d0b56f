"""Why a gradient is off where all values are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from lstm_bench.conformance.diagnosis.match import (
    after_steps_backward,
    explaining,
    explaining_one_of,
    read_off,
)
from lstm_bench.conformance.diagnosis.scenes import (
    GRADIENT_SCENES,
    Played,
    Scene,
    play,
)
from lstm_bench.conformance.diagnosis.values import MOST_STEPS
from lstm_bench.conformance.diagnosis.where import (
    enlarged_axis,
    first_wrong_size,
    largest_deviation,
    part_in_words,
    places,
    sizes_in_words,
)
from lstm_bench.conformance.mutants.gradients import gradient_groups
from lstm_bench.subject import Subject

THROUGH = {
    "y": "the outputs y",
    "h": "the returned hidden state h_n",
    "c": "the returned cell state c_n",
}


def first_wrong_scene(subject: Subject) -> Played | None:
    """The first situation in which a gradient is off, or the backward pass raises."""
    for scene in GRADIENT_SCENES:
        played = play(subject, scene)
        if played is not None and not played.fine:
            return played
    return None


def explain(subject: Subject, played: Played) -> list[str]:
    """Sentences on the first cause, for a gradient scene that is not fine."""
    scene = played.scene
    when = f", {scene.words}" if scene.words else ""
    if played.error:
        return [_raised(subject, played)]
    values = [part for part in played.wrong if not part.startswith("grad ")]
    if values:
        names = " and ".join(part_in_words(part) for part in values)
        return [f"{names}: wrong where gradients are recorded, right without{when}"]
    axis = enlarged_axis(scene)
    if axis:
        return [_by_size(subject, played, axis)]
    found = explaining(played, read_off(subject, played)) if scene.steps <= MOST_STEPS else []
    if found:
        return [found[0].sentence + when]
    return [sentence + when for sentence in _measured(subject, played)]


def _raised(subject: Subject, played: Played) -> str:
    scene = played.scene
    through = [THROUGH[n] for n in scene.cotangents if subject.interface.returns(n)]
    if len(scene.cotangents) < 3:
        return (
            f"the backward pass raises {played.error} for a loss on {' and '.join(through)} alone: "
            "no gradient flows back from there"
        )
    return f"the backward pass raises {played.error}" + (f", {scene.words}" if scene.words else "")


def _by_size(subject: Subject, played: Played, axis: str) -> str:
    scene = played.scene
    smallest = first_wrong_size(subject, scene, axis)
    if smallest is None:
        return "; ".join(_measured(subject, played))
    size, at_size = smallest
    told = sizes_in_words(subject, scene, axis, size)
    parts = list(dict.fromkeys(_in_groups(at_size)))
    if axis == "steps":
        named = explaining_one_of(at_size, after_steps_backward(size - 1))
        if named:
            return f"{named}; gradients are {told}"
    where = places(at_size, at_size.wrong[0])
    return f"{' and '.join(parts[:3])}: {told}" + (f" ({where})" if where else "")


# -- measured ----------------------------------------------------------------------------------


def _measured(subject: Subject, played: Played) -> list[str]:
    """Ratios first; then through which result, from which length on, and which parts."""
    sentences = _ratios(played) or _clipped(played)
    if sentences:
        return sentences[:3]
    wrong = _in_groups(played)
    right = [p for p in played.got if p.startswith("grad ") and p not in played.wrong]
    told = ", ".join(wrong[:4]) + (", …" if len(wrong) > 4 else "")
    told += " is wrong" if len(wrong) == 1 else " are wrong"
    if right and len(right) <= 4:
        told += f"; only {' and '.join(part_in_words(p) for p in right)} right"
    part = played.wrong[0]
    where = places(played, part)
    if where:
        told += f"; {part_in_words(part)} is wrong {where}"
    told += f" ({part_in_words(part)} {largest_deviation(played, part)})"
    return [told + _through(subject, played.scene) + _from_length(subject, played.scene)]


def _in_groups(played: Played) -> list[str]:
    """The wrong gradients in words, whole groups by their common name."""
    left = [p.removeprefix("grad ") for p in played.wrong if p.startswith("grad ")]
    told = []
    groups = sorted(gradient_groups().values(), key=lambda g: -len(g[1]))
    for words, parts in groups:
        held = [p for p in parts if f"grad {p}" in played.got]
        if held and len(parts) > 1 and all(p in left for p in held):
            told.append(words.rstrip(","))
            left = [p for p in left if p not in held]
    return told + [part_in_words(f"grad {p}") for p in left]


def _ratios(played: Played) -> list[str]:
    """Gradients that are a multiple of what they should be; [] unless all wrong ones are."""
    factors: dict[str, float] = {}
    for part in played.wrong:
        factor = _factor(played.got[part], played.expected[part])
        if factor is None:
            return []
        factors[part] = factor
    if not factors:
        return []
    if len(set(factors.values())) == 1 and len(factors) > 1:
        factor = next(iter(factors.values()))
        whose = _in_groups(played)
        return [f"{', '.join(whose[:3])}: {_times(factor)}"]
    return [f"{part_in_words(part)}: {_times(factor)}" for part, factor in factors.items()]


def _clipped(played: Played) -> list[str]:
    """Every wrong gradient is the right one, clipped at its own largest entry."""
    limits = []
    for part in played.wrong:
        got, expected = played.got[part].double(), played.expected[part]
        limit = got.abs().max()
        if got.shape != expected.shape or not played.agrees(part, expected.clamp(-limit, limit)):
            return []
        limits.append(f"{limit.item():.4g}")
    common = limits[0] if len(set(limits)) == 1 else f"between {min(limits)} and {max(limits)}"
    whose = _in_groups(played)
    return [f"{', '.join(whose[:3])}{', …' if len(whose) > 3 else ''}: clipped to ±{common}"]


def _times(factor: float) -> str:
    if factor == 0:
        return "zero or missing"
    return f"{factor:.4g} times what it should be"


def _factor(got: Tensor, expected: Tensor) -> float | None:
    got, expected = got.double(), expected.double()
    if got.shape != expected.shape or not bool((expected != 0).any()):
        return None
    factor = ((got * expected).sum() / (expected * expected).sum()).item()
    close = 1e-6 * expected.abs().max()
    if bool((got - factor * expected).abs().max() > close):
        return None
    return round(factor, 7)


def _through(subject: Subject, scene: Scene) -> str:
    """Which of the three results does the wrong gradient come in through?"""
    bad, good = [], []
    for name, words in THROUGH.items():
        if not subject.interface.returns(name) or name not in scene.cotangents:
            continue
        played = play(subject, replace(scene, cotangents=(name,)))
        if played is not None:
            (good if played.fine else bad).append(words)
    if not bad or not good:
        return ""
    return f"; it comes in through {' and '.join(bad)}, not through {' and '.join(good)}"


def _from_length(subject: Subject, scene: Scene) -> str:
    """From how many steps on?"""
    for steps in range(1, scene.steps + 1):
        played = play(subject, replace(scene, steps=steps))
        if played is not None and not played.fine:
            return (
                "; a single step shows it"
                if steps == 1
                else f"; right for fewer than {steps} steps"
            )
    return ""


# -- habits of the backward pass ----------------------------------------------------------------


def habits(subject: Subject) -> list[str]:
    """Calls in an unusual but legal order, each told in a sentence where it goes wrong."""
    for question in (_outputs_overwritten, _second_forward_first, _backward_twice, _accumulated):
        try:
            found = question(subject)
        except Exception as error:  # a stranger's module
            lines = str(error).strip().splitlines()
            found = f"{question.__doc__} raises {type(error).__name__}: {lines[0] if lines else ''}"
        if found:
            return [found]
    return []


def _posed(subject: Subject) -> tuple:  # type: ignore[type-arg]
    from lstm_bench.conformance.problem import pose

    instance = subject.build(4, 5, dtype=subject.dtype)
    problem = pose(
        instance, batch=3, steps=5, seed=5, state=subject.interface.takes_state, dtype=subject.dtype
    )
    return instance, problem


def _gradients_of(parts: dict[str, Tensor], problem, leaves: list[Tensor], **options: bool):  # type: ignore[no-untyped-def]
    loss = sum(
        (value * getattr(problem.cotangents, name)).sum()
        for name, value in parts.items()
        if getattr(problem.cotangents, name, None) is not None
    )
    return torch.autograd.grad(loss, leaves, allow_unused=True, **options)


def _forward(instance, problem, sign: float = 1.0):  # type: ignore[no-untyped-def]
    x = (sign * problem.x).clone().requires_grad_()
    state = problem.state
    if state is not None:
        state = tuple((sign * s).clone().requires_grad_() for s in state)
    return instance.run(x, state), [x, *(state or ()), *instance.parameters()]


def _differ(first: tuple, second: tuple, dtype: torch.dtype) -> bool:  # type: ignore[type-arg]
    close = 1e-9 if dtype == torch.float64 else 1e-4
    for a, b in zip(first, second, strict=True):
        if (a is None) != (b is None):
            return True
        if a is not None and bool((a - b).abs().max() > close * (1 + b.abs().max())):
            return True
    return False


def _outputs_overwritten(subject: Subject) -> str:
    """A second call"""
    instance, problem = _posed(subject)
    with torch.no_grad():
        state = problem.state
        first = instance.run(problem.x.clone(), state and tuple(s.clone() for s in state))
        kept = {name: part.clone() for name, part in first.items()}
        instance.run(0.3 - problem.x, state and tuple(0.2 - s for s in state))
    changed = [name for name, part in first.items() if not torch.equal(part, kept[name])]
    if not changed:
        return ""
    names = " and ".join(part_in_words(name) for name in changed)
    return f"{names} of one call: overwritten by the next call, which uses the same buffer"


def _second_forward_first(subject: Subject) -> str:
    """A second forward pass before the first one's backward pass"""
    instance, problem = _posed(subject)
    alone = _gradients_of(*_with(instance, problem))
    parts, leaves = _forward(instance, problem)
    _forward(instance, problem, -0.6)
    after = _gradients_of(parts, problem, leaves)
    if not _differ(after, alone, subject.dtype):
        return ""
    return (
        "a second forward pass before the first one's backward pass spoils the first one's "
        "gradients: what the backward pass needs is saved on the module and overwritten"
    )


def _with(instance, problem):  # type: ignore[no-untyped-def]
    parts, leaves = _forward(instance, problem)
    return parts, problem, leaves


def _backward_twice(subject: Subject) -> str:
    """A second backward pass through the same graph (retain_graph=True)"""
    instance, problem = _posed(subject)
    parts, leaves = _forward(instance, problem)
    first = _gradients_of(parts, problem, leaves, retain_graph=True)
    first = tuple(None if g is None else g.clone() for g in first)
    second = _gradients_of(parts, problem, leaves)
    if not _differ(second, first, subject.dtype):
        return ""
    return (
        "the second backward pass through the same graph gives other gradients than the first: "
        "the first changes what it has saved"
    )


def _accumulated(subject: Subject) -> str:
    """A second backward pass that adds to .grad"""
    instance, problem = _posed(subject)
    for parameter in instance.parameters():
        parameter.grad = None
    totals: list[list[Tensor]] = []
    for _ in range(2):
        parts, _leaves = _forward(instance, problem)
        problem.cotangents.loss(_trace(parts)).backward()
        totals.append(
            [
                torch.zeros_like(p) if p.grad is None else p.grad.clone()
                for p in instance.parameters()
            ]
        )
    once = tuple(2 * g for g in totals[0])
    if not _differ(tuple(totals[1]), once, subject.dtype):
        return ""
    return "gradients do not accumulate: two backward passes do not give twice the gradient of one"


def _trace(parts: dict[str, Tensor]):  # type: ignore[no-untyped-def]
    from lstm_bench.conformance.reference import Trace

    return Trace(parts.get("y"), parts.get("h"), parts.get("c"))


Question = Callable[[Subject], str]
