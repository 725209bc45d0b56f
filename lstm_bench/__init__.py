"""Is this LSTM right, and how fast is it?

    from lstm_bench import check, parametrize_with_checks

Importing this package does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lstm_bench import own

if TYPE_CHECKING:
    from lstm_bench.api import check, parametrize_with_checks

__version__ = "0.1.0"
__all__ = ["__version__", "check", "parametrize_with_checks"]


def __getattr__(name: str) -> Any:
    if name in ("check", "parametrize_with_checks"):
        with own.ours():
            return getattr(importlib.import_module("lstm_bench.api"), name)
    raise AttributeError(f"module 'lstm_bench' has no attribute '{name}'")
