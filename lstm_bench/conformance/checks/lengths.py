"""Sequences of different lengths in one batch, and states that start anew, where a call is told so.

Which arguments say which steps count, and how, is found by what they do; see
:mod:`lstm_bench.conformance.lengths`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from lstm_bench.conformance.checks.common import BASE_SEED
from lstm_bench.conformance.lengths import Heard, heard, heard_again
from lstm_bench.conformance.records import Skipped, Told, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.conformance.stacks import NotUnderstoodError, Scene, right_scene
from lstm_bench.subject import Subject
from lstm_bench.subject.stacks import Offered, in_words


@check("lengths")
def check_different_lengths(subject: Subject) -> dict[str, str]:
    """What stands beyond a sequence's end plays no part, where the call is told of it."""
    return _told(_of_one_layer(subject), "with")


@check("lengths")
def check_different_lengths_in_stacks(subject: Subject) -> None:
    """The same in every layer, and in the backward direction, which starts at each own end."""
    offered = Offered.by(subject)
    if offered.layers is None and not offered.both_ways:
        raise Skipped("its constructor offers neither layers nor directions")
    if offered.both_ways:
        judge_lengths(subject, offered.both_ways, 1, 2)
    if offered.layers is not None:
        judge_lengths(subject, offered.deeper(2), 2, 1)
    if offered.both_ways and offered.layers is not None:
        judge_lengths(subject, {**offered.deeper(2), **offered.both_ways}, 2, 2)


def judge_lengths(
    subject: Subject, options: Mapping[str, Any], layers: int, directions: int
) -> None:
    """Whether a stack heeds what its layers by themselves heed rightly. Raises Told with what is
    wrong, Warned with what is odd, Skipped where there is nothing to heed.
    """
    right = [h.telling for h in _of_one_layer(subject) if not h.mistakes and not h.remarks]
    if not right:
        raise Skipped("one layer takes nothing that says which steps count, or does not heed it")
    scene = _scene(subject, options, layers, directions)
    _told([heard_again(scene, telling) for telling in right], f"with {in_words(options)} and")


def runs_rows_apart(subject: Subject) -> bool:
    """Whether it is told where each sequence ends, so that it may run them one by one."""
    try:
        return bool(_of_one_layer(subject))
    except Skipped:
        return False


@lru_cache(maxsize=16)
def _of_one_layer(subject: Subject) -> list[Heard]:
    return list(heard(_scene(subject, {}, 1, 1)))


def _scene(subject: Subject, options: Mapping[str, Any], layers: int, directions: int) -> Scene:
    try:
        return right_scene(subject, options, layers, directions, seed=1000 * BASE_SEED.get())
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
