"""What is going on: overwritten on a terminal, lines elsewhere, and never a thread."""

import io
import threading

from rich.console import Console

from lstm_bench.commands.progress import progress_line


def shown(*, terminal):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=60)
    before = threading.active_count()
    with progress_line(console) as show:
        show("probing [x]", line=False)
        show("block 1")
        assert threading.active_count() == before  # a fork would inherit what it has locked
    return file.getvalue()


def test_lines_where_nothing_can_be_overwritten():
    assert shown(terminal=False) == "block 1\n"


def test_one_line_on_a_terminal_which_is_gone_at_the_end():
    text = shown(terminal=True)
    assert "probing [x]" in text
    assert "block 1" in text
    assert text.rstrip().endswith("\x1b[2K") or "\x1b[2K" in text.split("block 1")[-1]
