"""Every cheat and twin of one file on trial: ``python -m tests.cheats.trial FILE`` prints JSON.

The process imports and never calls; each question is asked in a fork of it, since a cheat may
patch whatever it likes. The answer to a question is "" where all is well, or what is wrong.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_bench.subject.load import load_target
from tests.cheats import ENTRIES, Entry, Sizes
from tests.cheats.demonstrations import (
    DEMONSTRATIONS,
    Case,
    as_arrays,
    as_in_a_benchmark,
    clocks,
    differ,
    flat,
    functions_of_torch,
    gradients,
    lstm_in_numpy,
    nn_lstm,
    settings,
)

SMALL: tuple[Sizes, ...] = ((5, 3, 4, 6), (1, 1, 2, 1), (7, 2, 3, 5))
AT: Sizes = (64, 8, 16, 64)
"""The smallest sizes that every cheat takes for a benchmark's."""

PATIENCE = 60
"""Seconds after which a question counts as hanging."""


# --- does it look honest? ------------------------------------------------------------------------


def looks_honest(cls: type[nn.Module]) -> str:
    """The first call of a new layer agrees with nn.LSTM at small sizes."""
    return next((said for sizes in SMALL for said in first_calls(Case(cls, sizes)) if said), "")


def first_calls(case: Case) -> Iterator[str]:
    """Complaints about a call without gradients, one with a state, and one in training."""
    _, B, _, H = case.sizes
    x = case.tensor(1)
    h, c = (torch.from_numpy(part) for part in states(B, H))
    lstm = nn_lstm(case, Case(case.base, case.sizes).layer())
    with torch.no_grad():
        plain, given = (as_arrays(flat(lstm(x.double(), hx))) for hx in (None, double(h, c)))
    cotangents = [torch.from_numpy(part).float() for part in plain]
    slopes = gradients(lstm, x.double(), [part.double() for part in cotangents])
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            yield compared(case, flat(case.layer()(x)), plain, "values")
            yield compared(case, flat(case.layer()(x, (h, c))), given, "values from a state")
    found = gradients(case.layer().train(), x, cotangents)
    yield "gradients differ" if differ(found, slopes, case.terms) else ""


def states(B: int, H: int) -> tuple[np.ndarray, np.ndarray]:
    drawn = np.random.default_rng(5)
    h, c = (drawn.standard_normal((1, B, H)).astype(np.float32) for _ in "hc")
    return h, c


def double(*parts: Tensor) -> tuple[Tensor, ...]:
    return tuple(part.double() for part in parts)


def compared(case: Case, result: Any, expected: Any, what: str) -> str:
    wrong = differ(tuple(as_arrays(result)), tuple(expected), case.terms)
    return f"{what} differ at {case.sizes}" if wrong else ""


# --- does a twin stay honest? --------------------------------------------------------------------


def stays_honest(cls: type[nn.Module], sizes: Sizes) -> str:
    """In many calls, with old and new inputs, after new weights, in all modes."""
    lives = (long_life(Case(cls, SMALL[0])), long_life(Case(cls, SMALL[1])),
             short_life(Case(cls, sizes)))  # fmt: skip
    return next((said for life in lives for said in life if said), "")


def long_life(case: Case) -> Iterator[str]:
    layer = case.layer()
    for mode in (torch.inference_mode, torch.no_grad, torch.enable_grad):
        with mode():
            yield many_calls(case, layer, mode.__name__)
        change_weights(layer)
    yield training(case, layer.train())
    layer.load_state_dict(case.layer().state_dict())
    with torch.no_grad():
        yield many_calls(case, layer, "loaded weights")
        yield many_calls(case, copy.deepcopy(layer), "a copy")
        yield many_calls(case, layer.double().float(), "another dtype and back")


def short_life(case: Case) -> Iterator[str]:
    layer = case.layer()
    for _ in range(2):
        with torch.inference_mode():
            yield many_calls(case, layer, "inference_mode")
        yield training(case, layer)
        change_weights(layer)


def many_calls(case: Case, layer: nn.Module, when: str) -> str:
    """The same input, changed in place, a fresh one, with a state; earlier results stay."""
    kept = []
    buffer = case.tensor(0)
    given = tuple(torch.from_numpy(part) for part in states(case.sizes[1], case.sizes[3]))
    for number in (0, 0, 1, 2, 1, 3, 0, 4):
        buffer = buffer if number < 3 else case.tensor(number)
        buffer.copy_(case.tensor(number))
        kept.append((number, flat(layer(buffer, given if number == 3 else None))))
    right = {number: by_numpy(case, layer, number) for number in range(5)}
    said = (compared(case, result, right[n], f"values ({when})") for n, result in kept)
    return next((sentence for sentence in said if sentence), "")


def by_numpy(case: Case, layer: nn.Module, number: int) -> tuple[np.ndarray, ...]:
    """Right values for an input of ``many_calls``, of which number 3 comes with a state."""
    start = states(case.sizes[1], case.sizes[3])
    h, c = start if number == 3 else (np.zeros_like(part) for part in start)
    y, h, c = lstm_in_numpy(case.weights(layer), case.draw(number), h, c)
    return case.layout(y), h, c


def change_weights(layer: nn.Module) -> None:
    with torch.no_grad():
        for weight in layer.parameters():
            weight.mul_(0.9)


def training(case: Case, layer: nn.Module) -> str:
    lstm = nn_lstm(case, layer)
    with torch.no_grad():
        parts = [part.float() for part in flat(lstm(case.tensor(0).double()))]
    for number in (0, 0, 1, 2):
        x = case.tensor(number)
        cotangents = [part * (number + 1) for part in parts]
        ours = gradients(layer, x, cotangents)
        theirs = gradients(lstm, x.double(), [part.double() for part in cotangents])
        if differ(ours, theirs, case.terms):
            return f"gradients differ at {case.sizes}"
    return ""


# --- questions -----------------------------------------------------------------------------------


def load(target: str) -> type[nn.Module]:
    cls = load_target(target)
    assert isinstance(cls, type)
    return cls


def import_is_harmless(file: str, *_: Any) -> str:
    """Nothing is touched and nothing is started."""

    def look() -> dict[str, Any]:
        alive = {"alive": [thread.name for thread in threading.enumerate()]}
        return {**clocks(), **functions_of_torch(), **settings(), **alive}

    before = look()
    load(next(entry.cheat for entry in ENTRIES if entry.file == file))
    after = look()
    changed = [name for name, value in before.items() if after.get(name) != value]
    return f"importing {file} changes {', '.join(changed)}" if changed else ""


def check_looks(target: str, _: Entry) -> str:
    return looks_honest(load(target))


def check_stays(target: str, entry: Entry) -> str:
    return stays_honest(load(target), AT)


def shows(target: str, entry: Entry) -> bool:
    with as_in_a_benchmark():
        return DEMONSTRATIONS[entry.shown_by](Case(load(target), AT))


def cheats(target: str, entry: Entry) -> str:
    return "" if shows(target, entry) else f"it was not caught at it ({entry.shown_by})"


def is_clear(target: str, entry: Entry) -> str:
    return f"it looks like a cheat ({entry.shown_by})" if shows(target, entry) else ""


def questions(file: str) -> dict[str, Callable[[], str]]:
    """By ``Name.question``."""
    asked: dict[str, Callable[[], str]] = {
        "file.import_is_harmless": functools.partial(import_is_harmless, file)
    }
    for entry in ENTRIES:
        if entry.file != file:
            continue
        pairs = ((entry.cheat, (check_looks, cheats)),
                 (entry.twin, (check_looks, check_stays, is_clear)))  # fmt: skip
        for target, kinds in pairs:
            for kind in kinds:
                name = f"{target.rpartition(':')[2]}.{kind.__name__}"
                asked[name] = functools.partial(kind, target, entry)
    return asked


def in_a_fork(question: Callable[[], str]) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(PATIENCE)
        try:
            said = question()
        except BaseException:
            said = traceback.format_exc(limit=-4)
        os.write(writing, b"done" + said.encode()[-4000:])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        # A server that a cheat has left behind holds the pipe open; the child's word is one write.
        told = os.read(pipe.fileno(), 8192)
    os.waitpid(child, 0)
    return told[4:].decode() if told else "its process ended or hung"


def main() -> None:
    os.chdir(Path(__file__).parents[2])
    wanted = sys.argv[2:]
    sys.argv[2:] = []
    slow = "--seconds" in wanted
    told = {}
    for name, question in questions(sys.argv[1]).items():
        start = time.monotonic()
        if not set(wanted) - {"--seconds"} or name.partition(".")[0] in {*wanted, "file"}:
            told[name] = in_a_fork(question)
            if slow:
                print(f"{time.monotonic() - start:6.2f} {name} {told[name]}", file=sys.stderr)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
