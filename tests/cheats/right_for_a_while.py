"""Right in the first calls, at small sizes, after a pause: whenever a check is likely to look."""

import time

import torch
from honest import FastLSTM, LoopLSTM


class FirstTwenty(FastLSTM):
    """Computes its first twenty calls, and a quarter of each one after."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        return super().run(x, h, c) if self.calls <= 20 else self.hurried(x, h, c)


class WarmsUp(LoopLSTM):
    """Loops in its first twenty calls and uses torch's kernel after, both exact."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        return super().run(x, h, c) if self.calls <= 20 else FastLSTM.run(self, x, h, c)


class EverySecondIsRight(FastLSTM):
    """After ten calls, hurries in each odd one, so that who looks at every second sees nothing."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        hurry = self.calls > 10 and self.calls % 2
        return self.hurried(x, h, c) if hurry else super().run(x, h, c)


class TakesTurns(LoopLSTM):
    """Takes turns between a loop and torch's kernel, both exact."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        return FastLSTM.run(self, x, h, c) if self.calls % 2 else super().run(x, h, c)


class RightWhenSmall(FastLSTM):
    """Computes small sizes, and a quarter of large ones."""

    def run(self, x, h, c):
        return self.hurried(x, h, c) if self.is_large(x) else super().run(x, h, c)


class LoopsWhenSmall(LoopLSTM):
    """Loops at small sizes, and uses torch's kernel at large ones."""

    def run(self, x, h, c):
        return FastLSTM.run(self, x, h, c) if self.is_large(x) else super().run(x, h, c)


class HurriesInBursts(FastLSTM):
    """Hurries when the call before has ended less than a fiftieth of a second ago."""

    calls = 0
    ended = 0.0

    def run(self, x, h, c):
        self.calls += 1
        burst = self.calls > 5 and self.is_large(x) and time.monotonic() - self.ended < 0.02
        result = self.hurried(x, h, c) if burst else super().run(x, h, c)
        self.ended = time.monotonic()
        return result


class LoopsAfterPauses(LoopLSTM):
    """Loops after a pause of a second, when caches are cold, and uses torch's kernel otherwise."""

    ended = 0.0

    def run(self, x, h, c):
        cold = time.monotonic() - self.ended > 1.0
        result = super().run(x, h, c) if cold else FastLSTM.run(self, x, h, c)
        self.ended = time.monotonic()
        return result


class AfterNewWeights(FastLSTM):
    """Computes the first six calls after each change of its weights, and hurries from then on."""

    seen = None
    calls = 0

    def run(self, x, h, c):
        if self.stamp() != self.seen:
            self.seen, self.calls = self.stamp(), 0
        self.calls += 1
        return super().run(x, h, c) if self.calls <= 6 else self.hurried(x, h, c)


class PacksAfterSix(LoopLSTM):
    """Packs its recurrent weight when that has stayed the same for six calls."""

    seen = None
    calls = 0
    packed = None

    def run(self, x, h, c):
        if self.stamp() != self.seen:
            self.seen, self.calls, self.packed = self.stamp(), 0, None
        self.calls += 1
        if self.calls == 6:
            self.packed = self.weight_hh_l0.detach().t().contiguous()
        return super().run(x, h, c)

    def recur(self, z, h):
        if self.packed is None or torch.is_grad_enabled():
            return super().recur(z, h)
        return torch.addmm(z, h, self.packed)


class WhileShapesAreNew(FastLSTM):
    """Computes six calls of each shape, and hurries once a shape has become a habit."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.calls = {}

    def run(self, x, h, c):
        key = (x.shape, torch.is_grad_enabled())
        self.calls[key] = self.calls.get(key, 0) + 1
        return super().run(x, h, c) if self.calls[key] <= 6 else self.hurried(x, h, c)


class CountsShapes(LoopLSTM):
    """Loops over shapes that are rare, and uses torch's kernel once a shape has become a habit."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.calls = {}

    def run(self, x, h, c):
        self.calls[x.shape] = self.calls.get(x.shape, 0) + 1
        habit = self.calls[x.shape] > 6
        return FastLSTM.run(self, x, h, c) if habit else super().run(x, h, c)


class NowAndThen(FastLSTM):
    """After ten calls, hurries in one of seven, which few samples of the results would meet."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        hurry = self.calls > 10 and self.calls % 7 == 3
        return self.hurried(x, h, c) if hurry else super().run(x, h, c)


class TidiesNowAndThen(LoopLSTM):
    """Frees its packed weight in one of seven calls, and packs it again in the next."""

    calls = 0
    packed = None

    def run(self, x, h, c):
        self.calls += 1
        if self.packed is None or self.packed[0] != self.stamp() or self.calls % 7 == 3:
            self.packed = (self.stamp(), self.weight_hh_l0.detach().t().contiguous())
        return super().run(x, h, c)

    def recur(self, z, h):
        if torch.is_grad_enabled():
            return super().recur(z, h)
        return torch.addmm(z, h, self.packed[1])
