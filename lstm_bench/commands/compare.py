"""``lstm-bench compare``: which of two is faster, how much, and how sure is that?"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from lstm_bench.commands import decisions
from lstm_bench.commands.options import options_of, write_json
from lstm_bench.commands.targets import refuse_missing
from lstm_bench.errors import UsageError
from lstm_bench.lab.worker import MANY, ahead

EPILOG = """\b
Examples:
  lstm-bench compare torch_nn mine.py:MyLSTM
  lstm-bench compare documented_loop batched_gates --batch 1,32 --hidden 128 --pass forward
  lstm-bench compare --resume reports/compare-20250131-120000

\b
Exit codes: 0 every cell is decided, 2 wrong input, 3 some is undecided,
4 one of the two is incorrect, 130 stopped by Ctrl-C (go on with --resume).
"""


@click.command(epilog=EPILOG)
@click.argument("baseline", required=False)
@click.argument("candidate", required=False)
@options_of("compare")
def compare(baseline: str | None, candidate: str | None, **options: Any) -> int:
    """Compare CANDIDATE with BASELINE: registered names, module:attribute or file.py:attribute.

    Both are judged by all checks first; there is no ratio with a wrong one. Then fresh pairs of
    processes take turns until every cell is decided or the budget is spent: faster, slower,
    equal within the margin, or undecided, with the slowdown that could still be there unseen.
    A ratio is candidate / baseline: above 1, the candidate is slower.
    """
    session = _session(baseline, candidate, options)
    wrong, decision = decisions.judged_and_run(session, decisions.budget_of(options, session.plan))
    if decision is None:
        return decisions.refused(session, wrong, options["json_file"])
    document = session.as_json(decision)
    write_json(document, options["json_file"])
    if options["json_file"] != "-":
        decisions.show(session, decision)
        click.echo(document["answer"])
        decisions.report(session.folder)
    if decision.interrupted:
        click.echo(f"Stopped. Go on with: lstm-bench compare --resume {session.folder}", err=True)
        return 130
    verdicts = {cell["verdict"] for cell in document["cells"]}
    if verdicts & {"failed", "unearned"}:
        return 4
    return 3 if verdicts & {"undecided", "not slower"} else 0


def _session(baseline: str | None, candidate: str | None, options: dict[str, Any]) -> Any:
    resume: Path | None = options["resume"]
    if resume is not None:
        from lstm_bench.compare.session import Session

        return Session.resume(resume)
    if not baseline or not candidate:
        raise UsageError("name two subjects, such as torch_nn and mine.py:MyLSTM")
    refuse_missing((baseline, candidate))
    ahead(*MANY)
    from impls.registry import implementations
    from lstm_bench.compare.arena import Cell
    from lstm_bench.compare.arms import Side
    from lstm_bench.compare.session import Plan, Session

    registered = implementations()
    ours = all(name in registered for name in (baseline, candidate))
    sizes = decisions.workloads(options, head=ours)
    plan = Plan(
        f"{candidate} against {baseline}:",
        Side(f"baseline {baseline}", (baseline,)),
        Side(f"candidate {candidate}", (candidate,)),
        tuple(Cell(0, size, name) for size in sizes for name in decisions.passes(options)),
        decisions.conditions(options),
        decisions.settings(options, both_ways=True),
        "lstm-bench " + shlex.join(sys.argv[1:]),
    )
    return Session.create(decisions.folder_for("compare", options["out"]), plan)
