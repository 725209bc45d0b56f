"""Memory that two processes see: how tensors travel, as the bytes that they are.

The size is sealed: a subject can write what it likes into it, but not take it away from under
whoever reads.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import mmap
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ALIGNED = 64
"""Bytes: every tensor begins on a cache line of its own."""

Place = tuple[int, tuple[int, ...]]
"""Where a tensor lies: its offset in bytes, and its shape."""


@dataclass(frozen=True)
class Shared:
    """Bytes that are mapped here, and the descriptor by which another process maps them."""

    descriptor: int
    memory: mmap.mmap

    @classmethod
    def create(cls, size: int) -> Shared:
        """New zeroed bytes of a fixed size."""
        descriptor = _sealed(size)
        return cls(descriptor, mmap.mmap(descriptor, size))

    @classmethod
    def attach(cls, descriptor: int, size: int) -> Shared:
        """What another process has created. Takes the descriptor over."""
        return cls(descriptor, mmap.mmap(descriptor, size))

    def tensor(self, place: Place, dtype: torch.dtype) -> Tensor:
        """A view of the bytes at a place. Raises ValueError where they would not fit."""
        import torch

        offset, shape = place
        count = math.prod(shape)
        if not 0 <= offset <= offset + count * dtype.itemsize <= len(self.memory):
            raise ValueError(f"no tensor of shape {shape} fits at {offset}")
        if count == 0:
            return torch.empty(shape, dtype=dtype)
        return torch.frombuffer(self.memory, dtype=dtype, count=count, offset=offset).view(shape)

    def close(self) -> None:
        """Give the descriptor back. The mapping lives as long as tensors look at it."""
        with contextlib.suppress(OSError):
            os.close(self.descriptor)
        with contextlib.suppress(BufferError):
            self.memory.close()


class Plan:
    """Places one after the other, each on a cache line of its own."""

    def __init__(self, itemsize: int) -> None:
        self.size = 0
        self._itemsize = itemsize

    def add(self, shape: Sequence[int]) -> Place:
        place = (self.size, tuple(shape))
        self.size += -(-math.prod(shape) * self._itemsize // ALIGNED) * ALIGNED
        return place


def _sealed(size: int) -> int:
    """A descriptor of nameless memory whose size nobody can change. Linux; a file elsewhere."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            return os.dup(file.fileno())
    descriptor = os.memfd_create("lstm-bench", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor
