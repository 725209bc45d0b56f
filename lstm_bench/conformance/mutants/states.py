"""Mistakes with states: the given and the default one, those carried on and those returned."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lstm_bench.conformance.mutants.recurrence import Mutant, Step, mutate
from lstm_bench.conformance.reference import State


def _blank(t: Tensor) -> Tensor:
    return torch.zeros_like(t)


def _first_row(t: Tensor) -> Tensor:
    return t[:1].expand_as(t)


_START = {
    "h0_ignored": (
        "the given hidden state h0 is ignored: the recurrence starts from h = 0",
        lambda h, c: (_blank(h), c),
    ),
    "c0_ignored": (
        "the given cell state c0 is ignored: the recurrence starts from c = 0",
        lambda h, c: (h, _blank(c)),
    ),
    "state_ignored": (
        "the given state is ignored, both h0 and c0: the recurrence starts from zeros",
        lambda h, c: (_blank(h), _blank(c)),
    ),
    "swapped_in": (
        "the given h0 and c0 are swapped: h0 is taken as the cell state and c0 as the hidden state",
        lambda h, c: (c, h),
    ),
    "h0_for_both": (
        "the given hidden state h0 is used as the cell state too; c0 is ignored",
        lambda h, c: (h, h),
    ),
    "c0_for_both": (
        "the given cell state c0 is used as the hidden state too; h0 is ignored",
        lambda h, c: (c, c),
    ),
    "first_row": (
        "the given state of the first sequence of the batch is used for all of them",
        lambda h, c: (_first_row(h), _first_row(c)),
    ),
    "first_row_h": (
        "the given hidden state h0 of the first sequence of the batch is used for all of them",
        lambda h, c: (_first_row(h), c),
    ),
    "first_row_c": (
        "the given cell state c0 of the first sequence of the batch is used for all of them",
        lambda h, c: (h, _first_row(c)),
    ),
    "rows_reversed": (
        "the given state's sequences are taken in reverse order of the batch",
        lambda h, c: (h.flip(0), c.flip(0)),
    ),
    "batch_mean": (
        "the given state is averaged over the batch",
        lambda h, c: (h.mean(0, keepdim=True).expand_as(h), c.mean(0, keepdim=True).expand_as(c)),
    ),
    "scrambled": (
        "the given state's axes are scrambled: (B, H) is viewed as (H, B) and transposed",
        lambda h, c: (_viewed(h), _viewed(c)),
    ),
    "scrambled_h": (
        "the given hidden state's axes are scrambled: (B, H) is viewed as (H, B) and transposed",
        lambda h, c: (_viewed(h), c),
    ),
    "h0_squashed": ("the given hidden state h0 goes through tanh", lambda h, c: (h.tanh(), c)),
    "c0_squashed": ("the given cell state c0 goes through tanh", lambda h, c: (h, c.tanh())),
    "summed": ("the given h0 is added to c0", lambda h, c: (h, c + h)),
    "ones": ("the given state is replaced by ones", lambda h, c: (h * 0 + 1, c * 0 + 1)),
    "h0_ones": (
        "the given hidden state h0 is replaced by ones",
        lambda h, c: (torch.ones_like(h), c),
    ),
    "h0_doubled": ("the given hidden state h0 is doubled", lambda h, c: (2 * h, c)),
    "c0_doubled": ("the given cell state c0 is doubled", lambda h, c: (h, 2 * c)),
    "h0_negated": ("the given hidden state h0 is taken negative", lambda h, c: (-h, c)),
    "c0_negated": ("the given cell state c0 is taken negative", lambda h, c: (h, -c)),
}  # fmt: skip


def _viewed(t: Tensor) -> Tensor:
    return t.reshape(t.shape[1], t.shape[0]).T


_DEFAULT = {
    "ones": (
        "the default state is ones instead of zeros",
        lambda z: (z + 1, z + 1),
    ),
    "h_ones": ("the default hidden state is ones instead of zeros", lambda z: (z + 1, z)),
    "c_ones": ("the default cell state is ones instead of zeros", lambda z: (z, z + 1)),
    "tenths": ("the default state is 0.1 instead of zeros", lambda z: (z + 0.1, z + 0.1)),
    "c_tenth": ("the default cell state is 0.1 instead of zeros", lambda z: (z, z + 0.1)),
    "halves": ("the default state is 0.5 instead of zeros", lambda z: (z + 0.5, z + 0.5)),
}

_END = {
    "swapped_out": (
        "the returned h and c are swapped: the cell state comes where the hidden state belongs",
        lambda states: (states[-1][1], states[-1][0]),
    ),
    "h_as_c": (
        "the hidden state h is returned as the cell state c too",
        lambda states: (states[-1][0], states[-1][0]),
    ),
    "c_as_h": (
        "the cell state c is returned as the hidden state h too",
        lambda states: (states[-1][1], states[-1][1]),
    ),
    "first_step": (
        "the returned state is that of the first step instead of the last",
        lambda states: states[1],
    ),
    "first_step_h": (
        "the returned hidden state is that of the first step instead of the last",
        lambda states: (states[1][0], states[-1][1]),
    ),
    "first_step_c": (
        "the returned cell state is that of the first step instead of the last",
        lambda states: (states[-1][0], states[1][1]),
    ),
    "one_early": (
        "the returned state is that of the step before the last: it is stale by one step",
        lambda states: states[-2],
    ),
    "h_one_early": (
        "the returned hidden state is that of the step before the last",
        lambda states: (states[-2][0], states[-1][1]),
    ),
    "c_one_early": (
        "the returned cell state is that of the step before the last: c is stale by one step",
        lambda states: (states[-1][0], states[-2][1]),
    ),
    "initial": (
        "the returned state is the initial one: it is not updated",
        lambda states: states[0],
    ),
    "initial_h": (
        "the returned hidden state is the initial one: h is not updated",
        lambda states: (states[0][0], states[-1][1]),
    ),
    "initial_c": (
        "the returned cell state is the initial one: c is not updated",
        lambda states: (states[-1][0], states[0][1]),
    ),
    "zeros": (
        "the returned state is zeros",
        lambda states: (_blank(states[-1][0]), _blank(states[-1][1])),
    ),
    "zero_h": (
        "the returned hidden state is zeros",
        lambda states: (_blank(states[-1][0]), states[-1][1]),
    ),
    "zero_c": (
        "the returned cell state is zeros",
        lambda states: (states[-1][0], _blank(states[-1][1])),
    ),
    "squashed_c": (
        "the returned cell state has gone through tanh",
        lambda states: (states[-1][0], states[-1][1].tanh()),
    ),
    "squashed_h": (
        "the returned hidden state has gone through tanh once more",
        lambda states: (states[-1][0].tanh(), states[-1][1]),
    ),
    "ungated_h": (
        "the returned hidden state is tanh(c): the output gate is missing in it",
        lambda states: (states[-1][1].tanh(), states[-1][1]),
    ),
    "mean": (
        "the returned state is the mean over the steps instead of the last step's",
        lambda states: _over_steps(states, "mean"),
    ),
    "sum": (
        "the returned state is the sum over the steps instead of the last step's",
        lambda states: _over_steps(states, "sum"),
    ),
    "largest": (
        "the returned state is the largest over the steps instead of the last step's",
        lambda states: _over_steps(states, "amax"),
    ),
    "last_row": (
        "the returned state of the last sequence of the batch is given for all of them",
        lambda states: tuple(s[-1:].expand_as(s) for s in states[-1]),
    ),
    "first_row": (
        "the returned state of the first sequence of the batch is given for all of them",
        lambda states: tuple(_first_row(s) for s in states[-1]),
    ),
    "last_row_h": (
        "the returned hidden state of the last sequence of the batch is given for all of them",
        lambda states: (states[-1][0][-1:].expand_as(states[-1][0]), states[-1][1]),
    ),
    "last_row_c": (
        "the returned cell state of the last sequence of the batch is given for all of them",
        lambda states: (states[-1][0], states[-1][1][-1:].expand_as(states[-1][1])),
    ),
    "first_row_h": (
        "the returned hidden state of the first sequence of the batch is given for all of them",
        lambda states: (_first_row(states[-1][0]), states[-1][1]),
    ),
    "first_row_c": (
        "the returned cell state of the first sequence of the batch is given for all of them",
        lambda states: (states[-1][0], _first_row(states[-1][1])),
    ),
    "rows_reversed": (
        "the returned state's sequences come in reverse order of the batch",
        lambda states: tuple(s.flip(0) for s in states[-1]),
    ),
    "scrambled": (
        "the returned state's axes are scrambled: (H, B) is viewed as (B, H)",
        lambda states: tuple(s.T.reshape(s.shape) for s in states[-1]),
    ),
}  # fmt: skip


def _over_steps(states: list[State], how: str) -> State:
    h, c = (torch.stack([s[k] for s in states[1:]]) for k in (0, 1))
    return getattr(h, how)(0), getattr(c, how)(0)


_CARRY = {
    "h_not_carried": (
        "the hidden state is not carried from step to step: every step starts from h = 0",
        lambda s: (_blank(s.new_h), s.new_c),
    ),
    "c_not_carried": (
        "the cell state is not carried from step to step: every step starts from c = 0",
        lambda s: (s.new_h, _blank(s.new_c)),
    ),
    "nothing_carried": (
        "no state is carried from step to step: every step starts from zeros",
        lambda s: (_blank(s.new_h), _blank(s.new_c)),
    ),
    "h_never_updated": (
        "the hidden state is not updated from step to step: every step reads h0",
        lambda s: (s.h, s.new_c),
    ),
    "c_never_updated": (
        "the cell state is not updated from step to step: every step reads c0",
        lambda s: (s.new_h, s.c),
    ),
    "never_updated": (
        "the state is not updated from step to step: every step starts from the initial state",
        lambda s: (s.h, s.c),
    ),
    "swapped": (
        "h and c are swapped from one step to the next",
        lambda s: (s.new_c, s.new_h),
    ),
    "c_for_h": (
        "the cell state is carried to the next step as the hidden state too",
        lambda s: (s.new_c, s.new_c),
    ),
    "h_for_c": (
        "the hidden state is carried to the next step as the cell state too",
        lambda s: (s.new_h, s.new_h),
    ),
    "squashed_c": (
        "the cell state goes through tanh on its way to the next step",
        lambda s: (s.new_h, s.new_c.tanh()),
    ),
    "ungated_h": (
        "tanh(c) is carried to the next step as the hidden state: the output gate is missing",
        lambda s: (s.new_c.tanh(), s.new_c),
    ),
    "h_added": (
        "the old hidden state is added to the one that is carried to the next step",
        lambda s: (s.new_h + s.h, s.new_c),
    ),
    "h_row_mixed": (
        "the hidden state is averaged over the batch from step to step: it mixes the sequences",
        lambda s: (s.new_h.mean(0, keepdim=True).expand_as(s.new_h), s.new_c),
    ),
    "c_row_mixed": (
        "the cell state is averaged over the batch from step to step: it mixes the sequences",
        lambda s: (s.new_h, s.new_c.mean(0, keepdim=True).expand_as(s.new_c)),
    ),
    "rows_rolled": (
        "the hidden state moves on by one sequence of the batch with every step",
        lambda s: (s.new_h.roll(1, 0), s.new_c),
    ),
}  # fmt: skip


def reset_every(steps: int, which: str = "state") -> Mutant:
    """The state is zeros again after every so many steps. which: state, h or c."""
    words = {"state": "state", "h": "hidden state", "c": "cell state"}[which]

    def carry(s: Step) -> State:
        over = (s.t + 1) % steps == 0
        return (
            _blank(s.new_h) if over and which != "c" else s.new_h,
            _blank(s.new_c) if over and which != "h" else s.new_c,
        )

    return mutate(
        f"{which}_reset_every_{steps}",
        "state",
        f"the {words} is reset to zeros after every {steps} steps of time",
        carry=carry,
    )


def _all() -> Iterator[Mutant]:
    for name, (words, start) in _START.items():
        yield mutate(f"start_{name}", "state", words, start=start)
    for name, (words, default) in _DEFAULT.items():
        yield mutate(f"default_{name}", "state", words, default=default)
    for name, (words, end) in _END.items():
        yield mutate(f"end_{name}", "state", words, end=end)
    for name, (words, carry) in _CARRY.items():
        yield mutate(f"carry_{name}", "state", words, carry=carry)
    for steps in (2, 3, 4, 5):
        for which in ("state", "h", "c"):
            yield reset_every(steps, which)


MUTANTS = tuple(_all())
