"""The LSTM with a hook at every place where a mistake can be made.

:class:`Recurrence` with its defaults is the reference's equations once more. A mistake is the
same recurrence with one hook replaced, so that every mutant is one line which differs from the
equations in exactly what its sentence says. Autograd runs through all of them: a hook that
detaches, or that hands on another gradient (:func:`surrogate`), is a mistake of the backward
pass only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.problem import Problem, Results
from lstm_bench.conformance.reference import Cotangents, State, Trace

WORDS = {"i": "input gate", "f": "forget gate", "o": "output gate", "a": "candidate"}
"""The gates in words, in canonical order."""

Squash: TypeAlias = Callable[[Tensor], Tensor]
Run: TypeAlias = Callable[[Parameters, Tensor, State | None], Trace]
Gradients: TypeAlias = Mapping[str, Tensor]


@dataclass
class Step:
    """Everything one step knows. i, f, o, a, new_c and new_h appear as they are computed."""

    p: Parameters
    x: Tensor
    h: Tensor
    c: Tensor
    t: int
    steps: int
    before: State
    """The state one step earlier than (h, c); the initial one at the first step."""
    i: Tensor = field(init=False)
    f: Tensor = field(init=False)
    o: Tensor = field(init=False)
    a: Tensor = field(init=False)
    new_c: Tensor = field(init=False)
    new_h: Tensor = field(init=False)


def from_x(s: Step) -> Tensor:
    """X W of all gates: (4, B, H)."""
    return s.x @ s.p.W


def from_h(s: Step) -> Tensor:
    """H U of all gates: (4, B, H)."""
    return s.h @ s.p.U


def from_bias(s: Step) -> Tensor:
    """The biases of all gates: (4, 1, H)."""
    return s.p.b.unsqueeze(1)


def exact_operands(s: Step) -> Tensor:
    """What goes into the four gates: (4, B, H)."""
    return from_x(s) + from_h(s) + from_bias(s)


def zeros(like: Tensor) -> State:
    return torch.zeros_like(like), torch.zeros_like(like)


@dataclass(frozen=True)
class Recurrence:
    """The equations, hook by hook; call it to run a sequence.

    inputs, start, default: what is read. operands, squash, cell, hidden: one step. carry: the
    state that goes to the next step. emit: a step's output; outputs: from h0 and all of these.
    end: from all the states. head: the output layer.
    """

    inputs: Callable[[Tensor], Tensor] = lambda x: x
    default: Callable[[Tensor], State] = zeros
    start: Callable[[Tensor, Tensor], State] = lambda h, c: (h, c)
    operands: Callable[[Step], Tensor] = exact_operands
    squash: tuple[Squash, Squash, Squash, Squash] = (torch.sigmoid,) * 3 + (torch.tanh,)
    cell: Callable[[Step], Tensor] = lambda s: s.f * s.c + s.i * s.a
    hidden: Callable[[Step], Tensor] = lambda s: s.o * s.new_c.tanh()
    carry: Callable[[Step], State] = lambda s: (s.new_h, s.new_c)
    emit: Callable[[Step], Tensor] = lambda s: s.new_h
    outputs: Callable[[list[Tensor]], list[Tensor]] = lambda h: h[1:]
    end: Callable[[list[State]], State] = lambda states: states[-1]
    head: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda y, W, b: y @ W + b

    def __call__(self, p: Parameters, x: Tensor, state: State | None) -> Trace:
        """X (B, T, I); state (h, c), each (B, H), or None for the default. → y, h, c."""
        blank = x.new_zeros(x.shape[0], p.hidden_size)
        h, c = self.default(blank) if state is None else self.start(*state)
        x = self.inputs(x)
        trajectory, emitted, before = [(h, c)], [h], (h, c)
        for t in range(x.shape[1]):
            s = self._step(Step(p, x[:, t], h, c, t, x.shape[1], before))
            trajectory.append((s.new_h, s.new_c))
            emitted.append(self.emit(s))
            before = (h, c)
            h, c = self.carry(s)
        y = torch.stack(self.outputs(emitted), dim=1)
        if p.head is not None:
            y = self.head(y, *p.head)
        return Trace(y, *self.end(trajectory))

    def _step(self, s: Step) -> Step:
        s.i, s.f, s.o, s.a = (
            squash(z) for squash, z in zip(self.squash, self.operands(s), strict=True)
        )
        s.new_c = self.cell(s)
        s.new_h = self.hidden(s)
        return s


EXACT = Recurrence()


def change_gate(gate: str, squash: Squash) -> tuple[Squash, Squash, Squash, Squash]:
    """The squashing functions with one gate's replaced."""
    exact = EXACT.squash
    return tuple(  # type: ignore[return-value]
        squash if g == gate else s for g, s in zip("ifoa", exact, strict=True)
    )


def surrogate(value: Tensor, gradient_of: Tensor) -> Tensor:
    """``value`` going forward, the gradient of ``gradient_of`` going backward."""
    return value.detach() + gradient_of - gradient_of.detach()


# -- mutants ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """The LSTM with one mistake: its name, class and sentence, and what it computes.

    run gives values; gradients follow by autograd through it, from cotangents that
    ``cotangents`` may have changed, and pass through ``alter`` at the end.
    """

    name: str
    failure_class: str
    sentence: str
    run: Run = EXACT
    cotangents: Callable[[Cotangents], Cotangents] | None = None
    alter: Callable[[Results, Parameters], Gradients] | None = None

    def values(self, problem: Problem) -> Results:
        """y, h and c on a problem."""
        with torch.no_grad():
            return Results(self.run(problem.parameters, problem.x, problem.state).named())

    def gradients(self, problem: Problem, exact: Results | None = None) -> Results:
        """``grad x``, ``grad h0``, ``grad W_f``, … on a problem.

        exact: the right gradients, for mutants that only alter these; computed where missing.
        """
        if exact is None or self.run is not EXACT or self.cotangents is not None:
            cotangents = problem.cotangents
            if self.cotangents is not None:
                cotangents = self.cotangents(cotangents)
            exact = backward(self.run, problem, cotangents)
        if self.alter is None:
            return exact
        return Results({**exact, **self.alter(exact, problem.parameters)})


def backward(run: Run, problem: Problem, cotangents: Cotangents) -> Results:
    """The gradient of ⟨cotangents, run(...)⟩ in x, both states and each parameter, by name."""
    p = problem.parameters.map(lambda t: t.detach().clone().requires_grad_())
    x = problem.x.detach().clone().requires_grad_()
    state = problem.state
    if state is not None:
        state = tuple(s.detach().clone().requires_grad_() for s in state)  # type: ignore[assignment]
    fields = [p.W, p.U, p.b, *(p.head or ())]
    leaves = [x, *(state or ()), *fields]
    with torch.enable_grad():
        loss = cotangents.loss(run(p, x, state))
        if not loss.requires_grad:
            found = [torch.zeros_like(leaf) for leaf in leaves]
        else:
            raw = torch.autograd.grad(loss, leaves, allow_unused=True)
            found = [
                torch.zeros_like(v) if g is None else g for g, v in zip(raw, leaves, strict=True)
            ]
    names = ["x", "h0", "c0"][: 1 + len(state or ())]
    results = Results({f"grad {n}": g for n, g in zip(names, found[: len(names)], strict=True)})
    gradients = Parameters(*found[len(names) :])
    results.update({f"grad {n}": g for n, g in gradients.named()})
    return results


def mutate(name: str, failure_class: str, sentence: str, **hooks: object) -> Mutant:
    """A mutant that differs from the equations in the hooks given."""
    return Mutant(name, failure_class, sentence, replace(EXACT, **hooks))  # type: ignore[arg-type]
