"""What a recurrence is, as data: cells, families of them, and the mistakes that can be made.

A cell is a small graph of nodes; a mistake is an edit of it: an operator at a place, in both
passes or in the backward pass alone, at all steps or at some. What is computed from either is in
:mod:`~lstm_bench.theory.compute`, which alone knows torch.
"""
