"""Sizes at which implementations break: around powers of two, ones, and not multiples of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lstm_bench.conformance.agreement import Deviation
from lstm_bench.conformance.checks.common import Sizes, deviations, in_words
from lstm_bench.conformance.records import Failed, Skipped
from lstm_bench.conformance.registry import check
from lstm_bench.errors import describe
from lstm_bench.subject import Subject

POWERS = (8, 16, 32, 64, 128, 256)
VISITED = tuple(sorted({1, 2, 3, 100, 110, 200, *(p + d for p in POWERS for d in (-1, 0, 1))}))
LENGTHS = (1, 2, 3, 15, 16, 17, 31, 32, 33, 36, 50, 64, 65, 100, 128, 129, 257)
SMALL = Sizes(batch=2, steps=3, input_size=3, hidden_size=5)


@check("batch_time")
def check_batch_sizes(subject: Subject) -> None:
    """Any batch size, in values, states and gradients."""
    _sweep(subject, "batch", VISITED, lambda n: replace(SMALL, batch=n))


@check("batch_time")
def check_lengths(subject: Subject) -> None:
    """Any number of steps, in values, states and gradients."""
    lengths = {"sequence": LENGTHS, "last": (1, 2, 9, 33), "cell": (1, 2, 9)}
    _sweep(subject, "steps", lengths[subject.interface.kind], lambda n: replace(SMALL, steps=n))


@check("batch_time")
def check_hidden_sizes(subject: Subject) -> None:
    """Any hidden size, in values, states and gradients."""
    _sweep(subject, "hidden", VISITED, lambda n: replace(SMALL, hidden_size=n))


@check("batch_time")
def check_input_sizes(subject: Subject) -> None:
    """Any input size, in values, states and gradients."""
    _sweep(subject, "input", VISITED, lambda n: replace(SMALL, input_size=n))


@check("batch_time")
def check_long_sequence(subject: Subject) -> None:
    """A sequence of 600 steps, in values and states."""
    if subject.interface.kind == "cell":
        raise Skipped("a cell knows no length")
    steps = 130 if subject.interface.kind == "last" else 600  # one call for each of them
    found = deviations(subject, Sizes(2, steps, 3, 4), dtype=subject.dtype)
    if found:
        raise Failed(f"over {steps} steps: {in_words(found)}")


@check("batch_time")
def check_combined_sizes(subject: Subject) -> None:
    """Several sizes large or equal at once, with and without a state."""
    for sizes in (
        Sizes(65, 3, 33, 129),
        Sizes(5, 5, 4, 7),
        Sizes(6, 6, 6, 3),
        Sizes(1, 5, 1, 1),
        Sizes(7, 1, 5, 1),
        Sizes(1, 1, 5, 8),
        Sizes(34, 40, 18, 10),
        Sizes(130, 70, 2, 3),
    ):
        for state in (True, False):
            found = _try(subject, sizes, state)
            if found:
                how = "a given state" if state else "the default state"
                raise Failed(f"{sizes}, {how}: {found}")


def _sweep(
    subject: Subject, name: str, values: tuple[int, ...], sizes: Callable[[int], Sizes]
) -> None:
    wrong: dict[int, str] = {}
    for n in values:
        found = _try(subject, sizes(n), state=True)
        if found:
            wrong[n] = found
    if not wrong:
        return
    right = [n for n in values if n not in wrong]
    first = min(wrong)
    raise Failed(f"{_where(name, right, sorted(wrong))}; at {name} {first}: {wrong[first]}")


def _try(subject: Subject, sizes: Sizes, state: bool) -> str:
    """What is off at these sizes, an exception included; empty where nothing is."""
    try:
        found: list[Deviation] = deviations(subject, sizes, gradients=True, state=state)
    except Exception as error:
        return f"raised {describe(error)}"
    return in_words(found) if found else ""


def _where(name: str, right: list[int], wrong: list[int]) -> str:
    """Such as: wrong from batch 110 on, right up to batch 100; or the list of sizes."""
    if not right:
        return f"wrong at every {name} size tried"
    if min(wrong) > max(right):
        return f"wrong from {name} {min(wrong)} on, right up to {name} {max(right)}"
    if max(wrong) < min(right):
        return f"wrong up to {name} {max(wrong)}, right from {name} {min(right)} on"
    listed = ", ".join(map(str, wrong[:8])) + (", …" if len(wrong) > 8 else "")
    return f"wrong at {name} {listed}; right at {name} {', '.join(map(str, right[:8]))}"
