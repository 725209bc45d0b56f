"""A subject: whatever is under test, ours or a stranger's, by name.

Everyone comes in by the same door. Nothing here knows an implementation of ours from a
stranger's class: each is constructed, called and mapped by what it does.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch

from lstm_bench.subject.construct import Recipe
from lstm_bench.subject.findings import Finding, findings
from lstm_bench.subject.forms import left_alone
from lstm_bench.subject.identify import Identified, identify, prepare
from lstm_bench.subject.instance import Instance
from lstm_bench.subject.interface import Interface
from lstm_bench.subject.load import load_target
from lstm_bench.subject.mapping import ProbedMap
from lstm_bench.subject.tensors import held


@dataclass(frozen=True, eq=False)
class Subject:
    """A name, how to build instances of any size, and what probing found."""

    name: str
    factory: Any
    recipe: Recipe
    interface: Interface
    parameter_map: ProbedMap
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    dtype: torch.dtype = torch.float64
    proven: bool = True
    certain: bool = True
    findings: tuple[Finding, ...] = ()

    def build(
        self,
        input_size: int,
        hidden_size: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> Instance:
        """A fresh module with these sizes, in this dtype, on this device, in evaluation mode."""
        module = prepare(self.recipe.build(self.factory, input_size, hidden_size), dtype, device)
        return Instance(
            module,
            self.interface,
            self.parameter_map,
            input_size,
            hidden_size,
            self._head_size(module),
        )

    def having(self, **options: Any) -> Subject:
        """The same with these arguments for its constructor, called and mapped as this one is."""
        keywords = {**self.recipe.keywords, **options}
        return replace(self, recipe=replace(self.recipe, keywords=keywords))

    def _head_size(self, module: Any) -> int | None:
        head = self.parameter_map.head
        if head.weight is None:
            return None
        return int(held(module)[head.weight].shape[0 if head.transposed else 1])

    def handed_on(self) -> bytes:
        """What probing found, for another process; empty where it cannot be written down.

        Whoever does not open it need not import what it names, such as a stranger's container.
        """
        fields = {n: getattr(self, n) for n in Subject.__dataclass_fields__ if n != "factory"}
        try:
            return pickle.dumps(fields)
        except Exception:
            return b""

    @classmethod
    def taken_over(cls, factory: Any, told: bytes) -> Subject:
        """The subject of a factory at hand, from what another process has found."""
        return cls(factory=factory, **pickle.loads(told))

    def describe(self) -> dict[str, str]:
        """The interface that was found, in words, part by part."""
        from lstm_bench.subject.words import interface_in_words

        return interface_in_words(self.recipe, self.interface, self.parameter_map, self.dtype)

    def left_alone(self) -> list[str]:
        """Optional arguments of its call that stay at their defaults: nothing is known of them."""
        try:
            module = self.build(5, 4).module
        except Exception:  # what cannot be built says so elsewhere
            return []
        return left_alone(module, self.interface.arguments, self.interface.keywords)


def open_subject(target: str, **kwargs: Any) -> Subject:
    """The subject called ``target``; kwargs go to its constructor.

    target: a registered name, ``package.module:Attribute`` or ``path/file.py:Attribute``.
    Raises CannotLoad (a UsageError), or NotAnLSTM, IsVariant or Ambiguous with the reasons.
    """
    return subject_from(load_target(target), target, **kwargs)


def subject_from(factory: Any, name: str, **kwargs: Any) -> Subject:
    """The same for a class or a factory at hand."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)  # as its authors meant it, whatever the caller's is
    try:
        found = _identify(factory, tuple(sorted(kwargs.items(), key=lambda item: item[0])))
    finally:
        if torch.get_default_dtype() == torch.float32:
            torch.set_default_dtype(before)
    return Subject(
        name,
        factory,
        found.recipe,
        found.interface,
        found.parameter_map,
        kwargs,
        found.dtype,
        found.proven,
        found.certain,
        findings(factory, found),
    )


def _identify(factory: Any, kwargs: tuple[tuple[str, Any], ...]) -> Identified:
    try:
        return _identify_once(factory, kwargs)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return identify(factory, dict(kwargs))


@lru_cache(maxsize=64)
def _identify_once(factory: Any, kwargs: tuple[tuple[str, Any], ...]) -> Identified:
    return identify(factory, dict(kwargs))
