"""Strangers' text acts on nothing: no terminal, no markup, no encoder."""

import io

import pytest
from rich.console import Console

from lstm_bench.plain import all_plain, markup, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mine.py:LSTM", "mine.py:LSTM"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("a\rb\x85c", r"a\rb\x85c"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("half \ud800", r"half \ud800"),
        ("σ ⊙ h, 界, 😀", "σ ⊙ h, 界, 😀"),
        ("two\r\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_what_would_act_is_an_escape_and_the_rest_is_itself(text, shown):
    assert plain(text) == shown
    assert plain(shown) == shown
    shown.encode()


def test_rich_reads_nothing_into_it():
    from lstm_bench.commands.screen import screen

    console = screen(width=80)
    console.file = io.StringIO()
    text = r"[red]x[/red] :M: [link=http://a] \[b] :smile: back\\"
    console.print(markup(text), soft_wrap=True)
    assert console.file.getvalue() == text + "\n"
    assert isinstance(console, Console)


def test_every_text_of_a_value_is_made_plain():
    assert all_plain({"\x1b": ["\x07", {"a": 1.5, "b": None}]}) == {
        r"\x1b": [r"\x07", {"a": 1.5, "b": None}]
    }
