"""The test stand: a subject in its own process, called again and again with a clock around it.

Inputs come from shared memory in which the examiner, in another process, has put new values for
every call; they are copied into the same buffers off the clock. Results go back the same way when
the examiner asks for those of the last call, which nobody here knows beforehand. Nothing is
compared here, and no answer is known here.
"""

from __future__ import annotations

import base64
import gc
import math
import os
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from time import (
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_THREAD_CPUTIME_ID,
    clock_gettime_ns,
    perf_counter_ns,
)
from typing import Any

import torch
from torch import Tensor, nn

from impls.parameters import Parameters
from lstm_bench.lab.buffers import Shared
from lstm_bench.lab.server import serve
from lstm_bench.lab.wire import Line
from lstm_bench.measure.clock import Clock, CpuClock, clock_for
from lstm_bench.measure.layout import places
from lstm_bench.measure.machine import settle, use
from lstm_bench.measure.memory import peak_bytes
from lstm_bench.measure.upstream import Cuts, Upstream
from lstm_bench.measure.workloads import RECORDED, WITH_GRADIENTS, Workload
from lstm_bench.subject import Instance, Slot, Subject, imports
from lstm_bench.subject.parcel import Parcel
from lstm_bench.subject.relied import functions, replaced
from lstm_bench.subject.settings import changed, settings
from lstm_bench.subject.subject import subject_from

OTHERS = "is of other {} than the first one's"

PLAIN = (Tensor, nn.Parameter)
"""Classes of tensors that hold what they show. Any other may still have its work before it."""


def work(line: Line, parcel: dict[str, str], **conditions: Any) -> None:
    """Serve one subject's stand until the examiner has gone."""
    stand = Stand(line, Parcel(**parcel), **conditions)
    names = ("open", "cold", "build", "fill", "prepare", "sample", "fetch", "memory",
             "altered", "stray")  # fmt: skip
    serve(line, {name: getattr(stand, name) for name in names})


class Stand:
    """One subject, and what was made of it: a module of one size, a pass, the last result."""

    def __init__(
        self,
        line: Line,
        parcel: Parcel,
        *,
        root: str | None = None,
        device: str = "cpu",
        dtype: str = "float32",
        threads: int | None = None,
        clock: str = "wall",
        core: int | None = None,
        salt: int = 0,
        cold_cache: bool = False,
    ) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the examiner's to answer
        if core is not None:
            os.sched_setaffinity(0, {core})
        settle(device, threads)
        use(device)
        gc.disable()
        self.line, self.parcel, self.root = line, parcel, root
        self.device, self.dtype = torch.device(device), getattr(torch, dtype)
        by_cpu = clock == "cpu" and self.device.type == "cpu"
        self.clock: Clock = CpuClock() if by_cpu else clock_for(device)
        self.clock.time(lambda: None)  # finds out what it takes itself, before a stranger's line
        # Where tensors come to lie differs from process to process on purpose: what one layout
        # of memory favours must not favour the same side in every block.
        shift = random.Random(salt)
        self.ballast = [torch.empty(shift.randrange(1, 1 << 16)) for _ in range(8)]
        self.cache = _as_large_as_the_cache(self.device) if cold_cache else None
        self.settings = settings()

    # -- the subject ----------------------------------------------------------------------------

    def open(self, head: bool | None = None, known: str = "") -> dict[str, Any]:
        """Find out how it is called, or take over what another process has found.

        head: with or without its output layer, for those that let one choose.
        """
        if known:
            self.subject = Subject.taken_over(self.parcel.open(self.root), base64.b64decode(known))
        else:
            wish = {} if head is None else {"head": head}
            options = self.parcel.open_kwargs() | wish
            self.subject = subject_from(self.parcel.open(self.root), self.parcel.name, **options)
        interface = self.subject.interface
        return {
            "known": known or base64.b64encode(self.subject.handed_on()).decode(),
            "kind": interface.kind,
            "takes_state": interface.takes_state,
            "returns": [part for part in "yhc" if interface.returns(part)],
            "head": self.subject.parameter_map.head.weight is not None,
        }

    def cold(self, workload: dict[str, Any], head: bool | None, known: str) -> dict[str, float]:
        """Wall-clock seconds to import, to build, and of the first call; torch is there already."""
        clock, size = clock_for(self.device), Workload(**workload)
        load, _ = clock.time(lambda: self.open(head, known))
        build, instance = clock.time(lambda: self._built(size))
        x = torch.randn(size.batch, size.steps, size.input_size).to(instance.parameters()[0])
        call = instance.bind(x, None)
        with torch.no_grad():
            first, _ = clock.time(call)
        return {"load_seconds": load, "build_seconds": build, "first_call_seconds": first}

    def _built(self, size: Workload) -> Instance:
        return self.subject.build(
            size.input_size, size.hidden_size, dtype=self.dtype, device=self.device
        )

    def build(self, workload: dict[str, Any]) -> dict[str, Any]:
        """A module of these sizes. The answer says how wide its output layer is, if it has one."""
        self.workload = Workload(**workload)
        self.instance = self._built(self.workload)
        self.layouts: dict[Any, Tensor | None] = {}
        return {"head_size": self.instance.head_size}

    def fill(self, size: int, places: dict[str, Any]) -> None:
        """Take parameters; leave those that it now computes with."""
        self.shared = Shared.attach(self.line.handed.pop(), size)
        found = {name: self._view(place) for name, place in places.items()}
        mine = Parameters(**{name: t.clone() for name, t in found.items()})
        effective = self.instance.load(mine.to(device=self.device))
        for name, place in found.items():
            place.copy_(getattr(effective, name))

    def _view(self, place: Any) -> Tensor:
        return self.shared.tensor((place[0], tuple(place[1])), self.dtype)

    # -- a pass ---------------------------------------------------------------------------------

    def prepare(
        self, pass_name: str, given: dict[str, Any], stride: int, results: Sequence[int]
    ) -> dict[str, Any]:
        """Set a pass up and call it once, untimed. given: places of the first call's inputs.

        The answer names the parts of the result that the backward pass begins from, and how
        results come: the canonical parts with their shapes, and the number of entries. Which
        entry is which lies where results do (whole numbers of eight bytes), if mapped.
        """
        self.pass_name, self.given, self.stride, self.room = pass_name, given, stride, results
        self.result: Any = None
        self.own: list[Tensor | None] | None = None
        self.lazy, self.upstream = False, None
        self._seat()
        self._feed(0)
        if pass_name in RECORDED:
            leaves = list(self.instance.native_leaves(self._call()()))
            self.upstream = Upstream(self.instance, leaves, self.sizes[0], *self._from_above(0))
        result = self._timed()()
        self.lazy = not _is_plain(result)
        self.outgoing: list[Slot] = []
        if pass_name not in WITH_GRADIENTS:
            self.outgoing = [slot for slot, _ in self.instance.native_leaves(result)]
        self.result = self._all_settled(result) if self.lazy else result
        self.ended = _processor_time()
        begins = [] if self.upstream is None else self.upstream.parts
        return {"parts": begins, **self._laid_out()}

    def _laid_out(self) -> dict[str, Any]:
        """Decide how results travel: as they are, where that is the canonical ones rearranged."""
        own = self._own_tensors(gradients=True)
        parts = self._parts(own)
        sizes = (None if t is None else t.shape for t in own)
        key = (self.pass_name in RECORDED, len(self.outgoing), *sizes)
        if key not in self.layouts:
            self.layouts[key] = self._places(own, parts)
        found = self.layouts[key]
        self.mapped = found is not None
        told = [t for t in own if t is not None] if self.mapped else list(parts.values())
        self.told = self._told_into(told)
        if found is not None:
            self.shared.tensor((self.room[0], tuple(found.shape)), torch.int64).copy_(found)
        shapes = [[name, list(tensor.shape)] for name, tensor in parts.items()]
        count = sum(place.numel() for place in self.told)
        values = [name for name in parts if not name.startswith("grad ")]
        self.of_values = len(self.outgoing) if self.mapped else len(values)
        of_values = sum(place.numel() for place in self.told[: self.of_values])
        return {"shapes": shapes, "count": count, "of_values": of_values, "mapped": self.mapped}

    def _places(self, own: Sequence[Tensor | None], parts: Mapping[str, Tensor]) -> Tensor | None:
        """Of every canonical entry where it lies among the module's own, if anywhere, and if
        there is room for all of these.
        """
        found = [t for t in own if t is not None]
        size = sum(t.numel() for t in found) * self.dtype.itemsize
        if len(found) < len(own) or size > self.room[1] - self.room[0]:
            return None
        with torch.no_grad():
            read = self._canonical(found)
            if [(n, t.shape) for n, t in read.items()] != [(n, t.shape) for n, t in parts.items()]:
                return None  # of a cell, not all that is read lies in the last step's result
            return places(self._canonical, found)

    def _told_into(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Room for these, one after the other. Raises ValueError where they do not fit."""
        begin, end = self.room
        found = []
        for tensor in tensors:
            size = tensor.numel() * self.dtype.itemsize
            if begin + size > end:
                raise ValueError(f"the results do not fit: {tuple(tensor.shape)}")
            found.append(self.shared.tensor((begin, tuple(tensor.shape)), self.dtype))
            begin += size
        return found

    def _seat(self) -> None:
        """Buffers that every call is given: its own arguments, or x and the states of a cell."""
        w, instance = self.workload, self.instance
        # Whoever wants gradients trains: cuDNN's backward pass, for one, insists on it.
        if isinstance(instance.module, nn.Module):
            instance.module.train(self.pass_name != "forward")
        x, state = self._inputs(0)
        x, state = _moved(x, self.device), _moved_pair(state, self.device)
        self.stateless = state is None
        if instance.interface.kind == "cell":
            self.buffers = [x, *(state or ())]
            self.slots: list[tuple[Slot, Tensor]] = []
        else:
            with torch.no_grad():
                self.arguments, self.keywords = _own(instance.native(x, state))
            self.slots = instance.given_leaves(
                self.arguments, self.keywords, stateless=self.stateless
            )
            self.buffers = [tensor for _, tensor in self.slots]
        if self.pass_name != "forward":
            for buffer in self.buffers:
                buffer.requires_grad_()
        self.fills = [buffer.detach() for buffer in self.buffers]
        self.wanted = [*self.buffers, *instance.parameters()]
        self.sizes = (w.batch, w.steps)
        self.views: dict[int, list[Tensor]] = {}
        self.above: dict[int, Tensor] = {}

    def _inputs(self, number: int) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """The values for a call, as the examiner has put them."""
        found = {
            name: self._view((place[0] + number * self.stride, place[1]))
            for name, place in self.given.items()
        }
        return found["x"], (found["h"], found["c"]) if "h" in found else None

    def _from_above(self, number: int) -> tuple[Tensor, Cuts]:
        """What comes from above in a call, for one sequence; the others get the same.

        As one row, and which part of it begins where.
        """
        size, offsets = self.dtype.itemsize, {p: self.given[f"d{p}"] for p in "yhc"}
        first = offsets["y"][0]
        cuts = {p: ((begin - first) // size, tuple(shape)) for p, (begin, shape) in offsets.items()}
        length = max(begin + math.prod(shape) for begin, shape in cuts.values())
        return self._view((first + number * self.stride, (length,))), cuts

    def _feed(self, number: int) -> None:
        """New values in the same buffers."""
        values = self.views.get(number) or self._values(number)
        for fill, value in zip(self.fills, values, strict=True):
            fill.copy_(value)
        self.fed = number
        if self.pass_name in WITH_GRADIENTS:
            self._feed_from_above()

    def _feed_from_above(self) -> None:
        """What comes from above in the call that was fed last."""
        if self.upstream is not None:
            if self.fed not in self.above:
                self.above[self.fed] = self._from_above(self.fed)[0]
            self.upstream.take(self.above[self.fed])

    def _values(self, number: int) -> list[Tensor]:
        """The values for a call in the module's own layout; kept where they are mere views."""
        x, state = self._inputs(number)
        if self.instance.interface.kind == "cell":
            found: list[Tensor] = [x, *(state or ())]
        else:
            arguments, keywords = self.instance.native(x, state)
            pairs = self.instance.given_leaves(arguments, keywords, stateless=self.stateless)
            found = [tensor for _, tensor in pairs]
        shared = {t.untyped_storage().data_ptr() for t in (x, *(state or ()))}
        if all(t.untyped_storage().data_ptr() in shared for t in found):
            self.views[number] = found
        return found

    def _call(self) -> Callable[[], Any]:
        """The module's own call on the buffers, with nothing left to convert."""
        if self.instance.interface.kind == "cell":
            x, *state = self.buffers
            return self.instance.bind(x, (state[0], state[1]) if state else None)
        module, arguments, keywords = self.instance.module, self.arguments, self.keywords
        return lambda: module(*arguments, **keywords)

    def _timed(self) -> Callable[[], Any]:
        """What the clock is put around."""
        call = {
            "forward": self._forward,
            "forward_train": self._call,
            "backward": self._backward,
            "step": self._step,
        }[self.pass_name]()
        if not self.lazy:
            return call
        return lambda: self._all_settled(call())

    def _forward(self) -> Callable[[], Any]:
        call = self._call()

        def timed() -> Any:
            with torch.inference_mode():
                return call()

        return timed

    def _backward(self) -> Callable[[], Any]:
        outputs = self._outputs(self._call()())
        return lambda: self._gradients(outputs)

    def _step(self) -> Callable[[], Any]:
        call = self._call()
        return lambda: self._gradients(self._outputs(call()))

    def _outputs(self, result: Any) -> list[Tensor]:
        return [tensor for _, tensor in self.instance.native_leaves(result)]

    def _gradients(self, outputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Of inputs, states and parameters. autograd.grad returns what ``.backward()`` would add
        to ``.grad``: there is nothing to clear between calls, and no addition on the clock.
        Where no graph was recorded there are none.
        """
        assert self.upstream is not None
        given = zip(outputs, self.upstream.buffers, strict=True)
        wanted = [t for t in outputs if t.requires_grad]
        upstream = [from_above for t, from_above in given if t.requires_grad]
        if not wanted:
            return [None] * len(self.wanted)
        return list(torch.autograd.grad(wanted, self.wanted, upstream, allow_unused=True))

    # -- on the clock ---------------------------------------------------------------------------

    def sample(self, calls: int, again: bool = False) -> dict[str, Any]:
        """Seconds of each of so many calls, and what else passed meanwhile, in nanoseconds.

        again: on what the buffers hold, which nobody touches.

        busy, passed: processor time of all threads, and wall time, while the clock ran. behind:
        processor time of other threads while it did not. wall, cpu: of everything.
        """
        seconds: list[float] = []
        busy = passed = behind = 0
        unlike = ""
        began, spent = perf_counter_ns(), clock_gettime_ns(CLOCK_PROCESS_CPUTIME_ID)
        self.ended = _processor_time()
        for number in range(calls):
            self._forget()  # what the last call left is freed here, off the clock
            if not again:
                self._feed(number)
            behind += self._behind()
            call = self._timed()
            if self.cache is not None:
                self.cache.zero_()
            before = clock_gettime_ns(CLOCK_PROCESS_CPUTIME_ID)
            started = perf_counter_ns()
            taken, self.result = self.clock.time(call)
            passed += perf_counter_ns() - started
            self.ended = _processor_time()
            busy += self.ended[0] - before
            seconds.append(taken)
            if not self.lazy and not _is_plain(self.result):
                unlike = OTHERS.format("classes")
        return {
            "seconds": seconds, "busy": busy, "passed": passed, "behind": behind,
            "unlike": unlike, "wall": perf_counter_ns() - began,
            "cpu": clock_gettime_ns(CLOCK_PROCESS_CPUTIME_ID) - spent,
        }  # fmt: skip

    def _behind(self) -> int:
        """Nanoseconds that other threads have worked since the last call returned.

        What they do for a forward pass that prepares the next one is none of it.
        """
        (everyone, myself), (before, mine) = _processor_time(), self.ended
        return max(0, (everyone - before) - (myself - mine))

    def _forget(self) -> None:
        """Let go of the last call's result."""
        self.result, self.own = None, None

    def _flat(self, result: Any) -> list[Tensor | None]:
        if self.pass_name in ("forward", "forward_train"):
            return list(self._outputs(result))
        return list(result)

    def _all_settled(self, result: Any) -> list[Tensor | None]:
        return [None if t is None else _settled(t) for t in self._flat(result)]

    def _own_tensors(self, *, gradients: bool) -> list[Tensor | None]:
        """What the last call gave, in the module's own tensors; of one that records a graph also
        the gradients that it leads to, if these are asked for, which frees the graph.
        """
        if self.own is None:
            self.own = list(self.result) if self.lazy else self._flat(self.result)
            if gradients and self.pass_name in RECORDED - WITH_GRADIENTS:
                self._feed_from_above()
                self.own += self._gradients([t for t in self.own if t is not None])
        return self.own

    def _parts(self, own: Sequence[Tensor | None]) -> dict[str, Tensor]:
        """What the last call gave, canonical: parts of the result, or gradients, or both."""
        if self.lazy or self.pass_name in WITH_GRADIENTS:
            return self._canonical(own)
        values = self.instance.trace(self.result, *self.sizes)
        if len(own) == len(self.outgoing):
            return values
        return values | self._canonical_gradients(own[len(self.outgoing) :])

    def _canonical(self, own: Sequence[Tensor | None]) -> dict[str, Tensor]:
        """The canonical parts of tensors that lie as the module's own results do."""
        values, gradients = own[: len(self.outgoing)], own[len(self.outgoing) :]
        found: dict[str, Tensor] = {}
        if self.pass_name not in WITH_GRADIENTS:
            pairs = [(s, t) for s, t in zip(self.outgoing, values, strict=True) if t is not None]
            found |= self.instance.parts_of(pairs, *self.sizes)
        if gradients:
            found |= self._canonical_gradients(gradients)
        return found

    def _canonical_gradients(self, own: Sequence[Tensor | None]) -> dict[str, Tensor]:
        parameters = self.instance.parameters()
        given, of_parameters = own[: len(self.buffers)], own[len(self.buffers) :]
        full = [
            torch.zeros_like(b) if g is None else g
            for b, g in zip(self.buffers, given, strict=True)
        ]
        if self.slots:
            pairs = [(slot, g) for (slot, _), g in zip(self.slots, full, strict=True)]
            named = self.instance.given_parts(pairs, *self.sizes)
        else:
            named = dict(zip("xhc", full, strict=False))
        names = {"x": "grad x", "h": "grad h0", "c": "grad c0"}
        found = {names[name]: value for name, value in named.items()}
        for parameter, gradient in zip(parameters, of_parameters, strict=True):
            parameter.grad = gradient
        found.update({f"grad {n}": g for n, g in self.instance.gradients().items()})
        for parameter in parameters:
            parameter.grad = None
        return found

    def fetch(self, gradients: bool = False) -> dict[str, Any]:
        """Put the last call's result where the examiner reads it; what that took, as in sample.

        gradients: those that it leads to, too, where it records a graph.
        """
        began, spent = perf_counter_ns(), clock_gettime_ns(CLOCK_PROCESS_CPUTIME_ID)
        behind = self._behind()
        try:
            own = self._own_tensors(gradients=gradients)
        except Exception as error:  # those of the first call were there
            unlike = f"leads to no gradients: {error}".partition("\n")[0].partition(". ")[0]
        else:
            given = own if self.mapped else list(self._parts(own).values())
            unlike = "" if self._tell(given) else OTHERS.format("shapes")
        return {
            "unlike": unlike, "behind": behind,
            "wall": perf_counter_ns() - began,
            "cpu": clock_gettime_ns(CLOCK_PROCESS_CPUTIME_ID) - spent,
        }  # fmt: skip

    @torch.no_grad()
    def _tell(self, tensors: Sequence[Tensor | None]) -> bool:
        """Put these where the examiner reads them: a gradient that there is none of is zero.

        Whether they are of the shapes that were told.
        """
        if len(tensors) not in (self.of_values, len(self.told)):
            return False
        for place, tensor in zip(self.told, tensors, strict=False):
            if tensor is None:
                place.zero_()
            elif tensor.shape == place.shape:
                place.copy_(tensor)
            else:
                return False
        return True

    # -- apart from the clock -------------------------------------------------------------------

    def memory(self) -> int | None:
        """Bytes at the peak of one call beyond those held before it; None where unmeasured."""
        self._forget()
        return peak_bytes(self._timed(), self.device)

    def stray(self) -> str | None:
        """A sentence on code that was imported from elsewhere than the subject's own tree."""
        return imports.stray_from(self.root)

    def altered(self) -> list[str]:
        """What is not as it was before the subject came: settings, and functions relied on."""
        others = [f"a setting of the process: {name}" for name in changed(self.settings)]
        return others + [f"a function that others rely on: {n}" for n in replaced(FUNCTIONS)]


def _processor_time() -> tuple[int, int]:
    """Nanoseconds of all threads of this process, and of this one alone."""
    return clock_gettime_ns(CLOCK_PROCESS_CPUTIME_ID), clock_gettime_ns(CLOCK_THREAD_CPUTIME_ID)


def _as_large_as_the_cache(device: torch.device) -> Tensor:
    """Twice as large as a CUDA device's L2 cache: overwritten before each call, off the clock.

    Weights that stay in a large cache from call to call are a benchmark's luck, not what a whole
    model meets.
    """
    size = torch.cuda.get_device_properties(device).L2_cache_size
    return torch.empty(2 * size, dtype=torch.uint8, device=device)


def _is_plain(result: Any) -> bool:
    """Whether there is nothing but plain tensors in plain containers: they compute nothing when
    somebody looks at them. All else is opened on the clock.
    """
    kind = _opens_as(type(result))
    if kind is not None:
        return all(map(_is_plain, kind.values(result) if kind is dict else kind.__iter__(result)))
    return result is None or type(result) in PLAIN


def _opens_as(kind: type) -> Any:
    """Python's own container that a class is opened as, with nothing of its own (a NamedTuple)."""
    for base in (tuple, list, dict):
        if kind is base:
            return base
        if type(kind) is type and issubclass(kind, base) and not hasattr(kind, "__missing__"):
            return base if all(getattr(kind, n) is getattr(base, n) for n in OPENING) else None
    return None


OPENING = ("__iter__", "__getitem__", "__len__", "__getattribute__")
"""What is called when somebody takes a container apart."""


def _settled(tensor: Tensor) -> Tensor:
    """A plain tensor of what one of another class holds; on the clock, for it may compute now."""
    if type(tensor) in PLAIN:
        return tensor
    return tensor.clone().as_subclass(Tensor)


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.to(device, copy=True)


def _moved_pair(
    state: tuple[Tensor, Tensor] | None, device: torch.device
) -> tuple[Tensor, Tensor] | None:
    return None if state is None else (_moved(state[0], device), _moved(state[1], device))


def _own(given: tuple[tuple[Any, ...], dict[str, Any]]) -> Any:
    """The same containers with tensors of their own: two of them may have been views of one."""
    from torch.utils._pytree import tree_map

    return tree_map(lambda v: v.clone() if isinstance(v, Tensor) else v, given)


FUNCTIONS = functions()
"""As they stand when this module is imported: in the zygote, before any stranger's line runs."""
