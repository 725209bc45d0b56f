"""What is true of every LSTM that keeps the contract: plain functions that raise AssertionError.

Each takes a factory and a `Case` and needs no test runner, so that the same function judges the
registered implementations (`test_properties`) and the broken ones (`test_broken_are_caught`).

The data hides nothing (see :func:`lstm_bench.conformance.problem.draw`): states are random and
differ, gates are weighted differently, cotangents are independent. Bounds come from the one
table of tolerances; float64 is used wherever only the logic is in question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from impls.parameters import Parameters, uniform
from lstm_bench.conformance import agreement, problem, tolerances
from lstm_bench.conformance.problem import Problem
from lstm_bench.conformance.reference import Trace

Factory = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """A configuration and the seed of its data. I input, H hidden, B batch, T steps."""

    I: int  # noqa: E741
    H: int
    B: int
    T: int
    seed: int = 0
    head: bool = True
    state: bool = True
    cotangents: tuple[str, ...] = ("y", "h", "c")
    device: str = "cpu"

    def layer(self, factory: Factory, dtype: torch.dtype = torch.float64) -> Any:
        """A layer of this case's sizes with this case's parameters, rounded to ``dtype``."""
        layer = factory(self.I, self.H, head=self.head).to(self.device, dtype)
        layer.load_parameters(self.problem(dtype).parameters)
        return layer

    def problem(self, dtype: torch.dtype = torch.float64) -> Problem:
        """Parameters, inputs, states and cotangents."""
        drawn = problem.draw(
            self.I, self.H, self.B, self.T,
            seed=self.seed, state=self.state, head_size=self.H if self.head else None,
        )  # fmt: skip
        return drawn.to(dtype, self.device).with_cotangents(*self.cotangents)

    def number(self, below: int, salt: int = 0) -> int:
        """An arbitrary number of [0, below), the same each time."""
        generator = torch.Generator().manual_seed(self.seed + 7919 * salt)
        return int(torch.randint(below, (), generator=generator))


def same(got: Tensor, expected: Tensor, what: str) -> None:
    """Equal up to the order of summation, in float64."""
    assert got.shape == expected.shape, f"{what}: {tuple(got.shape)} for {tuple(expected.shape)}"
    error = agreement.relative_error(got, expected) if got.numel() else 0.0
    assert error <= tolerances.LOGIC, f"{what}: relative error {error:.2g}"


def shapes_and_state_form(factory: Factory, case: Case) -> None:
    """Outputs (T·B, H); the state a tuple (h, c), each (B, H); all in the parameters' dtype."""
    given = case.problem()
    outputs, state = case.layer(factory)(given.x, given.state)
    assert outputs.shape == (case.T * case.B, case.H), tuple(outputs.shape)
    assert isinstance(state, tuple), type(state)
    assert len(state) == 2
    for name, part in zip("hc", state, strict=True):
        assert part.shape == (case.B, case.H), f"{name}: {tuple(part.shape)}"
    for part in (outputs, *state):
        assert part.dtype == torch.float64, part.dtype
        assert part.device == given.x.device, part.device


def default_state_follows_parameters(factory: Factory, case: Case) -> None:
    """The zeros for states=None have the parameters' dtype and device ("meta" needs no GPU)."""
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        for part in case.layer(factory, dtype).init_state(case.B):
            assert part.shape == (case.B, case.H), tuple(part.shape)
            assert part.dtype == dtype, f"{part.dtype} beside {dtype} parameters"
            assert not part.any()
    layer = case.layer(factory).to("meta")
    inputs = torch.empty(case.B, case.T, case.I, device="meta", dtype=torch.float64)
    for part in (*layer.init_state(case.B), *layer(inputs)[1]):
        assert part.device.type == "meta", f"{part.device} beside parameters on meta"


def no_state_means_zeros(factory: Factory, case: Case) -> None:
    """states=None, init_state's and zeros made by hand give the same."""
    layer, x = case.layer(factory), case.problem().x
    zeros = torch.zeros(case.B, case.H, dtype=x.dtype, device=x.device)
    expected, (h, c) = layer(x, (zeros, zeros.clone()))
    for given in (None, layer.init_state(case.B)):
        outputs, state = layer(x, given)
        same(outputs, expected, "outputs")
        same(state[0], h, "h")
        same(state[1], c, "c")


def rows_are_time_major(factory: Factory, case: Case) -> None:
    """Row t·B + b is what sequence b alone, cut after step t, gives last."""
    given = case.problem()
    layer = case.layer(factory)
    outputs, _ = layer(given.x, given.state)
    for salt in range(3):
        t, b = case.number(case.T, salt), case.number(case.B, salt + 3)
        alone = None if given.state is None else tuple(part[b : b + 1] for part in given.state)
        expected, _ = layer(given.x[b : b + 1, : t + 1], alone)
        same(outputs[t * case.B + b], expected[-1], f"row of step {t}, sequence {b}")


def sequences_do_not_mix(factory: Factory, case: Case) -> None:
    """What one sequence gives depends neither on the others' contents nor on its place."""
    given = case.problem()
    layer = case.layer(factory)
    outputs, (h, c) = layer(given.x, given.state)
    by_step = outputs.view(case.T, case.B, case.H)

    changed = given.x.clone()
    changed[0] = changed[0] * 100 + 1  # the first sequence; all others stay
    outputs_changed, (h_changed, c_changed) = layer(changed, given.state)
    same(outputs_changed.view_as(by_step)[:, 1:], by_step[:, 1:], "other sequences' outputs")
    same(h_changed[1:], h[1:], "other sequences' h")
    same(c_changed[1:], c[1:], "other sequences' c")

    order = torch.arange(case.B).roll(1).to(given.x.device)
    moved = None if given.state is None else tuple(part[order] for part in given.state)
    outputs_moved, (h_moved, c_moved) = layer(given.x[order], moved)
    same(outputs_moved.view_as(by_step), by_step[:, order], "outputs in another order")
    same(h_moved, h[order], "h in another order")
    same(c_moved, c[order], "c in another order")


def chunks_make_the_whole(factory: Factory, case: Case) -> None:
    """Two calls that hand the state over give what one call gives, gradients included."""
    given = case.problem()
    layer = case.layer(factory)
    cut = 1 + case.number(max(1, case.T - 1))  # with one step, the second chunk stays empty
    whole = given.x.clone().requires_grad_()
    outputs, state = layer(whole, given.state)
    _weigh(given, outputs, state).backward()

    x = given.x.clone().requires_grad_()
    parts, state_between = [], given.state
    for chunk in (x[:, :cut], x[:, cut:]):
        if chunk.shape[1]:
            rows, state_between = layer(chunk, state_between)
            parts.append(rows)
    chunked = torch.cat(parts)
    _weigh(given, chunked, state_between).backward()
    same(chunked, outputs, "outputs")
    for name, got, expected in zip("hc", state_between, state, strict=True):
        same(got, expected, name)
    same(x.grad, whole.grad, "gradient of the inputs across the cut")


def calls_leave_no_trace(factory: Factory, case: Case) -> None:
    """A, B, A gives A again; arguments, parameters and earlier results stay as they were."""
    given, other = case.problem(), replace(case, B=case.B + 1, seed=case.seed + 1).problem()
    layer = case.layer(factory)
    x = given.x.clone()
    state = None if given.state is None else tuple(part.clone() for part in given.state)
    with torch.no_grad():
        first, _ = layer(x, state)
        kept = first.clone()
        layer(other.x, other.state)
        layer(other.x)
        assert torch.equal(first, kept), "an earlier result was overwritten by a later call"
        again, _ = layer(x, state)
    same(again, kept, "the second run of A")
    assert torch.equal(x, given.x), "the inputs were written to"
    for part, before in zip(state or (), given.state or (), strict=True):
        assert torch.equal(part, before), "the given state was written to"
    for name, value in layer.read_parameters().named():
        assert torch.equal(value, dict(given.parameters.named())[name]), f"{name} was written to"


def agrees_in_float64(factory: Factory, case: Case) -> None:
    """Outputs, states and every gradient are the reference's: the logic."""
    _agrees(factory, case, torch.float64)


def agrees_in_float32(factory: Factory, case: Case) -> None:
    """The same in float32, against the reference's own rounding: the arithmetic."""
    _agrees(factory, case, torch.float32)


def parameters_survive_the_round_trip(factory: Factory, case: Case) -> None:
    """What was loaded is read back bit by bit, values and gradients."""
    layer = case.layer(factory)
    _equal(layer.read_parameters(), case.problem().parameters)
    gradients = _other_parameters(case)
    layer.load_gradients(gradients)
    _equal(layer.read_gradients(), gradients)
    _equal(layer.read_parameters(), case.problem().parameters)


def parameters_travel_between(one: Factory, other: Factory, case: Case) -> None:
    """From one implementation to another and back: nothing changes, values and gradients."""
    source, target = case.layer(one), other(case.I, case.H, head=case.head).double()
    target.load_parameters(source.read_parameters())
    _equal(target.read_parameters(), case.problem().parameters)
    source.load_gradients(_other_parameters(case))
    target.load_gradients(source.read_gradients())
    _equal(target.read_gradients(), _other_parameters(case))


def refuses_what_does_not_fit(factory: Factory, case: Case) -> None:
    """Wrong rank, features or state sizes: ValueError that names what was expected and given."""
    layer, x = case.layer(factory), case.problem().x
    state = layer.init_state(case.B)
    wider = torch.zeros(case.B, case.H + 1, dtype=x.dtype)
    taller = torch.zeros(case.B + 1, case.H, dtype=x.dtype)
    B, H, I = case.B, case.H, case.I  # noqa: E741
    _refuses(layer, x[0], None, "inputs", "3 dimensions", str((case.T, I)))
    _refuses(layer, x[..., None], None, "inputs", "3 dimensions", "4")
    _refuses(layer, torch.cat([x, x], dim=-1), None, "inputs", f"{I} features", str(2 * I))
    _refuses(layer, x, (wider, state[1]), "h", str((B, H)), str((B, H + 1)))
    _refuses(layer, x, (state[0], taller), "c", str((B, H)), str((B + 1, H)))
    _refuses(layer, x, (state[0][None], state[1]), "h", str((B, H)), str((1, B, H)))
    _refuses(layer, x, state[0], "states", "pair")


def _refuses(layer: Any, inputs: Tensor, states: Any, *mentioned: str) -> None:
    message = _complaint(layer, inputs, states)
    for word in mentioned:
        assert word in message, f"'{word}' is missing in: {message}"


def _complaint(layer: Any, inputs: Tensor, states: Any) -> str:
    """The ValueError's message; anything else is a failure."""
    try:
        layer(inputs, states)
    except ValueError as error:
        return str(error)
    except Exception as error:  # an accident deep inside, whose message tells the user nothing
        raise AssertionError(f"{type(error).__name__} instead of ValueError: {error}") from error
    shapes = [tuple(part.shape) for part in states or ()]
    raise AssertionError(f"accepted inputs {tuple(inputs.shape)} with states {shapes}")


def _agrees(factory: Factory, case: Case, dtype: torch.dtype) -> None:
    given = case.problem(dtype)
    deviations, _ = agreement.compare(_solve(case.layer(factory, dtype), given), given)
    assert not deviations, "; ".join(map(str, deviations))


def _solve(layer: Any, given: Problem) -> dict[str, Tensor]:
    """Values and gradients by name, as :func:`lstm_bench.conformance.problem.solve_reference`."""
    leaves = [t.clone().requires_grad_() for t in (given.x, *(given.state or ()))]
    outputs, (h, c) = layer(leaves[0], tuple(leaves[1:]) or None)
    _weigh(given, outputs, (h, c)).backward()
    batch, steps, _ = given.x.shape
    found = {"y": outputs.view(steps, batch, -1).transpose(0, 1), "h": h, "c": c}
    for name, leaf in zip(("x", "h0", "c0"), leaves, strict=False):
        found[f"grad {name}"] = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    for parameter in layer.parameters():
        if parameter.grad is None:  # no cotangent reaches it: the head, where only h and c count
            parameter.grad = torch.zeros_like(parameter)
    found |= {f"grad {name}": g for name, g in layer.read_gradients().named()}
    return {name: tensor.detach() for name, tensor in found.items()}


def _weigh(given: Problem, outputs: Tensor, state: tuple[Tensor, Tensor]) -> Tensor:
    """The scalar whose gradient is compared: cotangents times results."""
    batch, steps, _ = given.x.shape
    y = outputs.view(steps, batch, -1).transpose(0, 1)  # (B, T, H)
    return given.cotangents.loss(Trace(y, *state))


def _other_parameters(case: Case) -> Parameters:
    return uniform(case.I, case.H, seed=case.seed + 1, head=case.head, dtype=torch.float64)


def _equal(got: Parameters, expected: Parameters) -> None:
    wanted = dict(expected.named())
    found = dict(got.named())
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        assert torch.equal(value, wanted[name]), f"{name} changed on the way"


PROPERTIES = (
    shapes_and_state_form,
    default_state_follows_parameters,
    no_state_means_zeros,
    rows_are_time_major,
    sequences_do_not_mix,
    chunks_make_the_whole,
    calls_leave_no_trace,
    agrees_in_float64,
    agrees_in_float32,
    parameters_survive_the_round_trip,
    refuses_what_does_not_fit,
)
"""Those that need one implementation; `parameters_travel_between` needs two."""
