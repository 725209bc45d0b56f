"""Every registered implementation has every property, on drawn sizes and data.

Hypothesis draws the configuration and an integer seed; tensors come from a seeded generator.
Drawn tensors would be filled with one background value, and equal weights hide permuted gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from impls.registry import implementations
from tests.impls.properties import (
    PROPERTIES,
    Case,
    agrees_in_float32,
    agrees_in_float64,
    parameters_travel_between,
)

NAMES = tuple(implementations())

sizes = st.lists(
    st.integers(1, 9) | st.sampled_from([16, 17, 31, 33]), min_size=4, max_size=4, unique=True
)
"""I, H, B, T, pairwise different: equal sizes hide transposed matrices and mixed-up axes."""

cases = st.builds(
    lambda sizes, seed, head, state, cotangents: Case(*sizes, seed, head, state, cotangents),
    sizes,
    st.integers(0, 2**31),
    st.booleans(),
    st.booleans(),
    st.sampled_from([("y", "h", "c"), ("y",), ("h",), ("c",)]),
)


def available(name: str) -> Callable[..., Any]:
    """The factory by name; skips the test, with the reason, where it is not available here."""
    implementation = implementations()[name]
    if (reason := implementation.unavailable()) is not None:
        pytest.skip(f"{name} is not available: {reason}")
    return implementation.load()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda p: p.__name__)
@given(case=cases)
@example(case=Case(I=3, H=5, B=2, T=4))
@example(case=Case(I=3, H=5, B=1, T=4))
@example(case=Case(I=3, H=5, B=2, T=1))
@example(case=Case(I=3, H=1, B=2, T=4))
@example(case=Case(I=1, H=1, B=1, T=1))
@example(case=Case(I=4, H=4, B=4, T=4))
def test_property_holds(name: str, holds: Callable[..., None], case: Case) -> None:
    """Each property, each implementation; the examples are the sizes that trip layouts up."""
    holds(available(name), case)


@pytest.mark.parametrize("one", NAMES)
@pytest.mark.parametrize("other", NAMES)
@given(case=cases)
def test_parameters_travel(one: str, other: str, case: Case) -> None:
    """Values and gradients pass from any implementation to any other unchanged."""
    parameters_travel_between(available(one), available(other), case)


@pytest.mark.cuda
@pytest.mark.parametrize("name", NAMES)
def test_agreement_on_cuda(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same logic and arithmetic on a GPU; without TF32, which is a setting and no bug."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    case = Case(I=17, H=33, B=9, T=16, device="cuda")
    agrees_in_float64(available(name), case)
    agrees_in_float32(available(name), case)
