"""Do time and batch stay what they are: no look ahead, no row that sees another?"""

from __future__ import annotations

from dataclasses import replace

import torch

from lstm_bench.conformance.checks.common import Sizes, posed, told_as
from lstm_bench.conformance.checks.state import _quietly
from lstm_bench.conformance.records import Failed, Skipped, Told
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Subject
from lstm_bench.subject.tensors import same


@check("batch_time")
def check_causality(subject: Subject) -> None:
    """An output does not depend on later inputs."""
    if not subject.interface.returns("y") or subject.interface.kind != "sequence":
        raise Skipped("it does not return a sequence")
    instance, problem = posed(subject, Sizes(steps=7))
    before = _quietly(instance, problem.x, problem.state)["y"]
    for t in (1, 4, 6):
        x = problem.x.clone()
        x[:, t:] += 1.5
        after = _quietly(instance, x, problem.state)["y"]
        if not same(after[:, :t], before[:, :t], dtype=x.dtype):
            raise Failed(
                f"outputs before step {t} change when inputs from step {t} on do: "
                "it looks ahead in time"
            )
        if same(after[:, t], before[:, t], dtype=x.dtype):
            raise Failed(f"the output at step {t} does not change when the input at step {t} does")


@check("batch_time")
def check_rows_apart(subject: Subject) -> None:
    """A row of the batch does not depend on other rows, in batches small and large."""
    for batch in (4, 40, 130):
        instance, problem = posed(subject, Sizes(batch=batch, steps=4))
        before = _quietly(instance, problem.x, problem.state)
        x = problem.x.clone()
        x[1] += 3.0
        after = _quietly(instance, x, problem.state)
        others = [b for b in range(batch) if b != 1]
        for part in before:
            if not same(after[part][others], before[part][others], dtype=x.dtype):
                raise Failed(
                    f"{part} of other rows changes when one row of a batch of {batch} does: "
                    "the batch is mixed"
                )


@check("batch_time")
def check_row_order(subject: Subject) -> None:
    """Permuting the rows of the batch permutes the results."""
    instance, problem = posed(subject, Sizes(batch=5))
    order = torch.tensor([3, 0, 4, 1, 2])
    before = _quietly(instance, problem.x, problem.state)
    state = None if problem.state is None else (problem.state[0][order], problem.state[1][order])
    after = _quietly(instance, problem.x[order], state)
    for part in before:
        if not same(after[part], before[part][order], dtype=problem.x.dtype):
            raise Failed(f"{part} of a permuted batch is not the permuted {part}")


@check("batch_time")
def check_nan_stays(subject: Subject) -> None:
    """NaN in one row reaches that row's results, and no other row's."""
    instance, problem = posed(subject, Sizes(batch=4))
    x = problem.x.clone()
    x[2, 1, 0] = float("nan")
    with told_as("with a NaN in x"):
        before = _quietly(instance, problem.x, problem.state)
        after = _quietly(instance, x, problem.state)
    others = [0, 1, 3]
    for part in before:
        if not same(after[part][others], before[part][others], dtype=x.dtype):
            raise Failed(f"a NaN in one row changes {part} of other rows")
    if not any(bool(after[part][2].isnan().any()) for part in after):
        raise Told("a NaN in the input does not reach any result: it is cleaned away")


@check("batch_time")
def check_infinity(subject: Subject) -> None:
    """An infinite cell state gives no finite cell state that hides it."""
    if not (subject.interface.takes_state and subject.interface.returns("c")):
        raise Skipped("it does not take and return a cell state")
    instance, problem = posed(subject, Sizes(steps=1))
    assert problem.state is not None
    c = problem.state[1].clone()
    c[0, 0] = float("inf")
    inf = replace(problem, state=(problem.state[0], c))
    assert inf.state is not None
    got = _quietly(instance, inf.x, inf.state)["c"]
    if bool(got[0, 0].isfinite()):
        raise Told(
            f"an infinite c0 gives a finite c ({got[0, 0].item():.4g}): "
            "it is clipped or cleaned away"
        )
