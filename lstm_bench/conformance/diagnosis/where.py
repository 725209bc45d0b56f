"""Where a result is off: which sequences of the batch, steps and units, and from which size on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lstm_bench.conformance.diagnosis.scenes import Played, Scene, play
from lstm_bench.subject import Subject
from lstm_bench.theory.words.nouns import GATES

AXES = {
    "batch": "batch size {}",
    "steps": "{} steps of time",
    "hidden_size": "hidden size {}",
    "input_size": "input size {}",
}


def part_in_words(part: str) -> str:
    """``y`` → "the output y"; ``grad W_f`` → "the gradient of the forget gate's weights over x"."""
    name = part.removeprefix("grad ")
    plain, _, remark = name.partition(" (")
    kinds = {"W": "weights over x", "U": "recurrent weights", "b": "bias"}
    words = {
        "y": "the output y",
        "h": "the hidden state h_n",
        "c": "the cell state c_n",
        "x": "the input x",
        "h0": "the hidden state h0",
        "c0": "the cell state c0",
        "W_h": "the output layer's weight",
        "b_h": "the output layer's bias",
    }.get(plain) or f"the {GATES[plain[-1]]}'s {kinds[plain[0]]}"
    words += f" ({remark}" if remark else ""
    return f"the gradient of {words}" if part.startswith("grad ") else words


def off(got: Tensor, expected: Tensor, limit: float) -> Tensor:
    """Which entries are off by more than ``limit`` of the largest expected one."""
    scale = expected.abs().nan_to_num(posinf=0.0).max()
    difference = (got.double() - expected.double()).abs()
    strange = got.isfinite() != expected.isfinite()
    return strange | (difference.nan_to_num() > limit * scale)


def span(flags: Tensor, singular: str, plural: str, first: int) -> str:
    """Which places of an axis are flagged: "all …" is "", else "from step 5 on", "in rows 0, 3"."""
    places = flags.nonzero().flatten().tolist()
    count = len(flags)
    if not places or len(places) == count:
        return ""
    named = [p + first for p in places]
    right = [p + first for p in range(count) if p not in places]
    if places == list(range(places[0], count)) and len(places) > 1:
        return f"from {singular} {named[0]} on ({plural} up to {right[-1]} are right)"
    if places == list(range(len(places))) and len(places) > 1:
        return f"up to {singular} {named[-1]} ({plural} from {right[0]} on are right)"
    if len(places) == 1:
        last = ", the last" if places[0] == count - 1 else ""
        return f"in {singular} {named[0]} only{last}"
    listed = ", ".join(map(str, named[:6])) + (", …" if len(named) > 6 else "")
    return f"in {plural} {listed}"


def places(played: Played, part: str) -> str:
    """Where a part is wrong, in words; empty where it is wrong everywhere."""
    got, expected = played.got[part], played.expected[part]
    if got.shape != expected.shape:
        return f"its shape is {tuple(got.shape)}, not {tuple(expected.shape)}"
    flags = off(got, expected, played.limits[part])
    if flags.dim() == 1:
        axes: Sequence[tuple[int, str, str, int]] = ((0, "unit", "units", 0),)
    elif part.removeprefix("grad ") in ("y", "x"):
        axes = (
            (1, "step", "steps", 1),
            (0, "row", "rows", 0),
            (2, "unit" if part == "y" else "feature", "units" if part == "y" else "features", 0),
        )
    elif part.removeprefix("grad ") in ("h", "c", "h0", "c0"):
        axes = ((0, "row", "rows", 0), (1, "unit", "units", 0))
    else:
        axes = ((flags.dim() - 1, "unit", "units", 0),)
    found = []
    for axis, singular, plural, first in axes:
        along = flags.movedim(axis, 0).flatten(1).any(1)
        words = span(along, singular, plural, first)
        if words:
            found.append(words + (" of the batch" if singular == "row" else ""))
    return " and ".join(found)


def largest_deviation(played: Played, part: str) -> str:
    """Got and expected at the worst entry."""
    got, expected = played.got[part].double(), played.expected[part]
    if got.shape != expected.shape:
        return ""
    flat = int((got - expected).abs().nan_to_num(nan=float("inf")).argmax())
    place = torch.unravel_index(torch.tensor(flat), expected.shape)
    where = [int(k) for k in place]
    return f"at {where} got {got[place].item():.6g}, expected {expected[place].item():.6g}"


# -- sizes -------------------------------------------------------------------------------------

SMALL = {"batch": 3, "steps": 3, "input_size": 3, "hidden_size": 4}
"""Sizes that are taken to be right when a large one is wrong."""

LARGE = 20


def enlarged_axis(scene: Scene) -> str:
    """The size in which a scene goes far beyond the ordinary; empty where there is none."""
    axis = max(AXES, key=lambda a: int(getattr(scene, a)))
    return axis if getattr(scene, axis) > LARGE else ""


def resized(scene: Scene, axis: str, size: int) -> Scene:
    """The scene with one size changed."""
    return replace(scene, **{axis: size})  # type: ignore[arg-type]


def first_wrong_size(subject: Subject, scene: Scene, axis: str) -> tuple[int, Played] | None:
    """The smallest failing size below the scene's own, by halving; None where there is none."""
    right, wrong = SMALL[axis], int(getattr(scene, axis))
    found = play(subject, scene)
    while wrong - right > 1:
        middle = (wrong + right) // 2
        played = play(subject, resized(scene, axis, middle))
        if played is None or played.fine:
            right = middle
        else:
            wrong, found = middle, played
    return None if found is None or found.fine else (wrong, found)


def sizes_in_words(subject: Subject, scene: Scene, axis: str, first: int) -> str:
    """From ``first`` on, or at some sizes only: a look at the sizes beyond."""
    beyond = sorted({first + 1, first + 2, first + 3, 2 * first - 1, 2 * first, 2 * first + 1})
    right = [n for n in beyond if _fine(subject, resized(scene, axis, n))]
    size = AXES[axis].format(first)
    if not right:
        return f"wrong from {size} on, right up to {first - 1}"
    if len(right) == len(beyond):
        return f"wrong for {size}, right below and above"
    wrong = [n for n in beyond if n not in right]
    listed = ", ".join(map(str, [*wrong, "…"]))
    return f"wrong for {size} ({listed}), right for {', '.join(map(str, right))}"


def right_sizes(subject: Subject, scene: Scene) -> list[tuple[str, list[int]]]:
    """For a scene that is wrong: the sizes, one changed at a time, at which it is right."""
    found = []
    for axis in AXES:
        right = [n for n in (4, 8) if _fine(subject, resized(scene, axis, n))]
        if len(right) == 2:
            found.append((axis, right))
    return found


def _fine(subject: Subject, scene: Scene) -> bool:
    played = play(subject, scene)
    return played is None or played.fine
