"""The verdict on loss curves: from made-up curves, and on LSTMs that learn something else."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from impls.batched_gates import BatchedGates
from impls.contract import State
from impls.parameters import Parameters
from impls.torch_nn import TorchNN
from lstm_bench.conformance.records import Status
from lstm_bench.training.coincidence import Coincidence, judge
from lstm_bench.training.learner import Learner, Recipe, ReferenceLayer
from lstm_bench.training.text import Batches, make_corpus, python_prose

EXACT = [4.0, 3.0, 2.0, 1.5]


def off(*relative: float) -> list[float]:
    """The exact curve, off by these relative amounts."""
    return [loss * (1 + r) for loss, r in zip(EXACT, relative, strict=True)]


def verdict(curve: list[float], *rounded: list[float]) -> Coincidence:
    return judge({"candidate": curve}, EXACT, rounded or [off(1e-7, 1e-7, 1e-7, 1e-7)], terms=1000)


def test_within_rounding_coincides() -> None:
    """A few times the floor passes, and the message holds every number that decided."""
    found = verdict(off(0, 2e-7, 3e-7, 1e-7))
    assert found.status is Status.PASS
    for part in ("first 4 updates", "candidate is at most 3.0e-07", "noise floor 1.0e-07"):
        assert part in found.message


def test_beyond_rounding_does_not() -> None:
    """One update beyond the allowance is enough, and it is named."""
    found = verdict(off(0, 0, 1e-4, 0))
    assert found.status is Status.FAIL
    assert (
        "do NOT coincide: candidate is 1.0e-04 off the float64 curve at update 3" in found.message
    )


def test_the_floor_never_sinks() -> None:
    """After rounding has once parted the curves, a lucky crossing does not narrow the bound."""
    found = verdict(off(0, 0, 0, 5e-3), off(0, 1e-3, 0, 0))
    assert found.floor == pytest.approx([0, 1e-3, 1e-3, 1e-3])
    assert found.status is Status.PASS


def test_the_larger_of_two_floors_counts() -> None:
    """Each sample of the noise may be small by luck."""
    quiet, noisy = off(0, 0, 0, 0), off(0, 1e-3, 1e-3, 1e-3)
    assert verdict(off(0, 5e-3, 0, 0), quiet).status is Status.FAIL
    assert verdict(off(0, 5e-3, 0, 0), quiet, noisy).status is Status.PASS


def test_hopeless_updates_are_not_judged() -> None:
    """Where rounding alone explains anything, nothing is said; before that, it is."""
    wild = off(0, 0, 0.5, 0.5)
    assert verdict(off(0, 0, 0.3, 0.3), wild).judged == 2
    assert "first 2 updates" in verdict(off(0, 0, 0.3, 0.3), wild).message
    assert verdict(off(0, 0.01, 0.3, 0.3), wild).status is Status.FAIL
    assert verdict(off(0, 0, 0, 0), off(0.5, 0, 0, 0)).status is Status.INCONCLUSIVE


def test_no_number_is_no_coincidence() -> None:
    """A NaN that the reference does not have fails; one that it has too proves nothing."""
    lost = [*EXACT[:2], math.nan, math.nan]
    assert verdict(lost).status is Status.FAIL
    both = judge({"candidate": lost}, lost, [lost], terms=1000)
    assert (both.status, both.judged) == (Status.PASS, 2)


def test_nothing_compared_is_inconclusive() -> None:
    """No update, no verdict."""
    assert judge({"candidate": []}, [], [[]], terms=1000).status is Status.INCONCLUSIVE


# The same verdict on layers that learn, with one defect each that only training shows well.


class NoGradientThroughTime(BatchedGates):
    def forward(self, inputs: torch.Tensor, states: State | None = None) -> Any:
        rows = []
        for t in range(inputs.shape[1]):
            y, state = super().forward(inputs[:, t : t + 1], states)
            states = (state[0].detach(), state[1].detach())
            rows.append(y)
        return torch.cat(rows), states


class BiasGradientTwice(TorchNN):
    """What an optimiser on nn.LSTM's own two biases amounts to."""

    def read_gradients(self) -> Parameters:
        g = super().read_gradients()
        return Parameters(g.W, g.U, 2 * g.b, *(g.head or ()))


class ForgetsTheCarriedState(BatchedGates):
    def forward(self, inputs: torch.Tensor, states: State | None = None) -> Any:
        return super().forward(inputs, None)


class GradientSlightlyOff(BatchedGates):
    """By one per cent, and only where the input enters."""

    def read_gradients(self) -> Parameters:
        g = super().read_gradients()
        return Parameters(1.01 * g.W, g.U, g.b, *(g.head or ()))


class Bfloat16Inside(BatchedGates):
    def forward(self, inputs: torch.Tensor, states: State | None = None) -> Any:
        y, state = super().forward(inputs, states)
        return y + (y.bfloat16().float() - y).detach(), state


UPDATES = 40
RECIPE = Recipe(hidden=24, batch=6, steps=8)


@pytest.fixture(scope="module")
def corpus():
    return make_corpus("prose", python_prose()[:4000])


@pytest.fixture(scope="module")
def judges(corpus):
    """(exact, [rounded, nudged]): their losses."""
    double = {"dtype": torch.float64}
    exact, *rounded = (
        learn(ReferenceLayer, corpus, **options) for options in (double, {}, {"nudged": True})
    )
    return exact, rounded


def learn(factory, corpus, recipe=RECIPE, updates=UPDATES, **options) -> list[float]:
    learner = Learner("x", factory, len(corpus.vocabulary), recipe, **options)
    batches = Batches(corpus.training, recipe.batch, recipe.steps)
    return [learner.update(batches[n]) for n in range(updates)]


def judged(factory, corpus, judges) -> Coincidence:
    terms = RECIPE.steps * (len(corpus.vocabulary) + RECIPE.hidden)
    return judge({"x": learn(factory, corpus)}, *judges, terms)


@pytest.mark.parametrize("factory", [BatchedGates, TorchNN])
def test_correct_layers_coincide(factory, corpus, judges) -> None:
    """The twins of the defects below, on the same data."""
    found = judged(factory, corpus, judges)
    assert found.status is Status.PASS
    assert found.judged == UPDATES


@pytest.mark.parametrize(
    "factory",
    [
        NoGradientThroughTime,
        BiasGradientTwice,
        ForgetsTheCarriedState,
        GradientSlightlyOff,
        Bfloat16Inside,
    ],
)
def test_defects_are_seen_in_the_curve(factory, corpus, judges) -> None:
    """Each parts from the curve within forty updates."""
    assert judged(factory, corpus, judges).status is Status.FAIL
