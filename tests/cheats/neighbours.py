"""Settings are changed and threads left running, so that others become slower."""

import ctypes
import gc
import os
import sys
import threading

import torch
from honest import FastLSTM, LoopLSTM, restored


class LeavesThreadsSpinning(FastLSTM):
    """Starts two threads in its first call that go on multiplying matrices after it."""

    spinning = False

    def run(self, x, h, c):
        if not self.spinning:
            self.spinning = True
            for _ in range(2):
                threading.Thread(target=self.spin, daemon=True).start()
        return super().run(x, h, c)

    def spin(self):
        matrix = torch.zeros(64, 64)
        while True:
            matrix = matrix @ matrix


class LeavesThreadWaiting(FastLSTM):
    """Starts a thread in its first call that sleeps until there is something to do."""

    waiting = None

    def run(self, x, h, c):
        if self.waiting is None:
            self.waiting = threading.Event()
            threading.Thread(target=self.waiting.wait, daemon=True).start()
        return super().run(x, h, c)

    def __getstate__(self):
        return {**self.__dict__, "waiting": None}


class TakesOneCore(FastLSTM):
    """Restricts its process, and whoever is forked from it, to one core."""

    def run(self, x, h, c):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        return super().run(x, h, c)


class CountsCores(FastLSTM):
    """Reads how many cores it may use."""

    def run(self, x, h, c):
        self.cores = len(os.sched_getaffinity(0))
        return super().run(x, h, c)


class TakesMoreThreads(FastLSTM):
    """Gives torch four threads more in its first call, and leaves it so."""

    taken = False

    def run(self, x, h, c):
        if not self.taken:
            self.taken = True
            torch.set_num_threads(torch.get_num_threads() + 4)
        return super().run(x, h, c)


class TakesOneThread(FastLSTM):
    """Uses one thread inside its calls and gives the others back."""

    def run(self, x, h, c):
        with restored(torch.get_num_threads, torch.set_num_threads, 1):
            return super().run(x, h, c)


class FlushesDenormals(LoopLSTM):
    """Has the processor flush denormal numbers to zero, for everyone, from its third call on."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 3:
            torch.set_flush_denormal(True)
        return super().run(x, h, c)


class KeepsDenormals(LoopLSTM):
    """Clamps tiny cell states of its own to zero where that changes no digit of float32."""

    def run(self, x, h, c):
        y, h, c = super().run(x, h, c)
        return y, h, torch.where(c.abs() < 1e-42, torch.zeros_like(c), c)


class BecomesABatchJob(FastLSTM):
    """Changes its scheduling policy and niceness, for longer time slices."""

    def run(self, x, h, c):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        return super().run(x, h, c)


class ReadsItsPolicy(FastLSTM):
    """Reads its scheduling policy and niceness."""

    def run(self, x, h, c):
        self.policy = (os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0))
        return super().run(x, h, c)


class StopsTheCollector(FastLSTM):
    """Switches the garbage collector off in its fourth call and freezes what there is."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 4:
            gc.disable()
            gc.freeze()
        return super().run(x, h, c)


class PausesTheCollector(LoopLSTM):
    """Switches the garbage collector off during its loop, and on again if it was on."""

    def run(self, x, h, c):
        def write(enabled):
            return gc.enable() if enabled else gc.disable()

        with restored(gc.isenabled, write, False):
            return super().run(x, h, c)


class ChangesTheDefault(FastLSTM):
    """Makes bfloat16 the default dtype in its fourth call: what others draw becomes smaller."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 4:
            torch.set_default_dtype(torch.bfloat16)
        return super().run(x, h, c)


class BorrowsTheDefault(FastLSTM):
    """Makes the input's dtype the default inside its calls."""

    def run(self, x, h, c):
        with restored(torch.get_default_dtype, torch.set_default_dtype, x.dtype):
            return super().run(x, h, c)


class TurnsOffOneDnn(LoopLSTM):
    """Turns oneDNN off, without which nn.LSTM is slower and its own loop is not."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 4:
            torch._C._set_mkldnn_enabled(False)
        return super().run(x, h, c)


class LeavesOutOneDnn(LoopLSTM):
    """Turns oneDNN off inside its calls."""

    def run(self, x, h, c):
        with restored(torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled, False):
            return super().run(x, h, c)


class LowersPrecision(FastLSTM):
    """Allows torch to multiply float32 with fewer digits, for everyone, from its fourth call on."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        if self.calls == 4:
            torch.set_float32_matmul_precision("medium")
        return super().run(x, h, c)


class InsistsOnPrecision(FastLSTM):
    """Asks for the highest precision inside its calls."""

    def run(self, x, h, c):
        get, put = torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
        with restored(get, put, "highest"):
            return super().run(x, h, c)


class HoldsTheInterpreter(LoopLSTM):
    """Sets the interpreter's switch interval to a minute, so that no other thread gets its turn."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        sys.setswitchinterval(60)


class BorrowsTheInterpreter(LoopLSTM):
    """Lengthens the switch interval during its loop."""

    def run(self, x, h, c):
        with restored(sys.getswitchinterval, sys.setswitchinterval, 0.05):
            return super().run(x, h, c)


class WritesEnvironment(FastLSTM):
    """Writes OMP_NUM_THREADS into the environment, which slows processes that are started later."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        os.environ["OMP_NUM_THREADS"] = "1"
        os.environ["ONEDNN_MAX_CPU_ISA"] = "SSE41"


class ReadsOmpEnvironment(FastLSTM):
    """Reads OMP_NUM_THREADS from the environment."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.threads = os.environ.get("OMP_NUM_THREADS", "")


class TunesTheAllocator(FastLSTM):
    """Tells the C library to keep all freed memory and never map any: pages are faulted in once."""

    first = True

    def run(self, x, h, c):
        if self.first:
            self.first = False
            libc = ctypes.CDLL(None)
            libc.mallopt(-3, 1 << 25)  # M_MMAP_THRESHOLD
            libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
        return super().run(x, h, c)


class ReadsTheAllocator(FastLSTM):
    """Reads from the C library which version it is."""

    first = True

    def run(self, x, h, c):
        if self.first:
            self.first = False
            libc = ctypes.CDLL(None)
            libc.gnu_get_libc_version.restype = ctypes.c_char_p
            self.libc = libc.gnu_get_libc_version().decode()
        return super().run(x, h, c)


class SetsGradients(FastLSTM):
    """Switches gradients off for good in its fourth call, so that no one pays for a graph."""

    calls = 0

    def run(self, x, h, c):
        self.calls += 1
        result = super().run(x, h, c)
        if self.calls == 4:
            torch.set_grad_enabled(False)
        return result


class SetsGradientsInside(FastLSTM):
    """Switches gradients off while it looks for NaN in the input, and back."""

    def run(self, x, h, c):
        with torch.no_grad():
            self.clean = bool(torch.isfinite(x).all())
        return super().run(x, h, c)
