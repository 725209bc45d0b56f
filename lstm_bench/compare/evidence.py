"""Evidence about a difference, valid at every look.

What is observed: scores d₁, d₂, … of one cell, one a block, each the logarithm of (candidate's
time / baseline's time) from a fresh pair of processes whose slots a coin has assigned. For
identical code the coin makes each score symmetric about 0, whatever the machine does: drift,
bursts, heavy tails, processes that differ.

To show that the candidate is slower by more than a tolerance t, put x = d − t. Where it is not
slower, x is symmetric about 0 or lies lower, and

    e(x) = 2 / (1 + exp(−2 λ x)),    e(x) + e(−x) = 2,

has an expectation of at most 1, for any λ > 0 that is fixed before x is seen. A product of such
factors is a fair bet's capital: by Ville's inequality it ever reaches 1/α with a probability of
at most α, however long one looks and whenever one stops. λ = c / (size of the earlier x), and
the capital is the mean over several c, since nobody knows in advance how far off x will be. For
normal x with mean μ and deviation σ, λ = μ/σ² gives the likelihood ratio itself.

Several cells: the mean of their capitals is again a fair bet (the alarm), and the cells to be
named are those of e-BH.

Sources: Ville 1939; Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe
anytime-valid inference" (2023); Wang and Ramdas, "False discovery rate control with e-values"
(2022); Ramdas, Ruf, Larsson and Koolen on testing symmetry by betting (2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

STAKES = (1.0, 2.0, 4.0)
PRIOR_SIZE = 0.03
"""How large an x is thought to be before any was seen; it weighs as much as one block."""

REACH = 1.0
"""An x counts as no further off than so many sizes: one burst must not undo twenty blocks. As
the cut is the same on both sides, what is symmetric stays symmetric."""

Array = NDArray[np.float64]


class Bets:
    """Bets on several limits at once. limits: of any shape. above: on "the median lies above"."""

    def __init__(self, limits: Array, *, above: bool | NDArray[np.bool_] = True) -> None:
        self.limits = np.asarray(limits, dtype=float)
        self.sign = np.where(above, 1.0, -1.0)
        self._logs = np.zeros((len(STAKES), *self.limits.shape))
        self._squares = np.full(self.limits.shape, PRIOR_SIZE**2)
        self._seen = np.ones(self.limits.shape)

    def see(self, score: Array | float, where: Any = ...) -> None:
        """Take a score, of the bets at ``where`` only (all by default)."""
        size = np.sqrt(self._squares[where] / self._seen[where])
        sign = np.broadcast_to(self.sign, self.limits.shape)[where]
        x = np.clip(sign * (score - self.limits[where]), -REACH * size, REACH * size)
        for logs, stake in zip(self._logs, STAKES, strict=True):
            logs[where] += np.log(2.0) - np.logaddexp(0.0, -2.0 * stake * x / size)
        self._squares[where] += x**2
        self._seen[where] += 1

    @property
    def capital(self) -> Array:
        """What each bet has grown to; 1 at the start."""
        found: Array = np.exp(self._logs).mean(axis=0)
        return found


def capitals(scores: Sequence[float], limits: Array, *, above: bool = True) -> Array:
    """What bets on these limits have grown to over all the scores."""
    bets = Bets(limits, above=above)
    for score in scores:
        bets.see(score)
    return bets.capital


def interval(scores: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The medians that no bet has refuted, in log ratio; infinite while there are too few scores.

    Valid at every look, for each fixed median.
    """
    if not scores:
        return -np.inf, np.inf
    centre = float(np.median(scores))
    reach = 4 * max(float(np.ptp(scores)), 0.002)
    grid = centre + np.linspace(-reach, reach, 801)
    threshold = 2.0 / (1.0 - level)
    kept = (capitals(scores, grid) < threshold) & (capitals(scores, grid, above=False) < threshold)
    if not kept.any():  # one lies within two points of the grid
        return centre, centre
    low, high = grid[kept][0], grid[kept][-1]
    return (-np.inf if kept[0] else float(low)), (np.inf if kept[-1] else float(high))


def at_most(scores: Sequence[float], alpha: float) -> float:
    """The smallest limit that the median has been shown to lie below; infinite while there is none.

    In log ratio: the slowdown that could still be there, unseen.
    """
    if not scores:
        return float("inf")
    limits = float(np.median(scores)) + np.concatenate(
        [np.linspace(0.0, 0.3, 601), np.linspace(0.31, 1.5, 120)]
    )
    enough = np.flatnonzero(capitals(scores, limits, above=False) >= 1 / alpha)
    return float(limits[enough[0]]) if len(enough) else float("inf")


def named(grown: Mapping[int, float], alpha: float) -> set[int]:
    """The cells that e-BH names: of those, at most a share α is wrong on average."""
    order = sorted(grown, key=lambda cell: -grown[cell])
    total, best = len(order), 0
    for rank, cell in enumerate(order, 1):
        if grown[cell] >= total / (alpha * rank):
            best = rank
    return set(order[:best])
