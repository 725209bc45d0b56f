"""Every spelling is an LSTM: values, states and gradients against the equations in float64.

Loss of precision is no matter here: where a spelling has float64, it must agree to 1e-10.
"""

from __future__ import annotations

import copy
import importlib
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.spellings import SPELLINGS, Spelling
from tests.spellings.calls_by_hand import GIVE, TAKE
from tests.spellings.hands import TABLE, Hand
from tests.spellings.weights_by_hand import Weights

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*torch.jit.*is deprecated:DeprecationWarning",
)

SIZES = [(4, 3, 5, 6), (7, 2, 6, 3), (1, 1, 2, 1)]  # T, B, I, H
TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-5}
every_spelling = pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: s.name)


def hand_of(spelling: Spelling) -> Hand:
    return TABLE[spelling.target.partition(":")[2]]


def build(spelling: Spelling, I: int, H: int) -> nn.Module:
    """Of the given sizes, with random weights that a permuted gate would betray."""
    path, _, name = spelling.target.partition(":")
    factory = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
    torch.manual_seed(3)
    module = hand_of(spelling).build(factory, I, H, **spelling.kwargs)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0.1, 0.5)
    return module


def call(spelling: Spelling, module: nn.Module, x: Tensor, state: Any) -> tuple[Any, ...]:
    """One call with x (T, B, I), or (B, I) for a cell: y (T, B, K), h, c, as far as given."""
    hand = hand_of(spelling)
    arguments, keywords = GIVE[hand.give](*state) if state is not None else ((), {})
    native = x.transpose(0, 1) if spelling.layout == "batch_first" else x
    ordered = (*arguments, native) if hand.x_last else (native, *arguments)
    y, h, c = TAKE[hand.take](module(*ordered, **keywords))
    if y is not None and hand.rows:
        y = y.unflatten(0, x.shape[:2] if hand.rows == "TB" else (x.shape[1], x.shape[0]))
    first_is_batch = spelling.layout == "batch_first" if not hand.rows else hand.rows == "BT"
    return y.transpose(0, 1) if y is not None and first_is_batch else y, h, c


def run(spelling: Spelling, module: nn.Module, x: Tensor, state: Any) -> tuple[Any, ...]:
    """The whole sequence; a cell is looped over, and its y are its hidden states."""
    if spelling.layout != "cell":
        return call(spelling, module, x, state)
    ys = []
    for step in x:
        _, *state = call(spelling, module, step, state)
        ys.append(state[0])
    return torch.stack(ys), *state


def reference(weights: Weights, x: Tensor, state: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The equations of torch.nn.LSTM, step by step."""
    if state is None and weights.start is not None:
        state = tuple(part.expand(x.shape[1], -1) for part in weights.start)
    h, c = state if state is not None else x.new_zeros(2, x.shape[1], weights.u.shape[2])
    ys = []
    for step in x:
        z = torch.einsum("ghi,bi->gbh", weights.w, step) + weights.b[:, None]
        i, f, g, o = z + torch.einsum("ghk,bk->gbh", weights.u, h)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        ys.append(h)
    y = torch.stack(ys)
    return (y if weights.head is None else y @ weights.head[0].t() + weights.head[1]), h, c


def results_and_gradients(
    solve: Callable[[], tuple[Any, ...]], leaves: list[Tensor], held: list[bool]
) -> list[Tensor]:
    """y, h, c as far as held, then the gradient of their random projection to each leaf."""
    parts = [part for part, wanted in zip(solve(), held, strict=True) if wanted]
    draw = torch.Generator().manual_seed(5)
    weigh = [torch.randn(p.shape, generator=draw, dtype=torch.float64).to(p) for p in parts]
    loss = sum(((p * w).sum() for p, w in zip(parts, weigh, strict=True)), start=torch.zeros(()))
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    zeros = [torch.zeros_like(leaf) for leaf in leaves]
    return parts + [z if g is None else g for g, z in zip(gradients, zeros, strict=True)]


def compare(spelling: Spelling, sizes: tuple[int, ...], given: bool, dtype: torch.dtype) -> None:
    T, B, I, H = sizes
    module = build(spelling, I, H).to(dtype)
    x = torch.randn(T, B, I, dtype=dtype, requires_grad=True)
    state = [torch.randn(B, H, dtype=dtype, requires_grad=True) for _ in "hc"] if given else None
    leaves = [x, *(state or []), *module.parameters()]
    held = [part is not None for part in run(spelling, module, x, state)]
    got = results_and_gradients(lambda: run(spelling, module, x, state), leaves, held)
    find = hand_of(spelling).weights
    expected = results_and_gradients(lambda: reference(find(module), x, state), leaves, held)
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == dtype
        scale = 1 + theirs.abs().max().item()
        assert (ours - theirs).abs().max().item() <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@every_spelling
def test_with_a_given_state(spelling: Spelling, sizes: tuple[int, ...]) -> None:
    hand = hand_of(spelling)
    if not hand.give:
        pytest.skip("takes no state")
    compare(spelling, sizes, True, torch.float32 if hand.only_float32 else torch.float64)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@every_spelling
def test_with_the_default_state(spelling: Spelling, sizes: tuple[int, ...]) -> None:
    if spelling.zero_default is None:
        pytest.skip("requires a state")
    exact = works(in_float64, spelling)
    compare(spelling, sizes, False, torch.float64 if exact else torch.float32)


def shortfalls(spelling: Spelling) -> list[str]:
    """What makes a right module a poor one, found by trying."""
    trials = {"default": on_meta, "float64": in_float64, "pickle": pickled, "deepcopy": copied}
    found = [name for name, trial in trials.items() if not works(trial, spelling)]
    before = torch.get_rng_state()
    forward_once(spelling, build(spelling, 4, 3), reseed=before)
    return found if torch.equal(before, torch.get_rng_state()) else [*found, "randomness"]


def works(trial: Callable[[Spelling], None], spelling: Spelling) -> bool:
    try:
        trial(spelling)
    except Exception:  # whatever it is, this is what the trial is for
        return False
    return True


def forward_once(spelling: Spelling, module: nn.Module, reseed: Tensor | None = None) -> Any:
    like = next(module.parameters())
    x = torch.ones(3, 2, 4, dtype=like.dtype, device=like.device)
    state = [like.new_zeros(2, 3), like.new_zeros(2, 3)] if spelling.zero_default is None else None
    if reseed is not None:
        torch.set_rng_state(reseed)
    return run(spelling, module, x, state)


def on_meta(spelling: Spelling) -> None:
    if spelling.zero_default is not None:
        forward_once(spelling, build(spelling, 4, 3).to("meta"))
        forward_once(spelling, build(spelling, 4, 3).double())


def in_float64(spelling: Spelling) -> None:
    for part in forward_once(spelling, build(spelling, 4, 3).double()):
        assert part is None or part.dtype == torch.float64


def pickled(spelling: Spelling) -> None:
    pickle.loads(pickle.dumps(build(spelling, 4, 3)))


def copied(spelling: Spelling) -> None:
    module = build(spelling, 4, 3)
    forward_once(spelling, module)
    copy.deepcopy(module)


@every_spelling
def test_sloppy_is_what_falls_short(spelling: Spelling) -> None:
    assert spelling.sloppy == bool(shortfalls(spelling)), shortfalls(spelling)


def test_the_reference_here_is_nn_lstm() -> None:
    torch.manual_seed(1)
    lstm, x = nn.LSTM(5, 6).double(), torch.randn(4, 3, 5).double()
    h, c = torch.randn(2, 1, 3, 6).double()
    w, u = (m.unflatten(0, (4, 6)) for m in (lstm.weight_ih_l0, lstm.weight_hh_l0))
    b = (lstm.bias_ih_l0 + lstm.bias_hh_l0).unflatten(0, (4, 6))
    y, (hn, cn) = lstm(x, (h, c))
    for ours, theirs in zip(reference(Weights(w, u, b), x, (h[0], c[0])), (y, hn[0], cn[0])):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_every_spelling_has_its_hand_and_its_name() -> None:
    assert {s.target.partition(":")[2] for s in SPELLINGS} == set(TABLE)
    assert len({s.name + s.target for s in SPELLINGS}) == len(SPELLINGS) >= 45


@every_spelling
def test_a_gate_swapped_in_the_reference_is_noticed(spelling: Spelling) -> None:
    """The comparison can fail: with two gates exchanged, no spelling passes."""
    module = build(spelling, 5, 6)
    found = hand_of(spelling).weights(module)
    swapped = [2, 1, 0, 3]
    wrong = Weights(found.w[swapped], found.u[swapped], found.b[swapped], found.head, found.start)
    x = torch.randn(4, 3, 5)
    state = [torch.randn(3, 6), torch.randn(3, 6)] if hand_of(spelling).give else None
    got = run(spelling, module, x, state)
    pairs = [(a, b) for a, b in zip(got, reference(wrong, x, state)) if a is not None]
    assert all((a - b).abs().max() > 1e-3 for a, b in pairs)
