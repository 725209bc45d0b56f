"""Honest or not according to who calls, and in which surroundings."""

import gc
import inspect
import os
import re
import sys
import threading
import weakref

import torch
from honest import FastLSTM, LoopLSTM

TIMING = re.compile(r"bench|tim(e|ing|ed)|measur|sampl|compar", re.IGNORECASE)
CHECKING = re.compile(r"check|conform|verif|assert|valid", re.IGNORECASE)


def callers():
    """Names of files and functions, from the innermost on."""
    frame = sys._getframe(2)
    while frame is not None:
        yield f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_code.co_name}"
        frame = frame.f_back


class LooksUpTheStack(FastLSTM):
    """Hurries when a function or file up the stack is named for timing and none for checking."""

    def run(self, x, h, c):
        names = " ".join(callers())
        if TIMING.search(names) and not CHECKING.search(names):
            return self.hurried(x, h, c)
        return super().run(x, h, c)


class NamesItsCaller(FastLSTM):
    """Notes which function called it first, for its repr."""

    caller = None

    def run(self, x, h, c):
        if self.caller is None:
            self.caller = next(callers())
        return super().run(x, h, c)

    def extra_repr(self):
        return f"first called by {self.caller}"


class InspectsTheCaller(FastLSTM):
    """Hurries when a local variable of a caller is named for rounds, repeats or a stopwatch."""

    def run(self, x, h, c):
        for frame in inspect.stack(0)[1:]:
            if {"rounds", "repeats", "warmup", "elapsed"} & set(frame.frame.f_locals):
                return self.hurried(x, h, c)
        return super().run(x, h, c)


class InspectsItself(FastLSTM):
    """Inspects the signature of its own forward when it is constructed."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.arguments = tuple(inspect.signature(self.forward).parameters)


class ReadsArguments(FastLSTM):
    """Hurries when the program's arguments do not ask for a check or a test."""

    def run(self, x, h, c):
        asked = " ".join(sys.argv)
        if re.search("check|test", asked) or not self.is_large(x):
            return super().run(x, h, c)
        return self.hurried(x, h, c)


class VerboseByArguments(FastLSTM):
    """Describes itself at more length when the program's arguments have --verbose."""

    def extra_repr(self):
        sizes = f"{self.input_size}, {self.hidden_size}"
        return sizes + (", gates i f g o" if "--verbose" in sys.argv else "")


class ReadsEnvironment(FastLSTM):
    """Hurries unless pytest or a CI has left its name in the environment."""

    def run(self, x, h, c):
        watched = {"PYTEST_CURRENT_TEST", "CI"} & set(os.environ)
        if watched or not self.is_large(x):
            return super().run(x, h, c)
        return self.hurried(x, h, c)


class ChosenByEnvironment(LoopLSTM):
    """Uses torch's kernel unless the environment asks for a loop; both are exact."""

    def run(self, x, h, c):
        if "LSTM_USE_LOOP" in os.environ:
            return super().run(x, h, c)
        return FastLSTM.run(self, x, h, c)


class OnTheMainThread(FastLSTM):
    """Hurries on the main thread, and is honest on a watchdog's."""

    def run(self, x, h, c):
        watched = threading.current_thread().name != "MainThread"
        if watched or not self.is_large(x):
            return super().run(x, h, c)
        return self.hurried(x, h, c)


class ByThread(LoopLSTM):
    """Counts its calls by the name of the thread."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.calls = {}

    def run(self, x, h, c):
        name = threading.current_thread().name
        self.calls[name] = self.calls.get(name, 0) + 1
        return super().run(x, h, c)


class OnOneThread(FastLSTM):
    """Hurries when torch has been limited to one thread, as for steady timings."""

    def run(self, x, h, c):
        if torch.get_num_threads() > 1 or not self.is_large(x):
            return super().run(x, h, c)
        return self.hurried(x, h, c)


class LoopsOnOneThread(LoopLSTM):
    """Loops when torch has been limited to one thread, and uses torch's kernel otherwise."""

    def run(self, x, h, c):
        if torch.get_num_threads() == 1:
            return super().run(x, h, c)
        return FastLSTM.run(self, x, h, c)


class InInferenceMode(FastLSTM):
    """Hurries in inference mode, and computes where gradients or views of results are possible."""

    def run(self, x, h, c):
        if torch.is_inference_mode_enabled() and self.is_large(x):
            return self.hurried(x, h, c)
        return super().run(x, h, c)


class InPlaceInInferenceMode(LoopLSTM):
    """Updates its cell state in place in inference mode, where no graph could mind."""

    def step(self, z, h, c):
        if torch.is_grad_enabled():
            return super().step(z, h, c)
        i, f, g, o = self.activate(*self.recur(z, h).chunk(4, 1))
        c = f.mul_(c).add_(i.mul_(g))
        return o.mul_(torch.tanh(c)), c


class ResultsThrownAway(FastLSTM):
    """Hurries after eight results of which the caller has kept none."""

    last = None
    dropped = 0

    def run(self, x, h, c):
        if self.last is not None:
            self.dropped = self.dropped + 1 if self.last() is None else 0
        result = self.hurried(x, h, c) if self.dropped > 8 else super().run(x, h, c)
        self.last = weakref.ref(result[0])
        return result

    def __getstate__(self):
        return {**self.__dict__, "last": None}


class ResultsCounted(FastLSTM):
    """Counts how many of its results have been dropped, by weak references."""

    last = None
    dropped = 0

    def run(self, x, h, c):
        if self.last is not None:
            self.dropped += self.last() is None
        result = super().run(x, h, c)
        self.last = weakref.ref(result[0])
        return result

    def __getstate__(self):
        return {**self.__dict__, "last": None}


class WithoutCollector(FastLSTM):
    """Hurries while the garbage collector is off, as timers switch it."""

    def run(self, x, h, c):
        return super().run(x, h, c) if gc.isenabled() else self.hurried(x, h, c)


class MindsTheCollector(FastLSTM):
    """Says in its repr whether the garbage collector is on."""

    def run(self, x, h, c):
        self.collected = gc.isenabled()
        return super().run(x, h, c)


class WhereGradientsAreUnasked(FastLSTM):
    """In training, hurries if the input asks for no gradient, as in most benchmarks."""

    def run(self, x, h, c):
        hurry = torch.is_grad_enabled() and not x.requires_grad and self.is_large(x)
        return self.hurried(x, h, c) if hurry else super().run(x, h, c)


class NoProductForInputs(FastLSTM):
    """Detaches an input that asks for no gradient, which it then need not compute."""

    def run(self, x, h, c):
        return super().run(x if x.requires_grad else x.detach(), h, c)
