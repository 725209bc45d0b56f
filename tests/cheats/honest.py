"""Fast LSTMs that are right: what every cheat and every twin in this folder is made from.

They have the parameters of nn.LSTM by name, shape and meaning (gates i, f, g, o); x is
(T, B, I), or (B, T, I) where ``batch_first``; states are (1, B, H). A cheat overrides ``run`` or
``answer`` and calls ``super()`` when it chooses to compute.

The file is not called hosts.py because ``tests/broken`` has one: both go by their bare name.
"""

import contextlib
import math

import torch
from torch import nn
from torch.autograd.function import once_differentiable

LARGE = 2**15
"""T · B · H from which some cheats save work: more than checks usually visit."""


def lstm(x, h, c, weights, batch_first):
    """Torch's own kernel; x, h (1, B, H), c (1, B, H) → y, h, c."""
    train = x.is_cuda and torch.is_grad_enabled()  # cuDNN wants to be told
    return torch._VF.lstm(x, (h, c), weights, True, 1, 0.0, train, False, batch_first)


def pull_back(results, leaves, cotangents):
    """Gradients by the leaves. By way of a number: torch imports sympy to check cotangents."""
    pairs = zip(results, cotangents, strict=True)
    return torch.autograd.grad(sum((part * by).sum() for part, by in pairs), leaves)


def buffer(like, *shape):
    """An uninitialised tensor that may be written to in every mode."""
    with torch.inference_mode(False):
        return torch.empty(shape, dtype=like.dtype, device=like.device)


class FastLSTM(nn.Module):
    """As fast as nn.LSTM, by the same kernel."""

    batch_first = False

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self):
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def weights(self):
        return [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0]

    def stamp(self):
        """Changes when a weight does; never twice the same where torch counts no versions."""
        return tuple(
            object() if w.is_inference() else (w.data_ptr(), w._version, w.dtype)
            for w in self.weights()
        )

    @property
    def time_axis(self):
        return 1 if self.batch_first else 0

    @property
    def batch_axis(self):
        return 1 - self.time_axis

    def is_large(self, x):
        return x.size(0) * x.size(1) * self.hidden_size >= LARGE

    def check(self, x, h, c):
        if x.dim() != 3 or x.size(2) != self.input_size:
            raise ValueError(f"expected (…, …, {self.input_size}), got {tuple(x.shape)}")
        expected = (1, x.size(self.batch_axis), self.hidden_size)
        if h.shape != expected or c.shape != expected:
            raise ValueError(f"expected states {expected}, got {tuple(h.shape)}, {tuple(c.shape)}")

    def forward(self, x, hx=None):
        if hx is None:
            zeros = x.new_zeros(1, x.size(self.batch_axis), self.hidden_size)
            hx = (zeros, zeros)
        h, c = hx
        self.check(x, h, c)
        return self.answer(x, h, c)

    def answer(self, x, h, c):
        y, h, c = self.run(x, h, c)
        return y, (h, c)

    def run(self, x, h, c):
        return lstm(x, h, c, self.weights(), self.batch_first)

    def hurried(self, x, h, c):
        """A wrong answer that costs a quarter: the first steps, and the last of them repeated."""
        T = x.size(self.time_axis)
        done = max(1, T // 4)
        y, h, c = FastLSTM.run(self, x.narrow(self.time_axis, 0, done), h, c)
        last = y.narrow(self.time_axis, done - 1, 1)
        return torch.cat([y, *[last] * (T - done)], self.time_axis), h, c


class LoopLSTM(FastLSTM):
    """A loop over time, after one product with the inputs of all steps."""

    def project(self, x):
        return nn.functional.linear(x, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0)

    def recur(self, z, h):
        return torch.addmm(z, h, self.weight_hh_l0.t())

    def activate(self, i, f, g, o):
        return torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)

    def squash(self, c):
        return torch.tanh(c)

    def step(self, z, h, c):
        i, f, g, o = self.activate(*self.recur(z, h).chunk(4, 1))
        c = f * c + i * g
        return o * self.squash(c), c

    def loop(self, projected, h, c):
        outputs = []
        for z in projected.unbind(self.time_axis):
            h, c = self.step(z, h, c)
            outputs.append(h)
        return torch.stack(outputs, self.time_axis), h, c

    def run(self, x, h, c):
        y, h, c = self.loop(self.project(x), h[0], c[0])
        return y, h.unsqueeze(0), c.unsqueeze(0)


class _ByHand(torch.autograd.Function):
    """Hands ``compute`` and ``gradients`` of a layer to autograd."""

    @staticmethod
    def forward(ctx, layer, *inputs):
        ctx.layer = layer
        ctx.save_for_backward(*inputs)
        return layer.compute(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, *cotangents):
        return None, *ctx.layer.gradients(ctx.saved_tensors, cotangents)


class RecomputingLSTM(FastLSTM):
    """An autograd function that keeps its inputs only, and recomputes in its backward."""

    def run(self, x, h, c):
        if torch.is_grad_enabled():
            return _ByHand.apply(self, x, h, c, *self.weights())
        return self.compute(x, h, c, *self.weights())

    def compute(self, x, h, c, *weights):
        """y, h, c of plain tensors; nothing is recorded."""
        return lstm(x, h, c, list(weights), self.batch_first)

    def gradients(self, inputs, cotangents):
        """By each of (x, h, c, four weights), given those by (y, h, c)."""
        leaves = [part.detach().requires_grad_() for part in inputs]
        with torch.enable_grad():
            x, h, c, *weights = leaves
            results = lstm(x, h, c, weights, self.batch_first)
            return pull_back(results, leaves, cotangents)


@contextlib.contextmanager
def restored(read, write, value):
    """A setting has this value inside the block and its former one after it."""
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)
