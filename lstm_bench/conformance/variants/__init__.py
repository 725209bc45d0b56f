"""Recurrences by design that are not the plain LSTM, recognised by what they do.

A variant has its own parameters or structure; what has just an LSTM's and gets something wrong
is defective, and no business of this room. First come equations: a known recurrence that gives
the same results from the same blocks of weights is proven. Then behaviour that no LSTM shows
(a peephole's weight bends what c does to itself; scaling all weights leaves a normalised one as
it is, an option of the constructor moves a limit), then what the number of blocks alone says.
Names are supporting evidence, where both a design and a mistake would behave alike.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from lstm_bench.conformance.variants import behaviour, structure
from lstm_bench.conformance.variants.probe import Call, Options, Probe

Look = Callable[[Probe], Iterator[str]]

ALWAYS: tuple[Look, ...] = (
    structure.torch_layers,
    structure.several,
    structure.convolutional,
    behaviour.normalised,
    behaviour.peepholes,
    behaviour.residual,
    behaviour.clipped,
    behaviour.zoneout,
    behaviour.exponential,
    behaviour.rectified,
)
WITHOUT_ALL_GATES: tuple[Look, ...] = (
    structure.projected,
    behaviour.without_recurrence,
    behaviour.missing_gates,
    structure.by_count,
)


@dataclass(frozen=True)
class Explanation:
    """A sentence that names the recurrence."""

    sentence: str


def recognise_variant(
    module: Any,
    sizes: tuple[int, int],
    call: Call | None,
    *,
    has_all_gates: bool = False,
    proven: bool = False,
    options: Options | None = None,
) -> Explanation | None:
    """The first recurrence that fits, or None. Never raises.

    module: of ``sizes`` (I, H); its parameters are overwritten. call(x (B, T, I), (h, c)) → its
    parts y, h, c, or None where no call is known.
    has_all_gates: it has all of an LSTM's weights. Then only what it has besides, or does
    throughout, makes it a variant; a gate that does not use its own weights is a defect.
    proven: moderate values are an LSTM's; only large ones can be another recurrence's.
    options: of its constructor, each with another value: what one of them switches off or moves
    is meant.
    """
    try:
        probe = Probe(module, sizes, call, options)
    except Exception:  # a module whose parameters cannot be written
        return None
    looks = ALWAYS if has_all_gates else (structure.by_equation, *ALWAYS, *WITHOUT_ALL_GATES)
    looks = (behaviour.clipped,) if proven else looks
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        for look in looks:
            try:
                sentence = next(iter(look(probe)), None)
            except Exception:  # what cannot be looked at is not recognised
                continue
            if sentence is not None:
                return Explanation(sentence)
    return None


__all__ = ["Explanation", "recognise_variant"]
