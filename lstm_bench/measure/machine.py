"""Facts of the machine and the versions that bear on speed. No names of people or hosts."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import lstm_bench
from lstm_bench.lab.worker import apart

VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "OMP_PROC_BIND",
    "GOMP_SPINCOUNT",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "ATEN_CPU_CAPABILITY",
    "NVIDIA_TF32_OVERRIDE",
    "CUDA_LAUNCH_BLOCKING",
)
"""Environment variables that change how fast torch is."""

STATE = (
    "clocks.sm",
    "clocks.mem",
    "temperature.gpu",
    "power.draw",
    "clocks_throttle_reasons.active",
)
"""What nvidia-smi is asked of a device beside every block: MHz, MHz, °C, W, a bit mask."""


def settle(device: torch.device | str, threads: int | None) -> None:
    """Set what a run fixes: threads, and no TF32. Does not wake CUDA, so one can still fork.

    cuDNN's recurrent kernels round float32 products to TF32's ten bits unless told not to, while
    plain matrix products do not: what was then compared would not be the same arithmetic, and
    no longer float32's. Call this before :func:`facts`, which records it.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def use(device: torch.device | str) -> None:
    """Make a CUDA device the current one, in the process that works on it."""
    if torch.device(device).type == "cuda":
        torch.cuda.set_device(torch.device(device).index or 0)


def cuda_devices() -> int:
    """How many CUDA devices torch sees; asked in a process apart."""
    return int(apart(_cuda_devices))


def device_state(device: torch.device | str) -> dict[str, str] | None:
    """A CUDA device's clocks, heat and throttling now, as nvidia-smi tells them; None otherwise."""
    found = torch.device(device)
    if found.type != "cuda":
        return None
    command = [
        "nvidia-smi", f"--id={found.index or 0}", f"--query-gpu={','.join(STATE)}",
        "--format=csv,noheader,nounits",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return dict(zip(STATE, (part.strip() for part in done.stdout.split(",")), strict=False))


def facts(device: torch.device | str = "cpu") -> dict[str, Any]:
    """Machine, versions, threads and precision settings."""
    found: dict[str, Any] = {
        "cpu": _cpu(),
        "cores": cores(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "lstm_bench": lstm_bench.__version__,
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "mkldnn": torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }
    if torch.device(device).type == "cuda":
        found |= apart(_cuda, str(device))
    return found


def busy() -> str | None:
    """A warning where other work competes for the cores, or None. Times are off then."""
    usable = cores() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load < 0.5 * usable:
        return None
    return (
        f"this machine is busy (load {load:.1f} on {usable} cores): absolute times will be off, "
        "and several threads fare worst, up to a hundred times slower; --threads 1 suffers least"
    )


def fingerprint(found: dict[str, Any]) -> str:
    """Equal for runs whose absolute times may be compared."""
    parts = ("cpu", "cores", "machine", "torch", "threads", "gpu", "float32_matmul_precision")
    text = json.dumps({part: found.get(part) for part in parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _cuda_devices() -> int:
    return torch.cuda.device_count()


def _cuda(device: str) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(device)
    return {
        "gpu": properties.name,
        "gpu_memory_gib": round(properties.total_memory / 2**30, 1),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }


def _cpu() -> str:
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int | None:
    """Cores this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None
