"""What is asked of a GPU is asked so that workers can still be forked, and survives its absence."""

import os

import pytest

from lstm_bench.measure import machine
from lstm_bench.measure.machine import STATE, cuda_devices, device_state, facts, fingerprint


def a_gpu(device):
    return {"gpu": f"{device} of {os.getpid()}"}


def test_a_gpu_is_asked_about_in_a_process_apart(monkeypatch):
    """Whoever has woken CUDA can fork no workers that use it."""
    monkeypatch.setattr(machine, "_cuda", a_gpu)
    found = facts("cuda:0")
    assert found["gpu"].startswith("cuda:0 of ")
    assert found["gpu"] != f"cuda:0 of {os.getpid()}"
    assert fingerprint(found) != fingerprint(facts("cpu"))


def test_the_devices_are_counted_in_a_process_apart(monkeypatch):
    asked = []
    monkeypatch.setattr(machine, "apart", lambda function: asked.append(function) or 3)
    assert cuda_devices() == 3
    assert asked == [machine._cuda_devices]


def test_clocks_and_throttling_are_what_nvidia_smi_says(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '1980, 2619, 41, 120.5, 0x0000000000000004'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = device_state("cuda")
    assert found == dict(
        zip(STATE, ["1980", "2619", "41", "120.5", "0x" + "0" * 15 + "4"], strict=True)
    )
    program.write_text("#!/bin/sh\nexit 9\n")
    assert device_state("cuda") is None
    assert device_state("cpu") is None


@pytest.mark.cuda
def test_a_real_gpu_tells_its_clocks():
    assert set(device_state("cuda")) == set(STATE)
