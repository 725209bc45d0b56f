"""Agreement on one size: values, states and every gradient against the float64 reference.

The precondition of every speed figure: no ratio between things that do not do the same work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from lstm_bench.conformance import tolerances
from lstm_bench.conformance.problem import Problem, Results, pose, solve_instance, solve_reference
from lstm_bench.errors import describe
from lstm_bench.subject import Subject


@dataclass(frozen=True)
class Deviation:
    """One tensor that is off: where it is worst, what was got and what was expected."""

    part: str
    where: tuple[int, ...]
    got: float
    expected: float
    error: float
    allowed: float

    def __str__(self) -> str:
        return (
            f"{self.part} at {list(self.where)}: got {self.got:.6g}, expected {self.expected:.6g} "
            f"(relative error {self.error:.2g}, allowed {self.allowed:.2g})"
        )


@dataclass(frozen=True)
class Agreement:
    """Whether a subject agrees with the reference on one size, and how far off it is."""

    agrees: bool
    message: str
    errors: Mapping[str, float]


def relative_error(got: Tensor, expected: Tensor) -> float:
    """Largest difference over the largest expected magnitude; infinite where one alone is NaN."""
    got, expected = got.double().cpu(), expected.double().cpu()
    if got.shape != expected.shape or bool((got.isfinite() != expected.isfinite()).any()):
        return float("inf")
    difference = (got - expected).abs().nan_to_num().max().item()
    scale = expected.abs().nan_to_num(posinf=0.0).max().item()
    return difference / scale if scale > 0 else (0.0 if difference == 0 else float("inf"))


def deviation(part: str, got: Tensor, expected: Tensor, limit: float) -> Deviation | None:
    """The worst entry of a tensor that is off by more than ``limit``, or None."""
    error = relative_error(got, expected)
    return None if error <= limit else _worst(part, got, expected, error, limit)


def _worst(part: str, got: Tensor, expected: Tensor, error: float, limit: float) -> Deviation:
    if got.shape != expected.shape:
        return Deviation(f"{part} (shape {tuple(got.shape)})", (), float("nan"), 0.0, error, limit)
    difference = (got.double() - expected.double()).abs().nan_to_num(nan=float("inf"))
    flat = int(difference.argmax())
    where = tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), expected.shape))
    return Deviation(part, where, got[where].item(), expected[where].item(), error, limit)


def compare(
    got: Mapping[str, Tensor], problem: Problem, *, gradients: bool = True
) -> tuple[list[Deviation], dict[str, float]]:
    """Every part of ``got`` against the reference on the same (already rounded) problem."""
    dtype = problem.x.dtype
    expected = solve_reference(problem.to(torch.float64), gradients=gradients)
    # In float64 the logic is judged, and the floor is the expectation itself.
    floor = expected if dtype == torch.float64 else solve_reference(problem, gradients=gradients)
    noise = {part: _noise(floor, expected, part) for part in got}
    errors = {part: relative_error(value, expected[part]) for part, value in got.items()}
    deviations = _beyond(got, expected, errors, noise, problem)
    if deviations and dtype != torch.float64:
        # Terms that cancel leave a sum that the last digit of an input moves by more than the
        # floor says, which is one draw of such an error and may have been lucky.
        moved = moved_by_rounding(problem, expected, gradients=gradients)
        noise = {part: max(noise[part], moved[part.split(" (")[0]]) for part in got}
        deviations = _beyond(got, expected, errors, noise, problem)
    return deviations, errors


def _noise(floor: Results, expected: Results, part: str) -> float:
    return 0.0 if floor is expected else relative_error(floor[part], expected[part])


def _beyond(
    got: Mapping[str, Tensor],
    expected: Results,
    errors: Mapping[str, float],
    noise: Mapping[str, float],
    problem: Problem,
) -> list[Deviation]:
    """The parts that are off by more than the noise floor allows."""
    limits = {part: tolerances.allowed(problem.x.dtype, noise[part], problem.terms) for part in got}
    return [
        _worst(part, value, expected[part], errors[part], limits[part])
        for part, value in got.items()
        if not errors[part] <= limits[part]
    ]


def moved_by_rounding(
    problem: Problem, expected: Results, *, gradients: bool, draws: int = 4
) -> dict[str, float]:
    """How far, relative, the reference itself moves when its inputs, and what its squashes give,
    move by their last digit. The last is what moves a gradient through a squash that is nearly
    flat: of 1 - a² little is left where a is almost 1.
    """
    eps, generator = torch.finfo(problem.x.dtype).eps, torch.Generator().manual_seed(3)
    exact = problem.to(torch.float64, "cpu")
    farthest = dict.fromkeys(expected, 0.0)

    def nudged(t: Tensor) -> Tensor:
        return t * (1 + eps * torch.randn(t.shape, generator=generator, dtype=t.dtype))

    for _ in range(draws):
        state = None if exact.state is None else (nudged(exact.state[0]), nudged(exact.state[1]))
        other = replace(
            exact, parameters=exact.parameters.map(nudged), x=nudged(exact.x), state=state
        )
        with _SquashesRounded(eps, generator):
            moved = solve_reference(other, gradients=gradients)
        for part in farthest:
            error = relative_error(moved[part], expected[part])
            farthest[part] = max(farthest[part], error)
    return farthest


class _SquashesRounded(TorchFunctionMode):
    """Meanwhile every tanh and sigmoid gives a value that is off by a last digit of some dtype."""

    def __init__(self, eps: float, generator: torch.Generator) -> None:
        super().__init__()
        self.eps, self.generator = eps, generator

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function not in (torch.tanh, torch.sigmoid):
            return function(*args, **(kwargs or {}))
        noise = torch.randn(args[0].shape, generator=self.generator, dtype=args[0].dtype)
        return _Rounded.apply(args[0], function is torch.tanh, self.eps * noise)  # type: ignore[no-untyped-call]


class _Rounded(torch.autograd.Function):
    """A squash whose value is moved, and whose derivative is taken from that value, as is usual."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, is_tanh: bool, noise: Tensor) -> Tensor:
        value = (torch.tanh(z) if is_tanh else torch.sigmoid(z)) * (1 + noise)
        ctx.save_for_backward(value)
        ctx.is_tanh = is_tanh
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (value,) = ctx.saved_tensors
        slope = 1 - value * value if ctx.is_tanh else value * (1 - value)
        return gradients[0] * slope, None, None


def agree(
    subject: Subject,
    *,
    input_size: int,
    hidden_size: int,
    batch: int,
    steps: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    seed: int = 0,
    gradients: bool = True,
) -> Agreement:
    """Check a subject on the very size that is about to be measured.

    An exception is no agreement; its first line is the message.
    """
    try:
        instance = subject.build(input_size, hidden_size, dtype=dtype, device=device)
        problem = pose(instance, batch=batch, steps=steps, seed=seed, dtype=dtype, device=device)
        got = solve_instance(instance, problem, gradients=gradients)
        deviations, errors = compare(got, problem, gradients=gradients)
    except Exception as error:  # a subject may raise anything, and that is the finding
        return Agreement(False, describe(error), {})
    message = "; ".join(str(d) for d in deviations[:2])
    return Agreement(not deviations, message, errors)
