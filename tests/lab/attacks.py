"""What a subject's process may do to the wire, its parents and its children. Run by test_worker."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time


def descriptors():
    return [int(name) for name in os.listdir("/proc/self/fd")]


def has_imported(name):
    return name in sys.modules


def write_garbage():
    for descriptor in descriptors():
        if descriptor > 2:
            try:
                os.write(descriptor, b"\x05\x00\x00\x00hello")
            except OSError:
                pass
    time.sleep(60)


def announce_gigabytes():
    for descriptor in descriptors():
        if descriptor > 2:
            try:
                os.write(descriptor, b"\xff\xff\xff\x7f")
            except OSError:
                pass
    time.sleep(60)


def answer_out_of_turn():
    body = b'{"id":99,"answer":1}'
    for descriptor in descriptors():
        if descriptor > 2:
            try:
                os.write(descriptor, len(body).to_bytes(4, "little") + body)
            except OSError:
                pass
    time.sleep(60)


def close_all():
    os.closerange(3, 256)
    time.sleep(60)


def hand_to_a_child_and_die():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    os._exit(5)


def leave_a_daemon(marker):
    """A grandchild in a session of its own, whose parent has ended."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve(
                sys.executable,
                [sys.executable, "-c", f"import time  # {marker}\ntime.sleep(60)"],
                {},
            )
        os._exit(0)
    os.wait()
    return "left"


def kill_the_group():
    os.killpg(0, signal.SIGKILL)


def kill_the_parent():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def stop_the_parent():
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(60)


def stop():
    os.kill(os.getpid(), signal.SIGSTOP)


def segfault():
    ctypes.string_at(0)


def flood():
    for _ in range(2000):
        os.write(1, b"x" * 100_000)
    return "done"


def eat():
    kept = []
    while True:
        kept.append(bytearray(50_000_000))


def interrupt():
    raise KeyboardInterrupt


def leave():
    sys.exit(3)


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError


def raise_the_unspeakable():
    raise Unspeakable


def answer_no_json():
    return threading.Lock()


def process():
    return os.getpid(), os.getppid(), os.getsid(0), threading.active_count()
