"""``lstm-bench report``: the page of what was measured or checked before."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from lstm_bench.commands.options import options_of
from lstm_bench.errors import UsageError

EPILOG = """\b
Examples:
  lstm-bench report reports/20250131-120000 --open
  lstm-bench report reports/guard-20250131-120000 --format md
  lstm-bench report checks.json --out reports/checks
  lstm-bench report reports/before reports/after --out reports/both

\b
Exit codes: 0 written, 2 wrong input.
"""


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="RUN…")
@options_of("report")
def report(paths: tuple[Path, ...], formats: tuple[str, ...], out: Path | None, open_: bool) -> int:
    """Make one page, and its tables, of a folder that run, compare, guard or choose has written.

    Also of a file of `check --json`, and of the folder of `python -m bench.proof planted`. What is
    still going on can be reported on. Several runs become one page: side by side where they come
    from one machine, each by its own ratios where they do not.
    """
    from lstm_bench.report.several import several_document
    from lstm_bench.report.write import FORMATS, document_of, write

    wanted = formats or tuple(FORMATS)
    if not paths:
        raise UsageError("name a folder that run, compare, guard or choose has written")
    if len(paths) > 1 and out is None:
        raise UsageError("several runs need a folder for their page: --out DIR")
    if open_ and "html" not in wanted:
        raise UsageError("--open needs the format html")
    document = document_of(paths[0]) if len(paths) == 1 else several_document(paths)
    folder = out or (paths[0] if paths[0].is_dir() else paths[0].with_suffix(""))
    write(document, folder, wanted)
    click.echo(document.answer)
    for name in wanted:
        click.echo(f"{name}: {folder / FORMATS[name]}")
    if open_:
        webbrowser.open((folder / FORMATS["html"]).resolve().as_uri())
    return 0
