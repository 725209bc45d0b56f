"""Settings of a process that bear on what others compute and how fast: no subject's to change."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Any

import torch

SPEED = ("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "MALLOC_", "LD_", "CUDA_")
"""How variables begin that change how fast the processes are that are started with them."""


def settings() -> dict[str, Any]:
    """Name → value, in words that fit "it changes …"."""
    found = {
        "torch's default dtype": str(torch.get_default_dtype()),
        "torch's number of threads": torch.get_num_threads(),
        "torch's grad mode": torch.is_grad_enabled(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch's matmul precision": torch.get_float32_matmul_precision(),
        "torch's default device": str(torch.get_default_device()),
        "how tiny numbers are rounded": _keeps_denormals(),
        "whether garbage is collected": gc.isenabled(),
        "what Ctrl-C does": str(signal.getsignal(signal.SIGINT)),
        "how long a thread may keep the interpreter": sys.getswitchinterval(),
        "whether oneDNN is used": bool(torch._C._get_mkldnn_enabled()),
        "the environment": {n: v for n, v in os.environ.items() if n.startswith(SPEED)},
    }
    if hasattr(os, "sched_getaffinity"):
        found["the cores it may use"] = sorted(os.sched_getaffinity(0))
        found["its scheduling"] = [os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)]
    return found


def changed(before: dict[str, Any]) -> list[str]:
    """Names of settings that are no longer what they were."""
    return [name for name, value in settings().items() if before.get(name) != value]


def _keeps_denormals() -> bool:
    tiny = torch.full((1,), torch.finfo(torch.float32).tiny)
    return bool((tiny * 0.5 != 0).item())
