"""Arguments of the wrong size get an error, not an answer.

Torch itself takes an axis of one for as many as are wanted; whoever adds and multiplies elements
does so too, which deserves a warning. What is cut, padded, reshaped or replaced without a word is
wrong: the answer is to another question than was asked.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lstm_bench.conformance.checks.common import Sizes, needs_state, posed
from lstm_bench.conformance.checks.lengths import runs_rows_apart
from lstm_bench.conformance.records import Told, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Instance, Subject
from lstm_bench.subject.tensors import same

State = tuple[Tensor, Tensor] | None


@check("validation")
def check_wrong_features(subject: Subject) -> None:
    """Too many or too few features in x are refused."""
    instance, problem = posed(subject)
    broadcast = ""
    for features in (1, 4, 6, 10):  # a multiple can be taken for more steps
        x = _drawn((3, 6, features), problem.x)
        meant = (x.expand(3, 6, 5), problem.state) if features == 1 else None
        for how in _accepted(instance, (x, problem.state), meant):
            told = f"x with {features} features is accepted where the input size is 5"
            if how != BROADCAST:
                raise Told(f"{told}: it is {how} without a word")
            broadcast = f"{told}: it is {how}"
    if broadcast:
        raise Warned(broadcast)


@check("validation")
def check_wrong_states(subject: Subject) -> None:
    """States of the wrong batch or hidden size are refused, neither broadcast nor cut.

    What runs sequences one by one, or packed, as torch itself does, takes the rows that it needs:
    a wrong number of rows is a warning there.
    """
    needs_state(subject)
    instance, problem = posed(subject, Sizes(batch=3))
    right, broadcast = _drawn((3, 4), problem.x), ""
    for sizes in ((1, 4), (2, 4), (3, 1), (3, 5), (1, 1), (4, 4), (6, 4), (3, 8)):
        wrong = _drawn(sizes, problem.x)
        fits = all(size in (1, full) for size, full in zip(sizes, (3, 4), strict=True))
        wide = wrong.expand(3, 4) if fits else None
        for which, state, meant in (
            ("states", (wrong, wrong.clone()), (wide, wide)),
            ("an initial hidden state h0", (wrong, right), (wide, right)),
            ("an initial cell state c0", (right, wrong), (right, wide)),
        ):
            other = (problem.x, (meant[0], meant[1])) if meant[0] is not None and fits else None
            for how in _accepted(instance, (problem.x, state), other):  # type: ignore[arg-type]
                are = "are" if which == "states" else "is"
                told = f"{which} of size {sizes} {are} accepted where (3, 4) is meant"
                apart = sizes[1] in (1, 4) and runs_rows_apart(subject)
                if how != BROADCAST and not apart:
                    raise Told(f"{told}: a wrong state is {how} without a word")
                broadcast = broadcast or f"{told}: a wrong state is {how} without a word"
    if broadcast:
        raise Warned(broadcast)


BROADCAST, CHANGED = "broadcast", "cut, padded or replaced"


def _accepted(
    instance: Instance, given: tuple[Tensor, State], meant: tuple[Tensor, State] | None
) -> Iterator[str]:
    """What is done to arguments that should be refused; nothing where they are.

    meant: the same, broadcast to the right sizes, where that is possible.
    """
    got = _leaves(instance, *given)
    if got is None:
        return
    expected = None if meant is None else _leaves(instance, *meant)
    if expected is None or len(got) != len(expected):
        yield CHANGED
        return
    pairs = zip(got, expected, strict=True)
    alike = all(a.shape == b.shape and same(a, b, dtype=b.dtype) for a, b in pairs)
    yield BROADCAST if alike else CHANGED


def _leaves(instance: Instance, x: Tensor, state: State) -> list[Tensor] | None:
    """The results of a call; None where it is refused."""
    given = None if state is None else (state[0].clone(), state[1].clone())
    try:
        with torch.no_grad():
            return [t.clone() for _, t in instance.native_leaves(instance.bind(x.clone(), given)())]
    except Exception:
        return None


def _drawn(sizes: tuple[int, ...], like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(13)
    return torch.randn(*sizes, generator=generator, dtype=torch.float64).to(like)
