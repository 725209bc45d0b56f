"""Interchangeable LSTM implementations, one idea a file.

Read them in this order; each says what it saves over the one before:

1. :mod:`impls.documented_loop`: one gate at a time, one step at a time, as textbooks write it.
2. :mod:`impls.batched_gates`: one matrix product a step, the input's product out of the loop.
3. :mod:`impls.torch_nn`: ``torch.nn.LSTM`` behind the same contract.

All of them keep the contract in :mod:`impls.contract`, exchange their parameters through
:mod:`impls.parameters`, and are found by name through :mod:`impls.registry`. This package
needs torch and nothing else; it never imports the harness that judges it.
"""
