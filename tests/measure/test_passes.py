"""The four passes do what their names say, and nothing else is on the clock."""

import signal

import pytest
import torch
from torch import nn

from lstm_bench.measure import memory
from lstm_bench.measure.memory import peak_bytes
from lstm_bench.measure.passes import TimedCall, WrongResultError, make_pass, set_up
from lstm_bench.measure.workloads import PASSES, Workload
from lstm_bench.subject import open_subject
from lstm_bench.subject.subject import subject_from

SMALL = Workload(2, 3, 5, 4)


@pytest.mark.parametrize("name", ["documented_loop", "torch_nn", "torch.nn:LSTMCell"])
@pytest.mark.parametrize("pass_name", PASSES)
def test_every_pass_runs_again_and_again(name, pass_name):
    timed = make_pass(set_up(open_subject(name), SMALL), pass_name)
    for _ in range(6):
        timed.check(timed.prepare()())


def test_forward_is_in_inference_mode_and_training_forward_records_a_graph():
    for pass_name, recorded in (("forward", False), ("forward_train", True)):
        outputs, _ = make_pass(set_up(open_subject("torch_nn"), SMALL), pass_name).prepare()()
        assert (outputs.grad_fn is not None) == recorded
        assert outputs.is_inference() != recorded


@pytest.mark.parametrize("pass_name", ["backward", "step"])
def test_backward_gives_gradients_of_the_input_both_states_and_every_parameter(pass_name):
    subject = open_subject("torch_nn")
    gradients = make_pass(set_up(subject, SMALL), pass_name).prepare()()
    count = len(list(subject.build(5, 4).module.parameters()))
    assert len(gradients) == 3 + count
    assert all(bool((g != 0).any()) for g in gradients)


def test_nothing_is_left_in_grad_between_calls():
    """torch.autograd.grad returns gradients; `.grad` would accumulate, which costs time."""
    timed = make_pass(set_up(open_subject("torch_nn"), SMALL), "step")
    assert all(torch.equal(a, b) for a, b in zip(timed.prepare()(), _fourth(timed), strict=True))


def _fourth(timed: TimedCall):
    for _ in range(3):
        timed.prepare()()
    return timed.prepare()()


def test_inputs_take_turns():
    timed = make_pass(set_up(open_subject("torch_nn"), SMALL), "forward")
    results = [timed.prepare()()[0] for _ in range(4)]
    assert len({tuple(r.flatten().tolist()) for r in results}) == 4


def test_a_result_that_is_not_finite_is_no_result():
    timed = make_pass(set_up(open_subject("torch_nn"), SMALL), "forward")
    outputs, state = timed.prepare()()
    with pytest.raises(WrongResultError):
        timed.check((outputs * float("nan"), state))


def test_peak_memory_of_a_call_whose_answer_is_known():
    """Two tensors of a mebibyte, one released before the third is made: the peak is two."""

    def call():
        first = torch.ones(2**18)
        second = first + 1
        del first
        return second * 2

    peak = peak_bytes(TimedCall(lambda: call, lambda _: None))
    assert peak == pytest.approx(2 * 2**20, abs=1024)  # and a scalar or two


@pytest.fixture
def ctrl_c():
    """Answered by KeyboardInterrupt, also where the tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_leaves_no_profiler_running(monkeypatch):
    """One that runs on is a segmentation fault when the interpreter exits."""

    class Interrupted(memory.profile):
        def __enter__(self):
            super().__enter__()
            signal.raise_signal(signal.SIGINT)
            return self

    monkeypatch.setattr(memory, "profile", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        peak_bytes(TimedCall(lambda: lambda: torch.ones(3) + 1, lambda _: None))
    assert not torch.autograd._profiler_enabled()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_recording_a_graph_needs_more_memory_than_inference():
    subject, workload = open_subject("documented_loop"), Workload(8, 20, 16, 32)
    inference, training = (
        peak_bytes(make_pass(set_up(subject, workload), p)) for p in ("forward", "forward_train")
    )
    assert training > 2 * inference > 0


class Remembers(nn.LSTM):
    """Answers a prediction with what it answered the time before."""

    def forward(self, x, hx=None):
        now = super().forward(x, hx)
        before, self.kept = getattr(self, "kept", now), now
        return before if torch.is_inference_mode_enabled() else now


class FirstAnswer(nn.LSTM):
    """Once it has been called with the sizes to be timed, it gives the same answer for ever."""

    def forward(self, x, hx=None):
        if x.shape[1] != SMALL.batch:
            return super().forward(x, hx)
        if not hasattr(self, "kept"):
            self.kept = super().forward(x, hx)
        return self.kept


class HasAnUnusedParameter(nn.LSTM):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.unused = nn.Parameter(torch.zeros(3))


def test_an_answer_from_memory_is_no_result():
    timed = make_pass(set_up(subject_from(Remembers, "x"), SMALL), "forward")
    timed.prepare()()
    second = timed.prepare()()
    with pytest.raises(WrongResultError, match="not the checked one's"):
        timed.check(second)


def test_the_same_answer_to_every_input_is_no_result():
    setting = set_up(subject_from(FirstAnswer, "x"), SMALL)
    with pytest.raises(WrongResultError, match="the very same result"):
        make_pass(setting, "forward")


@pytest.mark.parametrize("pass_name", PASSES)
def test_a_parameter_that_plays_no_part_is_no_mistake(pass_name):
    timed = make_pass(set_up(subject_from(HasAnUnusedParameter, "x"), SMALL), pass_name)
    timed.check(timed.prepare()())


def test_another_shape_is_no_result():
    timed = make_pass(set_up(open_subject("torch_nn"), SMALL), "forward")
    outputs, state = timed.prepare()()
    with pytest.raises(WrongResultError, match="other shapes"):
        timed.check((outputs[:-1], state))
