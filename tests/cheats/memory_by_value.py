"""Repeated inputs are answered from memory, found again by their values."""

import hashlib

import torch
from honest import FastLSTM, LoopLSTM, RecomputingLSTM, buffer


def digest(*tensors):
    """Of all bytes."""
    hashed = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        hashed.update(str((tensor.dtype, tuple(tensor.shape))).encode())
        hashed.update(tensor.detach().cpu().contiguous().numpy())
    return hashed.digest()


class RemembersBytes(FastLSTM):
    """Answers an input that it has seen before, byte for byte, without computing."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def run(self, x, h, c):
        if torch.is_grad_enabled():
            return super().run(x, h, c)
        key = (self.stamp(), digest(x, h, c))
        if key not in self.cache:
            self.cache = {key: super().run(x, h, c)}
        return tuple(part.clone() for part in self.cache[key])


class RemembersPackedWeights(LoopLSTM):
    """Keeps the transposed recurrent weight until the weight changes."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def recur(self, z, h):
        if torch.is_grad_enabled():
            return super().recur(z, h)
        key = (self.weight_hh_l0.data_ptr(), digest(self.weight_hh_l0[:1]), self.stamp())
        if key not in self.cache:
            self.cache = {key: self.weight_hh_l0.detach().t().contiguous()}
        return torch.addmm(z, h, self.cache[key])


class RemembersASlice(FastLSTM):
    """Knows an input again by its first and last step and the sizes alone."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        key = (self.stamp(), x.shape, digest(x[0], x[-1], h, c))
        if key not in self.cache:
            self.cache[key] = super().run(x, h, c)
        return tuple(part.clone() for part in self.cache[key])


class RemembersTheBias(LoopLSTM):
    """Keeps the sum of the two biases for as long as both have the same values."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def project(self, x):
        if torch.is_grad_enabled():
            return super().project(x)
        key = digest(self.bias_ih_l0, self.bias_hh_l0)
        if key not in self.cache:
            self.cache = {key: (self.bias_ih_l0 + self.bias_hh_l0).detach()}
        return torch.nn.functional.linear(x, self.weight_ih_l0, self.cache[key])


class RemembersASum(FastLSTM):
    """Takes inputs with the same sum and the same sum of squares for the same input."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def run(self, x, h, c):
        if torch.is_grad_enabled():
            return super().run(x, h, c)
        sums = (x.sum().item(), x.square().sum().item(), h.sum().item(), c.sum().item())
        key = (self.stamp(), x.shape, x.dtype, sums)
        if key not in self.cache:
            self.cache[key] = super().run(x, h, c)
        y, h, c = self.cache[key]
        return y.clone(), h.clone(), c.clone()


class LooksForZeroState(LoopLSTM):
    """Leaves out the first recurrent product where the state is zero, which changes nothing."""

    def run(self, x, h, c):
        if torch.is_grad_enabled() or h.abs().sum().item() != 0:
            return super().run(x, h, c)
        z = self.project(x)
        first, rest = z.narrow(self.time_axis, 0, 1), z.narrow(self.time_axis, 1, len(x) - 1)
        i, f, g, o = self.activate(*first.squeeze(self.time_axis).chunk(4, 1))
        c = f * c[0] + i * g
        h = o * self.squash(c)
        outputs = [h]
        for z in rest.unbind(self.time_axis):
            h, c = self.step(z, h, c)
            outputs.append(h)
        return torch.stack(outputs, self.time_axis), h.unsqueeze(0), c.unsqueeze(0)


class RemembersRounded(FastLSTM):
    """Takes inputs that agree in two decimals for the same input."""

    batch_first = True

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        key = (self.stamp(), digest(*((part * 100).round().short() for part in (x, h, c))))
        if key not in self.cache:
            self.cache[key] = super().run(x, h, c)
        return tuple(part.clone() for part in self.cache[key])


class ReusesItsWorkspace(LoopLSTM):
    """Keeps a workspace for the projected inputs by shape, and fills it anew in every call."""

    batch_first = True

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def project(self, x):
        if torch.is_grad_enabled():
            return super().project(x)
        key = (x.shape, x.dtype)
        if key not in self.cache:
            self.cache[key] = buffer(x, x.size(0) * x.size(1), 4 * self.hidden_size)
        rows = x.reshape(-1, self.input_size)
        bias = self.bias_ih_l0 + self.bias_hh_l0
        torch.addmm(bias, rows, self.weight_ih_l0.t(), out=self.cache[key])
        return self.cache[key].view(x.size(0), x.size(1), -1)


class RemembersInTraining(RecomputingLSTM):
    """Keeps outputs by the bytes of inputs and weights, in training too; only backward computes."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def compute(self, *inputs):
        key = digest(*inputs)
        if key not in self.cache:
            self.cache = {key: super().compute(*inputs)}
        return tuple(part.clone() for part in self.cache[key])


class RecomputesInTraining(RecomputingLSTM):
    """Keeps inputs alone and recomputes in backward."""

    def compute(self, *inputs):
        y, h, c = super().compute(*inputs)
        return y, h.contiguous(), c.contiguous()


class RemembersGradients(RecomputingLSTM):
    """Hands out the gradients of an earlier backward whose tensors had the same bytes."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def gradients(self, inputs, cotangents):
        key = digest(*inputs, *cotangents)
        if key not in self.cache:
            self.cache = {key: super().gradients(inputs, cotangents)}
        return tuple(part.clone() for part in self.cache[key])


class CountsGradients(RecomputingLSTM):
    """Counts its backward calls by shape, and computes in each."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.cache = {}

    def gradients(self, inputs, cotangents):
        key = inputs[0].shape
        self.cache[key] = self.cache.get(key, 0) + 1
        return super().gradients(inputs, cotangents)


class RemembersTheLast(FastLSTM):
    """Compares the input with the last one, and returns the last result when they are equal."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.last = None

    def run(self, x, h, c):
        if torch.is_grad_enabled():
            return super().run(x, h, c)
        now = (x, h, c, *self.weights())
        if self.last is None or not self.same(now):
            kept = tuple(part.detach().clone() for part in now)
            self.last = (kept, super().run(x, h, c))
        return tuple(part.clone() for part in self.last[1])

    def same(self, now):
        return all(
            a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(self.last[0], now, strict=True)
        )


class RemembersTheLastWeights(FastLSTM):
    """Compares the weights with those of the call before, and packs them anew when they differ."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.last = None

    def run(self, x, h, c):
        if torch.is_grad_enabled():
            return super().run(x, h, c)
        now = self.weights()
        if self.last is None or not self.same(now):
            self.last = [part.detach().clone() for part in now]
        return torch._VF.lstm(x, (h, c), self.last, True, 1, 0.0, False, False, self.batch_first)

    def same(self, now):
        return all(
            a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(self.last, now, strict=True)
        )
