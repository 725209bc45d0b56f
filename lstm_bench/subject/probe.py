"""How is this module called, and what does it return? Found by what it does.

Every candidate call is tried on sizes that are all different. That it runs is no evidence:
wrong calls often do. So one row or one step is perturbed and what moves is looked at:

- an output that moves along one axis only, from the perturbed place on, tells time from batch;
- a state argument counts when perturbing it moves something;
- the cell state is the one of the two that can push a returned state beyond all bounds.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.nn.utils.rnn import PackedSequence

from lstm_bench.errors import describe
from lstm_bench.subject import axes as layout
from lstm_bench.subject.forms import (
    Call,
    Signature,
    signature_of,
    single_state_calls,
    stateful_calls,
    stateless_calls,
    tellings,
)
from lstm_bench.subject.interface import Form, Interface, Slot, Steps, fill, rebuild, slots
from lstm_bench.subject.results import (
    Leaf,
    Path,
    build_form,
    last_output,
    leaves_of,
    sequence_axes,
    slot_for,
    state_axes,
)

B, T, I, H = 7, 4, 5, 3  # noqa: E741 - the field's names; all different, none a multiple
MOVED = 1e-6
LAYOUTS = (("BTI", "TBI"), ("BIT",))
"""Layouts of x for sequences, the usual ones first."""
CELL_LAYOUTS = ("(BT)I", "I(BT)")
"""Layouts of one step's x: (B, I), or (I, B) for those that keep sequences as columns."""


@dataclass(frozen=True)
class Found:
    """An interface and how sure it is. states: how many given states have an effect (0 to 2)."""

    interface: Interface
    states: int
    recurrent: bool
    stateful_call: bool
    features: int | None = None
    effects: Mapping[str, bool] = field(default_factory=dict)
    single_state: bool = False
    own_states: bool = True
    """Whether each sequence of the batch is moved by its own state, as far as one is given."""

    @property
    def rank(self) -> tuple[bool, bool, int, bool, bool]:
        """Better readings leave no returned tensor unexplained and show more of a recurrence."""
        explained = all(slot.role != "?" for slot in slots(self.interface.result))
        return (explained, self.recurrent, self.states, self.own_states, self.stateful_call)

    @property
    def complete(self) -> bool:
        """No other reading can be better."""
        return self.rank[0] and self.recurrent and self.states == 2 and self.own_states


@contextlib.contextmanager
def safely() -> Iterator[None]:
    """Wrong guesses raise, also where torch would take the interpreter down.

    ``nn.LSTMCell`` (torch 2.13) lets an input of one axis pass beside a state of two, which is a
    segmentation fault where the sizes happen to be equal; ``nn.LSTM`` looks at no state beside a
    PackedSequence (pytorch#195803), and h and c of unlike numbers of layers end in memory that is
    nobody's (pytorch#173946).
    """

    def must_fit(module: nn.Module, given: tuple[Any, ...]) -> None:
        if len(given) < 2 or given[1] is None:
            return
        if isinstance(module, nn.LSTMCell):
            axes = {part.dim() for part in (given[0], *given[1])}
            if len(axes) > 1:
                raise ValueError("nn.LSTMCell was given an input and a state of unlike axes")
        if isinstance(module, nn.LSTM) and isinstance(given[0], PackedSequence):
            packed, state = given
            rows = packed.batch_sizes[0]
            if packed.sorted_indices is not None:  # of which it takes the rows that it needs
                rows = state[0].shape[1] if state[0].dim() == 3 else -1
            layers = module.num_layers * (1 + module.bidirectional)
            wide = (module.proj_size or module.hidden_size, module.hidden_size)
            for part, width in zip(state, wide, strict=True):
                if tuple(part.shape) != (layers, rows, width):
                    raise ValueError("nn.LSTM was given a state that is not its own")

    hook = register_module_forward_pre_hook(must_fit)
    try:
        yield
    finally:
        hook.remove()


class Probe:
    """One constructed module under probing."""

    def __init__(self, module: Any, seed: int = 0) -> None:
        self.module = module
        try:
            self._pristine = copy.deepcopy(module)
        except Exception:
            self._pristine = module
        self.signature: Signature = signature_of(module)
        self.errors: list[str] = []
        self.ran = 0  # calls
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(B, T, I, generator=generator) * 0.8
        self.h = torch.randn(B, H, generator=generator) * 0.5
        self.c = torch.randn(B, H, generator=generator) * 0.8

    def _untouched(self) -> Any:
        """A module that was not called before, where it can be copied."""
        if self._pristine is self.module:
            return self.module  # what cannot be copied has to do as it is
        return copy.deepcopy(self._pristine)

    def call(self, call: Call, **parts: Tensor) -> Any:
        """The module's result, or None where the call raises or gives no finite tensor."""
        given = {"x": self.x, "h": self.h, "c": self.c, **parts}
        given = {role: part.clone() for role, part in given.items()}  # some write into theirs
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # Some keep a default state made in one call for the next: they get a new life.
                module = self.module if call.states else self._untouched()
                result = module(*fill(call.arguments, given), **fill(call.keywords, given))
        except Exception as error:  # a wrong guess may raise anything
            self.errors.append(describe(error))
            return None
        self.ran += 1
        return result if any(True for _ in leaves_of(result, T)) else None

    # -- sequences -------------------------------------------------------------------------

    def sequence(self) -> Found | None:
        """The best reading as a layer over sequences (B, T, I) or (T, B, I).

        Where something required is not understood, it may have to be told which steps count.
        """
        best, plain = self._sequence(), self.signature
        if best is not None and (best.complete or not plain.required):
            return best
        for self.signature in tellings(plain):
            found = self._sequence() if self._runs() else None
            if found is not None and (best is None or found.rank > best.rank):
                best = found
            if best is not None and best.complete:
                break
        self.signature = plain
        return best

    def _runs(self) -> bool:
        """Whether some call without a state goes through, or nothing else is asked for."""
        calls = (c for axes in LAYOUTS[0] for c in stateless_calls(Slot("x", axes), self.signature))
        return bool(self.signature.unknown) or any(self.call(call) is not None for call in calls)

    def _sequence(self) -> Found | None:
        best: Found | None = None
        for candidates in LAYOUTS:
            for found in self._sequence_readings(candidates):
                if best is None or found.rank > best.rank:
                    best = found
                if best.complete:
                    return best
            if best is not None:
                break  # unusual layouts only where the usual ones give nothing
        return best

    def _sequence_readings(self, candidates: tuple[str, ...]) -> Iterator[Found]:
        stateless: dict[str, Call] = {}
        results: dict[str, Any] = {}
        for axes in candidates:
            for call in stateless_calls(Slot("x", axes), self.signature):
                result = self.call(call)
                if result is not None:
                    stateless[axes], results[axes] = call, result
                    break
        layouts = self._layouts(candidates, stateless, results)
        for axes in layouts:
            alone = stateless.get(axes)
            examples = list(self._examples(results.get(axes)))
            for call in stateful_calls(Slot("x", axes), self.signature, examples):
                reading = self._tolerant(self._read_sequence, call, alone, axes)
                if reading is not None:
                    yield reading
        for axes in layouts:
            if axes in stateless:
                reading = self._tolerant(self._read_sequence, None, stateless[axes], axes)
                if reading is not None:
                    yield reading
        for axes in layouts:
            for call in single_state_calls(Slot("x", axes), self.signature):
                reading = self._tolerant(self._read_sequence, call, stateless.get(axes), axes)
                if reading is not None:
                    yield replace(reading, single_state=True)

    def _layouts(
        self,
        candidates: tuple[str, ...],
        stateless: Mapping[str, Call],
        results: Mapping[str, Any],
    ) -> list[str]:
        """The layouts, the one in which the batch rows stay apart first, alone where sure."""
        shares = {
            axes: self._confinement(call, results[axes], axes) for axes, call in stateless.items()
        }
        ordered = sorted(candidates, key=lambda axes: -shares.get(axes, 0.0))
        others = max((shares.get(axes, 0.0) for axes in ordered[1:]), default=0.0)
        if shares.get(ordered[0], 0.0) > 0.99 and others < 0.9:
            return ordered[:1]
        return ordered

    def _confinement(self, call: Call, result: Any, axes: str) -> float:
        """Which share of a perturbation of row 3 stays in row 3: 1 where ``axes`` is right."""
        perturbed = self.call(call, x=self._with_step_changed(row=3, step=0))
        if perturbed is None:
            return 0.0
        shares = []
        before, after = list(leaves_of(result, T)), list(leaves_of(perturbed, T))
        for old, new in zip(before, after, strict=False):
            if old.tensor.shape != new.tensor.shape:
                return 0.0
            moved = (new.tensor.double() - old.tensor.double()).abs()
            for reading in sequence_axes(old, B, T):
                grid = layout.restore(moved, "BTK", reading, _sizes(old)).sum(-1)
                total = grid.sum().item()
                spread = grid[3, 1:].sum().item()
                if total > MOVED and spread > MOVED:
                    shares.append(grid[3].sum().item() / total)
            state = state_axes(old, B, H)
            if state is not None and not sequence_axes(old, B, T):
                rows = _rows(moved, state)
                total = rows.sum().item()
                shares.append(rows[3].item() / total if total > MOVED else 0.0)
        last = None if shares else last_output(before, B, H)
        if last is not None:
            rows = (_find(perturbed, last.path) - last.tensor).abs().sum(-1)
            total = rows.sum().item()
            shares.append(rows[3].item() / total if total > MOVED else 0.0)
        return max(shares, default=0.0)

    def _with_step_changed(self, row: int, step: int) -> Tensor:
        x = self.x.clone()
        x[row, step] += 1.0
        return x

    def _examples(self, result: Any) -> Iterator[Form]:
        """State forms that the module itself shows: what it returned, what its helpers make."""
        if isinstance(result, (tuple, list)) and len(result) >= 2:
            for part in (result[1], result[1:]):
                yield from _as_state_form(part)
        for name in dir(self.module):
            if any(word in name.lower() for word in ("init", "zero", "begin", "initial")) and any(
                word in name.lower() for word in ("hidden", "state", "hx")
            ):
                try:
                    yield from _as_state_form(getattr(self.module, name)(B))
                except Exception:
                    continue

    def _read_sequence(self, call: Call | None, alone: Call | None, axes: str) -> Found | None:
        main = call or alone
        if main is None:
            return None
        result = self.call(main)
        if result is None:
            return None
        effects = self._effects(call, result) if call is not None else {}
        if call is not None and not any(effects.values()) and not call.named:
            return None  # it ran, but nothing shows that it took a state
        if call is not None and alone is not None and _shapes(result) != _shapes(self.call(alone)):
            return None  # broadcasting made something else of it
        if call is not None and all(effects.values()):
            main = call = self._in_true_order(call, self.x)
            result = self.call(main)
        roles = self._sequence_roles(main, result, axes, bool(effects.get("c")))
        if roles is None:
            return None
        last = _is_last_alone(result, roles)
        return Found(
            interface=Interface(
                kind="last" if last else "sequence",
                arguments=(call or main).arguments,
                keywords=(call or main).keywords,
                stateless=None if alone is None else alone.arguments,
                stateless_keywords={} if alone is None else alone.keywords,
                result=build_form(result, roles),
                takes_state=call is not None,
                state_arguments=None if call is None else call.pair,
            ),
            states=sum(effects.values()),
            recurrent=self._confinement(main, result, axes) > 0,
            stateful_call=call is not None,
            features=_features(result, roles, 1 if last else T),
            effects=effects,
            own_states=self._own_states(self.call, main, result, effects),
        )

    def _effects(self, call: Call, result: Any) -> dict[str, bool]:
        """Whether perturbing each given state moves anything."""
        effects = {}
        for name in ("h", "c")[: call.states]:
            changed = getattr(self, name) + 0.7
            effects[name] = _moved(result, self.call(call, **{name: changed}))
        return effects

    def _own_states(
        self, run: Callable[..., Any], call: Call, result: Any, effects: Mapping[str, bool]
    ) -> bool:
        """Whether the state of row 3 alone moves something: all rows may be given row 0's."""
        for name in (name for name, moves in effects.items() if moves):
            changed = getattr(self, name).clone()
            changed[3] += 0.7
            if not _moved(result, run(call, **{name: changed})):
                return False
        return True

    def _sequence_roles(
        self, call: Call, result: Any, axes: str, has_c: bool
    ) -> dict[Path, Form] | None:
        """Roles of the leaves: the sequence of outputs, then the states."""
        leaves = list(leaves_of(result, T))
        sequences = [leaf for leaf in leaves if sequence_axes(leaf, B, T)]
        states = [
            leaf for leaf in leaves if leaf not in sequences and state_axes(leaf, B, H) is not None
        ]
        roles: dict[Path, Form] = {}
        alone = None if sequences else last_output(leaves, B, H)
        if alone is not None:
            states = [leaf for leaf in states if leaf.path != alone.path]
            roles[alone.path] = _step_output(alone)
        last: Tensor | None = None
        big = self.call(call, c=torch.full_like(self.c, 200.0)) if has_c else None
        for leaf in sequences:
            reading = self._sequence_axes(call, leaf, axes)
            unbounded = big is not None and _find(big, leaf.path).abs().max() > 20
            role = "cs" if unbounded and len(sequences) > 1 and len(states) == 0 else "y"
            if role == "y" and last is not None:
                continue
            if role == "y":
                grid = layout.restore(leaf.tensor, "BTK", reading, _sizes(leaf))
                last = grid[:, -1]
            roles[leaf.path] = slot_for(leaf, role, reading)
        if not roles and not states:
            return None
        return roles | self._state_roles(_state_pair(states), last, big)

    def _sequence_axes(self, call: Call, leaf: Leaf, axes: str) -> str:
        """The layout of a sequence leaf; for flattened rows, the order that keeps rows apart."""
        readings = sequence_axes(leaf, B, T)
        if len(readings) == 1:
            return readings[0]
        after = self.call(call, x=self._with_step_changed(row=3, step=0))
        if after is None:
            return readings[0]
        moved = (_find(after, leaf.path) - leaf.tensor).abs()
        grids = {r: layout.restore(moved, "BTK", r, _sizes(leaf)).sum(-1) for r in readings}
        return max(readings, key=lambda r: grids[r][3].sum().item())

    def _state_roles(self, states: list[Leaf], last: Tensor | None, big: Any) -> dict[Path, Form]:
        """H is the state that equals the last output; c the one without bounds."""
        readings = {leaf.path: state_axes(leaf, B, H) or "" for leaf in states}
        for leaf in states:
            if "2" in readings[leaf.path]:
                parts = layout.restore(leaf.tensor, "2BH", readings[leaf.path], _sizes(leaf))
                swapped = (
                    last is not None
                    and last.shape == parts[1].shape
                    and _close(parts[1], last)
                    and not _close(parts[0], last)
                )
                return {leaf.path: Slot("ch" if swapped else "hc", readings[leaf.path])}
        plain = {
            leaf.path: layout.restore(leaf.tensor, "BH", readings[leaf.path], _sizes(leaf))
            for leaf in states
        }
        if not plain:
            return {}
        order = list(plain)
        if len(order) == 2 and self._is_swapped(order, plain, last, big):
            order.reverse()
        return {p: Slot(role, readings[p]) for p, role in zip(order, ("h", "c"), strict=False)}

    @staticmethod
    def _is_swapped(
        order: list[Path], plain: Mapping[Path, Tensor], last: Tensor | None, big: Any
    ) -> bool:
        """Whether what comes first is the cell state."""
        first, second = (plain[p] for p in order)
        if last is not None and last.shape == first.shape:
            if _close(first, last):
                return False
            if _close(second, last):
                return True
        if big is None:
            return False
        sizes = [_find(big, p).abs().max().item() for p in order]
        return sizes[0] > 20 >= sizes[1]

    def _in_true_order(self, call: Call, x: Tensor) -> Call:
        """Swap h and c in the call where the first is the one that acts as the cell state."""
        if call.states < 2:
            return call
        growth = {}
        for name in ("h", "c"):
            pushed = self.call(call, x=x, **{name: torch.full((B, H), 200.0)})
            if pushed is None:
                return call
            growth[name] = max(leaf.tensor.abs().max().item() for leaf in leaves_of(pushed, T))
        return swap_states(call) if growth["h"] > 20 >= growth["c"] else call

    # -- single-step cells -----------------------------------------------------------------

    def cell(self) -> Found | None:
        """The best reading as a cell: one step, x (B, I)."""
        best: Found | None = None
        for axes in CELL_LAYOUTS:
            for found in self._cell_readings(Slot("x", axes)):
                if best is None or found.rank > best.rank:
                    best = found
                if best.complete:
                    return best
        return best

    def _cell_readings(self, x: Slot) -> Iterator[Found]:
        calls = stateless_calls(x, self.signature)
        alone = next((c for c in calls if self._step(c) is not None), None)
        examples = list(self._examples(None if alone is None else self._step(alone)))
        for call in stateful_calls(x, self.signature, examples):
            found = self._tolerant(self._read_cell, call, alone)
            if found is not None:
                yield found
        for call in single_state_calls(x, self.signature):
            found = self._tolerant(self._read_cell, call, alone)
            if found is not None:
                yield replace(found, single_state=True)

    def _tolerant(self, read: Callable[..., Found | None], *arguments: Any) -> Found | None:
        """A reading that cannot be carried through is no reading."""
        try:
            return read(*arguments)
        except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:
            self.errors.append(describe(error))
            return None

    def _step(self, call: Call, **parts: Tensor) -> Any:
        return self.call(call, **{"x": self.x[:, :1], **parts})

    def _read_cell(self, call: Call, alone: Call | None) -> Found | None:
        result = self._step(call)
        if result is None:
            return None
        effects = {}
        for name in ("h", "c")[: call.states]:
            changed = getattr(self, name) + 0.7
            effects[name] = _moved(result, self._step(call, **{name: changed}))
        if not any(effects.values()):
            return None
        if all(effects.values()):
            call = self._in_true_order(call, self.x[:, :1])
            result = self._step(call)
        roles = self._cell_roles(call, result, bool(effects.get("c")))
        if roles is None or not self._rows_apart(call, result):
            return None
        return Found(
            interface=Interface(
                kind="cell",
                arguments=call.arguments,
                keywords=call.keywords,
                stateless=None if alone is None else alone.arguments,
                stateless_keywords={} if alone is None else alone.keywords,
                result=build_form(result, roles),
                state_arguments=call.pair,
            ),
            states=sum(effects.values()),
            recurrent=True,
            stateful_call=True,
            features=_features(result, roles, 1),
            effects=effects,
            own_states=self._own_states(self._step, call, result, effects),
        )

    def _rows_apart(self, call: Call, result: Any) -> bool:
        """Perturbing row 3 of x must move something; a state returned has B rows."""
        x = self.x.clone()
        x[3] += 1.0
        return _moved(result, self._step(call, x=x[:, :1]))

    def _cell_roles(self, call: Call, result: Any, has_c: bool) -> dict[Path, Form] | None:
        leaves = list(leaves_of(result, 1))
        states = [leaf for leaf in leaves if state_axes(leaf, B, H) is not None]
        big = self._step(call, c=torch.full_like(self.c, 200.0)) if has_c else None
        if not states:
            return None
        pair = _state_pair(states)
        outputs = [leaf for leaf in states if leaf not in pair]
        if outputs:  # y beside (h, c), before or after it
            last = outputs[0].tensor.reshape(B, H)
            y = {outputs[0].path: _step_output(outputs[0])}
            return {**y, **self._state_roles(pair, last, big)}
        roles = self._state_roles(states, None, big)
        for leaf in leaves:  # an output of another width beside the two states
            if leaf not in states and leaf.tensor.dim() == 2 and leaf.tensor.shape[0] == B:
                roles = {leaf.path: _step_output(leaf)} | roles
                break
        return roles


def _is_last_alone(result: Any, roles: Mapping[Path, Form]) -> bool:
    """Whether the output is that of the last step alone: B rows, not B times T."""
    for leaf in leaves_of(result, T):
        slot = roles.get(leaf.path)
        if isinstance(slot, Slot) and slot.role == "y":
            return leaf.tensor.dim() == 2 and len(leaf.tensor) == B
    return False


def _features(result: Any, roles: Mapping[Path, Form], steps: int) -> int | None:
    """K, the width of the output; None where there is none."""
    for path, form in roles.items():
        slot = form.each if isinstance(form, Steps) else form
        if slot.role == "y":
            leaf = next(leaf for leaf in leaves_of(result, T) if leaf.path == path)
            return _sizes(leaf, steps)["K"]
    return None


def _state_pair(states: list[Leaf]) -> list[Leaf]:
    """Of several state-like tensors the state: one stacked tensor, or two that lie together."""
    stacked = [leaf for leaf in states if "2" in (state_axes(leaf, B, H) or "")]
    if stacked:
        return stacked[:1]
    if len(states) <= 2:
        return states
    by_parent: dict[Path, list[Leaf]] = {}
    for leaf in states:
        by_parent.setdefault(leaf.path[:-1], []).append(leaf)
    pairs = [leaves for leaves in by_parent.values() if len(leaves) == 2]
    return pairs[0] if len(pairs) == 1 else states[-2:]


def _step_output(leaf: Leaf) -> Slot:
    """A cell's output (B, K) is a sequence of one step."""
    axes = {2: "(BT)K", 3: "TBK" if leaf.tensor.shape[0] == 1 else "BTK"}[leaf.tensor.dim()]
    return Slot("y", axes)


def _shapes(result: Any) -> list[tuple[Path, tuple[int, ...]]]:
    return [(leaf.path, tuple(leaf.tensor.shape)) for leaf in leaves_of(result, T)]


def swap_states(call: Call) -> Call:
    """The same call with h and c changing places."""
    return replace(
        call,
        arguments=_swapped(call.arguments),
        keywords=_swapped(dict(call.keywords)),
        pair=None if call.pair is None else (call.pair[1], call.pair[0]),
    )


def _swapped(form: Any) -> Any:
    if isinstance(form, Slot):
        other = {"h": "c", "c": "h", "hc": "ch", "ch": "hc"}
        return replace(form, role=other.get(form.role, form.role))
    if isinstance(form, Mapping):
        return {k: _swapped(v) for k, v in form.items()}
    if isinstance(form, (tuple, list)):
        return rebuild(form, [_swapped(v) for v in form])
    return form


def _as_state_form(part: Any) -> Iterator[Form]:
    """A returned state as a form to hand back, h before c."""
    leaves = [leaf for leaf in leaves_of(part, T) if state_axes(leaf, B, H) is not None]
    if len(leaves) == 1 and "2" in (state_axes(leaves[0], B, H) or ""):
        yield build_form(part, {leaves[0].path: Slot("hc", state_axes(leaves[0], B, H) or "")})
    if len(leaves) == 2:
        slots: dict[Path, Form] = {
            leaf.path: Slot(role, state_axes(leaf, B, H) or "")
            for leaf, role in zip(leaves, ("h", "c"), strict=True)
        }
        yield build_form(part, slots)


def _sizes(leaf: Leaf, steps: int = T) -> dict[str, int]:
    """All sizes; K is what is left of an output's tensor beside B and T."""
    width = leaf.tensor.numel() // (B * steps)
    return {"B": B, "T": steps, "H": H, "I": I, "2": 2, "K": width}


def _rows(moved: Tensor, axes: str) -> Tensor:
    """How much each of the B rows of a state moved."""
    sizes = {"B": B, "H": H, "2": 2}
    canonical = "2BH" if "2" in axes else "BH"
    grid = layout.restore(moved, canonical, axes, sizes)
    return grid.sum(-1) if grid.dim() == 2 else grid.sum(-1).sum(0)


def _find(result: Any, path: Path) -> Tensor:
    for leaf in leaves_of(result, T):
        if leaf.path == path:
            return leaf.tensor
    raise KeyError(path)


def _moved(before: Any, after: Any) -> bool:
    """Whether any tensor of a result moved."""
    if after is None:
        return False
    pairs = zip(leaves_of(before, T), leaves_of(after, T), strict=False)
    return any(
        old.tensor.shape == new.tensor.shape and not _close(old.tensor, new.tensor)
        for old, new in pairs
    )


def _close(a: Tensor, b: Tensor) -> bool:
    return bool(torch.allclose(a.double(), b.double(), rtol=0, atol=MOVED, equal_nan=True))
