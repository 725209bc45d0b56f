"""Precisions, devices and extreme numbers."""

from __future__ import annotations

from dataclasses import replace

import torch

from lstm_bench.conformance.agreement import compare
from lstm_bench.conformance.checks.common import Sizes, in_words, must_agree, posed, told_as
from lstm_bench.conformance.checks.state import _quietly
from lstm_bench.conformance.problem import Problem, solve_instance
from lstm_bench.conformance.records import Failed, Inconclusive, Skipped, Told, Unsupported, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.errors import describe
from lstm_bench.subject import Instance, Subject


@check("dtype_device")
def check_float32(subject: Subject) -> None:
    """float32 is as exact as float32 can be, in values, states and gradients."""
    for sizes in (Sizes(), Sizes(17, 20, 33, 40)):
        instance, problem = posed(subject, sizes, seed=20, dtype=torch.float32)
        got = solve_instance(instance, problem)
        for part, value in got.items():
            if value.dtype != torch.float32:
                raise Failed(f"in float32, {part} comes out as {value.dtype}")
        must_agree(subject, got, problem, "in float32")


@check("dtype_device")
def check_float64(subject: Subject) -> None:
    """float64 runs, with a given and with the default state, and stays float64."""
    if subject.dtype != torch.float64 and _takes_float64(subject):
        raise Told("given float64 it computes in float32 inside: results are no more exact")
    instance = subject.build(5, 4, dtype=torch.float64)
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    h = torch.zeros(3, 4, dtype=torch.float64)
    ways: list[tuple[str, tuple[torch.Tensor, torch.Tensor] | None]] = []
    if subject.interface.takes_state:
        ways.append(("with a given state", (h, h.clone())))
    if subject.interface.stateless is not None or not subject.interface.takes_state:
        ways.append(("with the default state", None))
    for how, state in ways:
        try:
            found = _quietly(instance, x, state)
        except Exception as error:
            raise Warned(f"no float64 {how}: {describe(error)}") from error
        wrong = [f"{n} is {t.dtype}" for n, t in found.items() if t.dtype != torch.float64]
        if wrong:
            raise Told(f"float64 does not stay float64 {how}: {wrong[0]}")


def _takes_float64(subject: Subject) -> bool:
    """Whether float64 goes in and comes out, though probing found it to be float32 inside."""
    try:
        instance, problem = posed(subject, dtype=torch.float64)
        found = _quietly(instance, problem.x, problem.state)
    except Exception:  # that it raises is told below
        return False
    return all(t.dtype == torch.float64 for t in found.values())


@check("dtype_device")
def check_bfloat16(subject: Subject) -> None:
    """bfloat16, where it runs at all, stays bfloat16 and as exact as that can be."""
    try:
        instance, problem = posed(subject, seed=21, dtype=torch.bfloat16)
        got = solve_instance(instance, problem, gradients=False)
    except Exception as error:
        raise Unsupported(f"no bfloat16: {describe(error)}") from error
    wide = [n for n, t in got.items() if t.dtype != torch.bfloat16]
    if wide:
        raise Told(f"in bfloat16, {wide[0]} comes out as {got[wide[0]].dtype}")
    found = compare(got, problem, gradients=False)[0]
    if found:
        raise Warned(f"in bfloat16: {in_words(found)}")


@check("dtype_device")
def check_default_state_device(subject: Subject) -> None:
    """The default state is made where the parameters are; the meta device shows it."""
    if subject.interface.takes_state and subject.interface.stateless is None:
        raise Skipped("it requires a state")
    if subject.interface.kind == "cell":
        raise Skipped("a cell's own default is seen with float64")
    if any(spelling.kind == "lengths" for spelling in subject.interface.told):
        raise Skipped("it needs lengths, which lie on the CPU as torch's packing wants them")
    try:
        instance = subject.build(5, 4, device="meta")
        x = torch.empty(3, 4, 5, device="meta")
        given = subject.interface.takes_state
        if given:
            h = torch.empty(3, 4, device="meta")
            instance.bind(x, (h, h))()
    except Exception as error:
        if "on the expected device" in str(error) or "different devices" in str(error):
            text = "a tensor of its own stays on the CPU when the module moves to another device"
            raise Warned(f"{text}: {describe(error)}") from error
        raise Skipped(f"it does not run on the meta device at all: {describe(error)}") from error
    try:
        result = instance.bind(x, None)()
        devices = {t.device.type for _, t in instance.native_leaves(result)}
    except Exception as error:
        text = f"the default state is not where the parameters are: {describe(error)}"
        raise Warned(text) from error
    if devices != {"meta"}:
        raise Warned(f"with parameters on another device, results come from {devices}")


@check("numerics")
def check_useful_range(subject: Subject) -> None:
    """Gates driven to ±30 and cells to ±60 are right, gradients too, and finite in float32."""
    for dtype in dict.fromkeys((subject.dtype, torch.float32)):
        exact = dtype == subject.dtype
        instance, problem = posed(subject, Sizes(4, 5, 5, 4), seed=22, dtype=dtype)
        driven = _driven(instance, problem, 30.0)
        got = solve_instance(instance, driven)
        _must_be_finite(got, "with gates driven to ±30", dtype)
        if exact:
            _agree_but_for_dust(got, driven, "with gates driven to ±30")
        if driven.state is None:
            continue
        generator = torch.Generator().manual_seed(3)
        c = (torch.rand(driven.state[1].shape, generator=generator) * 120 - 60).to(driven.x)
        instance, problem = posed(subject, Sizes(4, 2, 5, 4), seed=23, dtype=dtype)
        assert problem.state is not None
        b = problem.parameters.b.clone()
        b[1] += 6.0  # open forget gates: what is large stays so
        kept = instance.load(replace(problem.parameters, b=b))
        large = replace(problem, parameters=kept, state=(problem.state[0], c[:4]))
        got = solve_instance(instance, large)
        _must_be_finite(got, "with cell states up to ±60, as counting brings about", dtype)
        if exact:
            must_agree(subject, got, large, "with cell states up to ±60")


def _must_be_finite(got: dict[str, torch.Tensor], words: str, dtype: torch.dtype) -> None:
    for part, value in got.items():
        if not bool(value.isfinite().all()):
            raise Failed(f"{words}, {part} is not finite in {str(dtype).removeprefix('torch.')}")


def _driven(instance: Instance, problem: Problem, size: float) -> Problem:
    """The same problem with biases (or inputs, where there is no bias) of this size."""
    generator = torch.Generator().manual_seed(17)
    signs = torch.randint(0, 2, problem.parameters.b.shape, generator=generator) * 2 - 1
    b = problem.parameters.b + size * signs.to(problem.parameters.b)
    return replace(problem, parameters=instance.load(replace(problem.parameters, b=b)))


def _agree_but_for_dust(got: dict[str, torch.Tensor], problem: Problem, words: str) -> None:
    """Saturated gates leave gradients near zero, whose last digits prove nothing."""
    found = [d for d in compare(got, problem)[0] if abs(d.got - d.expected) > 1e-6]
    if found:
        raise Failed(f"{words}: {in_words(found)}")


@check("numerics")
def check_far_range(subject: Subject) -> None:
    """Gates driven to ±100 and ±10000 stay finite, in float32 too."""
    for dtype in dict.fromkeys((subject.dtype, torch.float32)):
        for size in (100.0, 1e4):
            instance, problem = posed(subject, Sizes(4, 3, 5, 4), seed=24, dtype=dtype)
            driven = _driven(instance, problem, size)
            got = solve_instance(instance, driven)
            for part, value in got.items():
                if not bool(value.isfinite().all()):
                    raise Told(
                        f"it overflows: with gates driven to ±{size:.0f} in {dtype}, {part} is "
                        "NaN or infinite"
                    )


@check("numerics")
def check_long_accuracy(subject: Subject) -> None:
    """Over 200 steps in float32 the error stays near the equations' own."""
    if subject.interface.kind == "cell":
        raise Skipped("a cell knows no length")
    steps = 60 if subject.interface.kind == "last" else 200  # one call for each of them
    instance, problem = posed(subject, Sizes(2, steps, 5, 16), seed=25, dtype=torch.float32)
    with told_as(f"over {steps} steps in float32"):
        got = solve_instance(instance, problem)
    found, errors = compare(got, problem)
    if found and max(errors.values()) > 0.5 and min(errors.values()) < 1e-4:
        raise Inconclusive("rounding alone moves these results too much to say")
    must_agree(subject, got, problem, f"over {steps} steps in float32")
