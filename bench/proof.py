"""Everything whose answer is known, judged by one runner, set by set.

    python -m bench.proof                                     # all sets, more than an hour
    python -m bench.proof planted --only state                # one set, rows of this name
    python -m bench.proof spellings --seeds 2 --number 10     # ten rows, spread over all
    python -m bench.proof spellings --number 10 --turn 331    # other ten
    python -m bench.proof blind/values --jobs 1

Rows are kept in rows.jsonl of the set's folder, with a fingerprint of the code they rest on: begun
again, it goes on where it stopped, and what has not changed is not judged again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench import blind, false_alarms, planted, stacks
from bench.kept import Kept, Known, spread
from lstm_bench.conformance import checks  # noqa: F401 - registers them before the fork

SETS: dict[str, Callable[[int], Known]] = {
    "planted": lambda seeds: planted.KNOWN,
    "spellings": false_alarms.known,
    "stacks": stacks.known,
    **{f"blind/{name}": partial(blind.known, name) for name in blind.names()},
}
"""By name; what is judged with several seeds is told how many."""


def main() -> None:
    options = parse()
    for name in options.sets or SETS:
        known = SETS[name](options.seeds)
        keys = [key for key in known.tasks if options.only in key]
        keys = spread(keys, options.number, options.turn)
        folder = options.out / name
        rows = list(run(known, keys, folder, options.jobs))
        known.write(rows, folder)
        print((folder / "summary.md").read_text())


def run(known: Known, keys: list[str], out: Path, jobs: int) -> Iterator[dict[str, Any]]:
    """Rows in the order of their keys; those that are not known yet are judged first."""
    kept = Kept(out / "rows.jsonl", known.rests_on)
    left = [(key, known.tasks[key]) for key in keys if key not in kept.rows]
    # A process for each: some subjects change settings of the whole process.
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        judged = pool.imap_unordered(partial(_judged, known.one), left)
        for done, (key, row) in enumerate(judged, len(keys) - len(left) + 1):
            kept.add(key, row)
            print(f"{done}/{len(keys)} {key}: {known.said(row)}", flush=True)
    yield from (kept.rows[key] for key in keys)


def _judged(
    one: Callable[[Any], dict[str, Any]], task: tuple[str, Any]
) -> tuple[str, dict[str, Any]]:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    key, subject = task
    return key, one(subject)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"{', '.join(SETS)}; default: all")
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    parser.add_argument("--number", type=int, help="how many rows of a set; default: all")
    parser.add_argument("--turn", type=int, default=0, help="with --number: other rows each turn")
    parser.add_argument("--seeds", type=int, default=20, help="for each right spelling")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("reports/proof"))
    options = parser.parse_args()
    unknown = [name for name in options.sets if name not in SETS]
    if unknown:
        parser.error(f"no set is called '{unknown[0]}': there are {', '.join(SETS)}")
    return options


if __name__ == "__main__":
    main()
