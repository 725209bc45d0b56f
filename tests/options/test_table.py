"""The table of options: every value is checked by its row, from text as from Python."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.errors import UsageError
from lstm_bench.options import TABLE, read, refuse_conflicts
from lstm_bench.options.conflicts import CONFLICTS, Alone
from lstm_bench.options.parsers import (
    MOST_SEED,
    Device,
    Keywords,
    Names,
    Number,
    Numbers,
    Reasons,
    Seconds,
    Share,
    Threads,
)

ROWS = {f"{command} {row.flag}": row for command, rows in TABLE.items() for row in rows}
NONSENSE = ("nan", "inf", "-inf", "-1", "", " ", ",", "1e999", "0x10", "\0", "9" * 5000)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_a_default_that_its_own_parser_takes(name):
    row = ROWS[name]
    value = row.value()
    if row.default is None:
        assert value in (None, False, ())
    else:
        assert value == row.value(row.default)


@pytest.mark.parametrize("command", TABLE)
def test_names_and_flags_are_unique_in_a_command(command):
    rows = TABLE[command]
    assert len({row.name for row in rows}) == len({row.flag for row in rows}) == len(rows)


TYPED = (
    "batch", "steps", "hidden", "input", "threads", "rounds", "budget", "margin", "alpha", "seed",
    "time-limit", "memory-limit", "device", "dtype", "clock", "preset", "pass", "seconds",
    "updates", "check-updates", "momentum", "learning-rate", "clip", "temperature",
    "sample-length", "format", "init",
)  # fmt: skip


@pytest.mark.parametrize("name", [n for n in ROWS if n.split("--")[1] in TYPED])
def test_nonsense_is_refused_in_one_line_that_names_the_option(name):
    for text in NONSENSE:
        with pytest.raises(UsageError) as refused:
            ROWS[name].value(text)
        assert str(refused.value).startswith(f"{ROWS[name].flag}: ")
        assert len(str(refused.value)) < 250
        assert "\n" not in str(refused.value)


@given(st.one_of(st.text(max_size=20), st.floats(), st.integers(), st.booleans(), st.none()))
def test_a_row_refuses_or_returns_and_never_raises_anything_else(value):
    for row in ROWS.values():
        try:
            found = row.value(value)
        except UsageError:
            continue
        if isinstance(found, float):
            assert math.isfinite(found)


@pytest.mark.parametrize(
    ("parse", "given_", "found"),
    [
        (Seconds(), "2m", 120.0),
        (Seconds(), "90", 90.0),
        (Seconds(), " 1.5 h ", 5400.0),
        (Seconds(), 40, 40.0),
        (Share(0.001, 1), "5%", 0.05),
        (Share(0.001, 1), 0.05, 0.05),
        (Numbers(), "1, 8,32", (1, 8, 32)),
        (Numbers(), 8, (8,)),
        (Names(), "a, b,", ("a", "b")),
        (Device(), "cuda:01", "cuda:1"),
        (Reasons(), "double_backward = no kernel", (("double_backward", "no kernel"),)),
        (Keywords(), "", {}),
        (Keywords(), "a=1, n=I, m=H, s='I'", {"a": 1, "n": "I", "m": "H", "s": "I"}),
        (Keywords(), r"pattern='\d'", {"pattern": r"\d"}),
    ],
)
def test_what_is_meant_is_understood(parse, given_, found):
    assert parse(given_) == found


@pytest.mark.parametrize(
    ("parse", "given_", "words"),
    [
        (Seconds(), "soon", "not a time such as"),
        (Seconds(), "0s", "not a time such as"),
        (Seconds(1), "0.5", "at least 1"),
        (Seconds(), "99999h", "too large"),
        (Share(0.001, 1), "5", "is not between"),
        (Share(0.001, 1), "0", "is not between"),
        (Number(0, open_=True), 0, "more than 0"),
        (Numbers(), "8,0", "at least 1"),
        (Numbers(), "1000001", "too large"),
        (Threads(), 10**6, "four a core"),
        (Device(), "cpu:7", "the CPU has no number"),
        (Device(), "cuda:x", "no device 'cuda:x'"),
        (Device(), "foo", "no device 'foo'"),
        (Reasons(), "one_step", "not NAME=REASON"),
        (Reasons(), "=why", "not NAME=REASON"),
        (Keywords(), "a b", "not of the form"),
        (Keywords(), "1", "not of the form"),
        (Keywords(), "**a", "not of the form"),
        (Keywords(), "a=1)+f(b=2", "not of the form"),
        (Keywords(), "a=1) #", "not of the form"),
        (Keywords(), "a=" + "(" * 5000, "not of the form"),
        (Keywords(), "a=1, a=2", "'a' is given twice"),
        (Keywords(), "a={[]: 1}", "the value of 'a' is not a plain value"),
        (Keywords(), "a={{}}", "the value of 'a' is not a plain value"),
        (Keywords(), "a=open('x')", "the value of 'a' is not a plain value"),
        (Keywords(), "a=nan", "the value of 'a' is not a plain value"),
        (Keywords(), 3, "no mapping"),
    ],
)
def test_what_cannot_be_is_said_plainly(parse, given_, words):
    with pytest.raises(ValueError, match=r".") as refused:
        parse(given_)
    assert words in str(refused.value)


def test_every_seed_that_is_taken_fits_torch_numpy_and_random():
    row = ROWS["run --seed"]
    for seed in (0, MOST_SEED):
        assert row.value(str(seed)) == seed
        torch.Generator().manual_seed(1000 * seed + 1)  # as the checks multiply it
        np.random.RandomState(seed)
        random.Random(seed)
    with pytest.raises(ValueError, match="2"):
        np.random.RandomState(MOST_SEED + 1)
    for seed in (MOST_SEED + 1, 2**63, -1):
        with pytest.raises(UsageError, match="--seed"):
            row.value(seed)


# -- from Python ---------------------------------------------------------------------------------


def test_python_reads_the_same_table_by_its_own_names():
    found = read("compare", {"passes": ["forward", "step"], "batch": [1, 8], "budget": "2m"})
    assert (found["passes"], found["batch"], found["budget"]) == (("forward", "step"), (1, 8), 120)
    assert found["margin"] == 0.05
    assert set(found) == {row.name for row in TABLE["compare"]}
    assert read("check", {"expected": {"a": "why"}})["expected"] == (("a", "why"),)
    assert read("run", {"passes": "forward,forward"})["passes"] == ("forward",)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"pass": "forward"}, "did you mean 'passes'"),
        ({"nonsense": 1}, "run has no option 'nonsense'"),
        ({"passes": []}, "passes: it names nothing"),
        ({"quick": 1}, "quick: '1' is neither True nor False"),
        ({"budget": math.nan}, "budget: 'nan' is not a time"),
        ({"quick": True, "presets": "edge"}, "exclude one another"),
    ],
)
def test_python_is_told_in_its_own_names(given_, words):
    with pytest.raises(UsageError) as refused:
        read("run", given_)
    assert words in str(refused.value)


# -- contradictions ------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "compare", "choose", "guard"])
@pytest.mark.parametrize("size", ["batch", "steps", "hidden", "inputs"])
def test_sizes_and_a_preset_exclude_one_another_everywhere(command, size):
    with pytest.raises(UsageError, match="exclude one another"):
        refuse_conflicts(command, {"presets": ("edge",), size: (1,)})
    refuse_conflicts(command, {size: (1,)})


def test_what_is_resumed_takes_all_else_from_its_folder():
    for command in ("compare", "choose"):
        refuse_conflicts(command, {"resume": "x", "budget": 60.0, "json_file": "-"})
        with pytest.raises(UsageError, match=r"--resume and --margin exclude"):
            refuse_conflicts(command, {"resume": "x", "margin": 0.05})
    with pytest.raises(UsageError, match="--resume and BASELINE, CANDIDATE exclude"):
        refuse_conflicts("compare", {"resume": "x", "baseline": "a", "candidate": "b"})


def test_a_stored_run_brings_its_own_sizes():
    refuse_conflicts("guard", {"against": "git:main", "batch": (1,), "repository": "."})
    refuse_conflicts("guard", {"against": "run:x", "margin": 0.1, "out": "y"})
    with pytest.raises(UsageError, match="--against run:… and --batch exclude"):
        refuse_conflicts("guard", {"against": "run:x", "batch": (1,)})
    with pytest.raises(UsageError, match="--against impl:… and --repository exclude"):
        refuse_conflicts("guard", {"against": "impl:x", "repository": "."})


def test_rules_speak_of_options_that_exist():
    for command, rules in CONFLICTS.items():
        names = {row.name for row in TABLE[command]}
        for rule in rules:
            mine = (
                {rule.name, *rule.beside} if isinstance(rule, Alone) else {*rule.one, *rule.other}
            )
            assert mine <= names
