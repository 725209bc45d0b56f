"""Several layers and both directions, where the constructor offers them.

Which of its options these are is found by what they do to the parameters. Everything else is judged
with one layer and one direction, which is where an LSTM's equations are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm_bench.conformance import dropout
from lstm_bench.conformance.checks.common import BASE_SEED
from lstm_bench.conformance.checks.lengths import judge_lengths
from lstm_bench.conformance.records import CheckResult, Inconclusive, Skipped, Told, Warned
from lstm_bench.conformance.registry import Check, check, run_check
from lstm_bench.conformance.stacks import NotUnderstoodError, understand
from lstm_bench.subject import Subject
from lstm_bench.subject.construct import flattened
from lstm_bench.subject.stacks import Offered, in_words
from lstm_bench.subject.subject import subject_from


@check("stack")
def check_layers(subject: Subject) -> None:
    """Several layers are a stack of its LSTM: values, states and gradients."""
    offered = Offered.by(subject)
    if offered.layers is None:
        raise Skipped("its constructor offers no layers")
    _offered(subject, offered.deeper(3), layers=3)


@check("stack")
def check_directions(subject: Subject) -> None:
    """Both directions of time are its LSTM run either way, with weights of their own."""
    offered = Offered.by(subject)
    if not offered.both_ways:
        raise Skipped("its constructor offers no second direction of time")
    _offered(subject, offered.both_ways, directions=2)


@check("stack")
def check_layers_and_directions(subject: Subject) -> None:
    """The same of both together: each layer reads both directions of the one below."""
    offered = Offered.by(subject)
    if offered.layers is None or not offered.both_ways:
        raise Skipped("its constructor does not offer both layers and directions")
    options = {**offered.deeper(2), **offered.both_ways}
    _offered(subject, options, layers=2, directions=2)


@check("stack")
def check_dropout_between_layers(subject: Subject) -> None:
    """In training, dropout acts between layers alone, at its rate, on other entries each time."""
    offered = Offered.by(subject)
    if offered.layers is None:
        raise Skipped("its constructor offers no layers")
    name = dropout.option(subject, offered)
    if name is None:
        raise Skipped("its constructor offers no dropout that acts with two layers")
    options = {**offered.deeper(2), name: dropout.RATE}
    try:
        found = understand(subject, options, 2, 1)
    except NotUnderstoodError as error:
        raise Warned(f"with {in_words(options)} it is not judged: {error}") from None
    if found.mistakes:
        raise Skipped("its layers are wrong, whatever is dropped between them")
    wrong, odd = dropout.mistake(subject, options, found.assignment)
    if wrong is not None:
        raise Told(f"with {in_words(options)}, {wrong}")
    if odd is not None:
        raise Warned(f"with {in_words(options)}, {odd}")


def _offered(
    subject: Subject, options: Mapping[str, Any], *, layers: int = 1, directions: int = 1
) -> None:
    """The same of options that nobody asked for: what is not understood is told, no more."""
    try:
        judge_options(subject, options, layers, directions)
    except NotUnderstoodError as error:
        raise Warned(f"with {in_words(options)} it is not judged: {error}") from None


def judge_options(
    subject: Subject, options: Mapping[str, Any], layers: int, directions: int
) -> None:
    """Raise Told with what is wrong with these options, Warned with what is odd.

    NotUnderstoodError passes through.
    """
    said = f"with {in_words(options)}"
    found = understand(subject, options, layers, directions, seed=1000 * BASE_SEED.get())
    if found.mistakes:
        raise Told(f"{said}, {'; '.join(found.mistakes)}")
    if found.remarks:
        raise Warned(f"{said}, {'; '.join(found.remarks)}")


@dataclass(frozen=True)
class Built:
    """A stack that was asked for, and the plain module that it is made of."""

    plain: Subject
    options: Mapping[str, Any]
    layers: int
    directions: int

    def describe(self) -> dict[str, Any]:
        """What was asked for, and what that is, beside what is told of the plain module."""
        count = "one layer" if self.layers == 1 else f"{self.layers} layers"
        ways = "both directions of time" if self.directions == 2 else "one direction"
        construction = str(self.plain.having(**self.options).recipe)
        return {
            "construction": construction, "stack": f"{count}, {ways}",
            "stacked_by": list(self.options),
        }  # fmt: skip

    def judged(self) -> CheckResult:
        """The stack against the theory; undecided where it is not understood."""

        def check_as_built(subject: Subject) -> None:
            """What was asked for is a stack of the plain module."""
            shape = self.options, self.layers, self.directions
            try:
                judge_options(subject, *shape)
            except NotUnderstoodError as error:
                raise Inconclusive(f"{in_words(self.options)}: {error}") from None
            with contextlib.suppress(Skipped):  # it is told nothing of lengths
                judge_lengths(subject, *shape)

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
        asked = {n: kwargs[n] for n in flat if n == offered.layers or n in offered.both_ways}
        if not asked:
            return None
        plain = subject_from(factory, name, **{**kwargs, **{n: flat[n] for n in asked}})
    except Exception:  # nobody asked for it so: what was asked for is judged as it is
        return None
    layers = int(asked.get(offered.layers or "", 1))
    directions = 2 if any(n in asked for n in offered.both_ways) else 1
    return Built(plain, asked, layers, directions)
