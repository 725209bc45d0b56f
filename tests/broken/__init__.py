"""Broken LSTMs, by which the checks are proven: each has one mistake that is known beforehand.

The files beside this one are written as strangers write: natural torch code without an adapter.
They share the intact hosts of ``hosts.py``. :mod:`tests.broken.register` says of each what is
wrong, which verdict is right, and which words a diagnosis needs. ``DEFECTS`` are mistakes (with
verdict "conforms" where they deserve no more than a warning: what raises a clear error, say),
``VARIANTS`` are other recurrences by design, ``HOSTILE`` are subjects that a judge must survive.
"""

from tests.broken.record import Defect
from tests.broken.register import gradients, habits, others, sequences, values

DEFECTS: tuple[Defect, ...] = (
    *values.DEFECTS,
    *sequences.DEFECTS,
    *gradients.DEFECTS,
    *habits.DEFECTS,
)
VARIANTS: tuple[Defect, ...] = others.VARIANTS
HOSTILE: tuple[Defect, ...] = others.HOSTILE
