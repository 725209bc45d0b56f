"""What shows that a cheat cheats and its twin does not: small loops like a benchmark's, no clock.

Each demonstration takes a ``Case`` and says whether it saw dishonesty. Right values come from an
LSTM in numpy, which no cheat has patched. Heavy operations are counted where the dispatcher of
torch sees them, in the thread and process of the caller.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import inspect
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lstm_bench.conformance.tolerances import base_amount
from tests.cheats import Sizes

Arrays = tuple[np.ndarray, ...]
CALLS = 26
FEW = 8
HEAVY = (
    "mm",
    "linear",
    "bmm",
    "addmm",
    "lstm",
    "mkldnn_rnn_layer",
    "mkldnn_rnn_layer_backward",
    "_int_mm",
)
real_grad = torch.autograd.grad


# --- right values --------------------------------------------------------------------------------


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def lstm_in_numpy(weights: Arrays, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> Arrays:
    """y, h, c of x (T, B, I) and states (1, B, H), in float64."""
    w, u, b1, b2 = (weight.astype(float) for weight in weights)
    h, c, y = h[0].astype(float), c[0].astype(float), []
    for z in x.astype(float) @ w.T + b1 + b2:
        i, f, g, o = np.split(z + h @ u.T, 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        y.append(h)
    return np.stack(y), h[None], c[None]


def differ(ours: Arrays, theirs: Arrays, terms: int) -> bool:
    """By more than rounding in float32 explains, or in a NaN."""
    allowed = base_amount(torch.float32, terms)
    return any(
        a.shape != b.shape or not np.abs(a - b).max() <= allowed * max(1e-30, np.abs(b).max())
        for a, b in zip(ours, theirs, strict=True)
    )


# --- a case --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A class on trial at some sizes (T, B, I, H)."""

    cls: type[nn.Module]
    sizes: Sizes

    @property
    def batch_first(self) -> bool:
        return bool(getattr(self.cls, "batch_first", False))

    @property
    def terms(self) -> int:
        T, B, I, H = self.sizes
        return T * (I + H) * B

    @property
    def base(self) -> Any:
        """The intact class, as the file of this one has imported it."""
        return next(c for c in self.cls.__mro__ if c.__name__ == "FastLSTM")

    def draw(self, number: int) -> np.ndarray:
        """X (T, B, I); another for each number."""
        T, B, I, _ = self.sizes
        return np.random.default_rng(number).standard_normal((T, B, I)).astype(np.float32)

    def layout(self, x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(x.swapaxes(0, 1)) if self.batch_first else x

    def tensor(self, number: int) -> Tensor:
        return torch.from_numpy(self.layout(self.draw(number)))

    def layer(self) -> nn.Module:
        """With seeded weights, which are loaded as a checkpoint."""
        _, _, I, H = self.sizes
        layer = self.cls(I, H)
        drawn = np.random.default_rng(99)
        layer.load_state_dict({
            name: torch.from_numpy(drawn.uniform(-1, 1, w.shape).astype(np.float32) / H**0.5)
            for name, w in layer.named_parameters()
        })  # fmt: skip
        return layer.eval()

    def weights(self, layer: nn.Module) -> Arrays:
        return tuple(as_arrays(layer.parameters()))

    def expected(self, layer: nn.Module, x: np.ndarray) -> Arrays:
        """Y in this case's layout, h, c, from a state of zeros."""
        zeros = np.zeros((1, x.shape[1], self.sizes[3]))
        y, h, c = lstm_in_numpy(self.weights(layer), x, zeros, zeros)
        return self.layout(y), h, c


def as_arrays(parts: Any) -> list[np.ndarray]:
    return [np.array(part.detach().numpy()) for part in parts]


def flat(result: Any) -> tuple[Tensor, ...]:
    y, (h, c) = result
    return y, h, c


# --- surroundings --------------------------------------------------------------------------------


@contextlib.contextmanager
def as_in_a_benchmark() -> Iterator[None]:
    """One thread, no collector, no test in sight: what benchmarks have in common."""
    sys.argv = ["lstm-bench", "run"]
    for name in ("PYTEST_CURRENT_TEST", "CI"):
        os.environ.pop(name, None)
    torch.set_num_threads(1)
    gc.disable()
    yield


def time_rounds(call: Callable[[int], Any], rounds: int = CALLS) -> list[Any]:
    """The loop of a benchmark, by its name and its variables; results are not kept."""
    start = 0
    return [call(number) for number in range(start, rounds)]


# --- heavy operations ----------------------------------------------------------------------------


class Work(TorchDispatchMode):
    """Counts heavy operations."""

    count = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """It does not have torch import its compiler."""
        return False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.count += function.overloadpacket.__name__ in HEAVY
        return function(*args, **(kwargs or {}))


def work(call: Callable[[], Any]) -> int:
    with Work() as counted:
        call()
    return counted.count


# --- demonstrations: memory ----------------------------------------------------------------------


def remembers(case: Case) -> bool:
    """Later calls with the same input do less than the first one did."""
    layer, x = case.layer(), case.tensor(0)
    with torch.inference_mode():
        counts = time_rounds(lambda _: work(lambda: layer(x)))
    return min(counts) < counts[0]


def remembers_in_training(case: Case) -> bool:
    layer, x = case.layer().train(), case.tensor(0)
    counts = time_rounds(lambda _: work(lambda: layer(x)))
    return min(counts) < counts[0]


def remembers_gradients(case: Case) -> bool:
    layer, x = case.layer().train(), case.tensor(0)
    cotangents = [torch.ones_like(part) for part in flat(layer(x))]

    def backward(_: int) -> int:
        loss = total(flat(layer(x)), cotangents)
        return work(lambda: real_grad(loss, list(layer.parameters())))

    counts = time_rounds(backward)
    return min(counts) < counts[0]


# --- demonstrations: wrong results ---------------------------------------------------------------


def _wrong(case: Case, layer: nn.Module) -> bool:
    """In fresh tensors, or in one that is written anew for each call."""
    buffer = case.tensor(0)

    def fresh(number: int) -> list[np.ndarray]:
        return as_arrays(flat(layer(case.tensor(number))))

    def rewritten(number: int) -> list[np.ndarray]:
        buffer.copy_(case.tensor(number))
        return as_arrays(flat(layer(buffer)))

    results = time_rounds(fresh) + time_rounds(rewritten, FEW)
    expected = [case.expected(layer, case.draw(number)) for number in range(CALLS)]
    expected += expected[:FEW]
    return any(
        differ(tuple(ours), theirs, case.terms)
        for ours, theirs in zip(results, expected, strict=True)
    )


def wrong_values(case: Case) -> bool:
    layer = case.layer()
    with torch.inference_mode():
        return _wrong(case, layer)


def wrong_values_as_born(case: Case) -> bool:
    """With the weights that its constructor has drawn."""
    layer = case.cls(*case.sizes[2:]).eval()
    with torch.inference_mode():
        return _wrong(case, layer)


def wrong_values_in_training(case: Case) -> bool:
    return _wrong(case, case.layer().train())


def gradients(layer: nn.Module, x: Tensor, cotangents: list[Tensor]) -> Arrays:
    """By x and each parameter."""
    x = x.clone().requires_grad_()
    found = real_grad(total(flat(layer(x)), cotangents), [x, *layer.parameters()])
    return tuple(as_arrays(found))


def total(parts: tuple[Tensor, ...], cotangents: list[Tensor]) -> Tensor:
    """The number whose gradients by the parts are the cotangents."""
    pairs = zip(parts, cotangents, strict=True)
    return torch.stack([(part * cotangent).sum() for part, cotangent in pairs]).sum()


def nn_lstm(case: Case, layer: nn.Module) -> nn.LSTM:
    """Torch's own, with the same weights, in float64."""
    lstm = nn.LSTM(*case.sizes[2:], batch_first=case.batch_first).double()
    lstm.load_state_dict(layer.state_dict())
    return lstm


def wrong_gradients(case: Case) -> bool:
    layer = case.layer().train()
    lstm = nn_lstm(case, layer)
    parts = flat(layer(case.tensor(0)))
    cotangents = [torch.ones_like(part) for part in parts]
    doubled = [part.double() for part in cotangents]

    def wrong(number: int) -> bool:
        x = case.tensor(number)
        try:
            ours = gradients(layer, x, cotangents)
        except RuntimeError:  # there are none
            return True
        return differ(ours, gradients(lstm, x.double(), doubled), case.terms)

    return any(time_rounds(wrong, 6))


# --- demonstrations: put off ---------------------------------------------------------------------


def _put_off(call: Callable[[], Any], rounds: int = 3) -> bool:
    """In some round the call does nothing heavy."""
    return 0 in time_rounds(lambda _: work(call), rounds)


def puts_off(case: Case) -> bool:
    layer, x = case.layer(), case.tensor(0)
    with torch.inference_mode():
        result = layer(x)
        right = not differ(tuple(as_arrays(flat(result))), case.expected(layer, case.draw(0)),
                           case.terms)  # fmt: skip
        return _put_off(lambda: layer(x)) and right


def puts_off_in_training(case: Case) -> bool:
    layer, x = case.layer().train(), case.tensor(0)
    return _put_off(lambda: layer(x))


def puts_off_gradients(case: Case) -> bool:
    layer, x = case.layer().train(), case.tensor(0)
    cotangents = [torch.ones_like(part) for part in flat(layer(x))]

    def backward(_: int) -> int:
        loss = total(flat(layer(x)), cotangents)
        return work(lambda: real_grad(loss, list(layer.parameters())))

    return 0 in time_rounds(backward, 4)


# --- demonstrations: threads and processes -------------------------------------------------------

LONG = 0.05
"""Seconds by which a method is held up, so that what is not waited for is certain to be late."""


def _held_up(owner: Any, name: str) -> list[int]:
    """Holds up a method, longer where several are at it; the list grows when a call ends."""
    begun: list[int] = []
    ended: list[int] = []
    real = getattr(owner, name)

    def late(*args: Any) -> Any:
        begun.append(1)
        time.sleep(LONG * (len(begun) - len(ended)))
        result = real(*args)
        ended.append(1)
        return result

    setattr(owner, name, late)
    return ended


def _still_at_it(call: Callable[[], Any], ended: list[int]) -> bool:
    """In some round, work ends after the call has returned."""

    def round_(_: int) -> bool:
        result = call()
        before = len(ended)
        time.sleep(6 * LONG)
        return len(ended) > before and result is not None

    return any(time_rounds(round_, 4))


def goes_on(case: Case) -> bool:
    layer, x = case.layer(), case.tensor(0)
    ended = _held_up(case.base, "run")
    with torch.inference_mode():
        return _still_at_it(lambda: layer(x), ended)


def goes_on_after_backward(case: Case) -> bool:
    layer, x = case.layer().train(), case.tensor(0)
    recomputing = next(c for c in case.cls.__mro__ if c.__name__ == "RecomputingLSTM")
    ended = _held_up(recomputing, "gradients")
    cotangents = [torch.ones_like(part) for part in flat(layer(x))]

    def step() -> Any:
        return real_grad(total(flat(layer(x)), cotangents), list(layer.parameters()))

    return _still_at_it(step, ended)


def computes_elsewhere(case: Case) -> bool:
    """Right results, and nothing heavy in this process."""
    layer, x = case.layer(), case.tensor(0)
    with torch.inference_mode():
        right = differ(tuple(as_arrays(flat(layer(x)))), case.expected(layer, case.draw(0)),
                       case.terms) is False  # fmt: skip
        return right and _put_off(lambda: layer(x), 2)


def leaves_threads_busy(case: Case) -> bool:
    """A Python thread is found running, time and again, when nobody calls."""
    layer, x = case.layer(), case.tensor(0)
    with torch.inference_mode():
        layer(x)
    mine = threading.current_thread()
    seen = 0
    for _ in range(100):
        time.sleep(0.001)
        others = [t.native_id for t in threading.enumerate() if t is not mine]
        seen += any(_state(thread) == "R" for thread in others)
    return seen > 5


def _state(thread: int | None) -> str:
    with open(f"/proc/self/task/{thread}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


# --- demonstrations: what is touched -------------------------------------------------------------

now = time.perf_counter_ns
"""A harness's own name for a clock."""


def read_clock() -> int:
    return time.process_time_ns()


def _names(*spaces: Any) -> dict[str, int]:
    return {
        f"{getattr(space, '__name__', space)}.{name}": id(value)
        for space in spaces
        for name in (dir(space) if isinstance(space, type) else list(vars(space)))
        if callable(value := inspect.getattr_static(space, name))
    }


def clocks() -> dict[str, Any]:
    return {
        **_names(time, builtins, statistics),
        "module": id(sys.modules["time"]),
        "numpy.median": id(np.median),
        "now": id(now),
        "code": id(read_clock.__code__),
    }


def functions_of_torch() -> dict[str, Any]:
    return _names(torch, torch.Tensor, torch.autograd, torch.linalg, torch.testing, nn.functional,
                  nn.LSTM, torch.cuda, torch.cuda.Event, torch._VF)  # fmt: skip


def settings() -> dict[str, Any]:
    """Of torch, of the interpreter, of the process."""
    return {
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "onednn": torch._C._get_mkldnn_enabled(),
        "denormals": bool(np.float32(torch.tensor([1e-40]).mul(0.5).item()) != 0),
        "collector": (gc.isenabled(), gc.get_freeze_count()),
        "switch interval": sys.getswitchinterval(),
        "affinity": os.sched_getaffinity(0),
        "policy": (os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)),
        "environment": dict(os.environ),
    }


def _touched(case: Case, look: Callable[[], dict[str, Any]]) -> bool:
    before = look()
    layer, x = case.layer(), case.tensor(0)
    for _ in range(8):
        layer(x)
    with torch.inference_mode():
        for _ in range(8):
            layer(x)
    after = look()
    return any(after[name] != value for name, value in before.items() if name in after)


def touches_clocks(case: Case) -> bool:
    return _touched(case, clocks)


def touches_torch(case: Case) -> bool:
    return _touched(case, functions_of_torch)


def touches_settings(case: Case) -> bool:
    return _touched(case, settings)


_blocks: list[Tensor] = []


def touches_allocator(case: Case) -> bool:
    """A block of 31 MB comes from the heap, where the C library maps such blocks by default."""

    def look() -> dict[str, Any]:
        _blocks.append(torch.empty(31 * 2**18))  # kept: freeing it would move the threshold
        return {"on the heap": _is_on_heap(_blocks[-1].data_ptr())}

    return _touched(case, look)


def _is_on_heap(address: int) -> bool:
    with open("/proc/self/maps") as file:
        parts = [line.split()[0] for line in file if line.rstrip().endswith("[heap]")]
    ends = [[int(end, 16) for end in part.split("-")] for part in parts]
    return any(low <= address < high for low, high in ends)


DEMONSTRATIONS: dict[str, Callable[[Case], bool]] = {
    function.__name__: function
    for function in (
        remembers, remembers_in_training, remembers_gradients, wrong_values, wrong_values_as_born,
        wrong_values_in_training, wrong_gradients, puts_off, puts_off_in_training,
        puts_off_gradients, goes_on, goes_on_after_backward, computes_elsewhere,
        leaves_threads_busy, touches_clocks, touches_torch, touches_settings, touches_allocator,
    )
}  # fmt: skip
