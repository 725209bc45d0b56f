"""A right verdict, confirmed from outside: by a process that has run none of the subject's code.

The checks share a process with the subject that they judge, so that whoever replaces what they
compare with, or answers in their place, conforms. Here the subject's process is only asked: for
results and gradients at sizes and on values drawn by chance, which are compared where no line of
its code has ever been run.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from lstm_bench.conformance.isolate import Limits
from lstm_bench.conformance.records import Judgement, Options, Verdict
from lstm_bench.lab.worker import WorkerError
from lstm_bench.measure.examiner import Examiner, Exams, Terms, UnearnedError, WrongResultError
from lstm_bench.measure.workloads import Workload
from lstm_bench.subject.construct import flattened
from lstm_bench.subject.parcel import Parcel

PASSES = ("forward", "step")
"""Values as they come without a graph; and values and every gradient."""

CALLS = 3


def confirmed(judgement: Judgement, parcel: Parcel, options: Options, limits: Limits) -> Judgement:
    """The judgement, if it is ``conforms`` no longer where the subject answers otherwise here."""
    if judgement.verdict is not Verdict.CONFORMS:
        return judgement
    verdict, said = Verdict.DEFECTIVE, ""
    # What is asked from outside is one layer in one direction.
    stack = set(map(str, judgement.interface.get("stacked_by", ())))
    plain = {n: v for n, v in flattened(options.kwargs).items() if n in stack}
    parcel = parcel.having(plain) if plain else parcel
    terms = Terms(memory_gib=limits.memory_gib)
    try:
        with Examiner(
            parcel, terms, root=options.root, environment=options.environment
        ) as examiner:
            examiner.open(None)
            examiner.sit(_drawn(), Exams(gradients=True))
            for name in PASSES:
                examiner.begin(name)
                examiner.last_one()
                examiner.take(CALLS)
        return judgement
    except (WrongResultError, UnearnedError) as error:
        said = (
            "asked by a process that has run none of its code, it gives other answers than to the "
            f"checks beside it: {error}"
        )
    except WorkerError as error:
        verdict = Verdict.INCONCLUSIVE
        said = f"it conforms to the checks beside it, and from outside it {error}"
    return replace(judgement, verdict=verdict, diagnosis=(said, *judgement.diagnosis))


def _drawn() -> Workload:
    """Sizes that nobody knows beforehand, pairwise different."""
    batch, steps, features, units = secrets.SystemRandom().sample(range(2, 9), 4)
    return Workload(batch, steps, features, units, head=False)
