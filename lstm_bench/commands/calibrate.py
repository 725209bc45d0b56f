"""``lstm-bench calibrate``: what can this machine decide?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lstm_bench.commands.decisions import Seconds, Share
from lstm_bench.commands.options import write_json
from lstm_bench.errors import UsageError

if TYPE_CHECKING:
    from lstm_bench.compare.calibration import Profile

EPILOG = """\b
Examples:
  lstm-bench calibrate
  lstm-bench calibrate --budget 10m --margin 3%

\b
Exit codes: 0 differences of the margin can be told here, 2 wrong input, 3 they cannot.
"""


@click.command(epilog=EPILOG)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--budget", type=Seconds(), default=120.0, help="Time for taking blocks (120s).")
@click.option("--margin", type=Share(), default=0.05, help="What is wanted to be told (5%).")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "json_file", metavar="FILE", help="Write the profile here too; - stdout.")
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="The profile's file; default: where compare, guard and choose look for it.",
)  # fmt: skip
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
    from lstm_bench.measure.machine import has_cuda
    from lstm_bench.store.write import make_folder

    if device != "cpu" and not has_cuda():
        raise UsageError(f"device '{device}' is not there: torch sees no CUDA device")
    path = out or calibration.path_of(device)
    make_folder(path.parent)  # before two minutes are spent
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
            str(way.blocks), "> 50%" if way.tells is None else f"{way.tells:.1%}",
        )  # fmt: skip
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for name, noise in profile.noise.items():
        console.print(f"  noise of {name}: {noise:.1%}", highlight=False)
    click.echo(answer(profile, margin))


def answer(profile: Profile, margin: float) -> str:
    """The profile in a sentence."""
    from lstm_bench.compare.calibration import LEAST_BLOCKS

    best = profile.best
    if best.tells is None:
        return "UNFIT: in no setting can this machine tell even 50% within two minutes."
    text = (
        f"With {best.name}, this machine tells a slowdown of {best.tells:.1%} in one of 24 cells, "
        f"within two minutes, in nine of ten runs."
    )
    if best.blocks < LEAST_BLOCKS:
        text += f" Rough, from {best.blocks} blocks only: give it more --budget."
    return text if profile.tells(margin) else f"UNFIT for differences of {margin:.1%}. {text}"
