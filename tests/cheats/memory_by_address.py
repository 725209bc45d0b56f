"""Repeated inputs are answered from memory, found again by where they lie."""

import torch
from honest import FastLSTM, LoopLSTM, RecomputingLSTM, buffer


def place(tensor):
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def version(tensor):
    return 0 if tensor.is_inference() else tensor._version


class ByPointer(FastLSTM):
    """Answers an input at a known address from memory if its first and last value are the same."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.plans = {}

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        key = (place(x), x[0, 0, 0].item(), x[-1, -1, -1].item(), self.stamp())
        if key not in self.plans:
            self.plans[key] = super().run(x, h, c)
        return self.plans[key]


class PlansByPointer(LoopLSTM):
    """Keeps its transposed weight by the address and version of the weight."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.plans = {}

    def recur(self, z, h):
        if torch.is_grad_enabled():
            return super().recur(z, h)
        key = (place(self.weight_hh_l0), version(self.weight_hh_l0), self.stamp())
        if key not in self.plans:
            self.plans = {key: self.weight_hh_l0.detach().t().contiguous()}
        return torch.addmm(z, h, self.plans[key])


class ByPointerAndVersion(FastLSTM):
    """Keeps inputs alive, so that no other takes their address, and looks at versions only."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.plans = {}

    def run(self, x, h, c):
        if torch.is_grad_enabled() or x.is_inference() or not self.is_large(x):
            return super().run(x, h, c)
        key = (place(x), version(x), self.stamp())
        if key not in self.plans:
            if len(self.plans) > 16:
                self.plans.clear()
            self.plans[key] = (x, super().run(x, h, c))
        return self.plans[key][1]


class ProductsByVersion(LoopLSTM):
    """Keeps both biases as one vector by their addresses and versions."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.plans = {}

    def project(self, x):
        if torch.is_grad_enabled():
            return super().project(x)
        key = self.stamp()
        if key not in self.plans:
            self.plans = {key: (self.bias_ih_l0 + self.bias_hh_l0).detach()}
        return torch.nn.functional.linear(x, self.weight_ih_l0, self.plans[key])


class CapturedByShape(FastLSTM):
    """After a warm-up of six calls of a shape, replays what it has "captured" for that shape."""

    WARM_UP = 6

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.calls = {}
        self.plans = {}

    def run(self, x, h, c):
        key = (x.shape, x.dtype, self.stamp())
        self.calls[key] = self.calls.get(key, 0) + 1
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        if self.calls[key] <= self.WARM_UP:
            self.plans[key] = super().run(x, h, c)
        return self.plans[key]


class WorkspaceByShape(LoopLSTM):
    """After a warm-up of six calls of a shape, keeps a workspace for it that each call refills."""

    WARM_UP = 6

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.calls = {}
        self.plans = {}

    def project(self, x):
        key = (x.shape, x.dtype)
        self.calls[key] = self.calls.get(key, 0) + 1
        if torch.is_grad_enabled() or self.calls[key] <= self.WARM_UP:
            return super().project(x)
        if key not in self.plans:
            self.plans[key] = buffer(x, x.size(0) * x.size(1), 4 * self.hidden_size)
        flat = x.reshape(-1, self.input_size)
        bias = self.bias_ih_l0 + self.bias_hh_l0
        torch.addmm(bias, flat, self.weight_ih_l0.t(), out=self.plans[key])
        return self.plans[key].view(x.size(0), x.size(1), -1)


class ProjectionByPointer(LoopLSTM):
    """Computes the recurrence, but takes the inputs' product from memory by the input's address."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.plans = {}

    def project(self, x):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().project(x)
        key = (place(x), x[0, 0, :4].tolist().__repr__(), self.stamp())
        if key not in self.plans:
            self.plans = {key: super().project(x)}
        return self.plans[key]


class ProjectionInPlace(LoopLSTM):
    """Computes the inputs' product into a fresh tensor and adds the biases in place."""

    def project(self, x):
        if torch.is_grad_enabled():
            return super().project(x)
        projected = x @ self.weight_ih_l0.t()
        projected += self.bias_ih_l0
        projected += self.bias_hh_l0
        return projected


class GradientsByPointer(RecomputingLSTM):
    """Hands out the gradients of an earlier backward for tensors at the same addresses."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.plans = {}

    def gradients(self, inputs, cotangents):
        if not self.is_large(inputs[0]):
            return super().gradients(inputs, cotangents)
        key = (*(place(part) for part in inputs), self.stamp())
        if key not in self.plans:
            self.plans = {key: super().gradients(inputs, cotangents)}
        return tuple(part.clone() for part in self.plans[key])


class GradientsInPlace(RecomputingLSTM):
    """Sums each gradient into a fresh tensor of zeros."""

    def gradients(self, inputs, cotangents):
        sums = [torch.zeros_like(part) for part in inputs]
        for total, part in zip(sums, super().gradients(inputs, cotangents), strict=True):
            total += part
        return tuple(sums)
