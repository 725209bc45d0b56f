"""An instance: one module of one size, behind the uniform view.

Data goes in and comes out in canonical layout (x (B, T, I); h, c (B, H); outputs (B, T, K)),
whatever the module's own layout; `bind` and `trace` are apart so that a clock can be put
around the module's own call and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.subject.interface import Interface, Slot, fill, leaves, read, read_pairs, slots
from lstm_bench.subject.tensors import learnable

State = tuple[Tensor, Tensor]


class ParameterMap(Protocol):
    """How canonical parameters lie in a module's own tensors."""

    def load(self, module: Any, parameters: Parameters) -> Parameters:
        """Load, and return what the module now computes with (no bias there: zeros here)."""
        ...

    def gradients(self, module: Any, input_size: int, hidden_size: int) -> dict[str, Tensor]:
        """Gradients by canonical name (``W_i`` … ``b_h``), for what the module holds."""
        ...


class Instance:
    """A module with input_size I and hidden_size H, and how to talk to it."""

    def __init__(
        self,
        module: Any,
        interface: Interface,
        parameter_map: ParameterMap,
        input_size: int,
        hidden_size: int,
        head_size: int | None = None,
        *,
        lenient: bool = False,
    ) -> None:
        self.module = module
        self.interface = interface
        self.parameter_map = parameter_map
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.lenient = lenient
        self.head_size = head_size
        """K, the number of features that the output layer gives; None without one."""

    def parameters(self) -> list[Tensor]:
        """The tensors that the module computes with and that want a gradient."""
        return [t for t in learnable(self.module).values() if t.requires_grad]

    def load(self, parameters: Parameters) -> Parameters:
        """Take these values as far as the module holds them, and say what it computes with now.

        The answer differs from ``parameters`` where a module has no bias (zeros there) or a
        constant of its own (a forget bias of +1, say).
        """
        return self.parameter_map.load(self.module, parameters)

    def gradients(self) -> dict[str, Tensor]:
        """The parameters' ``.grad`` by canonical name (``W_i`` … ``b_h``), as far as held.

        A parameter without a gradient gives zeros, as autograd means it.
        """
        return self.parameter_map.gradients(self.module, self.input_size, self.hidden_size)

    def bind(self, x: Tensor, state: State | None) -> Callable[[], Any]:
        """The module's own call on x (B, T, I) and the state, with nothing left to convert.

        A cell becomes a loop over the steps, which is how a cell is used.
        """
        if self.interface.kind == "cell":
            return self._bind_cell(x, state)
        arguments, keywords = self.native(x, state)
        return lambda: self.module(*arguments, **keywords)

    def native(self, x: Tensor, state: State | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments and keywords of the module's own call."""
        interface = self.interface
        if state is None and interface.stateless is not None:
            parts = {"x": x}
            return fill(interface.stateless, parts), fill(dict(interface.stateless_keywords), parts)
        if state is None:
            zeros = x.new_zeros(x.shape[0], self.hidden_size)
            state = (zeros, zeros.clone())
        parts = {"x": x, "h": state[0], "c": state[1]}
        return fill(interface.arguments, parts), fill(dict(interface.keywords), parts)

    def _bind_cell(self, x: Tensor, state: State | None) -> Callable[[], Any]:
        steps = [x[:, t : t + 1] for t in range(x.shape[1])]

        def loop() -> Any:
            now, results = state, []
            for x_t in steps:
                arguments, keywords = self.native(x_t, now)
                results.append(self.module(*arguments, **keywords))
                parts = read(self.interface.result, results[-1], self._sizes(x_t.shape[0], 1))
                now = (parts["h"], parts["c"])
            return results

        return loop

    def _sizes(self, batch: int, steps: int) -> dict[str, int]:
        return {
            "B": batch,
            "T": steps,
            "H": self.hidden_size,
            "I": self.input_size,
            "K": self.head_size or self.hidden_size,
            "2": 2,
        }

    def native_leaves(self, result: Any) -> Iterator[tuple[Slot, Tensor]]:
        """The tensors of the module's own result that play a part, in their own layout."""
        if self.interface.kind == "cell":
            for step in result[:-1]:
                yield from ((s, t) for s, t in leaves(self.interface.result, step) if s.role == "y")
            yield from leaves(self.interface.result, result[-1])
        else:
            yield from leaves(self.interface.result, result)

    def trace(self, result: Any, batch: int, steps: int) -> dict[str, Tensor]:
        """The parts y, h and c of the module's own result, as far as there are any, canonical.

        Of what returns its last output alone, y is (B, 1, K).
        """
        if self.interface.kind != "cell":
            sizes = self._sizes(batch, 1 if self.interface.kind == "last" else steps)
            return read(self.interface.result, result, sizes, lenient=self.lenient)
        each = [read(self.interface.result, step, self._sizes(batch, 1)) for step in result]
        outputs = [parts["y"] if "y" in parts else parts["h"].unsqueeze(1) for parts in each]
        return {**each[-1], "y": torch.cat(outputs, dim=1)}

    def parts_of(
        self, pairs: Sequence[tuple[Slot, Tensor]], batch: int, steps: int
    ) -> dict[str, Tensor]:
        """The parts that the native leaves of a result hold, canonical.

        Linear in the leaves; of a cell that returns states alone there is no y among them.
        """
        if self.interface.kind != "cell":
            return read_pairs(
                pairs, self._sizes(batch, 1 if self.interface.kind == "last" else steps)
            )
        early = (steps - 1) * sum(slot.role == "y" for slot in slots(self.interface.result))
        sizes = self._sizes(batch, 1)
        parts = read_pairs(pairs[early:], sizes)
        if "y" in parts:
            before = [read_pairs([pair], sizes)["y"] for pair in pairs[:early]]
            parts["y"] = torch.cat([*before, parts["y"]], dim=1)
        return parts

    def given_leaves(
        self, arguments: tuple[Any, ...], keywords: dict[str, Any], *, stateless: bool
    ) -> list[tuple[Slot, Tensor]]:
        """The tensors among a call's own arguments, each with what it is."""
        form = self.interface
        if stateless and form.stateless is not None:
            forms = (form.stateless, dict(form.stateless_keywords))
        else:
            forms = (form.arguments, dict(form.keywords))
        return list(leaves(forms, (arguments, keywords)))

    def given_parts(
        self, pairs: Sequence[tuple[Slot, Tensor]], batch: int, steps: int
    ) -> dict[str, Tensor]:
        """x, h and c in canonical layout, of tensors laid out as the call's own arguments."""
        return read_pairs(pairs, self._sizes(batch, steps))

    def _last_of(self, x: Tensor, state: State | None) -> dict[str, Tensor]:
        return self.trace(self.bind(x, state)(), x.shape[0], x.shape[1])

    def run(self, x: Tensor, state: State | None = None) -> dict[str, Tensor]:
        """Call and read in one: x (B, T, I) → parts y (B, T, K), h (B, H), c (B, H).

        What returns its last output alone is run on every beginning of x.
        """
        if self.interface.kind == "last":
            each = [self._last_of(x[:, : t + 1], state) for t in range(x.shape[1])]
            return {**each[-1], "y": torch.cat([parts["y"] for parts in each], dim=1)}
        return self.trace(self.bind(x, state)(), x.shape[0], x.shape[1])
