"""What carries nn.LSTM's names promises nn.LSTM's layers and directions too.

Everything else is judged with one layer and one direction, which is where an LSTM's equations
are. Where a constructor takes ``num_layers`` or ``bidirectional``, and its state_dict is then
that of ``nn.LSTM`` by name and shape, the two can be compared as they are. Of other stacks it is
asked what holds for any: each layer's own weights play a part, and the last layer's state comes
last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.checks.common import told_as
from lstm_bench.conformance.records import Failed, Skipped, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Subject
from lstm_bench.subject.construct import LAYERS, option_like
from lstm_bench.subject.identify import prepare
from lstm_bench.subject.interface import fill, slots
from lstm_bench.subject.results import leaves_of
from lstm_bench.subject.tensors import learnable, unregistered

CONFIGURATIONS: tuple[dict[str, Any], ...] = (
    {"num_layers": 2},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True},
)
I, H, B, T = 5, 4, 3, 6  # noqa: E741
WORDS = {"y": "the output", "h_n": "h_n", "c_n": "c_n"} | {
    f"grad {n}": f"the gradient of {n}" for n in ("x", "h0", "c0")
}


@check("parameters")
def check_layers_and_directions(subject: Subject) -> None:
    """With nn.LSTM's names, several layers and both directions are nn.LSTM's too."""
    compared = 0
    for configuration in CONFIGURATIONS:
        for theirs, torch_s in _twins(subject, configuration):
            _compare(subject, theirs, torch_s, configuration)
            compared += 1
    if not compared and not _stacked_well(subject):
        raise Skipped("it has no several layers or directions, or none under nn.LSTM's names")


def _stacked_well(subject: Subject) -> bool:
    """Two layers under names of its own; False where there are none to be had."""
    option = option_like(subject.factory, LAYERS)
    if option is None or subject.interface.stateless is None:
        return False
    one, two = (_moved_by_each(subject, {option: count}) for count in (1, 2))
    if one is None or two is None or one.silent or one.y.shape != two.y.shape:
        return False  # it is no plain stack, or takes no such option
    said = f"with {option}=2"
    if two.silent:
        raise Failed(
            f"{said}, `{two.silent[0]}` has no effect on any result, which with one layer all "
            "parameters have: a layer does not use its own"
        )
    if two.loose and not one.loose:
        raise Warned(
            f"{said}, `{two.loose[0]}` is not a registered parameter: no optimiser sees it, "
            "nothing saves it"
        )
    last = two.y[:, -1] if two.batch_first else two.y[-1]
    for state in two.states:
        if torch.equal(state[0], last) and not torch.equal(state[1], last):
            raise Warned(
                f"{said}, the returned hidden state lists the layers last first; nn.LSTM's "
                "lists them first to last"
            )
    return True


@dataclass(frozen=True)
class _Moved:
    """Results without a state; states (layers, B, H).

    silent, loose: parameters that no result depends on, and unregistered ones.
    """

    y: Tensor
    states: list[Tensor]
    silent: list[str]
    loose: list[str]
    batch_first: bool


def _moved_by_each(subject: Subject, configuration: dict[str, Any]) -> _Moved | None:
    keywords = {**subject.recipe.keywords, **configuration}
    try:
        module = replace(subject.recipe, keywords=keywords).build(subject.factory, I, H)
        module = prepare(module, torch.float32)
        x = torch.randn(B, T, I, generator=torch.Generator().manual_seed(63))
        parts = {"x": x}
        arguments = fill(subject.interface.stateless, parts)
        result = module(*arguments, **fill(dict(subject.interface.stateless_keywords), parts))
    except Exception:  # it takes no such option
        return None
    leaves = [leaf.tensor for leaf in leaves_of(result, T)]
    outputs = [t for t in leaves if tuple(t.shape[:2]) in ((B, T), (T, B)) and t.dim() == 3]
    if not outputs:
        return None
    wanted = {n: p for n, p in learnable(module).items() if p.requires_grad}
    loss = torch.stack([((t - 0.3) ** 2).sum() for t in leaves if t.requires_grad]).sum()
    found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    silent = [n for n, g in zip(wanted, found, strict=True) if g is None or not bool(g.any())]
    states = [t.detach() for t in leaves if tuple(t.shape) == (2, B, H)]
    y = outputs[0].detach()
    return _Moved(y, states, silent, unregistered(module), tuple(y.shape[:2]) == (B, T))


def _twins(subject: Subject, configuration: dict[str, Any]) -> Iterator[tuple[nn.Module, nn.LSTM]]:
    """The subject and nn.LSTM in this configuration with equal weights, where names agree."""
    keywords = {**subject.recipe.keywords, **configuration}
    layout = next((s.axes for s in slots(subject.interface.arguments) if s.role == "x"), "")
    torch_s = nn.LSTM(I, H, batch_first=layout == "BTI", **configuration).to(subject.dtype).eval()
    try:
        theirs = replace(subject.recipe, keywords=keywords).build(subject.factory, I, H)
        theirs = prepare(theirs, subject.dtype)
        wanted = {n: tuple(t.shape) for n, t in torch_s.state_dict().items()}
        if {n: tuple(t.shape) for n, t in theirs.state_dict().items()} != wanted:
            return
        generator = torch.Generator().manual_seed(61)
        state = {
            n: 0.6 * torch.randn(t.shape, generator=generator, dtype=torch.float64).to(t)
            for n, t in torch_s.state_dict().items()
        }
        theirs.load_state_dict(state)
        torch_s.load_state_dict(state)
    except Exception:  # it takes no such option: there is nothing that it promises
        return
    if theirs is not None and isinstance(theirs, nn.Module):
        yield theirs, torch_s


def _compare(
    subject: Subject, theirs: nn.Module, torch_s: nn.LSTM, configuration: dict[str, Any]
) -> None:
    said = ", ".join(f"{k}={v}" for k, v in configuration.items())
    limit = 1e-9 if subject.dtype == torch.float64 else 1e-4
    for given in (True, False) if subject.interface.stateless is not None else (True,):
        how = "" if given else ", without a state"
        with told_as(f"with {said}{how}"):
            expected, got = _solve(torch_s, torch_s, given), _solve(theirs, torch_s, given)
        for part, value in expected.items():
            if got[part].shape != value.shape:
                raise Failed(
                    f"with {said}{how}, {WORDS[part]} has the shape {tuple(got[part].shape)}, "
                    f"nn.LSTM's has {tuple(value.shape)}"
                )
            error = relative_error(got[part], value)
            if error > limit:
                raise Failed(
                    f"with {said}{how} and nn.LSTM's weights, {WORDS[part]} is not nn.LSTM's "
                    f"(relative error {error:.2g})"
                )


def _solve(module: nn.Module, like: nn.LSTM, given: bool) -> dict[str, Tensor]:
    """Values, and the gradients of x and the states from all of them."""
    generator = torch.Generator().manual_seed(62)
    dtype = next(like.parameters()).dtype

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    depth = like.num_layers * (2 if like.bidirectional else 1)
    x = normal(B, T, I) if like.batch_first else normal(T, B, I)
    leaves = {"x": x, "h0": normal(depth, B, H) / 2, "c0": normal(depth, B, H)}
    leaves = {n: t.requires_grad_() for n, t in leaves.items() if given or n == "x"}
    state = (leaves["h0"], leaves["c0"]) if given else None
    y, (h_n, c_n) = module(leaves["x"], state) if given else module(leaves["x"])
    parts = {"y": y, "h_n": h_n, "c_n": c_n}
    loss = sum((p * normal(*p.shape)).sum() for p in parts.values())
    grads = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    found = {
        n: torch.zeros_like(leaves[n]) if g is None else g
        for n, g in zip(leaves, grads, strict=True)
    }
    return {n: p.detach() for n, p in parts.items()} | {f"grad {n}": g for n, g in found.items()}
