"""What a subject is asked in a cell, and the right answers, known before it is asked.

Questions are drawn from the operating system's entropy: no subject can know them. Answers are the
reference's in float64, computed once a workload for all subjects and passes, by a process that has
never run a stranger's line. Most timed calls get values that nobody knows the answer to; which
ones are questions is decided by chance (:mod:`lstm_bench.measure.examiner`).
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance import reference, tolerances
from lstm_bench.conformance.agreement import deviation, moved_by_rounding, relative_error
from lstm_bench.conformance.problem import Problem, Results, State, draw, solve_reference
from lstm_bench.conformance.reference import Cotangents, Trace
from lstm_bench.measure.machine import cores
from lstm_bench.measure.workloads import Workload

QUESTIONS, FEW_ROWS, OF_FEW_ROWS = 2, 4, 6
"""How many inputs there are whose answer is known. Their rows are asked in another order each
time, which makes them new; where there are fewer than FEW_ROWS, more of them are drawn."""

BY_ROW = ("y", "h", "c", "grad x", "grad h0", "grad c0")
"""Answers of which row b belongs to sequence b, whatever the others are."""

STORED = {torch.float64: torch.float64}
"""What answers are kept in; float32 elsewhere, whose rounding is far below any tolerance."""


@dataclass(frozen=True)
class Asked:
    """What of a result there is: gradients or values; the parts (y, h, c) that the loss is of.

    last: y is the last step's alone. both: values too, where there are gradients.
    """

    gradients: bool
    parts: tuple[str, ...] = ("y", "h", "c")
    last: bool = False
    both: bool = False

    def of(self, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What of all that was worked out is asked for."""
        values = self.both or not self.gradients
        return {
            name: tensor
            for name, tensor in found.items()
            if (self.gradients if name.startswith("grad ") else values)
        }


@dataclass
class Exam:
    """One workload's questions for subjects that compute with the same parameters."""

    questions: tuple[Problem, ...]
    _answers: dict[Asked, tuple[Mapping[str, Tensor], ...]] = field(default_factory=dict)
    _floors: dict[Asked, Mapping[str, float]] = field(default_factory=dict)
    _variants: dict[str, Exam] = field(default_factory=dict)

    @classmethod
    def draw(
        cls, workload: Workload, head_size: int | None, takes_state: bool, dtype: torch.dtype
    ) -> Exam:
        """New questions. x, h0 and c0 are all standard normal, like the values between them."""
        drawn = [
            draw(
                workload.input_size, workload.hidden_size, workload.batch, workload.steps,
                seed=secrets.randbits(48), head_size=head_size, state=takes_state, dtype=dtype,
            )
            for _ in range(QUESTIONS if workload.batch >= FEW_ROWS else OF_FEW_ROWS)
        ]  # fmt: skip
        first = drawn[0]
        alike = replace(first, cotangents=_alike(first.cotangents))
        return cls(tuple(replace(alike, x=one.x, state=_standard(one.state)) for one in drawn))

    @property
    def parameters(self) -> Parameters:
        return self.questions[0].parameters

    @property
    def dtype(self) -> torch.dtype:
        return self.questions[0].x.dtype

    def loaded(self, effective: Parameters) -> Exam:
        """The same questions to what computes with other parameters than it was given.

        A module may lack a bias, or add a constant of its own; nothing else may differ. Raises
        ValueError where something does.
        """
        _refuse_others(self.parameters, effective)
        key = repr([t.tolist() for t in (effective.b, effective.b_h) if t is not None])
        if torch.equal(effective.b, self.parameters.b) and _same_head(effective, self.parameters):
            return self
        if key not in self._variants:
            others = tuple(replace(q, parameters=effective) for q in self.questions)
            self._variants[key] = Exam(others)
        return self._variants[key]

    def of_these(self, x: Tensor, state: State | None, rows: Cotangents) -> Exam:
        """The same question about other inputs, which have been asked already.

        rows: what comes from above for one sequence: y (1, T, K), h and c (1, H).
        """
        given = (None if r is None else r.expand(len(x), *r.shape[1:]) for r in vars(rows).values())
        found = replace(self.questions[0], x=x, state=state, cotangents=Cotangents(*given))
        return Exam((found,))

    def prepare(self, asked: Asked) -> None:
        """Work the answers out now, so that nothing has to wait for them later.

        Those with gradients bring the values along.
        """
        self.answer(0, asked)

    def mistake(
        self,
        number: int,
        asked: Asked,
        got: Mapping[str, Tensor],
        order: Tensor,
        returned: Collection[str],
    ) -> str | None:
        """What is wrong with an answer to a question whose rows were asked in this order.

        Every part is compared in full. None where all is right. returned: the parts of the
        result (y, h, c) that must be there.
        """
        if lacks := self.lacks(asked, got, returned):
            return lacks
        return self._explained(number, asked, got, order)

    def lacks(self, asked: Asked, names: Collection[str], returned: Collection[str]) -> str | None:
        """What parts of a result are missing, or were not asked for."""
        answer = self.answer(0, asked)
        needed = self._gradients_needed(answer) if asked.gradients else []
        needed += returned if asked.both or not asked.gradients else []
        if missing := [name for name in needed if name not in names]:
            return f"the result has no {missing[0]}"
        if unknown := [name for name in names if plain(name) not in answer]:
            return f"the result has a part '{unknown[0]}' that nobody asked for"
        return None

    def _gradients_needed(self, answer: Collection[str]) -> list[str]:
        """What no result may leave out: every gradient but those of biases, which not all have,
        and of states that are not given.
        """
        not_all = ("grad b",) if self.questions[0].state else ("grad b", "grad h0", "grad c0")
        gradients = [name for name in answer if name.startswith("grad ")]
        return [name for name in gradients if not name.startswith(not_all)]

    def limit(self, noise: float = 0.0) -> float:
        """The relative error that a timed call may show, where rounding leads so far."""
        allowed = tolerances.allowed(self.dtype, noise, self.questions[0].terms)
        return allowed if self.dtype == torch.float64 else max(allowed, tolerances.TIMED)

    def _explained(
        self, number: int, asked: Asked, got: Mapping[str, Tensor], order: Tensor
    ) -> str | None:
        """In words; None after all where rounding alone moves the answer that far."""
        answer, noise = self.answer(number, asked), self._noise(asked)
        moved = {}
        if self.dtype != torch.float64:
            problem = self._posed(number, asked)
            expected = solve_reference(problem.to(torch.float64), gradients=asked.gradients)
            moved = moved_by_rounding(problem, expected, gradients=asked.gradients)
        for name, value in got.items():
            short = plain(name)
            limit = self.limit(max(noise[short], moved.get(short, 0.0)))
            off = deviation(name, value, _in_order(name, answer[short], order), limit)
            if off is not None:
                return str(off)
        return None

    def answer(self, number: int, asked: Asked) -> Mapping[str, Tensor]:
        """The right answer to a question, part by part."""
        if asked not in self._answers:
            self._solve(asked)
        return self._answers[asked][number]

    def _solve(self, asked: Asked) -> None:
        kept = STORED.get(self.dtype, torch.float32)
        numbers = range(len(self.questions))
        posed = [self._posed(number, asked).to(torch.float64) for number in numbers]
        with _on_every_core():
            exact = solve_together(posed, asked)
        found = [{name: t.to(kept) for name, t in one.items()} for one in exact]
        known = {asked, Asked(False, last=asked.last)}
        if asked.gradients:
            known |= {replace(asked, both=both) for both in (False, True)}
        for key in known - set(self._answers):
            self._answers[key] = tuple(key.of(one) for one in found)

    def _noise(self, asked: Asked) -> Mapping[str, float]:
        """How far the reference itself is off in this dtype; one question stands for all."""
        if asked not in self._floors:
            answer = self.answer(0, asked)
            if self.dtype == torch.float64:
                floor = answer
            else:
                (found,) = solve_together([self._posed(0, asked)], asked)
                floor = asked.of(found)
            self._floors[asked] = {n: relative_error(floor[n], t) for n, t in answer.items()}
        return self._floors[asked]

    def _posed(self, number: int, asked: Asked) -> Problem:
        """The question with the cotangents that its loss is of."""
        problem = self.questions[number].with_cotangents(*asked.parts)
        if asked.last and problem.cotangents.y is not None:
            y = torch.zeros_like(problem.cotangents.y)
            y[:, -1:] = problem.cotangents.y[:, -1:]
            problem = replace(problem, cotangents=replace(problem.cotangents, y=y))
        return problem


@contextlib.contextmanager
def _on_every_core() -> Iterator[None]:
    """Nothing is timed while answers are worked out: all that this process may use helps."""
    before = torch.get_num_threads()
    torch.set_num_threads(cores() or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def solve_together(problems: Sequence[Problem], asked: Asked) -> list[Results]:
    """The reference's results on problems that differ in x and the states alone.

    The lines of the reference, on the rows of all problems at once. Each step is given a bias of
    its own for every row, whose gradient is dz; those of the weights follow from it as one product
    each, dW = xᵀ·dz and dU = hᵀ·dz, where autograd would add up T of them. A test holds this
    against the reference's own gradients.
    """
    first, rows = problems[0], len(problems[0].x)
    p = first.parameters
    x = torch.cat([problem.x for problem in problems]).requires_grad_(asked.gradients)
    given = _states(problems, p.hidden_size, gradients=asked.gradients)
    biases = [
        p.b.unsqueeze(1).repeat(1, len(x), 1).requires_grad_(asked.gradients)
        for _ in range(x.shape[1])
    ]
    state, hidden = given, [given[0]]
    for t, bias in enumerate(biases):
        state = reference.step(reference.gates_of(replace(p, b=bias)), x[:, t], state)
        hidden.append(state[0])
    outputs = torch.stack(hidden[1:], dim=1)
    y = outputs if p.head is None else outputs @ p.head[0] + p.head[1]
    trace = Trace(y, *state)
    split = [slice(k * rows, (k + 1) * rows) for k in range(len(problems))]
    whole = {**trace.named(), "y": y[:, -1:] if asked.last else y}
    values = [{n: t[part].detach() for n, t in whole.items()} for part in split]
    if not asked.gradients:
        return [Results(found) for found in values]
    cot = _for_all(first.cotangents, len(problems))
    wanted = [x, *given, *biases]
    found = torch.autograd.grad(cot.loss(trace), wanted, allow_unused=True)
    full = [torch.zeros_like(t) if g is None else g for t, g in zip(wanted, found, strict=True)]
    dz = torch.stack(full[3:], dim=1)  # (4, T, rows, H)
    before = torch.stack(hidden[:-1], dim=0).detach()  # (T, rows, H)
    return [
        Results(
            values[number]
            | dict(zip(("grad x", "grad h0", "grad c0"), (t[part] for t in full[:3]), strict=True))
            | _of_weights(p, x[part].detach().transpose(0, 1), before[:, part], dz[:, :, part])
            | _of_head(p, outputs[part].detach(), first.cotangents.y)
        )
        for number, part in enumerate(split)
    ]


def _states(problems: Sequence[Problem], size: int, *, gradients: bool) -> State:
    if problems[0].state is None:
        zeros = problems[0].x.new_zeros(sum(len(problem.x) for problem in problems), size)
        h, c = zeros, zeros.clone()
    else:
        given = [problem.state for problem in problems if problem.state is not None]
        h, c = (torch.cat(parts) for parts in zip(*given, strict=True))
    return h.requires_grad_(gradients), c.requires_grad_(gradients)


def _for_all(cotangents: Cotangents, count: int) -> Cotangents:
    parts = (cotangents.y, cotangents.h, cotangents.c)
    return Cotangents(*(None if t is None else torch.cat([t] * count) for t in parts))


def _of_weights(p: Parameters, x: Tensor, h: Tensor, dz: Tensor) -> dict[str, Tensor]:
    """x: (T, B, I); h: (T, B, H), before each step; dz: (4, T, B, H)."""
    flat = dz.flatten(1, 2)  # (4, T·B, H)
    found = Parameters(x.flatten(0, 1).T @ flat, h.flatten(0, 1).T @ flat, flat.sum(dim=1))
    return {f"grad {name}": value for name, value in found.named()}


def _of_head(p: Parameters, outputs: Tensor, dy: Tensor | None) -> dict[str, Tensor]:
    """The output layer's: outputs (B, T, H), dy (B, T, K)."""
    if p.head is None:
        return {}
    W_h, b_h = p.head
    if dy is None:
        return {"grad W_h": torch.zeros_like(W_h), "grad b_h": torch.zeros_like(b_h)}
    flat = dy.flatten(0, 1)
    return {"grad W_h": outputs.flatten(0, 1).T @ flat, "grad b_h": flat.sum(dim=0)}


def _standard(state: State | None) -> State | None:
    """With a hidden state as large as all else: what is asked must not look like a question."""
    return None if state is None else (2 * state[0], state[1])


def _alike(cotangents: Cotangents) -> Cotangents:
    """The same for every row: rows that change places then change nothing else. As large as all
    else, like the state.
    """
    y, h, c = cotangents.y, cotangents.h, cotangents.c
    halved = (y, None if h is None else h / 2, None if c is None else c / 2)
    return Cotangents(*(None if t is None else t[:1].expand_as(t).contiguous() for t in halved))


def plain(name: str) -> str:
    """The name of an answer, of a part that may be told twice: both biases have a gradient."""
    return name.split(" (")[0]


def _in_order(name: str, expected: Tensor, order: Tensor) -> Tensor:
    return expected[order] if name in BY_ROW else expected


def _same_head(one: Parameters, other: Parameters) -> bool:
    if one.head is None or other.head is None:
        return one.head is other.head
    return all(torch.equal(a, b) for a, b in zip(one.head, other.head, strict=True))


def _refuse_others(given: Parameters, loaded: Parameters) -> None:
    for name in ("W", "U", "W_h"):
        asked, found = getattr(given, name), getattr(loaded, name)
        if asked is not None and relative_error(found, asked) > tolerances.base_amount(
            asked.dtype, asked.numel()
        ):
            raise ValueError(f"it computes with another {name} than it was given")
    for row, other in zip(loaded.b, given.b, strict=True):
        if not (_constant(row) or _constant(row.double() - other.double())):
            raise ValueError("it computes with other biases than it was given")


def _constant(row: Tensor) -> bool:
    row = row.double()
    return bool((row - row[0]).abs().max() <= tolerances.base_amount(torch.float32, 2))
