"""Options and fixtures of the pytest-benchmark suite: ``pytest bench --help`` lists them."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from impls.registry import implementations
from lstm_bench.measure.examiner import Examiner, Exams, Terms, spinning
from lstm_bench.measure.machine import cuda_devices, facts, settle
from lstm_bench.measure.sampler import calibrate
from lstm_bench.measure.workloads import PASSES, PRESETS, Workload, grid
from lstm_bench.subject.parcel import Parcel


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


class VirtualTime:
    """A timer for pytest-benchmark that shows what our own clock measured.

    One sample is taken by the same function as in ``lstm-bench run``, on the same clock (events
    on a GPU); this timer then moves on by just that much.
    """

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def exams():
    """Each workload's questions and answers, worked out once."""
    return Exams()


@pytest.fixture
def cell(name, workload, pass_name, device, request, exams):
    """Take the samples of one cell, in a process of its own, into pytest-benchmark's statistics."""
    reason = implementations()[name].unavailable()
    if reason is not None:
        pytest.skip(f"{name} is not available here: {reason}")
    if device == "cuda" and not cuda_devices():
        pytest.skip("no CUDA device: torch sees none")
    config = request.config
    threads = config.getoption("--lstm-threads") or torch.get_num_threads()
    settle(device, threads)
    terms = Terms(device, config.getoption("--lstm-dtype"), threads)

    def measure() -> None:
        timer = VirtualTime()
        request.node.add_marker(pytest.mark.benchmark(timer=timer))
        benchmark = request.getfixturevalue("benchmark")  # reads the marker
        with Examiner(Parcel(name, name), terms) as examiner:
            examiner.open(workload.head)
            examiner.sit(workload, exams)
            examiner.begin(pass_name)  # raises where the result is not the reference's
            inner = calibrate(examiner.take)
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
                "inner": inner,
                "machine": facts(device),
            }

            rounds = config.getoption("--lstm-rounds")
            left = iter(range(rounds)[::-1])

            def sample() -> None:
                if next(left) == 0:
                    examiner.last_one()
                timer.now += sum(examiner.take(inner)) / inner

            benchmark.pedantic(sample, rounds=rounds, iterations=1)
            examiner.finish()  # raises where the speed was not earned
            benchmark.extra_info["lstm_bench"]["peak_bytes"] = examiner.memory()
            examiner.leave(*spinning([examiner]))

    return measure
