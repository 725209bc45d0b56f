"""The four passes, as calls that a clock can be put around.

Whatever is not the pass itself stays outside: inputs are made beforehand and rotate, gradients
never accumulate, the forward of `backward` runs before, and results are checked after, against
those of an untimed call. A module that answers a timed call from memory, or otherwise than it
answered when it was checked, has no speed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lstm_bench.conformance import tolerances
from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.problem import Problem, pose
from lstm_bench.measure.clock import clock_for
from lstm_bench.measure.workloads import Workload
from lstm_bench.subject import Instance, Subject

ROTATION = 4
"""How many different inputs take turns."""

SPOTS = 256
"""How many entries of every tensor of a result are compared; all are checked to be finite."""


@dataclass(frozen=True)
class TimedCall:
    """prepare: what must happen first, untimed; gives the call to be timed.

    check: raises WrongResultError unless the result of the call that was prepared last is right.
    """

    prepare: Callable[[], Callable[[], Any]]
    check: Callable[[Any], None]


class WrongResultError(Exception):
    """A timed call gave a result that the verified one did not give."""


@dataclass(frozen=True)
class Setting:
    """A subject on one workload: a module with its parameters, and the inputs that take turns."""

    instance: Instance
    problem: Problem
    xs: list[Tensor]

    @property
    def head(self) -> bool:
        """Whether the module has an output layer, whatever the workload asked for."""
        return self.instance.head_size is not None


def set_up(
    subject: Subject,
    workload: Workload,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> Setting:
    """Build and load once what all four passes of a workload share.

    The first input is the one on which agreement with the reference is checked (same seed).
    """
    instance = subject.build(workload.input_size, workload.hidden_size, dtype=dtype, device=device)
    problem = pose(
        instance,
        batch=workload.batch,
        steps=workload.steps,
        seed=seed,
        dtype=dtype,
        device=device,
    )
    generator = torch.Generator().manual_seed(seed + 1)
    shape = problem.x.shape
    others = [torch.randn(shape, generator=generator) for _ in range(ROTATION - 1)]
    return Setting(instance, problem, [problem.x, *(x.to(problem.x) for x in others)])


def cold_start(
    subject: Subject,
    workload: Workload,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> dict[str, float]:
    """Wall-clock seconds to build the module and of its first forward call.

    Worth something only in a process that has not done the like before.
    """
    clock, size = clock_for(device), workload
    build, instance = clock.time(
        lambda: subject.build(size.input_size, size.hidden_size, dtype=dtype, device=device)
    )
    x = torch.randn(size.batch, size.steps, size.input_size).to(instance.parameters()[0])
    call = instance.bind(x, None)
    with torch.no_grad():
        first, _ = clock.time(call)
    return {"build_seconds": build, "first_call_seconds": first}


def with_cold_cache(timed_call: TimedCall, device: torch.device | str) -> TimedCall:
    """The same call on a CUDA device whose L2 cache holds nothing of it.

    Twice the cache's size is overwritten before each call, off the clock: weights that stay in a
    large cache from call to call are a benchmark's luck, not what a whole model meets.
    """
    size = torch.cuda.get_device_properties(device).L2_cache_size
    ballast = torch.empty(2 * size, dtype=torch.uint8, device=device)

    def prepare() -> Callable[[], Any]:
        call = timed_call.prepare()
        ballast.zero_()
        return call

    return TimedCall(prepare, timed_call.check)


def make_pass(setting: Setting, pass_name: str) -> TimedCall:
    """One pass of a subject on a workload. Passes: see workloads.PASSES."""
    return _PASSES[pass_name](setting)


def _forward(setting: Setting) -> TimedCall:
    def inference(turn: _Turn) -> Callable[[], Any]:
        # Without gradients wanted in x and the states, as somebody who only predicts calls it.
        call = setting.instance.bind(turn.wanted[0].detach(), setting.problem.state)

        def timed() -> Any:
            with torch.inference_mode():
                return call()

        return timed

    return _timed_call(setting, inference, lambda turn: turn.call(), values=True)


def _training_forward(setting: Setting) -> TimedCall:
    return _timed_call(setting, lambda turn: turn.call, lambda turn: turn.call(), values=True)


def _backward(setting: Setting) -> TimedCall:
    cotangents = _native_cotangents(setting)

    def backward(turn: _Turn) -> Callable[[], Any]:
        outputs = _leaves(setting.instance, turn.call())
        return lambda: _gradients(outputs, turn.wanted, cotangents)

    return _timed_call(setting, backward, lambda turn: backward(turn)(), values=False)


def _step(setting: Setting) -> TimedCall:
    cotangents = _native_cotangents(setting)

    def step(turn: _Turn) -> Callable[[], Any]:
        return lambda: _gradients(_leaves(setting.instance, turn.call()), turn.wanted, cotangents)

    return _timed_call(setting, step, lambda turn: step(turn)(), values=False)


_PASSES = {
    "forward": _forward,
    "forward_train": _training_forward,
    "backward": _backward,
    "step": _step,
}


@dataclass(frozen=True)
class _Turn:
    """One input's turn: the call on it, and the tensors in which a gradient is wanted."""

    call: Callable[[], Any]
    wanted: list[Tensor]


def _timed_call(
    setting: Setting,
    timed: Callable[[_Turn], Callable[[], Any]],
    untimed: Callable[[_Turn], Any],
    *,
    values: bool,
) -> TimedCall:
    """Let the inputs take turns, and compare each result with that of an untimed call on it."""
    turns = [_turn(setting, x) for x in setting.xs]

    def tensors(result: Any) -> Sequence[Tensor]:
        return _leaves(setting.instance, result) if values else result

    expected = [_spots(tensors(untimed(turn))) for turn in turns]
    _refuse_equal(expected)
    tolerance = tolerances.base_amount(setting.problem.x.dtype, setting.problem.terms)
    now = 0

    def prepare() -> Callable[[], Any]:
        nonlocal now
        now = (now + 1) % len(turns)
        return timed(turns[now])

    def check(result: Any) -> None:
        _compare(tensors(result), expected[now], tolerance)

    return TimedCall(prepare, check)


def _turn(setting: Setting, x: Tensor) -> _Turn:
    """The call with gradients wanted in x, both states and every parameter."""
    leaves = [x.detach().clone().requires_grad_()]
    state = None
    if setting.problem.state is not None:
        h, c = (s.detach().clone().requires_grad_() for s in setting.problem.state)
        state = (h, c)
        leaves += [h, c]
    call = setting.instance.bind(leaves[0], state)
    return _Turn(call, [*leaves, *setting.instance.parameters()])


def _leaves(instance: Instance, result: Any) -> list[Tensor]:
    return [tensor for _, tensor in instance.native_leaves(result)]


def _gradients(
    outputs: Sequence[Tensor], wanted: Sequence[Tensor], cotangents: Sequence[Tensor]
) -> list[Tensor]:
    """Of whatever is used; a parameter that plays no part has none, and that is no mistake.

    autograd.grad returns gradients where ``.backward()`` adds them to ``.grad``: there is
    nothing to clear between calls, and no addition on the clock.
    """
    found = torch.autograd.grad(outputs, wanted, cotangents, allow_unused=True)
    return [gradient for gradient in found if gradient is not None]


def _native_cotangents(setting: Setting) -> list[Tensor]:
    """dL/d of each of the module's own tensors, in its own layout, made once."""
    tensors = _leaves(setting.instance, _turn(setting, setting.xs[0]).call())
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(t.shape, generator=generator).to(t) for t in tensors]


@dataclass(frozen=True)
class _Spot:
    """Entries of a tensor, evenly spread over it, and its shape."""

    shape: torch.Size
    values: Tensor


def _spots(tensors: Sequence[Tensor]) -> list[_Spot]:
    found = []
    for tensor in tensors:
        stride = max(1, tensor.numel() // SPOTS) | 1  # odd: no column of an even width repeats
        found.append(_Spot(tensor.shape, tensor.detach().flatten()[::stride].clone()))
    return found


def _refuse_equal(expected: Sequence[Sequence[_Spot]]) -> None:
    first, *others = (torch.cat([spot.values for spot in spots]) for spots in expected)
    if all(torch.equal(first, other) for other in others):
        raise WrongResultError("different inputs gave the very same result")


def _compare(tensors: Sequence[Tensor], expected: Sequence[_Spot], tolerance: float) -> None:
    if [t.shape for t in tensors] != [e.shape for e in expected]:
        raise WrongResultError("a timed call's result has other shapes than the checked one's")
    for tensor, found, spot in zip(tensors, _spots(tensors), expected, strict=True):
        if not bool(torch.isfinite(tensor).all()):
            raise WrongResultError("a timed call gave NaN or infinity")
        error = relative_error(found.values, spot.values)
        if error > tolerance:
            raise WrongResultError(
                f"a timed call's result is not the checked one's (relative error {error:.2g}, "
                f"allowed {tolerance:.2g})"
            )
