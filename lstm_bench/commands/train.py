"""``lstm-bench train``: every implementation learns a real text, side by side."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_bench.commands.options import options_of
from lstm_bench.commands.sizes import refuse_too_large
from lstm_bench.errors import UsageError
from lstm_bench.lab.worker import MANY, ahead
from lstm_bench.measure.workloads import Workload
from lstm_bench.plain import markup, plain

# torch takes seconds to import, so what needs it is imported where it is used.
if TYPE_CHECKING:
    from lstm_bench.training.files import Levels, Result
    from lstm_bench.training.loop import Budget
    from lstm_bench.training.session import Session
    from lstm_bench.training.text import Corpus

INTERRUPTED = 130
"""Exit code after Ctrl-C, the shell's own."""


@click.command()
@options_of("train")
def train(prefix: str | None, sample_length: int, temperature: float, **options: Any) -> int:
    """Train the character model on a text with each implementation, and compare the curves.

    Same initial weights, same batches in the same order, gradient descent with momentum and
    clipping for everyone. Exits with 1 where the loss curves do not coincide within the
    rounding of float32, or where nothing was learned.
    """
    with contextlib.closing(_prepare(options)) as session:
        return _trained(session, prefix, sample_length, temperature, options)


def _trained(
    session: Session,
    prefix: str | None,
    sample_length: int,
    temperature: float,
    options: Mapping[str, Any],
) -> int:
    from lstm_bench.training.files import open_folder
    from lstm_bench.training.loop import Budget

    prefix = _prefix(session.corpus, prefix)  # before the training, where a mistake is cheap
    folder = open_folder(Path(options["out"] or f"reports/train-{datetime.now():%Y%m%d-%H%M%S}"))
    if options["init"] == "documented":
        _warn("the documented standard normal saturates the gates: expect hardly any learning")

    finished = _train(
        session, Budget(options["seconds"], options["updates"]), options["check_updates"]
    )
    if any(len(learner.curve) == 0 for learner in session.learners):
        _warn("stopped before everyone had made an update: nothing to report")
        return INTERRUPTED
    sample = _sample(session, prefix, sample_length, temperature)
    facts = {"finished": finished, "prefix": prefix, "sample": sample, **session.facts()}
    right = _conclude(session, folder, facts)
    for failure in session.failures():
        _warn(failure)
    if not finished:
        return INTERRUPTED
    return 0 if right else 1


def _conclude(session: Session, folder: Path, facts: Mapping[str, Any]) -> bool:
    """Judge, write, print. False where the curves part or nothing was learned."""
    from lstm_bench.conformance.records import Status
    from lstm_bench.training.files import write_run

    coincidence, results, levels = session.judge(), session.results(), session.levels()
    curves = {learner.name: learner.curve for learner in session.learners}
    write_run(folder, curves, coincidence, results, levels, facts)
    learned, how_far = _learned(results, levels)
    _print_table(results)
    click.echo(how_far)
    click.echo(coincidence.message)
    if facts["sample"] is not None:
        click.echo(plain(f"\n{results[0].name} continues:\n{facts['prefix']}{facts['sample']}\n"))
    click.echo(f"curves: {folder}")
    return learned and coincidence.status is not Status.FAIL


def _prepare(o: Mapping[str, Any]) -> Session:
    ahead(*MANY)
    import torch

    from impls.registry import implementations
    from lstm_bench.training.learner import Recipe
    from lstm_bench.training.session import Session, load_corpus

    if o["threads"] is not None:
        torch.set_num_threads(o["threads"])
    available = [name for name, impl in implementations().items() if impl.unavailable() is None]
    recipe = Recipe(**{field.name: o[field.name] for field in fields(Recipe)})
    corpus = load_corpus(o["text"] and str(o["text"]))
    refuse_too_large([Workload(o["batch"], o["steps"], len(corpus.vocabulary), o["hidden"])])
    return Session.prepare(corpus, o["impls"] or available, recipe, o["device"])


def _train(session: Session, budget: Budget, check_updates: int) -> bool:
    """Train with a progress bar on stderr. False where Ctrl-C ended it."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from lstm_bench.commands.screen import screen
    from lstm_bench.training.text import perplexity

    columns = (TextColumn("training"), BarColumn(), TimeRemainingColumn())
    state = TextColumn("update {task.fields[update]}, perplexity {task.fields[perplexity]:.4g}")
    with Progress(*columns, state, console=screen(stderr=True)) as progress:
        task = progress.add_task("", total=1.0, update=0, perplexity=session.levels().uniform)

        def on_block(share: float) -> None:
            losses = session.learners[0].curve.losses
            if losses:
                now = perplexity(sum(losses[-10:]) / len(losses[-10:]))
                progress.update(task, completed=share, update=len(losses), perplexity=now)

        return session.train(budget, check_updates, on_block)


def _prefix(corpus: Corpus, given: str | None) -> str:
    """The prefix to continue. Raises UsageError for one that the text's vocabulary cannot spell."""
    if given is None:
        usual = "The function "
        return (
            usual if set(usual) <= set(corpus.vocabulary) else corpus.decode(corpus.held_out[:20])
        )
    if not given:
        raise UsageError("--prefix needs at least one character")
    corpus.encode(given)
    return given


def _sample(session: Session, prefix: str, length: int, temperature: float) -> str | None:
    """What the first learner writes after the prefix; None where it holds no numbers any more."""
    learner = session.learners[0]
    if not math.isfinite(learner.curve.losses[-1]):
        return None
    seed = session.recipe.seed
    ids = session.corpus.encode(prefix)
    return session.corpus.decode(learner.continue_text(ids, length, temperature, seed))


def _print_table(results: Sequence[Result]) -> None:
    from rich.table import Table

    from lstm_bench.commands.screen import screen

    table = Table()
    columns = ("updates", "tokens/s", "training perplexity", "held-out perplexity")
    table.add_column("implementation")
    for column in columns:
        table.add_column(column, justify="right")
    for r in results:
        speed = f"{r.tokens_per_second:,.0f}"
        table.add_row(
            markup(r.name), str(r.updates), speed, f"{r.training_perplexity:.5g}",
            f"{r.perplexity:.5g}",
        )  # fmt: skip
    screen().print(table)


def _learned(results: Sequence[Result], levels: Levels) -> tuple[bool, str]:
    """Whether perplexity fell below guessing's at all, and in one line how far."""
    worst = max(result.perplexity for result in results)
    compared = (
        f"held-out perplexity {worst:.4g} (guessing: {levels.uniform:.0f}, "
        f"character frequencies alone: {levels.unigram:.4g})"
    )
    if worst < levels.unigram:
        return True, compared
    if worst < levels.uniform:
        return True, f"hardly anything was learned, too few updates perhaps: {compared}"
    return False, f"nothing was learned, the learning rate is too high perhaps: {compared}"


def _warn(message: str) -> None:
    click.echo(f"warning: {message}", err=True)
