"""Functions that others rely on: no subject's to replace, in a process that is timed.

Not that it would help: what is timed is compared and accounted for elsewhere. But who tries has
no speed.
"""

from __future__ import annotations

import builtins
import math
import os
import statistics
import sys
import time
from typing import Any

import torch

PLACES: dict[str, Any] = {
    "time": time,
    "builtins": builtins,
    "math": math,
    "statistics": statistics,
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.autograd": torch.autograd,
    "torch.cuda": torch.cuda,
    "torch.nn.functional": torch.nn.functional,
    "torch.nn.Module": torch.nn.Module,
    "torch.nn.LSTM": torch.nn.LSTM,
}
"""Where they stand. What is added there is nobody's harm; what was there must be what it was."""

Functions = dict[str, tuple[Any, Any]]


def functions() -> Functions:
    """Name → (the function, its code), of the harness's own clocks and stands too."""
    found: Functions = {}
    for place, holder in {**PLACES, **_ours()}.items():
        for name, value in vars(holder).items():
            if callable(value) and not isinstance(value, type(sys)):
                found[f"{place}.{name}"] = (value, getattr(value, "__code__", None))
    for name in ("time", "statistics", "builtins", "math"):
        found[f"the module {name}"] = (sys.modules.get(name), None)
    return found


def replaced(before: Functions) -> list[str]:
    """Names that no longer stand for what they stood for, or run other code."""
    now = functions()
    return [name for name, was in before.items() if name not in now or not _same(was, now[name])]


def _same(was: tuple[Any, Any], now: tuple[Any, Any]) -> bool:
    """Torch may replace its own functions: importing its compiler does."""
    if was[0] is now[0] and was[1] is now[1]:
        return True
    own = os.path.dirname(torch.__file__)
    return was[0] is not now[0] and getattr(now[1], "co_filename", "").startswith(own)


def _ours() -> dict[str, Any]:
    """Modules of ours that time, and the classes in them whose methods do."""
    found: dict[str, Any] = {}
    for name, module in sorted(sys.modules.items()):
        if name.startswith(("lstm_bench.measure", "lstm_bench.lab")):
            found[name] = module
            found |= {
                f"{name}.{cls.__name__}": cls
                for cls in vars(module).values()
                if isinstance(cls, type) and cls.__module__ == name
            }
    return found
