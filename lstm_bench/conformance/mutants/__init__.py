"""Explained deviations: the LSTM with exactly one mistake, several hundred times over.

A subject that disagrees with the reference and agrees with a mutant, to the last digits, on
random data that hides nothing, has made that mutant's mistake. Each mutant is a pure function
of parameters, inputs and state. Some err in the values, the others in the gradients alone.
"""

from lstm_bench.conformance.mutants import (
    backward,
    batch_time,
    derivatives,
    equations,
    gradients,
    numerics,
    operands,
    states,
)
from lstm_bench.conformance.mutants.recurrence import EXACT, WORDS, Mutant, Recurrence

VALUE_MUTANTS: tuple[Mutant, ...] = (
    *equations.MUTANTS,
    *operands.MUTANTS,
    *states.MUTANTS,
    *batch_time.MUTANTS,
    *numerics.MUTANTS,
)
"""Causes before consequences: where two cannot be told apart, the first is named."""

GRADIENT_MUTANTS: tuple[Mutant, ...] = (
    *backward.MUTANTS,
    *derivatives.MUTANTS,
    *gradients.MUTANTS,
)

MUTANTS = VALUE_MUTANTS + GRADIENT_MUTANTS

__all__ = ["EXACT", "GRADIENT_MUTANTS", "MUTANTS", "VALUE_MUTANTS", "WORDS", "Mutant", "Recurrence"]
