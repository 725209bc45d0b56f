"""The four passes, as calls that a clock can be put around.

Whatever is not the pass itself stays outside: inputs are made beforehand and rotate, gradients
are cleared before, the forward of `backward` runs before, and results are checked after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lstm_bench.conformance.problem import Problem, pose
from lstm_bench.measure.workloads import Workload
from lstm_bench.subject import Instance, Subject

ROTATION = 4
"""How many different inputs take turns."""


@dataclass(frozen=True)
class TimedCall:
    """prepare: what must happen first, untimed. call: what is timed. check: raises if wrong."""

    prepare: Callable[[], Callable[[], Any]]
    check: Callable[[Any], None]


class WrongResultError(Exception):
    """A timed call gave a result that the verified one did not give."""


def make_pass(
    subject: Subject,
    workload: Workload,
    pass_name: str,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> TimedCall:
    """One pass of a subject on a workload. Passes: see workloads.PASSES."""
    instance = subject.build(workload.input_size, workload.hidden_size, dtype=dtype, device=device)
    problems = [
        pose(
            instance,
            batch=workload.batch,
            steps=workload.steps,
            seed=seed,
            dtype=dtype,
            device=device,
        )
    ]
    generator = torch.Generator().manual_seed(seed + 1)
    xs = [problems[0].x]
    for _ in range(ROTATION - 1):  # same parameters, other inputs
        xs.append(torch.randn(xs[0].shape, generator=generator).to(xs[0]))
    return _PASSES[pass_name](instance, problems[0], xs)


class _Rotation:
    def __init__(self, items: list[Any]) -> None:
        self._items = items
        self._next = 0

    def __call__(self) -> Any:
        self._next = (self._next + 1) % len(self._items)
        return self._items[self._next]


def _forward(instance: Instance, problem: Problem, xs: list[Tensor]) -> TimedCall:
    calls = _Rotation([instance.bind(x, problem.state) for x in xs])

    def prepare() -> Callable[[], Any]:
        call = calls()

        def timed() -> Any:
            with torch.inference_mode():
                return call()

        return timed

    return TimedCall(prepare, lambda result: _finite(_leaves(instance, result)))


def _training_forward(instance: Instance, problem: Problem, xs: list[Tensor]) -> TimedCall:
    calls = _Rotation([_training_call(instance, problem, x) for x in xs])

    def prepare() -> Callable[[], Any]:
        call, _ = calls()
        return call  # type: ignore[no-any-return]

    return TimedCall(prepare, lambda result: _finite(_leaves(instance, result)))


def _backward(instance: Instance, problem: Problem, xs: list[Tensor]) -> TimedCall:
    calls = _Rotation([_training_call(instance, problem, x) for x in xs])
    cotangents = _native_cotangents(instance, problem)

    def prepare() -> Callable[[], Any]:
        call, wanted = calls()
        outputs = _leaves(instance, call())
        return lambda: torch.autograd.grad(outputs, wanted, cotangents)

    return TimedCall(prepare, _finite)


def _step(instance: Instance, problem: Problem, xs: list[Tensor]) -> TimedCall:
    calls = _Rotation([_training_call(instance, problem, x) for x in xs])
    cotangents = _native_cotangents(instance, problem)

    def prepare() -> Callable[[], Any]:
        call, wanted = calls()
        return lambda: torch.autograd.grad(_leaves(instance, call()), wanted, cotangents)

    return TimedCall(prepare, _finite)


_PASSES = {
    "forward": _forward,
    "forward_train": _training_forward,
    "backward": _backward,
    "step": _step,
}


def _training_call(
    instance: Instance, problem: Problem, x: Tensor
) -> tuple[Callable[[], Any], list[Tensor]]:
    """The call with gradients wanted in x, both states and every parameter."""
    leaves = [x.detach().clone().requires_grad_()]
    state = None
    if problem.state is not None:
        h, c = (s.detach().clone().requires_grad_() for s in problem.state)
        state = (h, c)
        leaves += [h, c]
    return instance.bind(leaves[0], state), [*leaves, *instance.parameters()]


def _leaves(instance: Instance, result: Any) -> list[Tensor]:
    return [tensor for _, tensor in instance.native_leaves(result)]


def _native_cotangents(instance: Instance, problem: Problem) -> list[Tensor]:
    """dL/d of each of the module's own tensors, in its own layout, made once."""
    call, _ = _training_call(instance, problem, problem.x)
    result = call()
    tensors = _leaves(instance, result)
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(t.shape, generator=generator).to(t) for t in tensors]


def _finite(tensors: Any) -> None:
    for tensor in tensors:
        if not bool(torch.isfinite(tensor).all()):
            raise WrongResultError("a timed call gave NaN or infinity")
