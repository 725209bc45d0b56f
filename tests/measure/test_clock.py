"""The clocks: what lies between starting and stopping is the call, and on a GPU all of it."""

import pytest
import torch

from lstm_bench.measure import clock as clock_module
from lstm_bench.measure.clock import CudaClock, WallClock, clock_for


class FakeEvent:
    """Records when it was recorded; a millisecond passes between any two entries of the log."""

    def __init__(self, log):
        self.log = log

    def record(self):
        self.at = len(self.log)
        self.log.append("record")

    def elapsed_time(self, end):
        return float(end.at - self.at)


def test_the_cuda_clock_synchronises_on_both_sides_of_its_events(monkeypatch):
    """On a device that only keeps a log: this machine may have no other."""
    log = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: log.append("synchronize"))
    monkeypatch.setattr(clock_module, "_event", lambda: FakeEvent(log))
    clock = CudaClock()
    clock.time(lambda: None)  # finds out what an idle device takes
    log.clear()
    seconds, result = clock.time(lambda: log.append("call") or "result")
    assert log == ["synchronize", "record", "call", "record", "synchronize"]
    assert (seconds, result) == (pytest.approx(0.002), "result")


def test_what_goes_on_in_another_stream_is_waited_for(monkeypatch):
    """The device stops half a second after the events have passed."""
    now, pending = [0], [0]

    def synchronize():
        now[0] += 10_000 + pending.pop()  # itself, it takes ten microseconds
        pending.append(0)

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    monkeypatch.setattr(clock_module, "_event", lambda: FakeEvent([]))
    monkeypatch.setattr(clock_module, "perf_counter_ns", lambda: now[0])
    clock = CudaClock()
    assert clock.time(lambda: None)[0] == 0
    seconds, _ = clock.time(lambda: pending.__setitem__(0, 500_000_000))
    assert seconds == pytest.approx(0.5, rel=1e-4)


def test_every_device_has_its_clock():
    assert isinstance(clock_for("cpu"), WallClock)
    assert isinstance(clock_for("cuda:0"), CudaClock)


@pytest.mark.cuda
def test_a_gpu_s_events_give_a_time_and_the_result():
    x = torch.randn(64, 64, device="cuda")
    seconds, result = CudaClock().time(lambda: x @ x)
    assert seconds > 0
    assert result.shape == (64, 64)
