"""What the checks share: posing a problem to a subject, comparing, and telling what is off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from lstm_bench.conformance.agreement import Deviation, compare
from lstm_bench.conformance.problem import Problem, Results, pose, solve_instance
from lstm_bench.conformance.records import Failed, Skipped
from lstm_bench.errors import describe
from lstm_bench.subject import Instance, Subject
from lstm_bench.theory.words.nouns import GATES


@dataclass(frozen=True)
class Sizes:
    """Pairwise different by default, so that no axis can pass for another."""

    batch: int = 3
    steps: int = 6
    input_size: int = 5
    hidden_size: int = 4

    def __str__(self) -> str:
        return (
            f"batch {self.batch}, steps {self.steps}, "
            f"input {self.input_size}, hidden {self.hidden_size}"
        )


USUAL = Sizes()


def build(subject: Subject, sizes: Sizes = USUAL, dtype: torch.dtype | None = None) -> Instance:
    """An instance in the dtype that judges logic: float64 where the subject runs in it."""
    return subject.build(sizes.input_size, sizes.hidden_size, dtype=dtype or subject.dtype)


BASE_SEED: ContextVar[int] = ContextVar("BASE_SEED", default=0)
"""Added to every check's seed: ``check --seed N`` draws other data."""


@lru_cache(maxsize=64)
def default_state_dtype(subject: Subject) -> torch.dtype:
    """The dtype that judges calls without a state: some make a float32 state whatever they are."""
    if not subject.interface.takes_state or subject.dtype != torch.float64:
        return subject.dtype
    instance = build(subject)
    try:
        with torch.no_grad():
            instance.run(torch.zeros(2, 2, instance.input_size, dtype=torch.float64))
    except Exception:
        return torch.float32
    return torch.float64


def posed(
    subject: Subject,
    sizes: Sizes = USUAL,
    *,
    seed: int = 0,
    state: bool = True,
    dtype: torch.dtype | None = None,
) -> tuple[Instance, Problem]:
    """An instance with a problem loaded into it."""
    dtype = dtype or (subject.dtype if state else default_state_dtype(subject))
    instance = build(subject, sizes, dtype)
    problem = pose(
        instance,
        batch=sizes.batch,
        steps=sizes.steps,
        seed=seed + 1000 * BASE_SEED.get(),
        state=state,
        dtype=dtype,
    )
    return instance, problem


def deviations(
    subject: Subject,
    sizes: Sizes = USUAL,
    *,
    seed: int = 0,
    state: bool = True,
    gradients: bool = False,
    dtype: torch.dtype | None = None,
) -> list[Deviation]:
    """What is off on one problem of these sizes."""
    instance, problem = posed(subject, sizes, seed=seed, state=state, dtype=dtype)
    got = solve_instance(instance, problem, gradients=gradients)
    return compare(got, problem, gradients=gradients)[0]


def must_agree(
    subject: Subject,
    got: Results,
    problem: Problem,
    situation: str,
    *,
    gradients: bool = True,
) -> None:
    """Raise Failed with the first deviations, in words, where there are any."""
    found = compare(got, problem, gradients=gradients)[0]
    if found:
        raise Failed(f"{situation}: {in_words(found)}", script(subject, problem, gradients))


def in_words(found: Sequence[Deviation]) -> str:
    """The parts that are off and the worst entry of the first."""
    parts = [part_in_words(d.part) for d in found]
    others = f" (also {', '.join(dict.fromkeys(parts[1:6]))})" if len(found) > 1 else ""
    first = found[0]
    return f"{parts[0]} is wrong at {list(first.where)}: {_numbers(first)}{others}"


def _numbers(d: Deviation) -> str:
    if not d.where:
        return f"its shape is {d.part.partition('(shape ')[2].rstrip(')')}"
    return f"got {d.got:.6g}, expected {d.expected:.6g}"


def part_in_words(part: str) -> str:
    """``grad W_f`` → "the gradient of the forget gate's input weights (W_f)"."""
    name = part.split(" (")[0]
    gradient = name.startswith("grad ")
    name = name.removeprefix("grad ")
    plain = {
        "y": "the output sequence y",
        "h": "the final hidden state h_n",
        "c": "the final cell state c_n",
        "x": "the input x",
        "h0": "the initial hidden state h0",
        "c0": "the initial cell state c0",
        "W_h": "the output layer's weight",
        "b_h": "the output layer's bias",
    }
    if name not in plain:
        kind = {"W": "input weights", "U": "recurrent weights", "b": "bias"}[name[0]]
        plain[name] = f"the {GATES[name[-1]]}'s {kind} ({name})"
    return f"the gradient of {plain[name]}" if gradient else plain[name]


def needs_state(subject: Subject) -> None:
    """Skip where no state can be given."""
    if not subject.interface.takes_state:
        raise Skipped("it takes no state")


@contextmanager
def told_as(situation: str) -> Iterator[None]:
    """An exception inside is a failure in this situation."""
    try:
        yield
    except (Failed, Skipped):
        raise
    except Exception as error:
        raise Failed(f"{situation}: raised {describe(error)}") from error


def with_state(problem: Problem, h: Tensor, c: Tensor) -> Problem:
    return replace(problem, state=(h, c))


def script(subject: Subject, problem: Problem, gradients: bool) -> str:
    """A stand-alone script that shows a deviation on fresh data of the same sizes."""
    batch, steps, features = problem.x.shape
    hidden = problem.parameters.hidden_size
    kwargs = ", ".join(f"{k}={v!r}" for k, v in subject.kwargs.items())
    return f'''"""{subject.name} against the float64 reference of lstm-bench."""
import torch
from lstm_bench.conformance.agreement import agree
from lstm_bench.subject import open_subject

subject = open_subject({subject.name!r}{", " + kwargs if kwargs else ""})
found = agree(
    subject, input_size={features}, hidden_size={hidden}, batch={batch}, steps={steps},
    dtype={problem.x.dtype}, seed=0, gradients={gradients},
)
for part, error in found.errors.items():
    print(f"{{part:12}} relative error {{error:.2g}}")
assert found.agrees, found.message
'''
