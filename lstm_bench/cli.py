"""The command line: a table of commands, each imported when it is called and not before."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable

import click

from lstm_bench import __version__, own
from lstm_bench.errors import UsageError
from lstm_bench.output import guarded
from lstm_bench.plain import plain

COMMANDS = {
    "check": ("lstm_bench.commands.check:check", "Is this LSTM right, and if not, what is wrong?"),
    "run": ("lstm_bench.commands.run:run", "Time implementations side by side, with a report."),
    "compare": ("lstm_bench.commands.compare:compare", "Which of two is faster, how sure is it?"),
    "guard": ("lstm_bench.commands.guard:guard", "The gate for CI: did anything become slower?"),
    "choose": ("lstm_bench.commands.choose:choose", "Which implementation for this work?"),
    "report": ("lstm_bench.commands.report:report", "One page of what was measured or checked."),
    "calibrate": ("lstm_bench.commands.calibrate:calibrate", "What can this machine tell?"),
    "train": ("lstm_bench.commands.train:train", "Train the character model with each of them."),
    "list": ("lstm_bench.commands.list:list_", "Show implementations, presets and devices."),
}
"""name → (where it is, its line of help): ``--help`` imports none of them, and no torch."""


class LazyGroup(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: lstm-bench run --quick",
)
@click.version_option(__version__, prog_name="lstm-bench")
def cli() -> None:
    """Is this LSTM right, and how fast is it?

    Checks and times LSTM implementations in PyTorch, this project's and anybody's. Exit codes:
    0 all is well, 2 wrong input; each command's help says what else.
    """


INTERNAL_ERROR = 70
"""Exit code for a mistake of ours (sysexits' EX_SOFTWARE); no command uses it for anything else."""

TRACEBACK = "LSTM_BENCH_TRACEBACK"
"""Environment variable that, set, lets such a mistake be seen with its traceback."""


def main() -> None:
    """Run the command line; wrong input becomes one line and exit code 2.

    So does output that cannot be written, when everything else is done (see output.py). SIGTERM
    ends it as Ctrl-C does, through every ``finally``: 143, where Ctrl-C is 130.
    """
    own.reserve()
    before = signal.signal(signal.SIGTERM, _end(os.getpid()))
    try:
        with guarded() as output:
            code = _run()
            sys.stdout.flush()
            if output.lost is not None:
                code = _fail(f"cannot write to standard output: {output.lost}")
    finally:
        signal.signal(signal.SIGTERM, before)
    sys.exit(code)


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
    except UsageError as error:
        return _fail(str(error))
    except click.ClickException as error:
        return _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        if TRACEBACK in os.environ:
            raise
        hint = f"this is a bug in lstm-bench; {TRACEBACK}=1 shows where"
        return _fail(f"{type(error).__name__}: {error} ({hint})", INTERNAL_ERROR)
    return code if isinstance(code, int) else 0


def _end(process: int) -> Callable[[int, object], None]:
    """What SIGTERM does: once, and in this process alone. Forked workers just end."""

    def end(number: int, _: object) -> None:
        if os.getpid() != process:
            os._exit(128 + number)
        signal.signal(number, signal.SIG_IGN)
        sys.exit(128 + number)

    return end


def _fail(message: str, code: int = 2) -> int:
    click.echo(f"lstm-bench: error: {' '.join(plain(message).split())}", err=True)
    return code
