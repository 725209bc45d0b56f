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
    for features in (1, 4, 6, 10):  # a multiple can be taken for more steps
        x = torch.ones(3, 6, features, dtype=problem.x.dtype)
        if _accepts(instance, x, problem.state):
            raise Warned(f"x with {features} features is accepted where the input size is 5")


@check("validation")
def check_wrong_states(subject: Subject) -> None:
    """States of the wrong batch or hidden size are refused, neither broadcast nor cut."""
    needs_state(subject)
    instance, problem = posed(subject, Sizes(batch=3))
    right = torch.ones(3, 4, dtype=problem.x.dtype)
    for batch, hidden in ((1, 4), (2, 4), (3, 1), (3, 5), (1, 1), (4, 4), (6, 4), (3, 8)):
        wrong = torch.ones(batch, hidden, dtype=problem.x.dtype)
        for which, state in {
            "states": (wrong, wrong.clone()),
            "an initial hidden state h0": (wrong, right),
            "an initial cell state c0": (right, wrong),
        }.items():
            if _accepts(instance, problem.x, state):
                how = "cut to size" if batch > 3 or hidden > 4 else "broadcast"
                raise Warned(
                    f"{which} of size ({batch}, {hidden}) is accepted where (3, 4) is meant: "
                    f"a wrong state is {how} without a word"
                )
