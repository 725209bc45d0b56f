"""The checks, one file a class; importing this package registers them all."""

from lstm_bench.conformance.checks import (  # noqa: F401 - imported for registration
    arithmetic,
    batch_time,
    equations,
    gradients,
    layout,
    lengths,
    memory,
    module,
    randomness,
    sizes,
    stacks,
    state,
    validation,
)
