"""Does it compute the LSTM's equations, and does every parameter do its part?"""

from __future__ import annotations

import torch

from lstm_bench.conformance import reference
from lstm_bench.conformance.agreement import compare, relative_error
from lstm_bench.conformance.checks.common import (
    Sizes,
    must_agree,
    needs_state,
    posed,
    told_as,
)
from lstm_bench.conformance.problem import Results, solve_instance
from lstm_bench.conformance.records import Failed, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Subject


@check("equations")
def check_one_step(subject: Subject) -> None:
    """One step from a random state gives the equations' h, c and y."""
    sizes = Sizes(batch=5, steps=1)
    instance, problem = posed(subject, sizes)
    got = solve_instance(instance, problem, gradients=False)
    must_agree(subject, got, problem, "after one step", gradients=False)


@check("equations")
def check_teacher_forced(subject: Subject) -> None:
    """Every single step is right when it starts from the reference's state."""
    needs_state(subject)
    instance, problem = posed(subject, Sizes(batch=3, steps=7))
    assert problem.state is not None
    wide = problem.to(torch.float64)
    trajectory = [wide.state, *reference.states(wide.parameters, wide.x, wide.state)]
    for t in range(problem.x.shape[1]):
        before = trajectory[t]
        assert before is not None
        h, c = (s.to(problem.x.dtype) for s in before)
        step = type(problem)(
            problem.parameters, problem.x[:, t : t + 1], (h, c), problem.cotangents
        )
        with torch.no_grad():
            got = Results(instance.run(step.x.clone(), (h.clone(), c.clone())))
        must_agree(subject, got, step, f"step {t}, from the right state", gradients=False)


@check("equations")
def check_sequence(subject: Subject) -> None:
    """A whole sequence is right at every step."""
    instance, problem = posed(subject, Sizes(steps=9))
    got = solve_instance(instance, problem, gradients=False)
    if "y" in got:
        expected = reference.run(
            problem.parameters.to(dtype=torch.float64), problem.x.double(), _wide(problem.state)
        ).y
        assert expected is not None
        for t in range(problem.x.shape[1]):
            if got["y"].shape != expected.shape:
                raise Failed(
                    f"the output has shape {tuple(got['y'].shape)} in canonical layout, "
                    f"expected {tuple(expected.shape)}"
                )
            error = relative_error(got["y"][:, t], expected[:, t])
            if error > (1e-8 if subject.dtype == torch.float64 else 1e-3):
                must_agree(subject, got, problem, f"wrong from step {t} on", gradients=False)
                break
    must_agree(subject, got, problem, "over a sequence of 9 steps", gradients=False)


def _wide(
    state: tuple[torch.Tensor, torch.Tensor] | None,
) -> tuple[torch.Tensor, torch.Tensor] | None:
    return None if state is None else (state[0].double(), state[1].double())


@check("equations")
def check_special_inputs(subject: Subject) -> None:
    """Steps of zeros, of ones, and repeated rows are steps like any other."""
    instance, problem = posed(subject, Sizes(batch=4, steps=6))
    x = problem.x.clone()
    x[:, 2] = 0.0
    x[1] = 0.0
    x[2, 4] = 1.0
    x[3] = x[0]
    special = type(problem)(problem.parameters, x, problem.state, problem.cotangents)
    got = solve_instance(instance, special, gradients=False)
    must_agree(
        subject, got, special, "with a step of zeros and repeated rows in x", gradients=False
    )


@check("equations")
def check_not_vacuous(subject: Subject) -> None:
    """Zeros, a constant and the last output repeated would have failed the same comparison."""
    instance, problem = posed(subject)
    got = solve_instance(instance, problem, gradients=False)
    with told_as("the comparison"):
        for name, fake in _fakes(got).items():
            if not compare(fake, problem, gradients=False)[0]:
                raise Failed(f"{name} would have passed the comparison: it proves nothing")


def _fakes(got: Results) -> dict[str, Results]:
    fakes = {
        "zeros": Results({n: torch.zeros_like(t) for n, t in got.items()}),
        "a constant": Results({n: torch.full_like(t, t.mean().item()) for n, t in got.items()}),
    }
    if "y" in got:
        last = got["y"][:, -1:].expand_as(got["y"])
        fakes["the last output at every step"] = Results({**got, "y": last})
    return fakes


@check("parameters")
def check_probing(subject: Subject) -> None:
    """What finding the parameters showed: all at work, each once, none by a wrong name."""
    failures = [f.sentence for f in subject.findings if f.level == "fail"]
    if failures:
        raise Failed("; ".join(failures))
    warnings = [f.sentence for f in subject.findings if f.level == "warning"]
    if warnings:
        raise Warned("; ".join(warnings))


@check("parameters")
def check_square_sizes(subject: Subject) -> None:
    """Where the input size equals the hidden size, and where all sizes are equal."""
    for sizes in (Sizes(input_size=4, hidden_size=4), Sizes(4, 4, 4, 4), Sizes(1, 1, 1, 1)):
        with told_as(f"{sizes}"):
            instance, problem = posed(subject, sizes)
            got = solve_instance(instance, problem)
        must_agree(subject, got, problem, str(sizes))
