"""Command lines for bench/fuzz.py: options of every command, with values good and bad."""

from __future__ import annotations

import click
from hypothesis import strategies as st

from lstm_bench.cli import COMMANDS, cli

GOOD = {
    "impls": ("torch_nn", "batched_gates", "documented_loop,torch_nn"),
    "passes": ("forward", "step,backward", "forward_train"),
    "batch": ("1", "1,8"),
    "steps": ("1", "4"),
    "hidden": ("4", "4,8"),
    "inputs": ("3",),
    "preset": ("quick", "edge", "guard", "quick,edge"),
    "device": ("cpu", "cuda", "cuda:9", "meta", "cpu:0"),
    "dtype": ("float32", "float64", "bfloat16", "int8"),
    "threads": ("1", "2", "4096", "99999999999999999999"),
    "rounds": ("2", "3"),
    "budget": ("1", "1s", "2m", "0", "-1", "inf", "nan", "1e400"),
    "margin": ("5%", "0.05", "0", "nan", "1e-9%"),
    "alpha": ("1%", "0.01", "nan"),
    "seed": ("0", "7", "-1", str(2**63), str(10**30)),
    "clock": ("cpu", "wall"),
    "against": ("impl:torch_nn", "run:there", "git:HEAD", "git:", "run:", "torch_nn", "git:-x"),
    "targets": ("torch.nn:LSTM", "torch_nn", "there.py:Mine", "no.such:Thing", "there.py:"),
    "baseline": ("torch_nn", "documented_loop", "there.py:Mine", "torch_n"),
    "candidate": ("batched_gates", "torch.nn:LSTM", "there.py:", "torch_n"),
    "kwargs_text": ("a=1", "a=1, n=I", "a=", "**b", "f(", "a=[[[["),
    "expect_fail": ("sequence=known", "sequence", "=x", "nothing=x"),
    "only": ("sequence", "equations", "nothing"),
    "skip": ("sequence", "equations", "nothing"),
    "formats": ("html", "md,csv", "pdf", ""),
    "time_limit": ("1", "0", "inf", "nan"),
    "memory_limit": ("1", "0", "inf", "nan"),
    "repository": (".", "there", "nowhere"),
    "prefix": ("The", "☃", "\x1b[31m"),
    "init": ("uniform", "documented"),
    "updates": ("1",),
    "seconds": ("0.1", "inf", "nan"),
}
"""By the parameter's name: what is likely to get past the first test of a value."""

PATHS = (
    "out", "there", "there.json", "", "a/b/c", "/proc/x", "/dev/full", "ünï", "\udcff", "x" * 300,
)  # fmt: skip
"""Where something may be written: into the case's own folder, or nowhere."""

WRITTEN = frozenset({"out", "json_file", "scripts", "report_to"})

READ = ("there", "there.json", "nowhere", "/proc", "")
READING = frozenset({"resume", "from_json", "text", "paths"})
"""What is read, and the options that read it."""

NEVER = frozenset({"open_"})
"""Would open a browser."""

WILD = st.one_of(
    st.sampled_from(
        ("", " ", ",", "-", "--", "0", "-1", "1,", "nan", "1e999", "9" * 5000, "None", "\udcff",
         "[red]x[/red]", ":smile:", "\x1b[2J", "‮evil", "a\nb", "%s", "{}", "$x$", "x" * 5000)
    ),
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(str),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12),
)  # fmt: skip


def command_lines() -> st.SearchStrategy[tuple[str, ...]]:
    """Arguments after ``lstm-bench``."""
    odd = st.one_of(
        st.just(()),
        st.tuples(WILD),
        st.sampled_from([("--version",), ("-h",), ("rnu",), ("--nonsense", "run"), ("run", "-x")]),
    )
    return st.one_of(odd, *(st.sampled_from(list(COMMANDS)).flatmap(_line) for _ in range(9)))


@st.composite
def _line(draw: st.DrawFn, name: str) -> tuple[str, ...]:
    """One command with up to five of its options, in any order; a misspelt one now and then.

    Half of the lines have good values only, or they would never get beyond the options.
    """
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    good = draw(st.booleans())
    known = [p for p in command.params if p.name not in NEVER]
    chosen = draw(st.lists(st.sampled_from(known), max_size=2 if good else 5)) if known else []
    if good or draw(st.booleans()):
        chosen += [p for p in known if isinstance(p, click.Argument) and p not in chosen]
    words: list[str] = []
    for parameter in chosen:
        words += draw(_words(parameter, good))
    if not good and draw(st.integers(0, 9)) == 0:
        words.append(draw(st.sampled_from(("--nonsense", "--bacth", "-q", "--", "extra"))))
    return (name, *words)


@st.composite
def _words(draw: st.DrawFn, parameter: click.Parameter, good: bool) -> list[str]:
    value = draw(_values(parameter, good))
    if isinstance(parameter, click.Argument):
        return [value]
    spelt = draw(st.sampled_from(parameter.opts))
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return [spelt]
    joined = spelt.startswith("--") and draw(st.booleans())
    return [f"{spelt}={value}"] if joined else [spelt, value]


def _values(parameter: click.Parameter, good: bool) -> st.SearchStrategy[str]:
    name = str(parameter.name)
    if name in WRITTEN:
        return st.sampled_from(("out", "-") if good else (*PATHS, "-"))
    if name in READING:
        return st.sampled_from(READ[:2] if good else READ)
    known = GOOD.get(name, ())
    if good and known:
        return st.sampled_from(known[:2])
    return st.one_of(st.sampled_from(known), st.sampled_from(known), WILD) if known else WILD
