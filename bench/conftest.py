"""Options and fixtures of the pytest-benchmark suite: ``pytest bench --help`` lists them."""

from __future__ import annotations

import functools
from dataclasses import asdict

import pytest
import torch

from impls.registry import implementations
from lstm_bench.conformance.agreement import agree
from lstm_bench.measure.clock import clock_for
from lstm_bench.measure.machine import facts, settle, use
from lstm_bench.measure.memory import peak_bytes
from lstm_bench.measure.passes import make_pass, set_up
from lstm_bench.measure.sampler import calibrate, quiet, take_sample, warm_up
from lstm_bench.measure.workloads import PASSES, PRESETS, Workload, grid
from lstm_bench.subject import open_subject


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lstm-bench", "LSTM benchmarks")
    group.addoption("--lstm-batch", default="1,8,32", help="batch sizes (default 1,8,32)")
    group.addoption("--lstm-hidden", default="128", help="hidden sizes (default 128)")
    group.addoption("--lstm-input", default="64", help="input sizes (default 64)")
    group.addoption("--lstm-steps", default="16", help="numbers of steps (default 16)")
    group.addoption("--lstm-preset", help=f"sizes by name instead: {', '.join(PRESETS)}")
    group.addoption("--lstm-impl", help="implementations, separated by commas (default: all)")
    group.addoption("--lstm-dtype", default="float32", help="float32, float64 or bfloat16")
    group.addoption("--lstm-threads", type=int, help="threads for the CPU (default: torch's)")
    group.addoption("--lstm-rounds", type=int, default=10, help="samples a benchmark (default 10)")


def pytest_configure(config: pytest.Config) -> None:
    """A mistake in an option is told in one line, before anything is collected."""
    _workloads(config)
    _implementations(config)
    _dtype(config)


def _dtype(config: pytest.Config) -> torch.dtype:
    name = config.getoption("--lstm-dtype")
    if name not in ("float32", "float64", "bfloat16"):
        raise pytest.UsageError(f"--lstm-dtype: no '{name}'; float32, float64 or bfloat16")
    return getattr(torch, name)


def _numbers(config: pytest.Config, name: str) -> tuple[int, ...]:
    text = config.getoption(name)
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise pytest.UsageError(f"{name}: '{text}' is not a list such as 1,8,32") from None
    if min(numbers) < 1:
        raise pytest.UsageError(f"{name}: every number must be 1 or more")
    return numbers


def _workloads(config: pytest.Config) -> tuple[Workload, ...]:
    preset = config.getoption("--lstm-preset")
    if preset is not None and preset not in PRESETS:
        raise pytest.UsageError(f"--lstm-preset: choose among {', '.join(PRESETS)}")
    if preset is not None:
        return PRESETS[preset].workloads
    names = ("--lstm-batch", "--lstm-steps", "--lstm-hidden", "--lstm-input")
    return grid(*(_numbers(config, name) for name in names))


def _implementations(config: pytest.Config) -> list[str]:
    known = implementations()
    wanted = config.getoption("--lstm-impl")
    names = list(known) if wanted is None else wanted.split(",")
    for name in names:
        if name not in known:
            raise pytest.UsageError(f"--lstm-impl: no '{name}'; choose among {', '.join(known)}")
    return names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Implementation × batch (and other sizes) × pass × device, with ids to read and to -k."""
    if "cell" not in metafunc.fixturenames:
        return
    metafunc.parametrize("device", ["cpu", "cuda"], scope="session")
    metafunc.parametrize("pass_name", PASSES, scope="session")
    metafunc.parametrize("workload", _workloads(metafunc.config), ids=lambda w: w.name)
    metafunc.parametrize("name", _implementations(metafunc.config))


@functools.cache
def _agreement(name: str, workload: Workload, device: str, dtype: torch.dtype) -> tuple[bool, str]:
    found = agree(
        open_subject(name, head=workload.head),
        input_size=workload.input_size,
        hidden_size=workload.hidden_size,
        batch=workload.batch,
        steps=workload.steps,
        dtype=dtype,
        device=device,
    )
    return found.agrees, found.message


class VirtualTime:
    """A timer for pytest-benchmark that shows what our own clock measured.

    One sample is taken by the same function as in ``lstm-bench run``, on the same clock (events
    on a GPU); this timer then moves on by just that much.
    """

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def cell(name, workload, pass_name, device, request):
    """Take the samples of one cell into pytest-benchmark's statistics."""
    reason = implementations()[name].unavailable()
    if reason is not None:
        pytest.skip(f"{name} is not available here: {reason}")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device: torch.cuda.is_available() is False")
    config = request.config
    dtype = _dtype(config)
    settle(device, config.getoption("--lstm-threads"))
    use(device)

    def measure() -> None:
        timer = VirtualTime()
        request.node.add_marker(pytest.mark.benchmark(timer=timer))
        benchmark = request.getfixturevalue("benchmark")  # reads the marker
        clock = clock_for(device)
        subject = open_subject(name, head=workload.head)
        right, why = _agreement(name, workload, device, dtype)
        assert right, f"{name} is incorrect on this size, so it has no speed: {why}"
        setting = set_up(subject, workload, dtype=dtype, device=device)
        timed = make_pass(setting, pass_name)
        inner = calibrate(timed, clock)
        warm_up(timed, clock, inner)
        benchmark.extra_info["lstm_bench"] = {
            "subject": name,
            "workload": workload.name,
            **asdict(workload),
            "pass": pass_name,
            "device": device,
            "dtype": config.getoption("--lstm-dtype"),
            "flops": workload.flops(pass_name),
            "agrees": True,
            "error": "",
            "peak_bytes": peak_bytes(timed, device),
            "inner": inner,
            "machine": facts(device),
        }

        def sample() -> None:
            timer.now += take_sample(timed, clock, inner)

        with quiet():
            benchmark.pedantic(sample, rounds=config.getoption("--lstm-rounds"), iterations=1)

    return measure
