"""Nothing random where nothing should be."""

from __future__ import annotations

import random

import torch

from lstm_bench.conformance.checks.common import posed, same
from lstm_bench.conformance.checks.gradients import _clones
from lstm_bench.conformance.checks.state import _quietly
from lstm_bench.conformance.records import Failed, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Subject


@check("randomness")
def check_determinism(subject: Subject) -> None:
    """Equal calls give equal results in evaluation mode, whatever the seed."""
    instance, problem = posed(subject, seed=40)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(_quietly(instance, problem.x, problem.state))
    for other in results[1:]:
        for part, value in results[0].items():
            if not same(other[part], value, dtype=problem.x.dtype):
                raise Failed(
                    f"equal calls give another {part} in evaluation mode: dropout or other "
                    "randomness stays on"
                )


@check("randomness")
def check_generators_untouched(subject: Subject) -> None:
    """A call draws no random numbers and sets no seed."""
    instance, problem = posed(subject, seed=41)
    torch.manual_seed(0x5EED_0F_1E57)  # nobody sets this very seed
    random.seed(0x5EED_0F_1E57)
    before, python = torch.get_rng_state(), random.getstate()
    with torch.no_grad():
        instance.run(problem.x.clone(), _clones(problem))
    if subject.interface.stateless is not None:
        instance, problem = posed(subject, seed=41, state=False)
        torch.set_rng_state(before)  # its construction drew from it
        with torch.no_grad():
            instance.run(problem.x.clone(), None)
    if not torch.equal(before, torch.get_rng_state()):
        raise Warned(
            "a call in evaluation mode draws from torch's global random generator, or seeds it"
        )
    if random.getstate() != python:
        raise Warned("a call in evaluation mode touches Python's random generator")
