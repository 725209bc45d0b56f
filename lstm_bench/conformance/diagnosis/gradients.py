"""Why a gradient is off where all values are right."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from lstm_bench.conformance.diagnosis.match import (
    GRADIENT,
    after_steps_backward,
    explaining,
    name_of,
    one_explaining,
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
from lstm_bench.subject import Subject
from lstm_bench.theory.mistakes.made import GATES
from lstm_bench.theory.words.gradients import gradient_of

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
    if scene.steps <= MOST_STEPS:
        found = explaining(played, read_off(subject, played))
        if found is not None:
            return [found.sentence + when]
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
        named = one_explaining(at_size, after_steps_backward(size - 1))
        if named is not None:
            return f"{named.sentence}; gradients are {told}"
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
    left = [p for p in played.wrong if p.startswith(GRADIENT)]
    told = []
    for group in GROUPS:
        names = {PARTS.get(place, place) for place in group}
        held = [p for p in played.got if p.startswith(GRADIENT) and name_of(p) in names]
        if held and all(p in left for p in held):
            told.append(gradient_of(group).rstrip(","))
            left = [p for p in left if p not in held]
    return told + [part_in_words(p) for p in left]


PARTS = {"inputs": "x", "given h": "h0", "given c": "c0"}
OF_INPUTS = ("inputs", "given h", "given c")
OF_PARAMETERS = tuple(f"{kind}_{gate}" for kind in "WUb" for gate in GATES)
GROUPS = (
    (*OF_INPUTS, *OF_PARAMETERS, "W_h", "b_h"),
    OF_PARAMETERS,
    OF_PARAMETERS[:8],
    *(OF_PARAMETERS[k : k + 4] for k in (0, 4, 8)),
    OF_INPUTS,
    *(tuple(f"{kind}_{gate}" for kind in "WUb") for gate in GATES),
    OF_INPUTS[1:],
)
"""What can be wrong together, the largest first: places where gradients end."""


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
    bad: list[str] = []
    good: list[str] = []
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
