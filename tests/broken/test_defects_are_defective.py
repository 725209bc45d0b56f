"""Every planted defect is real, and is the only one: its host is intact, and so is the rest of it.

Nothing of the checker is used here; the hosts are held against ``torch.nn.LSTM`` directly.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lstm_bench.subject.load import load_target
from tests.broken import DEFECTS, HOSTILE, VARIANTS, Defect
from tests.broken.demonstrations import DEMONSTRATIONS, gradients_of
from tests.broken.record import Sizes, groups
from tests.broken.trial import TIME_FIRST, Trial, differ, raises

ROOT = Path(__file__).parents[2]
USUAL: Sizes = (5, 3, 4, 6)
ALONE = ("nn_lstm_cell", "raises_alone", "batch_first_claimed")
"""Defects that need a test of their own: see the end of this file."""

by_name = {"ids": lambda defect: defect.name}


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Targets are named from the root; a defect that changes the default dtype is undone."""
    monkeypatch.chdir(ROOT)
    yield
    torch.set_default_dtype(torch.float32)


def host_of(kind: str, sizes: Sizes, dtype: torch.dtype = torch.float64) -> nn.Module:
    """With random weights that are large enough to tell gates apart."""
    host = load_target(f"tests/broken/hosts.py:{kind}")(*sizes[2:]).to(dtype)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in host.parameters():
            parameter.copy_(torch.randn(parameter.shape) / sizes[3] ** 0.5)
    assert isinstance(host, nn.Module)
    return host


def trial_of(defect: Defect, sizes: Sizes, dtype: torch.dtype = torch.float64) -> Trial:
    host = host_of(defect.host, sizes, dtype)
    subject = load_target(defect.target)(*sizes[2:]).to(dtype)
    if defect.name in UNLIKE_HOST:
        UNLIKE_HOST[defect.name](subject, host)
    elif defect.shown_by != "raises_where_host_does_not":
        nn.Module.load_state_dict(subject, host.state_dict())
    return Trial(subject, host, defect.host, sizes, dtype)


def _into_plain_tensor(subject: Any, host: Any) -> None:
    subject.load_state_dict(host.state_dict(), strict=False)
    subject.b = host.b.detach().clone()


def _into_list(subject: Any, host: Any) -> None:
    subject.load_state_dict(host.state_dict(), strict=False)
    for linear, gate in zip(subject.U, "ifgo", strict=True):
        linear.to(host.W_i.weight.dtype).load_state_dict(getattr(host, f"U_{gate}").state_dict())


def _into_buffer(subject: Any, host: Any) -> None:
    subject.linear.weight.data.copy_(host.linear.weight)
    subject.bias.copy_(host.linear.bias)


UNLIKE_HOST = {
    "PlainTensorBias": _into_plain_tensor,
    "LinearsInAList": _into_list,
    "BiasNotInCheckpoint": _into_buffer,
}
"""How the host's weights get into those that keep theirs elsewhere."""


def compared(defects: tuple[Defect, ...]) -> list[Defect]:
    return [defect for defect in defects if defect.shown_by not in ALONE]


# --- the hosts -----------------------------------------------------------------------------------


def as_nn_lstm(host: Any, kind: str) -> nn.LSTM:
    """The same weights in torch's own layer, time first."""
    lstm = nn.LSTM(host.input_size, host.hidden_size).double()
    H = host.hidden_size
    if kind == "FusedLSTM":
        lstm.load_state_dict(host.state_dict())
        return lstm
    if kind in ("TimeFirstLSTM", "HandBackwardLSTM"):
        order = "ifog" if kind == "TimeFirstLSTM" else "ifgo"
        w, u, b = host.W.t(), host.U.t(), host.b
    elif kind == "GateLinears":
        order = "ifgo"
        w, u = (torch.cat([getattr(host, f"{m}_{g}").weight for g in order]) for m in "WU")
        b = torch.cat([getattr(host, f"W_{g}").bias for g in order])
    elif kind == "GateParameters":
        order = "ifgo"
        w, u, b = (torch.cat([getattr(host, f"{m}_{g}") for g in "ifao"], dim=1).t() for m in "WUb")
    elif kind == "ConcatLSTM":
        order = "fiog"
        w, u = host.linear.weight.split([host.input_size, H], dim=1)
        b = host.linear.bias
    else:
        order = "ifgo"
        w, u, b = host.x2h.weight, host.h2h.weight, host.x2h.bias
        b = b if host.h2h.bias is None else b + host.h2h.bias
    places = torch.cat([torch.arange(H) + H * order.index(gate) for gate in "ifgo"])
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(w[places])
        lstm.weight_hh_l0.copy_(u[places])
        lstm.bias_ih_l0.copy_(b.reshape(-1)[places])
        lstm.bias_hh_l0.zero_()
    return lstm


def by_nn_lstm(trial: Trial, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    lstm = as_nn_lstm(trial.host, trial.kind)
    h, c = (part.reshape(1, -1, part.shape[-1]) for part in state)
    if trial.kind == "StepCell":
        x = x.unsqueeze(0)
    elif trial.kind not in TIME_FIRST:
        x = x.transpose(0, 1)
    y, (h, c) = lstm(x, (h, c))
    if trial.kind == "LSTMWithHead":
        head: Any = trial.host.head
        return head(y.flatten(0, 1)), h[0], c[0]
    if trial.kind == "StepCell":
        return h[0], h[0], c[0]
    if trial.kind in ("FusedLSTM", "GateLinears", "ConcatLSTM"):
        y = y.transpose(0, 1)
    return (y, h, c) if trial.kind == "FusedLSTM" else (y, h[0], c[0])


HOSTS = (
    "FusedLSTM", "TimeFirstLSTM", "GateLinears", "GateParameters",
    "ConcatLSTM", "LSTMWithHead", "StepCell", "HandBackwardLSTM",
)  # fmt: skip
every_host = pytest.mark.parametrize("kind", HOSTS)


@pytest.mark.parametrize("sizes", [USUAL, (1, 1, 2, 1), (3, 4, 6, 2)], ids=str)
@every_host
def test_hosts_are_nn_lstm_in_values(kind: str, sizes: Sizes) -> None:
    host = host_of(kind, sizes)
    trial = Trial(host, host, kind, sizes)
    x, state = trial.x(), trial.state()
    assert not differ(trial.call(host, x, state), by_nn_lstm(trial, x, state), 1e-12)
    zeros = tuple(torch.zeros_like(part) for part in state)
    assert not differ(trial.call(host, x, None), trial.call(host, x, zeros), 1e-12)  # type: ignore[arg-type]


@every_host
def test_hosts_are_nn_lstm_in_gradients(kind: str) -> None:
    host = host_of(kind, USUAL)
    trial = Trial(host, host, kind, USUAL)
    inputs = [t.requires_grad_() for t in (trial.x(), *trial.state())]

    def gradients(parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        draw = torch.Generator().manual_seed(1)
        return torch.autograd.grad(
            [(p * torch.randn(p.shape, generator=draw)).sum() for p in parts], inputs
        )

    x, h, c = inputs
    ours, theirs = trial.call(host, x, (h, c)), by_nn_lstm(trial, x, (h, c))
    assert not differ(gradients(ours), gradients(theirs), 1e-12)


def test_the_hand_written_backward_passes_gradcheck() -> None:
    host = host_of("HandBackwardLSTM", (3, 2, 2, 3))
    trial = Trial(host, host, "HandBackwardLSTM", (3, 2, 2, 3))
    leaves = [t.requires_grad_() for t in (trial.x(), *trial.state())]
    arguments = (*leaves, *host.parameters())
    assert torch.autograd.gradcheck(lambda x, h, c, *_: host(x, h, c), arguments)


# --- the defects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("defect", compared(DEFECTS), **by_name)
def test_the_defect_shows(defect: Defect) -> None:
    """And its host, put in its place, does not show it."""
    show = DEMONSTRATIONS[defect.shown_by]
    assert show(trial_of(defect, defect.sizes))
    host = host_of(defect.host, defect.sizes)
    assert not show(Trial(host, host_of(defect.host, defect.sizes), defect.host, defect.sizes))


EVERY_CALL = ("eval_values", "imprecise", "loading_changes", "weights_change")
HIDDEN = [
    defect
    for defect in compared(DEFECTS)
    if defect.shown_by not in ("values", "raises_where_host_does_not", *EVERY_CALL)
    or defect.sizes != USUAL
]


@pytest.mark.parametrize("defect", HIDDEN, **by_name)
def test_elsewhere_the_values_are_right(defect: Defect) -> None:
    """What needs special circumstances to show is right without them, in float32."""
    trial = trial_of(defect, USUAL, torch.float32)
    x, h, c = trial.x(), *trial.state()
    subject, host = (
        trial.call(module, x.clone(), (h.clone(), c.clone()))
        for module in (trial.subject, trial.host)
    )
    assert not differ(subject, host, 1e-5)


RIGHT = [d for d in compared(DEFECTS) if d.verdict == "conforms" and d.name not in UNLIKE_HOST]


@pytest.mark.parametrize("defect", RIGHT, **by_name)
def test_what_deserves_a_warning_only_has_right_gradients(defect: Defect) -> None:
    trial = trial_of(defect, USUAL, torch.float32)
    inputs = [trial.x(), *trial.state()]
    subject, host = (gradients_of(trial, m, inputs) for m in (trial.subject, trial.host))
    assert not differ(subject, host, 1e-4)


# --- those that have no host to be compared with -------------------------------------------------


def named(name: str) -> Any:
    return load_target(next(d.target for d in DEFECTS if d.name == name))


def test_the_reordered_cell_loads_a_checkpoint_and_differs() -> None:
    torch.manual_seed(0)
    theirs, ours = nn.LSTMCell(4, 6), named("OtherOrderThanNamedCell")(4, 6)
    ours.load_state_dict(theirs.state_dict())
    x, h, c = torch.randn(3, 4), torch.randn(3, 6), torch.randn(3, 6)
    assert differ(ours(x, (h, c)), theirs(x, (h, c)))


def test_shapes_taken_for_values_never_run() -> None:
    layer = named("ShapeAsValues")(4, 6)
    assert raises(lambda: layer(torch.randn(2, 5, 4)))


def test_batch_first_is_taken_and_ignored() -> None:
    layer = named("IgnoresBatchFirst")(4, 6, batch_first=True)
    _, (h, _) = layer(torch.randn(2, 5, 4))
    assert h.shape == (5, 6)


# --- the register --------------------------------------------------------------------------------


def classes_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def test_every_target_exists_and_is_named_once() -> None:
    rows = [*DEFECTS, *VARIANTS, *HOSTILE]
    assert len({row.target for row in rows}) == len(rows)
    for row in rows:
        path, _, name = row.target.partition(":")
        assert (ROOT / path).is_file()
        if "import" not in path and "syntax" not in path:
            assert name in classes_in(ROOT / path)


def test_every_class_of_failure_has_its_defects() -> None:
    assert len(DEFECTS) >= 90
    assert len(VARIANTS) >= 14
    assert len(HOSTILE) >= 10
    assert len({defect.failure_class for defect in DEFECTS}) == 12


@pytest.mark.parametrize("variant", VARIANTS, **by_name)
def test_variants_run(variant: Defect) -> None:
    torch.manual_seed(0)
    layer = load_target(variant.target)(4, 6)
    assert not raises(lambda: layer(torch.randn(3, 5, 4)))


def test_importing_the_hostile_file_is_harmless() -> None:
    assert callable(load_target("tests/broken/hostile.py:Chatterbox"))


def test_a_diagnosis_needs_a_word_of_every_group() -> None:
    defect = Defect("f.py:F", "equations", "defective", groups("forget | tanh, h"))
    assert defect.is_told_by("The Forget gate uses tanh")
    assert defect.is_told_by("forget gate ignores h.")
    assert not defect.is_told_by("the forget gate is wrong, which is all that is known")
