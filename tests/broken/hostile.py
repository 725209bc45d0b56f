"""Subjects that a judge must survive: they hang, exit, crash, shout, or are no LSTM at all.

Importing this file is harmless. What happens at import has files of its own.
"""

import ctypes
import os
import random
import signal
import sys
import time

import torch
from hosts import FusedLSTM, GateLinears, TimeFirstLSTM
from torch import nn

# --- never come back -----------------------------------------------------------------------------


class HangsInConstructor(FusedLSTM):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        while True:
            time.sleep(1)


class HangsInForward(FusedLSTM):
    def forward(self, input, hx=None):
        while True:
            pass


class HangsInBackward(TimeFirstLSTM):
    def step(self, x, h, c):
        h, c = super().step(x, h, c)
        if h.requires_grad:
            h.register_hook(lambda grad: time.sleep(1_000_000))
        return h, c


class IgnoresTermination(FusedLSTM):
    """Does not end when asked to: only SIGKILL helps."""

    def forward(self, input, hx=None):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            time.sleep(1)


# --- take the process along ----------------------------------------------------------------------


class ExitsInConstructor(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        sys.exit(0)


class ExitsInForward(FusedLSTM):
    """Leaves at once and with success, so that nobody reports anything."""

    def forward(self, input, hx=None):
        os._exit(0)


class AbortsInForward(FusedLSTM):
    def forward(self, input, hx=None):
        os.abort()


class SegfaultsInForward(FusedLSTM):
    def forward(self, input, hx=None):
        ctypes.string_at(0)
        return super().forward(input, hx)


class InterruptsInForward(FusedLSTM):
    """An exception that is none of Exception's."""

    def forward(self, input, hx=None):
        raise KeyboardInterrupt


class EatsMemory(FusedLSTM):
    """Takes 6 GB in steps of 64 MB, and gives up then."""

    def forward(self, input, hx=None):
        hoard = [torch.ones(16 * 1024 * 1024) for _ in range(96)]
        raise MemoryError(f"{len(hoard)} blocks of 64 MB were not enough")


# --- raise ---------------------------------------------------------------------------------------


class RaisesInConstructor(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        raise RuntimeError("no licence for this layer was found")


class RaisesInForward(FusedLSTM):
    def forward(self, input, hx=None):
        raise NotImplementedError("the forward pass is left as an exercise")


class OddConstructor(nn.Module):
    """Wants things that nobody could guess."""

    def __init__(self, vocabulary, *, tokenizer, checkpoint_path):
        super().__init__()
        with open(checkpoint_path) as file:
            self.lstm = nn.LSTM(len(vocabulary[tokenizer.name]), int(file.read()))

    def forward(self, x):
        return self.lstm(x)


# --- no LSTM at all ------------------------------------------------------------------------------


class Attention(nn.Module):
    """A causal self-attention layer."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.qkv = nn.Linear(input_size, 3 * hidden_size)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=2)
        return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


class Linear(nn.Linear):
    """A layer without time."""


class Zeros(FusedLSTM):
    """The right shapes, and nothing in them."""

    def forward(self, input, hx=None):
        B, T, _ = input.shape
        state = input.new_zeros(1, B, self.hidden_size)
        return input.new_zeros(B, T, self.hidden_size), (state, state)


def not_a_module(input_size, hidden_size):
    """A factory of text."""
    return f"LSTM({input_size}, {hidden_size})"


# --- right, and bad company ----------------------------------------------------------------------


class Chatterbox(FusedLSTM):
    """Prints at every step, to both streams."""

    def step(self, x, h, c):
        print("step!" * 200)
        print("step!" * 200, file=sys.stderr)
        return super().step(x, h, c)


class ChangesTheWorld(GateLinears):
    """Seeds, threads and the default dtype are changed for everyone."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        torch.manual_seed(0)
        random.seed(0)
        torch.set_num_threads(1)
        torch.set_default_dtype(torch.float64)
        os.chdir("/")
