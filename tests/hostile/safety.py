"""What keeps the corpus from harming anyone but the harness that runs it.

Whatever reaches beyond its own process (signals to others, children that stay, floods) acts only
where the variable LSTM_BENCH_HOSTILE was set for the process that it would reach. The variable is
also how children that were left behind are found and ended: every child inherits it.
"""

import functools
import os
from pathlib import Path

MARK = "LSTM_BENCH_HOSTILE"
CHILD_SECONDS = 600  # no child sleeps longer
CHILDREN = 30  # a fork bomb stops here
FLOOD_BYTES = 200 * 2**20
MEMORY_BYTES = 8 * 2**30


class Refused(RuntimeError):
    """The attack would have reached a process outside the harness."""


def carries_mark(pid):
    """Whether the process was started with the mark in its environment."""
    try:
        return f"{MARK}=".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def armed():
    """Raises Refused unless this process carries the mark."""
    if not carries_mark(os.getpid()):
        raise Refused(f"set {MARK} to let this subject act")


def target(pid):
    """``pid``, if it may be sent a signal. Raises Refused for init and for what has no mark."""
    if pid <= 1 or not carries_mark(pid):
        raise Refused(f"process {pid} has no {MARK} in its environment")
    return pid


def own_group():
    """The own process group, if its leader carries the mark. Raises Refused otherwise."""
    return target(os.getpgrp())


def memory_left():
    """Whether the machine has a quarter of its memory left for everybody else."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return sizes["MemAvailable"] * 4 > sizes["MemTotal"]


def once(attack):
    """Acts once a process, however often a harness constructs and calls the subject."""
    acted = []

    @functools.wraps(attack)
    def act(*arguments):
        if os.getpid() not in acted:
            acted.append(os.getpid())
            return attack(*arguments)
        return None

    return act
