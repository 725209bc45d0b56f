"""The character model around our layers and torch's; and the documented listing's defects."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impls.documented_loop import DocumentedLoop
from impls.language_model import RNNModel
from impls.parameters import uniform
from impls.registry import implementations
from lstm_bench.conformance import reference
from tests import broken_article
from tests.impls.properties import Case, default_state_follows_parameters, same

V, H, B, T = 7, 5, 3, 4

TORCH_LAYERS = {
    f"{kind.__name__}-{layers}-{'both' if both else 'forward'}-{'BT' if batch_first else 'TB'}": (
        kind,
        {"num_layers": layers, "bidirectional": both, "batch_first": batch_first},
    )
    for kind in (nn.LSTM, nn.GRU, nn.RNN)
    for layers in (1, 2)
    for both in (False, True)
    for batch_first in (False, True)
}


def ids(batch: int = B, steps: int = T, seed: int = 0) -> Tensor:
    return torch.randint(V, (batch, steps), generator=torch.Generator().manual_seed(seed))


def with_layer(name: str, model: type[RNNModel] = RNNModel) -> RNNModel:
    """Our layer by name, or torch's by its id above, inside the model, in float64."""
    torch.manual_seed(0)
    if name in TORCH_LAYERS:
        kind, options = TORCH_LAYERS[name]
        return model(kind(V, H, **options), V).double()
    layer = implementations()[name].load()(V, H)
    layer.load_parameters(uniform(V, H, seed=0))
    return model(layer, V).double()


def parts(state: Any) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


# Two properties that hold for whatever layer is inside.


def sequences_are_independent(model: RNNModel) -> None:
    """Another text in one sequence changes the logits of that sequence only."""
    one, other = ids(), ids()
    other[0] = (other[0] + 1) % V
    logits, changed = (model(i)[0].view(T, B, V) for i in (one, other))
    assert not torch.allclose(changed[:, 0], logits[:, 0]), "the changed sequence did not change"
    assert torch.allclose(changed[:, 1:], logits[:, 1:]), "sequences of a batch mix"


def begin_state_fits(model: RNNModel) -> None:
    """begin_state works, in the form, sizes and dtype in which forward returns the state."""
    try:
        begun = model.begin_state(batch_size=B)
    except AttributeError as error:
        raise AssertionError(f"begin_state fails: {error}") from error
    logits, returned = model(ids(), begun)
    assert isinstance(begun, tuple) == isinstance(returned, tuple)
    for given, got in zip(parts(begun), parts(returned), strict=True):
        assert given.shape == got.shape
        assert given.dtype == got.dtype
        assert not given.any()
    same(logits, model(ids())[0], "logits from begin_state and from no state")


@pytest.mark.parametrize("name", [*implementations(), *TORCH_LAYERS])
def test_sequences_are_independent(name: str) -> None:
    """The recurrence runs over time, not over the batch, in whatever layout the layer reads."""
    sequences_are_independent(with_layer(name))


@pytest.mark.parametrize("name", [*implementations(), *TORCH_LAYERS])
def test_begin_state_fits(name: str) -> None:
    """One layer or several, one direction or two, a pair or one tensor."""
    begin_state_fits(with_layer(name))


@pytest.mark.parametrize("name", implementations())
def test_logits_are_the_references(name: str) -> None:
    """One-hot ids through the reference and the linear layer: the same rows, in time order."""
    model = with_layer(name)
    x = F.one_hot(ids(), V).double()
    trace = reference.run(uniform(V, H, seed=0).to(dtype=torch.float64), x)
    rows = trace.y.transpose(0, 1).reshape(T * B, H)
    logits, (h, c) = model(ids())
    same(logits, model.linear(rows), "logits")
    same(h, trace.h, "h")
    same(c, trace.c, "c")


@pytest.mark.parametrize("name", TORCH_LAYERS)
def test_torch_layers_are_called_in_their_layout(name: str) -> None:
    """The logits are the linear layer on torch's own output, rows by time."""
    model = with_layer(name)
    x = F.one_hot(ids(), V).double()  # (B, T, V)
    if model.rnn.batch_first:
        hidden = model.rnn(x)[0].transpose(0, 1)
    else:
        hidden = model.rnn(x.transpose(0, 1))[0]
    logits, _ = model(ids())
    assert logits.shape == (T * B, V)
    same(logits, model.linear(hidden).reshape(T * B, V), "logits")


@pytest.mark.parametrize("name", [*implementations(), *(n for n in TORCH_LAYERS if "forward" in n)])
def test_the_state_carries_the_text_on(name: str) -> None:
    """Two calls that hand the state over read one text (in two directions nobody can)."""
    model = with_layer(name)
    whole, last = model(ids())
    first, state = model(ids()[:, :1])
    rest, state = model(ids()[:, 1:], state)
    same(torch.cat([first, rest]), whole, "logits")
    for got, expected in zip(parts(state), parts(last), strict=True):
        same(got, expected, "state")


@pytest.mark.parametrize("name", ["batched_gates", "LSTM-2-both-BT", "GRU-1-forward-TB"])
def test_begin_state_follows_the_parameters(name: str) -> None:
    """In dtype and device, and onto another device where one is named."""
    model = with_layer(name)
    assert {part.dtype for part in parts(model.begin_state(batch_size=2))} == {torch.float64}
    named = parts(model.begin_state("meta", batch_size=2))
    own = parts(model.to("meta").begin_state(batch_size=2))
    assert {part.device.type for part in (*named, *own)} == {"meta"}


def test_a_layer_of_another_vocabulary_is_refused() -> None:
    """One-hot ids of V characters need a layer that reads V features."""
    with pytest.raises(ValueError, match=r"expected input_size 7 .*, got 8"):
        RNNModel(DocumentedLoop(8, H), V)


def test_article_recurrence_over_the_batch_is_seen() -> None:
    """Defect 1: handed (T, B, V), a layer that reads (B, T, I) runs over the batch, silently."""
    with pytest.raises(AssertionError, match=r"mix|did not change"):
        sequences_are_independent(with_layer("documented_loop", broken_article.FeedsTimeMajor))


def test_article_layout_is_right_for_torchs_default_only() -> None:
    """The same lines are right around nn.LSTM as it comes, which is why nobody noticed."""
    sequences_are_independent(with_layer("LSTM-1-forward-TB", broken_article.FeedsTimeMajor))


def test_article_begin_state_is_seen() -> None:
    """Defect 2: the documented layer has no num_layers, so begin_state cannot work."""
    with pytest.raises(AssertionError, match=r"begin_state fails: .*num_layers"):
        begin_state_fits(with_layer("documented_loop", broken_article.AsksForLayers))


def test_article_single_tensor_is_seen() -> None:
    """Defect 2, had the layer that attribute: one tensor where it takes a pair."""
    model = with_layer("documented_loop", broken_article.AsksForLayers)
    model.rnn.num_layers = 1
    with pytest.raises(ValueError, match="pair"):
        begin_state_fits(model)


def test_article_zeros_are_seen() -> None:
    """Defect 3: float32 zeros on the CPU beside float64, bfloat16 or meta parameters."""
    with pytest.raises(AssertionError, match=r"float32 beside .*float64 parameters"):
        default_state_follows_parameters(broken_article.PlainZeros, Case(I=3, H=5, B=2, T=4))
