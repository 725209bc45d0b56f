"""A subject's process ends alone, whatever it does, and the reason is told."""

import os
import signal
import threading
import time
import uuid

import pytest

from lstm_bench.lab.worker import Ended, Worker, WorkerError, ahead, apart, at_once, wait, zygote
from tests.lab import attacks

APART = "lstm_bench.lab.server:apart"


def worker(function, *arguments, **more):
    place = {"module": function.__module__, "name": function.__name__}
    return Worker(APART, {**place, "arguments": list(arguments)}, **more)


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (attacks.write_garbage, "wrote to the harness's own channel: it is not JSON"),
        (attacks.announce_gigabytes, "wrote to the harness's own channel: it announces"),
        (attacks.answer_out_of_turn, "an answer that nobody asked for"),
        (attacks.hand_to_a_child_and_die, r"ended the interpreter with exit code 5"),
        (attacks.kill_the_group, "signal 9, SIGKILL"),
        (attacks.kill_the_parent, "killed the process that looks after it"),
        (attacks.segfault, "segmentation fault"),
        (attacks.eat, r"exceeded the memory limit of 1 GiB"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_attack_ends_its_own_process_and_its_neighbour_answers(attack, reason):
    with worker(attacks.process) as neighbour, worker(attack, memory_gib=1) as attacker:
        with pytest.raises(Ended, match=reason):
            attacker.ask("call", patience=30)
        assert neighbour.ask("call")[0] == neighbour.pid


@pytest.mark.parametrize(
    "attack", [attacks.stop, attacks.stop_the_parent, attacks.close_all], ids=lambda f: f.__name__
)
def test_who_does_not_answer_is_ended_when_patience_is(attack):
    with worker(attack) as attacker:
        with pytest.raises(Ended, match=r"did not answer within 0\.5 s"):
            attacker.ask("call", patience=0.5)
        _ends(lambda: attacker.pid is not None and _lives(attacker.pid))


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (attacks.interrupt, "KeyboardInterrupt"),
        (attacks.leave, r"called sys\.exit\(3\)"),
        (attacks.raise_the_unspeakable, r"Unspeakable: \(its text cannot be read\)"),
        (attacks.answer_no_json, "TypeError"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_call_raises_is_an_answer_and_the_process_goes_on(attack, reason):
    with worker(attack) as attacker:
        for _ in range(2):
            with pytest.raises(WorkerError, match=reason) as raised:
                attacker.ask("call")
            assert not isinstance(raised.value, Ended)


def test_daemons_end_with_the_subject_that_left_them():
    marker = uuid.uuid4().hex
    with worker(attacks.leave_a_daemon, marker) as attacker:
        assert attacker.ask("call") == "left"
        _begins(marker)
    assert not _running(marker)


def test_daemons_end_also_where_their_keeper_was_killed():
    marker = uuid.uuid4().hex
    with worker(attacks.leave_a_daemon, marker) as attacker:
        attacker.ask("call")
        _begins(marker)
        os.kill(attacker.keeper, 9)
        with pytest.raises(Ended):
            attacker.ask("call", patience=30)
    _ends(lambda: _running(marker))


def test_what_is_printed_is_kept_in_part_and_floods_nobody():
    with worker(attacks.flood) as attacker:
        assert attacker.ask("call") == "done"
    assert 0 < len(attacker.printed) < 5000
    assert "…" in attacker.printed


def test_a_process_is_fresh_whatever_threads_its_caller_has():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with worker(attacks.process) as one:
            pid, parent, session, threads = one.ask("call")
    finally:
        stop.set()
        thread.join()
    assert os.getpid() not in (pid, parent)
    assert session == pid
    assert threads == 1


def test_several_are_waited_for_at_once():
    pair = [worker(attacks.process) for _ in range(2)]
    try:
        for one in pair:
            one.begin("call")
        while not all(one.answered() for one in pair):
            wait(pair, 1.0)
        assert [one.answer()[0] for one in pair] == [one.pid for one in pair]
    finally:
        for one in pair:
            one.close()


def test_tasks_at_once_begin_all_before_any_waits_and_return_in_their_order():
    log = []

    def task(name, asker):
        log.append(f"{name} asks")
        found = yield from asker.asking("call")
        log.append(f"{name} is answered")
        return found[0]

    with worker(attacks.process) as one, worker(attacks.process) as other:
        found = at_once([task("one", one), task("other", other)])
        assert found == [one.pid, other.pid]
    assert log == ["one asks", "other asks", "one is answered", "other is answered"]


def test_requests_that_arrive_together_are_all_answered():
    """While the zygote imports something, say."""
    one = zygote()
    for _ in range(3):
        one.also_import("json")
    assert apart(os.getpid) != os.getpid()
    one._process.send_signal(signal.SIGSTOP)
    threading.Timer(0.3, one._process.send_signal, [signal.SIGCONT]).start()
    one.also_import("json")
    assert apart(os.getpid) != os.getpid()


def test_what_is_wanted_ahead_is_imported_in_every_process_to_come():
    assert not apart(attacks.has_imported, "this")
    ahead("this")
    assert apart(attacks.has_imported, "this")


def test_a_dead_zygote_is_replaced():
    first = zygote()
    apart(os.getpid)
    first._process.kill()
    first._process.wait()
    assert apart(os.getpid) != os.getpid()
    assert zygote() is not first


def test_everything_ends_when_the_caller_is_killed():
    marker = uuid.uuid4().hex
    caller = os.fork()
    if caller == 0:
        inner = worker(attacks.leave_a_daemon, marker)
        inner.ask("call")
        _begins(marker)
        os.kill(os.getpid(), 9)
    os.waitpid(caller, 0)
    _ends(lambda: _running(marker))


def _ends(lives):
    """What the kernel has been told to end is gone soon."""
    for _ in range(100):
        if not lives():
            return
        time.sleep(0.1)
    pytest.fail("it outlived what it belongs to")


def _begins(marker):
    for _ in range(100):
        if _running(marker):
            return
        time.sleep(0.1)
    pytest.fail("it never began")


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _running(marker):
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if marker.encode() in file.read():
                        return True
            except OSError:
                pass
    return False
