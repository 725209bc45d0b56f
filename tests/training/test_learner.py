"""One learner: that it learns, that what it learns is fixed by the seed, that history is cut."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from impls.registry import implementations
from lstm_bench.training.learner import Learner, Recipe, ReferenceLayer
from lstm_bench.training.text import Batches, make_corpus
from tests.impls.properties import PROPERTIES, Case

TEXT = "to be or not to be, that is the question. " * 60
CORPUS = make_corpus("hamlet", TEXT)
V = len(CORPUS.vocabulary)
RECIPE = Recipe(hidden=32, batch=4, steps=10, clip=1.0)
BATCHES = Batches(CORPUS.training, RECIPE.batch, RECIPE.steps)


def learner(name: str = "batched_gates", recipe: Recipe = RECIPE, **options) -> Learner:
    return Learner(name, implementations()[name].load(), V, recipe, **options)


@pytest.mark.parametrize("name", implementations())
def test_perplexity_falls_well_below_the_vocabulary(name: str) -> None:
    """One sentence over and over is learned, far beyond its characters' frequencies."""
    one = learner(name)
    held_out = Batches(CORPUS.held_out, RECIPE.batch, RECIPE.steps)
    assert one.held_out_perplexity(held_out, RECIPE.batch) == pytest.approx(V, rel=0.2)
    for number in range(120):
        one.update(BATCHES[number])
    assert one.held_out_perplexity(held_out, RECIPE.batch) < CORPUS.unigram_perplexity / 4


def test_the_seed_fixes_everything() -> None:
    """Weights come from the recipe's seed, not from the global generator."""
    curves = []
    for recipe in (RECIPE, RECIPE, replace(RECIPE, seed=1)):
        torch.manual_seed(len(curves))
        one = learner(recipe=recipe)
        curves.append([one.update(BATCHES[n]) for n in range(3)])
    assert curves[0] == curves[1] != curves[2]


def test_update_by_hand() -> None:
    """One step of clipped gradient descent on the canonical weights, written out."""
    recipe = replace(RECIPE, momentum=0.0, clip=0.05, learning_rate=0.5)
    one = learner("torch_nn", recipe)
    before = dict(one.layer.read_parameters().named())["W_i"]
    batch = BATCHES[0]
    logits, _ = one.model(batch.inputs)
    F.cross_entropy(logits, batch.targets).backward()
    gradients = [g for _, g in one.layer.read_gradients().named()]
    own = [p.grad for p in one.model.linear.parameters()]
    norm = math.sqrt(sum((g.double() ** 2).sum().item() for g in (*gradients, *own)))
    assert norm > recipe.clip
    one.update(batch)
    expected = before - 0.5 * gradients[0] * (recipe.clip / norm)
    after = dict(one.layer.read_parameters().named())["W_i"]
    torch.testing.assert_close(after, expected)


def test_the_state_is_carried_over_and_its_history_is_not() -> None:
    """The second batch starts from the first one's last state, outside of autograd."""
    one = learner()
    one.update(BATCHES[0])
    carried = one._state
    assert all(not part.requires_grad for part in carried)
    assert all(part.any() for part in carried)
    one.update(BATCHES[1])
    assert not torch.equal(one._state[0], carried[0])


def test_a_new_pass_starts_from_zeros() -> None:
    """The state of the text's end says nothing about its beginning."""
    used, fresh = learner(), learner()
    used._state = tuple(part + 1 for part in used.model.begin_state(batch_size=RECIPE.batch))
    assert used.update(BATCHES[0]) == fresh.update(BATCHES[0])


def test_nudged_weights_are_one_unit_in_the_last_place_aside() -> None:
    """Every weight of the layer moves, none by more."""
    plain = dict(learner().layer.read_parameters().named())
    for name, nudged in learner(nudged=True).layer.read_parameters().named():
        distance = (nudged - plain[name]).abs()
        assert (distance > 0).all()
        assert (distance <= torch.finfo(torch.float32).eps * plain[name].abs()).all()


def test_float64_starts_from_the_same_rounded_weights() -> None:
    """Only the arithmetic differs between the judge and the judged."""
    wide = dict(learner(dtype=torch.float64).layer.read_parameters().named())
    for name, value in learner().layer.read_parameters().named():
        assert torch.equal(value.double(), wide[name])


def test_sampling_is_seeded_and_of_the_asked_length() -> None:
    """Same seed, same text; none asked for, none given; the global generator stays."""
    one, prefix = learner(), CORPUS.encode("to ")
    before = torch.get_rng_state()
    texts = [CORPUS.decode(one.continue_text(prefix, 20, 1.0, seed)) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]
    assert len(texts[0]) == 20
    assert CORPUS.decode(one.continue_text(prefix, 0, 1.0, 0)) == ""
    assert torch.equal(torch.get_rng_state(), before)


def test_cold_samples_are_the_likeliest_characters() -> None:
    """Near temperature 0 each character is the best one after all that was written so far."""
    one = learner(dtype=torch.float64)
    for number in range(40):
        one.update(BATCHES[number])
    text = CORPUS.encode("to be")
    for _ in range(8):
        text = torch.cat([text, one.model(text[None])[0][-1].argmax().view(1)])
    written = one.continue_text(CORPUS.encode("to be"), 8, temperature=1e-6, seed=0)
    assert CORPUS.decode(written) == CORPUS.decode(text)[5:]


@pytest.mark.parametrize(
    "holds",
    [p for p in PROPERTIES if p.__name__ != "refuses_what_does_not_fit"],
    ids=lambda p: p.__name__,
)
def test_the_judge_keeps_the_contract(holds) -> None:
    """The reference as a layer has the implementations' properties (it checks no arguments)."""
    holds(ReferenceLayer, Case(I=3, H=5, B=2, T=4))
