"""A training run from beginning to end: set up, train, judge, measure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from impls.registry import implementations
from lstm_bench.errors import UsageError
from lstm_bench.measure import machine
from lstm_bench.training import coincidence, loop, text
from lstm_bench.training.files import Levels, Result
from lstm_bench.training.learner import Learner, Recipe, ReferenceLayer
from lstm_bench.training.pupil import Pupil

RECENT = 50
"""Updates over which the training perplexity is averaged."""


@dataclass(frozen=True)
class Session:
    """Everyone who learns, the judges (see `coincidence`), and what they learn."""

    recipe: Recipe
    corpus: text.Corpus
    batches: text.Batches
    held_out: text.Batches
    learners: Sequence[Pupil]
    exact: Learner
    rounded: Sequence[Learner]

    @classmethod
    def prepare(
        cls, corpus: text.Corpus, names: Sequence[str], recipe: Recipe, device: str = "cpu"
    ) -> Session:
        """Build everyone from the same weights, each implementation in a process of its own.

        Raises UsageError for what cannot be had.
        """
        for name in names:
            must_be_available(name)
        where = find_device(device)
        size = len(corpus.vocabulary)
        # The held-out part is the smaller one: where it is too short, this says so.
        held_out = text.Batches(corpus.held_out, recipe.batch, recipe.steps)
        batches = text.Batches(corpus.training, recipe.batch, recipe.steps)
        # The judges stay on the CPU: never on the device that is under test.
        exact = Learner("exact", ReferenceLayer, size, recipe, dtype=torch.float64)
        rounded = [
            Learner("rounded", ReferenceLayer, size, recipe),
            Learner("nudged", ReferenceLayer, size, recipe, nudged=True),
        ]
        pupils: list[Pupil] = []
        session = cls(recipe, corpus, batches, held_out, pupils, exact, rounded)
        try:
            for name in names:
                pupils.append(Pupil(name, size, recipe, str(where)))
        except BaseException:
            session.close()
            raise
        return session

    def failures(self) -> list[str]:
        """What became of learners whose process failed, in a sentence each."""
        return [f"{p.name} failed: {p.failed}" for p in self.learners if p.failed]

    def close(self) -> None:
        """End everyone's process."""
        for pupil in self.learners:
            pupil.close()

    def train(
        self, budget: loop.Budget, check_updates: int, on_block: Callable[[float], None]
    ) -> bool:
        """Train everyone. False where Ctrl-C ended it."""
        return loop.train(
            self.learners,
            (self.exact, *self.rounded),
            self.batches,
            budget,
            check_updates=check_updates,
            on_block=on_block,
        )

    def judge(self) -> coincidence.Coincidence:
        """Whether the loss curves are one curve."""
        longest_chain = self.recipe.steps * (len(self.corpus.vocabulary) + self.recipe.hidden)
        return coincidence.judge(
            {learner.name: learner.curve.losses for learner in self.learners},
            self.exact.curve.losses,
            [judge.curve.losses for judge in self.rounded],
            longest_chain,
        )

    def results(self) -> list[Result]:
        return [self._result(learner) for learner in self.learners]

    def _result(self, learner: Pupil) -> Result:
        curve = learner.curve
        durations = [b - a for a, b in zip([0.0, *curve.seconds], curve.seconds, strict=False)]
        recent = curve.losses[-RECENT:]
        return Result(
            learner.name,
            updates=len(curve),
            seconds=sum(durations),
            tokens_per_second=self.tokens_per_update / statistics.median(durations),
            training_perplexity=text.perplexity(statistics.fmean(recent)),
            perplexity=learner.held_out_perplexity(self.held_out, self.recipe.batch),
        )

    @property
    def tokens_per_update(self) -> int:
        return self.recipe.batch * self.recipe.steps

    def levels(self) -> Levels:
        return Levels(float(len(self.corpus.vocabulary)), self.corpus.unigram_perplexity)

    def facts(self) -> dict[str, Any]:
        """What ``train.json`` says of how the curves came about."""
        corpus = self.corpus
        return {
            "recipe": asdict(self.recipe),
            "optimiser": "SGD, Nesterov momentum, gradient clipped by its whole norm",
            "tokens_per_update": self.tokens_per_update,
            "updates_per_pass": self.batches.per_pass,
            "text": {
                "name": corpus.name,
                "sha256": corpus.sha256,
                "characters": len(corpus.training) + len(corpus.held_out),
                "held_out": len(corpus.held_out),
                "vocabulary": corpus.vocabulary,
            },
            "device": str(self.learners[0].device),
            "machine": machine.facts(self.learners[0].device),
        }


def load_corpus(file: str | None) -> text.Corpus:
    """The user's file, or Python's own prose."""
    if file is None:
        return text.make_corpus("pydoc_data.topics", text.python_prose())
    return text.make_corpus(Path(file).name, text.read_file(Path(file)))


def must_be_available(name: str) -> None:
    """Raises UsageError for an unknown name, or one that cannot be used here."""
    known = implementations()
    if name not in known:
        raise UsageError(f"no implementation is called '{name}'; there are: {', '.join(known)}")
    if (reason := known[name].unavailable()) is not None:
        raise UsageError(f"implementation '{name}' is not available here: {reason}")


def find_device(name: str) -> torch.device:
    """Raises UsageError where this machine has no such device."""
    try:
        device = torch.device(name)
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0].split(". ")[0]
        raise UsageError(f"device '{name}' cannot be used here: {reason}") from None
    if device.type == "cuda":
        # Else cuDNN's LSTM would round to TF32, 1e-3 off, and nobody else would.
        torch.backends.cudnn.allow_tf32 = False
    return device
