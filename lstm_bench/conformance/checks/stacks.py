"""Several layers and both directions, where the constructor offers them.

Which of its options these are is found by what they do to the parameters. Everything else is judged
with one layer and one direction, which is where an LSTM's equations are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from lstm_bench.conformance import dropout
from lstm_bench.conformance.checks.common import BASE_SEED, deviations, in_words
from lstm_bench.conformance.checks.lengths import judge_lengths
from lstm_bench.conformance.records import CheckResult, Inconclusive, Skipped, Told, Warned
from lstm_bench.conformance.registry import Check, check, run_check
from lstm_bench.conformance.stacks import NotUnderstoodError, P, understand
from lstm_bench.subject import Subject
from lstm_bench.subject.construct import flattened, settings_of
from lstm_bench.subject.nudge import KIND_BIAS
from lstm_bench.subject.stacks import Asked, Offered, Stacked
from lstm_bench.subject.subject import subject_from
from lstm_bench.subject.tensors import held


@check("stack")
def check_layers(subject: Subject) -> None:
    """Several layers are a stack of its LSTM: values, states and gradients."""
    _offered(subject, {"layers": 3}, "its constructor offers no layers")


@check("stack")
def check_directions(subject: Subject) -> None:
    """Both directions of time are its LSTM run either way, with weights of their own."""
    _offered(subject, {"directions": 2}, "its constructor offers no second direction of time")


@check("stack")
def check_layers_and_directions(subject: Subject) -> None:
    """The same of both together: each layer reads both directions of the one below."""
    without = "its constructor does not offer both layers and directions"
    _offered(subject, {"layers": 2, "directions": 2}, without)


@check("stack")
def check_projection(subject: Subject) -> None:
    """A projected hidden state is what is given, returned and fed back, in every layer."""
    offered = Offered.by(subject)
    if offered.projection is None:
        _projects_elsewhere(subject)
    _offered(subject, {"projected": P}, "its constructor offers no projection of hidden states")
    for shape in ({"directions": 2}, {"layers": 2}, {"layers": 2, "directions": 2}):
        asked = offered.stack(**shape, projected=P)
        if asked is not None:
            _or_warned(subject, asked)


@check("stack")
def check_without_biases(subject: Subject) -> None:
    """Without biases, where the constructor offers that, it is the same with zeros for them."""
    other = _without_biases(subject)
    if other is None:
        raise Skipped("its constructor does not offer to leave biases out")
    found, option = other
    wrong = deviations(found, seed=61, gradients=True, state=subject.interface.takes_state)
    if wrong:
        raise Told(f"with {option}, {in_words(wrong)}")


def _without_biases(subject: Subject) -> tuple[Subject, Asked] | None:
    """The same without biases, and the option that leaves them out."""
    own, layouts = set(held(subject.build(5, 4).module)), subject.parameter_map.layouts
    biases = {name for name, layout in layouts.items() if layout.kinds == {KIND_BIAS}}
    for name, value in settings_of(subject.factory, subject.recipe).items():
        if not isinstance(value, bool):
            continue
        other = subject.having(**{name: not value})
        try:
            left = set(held(other.build(5, 4).module))
        except Exception:  # it takes no such value
            continue
        if own - left and own - left == biases & own and left <= own:
            kept = {n: layout for n, layout in layouts.items() if n in left}
            mapped = replace(subject.parameter_map, layouts=kept)
            return replace(other, parameter_map=mapped), Asked({name: not value})
    return None


@check("stack")
def check_dropout_between_layers(subject: Subject) -> None:
    """In training, dropout acts between layers alone, at its rate, on other entries each time."""
    two = Offered.by(subject).stack(layers=2)
    if two is None:
        raise Skipped("its constructor offers no layers")
    name = dropout.option(subject, two)
    if name is None:
        raise Skipped("its constructor offers no dropout that acts with two layers")
    asked = two.having(**{name: dropout.RATE})
    try:
        found = understand(subject, asked)
    except NotUnderstoodError as error:
        raise Warned(f"with {asked} it is not judged: {error}") from None
    if found.mistakes:
        raise Skipped("its layers are wrong, whatever is dropped between them")
    wrong, odd = dropout.mistake(subject, asked, found.assignment)
    if wrong is not None:
        raise Told(f"with {asked}, {wrong}")
    if odd is not None:
        raise Warned(f"with {asked}, {odd}")


def _offered(subject: Subject, shape: Mapping[str, int], without: str) -> None:
    """Judge a stack of this shape, where it is offered."""
    asked = Offered.by(subject).stack(**shape)
    if asked is None:
        raise Skipped(without)
    _or_warned(subject, asked)


def _projects_elsewhere(subject: Subject) -> None:
    """Raise Warned where what is called a projection does not project what is fed back."""
    for name, value in settings_of(subject.factory, subject.recipe).items():
        if "proj" not in name.lower() or value:
            continue
        try:
            stacked = Stacked(subject, Asked({name: P}), 5, 4)
            _, y = stacked.output(stacked.run(torch.zeros(2, 3, 5, dtype=subject.dtype)), 2, 3)
        except Exception:  # it takes no such value
            continue
        if y.shape[-1] == P:
            raise Warned(
                f"with {name}={P} the output is projected, and not the hidden state that is fed "
                "back, as nn.LSTM's is: it is not judged"
            )


def _or_warned(subject: Subject, asked: Asked) -> None:
    """Of options that nobody asked for, what is not understood is told, no more."""
    try:
        judge_options(subject, asked)
    except NotUnderstoodError as error:
        raise Warned(f"with {asked} it is not judged: {error}") from None


def judge_options(subject: Subject, asked: Asked) -> None:
    """Raise Told with what is wrong with these options, Warned with what is odd.

    NotUnderstoodError passes through.
    """
    found = understand(subject, asked, seed=1000 * BASE_SEED.get())
    if found.mistakes:
        raise Told(f"with {asked}, {'; '.join(found.mistakes)}")
    if found.remarks:
        raise Warned(f"with {asked}, {'; '.join(found.remarks)}")


@dataclass(frozen=True)
class Built:
    """A stack that was asked for, and the plain module that it is made of."""

    plain: Subject
    asked: Asked

    def describe(self) -> dict[str, Any]:
        """What was asked for, and what that is, beside what is told of the plain module."""
        asked = self.asked
        count = "one layer" if asked.layers == 1 else f"{asked.layers} layers"
        ways = "both directions of time" if asked.directions == 2 else "one direction"
        narrow = f", hidden states projected to {asked.projected}" if asked.projected else ""
        construction = str(self.plain.having(**asked.options).recipe)
        return {
            "construction": construction, "stack": f"{count}, {ways}{narrow}",
            "stacked_by": list(asked.options),
        }  # fmt: skip

    def judged(self) -> CheckResult:
        """The stack against the theory; undecided where it is not understood."""

        def check_as_built(subject: Subject) -> None:
            """What was asked for is a stack of the plain module."""
            try:
                judge_options(subject, self.asked)
            except NotUnderstoodError as error:
                raise Inconclusive(f"{self.asked}: {error}") from None
            with contextlib.suppress(Skipped):  # it is told nothing of lengths
                judge_lengths(subject, self.asked)

        return run_check(Check("as_built", "stack", check_as_built), self.plain)


def plainly(subject: Subject) -> str:
    """How a subject was built, its options for layers and directions included."""
    return str(subject.having(**Offered.by(subject).plain).recipe)


def beneath(factory: Any, name: str, kwargs: Mapping[str, Any]) -> Built | None:
    """The plain module beneath a stack that was asked for; None where none was."""
    flat = flattened(kwargs)
    if not flat:
        return None
    try:
        offered = Offered.by(subject_from(factory, name, **{**kwargs, **flat}))
        own = {offered.layers, offered.projection, *offered.both_ways}
        asked = {n: kwargs[n] for n in flat if n in own}
        if not asked:
            return None
        plain = subject_from(factory, name, **{**kwargs, **{n: flat[n] for n in asked}})
    except Exception:  # nobody asked for it so: what was asked for is judged as it is
        return None
    layers = int(asked.get(offered.layers or "", 1))
    directions = 2 if any(n in asked for n in offered.both_ways) else 1
    return Built(plain, Asked(asked, layers, directions, asked.get(offered.projection or "")))
