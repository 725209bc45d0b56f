"""Where probing could not say which parameter is which: read them by shape, and try all orders.

Blocks of weights are cut out by shape alone (four over x, four over h), each order of the four
gates is a reading, and every mistake that leaves the gates' order alone is tried on each. One
that gives the module's results to the last digits explains both the order and the mistake.
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.variants.blocks import Blocks, biases_by_side, gather
from lstm_bench.conformance.variants.probe import Call, Probe
from lstm_bench.theory.matching import Question, matching
from lstm_bench.theory.mistakes import IN_VALUES, Mistake
from lstm_bench.theory.mistakes.made import relabels

MOST_SECONDS = 6.0
USUAL_ORDERS = ("ifao", "ifoa", "fioa", "iafo", "aifo", "fiao")
"""Orders of the gates seen in public code, the most frequent first."""


def diagnose_unmapped(module: Any, sizes: tuple[int, int], call: Call | None) -> list[str] | None:
    """What is wrong with a module that has an LSTM's weights but no mapping; [] where unknown.

    None where nothing is: in one reading its values are an LSTM's. module: of ``sizes`` (I, H);
    its parameters are overwritten. call(x (B, T, I), (h, c)) → its parts. Never raises.
    """
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _diagnose(Probe(module, sizes, call))
    except Exception:  # a stranger's module
        return []


def _diagnose(probe: Probe) -> list[str] | None:
    x = probe.normal(5, 3, probe.input_size)
    h, c = 0.5 * probe.normal(5, probe.hidden_size), probe.normal(5, probe.hidden_size)
    limit = 1e-9 if probe.dtype == torch.float64 else 2e-5

    def close(_: str, value: Tensor, expected: Tensor) -> bool:
        return relative_error(value, expected) <= limit

    # One step is a third of the work, and mostly enough: whoever fits there is asked again.
    first, got = probe.run(x[:, :1], h, c), probe.run(x, h, c)
    other = probe.run(x, -h, -c)
    takes_state = any(not torch.equal(got[part], other[part]) for part in got)
    state = (h.double(), c.double()) if takes_state else None
    mistakes = [m for m in IN_VALUES if m.failure_class != "numerics" and not relabels(m)]
    candidates = [NONE, *mistakes]
    until = time.monotonic() + MOST_SECONDS
    for parameters, shared in readings(probe):
        asked = Question(dict(parameters.named()), x.double(), state)
        fitting = matching(candidates, asked.first_step(), first.items(), close)
        found = next(matching(fitting, asked, got.items(), close), None)
        if found is NONE:
            return [SHARED] if shared else None
        if found is not None:
            return [found.sentence]
        if time.monotonic() > until:
            break
    return []


NONE = Mistake((), "", "nothing is wrong")
SHARED = "every gate uses the same bias: there is one bias for all gates"


def readings(probe: Probe) -> Iterator[tuple[Parameters, bool]]:
    """Every way in which the blocks can be an LSTM's parameters, usual orders first.

    With each, whether one bias serves all gates.
    """
    orders = [tuple(order) for order in USUAL_ORDERS]
    orders += [o for o in itertools.permutations("ifoa") if o not in orders]
    for order in orders:
        for blocks in _cuts(probe):
            yield _parameters(blocks, order), len(blocks.bias) == 1


def _cuts(probe: Probe) -> list[Blocks]:
    """The ways to cut the tensors up: square ones either way round, [x, h] or [h, x]."""
    I, H = probe.input_size, probe.hidden_size  # noqa: E741
    shapes = [tuple(t.shape) for t in probe.tensors.values()]
    flips = (True, False) if any(shape[-2:] == (H, H) for shape in shapes) else (False,)
    joint = any(I + H in shape for shape in shapes)
    found = []
    for flipped in flips:
        for h_first in (False, True) if joint else (False,):
            blocks = gather(probe.tensors, I, H, flipped=flipped, h_first=h_first)
            if len(blocks.x) == len(blocks.h) == 4 and not blocks.extra:
                found.append(blocks)
    return found


def _parameters(blocks: Blocks, order: tuple[str, ...]) -> Parameters:
    over_x, over_h = biases_by_side(blocks)
    place = [order.index(gate) for gate in "ifoa"]
    return Parameters(
        torch.stack([blocks.x[k].value for k in place]).double(),
        torch.stack([blocks.h[k].value for k in place]).double(),
        torch.stack([over_x[k] + over_h[k] for k in place]).double(),
    )
