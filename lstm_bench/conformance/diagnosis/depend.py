"""What depends on what: rows of the batch on each other, outputs on later inputs, on the state."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lstm_bench.conformance.diagnosis.scenes import PLAIN, Played, Scene
from lstm_bench.conformance.problem import Problem, Results, pose
from lstm_bench.subject import Instance, Subject

MOVED = 1e-7


def dependences(subject: Subject, scene: Scene = PLAIN) -> list[str]:
    """Sentences on dependences that an LSTM does not have, or lacks; [] where all is well."""
    instance = subject.build(scene.input_size, scene.hidden_size, dtype=subject.dtype)
    problem = pose(
        instance,
        batch=max(3, scene.batch),
        steps=max(4, scene.steps),
        seed=23,
        state=scene.state and subject.interface.takes_state,
        dtype=subject.dtype,
    )
    plain = _run(instance, problem)
    again = _run(instance, problem)
    if _moved(plain, again):
        return ["two equal calls give different results: randomness, or a state kept between calls"]
    found = [_rows(instance, problem, plain), _future(instance, problem, plain)]
    found += [*_states(instance, problem, plain), _past(instance, problem, plain)]
    return [sentence for sentence in found if sentence]


def shared_rows(subject: Subject) -> list[str]:
    """Whether the sequences of a batch influence one another; before any gate is looked at."""
    instance = subject.build(5, 4, dtype=subject.dtype)
    takes = subject.interface.takes_state
    problem = pose(instance, batch=4, steps=5, seed=24, state=takes, dtype=subject.dtype)
    plain = _run(instance, problem)
    if _moved(plain, _run(instance, problem)):
        return []
    return [sentence for sentence in [_rows(instance, problem, plain)] if sentence]


def _run(instance: Instance, problem: Problem) -> Results:
    state = problem.state
    with torch.no_grad():
        parts = instance.run(
            problem.x.clone(), None if state is None else (state[0].clone(), state[1].clone())
        )
    return Results({name: part.clone() for name, part in parts.items()})


def _difference(before: Results, after: Results, part: str) -> Tensor:
    return (after[part] - before[part]).abs().nan_to_num(nan=1.0)


def _moved(before: Results, after: Results) -> bool:
    return any(bool((_difference(before, after, part) > MOVED).any()) for part in before)


def _with_x(problem: Problem, row: slice, step: slice) -> Problem:
    x = problem.x.clone()
    x[row, step] = -x[row, step] + 0.5
    return replace(problem, x=x)


def _rows(instance: Instance, problem: Problem, plain: Results) -> str:
    after = _run(instance, _with_x(problem, slice(1, 2), slice(None)))
    others = [k for k in range(len(problem.x)) if k != 1]
    moved = [
        k
        for k in others
        if any(bool((_difference(plain, after, p)[k] > MOVED).any()) for p in plain)
    ]
    if not moved:
        return ""
    if _shuffled(plain) or _shuffled(after):
        return (
            "the returned states are in another order of the batch's rows than the outputs: the "
            "last outputs come back as h_n, of other rows"
        )
    listed = ", ".join(map(str, moved[:4])) + (", …" if len(moved) > 4 else "")
    return (
        "the sequences of a batch are mixed: changing the input of row 1 moves the results of "
        f"row{'s' if len(moved) > 1 else ''} {listed}"
    )


def _shuffled(parts: Results) -> bool:
    """Whether every row of h_n is some row's last output, and not its own."""
    if not {"y", "h"} <= set(parts) or parts["y"].shape[-1] != parts["h"].shape[-1]:
        return False
    last, h = parts["y"][:, -1], parts["h"]
    same = torch.cdist(h.double(), last.double(), p=float("inf")) < MOVED
    return bool(same.any(dim=1).all()) and not bool(same.diagonal().all())


def _future(instance: Instance, problem: Problem, plain: Results) -> str:
    if "y" not in plain:
        return ""
    after = _run(instance, _with_x(problem, slice(None), slice(-1, None)))
    moved = _difference(plain, after, "y")[:, :-1].movedim(1, 0).flatten(1).amax(1) > MOVED
    if not bool(moved.any()):
        return ""
    steps = (moved.nonzero().flatten() + 1).tolist()
    return (
        "outputs depend on later inputs (the future): changing the last step of time moves the "
        f"output of step{'s' if len(steps) > 1 else ''} {', '.join(map(str, steps[:4]))}"
    )


def _past(instance: Instance, problem: Problem, plain: Results) -> str:
    after = _run(instance, _with_x(problem, slice(None), slice(0, 1)))
    parts = {p: _difference(plain, after, p) for p in plain}
    last = [d[:, -1] if p == "y" else d for p, d in parts.items()]
    if any(bool((d > MOVED).any()) for d in last):
        return ""
    return "the first step of time has no effect on the last: no state is carried that far"


def unread(subject: Subject, played: Played, axis: str) -> str:
    """Whether the last input feature, or the last unit of h, is not read at all."""
    if axis not in ("input_size", "hidden_size") or played.problem.state is None:
        return ""
    problem = played.problem
    assert problem.state is not None
    instance = subject.build(played.scene.input_size, played.scene.hidden_size, dtype=subject.dtype)
    instance.load(problem.parameters)
    plain = _run(instance, problem)
    x, (h, c) = problem.x.clone(), problem.state
    if axis == "input_size":
        x[..., -1] += 1
        changed = replace(problem, x=x)
        told = f"the last input feature ({x.shape[-1] - 1}, counted from 0) is not read"
    else:
        h = h.clone()
        h[:, -1] += 1
        changed = replace(problem, state=(h, c))
        told = f"the last unit of the hidden state ({h.shape[-1] - 1}, counted from 0) is not read"
    return "" if _moved(plain, _run(instance, changed)) else told


def _states(instance: Instance, problem: Problem, plain: Results) -> list[str]:
    if problem.state is None:
        return []
    h, c = problem.state
    found = []
    for name, state in (("hidden state h0", (0.5 - h, c)), ("cell state c0", (h, 0.5 - c))):
        if not _moved(plain, _run(instance, replace(problem, state=state))):
            found.append(f"the given {name} is ignored: it has no effect on any result")
    return found
