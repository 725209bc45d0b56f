"""Kills the process that started the one which imports it."""

import os
import signal

import safety

os.kill(safety.target(os.getppid()), signal.SIGKILL)


class Anything:
    """Never reached."""
