"""From a factory to a Subject: construct, find the interface, find the parameters, prove it."""

from __future__ import annotations

import contextlib
import itertools
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_bench.errors import describe
from lstm_bench.subject import nudge
from lstm_bench.subject.complete import completions, coverage, is_complete
from lstm_bench.subject.construct import Recipe, recipes, single_size
from lstm_bench.subject.errors import (
    Ambiguous,
    CannotLoad,
    Evidence,
    IsDefective,
    IsVariant,
    NotAnLSTM,
    ProbeError,
)
from lstm_bench.subject.forms import single_state_calls
from lstm_bench.subject.instance import Instance
from lstm_bench.subject.interface import Interface, slots
from lstm_bench.subject.mapping import HeadLayout, ProbedMap
from lstm_bench.subject.nudge import (
    CONFLICT,
    GATE_A,
    GATE_I,
    GATE_O,
    KIND_H,
    KIND_X,
    UNKNOWN,
    Labels,
)
from lstm_bench.subject.patterns import TensorLayout, fit
from lstm_bench.subject.precision import is_coarse
from lstm_bench.subject.probe import Found, H, I, Probe, safely
from lstm_bench.subject.proof import Proof, prove
from lstm_bench.subject.tensors import held, learnable, make_leaves, same

MOST_READINGS = 60
"""How many readings of the parameters are put to the proof where several are possible."""

ROUND = (16, 8)
"""Sizes that suit code which works in fours or eights."""

DIVISIBLE = (12, 4)
"""Sizes that suit constructors which ask one to divide the other; no LSTM asks that."""


@dataclass(frozen=True)
class Identified:
    """All that probing found out. proven: the mapping gives the reference's values."""

    recipe: Recipe
    interface: Interface
    parameter_map: ProbedMap
    dtype: torch.dtype
    labels: Mapping[str, Labels]
    silent: tuple[str, ...]
    proven: bool
    certain: bool = True
    """Whether every gate's weights were seen at work, none filled in by likeness to others."""
    effects: Mapping[str, bool] = field(default_factory=dict)
    """Whether the given h and c move anything."""
    unsteady: str = ""
    """What differs between two equal calls without a state, in words; empty where nothing."""
    half_a_state: bool = False
    """Whether it takes something as a state that is not the two of an LSTM."""


def identify(factory: Any, kwargs: Mapping[str, Any]) -> Identified:
    """Probe a factory. Raises CannotLoad, NotAnLSTM, IsVariant or Ambiguous."""
    with safely():
        return _identify(factory, kwargs)


def _identify(factory: Any, kwargs: Mapping[str, Any]) -> Identified:
    recipe, found = _find_interface(factory, kwargs)
    if found.states == 1 and found.recurrent and _given(found) == 1:
        alone = _without_its_state(factory, recipe, found)
        if alone is not None:
            return alone
    if found.single_state and found.recurrent:
        raise IsVariant(
            "it takes and returns one state, where an LSTM has two (h and c): "
            "a recurrence such as a GRU or a plain RNN",
            evidence=Evidence(_construct(recipe, factory, I, H), I, H, None),
        )
    module, dtype = _module_for_values(factory, recipe, found)
    _must_keep_parameters(prepare(_construct(recipe, factory, I, H), dtype), found)
    _must_be_steady(prepare(_construct(recipe, factory, I, H), dtype), found, dtype)
    fresh = prepare(_construct(recipe, factory, I, H), torch.float32)
    try:
        identified = _find_parameters(module, recipe, found, dtype)
    except ProbeError:
        one = found.states == 1 and _takes_one_tensor(module, found)
        alone = _without_its_state(factory, recipe, found) if one else None
        if alone is None:
            raise
        return alone
    return replace(identified, unsteady=_unsteady(fresh, found))


def _must_keep_parameters(module: Any, found: Found) -> None:
    """A call leaves each parameter the object that it was. Raises IsDefective."""
    if not isinstance(module, nn.Module) or isinstance(module, torch.jit.ScriptModule):
        return
    before = dict(module.named_parameters())
    x = torch.zeros(2, 2, I, dtype=next(iter(before.values())).dtype if before else None)
    try:
        _raw_call(module, found)(x)
    except Exception:  # it needs a state, say: what cannot be asked is not refused
        return
    after = dict(module.named_parameters())
    lost = [name for name, tensor in before.items() if after.get(name) is not tensor]
    if lost:
        raise IsDefective(
            f"a call puts a new parameter in the place of `{lost[0]}`: an optimiser made before "
            "goes on with the old one, which learns nothing",
            evidence=Evidence(module, I, H),
        )


def _given(found: Found) -> int:
    """How many tensors are handed over as a state."""
    form = (found.interface.arguments, dict(found.interface.keywords))
    return sum(slot.role != "x" for slot in slots(form))


def prepare(module: Any, dtype: torch.dtype, device: torch.device | str = "cpu") -> Any:
    """Evaluation mode, in this dtype, as far as the object knows these."""
    make_leaves(module)
    if isinstance(module, nn.Module):
        module = module.to(device=device, dtype=dtype)
        module.eval()
    return module


# -- construction and interface ------------------------------------------------------------


def _find_interface(factory: Any, kwargs: Mapping[str, Any]) -> tuple[Recipe, Found]:
    best: tuple[Recipe, Found] | None = None
    failures: list[str] = []
    calls = Calls()
    built: Any = None
    for recipe in recipes(factory, kwargs):
        try:
            module = _construct(recipe, factory, I, H)
        except Exception as error:
            failures.append(describe(error))
            continue
        built = module
        found = _probe(module, calls)
        if found is None:
            continue
        if best is None or found.rank > best[1].rank:
            best = recipe, found
        if found.complete:
            return recipe, found
    if best is None:
        _give_up(factory, kwargs, built, failures, calls)
    assert best is not None
    recipe, found = best
    evidence = Evidence(built, I, H, _raw_call(built, found))
    if not found.recurrent and found.states < 2:
        raise NotAnLSTM(
            "its output at a step depends on that step's input alone, and it takes no state: "
            "it is not a recurrent layer",
            evidence=evidence,
        )
    if found.states == 0:
        module, _ = _module_for_values(factory, recipe, found)
        _must_recur(module, found)
    return best


def _without_its_state(factory: Any, recipe: Recipe, found: Found) -> Identified | None:
    """An LSTM that takes one state (h0 with c0 = 0, or one tensor for both), called without it."""
    interface = found.interface
    if interface.stateless is None:
        return None
    bare = replace(
        interface,
        arguments=interface.stateless,
        keywords=interface.stateless_keywords,
        takes_state=False,
        state_arguments=None,
    )
    alone = replace(found, interface=bare, states=0, effects={}, single_state=False)
    try:
        module, dtype = _module_for_values(factory, recipe, alone)
        identified = _find_parameters(module, recipe, alone, dtype)
    except Exception:  # a recurrence with one state, as it seemed
        return None
    return replace(identified, half_a_state=True) if identified.proven else None


def _takes_one_tensor(module: Any, found: Found) -> bool:
    """Whether one tensor will do as its state, so that a pair only happens to run too.

    Of what takes a pair and heeds one of the two, the other is ignored: a mistake.
    """
    arguments = slots((found.interface.arguments, dict(found.interface.keywords)))
    x = next(slot for slot in arguments if slot.role == "x")
    probe = Probe(module.float() if isinstance(module, nn.Module) else module)
    return any(probe.call(call) is not None for call in single_state_calls(x, probe.signature))


def _must_recur(module: Any, found: Found) -> None:
    """What takes and gives no state can see other steps without a recurrence. Raises NotAnLSTM."""
    try:
        as_a_set, reach = _how_steps_meet(module, found)
    except Exception:  # what cannot be asked is not refused
        return
    if as_a_set:
        raise NotAnLSTM(
            "it treats the steps as a set (in another order it gives the same results in that "
            "order), as attention does: it is not a recurrent layer"
        )
    if reach is not None:
        raise NotAnLSTM(
            f"an input moves the outputs of {reach + 1} steps and none after these, wherever it "
            "stands, and it takes no state: a convolution over time, not a recurrent layer"
        )


def _how_steps_meet(module: Any, found: Found) -> tuple[bool, int | None]:
    """Whether the order of steps is nothing to it; how many steps on an input is last seen.

    None where that differs from step to step or is far: a state fades, but does not break off.
    """
    nudge.randomise(learnable(module), seed=3)
    call, steps = _raw_call(module, found), 24
    generator = torch.Generator().manual_seed(11)
    x = torch.randn(2, steps, I, generator=generator, dtype=torch.float64)
    x = x.to(next(iter(learnable(module).values())).dtype)
    order = torch.randperm(steps, generator=generator)
    with torch.no_grad():
        plain, shuffled = call(x)["y"], call(x[:, order])["y"]
        reaches = set()
        for step in (0, 3, 5):
            other = x.clone()
            other[:, step] += 1
            moved = (call(other)["y"] - plain).abs().amax(dim=(0, 2))
            last = int(moved.nonzero().max())
            fades = moved[last] < 1e-3 * moved.max()
            reaches.add(steps if fades else last - step)
    as_a_set = (shuffled - plain[:, order]).abs().max() < 1e-5 * plain.abs().max()
    reach = reaches.pop() if len(reaches) == 1 else steps
    return bool(as_a_set), reach if reach < steps // 2 else None


def _construct(recipe: Recipe, factory: Any, input_size: int, hidden_size: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return recipe.build(factory, input_size, hidden_size)


def _probe(module: Any, calls: Calls) -> Found | None:
    if not callable(module):
        return None
    module = prepare(module, torch.float32)
    tensors = learnable(module)
    if not tensors:
        return None
    nudge.randomise(tensors, seed=3)
    probe = Probe(module)
    found = probe.sequence()
    if found is None or not found.recurrent or (found.single_state or found.states == 0):
        cell = probe.cell()
        if cell is not None and (found is None or cell.rank > found.rank):
            found = cell
    calls.errors += probe.errors
    calls.ran += probe.ran
    return found


def _raw_call(module: Any, found: Found) -> Any:
    instance = Instance(module, found.interface, ProbedMap({}), I, H, found.features)

    def call(x: Tensor, state: Any = None) -> dict[str, Tensor]:
        return instance.run(x, state)

    return call


def _give_up(
    factory: Any, kwargs: Mapping[str, Any], built: Any, failures: list[str], calls: Calls
) -> None:
    if built is None:
        for recipe in recipes(factory, kwargs):
            try:
                _construct(recipe, factory, *DIVISIBLE)
            except Exception:
                continue
            raise NotAnLSTM(
                f"it cannot be built for input size {I} and hidden size {H} "
                f"({failures[0] if failures else ''}), though it can for other sizes; "
                "an LSTM takes any two sizes"
            )
        alone = single_size(factory, kwargs)
        if alone is not None:
            raise NotAnLSTM(
                f"its constructor takes one size, `{alone}`, for inputs and states alike; what is "
                "judged here has two that can differ: give its layer an input size of its own, or "
                "judge the layer inside it"
            )
        reason = failures[0] if failures else "nothing to call"
        raise CannotLoad(
            f"the constructor failed: {reason}. If it needs other arguments, give them: "
            '--kwargs "name=value", with I and H for the input and hidden size'
        )
    if not learnable(built):
        raise NotAnLSTM("it holds no parameters")
    if _runs_where_square(factory, kwargs):
        raise IsDefective(
            "it runs only where the input size equals the hidden size: one of the two stands in "
            "the other's place, or a matrix is transposed",
            evidence=Evidence(built, I, H),
        )
    if _some_call_runs(factory, kwargs, *ROUND) and not _some_call_runs(factory, kwargs, I, H):
        raise IsDefective(
            f"it runs for input size {ROUND[0]} and hidden size {ROUND[1]}, and not for {I} and "
            f"{H}: an LSTM takes any two sizes",
            evidence=Evidence(built, I, H),
        )
    tokens = _takes_tokens(built)
    if tokens:
        raise NotAnLSTM(tokens, evidence=Evidence(built, I, H))
    raise NotAnLSTM(
        f"{_what_calls_said(calls)}; if it is a recurrent layer or cell, wrap it in a factory "
        "whose module takes (x, (h, c)) and returns (output, (h, c))",
        evidence=Evidence(built, I, H),
    )


@dataclass
class Calls:
    """What was tried: what failed, in words, and how many calls ran."""

    errors: list[str] = field(default_factory=list)
    ran: int = 0


def _what_calls_said(calls: Calls) -> str:
    """Why no way of calling it was found: where none runs, what the likeliest of them raised.

    Of those with arguments that it does not take, nothing is to be learnt.
    """
    own = [said for said in calls.errors if not said.startswith("TypeError")] or calls.errors
    if calls.ran or not own:
        more = f" ({calls.ran} of {calls.ran + len(calls.errors)} calls ran)" if calls.ran else ""
        return f"no way of calling it as a recurrent layer or cell was found{more}"
    same = len({re.sub(r"\d+", "#", said) for said in own}) == 1
    how = "in the same way" if same else "and the likeliest so"
    return f"every call of it fails, {how}: {own[0]}"


def _takes_tokens(built: Any) -> str:
    """What to do with a whole model over token ids; empty where it holds no embedding."""
    if not isinstance(built, nn.Module):
        return ""
    parts = dict(built.named_modules())
    embedding = next((n for n, m in parts.items() if isinstance(m, nn.Embedding)), None)
    if embedding is None:
        return ""
    theirs = (nn.RNNBase, nn.RNNCellBase)
    layers = [
        name
        for name, part in built.named_children()
        if isinstance(part, theirs) or not type(part).__module__.startswith("torch.nn")
    ]
    layer = layers[0] if layers else "its_layer"
    return (
        f"it is a whole model over token ids (`{embedding}` is an embedding), not a layer over "
        "features; judge the layer in it, by a factory of two lines: "
        f"def layer(input_size, hidden_size): return {type(built).__name__}(...).{layer}"
    )


def _runs_where_square(factory: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether some ordinary call goes through with I = H, and none with I ≠ H."""
    ran = {sizes: _some_call_runs(factory, kwargs, *sizes) for sizes in ((4, 4), (5, 4))}
    return ran[4, 4] and not ran[5, 4]


def _some_call_runs(
    factory: Any, kwargs: Mapping[str, Any], input_size: int, hidden_size: int
) -> bool:
    x, h = torch.zeros(3, 2, input_size), torch.zeros(3, hidden_size)
    calls = ((x,), (x, (h, h)), (x, (h[None], h[None])), (x[:, 0], (h, h)), (x[:, 0], h, h))
    for recipe in itertools.islice(recipes(factory, kwargs), 3):
        for arguments in calls:
            with contextlib.suppress(Exception), torch.no_grad():
                module = prepare(
                    _construct(recipe, factory, input_size, hidden_size), torch.float32
                )
                module(*arguments)
                return True
    return False


# -- parameters ----------------------------------------------------------------------------


def _module_for_values(factory: Any, recipe: Recipe, found: Found) -> tuple[Any, torch.dtype]:
    """A module in float64 where it runs in float64, else in float32."""
    for dtype in (torch.float64, torch.float32):
        module = prepare(_construct(recipe, factory, I, H), dtype)
        nudge.randomise(learnable(module), seed=3)
        instance = Instance(module, found.interface, ProbedMap({}), I, H, found.features)
        x, h, c = (torch.ones(s, dtype=dtype) * 0.3 for s in ((2, 1, I), (2, H), (2, H)))
        try:
            with torch.no_grad():
                parts = instance.run(x, (h, c) if found.interface.takes_state else None)
        except Exception:
            continue
        if dtype == torch.float64 and not _wholly(module, instance, found):
            continue
        if all(part.dtype == dtype for part in parts.values()):
            break
    else:
        dtype = torch.float32
    # A fresh one: what a module leaves lying on itself during a call is no parameter.
    return prepare(_construct(recipe, factory, I, H), dtype), dtype


def _wholly(module: Any, instance: Instance, found: Found) -> bool:
    """Whether it computes in float64 throughout: no tensor of its own, no step in float32."""
    if any(t.dtype != torch.float64 for t in learnable(module).values()):
        return False
    return not is_coarse(instance.run, torch.float64, takes_state=found.interface.takes_state)


def _must_be_steady(module: Any, found: Found, dtype: torch.dtype) -> None:
    """Two equal calls must give equal results and leave the parameters alone."""
    instance = Instance(module, found.interface, ProbedMap({}), I, H, found.features, lenient=True)
    tensors = learnable(module)
    takes_state = found.interface.takes_state
    before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    generator = torch.Generator().manual_seed(11)
    x = torch.randn(3, 3, I, generator=generator).to(dtype)
    h, c = torch.randn(2, 3, H, generator=generator).to(dtype)
    try:
        with torch.no_grad():
            first, second = (
                instance.run(
                    x.clone(), (h.clone(), c.clone()) if found.interface.takes_state else None
                )
                for _ in range(2)
            )
    except Exception:
        return  # the checks say what raises, and on which input
    changed = [n for n, t in tensors.items() if not torch.equal(t.detach(), before[n])]
    evidence = Evidence(module, I, H, _raw_call(module, found))
    if changed:
        raise IsDefective(
            f"a forward call changes the weights: `{changed[0]}` is not what it was",
            evidence=evidence,
        )
    if any(not same(second[part], first[part], dtype=dtype) for part in first):
        given = "with the same given state " if takes_state else ""
        raise IsDefective(
            f"two equal calls {given}give different results in evaluation mode: dropout or other "
            "randomness that stays on, or a state that leaks from one call to the next",
            evidence=evidence,
        )


def _unsteady(module: Any, found: Found) -> str:
    """Two equal calls without a state must give equal results where a given state is steady."""
    interface = found.interface
    if not interface.takes_state or interface.stateless is None:
        return ""
    instance = Instance(module, interface, ProbedMap({}), I, H, found.features, lenient=True)
    x = torch.linspace(-1, 1, 3 * 2 * I).reshape(3, 2, I)
    try:
        with torch.no_grad():
            torch.manual_seed(5)
            first = instance.run(x.clone())
            before = torch.get_rng_state()
            second = instance.run(x.clone())
    except Exception:
        return ""
    if all(same(second[part], first[part], dtype=x.dtype) for part in first):
        return ""
    if torch.equal(before, torch.get_rng_state()):
        return "without a given state, equal calls differ: a state leaks from one call to the next"
    return "without a given state, equal calls differ: the default state is random"


def _step_of(instance: Instance, *, steps: int = 1, by_row: bool = False) -> nudge.Step:
    """One step as a function (x (N, I), h, c) → parts (N, …).

    steps=2 runs an empty second step and reads the first one's output, for subjects that fail
    on a single step. by_row runs every row as a batch of its own, for those that mix rows.
    """

    def step(x: Tensor, h: Tensor, c: Tensor) -> dict[str, Tensor]:
        state = (h, c) if instance.interface.takes_state else None
        inputs = torch.nn.functional.pad(x.unsqueeze(1), (0, 0, 0, steps - 1))
        parts = dict(instance.run(inputs, state))
        if steps > 1:
            parts = {"y": parts["y"]}
        if "y" in parts:
            parts["y"] = parts["y"][:, 0]
        if "h" not in parts:  # without an output layer, or with it made the identity
            parts["h"] = parts["y"][:, : instance.hidden_size]
        if "c" in parts and torch.equal(parts["c"], parts["h"]):
            del parts["c"]  # whatever it is, it is not the cell state
        return parts

    def rows_apart(x: Tensor, h: Tensor, c: Tensor) -> dict[str, Tensor]:
        rows = [step(x[n : n + 1], h[n : n + 1], c[n : n + 1]) for n in range(x.shape[0])]
        return {part: torch.cat([row[part] for row in rows]) for part in rows[0]}

    return rows_apart if by_row else step


@dataclass(frozen=True)
class _Reading:
    """The labels of all tensors by one way of running a step, and the layouts they follow."""

    labels: dict[str, Labels]
    layouts: dict[str, TensorLayout]
    head: HeadLayout
    doubtful: frozenset[int]

    def silent(self) -> list[str]:
        """Tensors that moved nothing at all."""
        heads = (self.head.weight, self.head.bias)
        return [
            name
            for name, seen in self.labels.items()
            if bool((seen.unit == UNKNOWN).all()) and name not in heads
        ]


def _read_parameters(
    instance: Instance, tensors: Mapping[str, Tensor], step: nudge.Step, dtype: torch.dtype
) -> _Reading:
    interface = instance.interface
    exposed = _expose_head(tensors, step, interface, dtype)
    probed = {n: t for n, t in tensors.items() if n not in (exposed.weight, exposed.bias)}
    labels = nudge.label(probed, step, I, H, dtype, stateful=interface.takes_state)
    doubtful = _take_back_doubtful_gates(labels, interface.returns("c"))
    layouts = {name: layout for name, seen in labels.items() if (layout := fit(seen, I, H))}
    head = exposed if exposed.weight is not None else _head(labels)
    return _Reading(labels, layouts, head, doubtful)


def _readings(
    instance: Instance, tensors: Mapping[str, Tensor], dtype: torch.dtype
) -> Iterator[_Reading | str]:
    """Ways to run a step, the plain one first; one that raises gives its error in words."""
    plain, others = _step_of(instance), []
    if instance.interface.kind == "sequence":
        others = [_step_of(instance, by_row=True), _step_of(instance, steps=2)]
    for step in (plain, *others):
        try:
            yield _read_parameters(instance, tensors, step, dtype)
        except Exception as error:  # a broken subject may raise anything
            yield describe(error)


def _find_parameters(module: Any, recipe: Recipe, found: Found, dtype: torch.dtype) -> Identified:
    """By what wants a gradient, constants left alone; else by everything that it holds."""
    wanted, everything = learnable(module), held(module)
    first: Identified | ProbeError
    kept = {name: tensor.detach().clone() for name, tensor in everything.items()}
    try:
        first = _find_among(wanted, module, recipe, found, dtype)
    except ProbeError as error:
        first = error
    if len(everything) > len(wanted) and not (isinstance(first, Identified) and first.proven):
        with torch.no_grad():
            for name, tensor in everything.items():
                tensor.copy_(kept[name])
        with contextlib.suppress(Exception):  # then the first answer stands
            second = _find_among(everything, module, recipe, found, dtype)
            if second.proven:
                return second
    if isinstance(first, ProbeError):
        raise first
    return first


def _find_among(
    tensors: Mapping[str, Tensor], module: Any, recipe: Recipe, found: Found, dtype: torch.dtype
) -> Identified:
    instance = Instance(module, found.interface, ProbedMap({}), I, H, found.features, lenient=True)
    evidence = Evidence(module, I, H, _raw_call(module, found))
    fullest: _Reading | None = None
    error = ""
    for reading in _readings(instance, tensors, dtype):
        if isinstance(reading, str):
            error = reading
            continue
        identified = _match(instance, tensors, reading, recipe, found, dtype)
        if identified is not None:
            return identified
        if fullest is None or len(reading.layouts) > len(fullest.layouts):
            fullest = reading
    if fullest is None:
        raise Ambiguous(
            f"a single step could not be run to probe its parameters: {error}", evidence=evidence
        )
    if is_coarse(evidence.call, torch.float32, takes_state=found.interface.takes_state):
        raise IsDefective(
            "its results move in steps as its inputs move little by little: it computes in a lower "
            "precision than float32 inside (float16 or bfloat16, say), or rounds its values",
            evidence=evidence,
        )
    raise _cannot_map(fullest, evidence)


def _match(
    instance: Instance,
    tensors: Mapping[str, Tensor],
    reading: _Reading,
    recipe: Recipe,
    found: Found,
    dtype: torch.dtype,
) -> Identified | None:
    """The best mapping that a reading allows, proven where there is one that proves itself."""
    instance.head_size = _head_size(tensors, reading.head)
    learned = _learned_states(instance, {n: tensors[n] for n in reading.silent()})
    silent = {n: tuple(tensors[n].shape) for n in reading.silent() if n not in learned}
    certain = is_complete(reading.layouts)
    completed = completions(reading.layouts, silent, I, H, reading.doubtful)
    attempts = [reading.layouts] if certain else []
    best: Proof | None = None
    for attempt in (*attempts, *itertools.islice(completed, MOST_READINGS)):
        proof = prove(instance, ProbedMap(attempt, reading.head, zeroed=learned), dtype)
        if best is None or proof.score > best.score:
            best = proof
        if proof.complete:
            break
    if best is None:
        return None
    return Identified(
        recipe,
        replace(found.interface, head=reading.head.weight is not None),
        best.parameter_map,
        dtype,
        reading.labels,
        tuple(n for n in silent if n not in best.parameter_map.layouts),
        best.complete,
        certain,
        found.effects,
    )


def _scrambled(seen: Labels, reading: _Reading, name: str) -> bool:
    """Every entry has its role, and no layout holds them."""
    if name in reading.layouts or seen.unit.ndim < 2 or seen.unit.size < 2 * H:
        return False
    if (seen.unit < 0).any() or (seen.kind < 0).any() or (seen.kind > 1).any():
        return False
    if (seen.kind == KIND_H).all() and (seen.index == seen.unit).all():
        return False  # each unit sees its own h alone, by design
    places = np.stack([seen.kind.ravel(), seen.index.ravel(), seen.unit.ravel()])
    times = np.unique(places, axis=1, return_counts=True)[1]
    return bool((times == 4).all() or (times == 1).all())  # four gates in one, or one alone


def _take_back_doubtful_gates(labels: Mapping[str, Labels], step_shows_c: bool) -> frozenset[int]:
    """Take back the labels of gates that nothing tells apart, and say which these are.

    Input gate and candidate enter as a product: with the same squashing on both, no behaviour
    tells them apart. Where only h is seen, from zero states, input and output gate look alike,
    and the forget gate does not show at all.
    """
    seen: dict[tuple[int, int], list[int]] = {}
    for found in labels.values():
        mask = found.kind == KIND_X
        for index, unit, gate in zip(
            found.index[mask], found.unit[mask], found.gate[mask], strict=True
        ):
            seen.setdefault((int(index), int(unit)), []).append(int(gate))
    twice = {g for gates in seen.values() for g in gates if gates.count(g) > 1}
    if not twice:
        return frozenset()
    doubtful = {GATE_I, GATE_A} if step_shows_c else {GATE_I, GATE_O}
    if not doubtful & twice:
        return frozenset()
    for found in labels.values():
        found.gate[np.isin(found.gate, list(doubtful | twice))] = UNKNOWN
    present = {int(g) for found in labels.values() for g in np.unique(found.gate)}
    return frozenset(set(range(4)) - present)


def _expose_head(
    tensors: Mapping[str, Tensor], step: nudge.Step, interface: Interface, dtype: torch.dtype
) -> HeadLayout:
    """Where only an output layer's result is returned: find the layer and make it the identity.

    A weight of the layer moves one feature of y, an entry behind it moves all of them. With the
    identity for a weight, the first H features of y are h itself.
    """
    if interface.returns("h") or interface.returns("c"):
        return HeadLayout()
    found = nudge.single_features(tensors, step, I, H, dtype, interface.takes_state)
    weights = [n for n, axis in found.items() if axis is not None and tensors[n].dim() == 2]
    if len(weights) != 1:
        return HeadLayout()
    name = weights[0]
    features = tensors[name].shape[found[name] or 0]
    if features < H or set(tensors[name].shape) != {features, H}:
        return HeadLayout()
    transposed = found[name] == 0
    biases = [n for n, axis in found.items() if axis is not None and tensors[n].numel() == features]
    with torch.no_grad():
        identity = torch.eye(features, H, dtype=tensors[name].dtype)
        tensors[name].copy_(identity if transposed else identity.T)
        for bias in biases:
            tensors[bias].zero_()
    return HeadLayout(name, transposed, biases[0] if biases else None)


def _learned_states(instance: Instance, silent: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Tensors that are silent when a state is given but matter when none is: initial states."""
    interface = instance.interface
    if not interface.takes_state or interface.stateless is None:
        return ()
    x = torch.linspace(-1, 1, 2 * I, dtype=next(iter(silent.values())).dtype if silent else None)
    x = x.reshape(2, 1, I)
    found = []
    for name, tensor in silent.items():
        if tensor.numel() != H:
            continue
        with torch.no_grad():
            try:
                before = instance.run(x)
                tensor += 0.5
                after = instance.run(x)
                tensor -= 0.5
            except Exception:
                return ()
        if any(bool((before[part] != after[part]).any()) for part in before):
            found.append(name)
    return tuple(found)


def _head(labels: Mapping[str, Labels]) -> HeadLayout:
    weight, transposed, bias = None, False, None
    for name, found in labels.items():
        if found.head_feature.size == 0 or (found.head_feature < 0).any():
            continue
        if (found.head_unit == CONFLICT).all():
            bias = name
        elif found.head_feature.ndim == 2 and (found.head_unit >= 0).all():
            weight = name
            transposed = bool(
                (found.head_feature == found.head_feature[:, :1]).all()
                and found.head_feature.shape[0] > 1
            )
            if found.head_feature.shape[0] == 1:
                transposed = bool(np.unique(found.head_unit).size > 1)
    return HeadLayout(weight, transposed, bias if weight is not None else None)


def _head_size(tensors: Mapping[str, Tensor], head: HeadLayout) -> int | None:
    if head.weight is None:
        return None
    return tensors[head.weight].shape[0 if head.transposed else 1]


def _cannot_map(reading: _Reading, evidence: Evidence) -> ProbeError:
    scrambled = [name for name, seen in reading.labels.items() if _scrambled(seen, reading, name)]
    if scrambled:
        return IsDefective(
            f"the entries of `{scrambled[0]}` are scrambled: each feeds one gate and one unit, but "
            "in no order of rows and columns, as where a view or reshape stands for a transpose",
            evidence=evidence,
        )
    mixed = [n for n, seen in reading.labels.items() if (seen.unit == CONFLICT).any()]
    if mixed:
        return Ambiguous(
            f"entries of `{mixed[0]}` move several units at once, which no LSTM's weight does: "
            "a normalisation, a projection, several layers, or factorised weights",
            evidence=evidence,
        )
    silent = [name for name in reading.silent() if not _moves_a_sequence(evidence, name)]
    unused = (
        [
            ", ".join(f"`{name}`" for name in silent[:4])
            + (" has" if len(silent) == 1 else " have")
            + " no effect on any result when changed: unused, or a copy made earlier is used in "
            + ("its place" if len(silent) == 1 else "their place")
        ]
        if silent
        else []
    )
    words = ("input gate", "forget gate", "output gate", "candidate")
    fed = coverage(reading.layouts)
    missing = [
        f"the {words[gate]} from {operand}"
        for kind, operand in ((KIND_X, "x"), (KIND_H, "h"))
        for gate in range(4)
        if gate not in fed[kind]
    ]
    sentence = "no parameter was found that feeds " + ", ".join(missing)
    return Ambiguous(*unused, sentence, evidence=evidence)


@torch.no_grad()
def _moves_a_sequence(evidence: Evidence, name: str) -> bool:
    """Whether a tensor that moved nothing in single steps has a part in whole sequences."""
    tensor = learnable(evidence.module).get(name)
    if tensor is None or evidence.call is None:
        return False
    x = torch.randn(2, 4, evidence.input_size, generator=torch.Generator().manual_seed(13))
    x, kept = x.to(tensor.dtype), tensor.clone()
    try:
        before = {n: t.clone() for n, t in evidence.call(x).items()}
        tensor.add_(0.3)
        after = evidence.call(x)
    except Exception:  # what cannot be run shows nothing
        return False
    finally:
        tensor.copy_(kept)
    return any(not torch.equal(before[n], after[n]) for n in before)
