"""Subjects whose speed, or whose answers, are not what they seem. Run in processes of their own."""

import threading
import time

import torch
from torch import nn


class FirstAnswer(nn.LSTM):
    """Once it has seen a batch of six, it gives the same answer for ever."""

    def forward(self, x, hx=None):
        if x.shape[1] != 6:
            return super().forward(x, hx)
        if not hasattr(self, "kept"):
            self.kept = super().forward(x, hx)
        return self.kept


class Remembers(nn.LSTM):
    """Answers a prediction with what it answered the time before."""

    def forward(self, x, hx=None):
        now = super().forward(x, hx)
        before, self.kept = getattr(self, "kept", now), now
        if torch.is_inference_mode_enabled():
            return before[0].clone(), tuple(s.clone() for s in before[1])
        return now


class WrongAtSix(nn.LSTM):
    def forward(self, x, hx=None):
        out, state = super().forward(x, hx)
        return (out * 1.01 if x.shape[1] == 6 else out), state


class WrongGradientAtSix(nn.LSTM):
    def forward(self, x, hx=None):
        out, state = super().forward(x, hx)
        if x.shape[1] == 6 and out.requires_grad:
            out.register_hook(lambda g: g * 1.01)
        return out, state


class Mixes(nn.LSTM):
    """Works on a CPU alone: what it adds lies there."""

    def forward(self, x, hx=None):
        return super().forward(x + torch.zeros(x.shape), hx)


class HasAnUnusedParameter(nn.LSTM):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.unused = nn.Parameter(torch.zeros(3))


class SlowClock(nn.LSTM):
    """Slows every clock of the time module once it has been called often enough."""

    def forward(self, x, hx=None):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 400:
            for name in ("perf_counter_ns", "process_time_ns", "clock_gettime_ns"):
                real = getattr(time, name)
                slow = lambda *a, real=real: real(*a) // 10  # noqa: E731
                setattr(time, name, slow)
                import lstm_bench.measure.clock
                import lstm_bench.measure.stand

                setattr(lstm_bench.measure.stand, name, slow)
                setattr(lstm_bench.measure.clock, name, slow)
        return super().forward(x, hx)


class LeavesAThreadSpinning(nn.LSTM):
    def forward(self, x, hx=None):
        if not hasattr(self, "spinning"):
            self.__dict__["spinning"] = threading.Thread(target=self.spin, daemon=True)
            self.spinning.start()
        return super().forward(x, hx)

    @staticmethod
    def spin():
        a = torch.randn(200, 200)
        while True:
            torch.mm(a, a)


class ChangesTheDenormals(nn.LSTM):
    def forward(self, x, hx=None):
        torch.set_flush_denormal(True)
        return super().forward(x, hx)


class OnlyTrains(nn.LSTM):
    def forward(self, x, hx=None):
        if torch.is_inference_mode_enabled():
            raise RuntimeError("no inference here")
        return super().forward(x, hx)


class TakesNoState(nn.LSTM):
    """x (B, T, I) → outputs (B, T, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size, batch_first=True)

    def forward(self, x):
        return super().forward(x)[0]
