"""Nothing random where nothing should be."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from lstm_bench.conformance.checks.common import posed
from lstm_bench.conformance.checks.gradients import _clones
from lstm_bench.conformance.checks.state import _quietly
from lstm_bench.conformance.records import Failed, Skipped, Told, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Subject
from lstm_bench.subject.construct import LAYERS, Recipe, option_like, without_overrides
from lstm_bench.subject.identify import prepare
from lstm_bench.subject.interface import fill
from lstm_bench.subject.results import leaves_of
from lstm_bench.subject.tensors import same


@check("randomness")
def check_determinism(subject: Subject) -> None:
    """Equal calls give equal results in evaluation mode, whatever the seed."""
    instance, problem = posed(subject, seed=40)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(_quietly(instance, problem.x, problem.state))
    for other in results[1:]:
        for part, value in results[0].items():
            if not same(other[part], value, dtype=problem.x.dtype):
                raise Failed(
                    f"equal calls give another {part} in evaluation mode: dropout or other "
                    "randomness stays on"
                )


@check("randomness")
def check_deep_determinism(subject: Subject) -> None:
    """The same as its own defaults make it, and with two layers and dropout between them."""
    if subject.interface.stateless is None:
        raise Skipped("it requires a state")
    tried = 0
    for words, recipe in _deeper(subject):
        try:
            module = prepare(recipe.build(subject.factory, 5, 4), subject.dtype)
            results = [_seeded(subject, module, seed) for seed in (1, 1, 2)]
        except Exception:  # such settings are none of its own: nothing is promised
            continue
        tried += 1
        others = [zip(r, results[0], strict=True) for r in results[1:]]
        if any(not same(a, b, dtype=subject.dtype) for pairs in others for a, b in pairs):
            raise Failed(
                f"{words}, equal calls differ in evaluation mode: dropout or other randomness "
                "stays on"
            )
    if not tried:
        raise Skipped("it has no option for layers or dropout")


def _deeper(subject: Subject) -> Iterator[tuple[str, Recipe]]:
    """Recipes that make more of it than the one plain layer which everything else judges."""
    own = without_overrides(subject.factory, subject.recipe)
    if own != subject.recipe:
        yield "as its own defaults make it", own
    layers = option_like(subject.factory, LAYERS) or "num_layers"
    dropout = option_like(subject.factory, r"drop|zoneout") or "dropout"
    more = {layers: 2, dropout: 0.5}
    words = "with " + ", ".join(f"{n}={v}" for n, v in more.items())
    yield words, replace(subject.recipe, keywords={**subject.recipe.keywords, **more})


def _seeded(subject: Subject, module: Any, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(9)
    parts = {"x": torch.randn(3, 6, 5, generator=generator, dtype=torch.float64).to(subject.dtype)}
    interface = subject.interface
    assert interface.stateless is not None
    if interface.kind == "cell":
        parts["x"] = parts["x"][:, :1]
    torch.manual_seed(seed)
    with torch.no_grad():
        keywords = fill(dict(interface.stateless_keywords), parts)
        result = module(*fill(interface.stateless, parts), **keywords)
    return [leaf.tensor.clone() for leaf in leaves_of(result, 6)]


def _seeds(act: Callable[[], Any]) -> bool:
    """Whether what is drawn afterwards does not depend on the seed that was set before."""
    after = []
    for seed in (0x5EED_0F_1E57, 0x5EED_0F_1E58):  # nobody sets these very seeds
        torch.manual_seed(seed)
        act()
        after.append(torch.get_rng_state())
    return torch.equal(*after)


@check("randomness")
def check_generators_untouched(subject: Subject) -> None:
    """A call draws no random numbers, and neither it nor the construction sets a seed."""
    if _seeds(lambda: subject.build(5, 4)):
        raise Told(
            "its construction sets the seed of torch's global random generator: whatever is drawn "
            "after it is the same every time"
        )
    instance, problem = posed(subject, seed=41)
    asked = [(instance, problem)]
    if subject.interface.stateless is not None:
        asked.append(posed(subject, seed=41, state=False))
    if any(_seeds(partial(_quietly, one, given.x, given.state)) for one, given in asked):
        raise Told(
            "a call sets the seed of torch's global random generator: whatever is drawn after it "
            "is the same every time"
        )
    torch.manual_seed(0x5EED_0F_1E57)  # nobody sets this very seed
    random.seed(0x5EED_0F_1E57)
    before, python = torch.get_rng_state(), random.getstate()
    with torch.no_grad():
        instance.run(problem.x.clone(), _clones(problem))
    if subject.interface.stateless is not None:
        instance, problem = posed(subject, seed=41, state=False)
        torch.set_rng_state(before)  # its construction drew from it
        with torch.no_grad():
            instance.run(problem.x.clone(), None)
    if not torch.equal(before, torch.get_rng_state()):
        raise Warned("a call in evaluation mode draws from torch's global random generator")
    if random.getstate() != python:
        raise Warned("a call in evaluation mode touches Python's random generator")
