"""``lstm-bench calibrate``: what can this machine decide?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lstm_bench.commands.options import options_of, write_json
from lstm_bench.commands.places import probe_file

if TYPE_CHECKING:
    from lstm_bench.compare.calibration import Profile, Way

EPILOG = """\b
Examples:
  lstm-bench calibrate
  lstm-bench calibrate --budget 10m --margin 3%

\b
Exit codes: 0 differences of the margin can be told here, 2 wrong input, 3 they cannot.
"""


@click.command(epilog=EPILOG)
@options_of("calibrate")
def calibrate(
    device: str, budget: float, margin: float, seed: int, json_file: str | None, out: Path | None
) -> int:
    """Find out how noisy this machine is, how samples are best taken, and what it can tell.

    The same code is compared with itself under several settings (threads, pinning, clock, length
    of a batch), which take turns. From what that gives, whole runs of `guard` are replayed with
    known slowdowns. The profile is kept, and compare, guard and choose use the best setting and
    warn where the margin is out of reach. Calibrate in the conditions that you will measure in:
    beside the neighbours that will be there.
    """
    from lstm_bench.commands.progress import progress_line
    from lstm_bench.compare import calibration

    path = out or calibration.path_of(device)
    probe_file(path, "the profile", parents=True)  # before the minutes that it takes
    with progress_line() as told:
        profile = calibration.calibrate(device, budget, seed, told)
    calibration.save(profile, path)
    write_json(profile.as_json(), json_file)
    if json_file != "-":
        _show(profile, margin)
        click.echo(f"Profile: {path}")
    return 0 if profile.tells(margin) else 3


def _show(profile: Profile, margin: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("setting")
    for column in ("noise of a block", "1 in 20 off by", "s a block", "blocks", "tells"):
        table.add_column(column, justify="right")
    for way in profile.ways:
        table.add_row(
            way.name, f"{way.spread:.1%}", f"{way.tail:.1%}", f"{way.block_seconds:.1f}",
            str(way.blocks), _tells(way),
        )  # fmt: skip
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for name, noise in profile.noise.items():
        console.print(f"  noise of {name}: {noise:.1%}", highlight=False)
    click.echo(answer(profile, margin))


def _tells(way: Way) -> str:
    if not way.known:
        return "too few blocks"
    return "> 50%" if way.tells is None else f"{way.tells:.1%}"


def answer(profile: Profile, margin: float) -> str:
    """The profile in a sentence: what is promised, and on how many blocks that rests."""
    from lstm_bench.compare.calibration import LEAST_BLOCKS

    best = profile.best
    blocks = f"{best.blocks} block{'' if best.blocks == 1 else 's'}"
    if not best.known:
        return (
            f"Nothing can be promised: the best-known setting has {blocks}, and a promise needs "
            f"{LEAST_BLOCKS}. Give it more --budget."
        )
    if best.tells is None:
        return (
            f"UNFIT: in no setting can this machine tell even 50% within two minutes "
            f"(replayed from {blocks})."
        )
    text = (
        f"With {best.name}, this machine tells a slowdown of {best.tells:.1%} in one of 24 cells, "
        f"within two minutes, in nine of ten runs (replayed from {blocks})."
    )
    return text if profile.tells(margin) else f"UNFIT for differences of {margin:.1%}. {text}"
