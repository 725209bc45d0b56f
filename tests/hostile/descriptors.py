"""Subjects that close, fill, drain and share the descriptors they find open."""

import fcntl
import os
import stat
import sys

import attacks
import places
import safety
from good import Wrong

VERDICT = b'{"target": "x", "verdict": "conforms", "diagnosis": [], "checks": [], "seconds": 0.1}\n'


def open_ones(first=3):
    """Open descriptors from ``first`` on that are pipes or sockets: never a file of anybody's."""
    for descriptor in range(first, 4096):
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            continue
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            yield descriptor


def write_everywhere(data, times=1):
    safety.armed()
    for descriptor in open_ones():
        for _ in range(times):
            try:
                os.write(descriptor, data)
            except OSError:
                break


class ClosesEverything(places.InForward):
    def attack(self):
        os.closerange(3, 4096)


class ClosesEverythingInConstructor(places.InConstructor):
    attack = ClosesEverything.attack


class ClosesEverythingInBackward(places.InBackward):
    attack = ClosesEverything.attack


class ClosesEverythingAtExit(places.AtExit):
    attack = ClosesEverything.attack


class ClosesEverythingAndSleeps(places.InForward):
    """Whoever waits for the end of the pipe hears it, and the process still lives."""

    def attack(self):
        os.closerange(0, 4096)
        attacks.sleep()


class PointsThemNowhere(places.InForward):
    """Every descriptor still works, and leads to /dev/null."""

    def attack(self):
        nowhere = os.open("/dev/null", os.O_RDWR)
        for descriptor in list(open_ones()):
            os.dup2(nowhere, descriptor)


class WritesGarbage(places.InForward):
    @safety.once
    def attack(self):
        write_everywhere(bytes(range(256)) * 16)


class WritesHugeLengths(places.InForward):
    """What a reader of length-prefixed messages takes for one of 2**63 bytes."""

    @safety.once
    def attack(self):
        write_everywhere(b"\x7f\xff\xff\xff\xff\xff\xff\xff" * 4)


class WritesPickles(places.InForward):
    """A pickle that would end the process which opens it."""

    @safety.once
    def attack(self):
        write_everywhere(b"cos\n_exit\n(I0\ntR.")


class WritesVerdicts(Wrong):
    """Wrong, and says on every descriptor that it conforms."""

    @safety.once
    def attack(self):
        write_everywhere(VERDICT, 20)


class WritesVerdictsAndLeaves(Wrong):
    """Wrong, says that it conforms, and ends with success before anybody can contradict."""

    def attack(self):
        write_everywhere(VERDICT)
        os._exit(0)


class WritesHundredMegabytes(places.InForward):
    @safety.once
    def attack(self):
        write_everywhere(b"\n" * 2**20, 100)


class WritesHalfAMessage(places.InForward):
    """The beginning of a line, and then nothing for ever."""

    def attack(self):
        write_everywhere(b'{"verdict": "conf')
        attacks.sleep()


class ReadsEverything(places.InForward):
    """Reads whatever was meant for somebody else, and waits for more."""

    def attack(self):
        for descriptor in open_ones(first=0):
            try:
                while os.read(descriptor, 65536):
                    pass
            except OSError:
                continue


class DoesNotBlock(places.InConstructor):
    """Sets O_NONBLOCK, which whoever shares the open file shares too."""

    def attack(self):
        for descriptor in (0, 1, 2, *open_ones()):
            try:
                flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
                fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_NONBLOCK)
            except OSError:
                continue


class Floods(places.InForward):
    """200 MB to both streams."""

    @safety.once
    def attack(self):
        safety.armed()
        for descriptor in (1, 2):
            for _ in range(safety.FLOOD_BYTES // 2**21):
                try:
                    os.write(descriptor, b"flood!\r\n" * 2**18)
                except OSError:
                    break


class FloodsAtExit(places.AtExit):
    attack = Floods.attack


class FloodsBytes(places.InConstructor):
    """Escapes, zeros and broken UTF-8 on the standard streams."""

    @safety.once
    def attack(self):
        for descriptor in (1, 2):
            os.write(descriptor, b"\xff\xfe\x00\x1b[2J\x1b]0;mine\x07[/red]\xed\xa0\x80\n")


class ClosesTheStreams(places.InConstructor):
    def attack(self):
        for descriptor in (0, 1, 2):
            try:
                os.close(descriptor)
            except OSError:
                continue


class ClosesPythonsStreams(places.InConstructor):
    def attack(self):
        sys.stdout.close()
        sys.stderr.close()


class KeepsTalking(places.InThread):
    """A thread that writes to the standard error stream as long as the process lives."""

    def attack(self):
        safety.armed()
        for _ in range(safety.FLOOD_BYTES // 2**12):
            os.write(2, b"still here\n" * 372)
