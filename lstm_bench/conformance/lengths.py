"""Sequences of different lengths in one batch, and states that start anew: what a call makes of it.

A call may be told which steps count: by lengths, by a mask, or by x that comes packed. Which of its
arguments tell it that, and how, is found by what they do: where all steps count nothing may change,
and where they do not its results are the theory's, heeded rightly or in one of the ways that are
mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lstm_bench.conformance.stacks import B, Scene, T
from lstm_bench.errors import describe
from lstm_bench.subject.forms import MARKING, free, order_of, signature_of
from lstm_bench.subject.interface import told
from lstm_bench.subject.results import leaves_of
from lstm_bench.subject.spelled import PACKED, Spelled, Spelling, spellings
from lstm_bench.theory.marks import HEEDED, Marks, Misheard, misheard
from lstm_bench.theory.wiring import RIGHT

RAGGED = (5, 9, 2, 7, 3, 8, 4)
"""The lengths of a batch: all different, the first neither the longest nor the shortest."""

SORTED = tuple(sorted(RAGGED, reverse=True))

EDGES = {
    "all are of one length, shorter than the batch is long": (4,) * B,
    "all but one are of one step": (T, *[1] * (B - 1)),
}
"""Lengths at which code that is right in between may go wrong. The longest come first."""

ANEW = ((), (3,), (0,), (2, 6), (8,), (1,), (4, 5))
"""Before which steps each sequence starts anew."""

EVERY = Marks.until((T,) * B, T)

PROMISED = r"(^|_)len(gth)?s?$"
"""How an argument for lengths is called: to ignore them is a mistake, whatever it was meant for."""

OTHERS = "its results are not those of sequences that end there"

RESETS = r"reset|init|start|begin|first|done|anew|episode|terminal"
"""How what lets the state start anew is called: which of two mistakes with one effect it is."""


@dataclass(frozen=True)
class Telling:
    """The argument that says which steps count ("" for x itself), and how."""

    name: str
    spelling: Spelling

    def scene(self, plain: Scene, marks: Marks) -> Scene:
        """The scene in which it is told that."""
        order = order_of(signature_of(plain.stacked.module))
        interface = told(plain.stacked.interface, order, self.name, Spelled(self.spelling, marks))
        scene = plain.told(interface, marks)
        if self.spelling == PACKED:  # which leaves out what stands beyond the ends
            scene.x = torch.where(marks.counts[..., None], scene.x, 0.0)
        return scene

    def __str__(self) -> str:
        return f"`{self.name}`" if self.name else "x as a PackedSequence"


@dataclass(frozen=True)
class Heard:
    """What a call makes of one argument that says which steps count. facts: more of how."""

    telling: Telling
    mistakes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


def heard(plain: Scene) -> Iterator[Heard]:
    """Everything that a call can be told. plain: a scene whose results are right without it."""
    for name in ("", *free(plain.stacked.module, plain.stacked.interface)):
        found = _heard(plain, name, list(_neutral(plain, name)))
        if found is not None:
            yield found


def heard_again(plain: Scene, telling: Telling) -> Heard:
    """What a stack makes of an argument that its layers by themselves heed rightly."""
    found = _heard(plain, telling.name, [telling])
    if found is None or (found.remarks and not found.mistakes):
        return Heard(telling, (OTHERS,))
    return found


def _heard(plain: Scene, name: str, candidates: Sequence[Telling]) -> Heard | None:
    """What is made of one argument; None where nothing shows that it says which steps count."""
    scenes = [(telling, scene) for telling in candidates for scene in _ragged(plain, telling)]
    for telling, scene in scenes:
        if not _alike(scene.plain, plain.plain) and _explained(scene):
            return _all_of(plain, telling, scene)
    moved = [(t, s) for t, s in scenes if _moves(plain, s)]
    resets = bool(re.search(RESETS, name.lower()))
    moved.sort(key=lambda each: each[0].spelling.resets != resets)
    for telling, scene in moved:
        sentence = _mistaken(scene)
        if sentence is not None:
            return Heard(telling, (sentence,))
    if not scenes:
        return None
    telling, name = scenes[0][0], name.lower()
    if not name or re.search(PROMISED, name):
        what = OTHERS if moved else (
            "it has no effect: the returned states are those of the last step, not of each "
            "sequence's last valid one"
        )  # fmt: skip
        return Heard(telling, (what,))
    if re.search(MARKING, name):
        what = "it is not judged: what it does is none of the known ways" if moved else (
            "it has no effect on any result"
        )  # fmt: skip
        return Heard(telling, remarks=(what,))
    return None


def _moves(plain: Scene, scene: Scene) -> bool:
    """Whether a result is another than without it, with a state or without one."""
    if not _alike(scene.plain, plain.plain):
        return True
    return plain.given is not None and not _alike(scene.given, plain.given)


def _mistaken(scene: Scene) -> str | None:
    """The mistake that gives the results: best of all with a state given, too."""
    fitting = [
        wrong for wrong in _mistakes(scene, given=False)
        if scene.explained(RIGHT, wrong.heeding) is not None
    ]  # fmt: skip
    best = (wrong for wrong in fitting if scene.explained_given(wrong.heeding) is not None)
    found = next(best, None) or next(iter(fitting), None)
    return None if found is None else found.sentence


def _neutral(plain: Scene, name: str) -> Iterator[Telling]:
    """Ways to tell by this argument, of which those that say nothing change nothing."""
    for spelling in spellings() if name else (PACKED,):
        senses = (("counts", "goes on"), ("padding", "anew"))
        for ones in senses if spelling.kind == "mask" else (("counts",),):
            telling = Telling(name, replace(spelling, ones=ones[0]))
            scene = telling.scene(plain, EVERY)
            if _runs(scene) and (_alike(scene.plain, plain.plain) or _is_promised(telling)):
                yield from (Telling(name, replace(spelling, ones=one)) for one in ones)


def _is_promised(telling: Telling) -> bool:
    """Whether it can be nothing but lengths, so that it is wrong where nothing may change."""
    promised = not telling.name or re.search(PROMISED, telling.name.lower())
    return telling.spelling.kind != "mask" and bool(promised)


def _ragged(plain: Scene, telling: Telling) -> Iterator[Scene]:
    """The scene in which it is told of different lengths; sorted, where it takes no others."""
    if telling.spelling.resets:
        several = [Marks.starting(ANEW, T)]
    else:
        several = [Marks.until(lengths, T) for lengths in (RAGGED, SORTED)]
    for marks in several:
        scene = telling.scene(plain, marks)
        if _runs(scene):
            yield scene
            return


def _runs(scene: Scene) -> bool:
    try:
        _ = scene.plain
    except Exception:  # it takes no such thing
        return False
    return True


def _alike(one: Any, other: Any) -> bool:
    """Whether two results are the same up to rounding."""
    mine, theirs = (list(leaves_of(result, T)) for result in (one, other))
    return len(mine) == len(theirs) and all(
        a.tensor.shape == b.tensor.shape and torch.allclose(a.tensor, b.tensor, 1e-4, 1e-6)
        for a, b in zip(mine, theirs, strict=True)
    )


def _explained(scene: Scene) -> bool:
    """Whether the results are right, in the layout that they have otherwise."""
    found = scene.explained(RIGHT)
    return found is not None and found.layout == scene.layout


def _mistakes(scene: Scene, *, given: bool) -> Iterator[Misheard]:
    shape, marks = scene.assignment, scene.marks
    assert marks is not None
    return misheard(
        resets=bool(marks.anew.any()), layers=shape.layers, directions=shape.directions, given=given
    )


def _all_of(plain: Scene, telling: Telling, scene: Scene) -> Heard:
    """Of what is right without a state: with one, beyond the ends, its gradients, at the edges."""
    asked = (_with_state, _beyond, Scene.gradients)
    mistakes = next((said for ask in asked if (said := list(ask(scene)))), [])
    remarks: list[str] = []
    facts: list[str] = []
    marks = scene.marks
    assert marks is not None
    if not telling.spelling.resets:
        if marks.lengths == SORTED:
            facts.append("the longest first")
        for situation, wrong, raised in _at_the_edges(plain, telling):
            (remarks if raised else mistakes).append(f"where {situation}, {wrong}")
        if telling.spelling.kind == "mask":
            left = replace(marks, counts=marks.counts.flip(1))
            other = telling.scene(plain, left)
            either = _runs(other) and _explained(other)
            facts.append("padding on either side" if either else "padding after the end alone")
    return Heard(telling, tuple(mistakes), tuple(remarks), tuple(facts))


def _with_state(scene: Scene) -> Iterator[str]:
    """What is wrong where a state is given."""
    if scene.given is None:
        return
    for heeding, sentence in (
        (HEEDED, ""),
        *((wrong.heeding, wrong.sentence) for wrong in _mistakes(scene, given=True)),
    ):
        read = scene.explained_given(heeding)
        if read is not None and read.layout == scene.layout:
            if sentence:
                yield f"with a state given, {sentence}"
            return
    yield f"with a state given, {OTHERS}"


def _beyond(scene: Scene) -> Iterator[str]:
    """What moves with what stands beyond a sequence's end."""
    assert scene.marks is not None
    if bool(scene.marks.counts.all()):
        return
    other = scene.told(scene.stacked.interface, scene.marks)
    other.x = torch.where(scene.marks.counts[..., None], scene.x, scene.x + 1.5)
    before, after = (_parts(s) for s in (scene, other))
    for k, (mine, theirs) in enumerate(zip(before, after, strict=True)):
        if not scene.same(theirs, mine.double()):
            what = "a returned state moves" if k else "the output beyond a sequence's end moves"
            yield f"{what} with what stands in the padding"
            return


def _parts(scene: Scene) -> list[Tensor]:
    """The output, and every state."""
    path, y = scene.output(scene.plain)
    return [y, *(tensor for _, tensor in scene.states_in(scene.plain, path))]


def _at_the_edges(plain: Scene, telling: Telling) -> Iterator[tuple[str, str, bool]]:
    """Situations in which it goes wrong, what is wrong, and whether it says so by raising."""
    for situation, lengths in EDGES.items():
        scene = telling.scene(plain, Marks.until(lengths, T))
        try:
            _ = scene.plain
        except Exception as error:
            yield situation, f"it raised {describe(error)}", True
            continue
        if not _explained(scene):
            yield situation, OTHERS, False
