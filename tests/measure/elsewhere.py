"""A device that is not there: tensors that say they lie elsewhere, and refuse what lies here.

A GPU is at hand on few machines, and code that forgets to move a tensor passes on all others. Here
"meta", a device of torch's that every build has, holds values: each tensor on it wraps one on the
CPU, and an operator that is given tensors of both places raises what CUDA raises.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from lstm_bench.lab.wire import Line
from lstm_bench.measure import stand

DEVICE = "meta"

MOVE = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
"""The operators that may see tensors of both places."""


class Elsewhere(Tensor):
    """A tensor on the device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Elsewhere:
        made = Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(),
            dtype=held.dtype, device=DEVICE,
        )  # fmt: skip
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, operator, types, args=(), kwargs=None):
        return _ran(operator, args, kwargs or {})


class Device(TorchDispatchMode):
    """While this is entered, the device is there."""

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        return _ran(operator, args, kwargs or {})


@torch.inference_mode(False)  # of which wrappers know nothing
@torch.no_grad()  # what is recorded is the wrappers' affair
def _ran(operator: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [v for v in tree_leaves((args, kwargs)) if isinstance(v, Tensor)]
    there = any(isinstance(t, Elsewhere) for t in tensors)
    here = any(not isinstance(t, Elsewhere) and t.dim() > 0 for t in tensors)
    if there and here and operator not in MOVE:
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{DEVICE} and cpu! ({operator})"
        )
    wanted = kwargs.get("device")
    if wanted is not None:
        there, kwargs = torch.device(wanted).type == DEVICE, {**kwargs, "device": "cpu"}
    result = operator(*tree_map(_held, args), **tree_map(_held, kwargs))
    if any(r.alias_info is not None and r.alias_info.is_write for r in operator._schema.returns):
        return kwargs.get("out", args[0])  # in place: what was given is what is returned
    return tree_map(lambda v: Elsewhere(v) if there and isinstance(v, Tensor) else v, result)


def _held(value: Any) -> Any:
    return value.held if isinstance(value, Elsewhere) else value


def work(line: Line, parcel: dict[str, str], **conditions: Any) -> None:
    """A test stand in whose process the device is there, for an Examiner's ENTRY."""
    stand.PLAIN = (*stand.PLAIN, Elsewhere)
    with Device():
        stand.work(line, parcel, **conditions)
