"""A module at known parameters, and what one step of it gives."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor

from lstm_bench.subject.tensors import learnable

Call = Callable[..., Mapping[str, Tensor]]
Options = Mapping[str, Callable[[], tuple[Any, Call]]]
ROWS = 16


class Probe:
    """Single steps (or a few) of a module with random moderate parameters.

    call: x (B, T, I) and a state (h, c), each (B, H), or None → its parts y, h, c as far as it
    has them. options: by the name of a constructor's option, how it is built and called with
    another value for it.
    """

    def __init__(
        self,
        module: Any,
        sizes: tuple[int, int],
        call: Call | None,
        options: Options | None = None,
    ) -> None:
        self.module = module
        self.options = options or {}
        self.input_size, self.hidden_size = sizes
        self.call = call
        self.tensors = learnable(module)
        self.dtype = next((t.dtype for t in self.tensors.values()), torch.float32)
        self._generator = torch.Generator().manual_seed(5)
        self.x = self.normal(ROWS, 1, self.input_size)
        self.h = self.normal(ROWS, self.hidden_size) * 0.5
        self.c = self.normal(ROWS, self.hidden_size)
        with torch.no_grad():
            for tensor in self.tensors.values():
                tensor.copy_(self.normal(*tensor.shape) * 0.5)
        if not self._callable():
            self._call_directly()

    def _callable(self) -> bool:
        try:
            self.step()
        except Exception:  # whatever a stranger's module raises
            return False
        return True

    def _call_directly(self) -> None:
        """Where the call that is known does not run: a single state, in the usual layouts."""
        known, sizes = self.call, (self.input_size, self.hidden_size)
        for I, H in (sizes, sizes[::-1]):  # noqa: E741
            self.input_size, self.hidden_size = I, H
            self.x, self.h = self.normal(ROWS, 1, I), self.normal(ROWS, H) * 0.5
            self.c = self.normal(ROWS, H)
            for x_shape in ((ROWS, 1, I), (1, ROWS, I), (ROWS, I)):
                for h_shape in ((ROWS, H), (1, ROWS, H)):
                    self.call = _single_state_call(self.module, x_shape, h_shape)
                    if self._callable() and self._rows_apart():
                        return
        self.call, (self.input_size, self.hidden_size) = known, sizes

    def _rows_apart(self) -> bool:
        """Whether changing one row's input moves that row's state alone: rows are sequences."""
        x = self.x.clone()
        x[0] += 1
        moved = (self.step(x)["h"] != self.step()["h"]).any(dim=1)
        return bool(moved[0]) and not bool(moved[1:].any())

    def normal(self, *shape: int) -> Tensor:
        drawn = torch.randn(*shape, generator=self._generator, dtype=torch.float64)
        return drawn.to(self.dtype)

    @property
    def close(self) -> float:
        """How near is equal, in the module's dtype."""
        return 1e-9 if self.dtype == torch.float64 else 1e-5

    def step(
        self, x: Tensor | None = None, h: Tensor | None = None, c: Tensor | None = None
    ) -> dict[str, Tensor]:
        """One step's h and c (h from the output where no state is returned)."""
        parts = self.run(self.x if x is None else x, self.h if h is None else h, c)
        found = {name: parts[name].double() for name in ("h", "c") if name in parts}
        if "h" not in found:
            found["h"] = parts["y"][:, -1].double()
        return found

    def run(
        self, x: Tensor, h: Tensor | None = None, c: Tensor | None = None, *, state: bool = True
    ) -> Mapping[str, Tensor]:
        """All parts over a sequence. Raises where it cannot be called."""
        if self.call is None:
            raise ValueError("it cannot be called")
        given = None
        if state:
            given = (
                (self.h if h is None else h).clone(),
                (self.c if c is None else c).clone(),
            )
        with torch.no_grad():
            return self.call(x.clone(), given)

    @contextmanager
    def parameters(self, change: Callable[[str, Tensor], Tensor]) -> Iterator[None]:
        """For a while, every tensor is what ``change(name, tensor)`` gives."""
        kept = {name: tensor.detach().clone() for name, tensor in self.tensors.items()}
        try:
            with torch.no_grad():
                for name, tensor in self.tensors.items():
                    tensor.copy_(change(name, kept[name]))
            yield
        finally:
            with torch.no_grad():
                for name, tensor in self.tensors.items():
                    tensor.copy_(kept[name])

    def otherwise(self) -> Iterator[tuple[str, Probe]]:
        """The same module, at the same parameters, with another value for each option in turn."""
        for name, build in self.options.items():
            try:
                module, call = build()
                yield name, Probe(module, (self.input_size, self.hidden_size), call)
            except Exception:  # it does not take that value
                continue

    def same(self, a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
        """Whether two steps gave the same."""
        return all(self.equal(a[part], b[part]) for part in a)

    def equal(self, a: Tensor, b: Tensor) -> bool:
        return a.shape == b.shape and bool((a - b).abs().max() <= self.close * (1 + b.abs().max()))

    def named(self, pattern: str) -> str:
        """A parameter, a number kept as an attribute, or a constructor's argument of such a name.

        Supporting evidence: a word says what is meant, never what is done.
        """
        words = [*self.tensors, type(self.module).__name__]
        for part in _modules(self.module):
            words += [k for k, v in vars(part).items() if isinstance(v, (int, float)) and v]
        with suppress(TypeError, ValueError):  # where there is no signature to read
            words += list(inspect.signature(type(self.module)).parameters)
        return next((w for w in words if re.search(pattern, w, re.IGNORECASE)), "")


def _single_state_call(module: Any, x_shape: tuple[int, ...], h_shape: tuple[int, ...]) -> Call:
    """A single step of a module with one state, as a call of the uniform kind."""

    def call(x: Tensor, state: tuple[Tensor, Tensor] | None) -> dict[str, Tensor]:
        h = None if state is None else state[0].reshape(h_shape)
        result = module(x.reshape(x_shape), h)
        flat = result if isinstance(result, (tuple, list)) else (result,)
        size = h_shape[-1]
        found = next(t for t in flat if isinstance(t, Tensor) and t.numel() == ROWS * size)
        return {"h": found.reshape(ROWS, size)}

    return call


def _modules(module: Any) -> list[Any]:
    return list(module.modules()) if isinstance(module, torch.nn.Module) else [module]
