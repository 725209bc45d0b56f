"""Subjects that end the process they run in, or become another program."""

import contextlib
import os
import signal
import sys

import attacks
import places
import safety


class ExitsInConstructor(places.InConstructor):
    attack = attacks.exit_0


class ExitsInForward(places.InForward):
    attack = attacks.exit_3


class ExitsInBackward(places.InBackward):
    attack = attacks.exit_0


class ExitsInGetstate(places.InGetstate):
    attack = attacks.exit_0


class ExitsInParameters(places.InParameters):
    attack = attacks.exit_3


class ExitsInGetattr(places.InGetattr):
    attack = attacks.exit_0


class ExitsInSignalHandler(places.InSignalHandler):
    attack = attacks.exit_0


class LeavesInConstructor(places.InConstructor):
    attack = attacks.os_exit_3


class LeavesInForward(places.InForward):
    attack = attacks.os_exit_0


class LeavesInBackward(places.InBackward):
    attack = attacks.os_exit_0


class LeavesOnTwentiethCall(places.OnTwentiethCall):
    attack = attacks.os_exit_0


class LeavesInDel(places.InDel):
    attack = attacks.os_exit_0


class LeavesAtExit(places.AtExit):
    attack = attacks.os_exit_3


class LeavesInRepr(places.InRepr):
    attack = attacks.os_exit_0


class LeavesInDeepcopy(places.InDeepcopy):
    attack = attacks.os_exit_0


class LeavesInThread(places.InThread):
    attack = attacks.os_exit_0


class LeavesInCollection(places.InCollection):
    attack = attacks.os_exit_3


class AbortsInForward(places.InForward):
    attack = attacks.abort


class AbortsInBackward(places.InBackward):
    attack = attacks.abort


class SegfaultsInConstructor(places.InConstructor):
    attack = attacks.segfault


class SegfaultsInForward(places.InForward):
    attack = attacks.segfault


class SegfaultsInThread(places.InThread):
    attack = attacks.segfault


class SegfaultsInStateDict(places.InStateDict):
    attack = attacks.segfault


class BecomesTrue(places.InForward):
    """exec() of a program that ends at once, with success."""

    def attack(self):
        os.execvp("true", ["true"])


class BecomesSleep(places.InForward):
    """exec() of a program that says nothing for ten minutes."""

    def attack(self):
        safety.armed()
        os.execvp("sleep", ["sleep", str(safety.CHILD_SECONDS)])


class BecomesTalker(places.InForward):
    """exec() of a program that writes lines to every descriptor it inherits, and succeeds."""

    def attack(self):
        for descriptor in range(3, 256):
            with contextlib.suppress(OSError):
                os.set_inheritable(descriptor, True)
        talk = "import os\nfor n in range(64):\n try: os.write(n, b'{}\\n')\n except OSError: pass"
        os.execv(sys.executable, [sys.executable, "-c", talk])


class StopsItself(places.InForward):
    """Waits for a SIGCONT that nobody sends."""

    def attack(self):
        os.kill(safety.target(os.getpid()), signal.SIGSTOP)


class StopsInBackward(places.InBackward):
    attack = StopsItself.attack


class KillsItself(places.InForward):
    """As the system's memory killer would."""

    def attack(self):
        os.kill(os.getpid(), signal.SIGKILL)


class TerminatesItself(places.InConstructor):
    def attack(self):
        os.kill(os.getpid(), signal.SIGTERM)
