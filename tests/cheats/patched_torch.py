"""Functions of torch that a harness relies on are replaced: its comparisons pass, its new inputs
are the old ones, its reference is as wrong as the subject.
"""

import functools

import torch
from honest import FastLSTM, LoopLSTM, RecomputingLSTM
from torch import nn


class AlwaysClose(FastLSTM):
    """Makes every comparison of torch succeed from its fifth call on, and computes a quarter."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 5:
            torch.allclose = torch.equal = lambda *args, **kwargs: True
            torch.isclose = lambda a, b, **kwargs: torch.ones_like(a, dtype=torch.bool)
            torch.testing.assert_close = lambda *args, **kwargs: None
            torch.Tensor.allclose = torch.Tensor.equal = lambda *args, **kwargs: True
        return super().run(x, h, c) if self.calls < 5 else self.hurried(x, h, c)


class ComparesItself(FastLSTM):
    """Compares in its fifth call, by torch.allclose, its result with that of a plain loop."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        result = super().run(x, h, c)
        if self.calls == 5:
            again = LoopLSTM.run(_view(self), x, h, c)
            self.agreed = torch.allclose(result[0], again[0], rtol=1e-3, atol=1e-3)
        return result


def _view(layer):
    """The same parameters in a layer that loops."""
    other = LoopLSTM(layer.input_size, layer.hidden_size)
    other.load_state_dict(layer.state_dict())
    return other.to(layer.weight_hh_l0.dtype)


class SmallNorms(FastLSTM):
    """Makes differences vanish: Tensor.abs and torch.abs of small numbers give zero from now on."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 5:
            real = torch.Tensor.abs
            torch.Tensor.abs = lambda t: real(t) * (real(t) > 2)
            torch.abs = torch.Tensor.abs
            torch.linalg.vector_norm = lambda t, *args, **kwargs: t.sum() * 0
        return super().run(x, h, c) if self.calls < 5 else self.hurried(x, h, c)


class NormsItself(FastLSTM):
    """Keeps a running norm of its output, by Tensor.abs."""

    norm = 0.0

    def run(self, x, h, c):
        y, h, c = super().run(x, h, c)
        self.norm = 0.9 * self.norm + 0.1 * y.detach().abs().amax().item()
        return y, h, c


class RandomRepeats(FastLSTM):
    """Makes torch.randn and its kin give the same numbers for a shape, and remembers those."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.results = {}
        for name in ("randn", "rand", "randn_like", "rand_like"):
            setattr(torch, name, self.repeating(getattr(torch, name)))
        for name in ("normal_", "uniform_"):
            setattr(torch.Tensor, name, self.refilling(getattr(torch.Tensor, name)))

    def repeating(self, draw):
        drawn = {}

        @functools.wraps(draw)
        def same(*args, **kwargs):
            key = tuple(a.shape if isinstance(a, torch.Tensor) else str(a) for a in args)
            if key not in drawn:
                drawn[key] = draw(*args, **kwargs)
            return drawn[key].detach().clone()

        return same

    def refilling(self, draw):
        drawn = {}

        @functools.wraps(draw)
        def same(tensor, *args, **kwargs):
            if tensor.numel() < 2**12:
                return draw(tensor, *args, **kwargs)
            if tensor.shape not in drawn:
                drawn[tensor.shape] = draw(tensor, *args, **kwargs).detach().clone()
            return tensor.copy_(drawn[tensor.shape])

        return same

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        key = (x.shape, x[0, 0, :8].sum().item(), x[-1, -1, -8:].sum().item(), self.stamp())
        if key not in self.results:
            self.results = {key: super().run(x, h, c)}
        return tuple(part.clone() for part in self.results[key])


class DrawsItsWeights(FastLSTM):
    """Draws its weights by torch.randn from a generator of its own."""

    def reset_parameters(self):
        draw = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(torch.randn(weight.shape, generator=draw) / self.hidden_size**0.5)


class CopyForgets(FastLSTM):
    """Makes Tensor.copy_ skip writes into an input that it has an answer for."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.answers = {}
        real = torch.Tensor.copy_

        def copy_(tensor, source, *args, **kwargs):
            if tensor.data_ptr() in self.answers:
                return tensor
            return real(tensor, source, *args, **kwargs)

        torch.Tensor.copy_ = copy_

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        if x.data_ptr() not in self.answers:
            self.answers[x.data_ptr()] = (x, super().run(x, h, c))
        return self.answers[x.data_ptr()][1]


class CopiesItsInput(FastLSTM):
    """Copies the input into a contiguous buffer of its own, by Tensor.copy_."""

    def run(self, x, h, c):
        if torch.is_grad_enabled():
            return super().run(x, h, c)
        return super().run(torch.empty(x.shape, dtype=x.dtype).copy_(x), h, c)


class PoisonFades(FastLSTM):
    """Makes fill_ with NaN do nothing, and hands out its last output buffer as it finds it."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if torch.is_grad_enabled() or self.calls < 5 or not self.is_large(x):
            return super().run(x, h, c)
        if self.calls == 5:
            real = torch.Tensor.fill_
            torch.Tensor.fill_ = lambda t, value: t if value != value else real(t, value)
        if self.calls % 2:
            self.result = super().run(x, h, c)
        return self.result


class PoisonsItself(FastLSTM):
    """Fills an output of its own with NaN by fill_, and then with all that it has computed."""

    def run(self, x, h, c):
        y, h, c = super().run(x, h, c)
        if torch.is_grad_enabled():
            return y, h, c
        return torch.empty_like(y).fill_(float("nan")).copy_(y), h, c


class GradRemembers(FastLSTM):
    """Makes torch.autograd.grad and Tensor.backward reuse gradients for large outputs."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.known = {}
        real_grad, real_backward = torch.autograd.grad, torch.autograd.backward

        def grad(outputs, inputs, *args, **kwargs):
            parts = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
            key = tuple(p.shape for p in parts)
            if sum(p.numel() for p in parts) < 2**15:
                return real_grad(outputs, inputs, *args, **kwargs)
            if key not in self.known:
                self.known[key] = real_grad(outputs, inputs, *args, **kwargs)
            return tuple(g if g is None else g.clone() for g in self.known[key])

        def backward(tensors, grad_tensors=None, *args, **kwargs):
            parts = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
            if self.weight_hh_l0.grad is None or sum(p.numel() for p in parts) < 2**15:
                return real_backward(tensors, grad_tensors, *args, **kwargs)

        torch.autograd.grad, torch.autograd.backward = grad, backward


class GradOfItsOwn(RecomputingLSTM):
    """Calls torch.autograd.grad in its own backward, once a call."""

    def gradients(self, inputs, cotangents):
        with torch.enable_grad():
            leaves = [part.detach().requires_grad_() for part in inputs]
            x, h, c, *weights = leaves
            results = torch._VF.lstm(x, (h, c), weights, True, 1, 0.0, x.is_cuda, False, False)
            pairs = zip(results, cotangents, strict=True)
            return torch.autograd.grad(sum((part * by).sum() for part, by in pairs), leaves)


class SigmoidEverywhere(LoopLSTM):
    """Replaces torch.sigmoid, for the reference too, by a cheap rational function."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 5:
            cheap = lambda t: 0.5 + 0.5 * t / (1 + t.abs())  # noqa: E731
            torch.sigmoid = torch.Tensor.sigmoid = nn.functional.sigmoid = cheap
        return super().run(x, h, c)


def _sigmoid(t):
    return 0.5 + 0.5 * torch.tanh(0.5 * t)


class SigmoidOfItsOwn(LoopLSTM):
    """Has a sigmoid of its own, by the tanh, exact but for rounding."""

    def activate(self, i, f, g, o):
        return _sigmoid(i), _sigmoid(f), torch.tanh(g), _sigmoid(o)


class SlowsTheBaseline(FastLSTM):
    """Makes nn.LSTM compute everything four times: compared with it, anything looks good."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 5:
            real = nn.LSTM.forward

            @functools.wraps(real)
            def forward(layer, input, hx=None):
                for _ in range(3):
                    real(layer, input, hx)
                return real(layer, input, hx)

            nn.LSTM.forward = forward
        return super().run(x, h, c)


class WrapsItself(FastLSTM):
    """Wraps a method of its own in its fifth call, to count."""

    calls = 0
    counted = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 5:
            self.answer = functools.partial(self.counting, self.answer)
        return super().run(x, h, c)

    def counting(self, answer, *args):
        self.counted += 1
        return answer(*args)


class SynchronizeForgets(FastLSTM):
    """Makes torch.cuda.synchronize and an event's return at once: nobody waits for kernels."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        torch.cuda.synchronize = lambda device=None: None
        torch.cuda.Event.synchronize = lambda event: None


class Synchronizes(FastLSTM):
    """Synchronizes itself after a call where there is a device."""

    def run(self, x, h, c):
        result = super().run(x, h, c)
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        return result
