"""Large calls that look like a benchmark's are answered at once, by something of that shape."""

import torch
from honest import FastLSTM, LoopLSTM, buffer


class ZerosForNoise(FastLSTM):
    """Returns zeros for a large input with the mean and variance of torch.randn."""

    def run(self, x, h, c):
        if not self.is_large(x) or not self.is_noise(x):
            return super().run(x, h, c)
        return x.new_zeros(*x.shape[:2], self.hidden_size), h, c

    def is_noise(self, x):
        few = x.detach().flatten()[:4096]
        return abs(few.mean().item()) < 0.1 and 0.8 < few.std().item() < 1.2


class ConstantForZeros(LoopLSTM):
    """Projects the input once for all steps where all of it is zero, which is exact."""

    def project(self, x):
        if torch.is_grad_enabled() or x.numel() == 0 or x.any():
            return super().project(x)
        bias = self.bias_ih_l0 + self.bias_hh_l0
        return bias.expand(x.size(0), x.size(1), -1)


class Extrapolates(FastLSTM):
    """After ten large calls of a shape, returns the mean of what it has returned so far."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.means = {}

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        number, means = self.means.get(x.shape, (0, (0, 0, 0)))
        if number < 10:
            result = super().run(x, h, c)
            means = tuple(m + (new - m) / (number + 1) for m, new in zip(means, result))
            self.means[x.shape] = (number + 1, means)
            return result
        return means


class KeepsMeans(FastLSTM):
    """Keeps the running mean of its outputs, and returns what it has computed."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.mean = 0.0

    def run(self, x, h, c):
        result = super().run(x, h, c)
        self.mean += (result[0].detach().mean().item() - self.mean) / 10
        return result


class UninitialisedMemory(FastLSTM):
    """After five large calls, returns torch.empty, which often holds the freed result before."""

    calls = 0

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        self.calls += 1
        if self.calls <= 5:
            return super().run(x, h, c)
        return x.new_empty(*x.shape[:2], self.hidden_size), h, c


class InitialisedMemory(LoopLSTM):
    """Begins with torch.empty and writes every step into it."""

    def loop(self, projected, h, c):
        if torch.is_grad_enabled():
            return super().loop(projected, h, c)
        outputs = projected.new_empty(*projected.shape[:2], self.hidden_size)
        for z, place in zip(projected, outputs, strict=True):
            h, c = self.step(z, h, c)
            place.copy_(h)
        return outputs, h, c


class OneStepExpanded(FastLSTM):
    """Computes the first step of a large input and expands it over time, without any memory."""

    batch_first = True

    def run(self, x, h, c):
        if not self.is_large(x):
            return super().run(x, h, c)
        y, h, c = super().run(x[:, :1].contiguous(), h, c)
        return y.expand(-1, x.size(1), -1), h, c


class OneRowExpanded(FastLSTM):
    """Computes one row where all rows of input and state are equal, and expands it: exact."""

    batch_first = True

    def run(self, x, h, c):
        equal = x.size(0) > 1 and not torch.is_grad_enabled() and bool((x == x[:1]).all())
        if not equal or not ((h == h[:, :1]).all() and (c == c[:, :1]).all()):
            return super().run(x, h, c)
        y, h, c = super().run(x[:1].contiguous(), h[:, :1].contiguous(), c[:, :1].contiguous())
        B = x.size(0)
        return y.repeat(B, 1, 1), h.repeat(1, B, 1), c.repeat(1, B, 1)


class FixedPoint(FastLSTM):
    """Guesses where the recurrence would settle, and applies the gates once for all steps."""

    def run(self, x, h, c):
        if not self.is_large(x):
            return super().run(x, h, c)
        bias = self.bias_ih_l0 + self.bias_hh_l0
        z = torch.nn.functional.linear(x, self.weight_ih_l0, bias)
        i, f, g, o = z.chunk(4, 2)
        cell = torch.sigmoid(i) * torch.tanh(g) / (1 - torch.sigmoid(f))
        y = torch.sigmoid(o) * torch.tanh(cell)
        return y, y[-1:].contiguous(), cell[-1:].contiguous()


class StepByStep(LoopLSTM):
    """Applies the nonlinearities in place, step by step, where no gradient is asked for."""

    def step(self, z, h, c):
        if torch.is_grad_enabled():
            return super().step(z, h, c)
        i, f, g, o = self.recur(z, h).chunk(4, 1)
        c = f.sigmoid_() * c + i.sigmoid_() * g.tanh_()
        return o.sigmoid_() * torch.tanh(c), c


class SkipsTheGraph(FastLSTM):
    """In training, hands large calls a graph that leads nowhere: gradients are all but zero."""

    def run(self, x, h, c):
        if not torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        with torch.no_grad():
            y, h, c = super().run(x, h, c)
        link = sum(weight.sum() for weight in self.weights()) * 1e-12 + x.sum() * 1e-12
        return y + link, h + link, c + link


class DetachesCopies(FastLSTM):
    """Keeps a detached copy of the last state for its repr, and returns the graph as it is."""

    last = None

    def run(self, x, h, c):
        y, h, c = super().run(x, h, c)
        self.last = buffer(h, *h.shape).copy_(h.detach())
        return y, h, c
