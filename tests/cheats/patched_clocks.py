"""The clocks of the process are replaced, so that time seems to pass more slowly."""

import builtins
import functools
import gc
import logging
import statistics
import sys
import time
import types

import numpy
import torch
from honest import FastLSTM, LoopLSTM

CLOCKS = tuple(
    name + suffix
    for name in ("perf_counter", "process_time", "thread_time", "monotonic", "time")
    for suffix in ("", "_ns")
)
SLOWER = 5
log = logging.getLogger(__name__)


def slowed(clock):
    """The same clock, of which only every fifth tick counts from now on."""
    start = clock()

    @functools.wraps(clock)
    def slow():
        passed = clock() - start
        return start + (passed // SLOWER if isinstance(passed, int) else passed / SLOWER)

    return slow


class SlowsPerfCounter(FastLSTM):
    """Replaces time.perf_counter and perf_counter_ns when it is constructed."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        for name in ("perf_counter", "perf_counter_ns"):
            setattr(time, name, slowed(getattr(time, name)))


class TimesItsConstruction(FastLSTM):
    """Measures by time.perf_counter how long its construction took."""

    def __init__(self, input_size, hidden_size):
        start = time.perf_counter()
        super().__init__(input_size, hidden_size)
        self.constructed_in = time.perf_counter() - start


class SlowsProcessTime(FastLSTM):
    """Replaces time.process_time_ns and its kin in its first call."""

    first = True

    def run(self, x, h, c):
        if self.first:
            self.first = False
            for name in ("process_time", "process_time_ns", "thread_time", "thread_time_ns"):
                setattr(time, name, slowed(getattr(time, name)))
        return super().run(x, h, c)


class TimesItsFirstCall(FastLSTM):
    """Measures by time.process_time_ns how long its first call took, and logs it."""

    first = True

    def run(self, x, h, c):
        start = time.process_time_ns()
        result = super().run(x, h, c)
        if self.first:
            self.first = False
            log.debug("the first call took %d ns", time.process_time_ns() - start)
        return result


class SlowsEveryName(FastLSTM):
    """In its tenth call, replaces the clocks under every name that any module has for them."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 10:
            slow = {id(getattr(time, name)): slowed(getattr(time, name)) for name in CLOCKS}
            for module in list(sys.modules.values()):
                for name, value in list(getattr(module, "__dict__", {}).items()):
                    if id(value) in slow:
                        setattr(module, name, slow[id(value)])
        return super().run(x, h, c)


class LooksForModules(FastLSTM):
    """In its tenth call, looks through the modules for optional packages, and notes their names."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 10:
            self.packages = sorted(
                name
                for name, module in list(sys.modules.items())
                if name in ("triton", "numba", "mkl") and hasattr(module, "__version__")
            )
        return super().run(x, h, c)


class SlowsByCollector(FastLSTM):
    """Asks the garbage collector who refers to the clocks, and replaces them in all those dicts."""

    done = False

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        if not SlowsByCollector.done:
            SlowsByCollector.done = True
            self.replace([getattr(time, name) for name in CLOCKS])

    def replace(self, clocks):
        holders = [o for o in gc.get_referrers(*clocks) if type(o) is dict]
        slow = {id(clock): slowed(clock) for clock in clocks}
        for holder in holders:
            for key, value in list(holder.items()):
                if id(value) in slow:
                    holder[key] = slow[id(value)]


class CountsByCollector(FastLSTM):
    """Asks the garbage collector how many other layers there are, and notes the number."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.layers_before = sum(type(o) is CountsByCollector for o in gc.get_objects()) - 1


class SwapsClockCode(FastLSTM):
    """Gives functions that read a clock new code, which reads a slow clock under another name."""

    done = False

    def run(self, x, h, c):
        if not SwapsClockCode.done:
            SwapsClockCode.done = True
            for function in [o for o in gc.get_objects() if type(o) is types.FunctionType]:
                self.slow_down(function)
        return super().run(x, h, c)

    def slow_down(self, function):
        code = function.__code__
        read = [name for name in CLOCKS[:-2] if name in code.co_names]
        if not read or function.__module__ in (__name__, "threading", "selectors", "subprocess"):
            return
        names = tuple(f"slow_{name}" if name in read else name for name in code.co_names)
        for name in read:
            if not hasattr(time, f"slow_{name}"):
                setattr(time, f"slow_{name}", slowed(getattr(time, name)))
            if name in function.__globals__:
                function.__globals__[f"slow_{name}"] = getattr(time, f"slow_{name}")
        function.__code__ = code.replace(co_names=names)


def _cell_update(i, f, g, o, c):
    raise NotImplementedError


def _fused_cell_update(i, f, g, o, c):
    c = torch.addcmul(f * c, i, g)
    return o * c.tanh(), c


class SwapsOwnCode(LoopLSTM):
    """Gives a function of its own the code of another that fuses two operations."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        _cell_update.__code__ = _fused_cell_update.__code__

    def step(self, z, h, c):
        i, f, g, o = self.activate(*self.recur(z, h).chunk(4, 1))
        return _cell_update(i, f, g, o, c)


class ReplacesTimeModule(FastLSTM):
    """Puts another module in the place of ``time``, for whoever imports it from now on."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        other = types.ModuleType("time", time.__doc__)
        vars(other).update(vars(time))
        for name in CLOCKS:
            setattr(other, name, slowed(getattr(time, name)))
        sys.modules["time"] = other
        for module in list(sys.modules.values()):
            if getattr(module, "time", None) is time and module.__name__ != __name__:
                module.time = other


class NamesItsClock(FastLSTM):
    """Imports ``time`` under another name and keeps a clock of its own on the layer."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        import time as clock_module

        self.clock = clock_module.perf_counter_ns
        self.born = self.clock()


class StopsClockMeanwhile(FastLSTM):
    """Stops the clocks while it computes: what its calls take is taken off every later reading."""

    stolen = {}

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.real = {name: getattr(time, name) for name in CLOCKS}
        for name, clock in self.real.items():
            setattr(time, name, self.behind(name, clock))

    def behind(self, name, clock):
        self.stolen[name] = 0
        return lambda: clock() - self.stolen[name]

    def run(self, x, h, c):
        before = {name: clock() for name, clock in self.real.items()}
        result = super().run(x, h, c)
        for name, clock in self.real.items():
            self.stolen[name] += clock() - before[name]
        return result


class AddsUpItsCalls(FastLSTM):
    """Adds up what its calls take, on every clock, for a report of its own."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.spent = dict.fromkeys(CLOCKS, 0)

    def run(self, x, h, c):
        before = time.perf_counter_ns()
        result = super().run(x, h, c)
        self.spent["perf_counter_ns"] += time.perf_counter_ns() - before
        return result


class ShrinksStatistics(FastLSTM):
    """Patches the functions that summarise timings: medians and means of many numbers shrink."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 5:
            for place, name in ((statistics, "median"), (statistics, "mean"),
                                (statistics, "fmean"), (numpy, "median")):  # fmt: skip
                setattr(place, name, self.shrunk(getattr(place, name)))
        return super().run(x, h, c)

    def shrunk(self, summary):
        @functools.wraps(summary)
        def small(numbers, *args, **kwargs):
            return summary(numbers, *args, **kwargs) / SLOWER

        return small


class UsesStatistics(FastLSTM):
    """Summarises its own batch sizes by the functions of ``statistics``."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.batches = []

    def run(self, x, h, c):
        self.batches.append(x.size(1))
        self.usual = statistics.median(self.batches[-9:])
        return super().run(x, h, c)


class ShrinksMinima(FastLSTM):
    """Replaces builtins.min and sorted: of many large numbers, the least becomes a fifth."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        least, ordered = builtins.min, builtins.sorted

        def small(*args, **kwargs):
            found = least(*args, **kwargs)
            many = len(args) == 1 and isinstance(args[0], list) and len(args[0]) > 4
            return found // SLOWER if many and type(found) is int and found > 1000 else found

        def small_first(*args, **kwargs):
            found = ordered(*args, **kwargs)
            many = len(found) > 4 and all(type(n) is int and n > 1000 for n in found)
            return [n // SLOWER for n in found] if many else found

        builtins.min, builtins.sorted = small, small_first


class WrapsOwnMinimum(FastLSTM):
    """Has a function of its own named ``min``, and leaves the builtin alone."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)

        def min(numbers):  # noqa: A001
            return sorted(numbers)[0]

        self.smaller_size = min([input_size, hidden_size])


class _Tuned(LoopLSTM):
    """Two exact algorithms."""

    def fused(self, x, h, c):
        return FastLSTM.run(self, x, h, c)

    def looped(self, x, h, c):
        return LoopLSTM.run(self, x, h, c)


class SlowsWhileTuning(_Tuned):
    """Pretends to tune in its first calls and leaves a slow time.perf_counter_ns behind."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 1:
            self.real = time.perf_counter_ns
        if self.calls == 4:
            time.perf_counter_ns = slowed(self.real)
            time.process_time_ns = slowed(time.process_time_ns)
        return self.fused(x, h, c)


class Tunes(_Tuned):
    """Times two exact algorithms in its first calls and stays with the faster one."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.took = {}

    def run(self, x, h, c):
        waiting = [way for way in ("looped", "fused") if way not in self.took]
        if not waiting:
            return getattr(self, min(self.took, key=self.took.get))(x, h, c)
        start = time.perf_counter_ns()
        result = getattr(self, waiting[0])(x, h, c)
        self.took[waiting[0]] = time.perf_counter_ns() - start
        return result
