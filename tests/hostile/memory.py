"""Subjects that take memory. All stop at eight gigabytes, whatever the harness allows."""

import mmap
import threading

import places
import safety
import torch

BLOCK = 64 * 2**20


def hoard():
    safety.armed()
    blocks = []
    while len(blocks) * BLOCK < safety.MEMORY_BYTES and safety.memory_left():
        blocks.append(torch.ones(BLOCK // 4))
    blocks.clear()  # whoever keeps the exception does not keep them
    raise MemoryError("eight gigabytes were not enough")


class EatsMemoryInConstructor(places.InConstructor):
    def attack(self):
        hoard()


class EatsMemoryInForward(places.InForward):
    def attack(self):
        hoard()


class EatsMemoryInBackward(places.InBackward):
    def attack(self):
        hoard()


class EatsMemoryInThread(places.InThread):
    @safety.once
    def attack(self):
        hoard()


class EatsMemoryAndTriesAgain(places.InForward):
    """Takes an allocation that fails for no answer."""

    def attack(self):
        safety.armed()
        blocks = []
        while len(blocks) * BLOCK < safety.MEMORY_BYTES and safety.memory_left():
            try:
                blocks.append(bytearray(BLOCK))
            except MemoryError:
                threading.Event().wait(0.1)


class OneHugeAllocation(places.InForward):
    """Asks for more than any machine has, and gets a plain exception."""

    def attack(self):
        torch.empty(2**60, dtype=torch.uint8)


class ReservesAddresses(places.InConstructor):
    """A terabyte of addresses, and not a page of memory."""

    @safety.once
    def attack(self):
        self.__class__.kept = mmap.mmap(-1, 2**40, mmap.MAP_PRIVATE | mmap.MAP_NORESERVE)


class Leaks(places.InForward):
    """Keeps eight megabytes of every call."""

    kept = []

    def attack(self):
        if len(self.kept) * 2**23 < safety.MEMORY_BYTES // 2:
            self.kept.append(torch.ones(2**21))


class LeaksTensors(places.InForward):
    """Keeps a small tensor of every call."""

    kept = []

    def attack(self):
        self.kept.append(torch.ones(8))
