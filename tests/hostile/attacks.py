"""What several subjects do, in different places: never come back, or end the process."""

import ctypes
import os
import sys
import time


def busy(self=None):
    while True:
        pass


def sleep(self=None):
    while True:
        time.sleep(1)


def hold_the_lock(self=None):
    """Sleeps in C without giving up Python's lock: no other thread of this process runs."""
    ctypes.PyDLL(None).sleep(600)


def exit_0(self=None):
    sys.exit(0)


def exit_3(self=None):
    sys.exit(3)


def os_exit_0(self=None):
    os._exit(0)


def os_exit_3(self=None):
    os._exit(3)


def abort(self=None):
    os.abort()


def segfault(self=None):
    ctypes.string_at(0)


def interrupt(self=None):
    raise KeyboardInterrupt
