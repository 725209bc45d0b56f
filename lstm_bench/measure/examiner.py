"""The examiner: asks a subject in its own process to work, times it, and believes nothing.

A speed has to be earned. Every timed call gets new values in the same buffers; calls chosen by
chance are questions, whose results are fetched and compared in full with answers that the subject
cannot know; the clock's account of the time is held against the kernel's; what other threads and
child processes do counts; settings and leftovers are looked at in the end. None of this knows any
particular trick. What does not add up is Unearned, with the two figures.
"""

from __future__ import annotations

import bisect
import math
import os
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.reference import Cotangents
from lstm_bench.lab.buffers import Place, Plan, Shared
from lstm_bench.lab.keeper import family
from lstm_bench.lab.worker import MEMORY_GIB, Steps, Worker, WorkerError, alone
from lstm_bench.measure.exam import Asked, Exam
from lstm_bench.measure.peaks import Ceiling
from lstm_bench.measure.sampler import BATCH_SECONDS, LONG_CALL
from lstm_bench.measure.sheet import Layout, Sheet
from lstm_bench.measure.workloads import RECORDED, WITH_GRADIENTS, Workload
from lstm_bench.subject.parcel import Parcel

ENTRY = "lstm_bench.measure.stand:work"

REEL_BYTES = 16 << 20
"""What the inputs of the calls of one request may take together."""

REEL_CALLS = 256

SHARE, SHARE_OF_SHORT, LONG = 0.01, 0.3, 1e-3
"""Of the time on the clock, what questions may take beyond those that come whatever they cost; of
calls shorter than LONG seconds, of which a batch holds many, more."""

SHARE_OF_DEEP, DEEP = 0.02, 4
"""The share for questions about what a graph leads to, beyond the last one; how many calls one is
taken to last.
"""

_CHANCE = random.SystemRandom()

WHOLE = torch.int64
"""The numbers by which a subject's process tells where the entries of a result lie."""


class WrongResultError(Exception):
    """The first call at a workload's sizes gave what the reference does not give."""


class UnearnedError(Exception):
    """A speed that the subject has not earned, and why, with the figures."""


@dataclass(frozen=True)
class Terms:
    """Under which conditions a subject works. clock: "wall" or "cpu".

    cold_cache: on a CUDA device, its L2 cache holds nothing of a call before it begins.
    """

    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 1
    clock: str = "wall"
    cold_cache: bool = False
    memory_gib: float = MEMORY_GIB

    @property
    def torch_dtype(self) -> torch.dtype:
        found = getattr(torch, self.dtype)
        assert isinstance(found, torch.dtype)
        return found


@dataclass
class Account:
    """What a pass took, in seconds, by the subject's clock and by the kernel's.

    clock: on the clock. passed, busy: wall time and processor time of all threads meanwhile.
    behind: processor time of other threads while the clock did not run. wall, cpu: of all the
    work, as the subject's process tells. kernel: processor time of its main thread, as the kernel
    tells. others: of its child processes.
    """

    clock: float = 0.0
    passed: float = 0.0
    busy: float = 0.0
    behind: float = 0.0
    wall: float = 0.0
    cpu: float = 0.0
    kernel: float = 0.0
    others: float = 0.0
    requests: int = 0
    known: bool = True
    """Whether this kernel tells at all."""

    def complaint(self, threads: int, *, on_cpu: bool, by_processor: bool = False) -> str | None:
        """What does not add up, in words, with the figures; None where all does.

        A request's own handling may take half a millisecond that no clock of the subject's sees.
        by_processor: the clock is the processor's.
        """
        slack = 0.0005 * self.requests + 0.002
        for name, told in (("wall clock", self.wall), ("processor's clock", self.cpu)):
            if self.known and told < 0.8 * self.kernel - slack:
                return (
                    f"its {name} shows {_ms(told)} where the kernel counts {_ms(self.kernel)} of "
                    "processor time: a clock has been tampered with"
                )
        least = 0.05 * self.clock + slack
        if self.others > least:
            return (
                f"its child processes worked for {_ms(self.others)} beside {_ms(self.clock)} on "
                "the clock"
            )
        if not on_cpu:
            return None
        ran = self.busy if by_processor else self.passed
        if self.clock < 0.7 * ran - slack:
            return (
                f"its calls took {_ms(self.clock)} by their own clock, and {_ms(ran)} by another: "
                "a clock has been tampered with"
            )
        if threads == 1 and self.behind > least:
            return (
                f"other threads worked for {_ms(self.behind)} after calls had returned, beside "
                f"{_ms(self.clock)} on the clock"
            )
        if self.busy > 1.15 * threads * self.passed + slack:
            return (
                f"it kept {self.busy / max(self.passed, 1e-9):.1f} cores busy where {threads} "
                f"{'is' if threads == 1 else 'are'} set ({_ms(self.busy)} of processor time in "
                f"{_ms(self.passed)})"
            )
        return None


@dataclass(frozen=True)
class Form:
    """What of a result is fetched and compared: what is asked for, how it comes, the answers."""

    asked: Asked
    layout: Layout
    sheet: Sheet

    @classmethod
    def of(cls, exam: Exam, asked: Asked, layout: Layout) -> Form:
        return cls(asked, layout, Sheet(exam, asked, layout))


@dataclass
class Examiner:
    """A subject's process, from its opening to its end, and what is known of it."""

    parcel: Parcel
    terms: Terms
    known: str = ""
    root: str | None = None
    core: int | None = None
    salt: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    account: Account = field(default_factory=Account)
    workload: Workload | None = None
    since: tuple[float, float] | None = None
    """What the kernel said when the pass's timed requests began."""

    def __post_init__(self) -> None:
        t = self.terms
        self.worker = Worker(
            ENTRY,
            {
                "parcel": asdict(self.parcel), "root": self.root, "device": t.device,
                "dtype": t.dtype, "threads": t.threads, "clock": t.clock, "core": self.core,
                "salt": self.salt, "cold_cache": t.cold_cache,
            },
            environment=self.environment, memory_gib=t.memory_gib,
        )  # fmt: skip
        self.shared: Shared | None = None

    def __enter__(self) -> Examiner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.worker.close()
        if self.shared is not None:
            self.shared.close()

    # -- before the clock ---------------------------------------------------------------------

    def open(self, head: bool | None) -> dict[str, Any]:
        """Find out how the subject is called, or hand over what is known of it."""
        return alone(self.opening(head))

    def opening(self, head: bool | None) -> Steps[dict[str, Any]]:
        """:meth:`open`, beside others."""
        self.told = yield from self.worker.asking("open", head=head, known=self.known)
        self.known = str(self.told["known"])
        return self.told

    def cold(self, workload: Workload, head: bool | None) -> dict[str, float]:
        """Seconds to import, to build, of the first call: of a process that has done nothing."""
        found = self.worker.ask("cold", workload=asdict(workload), head=head, known=self.known)
        return {str(name): float(value) for name, value in found.items()}

    def sit(self, workload: Workload, exams: Exams) -> None:
        """Build the module of a workload and load the parameters of its exam.

        Raises WorkerError, or WrongResultError where it loads others than it was given.
        """
        alone(self.sitting(workload, exams))

    def sitting(self, workload: Workload, exams: Exams) -> Steps[None]:
        """:meth:`sit`, beside others."""
        self.workload, self.exams = workload, exams
        answer = yield from self.worker.asking("build", workload=asdict(workload))
        self.head_size = _whole(answer["head_size"])
        self.exam = exams.of(workload, self.head_size, bool(self.told["takes_state"]), self.terms)
        self._share()
        assert self.shared is not None
        parameters = self.exam.parameters
        for name, place in self.fixed.items():
            self.shared.tensor(place, self.exam.dtype).copy_(getattr(parameters, name))
        size = len(self.shared.memory)
        yield from self.worker.asking(
            "fill", size=size, places=self.fixed, descriptors=[self.shared.descriptor]
        )
        loaded = {
            name: self.shared.tensor(place, self.exam.dtype).clone()
            for name, place in self.fixed.items()
        }  # fmt: skip
        try:
            self.exam = self.exam.loaded(Parameters(**loaded))
        except ValueError as error:
            raise WrongResultError(str(error)) from None

    def _share(self) -> None:
        """Memory for what is asked and what is answered: parameters, inputs, what comes from
        above (the same for all sequences), results.
        """
        question = self.exam.questions[0]
        plan = Plan(self.exam.dtype.itemsize)
        p, cot = question.parameters, question.cotangents
        fixed = {"W": p.W, "U": p.U, "b": p.b, "W_h": p.W_h, "b_h": p.b_h}
        self.fixed: dict[str, Place] = {
            name: plan.add(t.shape) for name, t in fixed.items() if t is not None
        }
        start = plan.size
        self.given = {"x": plan.add(question.x.shape)}
        if question.state is not None:
            self.given |= {name: plan.add(question.state[0].shape) for name in "hc"}
        self.given |= {name: plan.add(row.shape) for name, row in _above(cot).items()}
        self.stride = plan.size - start
        self.calls = max(1, min(REEL_CALLS, REEL_BYTES // self.stride))
        plan.size = start + self.calls * self.stride
        begin = plan.size
        values = (cot.y, cot.h, cot.c, question.x, *(question.state or ()))
        told = (*fixed.values(), *fixed.values(), *values)  # twice: of two biases both gradients
        count = sum(t.numel() for t in told if t is not None)
        plan.size += count * max(self.exam.dtype.itemsize, WHOLE.itemsize)
        self.room = (begin, plan.size)
        if self.shared is not None:
            self.shared.close()
        self.shared = Shared.create(plan.size)
        self.views: dict[Place, Tensor] = {}

    def _view(self, place: Place) -> Tensor:
        """The tensor of a place; made once."""
        if place not in self.views:
            assert self.shared is not None
            self.views[place] = self.shared.tensor(place, self.exam.dtype)
        return self.views[place]

    def begin(self, pass_name: str) -> None:
        """Set a pass up, and see whether its first result at these sizes is right.

        Raises WorkerError, or WrongResultError.
        """
        alone(self.beginning(pass_name))

    def beginning(self, pass_name: str) -> Steps[None]:
        """:meth:`begin`, beside others."""
        self.pass_name, self.asked_so_far, self.spent = pass_name, 0, 0.0
        self.batches, self.called, self.gap, self.due, self.looked = 0, 0, 1, 1, 0
        self.paired, self.next_too, self.closing = False, False, False
        self.unasked, self.hurries, self.deepened, self.deep_in_the_end = 0, 0, 0.0, False
        self.looking = 0.0
        self.of_new, self.of_seen = list[float](), list[float]()
        self.numbers, self.since = list[int](), None
        number, order = self._question(0)
        self.worker.begin(
            "prepare", pass_name=pass_name, given=self.given, stride=self.stride,
            results=self.room,
        )  # fmt: skip
        yield
        # Answers are worked out meanwhile, for the parts that its outputs are known to have.
        returned = self.told["returns"]
        self.exam.prepare(self._asked(returned, gradients=self.exams.gradients or None))
        laid_out = self.worker.awaited()
        asked, layout = self._asked(laid_out["parts"]), self._layout(laid_out)
        self.exam.prepare(asked)
        names = [name for name, _ in layout.parts]
        mistake = self.exam.lacks(asked, names, returned)
        if mistake is None:
            self.whole = self.shallow = Form.of(self.exam, asked, layout)
            if asked.both:
                values = Asked(False, last=asked.last)
                known = self.exam.answer(0, values)
                self.shallow = Form.of(
                    self.exam, values, layout.first(int(laid_out["of_values"]), known)
                )
            mistake = self._mistake(number, order, self.whole)
        if mistake is not None:
            raise WrongResultError(mistake)
        self.account = Account()

    def _layout(self, told: Mapping[str, Any]) -> Layout:
        """How results come, as the subject's process says. Raises WorkerError on nonsense."""
        assert self.shared is not None
        parts = tuple((str(name), tuple(map(int, shape))) for name, shape in told["shapes"])
        count, entries = int(told["count"]), sum(math.prod(shape) for _, shape in parts)
        places = None
        if told["mapped"]:
            places = self.shared.tensor((self.room[0], (entries,)), WHOLE).clone()
            if entries and not 0 <= int(places.min()) <= int(places.max()) < count:
                raise WorkerError("told of results that lie beyond their own end")
        elif count != entries:
            raise WorkerError("told of more results than there are parts")
        return Layout(parts, count, places)

    def _asked(self, parts: Sequence[str], *, gradients: bool | None = None) -> Asked:
        """What is asked of a pass: its gradients where it has any, unless one says otherwise.

        Of a forward pass that records a graph both: what leads to no gradients is no such pass.
        """
        last = self.told["kind"] == "last"
        if gradients or (gradients is None and self.pass_name in RECORDED):
            both = self.pass_name not in WITH_GRADIENTS
            return Asked(True, tuple(sorted(map(str, parts))), last, both)
        return Asked(False, last=last)

    # -- on the clock -------------------------------------------------------------------------

    def take(self, calls: int) -> list[float]:
        """Seconds of each of so many calls, of which some, by chance, may be questions.

        Raises WorkerError, or UnearnedError.
        """
        if calls == 1 and self._repeats():
            self.batches += 1
            return self._again(untouched=self.batches == 1)
        questions, seconds = self._drawn(calls), list[float]()
        for end in sorted({*questions, calls}):
            while len(seconds) < end:
                now = min(end - len(seconds), self.calls)
                is_asked = end in questions and len(seconds) + now == end
                seconds += self._request(now, question=is_asked)
        return seconds

    def last_one(self) -> None:
        """The next batch is the last one: it ends with a question, and none need be added."""
        self.closing = True

    def _repeats(self) -> bool:
        """Whether this batch of one call repeats the values before it: of long calls only one."""
        return self.batches == 0 or (self.batches == 2 and self._fastest() < LONG_CALL)

    def _fastest(self) -> float:
        """Seconds of the fastest call on new values so far."""
        return self.of_new[0] if self.of_new else 0.0

    def _drawn(self, calls: int) -> set[int]:
        """Which of a batch's calls are questions, by chance; 1 is the first.

        Some are followed by another one at once, one certainly: who is right in every second call
        is met.
        """
        found = {1} if self.next_too else set[int]()
        self.next_too = False
        if self._may_ask():
            place = _CHANCE.randrange(calls) + 1
            found.add(place)
            if self.batches > 1 and (not self.paired or _CHANCE.random() < PAIRED):
                self.paired, self.next_too = True, place == calls
                found.add(min(place + 1, calls))
        return found | {calls} if self.closing else found

    def _may_ask(self) -> bool:
        """Whether this batch holds a question: at moments of chance that grow further apart, and
        more often as long as all questions keep within their share of the time on the clock.
        """
        self.batches += 1
        if self.batches >= self.due:
            self.gap *= 2
            self.due = self.batches + 1 + _CHANCE.randrange(self.gap)
            return True
        each = self.spent / max(1, self.asked_so_far)
        share = SHARE if self.account.clock >= LONG * self.called else SHARE_OF_SHORT
        return self.spent + each < share * self.account.clock and _CHANCE.random() < 0.5

    def _again(self, *, untouched: bool) -> list[float]:
        """One call with the very values of the one before, written anew or left untouched."""
        seconds = self._sampled(1, again=untouched)
        self.of_seen += seconds
        return seconds

    def _request(self, calls: int, *, question: bool) -> list[float]:
        self._new_values(calls)
        began = time.perf_counter()
        asked = self._question(calls - 1) if question else None
        self.spent += time.perf_counter() - began
        seconds = self._sampled(calls)
        self.hurries += sum(map(self._hurried, seconds))
        self.unasked = 0 if question else self.unasked + calls
        began, mistake = time.perf_counter(), None
        if asked is not None:
            deep = self._goes_deep(seconds[-1])
            mistake = self._mistake(*asked, self.whole if deep else self.shallow)
            took = time.perf_counter() - began
            self.spent, self.deepened = self.spent + took * (not deep), self.deepened + took * deep
            self.asked_so_far += 1
        elif calls == 1 and self.looked < LOOKS and self._hurried(seconds[0]):
            self.looked += 1
            mistake = self._mistake_in_these()
            self.looking += time.perf_counter() - began
        for one in seconds:
            bisect.insort(self.of_new, one)
        if mistake is not None:
            raise UnearnedError(f"a timed call's result is not that of its inputs: {mistake}")
        return seconds

    def _goes_deep(self, seconds: float) -> bool:
        """Whether a question of a pass that records a graph is asked for its gradients too.

        That takes a backward pass, some two or three calls: the last question is, and others, by
        chance, within a share of the time on the clock. No call knows beforehand.
        """
        if self.whole is self.shallow:
            return False
        if self.closing and not self.deep_in_the_end:
            self.deep_in_the_end = True
            return True
        room = SHARE_OF_DEEP * self.account.clock - self.deepened
        return room > DEEP * seconds and _CHANCE.random() < 0.5

    def _hurried(self, seconds: float) -> bool:
        """Whether a call was so much faster than those before it that it deserves a look.

        The first ones find cold caches: by them alone nobody hurries.
        """
        if len(self.of_new) < KNOWN:
            return False
        usual = self.of_new[len(self.of_new) // 2]
        return usual >= LONG and seconds <= HURRIED * usual

    def _sampled(self, calls: int, *, again: bool = False) -> list[float]:
        self.since = self.since or self._kernel()
        answer = self.worker.ask("sample", calls=calls, again=again)
        self._alike(answer)
        seconds = [float(s) for s in answer["seconds"]]
        if len(seconds) != calls:
            raise UnearnedError(f"{len(seconds)} times came back for {calls} calls")
        if min(seconds) < 0:
            raise UnearnedError("a call ended before it began: a clock has been tampered with")
        self._enter(answer, seconds)
        self.called += calls
        return seconds

    def _new_values(self, calls: int) -> None:
        """Values that nobody has seen, for all calls of a request in one stroke."""
        count = calls * self.stride // self.exam.dtype.itemsize
        self.values = _noise(count, self.exam.dtype)
        self._view((self.given["x"][0], (count,))).copy_(self.values)

    def _question(self, call: int) -> tuple[int, Tensor]:
        """Make a call a question: which one, and in which order its rows are asked."""
        number = self._next_number()
        problem = self.exam.questions[number]
        order = torch.randperm(len(problem.x), generator=_secret())
        given = {"x": problem.x, **dict(zip("hc", problem.state or (), strict=False))}
        above = _above(problem.cotangents)
        for name, (offset, shape) in self.given.items():
            place = self._view((offset + call * self.stride, shape))
            if name in above:
                place.copy_(above[name])
            else:
                torch.index_select(given[name], 0, order, out=place)
        return number, order

    def _next_number(self) -> int:
        """All questions in turn, in an order of chance: none comes back before all have been."""
        if not self.numbers:
            self.numbers = list(range(len(self.exam.questions)))
            _CHANCE.shuffle(self.numbers)
        return self.numbers.pop()

    def _mistake(self, number: int, order: Tensor, form: Form) -> str | None:
        """What is wrong with the last call's result, which was a question."""
        return self._held_against(self.exam, form, number, order)

    def _mistake_in_these(self) -> str | None:
        """What is wrong with the last call's result, whose inputs were no question until now."""
        start = self.given["x"][0]
        found = {
            name: self.values[(offset - start) // self.exam.dtype.itemsize :][
                : math.prod(shape)
            ].view(shape)
            for name, (offset, shape) in self.given.items()
        }
        x, rows = found["x"], Cotangents(*(found[f"d{part}"] for part in "yhc"))
        state = (found["h"], found["c"]) if "h" in found else None
        exam = self.exam.of_these(x, state, rows)
        form = Form.of(exam, self.whole.asked, self.whole.layout)
        return self._held_against(exam, form, 0, torch.arange(len(x)))

    def _held_against(self, exam: Exam, form: Form, number: int, order: Tensor) -> str | None:
        row = self._fetched(form)
        if form.sheet.right(number, order, row):
            return None
        got = form.layout.named(row)
        return exam.mistake(number, form.asked, got, order, self.told["returns"])

    def _fetched(self, form: Form) -> Tensor:
        """The last call's result, all entries in one row."""
        answer = self.worker.ask("fetch", gradients=form.asked.gradients)
        self._enter_work(answer)
        self.account.behind += float(answer["behind"]) / 1e9
        self._alike(answer)
        return self._view((self.room[0], (form.layout.count,)))

    @staticmethod
    def _alike(answer: Mapping[str, Any]) -> None:
        """Raises UnearnedError where a result is not of the first one's kind."""
        if answer["unlike"]:
            raise UnearnedError(f"a timed call's result {answer['unlike']}")

    # -- the account --------------------------------------------------------------------------

    def _enter(self, answer: Mapping[str, Any], seconds: Sequence[float]) -> None:
        """What a request took, as the subject's process says."""
        account = self.account
        account.clock += sum(seconds)
        for name in ("passed", "busy", "behind"):
            setattr(account, name, getattr(account, name) + float(answer[name]) / 1e9)
        self._enter_work(answer)

    def _enter_work(self, answer: Mapping[str, Any]) -> None:
        """What any request took: it is all held against what the kernel says in the end."""
        self.account.wall += float(answer["wall"]) / 1e9
        self.account.cpu += float(answer["cpu"]) / 1e9
        self.account.requests += 1

    def _hold_kernel(self) -> None:
        """What the kernel says of all requests since the pass's first timed one."""
        if self.since is not None:
            before, now = self.since, self._kernel()
            self.account.kernel += now[0] - before[0]
            self.account.others += max(0.0, now[1] - before[1])
            self.account.known = self.account.known and now[0] > 0
            self.since = None

    def _kernel(self) -> tuple[float, float]:
        """Seconds of processor time: of the main thread, and of all child processes so far."""
        pid = self.worker.pid
        if pid is None:
            return 0.0, 0.0
        # What it has left to its keeper, which adopts orphans, is its work too.
        others = [child for child in family(self.worker.keeper) if child not in self._two()]
        return _main_thread(pid), _of_the_dead(pid) + sum(map(_all_threads, others))

    def _two(self) -> tuple[int | None, int]:
        return self.worker.pid, self.worker.keeper

    def finish(self) -> None:
        """Whether the pass adds up. Raises UnearnedError."""
        self.closing = True
        if not self.paired:  # it was too short a pass
            self._request(1, question=True)
        if self._fastest() < SHORT:
            self._ask_more()
            for untouched in (True, False):
                self._again(untouched=untouched)
            self._request(1, question=False)
        elif self.unasked or not self.paired or self.next_too or not self._went_deep():
            self._request(1, question=True)
        self._hold_repeats()
        self._hold_kernel()
        on_cpu = torch.device(self.terms.device).type == "cpu"
        complaint = self.account.complaint(
            self.terms.threads, on_cpu=on_cpu, by_processor=self.terms.clock == "cpu"
        )
        complaint = complaint or self._beyond_the_machine()
        if complaint is not None:
            raise UnearnedError(complaint)

    def _went_deep(self) -> bool:
        return self.whole is self.shallow or self.deep_in_the_end

    def _beyond_the_machine(self) -> str | None:
        assert self.workload is not None
        t, really = self.terms, replace(self.workload, head=self.head_size is not None)
        usual = statistics.median(self.of_new)
        return self.exams.ceiling.complaint(
            really.flops(self.pass_name), usual, t.device, t.dtype, t.threads
        )

    def _ask_more(self) -> None:
        """Short calls can be asked so often that who is wrong now and then is met: twice at least,
        and whatever it costs where some calls hurried.
        """
        least = self.asked_so_far + 2
        until = time.perf_counter() + SHARE_OF_LAST * self.account.clock
        while self.asked_so_far < least or (
            self.asked_so_far < ENOUGH and (self.hurries > 1 or time.perf_counter() < until)
        ):
            self._request(1 + _CHANCE.randrange(LAST), question=True)

    def _hold_repeats(self) -> None:
        """Inputs that were there before must not be answered faster than new ones.

        Whoever seems to is asked once more, in turns: the machine may have been faster at another
        moment, or somebody beside it slower.
        """
        if faster_when_seen(self.of_seen, self.of_new) is None:
            return
        of_seen, of_new = list[float](), list[float]()
        for untouched in (True, False):
            of_new += self._request(1, question=False)
            of_seen += self._again(untouched=untouched)
        found = faster_when_seen(of_seen, of_new)
        if found is not None:
            raise UnearnedError(
                f"inputs that it was given before take {_ms(found[0])} where new ones take "
                f"{_ms(found[1])}: it answers from memory"
            )

    def leave(self, spinning: float) -> None:
        """Whether the process is left as it was found. Raises UnearnedError.

        spinning: cores that it was seen to use while nobody asked for anything.
        """
        altered = [str(name) for name in self.worker.ask("altered")]
        if altered:
            raise UnearnedError(f"it changes {altered[0]}")
        if spinning > 0.5:
            raise UnearnedError(
                f"it leaves threads running that use {spinning:.1f} cores while nobody asks for "
                "anything"
            )

    def stray(self) -> str | None:
        """A sentence on code that comes from elsewhere than the subject's own tree, or None."""
        found = None if self.root is None else self.worker.ask("stray")
        return None if found is None else str(found)

    def memory(self) -> int | None:
        """Bytes at the peak of one call of the pass; None where unmeasured."""
        return alone(self.remembering())

    def remembering(self) -> Steps[int | None]:
        """:meth:`memory`, beside others."""
        return _whole((yield from self.worker.asking("memory")))


FASTER = 0.5
"""What was seen before may not be answered in less than this share of a new call's time."""

SHORT = BATCH_SECONDS
"""Seconds of a call that costs little when a pass ends: more questions, and the same inputs again,
to see that no memory grew."""


def faster_when_seen(
    of_seen: Sequence[float], of_new: Sequence[float]
) -> tuple[float, float] | None:
    """(seconds, seconds of the fastest new call) of the fastest on inputs that were there before,
    where that is far too fast.

    The fastest of all new ones, so that neither a busy moment nor code that becomes faster for good
    looks guilty.
    """
    if not of_seen or not of_new or min(of_seen) >= FASTER * min(of_new):
        return None
    return min(of_seen), min(of_new)


def _above(cotangents: Cotangents) -> dict[str, Tensor]:
    """What comes from above for one sequence: all get the same."""
    return {f"d{part}": row[:1] for part, row in vars(cotangents).items() if row is not None}


HURRIED, KNOWN, LOOKS = 0.6, 4, 2
"""A call that takes less than this share of what calls took before, so many of them, hurries. Of
long ones so many are looked at: what they should have given is worked out then, which takes a
while."""

ENOUGH, SHARE_OF_LAST = 24, 0.01
"""Questions that short calls are asked where some hurry, or the last of them keep within this share
of the clock."""

LAST = 3
"""The last of at most so many calls is a question, when short calls are asked more in the end."""

PAIRED = 0.25
"""How often a question is followed by another one in the very next call."""

SETTLES, LOOKED_AT = 0.02, 0.02
"""Seconds that OpenMP's threads have to come to rest, and for which they are then watched."""


@dataclass
class Exams:
    """Each workload's exam, drawn once for all subjects that can take it; the machine's limit."""

    ceiling: Ceiling = field(default_factory=Ceiling)
    gradients: bool = False
    """Whether gradients are asked for too, sooner or later: values come along with them."""
    drawn: dict[tuple[Any, ...], Exam] = field(default_factory=dict)

    def of(self, workload: Workload, head_size: int | None, state: bool, terms: Terms) -> Exam:
        key = (workload, head_size, state, terms.dtype)
        if key not in self.drawn:
            self.drawn[key] = Exam.draw(workload, head_size, state, terms.torch_dtype)
        return self.drawn[key]


def spinning(examiners: Sequence[Examiner]) -> list[float]:
    """Cores that each one's process keeps busy while nobody has anything to do."""

    def used() -> list[float]:
        pids = [examiner.worker.pid for examiner in examiners]
        return [0.0 if p is None else sum(map(_all_threads, family(p))) for p in pids]

    time.sleep(SETTLES)
    before, began = used(), time.perf_counter()
    time.sleep(LOOKED_AT)
    return [
        (now - then) / (time.perf_counter() - began)
        for now, then in zip(used(), before, strict=True)
    ]


@lru_cache(maxsize=1)
def _secret() -> torch.Generator:
    """Seeded by the system's entropy: no subject can know what comes."""
    return torch.Generator().manual_seed(_CHANCE.getrandbits(63))


@lru_cache(maxsize=4)
def _pool(dtype: torch.dtype) -> tuple[Tensor, int]:
    """Standard normal values, more than any request takes, and how many."""
    count = 5 * REEL_BYTES // 4 // dtype.itemsize
    return torch.randn(count, generator=_secret()).to(dtype), count


def _noise(count: int, dtype: torch.dtype) -> Tensor:
    """Values that were not asked in this order before."""
    pool, size = _pool(dtype)
    if count > size // 2:
        return torch.randn(count, generator=_secret()).to(dtype)
    begin = _CHANCE.randrange(size - count)
    return pool[begin : begin + count]


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _main_thread(pid: int) -> float:
    """Seconds of processor time, by the kernel's scheduler; 0 where it does not tell."""
    return _scheduled(f"/proc/{pid}/schedstat")


def _all_threads(pid: int) -> float:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0.0
    return sum(_scheduled(f"/proc/{pid}/task/{thread}/schedstat") for thread in threads)


def _scheduled(path: str) -> float:
    try:
        with open(path) as file:
            return int(file.read().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _of_the_dead(pid: int) -> float:
    """Seconds of processor time of child processes that have ended and were waited for."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"


__all__ = ["Examiner", "Exams", "Terms", "UnearnedError", "WorkerError", "WrongResultError",
           "spinning"]  # fmt: skip
