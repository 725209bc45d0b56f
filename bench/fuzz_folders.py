"""Damaged folders for bench/fuzz.py: a healthy small one of each kind, and what befalls files."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lstm_bench.measure.machine import facts, fingerprint, settle
from tests.report import folders

KINDS = ("run", "comparison", "choice", "check", "matrix", "proof")

COMMANDS = {
    "run": (
        ("report", "X", "--out", "page"),
        ("report", "X", "X", "--out", "page"),
        ("run", "--resume", "X"),
        ("guard", "--against", "run:X", "--out", "again"),
    ),
    "comparison": (("report", "X", "--out", "page"), ("compare", "--resume", "X")),
    "choice": (("report", "X", "--out", "page"), ("choose", "--resume", "X")),
    "check": (("report", "X"),),
    "matrix": (("report", "X", "--out", "page"),),
    "proof": (("report", "X", "--out", "page"),),
}
"""What is done with a damaged folder, X. The wrong command for a kind is tried too."""

WRONG = (("run", "--resume", "X"), ("compare", "--resume", "X"), ("choose", "--resume", "X"))

WICKED: tuple[Any, ...] = (
    None, True, False, 0, -1, 3, 0.0, -1e-300, 1e-300, 1e308, float("nan"), float("inf"), 10**30,
    2**63, "", "x", "\ud800", "\x1b[2J\x07", "[red]:M:[/red]", "$x_{$", "a|b\n| c", "0", "nan",
    "<script>", "界😀", "x" * 3000, [], {}, [[]], [None],
    {"": None}, {"a": {"b": []}}, [1, "2", None],
)  # fmt: skip


@dataclass(frozen=True)
class Damage:
    """What befalls a file. how: one of :data:`WAYS`; seed: for what that leaves to chance."""

    file: int
    how: str
    seed: int


@dataclass(frozen=True)
class Plan:
    """One case: a kind of folder, what befalls it, and the command."""

    kind: str
    damages: tuple[Damage, ...]
    command: tuple[str, ...]


def plans() -> st.SearchStrategy[Plan]:
    damages = st.lists(
        st.builds(Damage, st.integers(0, 9), st.sampled_from(sorted(WAYS)), st.integers(0, 2**31)),
        min_size=1,
        max_size=2,
    ).map(tuple)

    def of(kind: str) -> st.SearchStrategy[Plan]:
        own = st.sampled_from(COMMANDS[kind])
        wrong = st.sampled_from(WRONG)
        command = st.one_of(own, own, own, own, own, own, own, wrong)
        return st.builds(Plan, st.just(kind), damages, command)

    return st.sampled_from((*KINDS, "run", "run", "comparison", "choice")).flatmap(of)


def healthy(folder: Path) -> None:
    """One of each kind, small, of this machine, so that it would be gone on with."""
    small = folders.grid((1, 8), (4,), (32,))
    settle("cpu", 1)
    mine = fingerprint(facts("cpu"))
    folders.run_folder(folder / "run", small, passes=("forward", "step"), fingerprint=mine)
    cold = {f"{name} {size.name}": 0.004 for name in folders.SUBJECTS for size in small}
    (folder / "run" / "cold.json").write_text(json.dumps(cold))
    for path in (folders.comparison_folder(folder / "comparison"),
                 folders.choice_folder(folder / "choice")):  # fmt: skip
        head = json.loads((path / "plan.json").read_text())
        (path / "plan.json").write_text(json.dumps(head | {"fingerprint": mine}))
    _blocks_and_costs(folder / "choice")
    (folder / "check").mkdir()
    folders.check_file(folder / "check" / "summary.json")
    head = folders.header("lstm-bench check 1", {"command": "lstm-bench check a"})
    (folder / "check" / "check.json").write_text(json.dumps(head))
    folders.matrix_folder(folder / "matrix")
    folders.proof_folder(folder / "proof")


def _blocks_and_costs(folder: Path) -> None:
    times = [1e-3, 1.1e-3]
    turns = [[[side, times] for side in (0, 1, 1, 0)] for _ in range(3)]
    lines = [
        {"block": block, "cell": cell, "score": None, "inner": 2, "first": 0, "rounds": turns,
         "device": None}
        for block in range(4)
        for cell in range(2)
    ]  # fmt: skip
    (folder / "blocks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    start = {"load_seconds": 0.1, "build_seconds": 0.01, "first_call_seconds": 0.01}
    costs = {
        "peak_bytes": [[cell, arm, 1024] for cell in range(2) for arm in range(2)],
        "cold": {"0": start, "1": start},
        "out": {"2": "defective: the forget gate is not used"},
    }
    (folder / "costs.json").write_text(json.dumps(costs))


def make(plan: Plan, healthy_ones: Path, target: Path) -> None:
    """A copy of the healthy folder, damaged."""
    shutil.copytree(healthy_ones / plan.kind, target)
    for damage in plan.damages:
        files = sorted(p for p in target.iterdir() if p.is_file() and p.name != "fifo")
        if files:
            WAYS[damage.how](files[damage.file % len(files)], random.Random(damage.seed))


# -- what befalls a file -------------------------------------------------------------------------

Chance = random.Random
Way = Callable[[Path, Chance], None]


def _text(text: str) -> Way:
    return lambda path, chance: _ignore(path.write_text(text))


def _ignore(_: object) -> None: ...


def _truncated(path: Path, chance: Chance) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data) + 1)])


def _garbage(path: Path, chance: Chance) -> None:
    path.write_bytes(chance.randbytes(chance.randrange(200)))


def _flipped(path: Path, chance: Chance) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.randrange(1, 4)):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(bytes(data))


def _missing(path: Path, chance: Chance) -> None:
    path.unlink()


def _folder(path: Path, chance: Chance) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path, chance: Chance) -> None:
    path.unlink()
    os.mkfifo(path)


def _unreadable(path: Path, chance: Chance) -> None:
    path.chmod(0)


def _with_values(path: Path, chance: Chance, change: Callable[[Any, Chance], Any]) -> None:
    """Change a JSON file, or one line of a file of lines."""
    try:
        if path.suffix == ".jsonl":
            lines = path.read_text().splitlines() or ["{}"]
            place = chance.randrange(len(lines))
            lines[place] = json.dumps(change(json.loads(lines[place]), chance))
            path.write_text("\n".join(lines) + "\n")
        else:
            path.write_text(json.dumps(change(json.loads(path.read_text()), chance)))
    except (ValueError, RecursionError, OSError):
        pass  # an earlier damage has left no JSON to change


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [place] if place else []
    if isinstance(value, (dict, list)):
        for key, held in value.items() if isinstance(value, dict) else enumerate(value):
            found += _places(held, (*place, key))
    return found


def _at(value: Any, chance: Chance, act: Callable[[Any, Any], None]) -> Any:
    places = _places(value)
    if places:
        # Shallow and deep ones alike: most places are samples' numbers, deep down.
        depth = chance.choice(sorted({len(place) for place in places}))
        *way, last = chance.choice([place for place in places if len(place) == depth])
        held = value
        for key in way:
            held = held[key]
        act(held, last)
    return value


def _wicked_value(path: Path, chance: Chance) -> None:
    wicked = chance.choice(WICKED)
    _with_values(path, chance, lambda v, c: _at(v, c, lambda held, k: held.__setitem__(k, wicked)))


def _key_gone(path: Path, chance: Chance) -> None:
    _with_values(path, chance, lambda v, c: _at(v, c, lambda held, k: held.__delitem__(k)))


def _key_misspelt(path: Path, chance: Chance) -> None:
    def misspell(held: Any, key: Any) -> None:
        if isinstance(held, dict):
            held[f"{key}x"] = held.pop(key)

    _with_values(path, chance, lambda v, c: _at(v, c, misspell))


def _whole_value(path: Path, chance: Chance) -> None:
    _with_values(path, chance, lambda v, c: c.choice(WICKED))


def _lines(change: Callable[[list[bytes], Chance], list[bytes]]) -> Way:
    def way(path: Path, chance: Chance) -> None:
        lines = path.read_bytes().split(b"\n")
        path.write_bytes(b"\n".join(change(lines, chance)))

    return way


def _inserted(lines: list[bytes], chance: Chance) -> list[bytes]:
    bad = chance.choice([b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe", b"NaN", b"[" * 5000])
    place = chance.randrange(len(lines))
    return [*lines[:place], bad, *lines[place:]]


def _other_format(path: Path, chance: Chance) -> None:
    path.write_text(path.read_text(errors="replace").replace(" 1", f" {chance.randrange(2, 9)}"))


def _other_fingerprint(path: Path, chance: Chance) -> None:
    _with_values(path, chance, lambda v, c: v | {"fingerprint": "x"} if isinstance(v, dict) else v)


WAYS: dict[str, Way] = {
    "truncated": _truncated,
    "empty": _text(""),
    "null": _text("null"),
    "list": _text("[]"),
    "object": _text("{}"),
    "number": _text("9" * 5000),
    "deep": _text("[" * 100_000),
    "garbage": _garbage,
    "flipped": _flipped,
    "missing": _missing,
    "folder": _folder,
    "pipe": _pipe,
    "unreadable": _unreadable,
    "value": _wicked_value,
    "value ": _wicked_value,
    "value  ": _wicked_value,
    "value   ": _wicked_value,
    "whole value": _whole_value,
    "key gone": _key_gone,
    "key misspelt": _key_misspelt,
    "line twice": _lines(lambda lines, chance: [*lines, chance.choice(lines)]),
    "lines mixed": _lines(lambda lines, chance: chance.sample(lines, len(lines))),
    "line inserted": _lines(_inserted),
    "other format": _other_format,
    "other fingerprint": _other_fingerprint,
}
