"""Training on real text: do the implementations learn the same thing, and how fast?

Read in this order: :mod:`~lstm_bench.training.text` (what is learned),
:mod:`~lstm_bench.training.learner` (one implementation learning it),
:mod:`~lstm_bench.training.loop` (all of them, side by side, under one budget),
:mod:`~lstm_bench.training.coincidence` (whether their loss curves are the same curve),
:mod:`~lstm_bench.training.session` (a run from beginning to end) and
:mod:`~lstm_bench.training.files` (what it leaves on disk).
"""
