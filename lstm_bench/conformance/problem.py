"""A problem: parameters, inputs, states and cotangents of one size, drawn from one seed.

The data is chosen to hide nothing. Weights are random and differ from gate to gate, at a scale
(about 1/√fan-in) where no gate saturates; h0 and c0 are random and differ; the three
cotangents are independent. Zero states would hide ignored states, equal weights would hide
permuted gates, one cotangent for all would hide a gradient that ignores one of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance import reference
from lstm_bench.conformance.reference import Cotangents, Trace
from lstm_bench.subject import Instance

State = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Problem:
    """x: (B, T, I); state: (h0, c0), each (B, H), or None; cotangents in the shapes of a Trace."""

    parameters: Parameters
    x: Tensor
    state: State | None
    cotangents: Cotangents

    @property
    def terms(self) -> int:
        """The length of the longest chain of additions: what rounding errors grow with."""
        batch, steps, features = self.x.shape
        return max(features + self.parameters.hidden_size, batch) * steps

    def to(self, dtype: torch.dtype, device: torch.device | str | None = None) -> Problem:
        """Rounded (or lifted, exactly) to ``dtype``."""

        def move(t: Tensor | None) -> Tensor | None:
            return None if t is None else t.to(dtype=dtype, device=device)

        state = None if self.state is None else tuple(move(s) for s in self.state)
        cot = self.cotangents
        return Problem(
            self.parameters.to(dtype=dtype, device=device),
            self.x.to(dtype=dtype, device=device),
            state,  # type: ignore[arg-type]
            Cotangents(move(cot.y), move(cot.h), move(cot.c)),
        )

    def with_cotangents(self, *names: str) -> Problem:
        """The same problem, with only the named cotangents (of y, h, c)."""
        kept = {n: getattr(self.cotangents, n) for n in names}
        return replace(self, cotangents=Cotangents(**kept))


def draw(
    input_size: int,
    hidden_size: int,
    batch: int,
    steps: int,
    *,
    seed: int,
    head_size: int | None = None,
    state: bool = True,
    dtype: torch.dtype = torch.float64,
) -> Problem:
    """Draw in float64 and round once to ``dtype``; lift with ``.to(torch.float64)`` to judge."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int, scale: float = 1.0) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64) * scale

    W = normal(4, input_size, hidden_size, scale=1 / math.sqrt(input_size))
    U = normal(4, hidden_size, hidden_size, scale=1 / math.sqrt(hidden_size))
    b = normal(4, hidden_size, scale=0.5) + torch.tensor([[0.3], [0.6], [-0.2], [0.1]])
    head: tuple[Tensor, ...] = ()
    if head_size is not None:
        scale = 1 / math.sqrt(hidden_size)
        head = (normal(hidden_size, head_size, scale=scale), normal(head_size, scale=0.5))
    h0, c0 = normal(batch, hidden_size, scale=0.5), normal(batch, hidden_size)
    problem = Problem(
        Parameters(W, U, b, *head),
        normal(batch, steps, input_size),
        (h0, c0) if state else None,
        Cotangents(
            normal(batch, steps, head_size or hidden_size),
            normal(batch, hidden_size, scale=2.0),
            normal(batch, hidden_size, scale=2.0),
        ),
    )
    return problem.to(dtype)


def pose(
    instance: Instance,
    *,
    batch: int,
    steps: int,
    seed: int,
    state: bool = True,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Problem:
    """Draw a problem that fits the instance, load its parameters, and return it as loaded.

    The problem's parameters are those that the instance computes with (zeros for a bias that
    it does not have), its state is None where the instance takes none.
    """
    problem = draw(
        instance.input_size,
        instance.hidden_size,
        batch,
        steps,
        seed=seed,
        head_size=instance.head_size,
        state=state and instance.interface.takes_state,
        dtype=dtype,
    ).to(dtype, device)
    returned = [part for part in ("y", "h", "c") if instance.interface.returns(part)]
    problem = problem.with_cotangents(*returned)  # no cotangent on what is not returned
    return replace(problem, parameters=instance.load(problem.parameters))


class Results(dict[str, Tensor]):
    """Values by part (``y``, ``h``, ``c``) and gradients as ``grad x``, ``grad W_f``, ….

    A part with a remark, such as ``grad b_f (in bias_hh)`` for the second of two biases, is
    expected to be what the part itself is.
    """

    def __missing__(self, part: str) -> Tensor:
        plain = part.split(" (")[0]
        if plain == part:
            raise KeyError(part)
        return self[plain]


def solve_reference(problem: Problem, *, gradients: bool = True) -> Results:
    """The reference's results, in the problem's dtype."""
    p, x, state = problem.parameters, problem.x, problem.state
    if not gradients:
        with torch.no_grad():
            return Results(reference.run(p, x, state).named())
    trace, found = reference.solve(p, x, state, problem.cotangents)
    return Results(trace.named() | {f"grad {name}": g for name, g in found.named().items()})


def solve_instance(instance: Instance, problem: Problem, *, gradients: bool = True) -> Results:
    """The instance's results on a problem posed to it (see :func:`pose`). Errors pass through."""
    x, state = problem.x.clone(), None
    if problem.state is not None:
        state = (problem.state[0].clone(), problem.state[1].clone())
    if not gradients:
        with torch.no_grad():
            return Results(instance.run(x, state))
    leaves = [x, *(state or ())]
    for leaf in leaves:
        leaf.requires_grad_()
    for parameter in instance.parameters():
        parameter.grad = None
    parts = instance.run(x, state)
    trace = Trace(parts.get("y"), parts.get("h"), parts.get("c"))
    problem.cotangents.loss(trace).backward()  # type: ignore[no-untyped-call]
    results = Results({name: part.detach() for name, part in trace.named().items()})
    for name, leaf in zip(("x", "h0", "c0"), leaves, strict=False):
        results[f"grad {name}"] = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    results.update({f"grad {name}": g for name, g in instance.gradients().items()})
    return results
