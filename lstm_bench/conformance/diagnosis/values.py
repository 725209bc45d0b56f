"""Why values are off: a mistake that explains them, else what measuring can say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import torch

from lstm_bench.conformance.diagnosis.curves import cell_tanh_in_words, one_step_in_words
from lstm_bench.conformance.diagnosis.depend import dependences, shared_rows, unread
from lstm_bench.conformance.diagnosis.match import (
    after_steps,
    explaining,
    explaining_otherwise,
    one_explaining,
    read_off,
)
from lstm_bench.conformance.diagnosis.scenes import (
    PLAIN,
    VALUE_SCENES,
    Played,
    Scene,
    play,
)
from lstm_bench.conformance.diagnosis.where import (
    AXES,
    enlarged_axis,
    first_wrong_size,
    largest_deviation,
    part_in_words,
    places,
    right_sizes,
    sizes_in_words,
)
from lstm_bench.subject import Subject
from lstm_bench.theory.mistakes import Mistake
from lstm_bench.theory.mistakes.sequences import numerics

MOST_STEPS = 40
"""Sequences longer than this are matched with few mistakes only: each would cost too much."""


def first_wrong_scene(subject: Subject, *, late: bool = False) -> Played | None:
    """The first situation in which values are off, or in which inputs come back changed."""
    for scene in VALUE_SCENES:
        if scene.late == late:
            played = play(subject, scene)
            if played is not None and (not played.fine or played.spoilt):
                return played
    return None


def explain(subject: Subject, played: Played) -> list[str]:
    """Sentences on the first cause, for a scene that is not fine."""
    if played.error:
        return [_raised(subject, played)]
    if played.spoilt and not played.wrong:
        changed = " and the ".join(played.spoilt)
        return [f"the call writes into its arguments: the {changed} comes back changed"]
    if enlarged_axis(played.scene) and played.scene.change is None:
        return [_by_size(subject, played)]
    if not played.scene.words:
        by_parity = _by_parity(subject, played)
        if by_parity:
            return [by_parity]
    named = _named(subject, played)
    if named:
        return [named + _when(played.scene)]
    return _relabelled(subject, played) or shared_rows(subject) or _measured(subject, played)


def _when(scene: Scene) -> str:
    return f", {scene.words}" if scene.words else ""


def _named(subject: Subject, played: Played) -> str:
    """The sentence of the mistake that explains a scene; of several, the first."""
    own = read_off(subject, played)
    if played.scene.late:
        return _told_of(one_explaining(played, (*numerics(), *own)))
    if played.problem.x.shape[1] > MOST_STEPS:
        return _told_of(one_explaining(played, own))
    return _told_of(explaining(played, own))


def _told_of(mistake: Mistake | None) -> str:
    return "" if mistake is None else mistake.sentence


def _relabelled(subject: Subject, played: Played) -> list[str]:
    """Where probing found gates or states mixed up, it may be mistaken: try other names."""
    mixed = [
        f
        for f in getattr(subject, "findings", ())
        if re.search("mixed|swapped|ignores", f.sentence)
    ]
    if played.scene.words or not mixed:
        return []
    short = play(subject, replace(PLAIN, steps=2))
    found = None if short is None or short.error else explaining_otherwise(short)
    return [found.sentence] if found is not None else []


def _raised(subject: Subject, played: Played) -> str:
    scene, told = played.scene, _told(played.error)
    if not scene.words:
        others = [s.words for s in VALUE_SCENES[1:5] if _fine(subject, s)]
        return told + (f"; it runs {others[0]}" if others else ", on ordinary input")
    axis = enlarged_axis(scene)
    found = first_wrong_size(subject, scene, axis) if axis else None
    if found is not None:
        return f"{told}; {sizes_in_words(subject, scene, axis, found[0])}"
    return f"{told}, {scene.words}"


def _told(error: str) -> str:
    """An exception of the subject's own, or a result of an unexpected shape."""
    shapes = re.search(r"expected shape (\(.*?\)) for \S+, got (\(.*?\))", error)
    if shapes:
        return f"a result has the shape {shapes[2]} instead of {shapes[1]}"
    return f"it raises {error}"


def _fine(subject: Subject, scene: Scene) -> bool:
    played = play(subject, scene)
    return played is not None and played.fine


# -- sizes -------------------------------------------------------------------------------------


def _by_size(subject: Subject, played: Played) -> str:
    """Where only a large size is wrong: from which size on, where in it, and why if known."""
    scene, axis = played.scene, enlarged_axis(played.scene)
    smallest = first_wrong_size(subject, scene, axis)
    if smallest is None:
        return "; ".join(_measured(subject, played))
    size, at_size = smallest
    told = sizes_in_words(subject, scene, axis, size)
    named = ""
    if axis == "steps":
        named = _told_of(one_explaining(at_size, after_steps(size - 1)))
    if not named and size <= MOST_STEPS:
        named = _named(subject, at_size)
    where = unread(subject, at_size, axis) or _where(_one_step(subject, at_size))
    return "; ".join(part for part in (named, told, where) if part)


def _one_step(subject: Subject, played: Played) -> Played:
    """The same after a single step, where that is wrong too: it has not spread yet."""
    one = play(subject, replace(played.scene, steps=1))
    return played if one is None or one.fine else one


def _where(played: Played) -> str:
    """Where the first wrong part is off."""
    if played.error or not played.wrong:
        return ""
    part = played.wrong[0]
    found = places(played, part)
    return f"{part_in_words(part)} is wrong {found}" if found else ""


def _by_parity(subject: Subject, played: Played) -> str:
    """The plain scene's odd sizes: where even ones are right, what happens to the rest?"""
    for axis, right in right_sizes(subject, played.scene):
        wrong = getattr(played.scene, axis)
        named = _named(subject, played)
        where = _where(_one_step(subject, played))
        told = f"wrong for {AXES[axis].format(wrong)}, right for {' and '.join(map(str, right))}"
        return "; ".join(part for part in (named, told, where) if part)
    return ""


# -- measured ----------------------------------------------------------------------------------


def _measured(subject: Subject, played: Played) -> list[str]:
    """No mistake fits: dependences, then a single step gate by gate, then where it deviates."""
    found: list[str] = []
    if played.scene.late:
        found = _not_finite(played)
    elif played.scene.train:
        found = _random(subject, played)
    elif not played.scene.words:
        found = _try(lambda: dependences(subject)) or _try(lambda: _within_a_step(subject))
    return found[:3] if found else [_plain_deviation(played)]


def _try(question: Callable[[], list[str]]) -> list[str]:
    try:
        return question()
    except Exception:  # a stranger's module on input of ours
        return []


def _random(subject: Subject, played: Played) -> list[str]:
    """Equal calls that differ in training mode, though nobody asked for dropout."""
    again = play(subject, played.scene)
    if (
        again is None
        or again.error
        or all(torch.equal(value, again.got[part]) for part, value in played.got.items())
    ):
        return []
    return [
        "in training mode equal calls give different results: dropout or noise is on as it is built"
    ]


def _within_a_step(subject: Subject) -> list[str]:
    one = play(subject, replace(PLAIN, steps=1))
    if one is None or one.error:
        return []
    if one.fine:
        return [_between_steps(subject)]
    return cell_tanh_in_words(subject) or one_step_in_words(subject)


def _between_steps(subject: Subject) -> str:
    """One step is right, several are not: the first length that fails, and which part."""
    for steps in range(2, PLAIN.steps + 1):
        played = play(subject, replace(PLAIN, steps=steps))
        if played is not None and not played.fine:
            wrong = ", ".join(part_in_words(part) for part in played.wrong)
            verb = "is" if len(played.wrong) == 1 else "are"
            where = _where(played)
            return (
                f"a single step is right; from {steps} steps of time on {wrong} {verb} wrong: what "
                "is carried from step to step, or how the outputs are put together"
                + (f" ({where})" if where else "")
            )
    return ""


def _not_finite(played: Played) -> list[str]:
    """NaN and infinity: where they should be and are not, or the other way round."""
    if bool(played.problem.x.isfinite().all()):
        return []
    for part in played.wrong:
        got, expected = played.got[part].isfinite(), played.expected[part].isfinite()
        if got.shape != expected.shape:
            continue
        clean = played.problem.x.isfinite().flatten(1).all(1)
        if bool((expected & ~got)[clean].any()):
            return ["NaN or infinity in one sequence of the batch reaches the others"]
        if bool((got & ~expected).any()):
            return ["NaN or infinity in the input is cleaned away: finite results come out"]
    return []


def _plain_deviation(played: Played) -> str:
    """Nothing explains it: say plainly where and by how much."""
    part = min(played.wrong, key=lambda p: "cyh".index(p))
    where, deviation = places(played, part), largest_deviation(played, part)
    right = [part_in_words(p) for p in played.got if p not in played.wrong]
    told = f"{part_in_words(part)} is wrong{_when(played.scene)}"
    told += f" {where}" if where else ""
    told += f": {deviation}" if deviation else ""
    told += _precision(played, part)
    verb = "is" if len(right) == 1 else "are"
    return told + (f"; {' and '.join(right)} {verb} right" if right else "")


def _precision(played: Played, part: str) -> str:
    """An error of the size of a smaller type's rounding says what it may be."""
    got, expected = played.got[part].double(), played.expected[part]
    if got.shape != expected.shape or not bool(got.isfinite().all()):
        return ""
    error = ((got - expected).abs().max() / expected.abs().max()).item()
    own = torch.finfo(played.problem.x.dtype).eps
    smaller = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}
    for dtype, name in smaller.items():
        eps = torch.finfo(dtype).eps
        if eps > 10 * own and eps / 10 < error < 4 * eps:
            return f" (relative error {error:.1g}, about what computing in {name} gives)"
    return ""
