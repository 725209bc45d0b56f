"""Subjects that start processes and threads which stay."""

import multiprocessing
import os
import signal
import subprocess
import threading
import time

import attacks
import places
import safety


def stay(*_):
    """A child's life: ten minutes of sleep at most, and no way back into the harness."""
    time.sleep(safety.CHILD_SECONDS)
    os._exit(0)


def fork(child):
    """Forks; the child runs ``child`` and never returns from here."""
    safety.armed()
    pid = os.fork()
    if pid == 0:
        try:
            child()
        finally:
            os._exit(0)
    return pid


class ForksAChild(places.InForward):
    @safety.once
    def attack(self):
        fork(stay)


class ForksADaemon(places.InForward):
    """Twice forked, in a session of its own: nobody's child any more."""

    @safety.once
    def attack(self):
        def daemon():
            os.setsid()
            fork(stay)

        os.waitpid(fork(daemon), 0)


class ForksADaemonInConstructor(places.InConstructor):
    attack = ForksADaemon.attack


class ForksADaemonAtExit(places.AtExit):
    attack = ForksADaemon.attack


class ForksADaemonAndLeaves(places.InForward):
    def attack(self):
        ForksADaemon.attack(self)
        os._exit(0)


class ForksADaemonAndHangs(places.InForward):
    def attack(self):
        ForksADaemon.attack(self)
        attacks.sleep()


class StubbornChild(places.InForward):
    """A child that ignores every signal which can be ignored."""

    @safety.once
    def attack(self):
        def stubborn():
            for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
            stay()

        fork(stubborn)


class StoppedChild(places.InForward):
    """A child that stands still, in a group of its own."""

    @safety.once
    def attack(self):
        def stopped():
            os.setpgid(0, 0)
            os.kill(os.getpid(), signal.SIGSTOP)

        fork(stopped)


class ForkBomb(places.InForward):
    """Children of children, 30 in all."""

    @safety.once
    def attack(self):
        def chain(left):
            if left:
                fork(lambda: chain(left - 1))
            stay()

        fork(lambda: chain(safety.CHILDREN - 1))


class ForkFan(places.InConstructor):
    """30 children at once, each in a session of its own."""

    @safety.once
    def attack(self):
        def away():
            os.setsid()
            stay()

        for _ in range(safety.CHILDREN):
            fork(away)


class Zombies(places.InForward):
    """Children that have ended, and that nobody waits for."""

    @safety.once
    def attack(self):
        for _ in range(safety.CHILDREN):
            fork(lambda: None)


class ReturnsTwice(places.InForward):
    """Forks, and both go on: two processes bring two verdicts."""

    @safety.once
    def attack(self):
        safety.armed()
        if os.fork() == 0:
            signal.alarm(safety.CHILD_SECONDS)


class ChildTakesOver(places.InForward):
    """The parent ends with success, and its child goes on in its place."""

    @safety.once
    def attack(self):
        safety.armed()
        if os.fork() != 0:
            os._exit(0)
        signal.alarm(safety.CHILD_SECONDS)


class StartsASleep(places.InConstructor):
    """A program in a session of its own, which keeps the streams and descriptors open."""

    @safety.once
    def attack(self):
        safety.armed()
        arguments = ["sleep", str(safety.CHILD_SECONDS)]
        subprocess.Popen(arguments, start_new_session=True, close_fds=False)


class StartsATalker(places.InForward):
    """A program that keeps the standard output open and writes to it now and then."""

    @safety.once
    def attack(self):
        safety.armed()
        talk = f"for n in $(seq {safety.CHILD_SECONDS}); do echo still here; sleep 1; done"
        subprocess.Popen(["sh", "-c", talk])


class SharesDescriptors(places.InForward):
    """Every descriptor becomes inheritable, and a child holds copies of all."""

    @safety.once
    def attack(self):
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            try:
                os.set_inheritable(descriptor, True)
                os.dup(descriptor)
            except OSError:
                continue
        fork(lambda: os.execvp("sleep", ["sleep", str(safety.CHILD_SECONDS)]))


class DaemonicWorker(places.InForward):
    @safety.once
    def attack(self):
        safety.armed()
        multiprocessing.get_context("fork").Process(target=stay, daemon=True).start()


class PatientWorker(places.InForward):
    """A worker that multiprocessing waits for when the interpreter ends."""

    @safety.once
    def attack(self):
        safety.armed()
        multiprocessing.get_context("fork").Process(target=stay, daemon=False).start()


class DaemonicThread(places.InThread):
    attack = attacks.sleep


class PatientThread(places.InThread):
    """A thread that the interpreter waits for when it ends."""

    daemon = False
    attack = attacks.sleep


class BusyThread(places.InThread):
    attack = attacks.busy


class ManyThreads(places.InConstructor):
    @safety.once
    def attack(self):
        for _ in range(200):
            threading.Thread(target=attacks.sleep, daemon=True).start()


class ThreadOfAChild(places.InForward):
    """Forks while another thread holds a lock, and waits for that lock in the child."""

    @safety.once
    def attack(self):
        lock = threading.Lock()
        threading.Thread(target=lambda: (lock.acquire(), time.sleep(5)), daemon=True).start()
        time.sleep(0.05)
        fork(lambda: (signal.alarm(safety.CHILD_SECONDS), lock.acquire()))
