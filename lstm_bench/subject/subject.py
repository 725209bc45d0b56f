"""A subject: whatever is under test, ours or a stranger's, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from impls.parameters import Parameters
from impls.registry import implementations
from lstm_bench.errors import UsageError
from lstm_bench.subject.instance import Instance
from lstm_bench.subject.interface import Interface, Slot

CONTRACT = Interface(
    kind="sequence",
    arguments=(Slot("x", "BTI"), (Slot("h", "BH"), Slot("c", "BH"))),
    keywords={},
    stateless=(Slot("x", "BTI"),),
    result=(Slot("y", "(TB)K"), (Slot("h", "BH"), Slot("c", "BH"))),
)


class _ContractMap:
    def load(self, module: Any, parameters: Parameters) -> Parameters:
        module.load_parameters(parameters)
        return parameters

    def gradients(self, module: Any) -> dict[str, torch.Tensor]:
        for parameter in module.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return dict(module.read_gradients().named())


@dataclass(frozen=True)
class Subject:
    """A name and how to build instances of any size."""

    name: str
    factory: Any
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def build(
        self,
        input_size: int,
        hidden_size: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> Instance:
        """A fresh module with these sizes, in this dtype, on this device."""
        module = self.factory(input_size, hidden_size, **self.kwargs).to(device=device, dtype=dtype)
        head_size = hidden_size if module.has_head else None
        return Instance(module, CONTRACT, _ContractMap(), input_size, hidden_size, head_size)


def open_subject(target: str, **kwargs: Any) -> Subject:
    """The subject called ``target``; kwargs go to its constructor. Raises UsageError."""
    known = implementations()
    if target not in known:
        raise UsageError(f"unknown implementation '{target}': choose from {', '.join(known)}")
    reason = known[target].unavailable()
    if reason is not None:
        raise UsageError(f"implementation '{target}' is not available here: {reason}")
    return Subject(target, known[target].load(), kwargs)
