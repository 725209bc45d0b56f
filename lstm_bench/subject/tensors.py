"""The tensors a module computes with: registered parameters, and those it forgot to register."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

EXACT = 1e-12
"""Two runs of one subject on the same numbers may differ by this much, relative, in float64."""


def learnable(module: Any) -> dict[str, Tensor]:
    """Name → tensor that wants a gradient. Unregistered ones are named by their attribute path.

    Plain tensors in attributes, lists and dicts count too: what is not registered is not
    trained, but it is still what the module computes with. Where nothing wants a gradient,
    everything counts.
    """
    found = held(module)
    buffers = {id(t) for t in module.buffers()} if isinstance(module, nn.Module) else set()
    registered = {id(t) for t in module.parameters()} if isinstance(module, nn.Module) else set()
    wanted = {n: t for n, t in found.items() if t.requires_grad or id(t) in registered}
    return wanted or {n: t for n, t in found.items() if id(t) not in buffers}


def held(module: Any) -> dict[str, Tensor]:
    """Name → tensor, buffers and plain constants too: all that a module computes with."""
    found: dict[str, Tensor] = {}
    if isinstance(module, nn.Module):
        found.update(module.named_parameters())
        found.update((n, t) for n, t in module.named_buffers() if t.is_floating_point())
    known = {id(t) for t in found.values()}
    for name, tensor in _plain(module, "", set()):
        if id(tensor) not in known:
            known.add(id(tensor))
            found[name] = tensor
    return found


def unregistered(module: Any) -> list[str]:
    """Names of tensors that require a gradient and are not among ``parameters()``."""
    registered = dict(module.named_parameters()) if isinstance(module, nn.Module) else {}
    return [name for name in learnable(module) if name not in registered]


def make_leaves(module: Any) -> None:
    """What was computed from a parameter at construction, and is kept as a plain tensor.

    It is what the module computes with, and gets a gradient of its own here. Views are left as
    they are: they move with what they are views of.
    """
    for _, tensor in _plain(module, "", set(), leaves=False):
        if not tensor._is_view():
            tensor.detach_().requires_grad_()


def _plain(
    holder: Any, prefix: str, seen: set[int], *, leaves: bool = True
) -> Iterator[tuple[str, Tensor]]:
    """Floating point tensors in attributes, lists and dicts: leaves of a graph, or the others."""
    if id(holder) in seen:
        return
    seen.add(id(holder))
    for name, value in _items(holder):
        path = f"{prefix}{name}"
        if isinstance(value, Tensor):
            if value.is_floating_point() and value.is_leaf == leaves:
                yield path, value
        elif isinstance(value, (list, tuple, Mapping, nn.Module)):
            yield from _plain(value, f"{path}.", seen, leaves=leaves)


def _items(holder: Any) -> list[tuple[str, Any]]:
    if isinstance(holder, torch.jit.ScriptModule):
        return []  # everything a scripted module holds is registered
    if isinstance(holder, Mapping):
        return [(str(k), v) for k, v in holder.items()]
    if isinstance(holder, (list, tuple)):
        return [(str(k), v) for k, v in enumerate(holder)]
    if isinstance(holder, nn.Module):
        own = [(k, v) for k, v in vars(holder).items() if not k.startswith("_")]
        return own + list(holder._parameters.items()) + list(holder._modules.items())
    return list(vars(holder).items()) if hasattr(holder, "__dict__") else []


def same(a: Tensor, b: Tensor, *, dtype: torch.dtype = torch.float64) -> bool:
    """Whether two results of one subject on the same numbers are the same."""
    if a.shape != b.shape or not torch.equal(a.isfinite(), b.isfinite()):
        return False
    scale = max(1.0, b.detach().abs().nan_to_num(posinf=0.0).max().item()) if b.numel() else 1.0
    slack = EXACT if dtype == torch.float64 else 64 * torch.finfo(dtype).eps
    difference = (a.detach() - b.detach()).abs().nan_to_num()
    return difference.numel() == 0 or difference.max().item() <= slack * scale
