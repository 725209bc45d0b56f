"""Subjects that change what the whole process shares: folder, limits, environment, locale."""

import faulthandler
import locale
import os
import resource
import sys
import tempfile

import places
import safety


def limiting(what, soft):
    """Lowers a soft limit of the process: a number, or None for what is used now."""

    def attack(self):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (soft, hard))

    return attack


class GoesToTheRoot(places.InForward):
    def attack(self):
        os.chdir("/")


class GoesNowhere(places.InForward):
    """Works on in a folder that has been deleted."""

    @safety.once
    def attack(self):
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        os.rmdir(folder)


class GoesNowhereInConstructor(places.InConstructor):
    attack = GoesNowhere.attack


class LocksItsFolder(places.InConstructor):
    """Works on in a temporary folder, empties it and takes its permissions away."""

    @safety.once
    def attack(self):
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        with open("kept.txt", "w") as file:
            file.write("not kept")
        os.unlink("kept.txt")
        os.chmod(".", 0)


class EmptiesTheEnvironment(places.InConstructor):
    def attack(self):
        os.environ.clear()


class ChangesTheEnvironment(places.InConstructor):
    def attack(self):
        changes = {"HOME": "/nowhere", "TMPDIR": "/nowhere", "PATH": "", "PYTHONPATH": "/nowhere"}
        os.environ.update(changes, OMP_NUM_THREADS="64", PYTHONSTARTUP="/nowhere", COLUMNS="-1")


class MasksFiles(places.InConstructor):
    """Whatever is created from now on may be read by nobody."""

    def attack(self):
        os.umask(0o777)


class LowersPriority(places.InConstructor):
    @safety.once
    def attack(self):
        os.nice(19)


class MovesToOneCore(places.InConstructor):
    def attack(self):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class NoDescriptorsLeft(places.InForward):
    attack = limiting(resource.RLIMIT_NOFILE, 0)


class NoDescriptorsLeftInConstructor(places.InConstructor):
    attack = limiting(resource.RLIMIT_NOFILE, 0)


class NoAddressesLeft(places.InForward):
    attack = limiting(resource.RLIMIT_AS, 2**24)


class NoFileSizeLeft(places.InForward):
    """Whoever writes to a file gets a signal that ends the process."""

    attack = limiting(resource.RLIMIT_FSIZE, 0)


class NoProcessesLeft(places.InForward):
    attack = limiting(resource.RLIMIT_NPROC, 0)


class NoStackLeft(places.InForward):
    attack = limiting(resource.RLIMIT_STACK, 2**14)


class LittleProcessorTime(places.InConstructor):
    """The system ends it after a second of work."""

    @safety.once
    def attack(self):
        used = resource.getrusage(resource.RUSAGE_SELF)
        limiting(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1)(self)


class SpeaksTurkish(places.InConstructor):
    """Another locale, as far as this machine has any."""

    def attack(self):
        for name in ("tr_TR.UTF-8", "de_DE.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_ALL, name)
                return
            except locale.Error:
                continue


class DumpsLater(places.InConstructor):
    """faulthandler ends the process after a while, with a traceback."""

    def attack(self):
        try:
            faulthandler.dump_traceback_later(0.3, exit=True, file=2)
        except (OSError, RuntimeError):
            faulthandler.enable(file=2)


class ShallowRecursion(places.InForward):
    """Hardly a call may call another."""

    def attack(self):
        depth, frame = 0, sys._getframe()
        while frame is not None:
            depth, frame = depth + 1, frame.f_back
        sys.setrecursionlimit(depth + 12)


class BottomlessRecursion(places.InForward):
    """Without Python's limit, the stack ends in a crash."""

    def attack(self):
        sys.setrecursionlimit(2**31 - 1)

        def descend(pair):
            return [descend(item) for item in map(iter, [pair, pair])]

        descend(())


class ForgetsItsPath(places.InConstructor):
    def attack(self):
        sys.path.clear()
        sys.path_hooks.clear()
        sys.meta_path.clear()
