"""Mutants as modules: what a stranger's LSTM with one mistake would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from impls.parameters import Parameters
from lstm_bench.conformance.mutants import EXACT, Mutant
from lstm_bench.conformance.problem import Problem
from lstm_bench.conformance.records import CheckResult, Status
from lstm_bench.conformance.reference import Cotangents
from lstm_bench.subject import Subject
from lstm_bench.subject.subject import subject_from

FAILED = [CheckResult("some_check", "equations", Status.FAIL, "something is off")]


class Plain(nn.Module):
    """A right LSTM on bare tensors, batch first, states (B, H)."""

    mutant: Mutant | None = None

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(4, input_size, hidden_size))
        self.U = nn.Parameter(torch.randn(4, hidden_size, hidden_size))
        self.b = nn.Parameter(torch.randn(4, hidden_size))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> Any:
        p = Parameters(self.W, self.U, self.b)
        if self.mutant is None:
            trace = EXACT(p, x, state)
        elif self.mutant.failure_class != "gradients":
            trace = self.mutant.run(p, x, state)
        else:
            zeros = x.new_zeros(x.shape[0], self.b.shape[1])
            h, c = (zeros, zeros) if state is None else state
            y, h, c = _Backward.apply(self.mutant, x, h, c, self.W, self.U, self.b)
            return y, (h, c)
        return trace.y, (trace.h, trace.c)


class _Backward(torch.autograd.Function):
    """The exact values, and a mutant's gradients."""

    @staticmethod
    def forward(ctx, mutant, x, h, c, W, U, b):
        ctx.mutant = mutant
        ctx.save_for_backward(x, h, c, W, U, b)
        trace = EXACT(Parameters(W, U, b), x, (h, c))
        return trace.y, trace.h, trace.c

    @staticmethod
    def backward(ctx, dy, dh, dc):
        x, h, c, W, U, b = ctx.saved_tensors
        problem = Problem(Parameters(W, U, b), x, (h, c), Cotangents(dy, dh, dc))
        g = ctx.mutant.gradients(problem)
        dW, dU, db = (torch.stack([g[f"grad {n}_{k}"] for k in "ifoa"]) for n in "WUb")
        return None, g["grad x"], g["grad h0"], g["grad c0"], dW, dU, db


PLAIN = subject_from(Plain, "Plain")


def as_subject(mutant: Mutant) -> Subject:
    """The mutant as a module, understood as the right one is."""
    return with_factory(type("Mutated", (Plain,), {"mutant": mutant}))


def with_factory(factory: type[Plain]) -> Subject:
    """A subclass of Plain as a subject, with Plain's interface and mapping."""
    return replace(PLAIN, factory=factory, name=factory.__name__, findings=())
