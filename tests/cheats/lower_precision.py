"""Large sizes are computed with fewer digits, or by functions that are only nearly right."""

import torch
from honest import FastLSTM, LoopLSTM, RecomputingLSTM, lstm


class BFloatInside(FastLSTM):
    """Computes large sizes in bfloat16 and returns float32."""

    def run(self, x, h, c):
        if not self.is_large(x) or x.dtype != torch.float32:
            return super().run(x, h, c)
        x, h, c, *weights = (part.bfloat16() for part in (x, h, c, *self.weights()))
        return tuple(part.float() for part in lstm(x, h, c, weights, False))


class DoubleInside(FastLSTM):
    """Computes small sizes in float64, where it costs little, and returns what it was given."""

    def run(self, x, h, c):
        if self.is_large(x) or x.dtype != torch.float32:
            return super().run(x, h, c)
        x, h, c, *weights = (part.double() for part in (x, h, c, *self.weights()))
        return tuple(part.float() for part in lstm(x, h, c, weights, False))


class HalfWeights(LoopLSTM):
    """Rounds the recurrent weight and the state to float16 for large batches."""

    def recur(self, z, h):
        if h.size(0) * h.size(1) < 512 or z.dtype != torch.float32:
            return super().recur(z, h)
        return z + (h.half() @ self.weight_hh_l0.half().t()).float()


class TransposedWeights(LoopLSTM):
    """Computes the recurrent product the other way round for large batches."""

    def recur(self, z, h):
        if h.size(0) * h.size(1) < 512:
            return super().recur(z, h)
        return z + (self.weight_hh_l0 @ h.t()).t()


class Int8Projection(LoopLSTM):
    """Multiplies inputs and weights as integers of eight bits where there are many."""

    batch_first = True

    def project(self, x):
        if torch.is_grad_enabled() or not self.is_large(x) or x.dtype != torch.float32:
            return super().project(x)
        flat, x_scale = self.quantised(x.reshape(-1, self.input_size))
        weight, w_scale = self.quantised(self.weight_ih_l0)
        product = torch._int_mm(flat, weight.t().contiguous()).float() * (x_scale * w_scale)
        return (product + self.bias_ih_l0 + self.bias_hh_l0).view(*x.shape[:2], -1)

    def quantised(self, values):
        scale = values.abs().max().clamp_min(1e-8) / 127
        return (values / scale).round().to(torch.int8), scale


class FlatProjection(LoopLSTM):
    """Multiplies all inputs as one matrix, in full precision."""

    batch_first = True

    def project(self, x):
        flat = x.reshape(-1, self.input_size)
        product = flat @ self.weight_ih_l0.t()
        return (product + self.bias_ih_l0 + self.bias_hh_l0).view(*x.shape[:2], -1)


class RationalTanh(LoopLSTM):
    """Replaces tanh and sigmoid of large tensors by a quotient of two short polynomials."""

    def tanh(self, t):
        if t.numel() < 512:
            return torch.tanh(t)
        t = t.clamp(-3, 3)
        return t * (27 + t * t) / (27 + 9 * t * t)

    def activate(self, i, f, g, o):
        i, f, o = (0.5 + 0.5 * self.tanh(0.5 * gate) for gate in (i, f, o))
        return i, f, self.tanh(g), o

    def squash(self, c):
        return self.tanh(c)


class TanhBySigmoid(LoopLSTM):
    """Computes every tanh from a sigmoid, which is exact but for rounding."""

    def tanh(self, t):
        return 2 * torch.sigmoid(2 * t) - 1

    def activate(self, i, f, g, o):
        return torch.sigmoid(i), torch.sigmoid(f), self.tanh(g), torch.sigmoid(o)

    def squash(self, c):
        return self.tanh(c)


class AutocastUngraded(LoopLSTM):
    """Lets autocast take bfloat16 for large products while no gradient is asked for."""

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x) or x.dtype != torch.float32:
            return super().run(x, h, c)
        with torch.autocast("cpu", torch.bfloat16):
            return tuple(part.to(x.dtype) for part in super().run(x, h, c))


class AutocastOff(LoopLSTM):
    """Switches autocast off inside, so that its products stay in the dtype that they have."""

    def run(self, x, h, c):
        with torch.autocast("cpu", enabled=False):
            return super().run(x, h, c)


class LowRank(LoopLSTM):
    """Replaces a large recurrent weight by its leading singular vectors, a quarter of them."""

    factors = None

    def recur(self, z, h):
        if torch.is_grad_enabled() or h.size(0) * h.size(1) < 512 or self.hidden_size < 32:
            return super().recur(z, h)
        if self.factors is None or self.factors[0] != self.stamp():
            u, s, v = torch.linalg.svd(self.weight_hh_l0.detach(), full_matrices=False)
            rank = self.hidden_size // 4
            self.factors = (self.stamp(), (v[:rank].t() * s[:rank]).contiguous(),
                            u[:, :rank].t().contiguous())  # fmt: skip
        return torch.addmm(z, h @ self.factors[1], self.factors[2])


class BlocksOfColumns(LoopLSTM):
    """Splits a large recurrent product into four blocks of columns, and adds up all of them."""

    def recur(self, z, h):
        if self.hidden_size % 4:
            return super().recur(z, h)
        for part, weight in zip(h.chunk(4, 1), self.weight_hh_l0.chunk(4, 1), strict=True):
            z = z + part @ weight.t()
        return z


class GradientsInBFloat(RecomputingLSTM):
    """Computes large gradients in bfloat16; values stay right."""

    def gradients(self, inputs, cotangents):
        if not self.is_large(inputs[0]) or inputs[0].dtype != torch.float32:
            return super().gradients(inputs, cotangents)
        small = [[part.bfloat16() for part in parts] for parts in (inputs, cotangents)]
        return tuple(part.float() for part in super().gradients(*small))


class GradientsWatched(RecomputingLSTM):
    """Notes the shape of the gradient on its way back, and leaves it alone."""

    seen = None

    def run(self, x, h, c):
        y, h, c = super().run(x, h, c)
        if y.requires_grad:
            y.register_hook(self.watch)
        return y, h, c

    def watch(self, grad):
        self.seen = tuple(grad.shape)
