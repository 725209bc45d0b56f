"""How far from the float64 reference is still right: the one table, with its reasons.

Errors are relative to the largest magnitude of the expected tensor (max-norm), so that a
tensor of tiny entries is not judged by their last digit.

float64 judges the *logic*. A wrong equation moves a result by far more than 1e-10 of its
size, and summation order by far less (at most some 1e-13 on the sizes used here).

Lower precisions judge the *arithmetic*, against a noise floor measured on the same data: the
reference's own equations run in that dtype. A candidate may sum in another order, so it is
given a factor over that floor, and a base amount for tensors on which the floor happened to be
lucky: 16 · ⌈log2(terms)⌉ · eps, four times oneDNN's rule for its own RNN tests
(benchdnn: 4 · ⌈log2(acc · T)⌉ · eps). The factor is 10 everywhere: with fewer than some 500
elements the floor itself varies by several times, and the mistakes looked for here are
hundreds of times the floor. Where a candidate seems off nevertheless, the floor is measured
again by moving every input of the reference by its last digit: terms that cancel (one hidden
unit, a gradient near zero) leave a sum of which nobody knows more digits than that.
"""

from __future__ import annotations

import math

import torch

LOGIC = 1e-10
"""Relative error that float64 may show."""

FACTOR = 10.0
"""How many times the noise floor a candidate may be off in lower precision."""

HOPELESS = 0.05
"""Where rounding alone moves the reference by more than this, the data proves nothing."""


TIMED = 5e-5
"""The relative error that a timed call may show in any precision below float64, if not more.

Questions between timed calls look for work that was left out, not for the last digits, which were
judged before; a right result that is refused there would be a false alarm. cuDNN's own activations
are off by 2e-5 of the largest entry (one step, one hidden row, on an H200); TF32, half precision
and the like, which save time, by 5e-4 and more.
"""


def base_amount(dtype: torch.dtype, terms: int) -> float:
    """The error allowed whatever the noise floor; ``terms``: see Problem.terms."""
    return 16 * max(1, math.ceil(math.log2(max(2, terms)))) * torch.finfo(dtype).eps


def allowed(dtype: torch.dtype, floor: float, terms: int) -> float:
    """The relative error allowed in ``dtype``, given the noise floor on the same data."""
    if dtype == torch.float64:
        return max(LOGIC, FACTOR * floor)
    return FACTOR * floor + base_amount(dtype, terms)
