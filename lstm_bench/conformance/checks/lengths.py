"""Sequences of different lengths in one batch, and states that start anew, where a call is told so.

Which arguments say which steps count, and how, is found by what they do; see
:mod:`lstm_bench.conformance.lengths`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from lstm_bench.conformance.checks.common import BASE_SEED
from lstm_bench.conformance.lengths import Heard, heard, heard_again
from lstm_bench.conformance.records import Skipped, Told, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.conformance.stacks import NotUnderstoodError, Scene, right_scene
from lstm_bench.errors import describe
from lstm_bench.subject import Subject
from lstm_bench.subject.construct import settings_of
from lstm_bench.subject.stacks import Asked, Offered
from lstm_bench.subject.subject import subject_from


@check("lengths")
def check_different_lengths(subject: Subject) -> dict[str, str]:
    """What stands beyond a sequence's end plays no part, where the call is told of it."""
    return _told(_of_one_layer(subject), "with")


@check("lengths")
def check_different_lengths_in_stacks(subject: Subject) -> None:
    """The same in every layer, and in the backward direction, which starts at each own end."""
    offered = Offered.by(subject)
    shapes = ({"directions": 2}, {"layers": 2}, {"layers": 2, "directions": 2})
    stacks = [asked for shape in shapes if (asked := offered.stack(**shape)) is not None]
    if not stacks:
        raise Skipped("its constructor offers neither layers nor directions")
    for asked in stacks:
        judge_lengths(subject, asked)


@check("lengths")
def check_different_lengths_either_layout(subject: Subject) -> None:
    """The same in the other layout of batch and time, where the constructor offers both."""
    settings = settings_of(subject.factory, subject.recipe)
    if not isinstance(settings.get("batch_first"), bool):
        raise Skipped("its constructor has no batch_first")
    option = {"batch_first": not settings["batch_first"]}
    if not runs_rows_apart(subject):
        raise Skipped("it takes nothing that says which steps count")
    try:
        other = subject_from(subject.factory, subject.name, **{**subject.kwargs, **option})
    except Exception as error:
        raise Skipped(f"it cannot be judged so: {describe(error)}") from None
    _told(_of_one_layer(other), f"with {Asked(option)} and")


def judge_lengths(subject: Subject, asked: Asked) -> None:
    """Whether a stack heeds what its layers by themselves heed rightly. Raises Told with what is
    wrong, Warned with what is odd, Skipped where there is nothing to heed.
    """
    right = [h.telling for h in _of_one_layer(subject) if not h.mistakes and not h.remarks]
    if not right:
        raise Skipped("one layer takes nothing that says which steps count, or does not heed it")
    scene = _scene(subject, asked)
    _told([heard_again(scene, telling) for telling in right], f"with {asked} and")


def runs_rows_apart(subject: Subject) -> bool:
    """Whether it is told where each sequence ends, so that it may run them one by one."""
    try:
        return bool(_of_one_layer(subject))
    except Skipped:
        return False


@lru_cache(maxsize=16)
def _of_one_layer(subject: Subject) -> list[Heard]:
    return list(heard(_scene(subject, Asked())))


def _scene(subject: Subject, asked: Asked) -> Scene:
    if subject.interface.kind == "cell":
        raise Skipped("a cell knows no length")
    try:
        return right_scene(subject, asked, seed=1000 * BASE_SEED.get())
    except NotUnderstoodError as error:
        raise Skipped(str(error)) from None


def _told(told: Sequence[Heard], where: str) -> dict[str, str]:
    """What each argument tells, in words, by its name; raises what is wrong or odd."""
    if not told:
        raise Skipped("it takes nothing that says which steps count")
    facts = {h.telling.name or "x": ", ".join((str(h.telling.spelling), *h.facts)) for h in told}
    mistakes = [f"{where} {h.telling}, {said}" for h in told for said in h.mistakes]
    if mistakes:
        raise Told("; ".join(mistakes), facts=facts)
    remarks = [f"{where} {h.telling}, {said}" for h in told for said in h.remarks]
    if remarks:
        raise Warned("; ".join(remarks), facts=facts)
    return facts
