"""Arguments of the wrong size get an error, not an answer."""

from __future__ import annotations

import torch
from torch import Tensor

from lstm_bench.conformance.checks.common import Sizes, needs_state, posed
from lstm_bench.conformance.records import Warned
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Instance, Subject


def _accepts(instance: Instance, x: Tensor, state: tuple[Tensor, Tensor] | None) -> bool:
    """Whether the call goes through, whatever comes out."""
    try:
        with torch.no_grad():
            instance.bind(x, state)()
    except Exception:
        return False
    return True


@check("validation")
def check_wrong_features(subject: Subject) -> None:
    """Too many or too few features in x are refused."""
    instance, problem = posed(subject)
    for features in (1, 4, 6):
        x = torch.ones(3, 6, features, dtype=problem.x.dtype)
        if _accepts(instance, x, problem.state):
            raise Warned(f"x with {features} features is accepted where the input size is 5")


@check("validation")
def check_wrong_states(subject: Subject) -> None:
    """States of the wrong batch or hidden size are refused, not broadcast."""
    needs_state(subject)
    instance, problem = posed(subject, Sizes(batch=3))
    for batch, hidden in ((1, 4), (2, 4), (3, 1), (3, 5), (1, 1)):
        state = torch.ones(batch, hidden, dtype=problem.x.dtype)
        if _accepts(instance, problem.x, (state, state.clone())):
            raise Warned(
                f"states of size ({batch}, {hidden}) are accepted where (3, 4) is meant: "
                "they are broadcast without a word"
            )
