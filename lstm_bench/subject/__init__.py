"""A name, ``module:Attribute`` or ``file.py:Attribute`` becomes a Subject: one uniform view.

Importing this package does not import torch; what it offers does, when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstm_bench.subject.instance import Instance
    from lstm_bench.subject.interface import Form, Interface, Slot
    from lstm_bench.subject.subject import Subject, open_subject

__all__ = ["Form", "Instance", "Interface", "Slot", "Subject", "open_subject"]

_PLACES = {
    "Instance": "instance",
    "Form": "interface",
    "Interface": "interface",
    "Slot": "interface",
    "Subject": "subject",
    "open_subject": "subject",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'lstm_bench.subject' has no attribute '{name}'")
    found = getattr(importlib.import_module(f"lstm_bench.subject.{_PLACES[name]}"), name)
    globals()[name] = found
    return found
