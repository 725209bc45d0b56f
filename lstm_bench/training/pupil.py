"""A learner in a process of its own: what it runs may be anybody's.

The same methods as :class:`lstm_bench.training.learner.Learner`; data goes there and losses come
back as plain numbers. One whose process fails learns nothing more: its losses are no numbers, and
``failed`` says why. The others go on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from impls.registry import implementations
from lstm_bench.errors import UsageError
from lstm_bench.lab.server import serve
from lstm_bench.lab.wire import Line
from lstm_bench.lab.worker import Worker, WorkerError
from lstm_bench.measure.machine import settle, use
from lstm_bench.training.learner import Curve, Learner, Recipe
from lstm_bench.training.text import Batch, Batches

ENTRY = "lstm_bench.training.pupil:work"

PATIENCE = 600.0
"""Seconds for one update, however large the layer."""


class Pupil:
    """A learner, as the process that trains everyone sees it."""

    def __init__(self, name: str, vocabulary_size: int, recipe: Recipe, device: str) -> None:
        """Raises UsageError where there is no such implementation, or it cannot be built."""
        self.name, self.device = name, torch.device(device)
        self.curve, self.failed = Curve(), ""
        arguments: dict[str, Any] = {
            "name": name,
            "location": implementations()[name].location, "vocabulary_size": vocabulary_size,
            "recipe": asdict(recipe), "device": device, "threads": torch.get_num_threads(),
        }  # fmt: skip
        self._worker = Worker(ENTRY, arguments)
        try:
            self._worker.ask("begin", patience=PATIENCE)
        except WorkerError as error:
            self.close()
            raise UsageError(f"{name} cannot be trained: {error}") from None

    def close(self) -> None:
        self._worker.close()

    def update(self, batch: Batch) -> float:
        """One forward, backward and step on a batch. Returns the loss before the step."""
        return self._number("update", **_plain(batch))

    def held_out_perplexity(self, batches: Batches, batch_size: int) -> float:
        """Exp of the mean loss over one pass through ``batches``, from the zero state on."""
        return self._number(
            "held_out", ids=batches.ids.tolist(), batch_size=batch_size, steps=batches.steps
        )

    def continue_text(self, prefix: Tensor, length: int, temperature: float, seed: int) -> Tensor:
        """``length`` ids drawn one by one after ``prefix`` (N,)."""
        found = self._ask(
            "continue_text", prefix=prefix.tolist(), length=length, temperature=temperature,
            seed=seed,
        )  # fmt: skip
        return torch.tensor([int(k) for k in found or ()], dtype=torch.long)

    def _number(self, request: str, **arguments: Any) -> float:
        try:
            return float.fromhex(str(self._ask(request, **arguments)))
        except ValueError:
            return math.nan

    def _ask(self, request: str, **arguments: Any) -> Any:
        if self.failed:
            return None
        try:
            return self._worker.ask(request, patience=PATIENCE, **arguments)
        except WorkerError as error:
            self.failed = str(error)
            return None


def _plain(batch: Batch) -> dict[str, Any]:
    return {
        "inputs": batch.inputs.tolist(), "targets": batch.targets.tolist(), "fresh": batch.fresh
    }  # fmt: skip


# -- in the learner's process --------------------------------------------------------------------


def work(
    line: Line, name: str, location: str, vocabulary_size: int, recipe: Mapping[str, Any],
    device: str, threads: int,
) -> None:  # fmt: skip
    """Learn what is sent until the other end has gone. Losses travel as hexadecimal floats."""
    from lstm_bench.subject.load import load_target

    settle(device, threads)
    learner: Learner | None = None

    def begin() -> None:
        nonlocal learner
        use(device)
        known = implementations()
        make = known[name].load() if name in known else load_target(location)
        learner = Learner(name, make, vocabulary_size, Recipe(**recipe), device=device)

    def known() -> Learner:
        assert learner is not None
        return learner

    def update(inputs: list[Any], targets: list[int], fresh: bool) -> str:
        batch = Batch(torch.tensor(inputs), torch.tensor(targets), fresh)
        return known().update(batch).hex()

    def held_out(ids: list[int], batch_size: int, steps: int) -> str:
        batches = Batches(torch.tensor(ids), batch_size, steps)
        return known().held_out_perplexity(batches, batch_size).hex()

    def continue_text(prefix: list[int], length: int, temperature: float, seed: int) -> list[int]:
        drawn = known().continue_text(torch.tensor(prefix), length, temperature, seed)
        return [int(k) for k in drawn]

    requests = (begin, update, held_out, continue_text)
    serve(line, {request.__name__: request for request in requests})
