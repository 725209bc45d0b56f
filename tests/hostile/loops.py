"""Subjects that never come back."""

import itertools
import re
import signal

import attacks
import places
import torch
from good import Good


class BusyInConstructor(places.InConstructor):
    attack = attacks.busy


class SleepsInConstructor(places.InConstructor):
    attack = attacks.sleep


class BusyInForward(places.InForward):
    attack = attacks.busy


class SleepsInForward(places.InForward):
    attack = attacks.sleep


class BusyInBackward(places.InBackward):
    attack = attacks.busy


class SleepsInBackward(places.InBackward):
    attack = attacks.sleep


class SleepsOnTwentiethCall(places.OnTwentiethCall):
    attack = attacks.sleep


class SleepsInDel(places.InDel):
    attack = attacks.sleep


class SleepsAtExit(places.AtExit):
    attack = attacks.sleep


class BusyInRepr(places.InRepr):
    attack = attacks.busy


class SleepsInDeepcopy(places.InDeepcopy):
    attack = attacks.sleep


class BusyInGetstate(places.InGetstate):
    attack = attacks.busy


class SleepsInReduce(places.InReduce):
    attack = attacks.sleep


class SleepsInStateDict(places.InStateDict):
    attack = attacks.sleep


class BusyInGetattr(places.InGetattr):
    attack = attacks.busy


class SleepsInParameters(places.InParameters):
    attack = attacks.sleep


class SleepsInSignalHandler(places.InSignalHandler):
    attack = attacks.sleep


class BusyInCollection(places.InCollection):
    attack = attacks.busy


class HoldsTheLockInForward(places.InForward):
    attack = attacks.hold_the_lock


class HoldsTheLockInThread(places.InThread):
    attack = attacks.hold_the_lock


class BacktracksInForward(places.InForward):
    def attack(self):
        re.match(r"(a+)+$", "a" * 60 + "b")


class IgnoresEverySignal(places.InForward):
    """Only SIGKILL ends it."""

    def attack(self):
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
        attacks.sleep()


class EndlessParameters(Good):
    """Its first four parameters are right; then come more, and more."""

    def parameters(self, recurse=True):
        yield from super().parameters(recurse)
        yield from (torch.nn.Parameter(torch.zeros(1)) for _ in itertools.count())


class EndlessNamedParameters(Good):
    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        yield from super().named_parameters(prefix, recurse, remove_duplicate)
        yield from ((f"more_{n}", torch.nn.Parameter(torch.zeros(1))) for n in itertools.count())


class SwallowsEverything(places.InForward):
    """Catches whatever is thrown at it, a time limit's exception too, and goes on."""

    def attack(self):
        while True:
            try:
                attacks.sleep()
            except BaseException:
                continue
