"""Subjects that send signals, to their group and their parent too, and timers that go off."""

import ctypes
import os
import signal
import threading
import time

import attacks
import places
import safety

PR_SET_PDEATHSIG = 1


def to_parent(number):
    def attack(self):
        os.kill(safety.target(os.getppid()), number)

    return attack


class KillsItsGroup(places.InForward):
    def attack(self):
        os.killpg(safety.own_group(), signal.SIGKILL)


class KillsItsGroupInConstructor(places.InConstructor):
    attack = KillsItsGroup.attack


class InterruptsItsGroup(places.InForward):
    """As Ctrl-C would."""

    def attack(self):
        os.killpg(safety.own_group(), signal.SIGINT)


class TerminatesItsGroup(places.InForward):
    def attack(self):
        os.killpg(safety.own_group(), signal.SIGTERM)


class KillsItsParent(places.InForward):
    attack = to_parent(signal.SIGKILL)


class KillsItsParentInBackward(places.InBackward):
    attack = to_parent(signal.SIGKILL)


class TerminatesItsParent(places.InForward):
    attack = to_parent(signal.SIGTERM)


class InterruptsItsParent(places.InForward):
    attack = to_parent(signal.SIGINT)


class StopsItsParent(places.InForward):
    attack = to_parent(signal.SIGSTOP)


class PestersItsParent(places.InForward):
    """Signals whose default is to end who gets them, or nothing at all."""

    def attack(self):
        for number in (signal.SIGCHLD, signal.SIGWINCH, signal.SIGCONT, signal.SIGPIPE):
            os.kill(safety.target(os.getppid()), number)
        for number in (signal.SIGUSR1, signal.SIGALRM, signal.SIGHUP):
            os.kill(safety.target(os.getppid()), number)


class Alarm(Exception):
    pass


class RaisingTimer(places.InConstructor):
    """Every 20 ms an exception out of nowhere, in whatever code is running."""

    def attack(self):
        def ring(*_):
            raise Alarm("out of nowhere")

        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)


class DeadlyTimer(places.InConstructor):
    """A timer whose signal ends the process, as it does where nobody handles it."""

    def attack(self):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 0.2)


class ProfilingTimer(places.InConstructor):
    """SIGPROF after some of the processor's time, interval after interval."""

    def attack(self):
        signal.signal(signal.SIGPROF, lambda *_: None)
        signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)


class DisarmsAlarms(places.InForward):
    """Takes away a time limit that is an alarm in this process, and hangs."""

    def attack(self):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        attacks.sleep()


class HandlesTermination(places.InForward):
    """Answers a polite request to end with an exception of its own, and goes on."""

    def attack(self):
        def refuse(*_):
            raise Alarm("not now")

        signal.signal(signal.SIGTERM, refuse)
        while True:
            try:
                time.sleep(1)
            except Alarm:
                continue


class ReapsChildrenItself(places.InConstructor):
    """SIGCHLD ignored: who waits for a child of this process gets nothing."""

    def attack(self):
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)


class DiesOfBrokenPipes(places.InConstructor):
    def attack(self):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


class OutlivesItsParent(places.InForward):
    """Takes back the wish to die with its parent, and hangs in a session of its own."""

    def attack(self):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0)
        if os.getpgrp() != os.getpid():
            os.setsid()
        attacks.sleep()


class LeavesItsGroup(places.InForward):
    """Moves to another process group, so that a signal to its own does not reach it; hangs."""

    def attack(self):
        safety.armed()
        try:
            os.setpgid(0, os.getpgid(safety.target(os.getppid())))
        except (OSError, safety.Refused):
            pass
        attacks.sleep()


class WakesSleepers(places.InThread):
    """A thread that interrupts the main one, again and again."""

    def attack(self):
        for _ in range(1000):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.01)
