"""Are the loss curves one curve? Judged against the rounding of float32, measured on the spot.

All implementations start from the same weights and see the same batches, so in exact arithmetic
their curves would be equal. In float32 they part: every sum is rounded, every update starts
from weights that differ in their last digits, and training amplifies such differences, slowly
on a calm stretch and a thousandfold within a few updates where the loss jumps. No number set by
hand fits both, so the allowance is measured. The step-by-step reference is trained along, on
the same batches:

- in float64: what exact arithmetic gives, the curve that everyone is compared with;
- in float32, twice, once with its first weights moved by one unit in the last place: how far
  rounding alone carries *correct* equations away from the exact curve. That is the noise floor.
  Twice, because where training amplifies, one sample of the noise may be small by luck.

The floor at update n is the largest relative deviation up to n, since what has once parted may
cross again. What may be above it is :func:`lstm_bench.conformance.tolerances.allowed`, the
rule for every other comparison in float32. From where the allowance is hopelessly wide on (the
data proves nothing there), updates are not judged.

A curve shows whether the same thing is learned; it is no microscope. Early in training the
forget gate hardly matters, and an error of some per cent in its gradient stays below the
allowance for dozens of updates. Gradients are judged one by one in
:mod:`lstm_bench.conformance`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from lstm_bench.conformance import tolerances
from lstm_bench.conformance.records import Status


@dataclass(frozen=True)
class Coincidence:
    """The verdict, and what it rests on: one entry for each update that was compared.

    All deviations are relative to the float64 loss. ``judged``: how many updates counted.
    """

    status: Status
    message: str
    judged: int
    exact: list[float]
    floor: list[float]
    allowed: list[float]
    deviations: dict[str, list[float]]


def judge(
    curves: Mapping[str, Sequence[float]],
    exact: Sequence[float],
    rounded: Sequence[Sequence[float]],
    terms: int,
) -> Coincidence:
    """Compare losses by update with the float64 curve ``exact``.

    rounded: the reference's curves in float32. terms: the longest chain of additions in one
    update, for the base amount that is allowed whatever the floor.
    """
    compared = min(map(len, (exact, *rounded, *curves.values())))
    exact = list(exact[:compared])
    noise = zip(*(_deviations(curve, exact) for curve in rounded), strict=True)
    floor = list(itertools.accumulate(map(max, noise), max))
    allowed = [tolerances.allowed(torch.float32, f, terms) for f in floor]
    judged = sum(1 for _ in itertools.takewhile(lambda a: a < tolerances.HOPELESS, allowed))
    deviations = {name: _deviations(curve, exact) for name, curve in curves.items()}
    status, message = _verdict(deviations, floor, allowed, judged)
    return Coincidence(status, message, judged, exact, floor, allowed, deviations)


def _deviations(curve: Sequence[float], exact: Sequence[float]) -> list[float]:
    """Relative; infinite where either is not finite: a curve that left the numbers is no curve."""
    pairs = zip(curve, exact, strict=False)
    return [abs(got - e) / abs(e) if math.isfinite(got - e) else math.inf for got, e in pairs]


def _verdict(
    deviations: Mapping[str, Sequence[float]],
    floor: Sequence[float],
    allowed: Sequence[float],
    judged: int,
) -> tuple[Status, str]:
    if judged == 0:
        return Status.INCONCLUSIVE, (
            "whether the loss curves coincide cannot be told: rounding alone moves a correct "
            "float32 curve too far from the first update on"
            if allowed
            else "no update was compared: whether the loss curves coincide is not known"
        )
    for name, curve in deviations.items():
        for update, (deviation, limit) in enumerate(zip(curve[:judged], allowed, strict=False)):
            if deviation > limit:
                return Status.FAIL, (
                    f"the loss curves do NOT coincide: {name} is {deviation:.1e} off the float64 "
                    f"curve at update {update + 1}; noise floor {floor[update]:.1e}, "
                    f"allowed {limit:.1e}"
                )
    worst, name = max((max(curve[:judged]), name) for name, curve in deviations.items())
    span = f"the first {judged} updates" if judged > 1 else "the first update"
    beyond = "" if judged == len(allowed) else "; from there on rounding alone parts them too far"
    return Status.PASS, (
        f"the loss curves coincide within the rounding of float32 over {span}: {name} is at most "
        f"{worst:.1e} off the float64 curve; noise floor {floor[judged - 1]:.1e}, "
        f"allowed {allowed[judged - 1]:.1e}{beyond}"
    )
