"""A subject is timed in its own process, and gets no speed that it has not earned."""

import pytest
import torch

from lstm_bench.lab.worker import WorkerError
from lstm_bench.measure.examiner import (
    Account,
    Examiner,
    Exams,
    Terms,
    UnearnedError,
    WrongResultError,
    faster_when_seen,
    spinning,
)
from lstm_bench.measure.workloads import PASSES, Workload
from lstm_bench.subject.parcel import Parcel

SMALL = Workload(6, 5, 4, 3, head=False)
EXAMS = Exams()


def examiner(name, **terms):
    target = name if ":" in name or name.islower() else f"tests/measure/subjects.py:{name}"
    return Examiner(Parcel(name, target), Terms(**terms))


def seated(one, workload=SMALL):
    one.open(workload.head if ":" not in one.parcel.target else None)
    one.sit(workload, EXAMS)
    return one


def timed(one, pass_name, calls=200):
    one.begin(pass_name)
    times = [t for _ in range(8) for t in one.take(calls // 8)]
    one.finish()
    one.leave(*spinning([one]))
    return times


@pytest.mark.parametrize(
    "name",
    [
        "documented_loop", "torch_nn", "torch.nn:LSTMCell", "HasAnUnusedParameter", "TakesNoState",
    ],
)  # fmt: skip
def test_every_pass_is_timed_again_and_again(name):
    with examiner(name) as one:
        seated(one)
        for pass_name in PASSES:
            times = timed(one, pass_name, 40)
            assert len(times) == 40
            assert min(times) > 0
            assert one.asked_so_far >= 3


@pytest.mark.parametrize(
    ("name", "travels"),
    [
        ("torch_nn", {"forward": True, "backward": True}),
        ("torch.nn:LSTM", {"forward": True, "backward": True}),
        ("torch.nn:LSTMCell", {"forward": False, "backward": True}),  # early outputs: its states
        ("HasAnUnusedParameter", {"forward": True, "backward": False}),  # no gradient to move
        ("TakesNoState", {"forward": True, "backward": True}),
    ],
)
def test_results_travel_as_they_are_where_canonical_ones_only_move_their_entries(name, travels):
    with examiner(name) as one:
        seated(one)
        for pass_name, as_they_are in travels.items():
            timed(one, pass_name, 16)
            assert (one.whole.layout.places is not None) == as_they_are


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_other_precisions_are_timed_too(dtype):
    with examiner("batched_gates", dtype=dtype) as one:
        seated(one)
        timed(one, "forward", 16)
        timed(one, "step", 16)


def test_an_output_layer_is_timed_and_checked_where_it_is_wished_for():
    with examiner("documented_loop") as one:
        seated(one, Workload(6, 5, 4, 3, head=True))
        assert one.head_size == 3
        timed(one, "step", 16)


@pytest.mark.parametrize(
    ("name", "pass_name", "reason"),
    [
        ("FirstAnswer", "forward", "not that of its inputs"),
        ("Remembers", "forward", "not that of its inputs"),
        ("SlowClock", "forward", "a clock has been tampered with"),
        ("LeavesAThreadSpinning", "forward", "threads|cores"),
        ("ChangesTheDenormals", "step", "how tiny numbers are rounded"),
    ],
)
def test_a_speed_that_is_not_earned_is_refused_with_the_reason(name, pass_name, reason):
    with examiner(name) as one:
        seated(one)
        with pytest.raises(UnearnedError, match=reason):
            timed(one, pass_name, 2000)


@pytest.mark.parametrize(
    ("name", "pass_name"), [("WrongAtSix", "forward_train"), ("WrongGradientAtSix", "backward")]
)
def test_what_is_wrong_at_the_very_sizes_is_told_before_it_is_timed(name, pass_name):
    with examiner(name) as one:
        seated(one)
        with pytest.raises(WrongResultError, match=r"got .* expected"):
            one.begin(pass_name)


def test_what_raises_in_one_pass_may_do_well_in_another():
    with examiner("OnlyTrains") as one:
        seated(one)
        with pytest.raises(WorkerError, match="no inference here"):
            one.begin("forward")
        timed(one, "step", 16)


def test_the_same_question_never_comes_twice_before_all_have_been_asked():
    with examiner("torch_nn") as one:
        seated(one, Workload(1, 5, 4, 3, head=False))
        one.begin("forward")
        one.numbers = []
        asked = [one._question(0)[0] for _ in range(6)]
        assert sorted(asked) == list(range(6))


def test_what_is_no_question_looks_like_one():
    """Mean and spread of every input are those of a question: nothing tells them apart."""
    with examiner("torch_nn") as one:
        seated(one, Workload(512, 4, 64, 64, head=False))  # 0.1 is a dozen standard deviations
        one.begin("forward")
        one._new_values(one.calls)
        one._question(0)
        for name in "xhc":
            offset, shape = one.given[name]
            question, other = (
                one.shared.tensor((offset + k * one.stride, shape), torch.float32) for k in (0, 1)
            )
            assert not torch.equal(question, other)
            assert abs(float(question.std() - other.std())) < 0.1
            assert abs(float(question.mean() - other.mean())) < 0.1


def test_no_two_calls_get_the_same_values():
    with examiner("torch_nn") as one:
        seated(one)
        seen = set()
        for _ in range(5):
            one._new_values(10)
            for k in range(10):
                offset, shape = one.given["x"]
                x = one.shared.tensor((offset + k * one.stride, shape), torch.float32)
                seen.add(tuple(x.flatten().tolist()))
        assert len(seen) == 50


@pytest.mark.parametrize("calls", [1, 2, 7])
def test_two_calls_in_a_row_are_questions_within_five_batches(calls):
    with examiner("torch_nn") as one:
        seated(one)
        one.begin("forward")
    for _ in range(50):
        one.batches, one.due, one.gap, one.paired, one.next_too = 0, 1, 1, False, False
        asked = [k * calls + place for k in range(5) for place in one._drawn(calls)]
        assert any(place + 1 in asked for place in asked)
        assert all(1 <= place <= 5 * calls for place in asked)


@pytest.mark.parametrize(
    ("seen", "new", "found"),
    [
        ([0.1], [1.0, 1.0], (0.1, 1.0)),
        ([0.2, 0.1], [1.0, 0.9], (0.1, 0.9)),
        ([0.6], [1.0, 1.0], None),
        ([0.3], [1.0, 0.3], None),  # it has become faster for good
        ([1.0, 0.1], [0.1, 0.1], None),
        ([0.4], [1.0, 0.7], None),  # both were made to wait
        ([0.1], [], None),  # nothing new yet
        ([], [0.1], None),
    ],
)
def test_what_was_seen_is_held_against_the_fastest_that_is_new(seen, new, found):
    assert faster_when_seen(seen, new) == found


def test_who_seems_to_answer_from_memory_is_asked_once_more():
    """The one that remembers is found again, the one that was disturbed meanwhile is not."""
    remembers = "tests/cheats/memory_by_value.py:RemembersBytes"
    for name, guilty in (("torch_nn", False), (remembers, True)):
        with examiner(name) as one:
            seated(one, Workload(64, 60, 32, 128, head=False))
            one.begin("forward")
            one.take(1)
            one.take(1)
            one.of_seen, one.of_new = [1e-6], [1.0]
            if guilty:
                with pytest.raises(UnearnedError, match="answers from memory"):
                    one._hold_repeats()
            else:
                one._hold_repeats()


@pytest.mark.parametrize("name", ["documented_loop", "torch_nn", "FirstAnswer"])
def test_a_call_that_was_no_question_can_be_looked_at_afterwards(name):
    with examiner(name) as one:
        seated(one)
        one.begin("forward")
        one._request(1, question=False)
        mistake = one._mistake_in_these()
        assert (mistake is not None) == (name == "FirstAnswer"), mistake


def test_a_call_that_is_far_faster_than_those_before_hurries():
    with examiner("torch_nn") as one:
        seated(one)
        one.begin("forward")
    one.of_new = [0.01] * 3
    assert not one._hurried(0.001)  # the first ones find cold caches
    one.of_new = [0.01] * 5
    assert [one._hurried(s) for s in (0.009, 0.005)] == [False, True]
    one.of_new = [1e-5] * 5
    assert not one._hurried(1e-6)  # the clock's own noise


def test_a_long_call_that_hurries_is_looked_at_no_more_than_twice(monkeypatch):
    looks = []
    with examiner("torch_nn") as one:
        seated(one)
        one.begin("forward")
        monkeypatch.setattr(one, "_hurried", lambda seconds: True)
        monkeypatch.setattr(one, "_mistake_in_these", lambda: looks.append(1))
        for _ in range(4):
            one._request(1, question=False)
    assert len(looks) == 2
    assert one.hurries == 4


def test_who_hurries_now_and_then_is_asked_whatever_it_costs():
    with examiner("torch_nn") as one:
        seated(one)
        one.begin("forward")
        one.account.clock = 0.0  # no share to speak of
        one.finish()
        few = one.asked_so_far
        one.hurries = 2
        one.finish()
        assert few <= 5
        assert one.asked_so_far >= 24


def test_the_last_batch_ends_with_a_question():
    with examiner("torch_nn") as one:
        seated(one)
        one.begin("forward")
        for calls in (2, 3, 4):
            one.due = 100
            one.last_one()
            asked = one.asked_so_far
            one.take(calls)
            assert one.asked_so_far > asked
            assert one.unasked == 0


def test_short_calls_are_asked_more_often_before_they_are_believed():
    with examiner("torch_nn") as one:
        seated(one)
        one.begin("forward")
        one.account.clock = 1e9  # the questions' share of the clock is no limit
        one.finish()
        assert one.asked_so_far >= 24


HONEST = Account(
    clock=1.0, passed=1.0, busy=1.0, wall=1.2, cpu=1.2, kernel=1.2, requests=100
)  # fmt: skip


@pytest.mark.parametrize(
    ("what", "threads", "reason"),
    [
        ({}, 1, None),
        ({"busy": 1.9}, 2, None),
        ({"kernel": 0.4, "cpu": 0.4, "busy": 0.3}, 1, None),  # it was made to wait by others
        ({"behind": 0.5}, 2, None),  # OpenMP's threads wait by spinning
        ({"wall": 0.2}, 1, "wall clock shows 200 ms where the kernel counts"),
        ({"cpu": 0.2}, 1, "processor's clock shows 200 ms"),
        ({"clock": 0.5}, 1, "took 500 ms by their own clock, and 1e+03 ms by another"),
        ({"others": 0.5}, 1, "child processes worked for 500 ms beside"),
        ({"behind": 0.5}, 1, "other threads worked for 500 ms after calls had returned"),
        ({"busy": 1.9}, 1, "1.9 cores busy where 1 is set"),
        ({"wall": 0.2, "known": False}, 1, None),
    ],
)
def test_an_account_that_does_not_add_up_is_complained_of(what, threads, reason):
    from dataclasses import replace

    found = replace(HONEST, **what).complaint(threads, on_cpu=True)
    assert found is None if reason is None else reason in found


@pytest.mark.parametrize("name", ["documented_loop", "torch_nn", "Mixes"])
def test_every_pass_is_timed_on_a_device_that_is_not_the_cpu(name, monkeypatch):
    """On a simulated one: whoever forgets to move a tensor there fails as on CUDA."""
    monkeypatch.setattr("lstm_bench.measure.examiner.ENTRY", "tests.measure.elsewhere:work")
    with examiner(name, device="meta") as one:
        seated(one)
        for pass_name in PASSES:
            if name == "Mixes":
                with pytest.raises(WorkerError, match="all tensors to be on the same device"):
                    one.begin(pass_name)
            else:
                assert len(timed(one, pass_name, 8)) == 8
