"""Sequences of different lengths in one batch, and states that start anew, where a call is told so.

Which arguments say which steps count, and how, is found by what they do; see
:mod:`lstm_bench.conformance.lengths`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lstm_bench.conformance.checks.common import BASE_SEED
from lstm_bench.conformance.lengths import heard
from lstm_bench.conformance.records import Skipped, Told, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.conformance.stacks import NotUnderstoodError, right_scene
from lstm_bench.subject import Subject
from lstm_bench.subject.stacks import Offered, in_words


@check("lengths")
def check_different_lengths(subject: Subject) -> dict[str, str]:
    """What stands beyond a sequence's end plays no part, where the call is told of it."""
    return judge_lengths(subject, {}, 1, 1)


@check("lengths")
def check_different_lengths_in_stacks(subject: Subject) -> None:
    """The same in every layer, and in the backward direction, which starts at each own end."""
    offered = Offered.by(subject)
    options = ({} if offered.layers is None else offered.deeper(2)) | dict(offered.both_ways)
    if not options:
        raise Skipped("its constructor offers neither layers nor directions")
    layers, directions = 2 if offered.layers else 1, 2 if offered.both_ways else 1
    judge_lengths(subject, options, layers, directions)


def judge_lengths(
    subject: Subject, options: Mapping[str, Any], layers: int, directions: int
) -> dict[str, str]:
    """What each argument tells, in words, by its name. Raises Told with what is wrong of that,
    Warned with what is odd, Skipped where there is none.
    """
    try:
        scene = right_scene(subject, options, layers, directions, seed=1000 * BASE_SEED.get())
    except NotUnderstoodError as error:
        raise Skipped(str(error)) from None
    told = list(heard(scene))
    if not told:
        raise Skipped("it takes nothing that says which steps count")
    where = f"with {in_words(options)} and" if options else "with"
    facts = {h.telling.name or "x": ", ".join((str(h.telling.spelling), *h.facts)) for h in told}
    mistakes = [f"{where} {h.telling}, {said}" for h in told for said in h.mistakes]
    if mistakes:
        raise Told("; ".join(mistakes), facts=facts)
    remarks = [f"{where} {h.telling}, {said}" for h in told for said in h.remarks]
    if remarks:
        raise Warned("; ".join(remarks), facts=facts)
    return facts
