"""What goes over the wire: plain JSON in frames of a bounded size, and nothing that runs.

A frame is its length (four bytes, little endian) and that many bytes of JSON, an object. What is
malformed, or too long, raises Malformed: whoever wrote it is not listened to any more. Tensors do
not travel here but in shared buffers (:mod:`lstm_bench.lab.buffers`).
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

LIMIT = 32 << 20
"""Bytes of one frame. The longest honest one, a judgement with scripts, has some 100 KiB."""

_HEAD = 4
_dumps, _loads = json.dumps, json.loads
"""As they are before a stranger's line runs."""


class Malformed(Exception):  # noqa: N818 - what was said, not what went wrong here
    """What came over the wire is no message."""


def frame(message: Mapping[str, Any]) -> bytes:
    """A message as it travels. Raises Malformed where it is too long, ValueError on NaN."""
    body = _dumps(message, separators=(",", ":"), allow_nan=False).encode()
    if len(body) > LIMIT:
        raise Malformed(f"a message of {len(body) / 2**20:.0f} MiB is too long")
    return len(body).to_bytes(_HEAD, "little") + body


class Inbox:
    """Bytes as they come, messages as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def take(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The messages that a chunk completes. Raises Malformed."""
        self._buffer += chunk
        while len(self._buffer) >= _HEAD:
            length = int.from_bytes(self._buffer[:_HEAD], "little")
            if length > LIMIT:
                raise Malformed(f"it announces a message of {length / 2**20:.0f} MiB")
            if len(self._buffer) < _HEAD + length:
                return
            body = bytes(self._buffer[_HEAD : _HEAD + length])
            del self._buffer[: _HEAD + length]
            yield _message(body)


def _message(body: bytes) -> dict[str, Any]:
    try:
        found = _loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("it is no object")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


class Line:
    """One end of a wire that waits: for the subject's side, and for what answers at once."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._inbox = Inbox()
        self.waiting: list[dict[str, Any]] = []
        """Messages that have arrived and were not received yet."""
        self.handed: list[int] = []
        """File descriptors that came with messages and were not taken yet."""

    def send(self, message: Mapping[str, Any], descriptors: tuple[int, ...] = ()) -> None:
        data = frame(message)
        if descriptors:
            sent = socket.send_fds(self.end, [data], list(descriptors))
            data = data[sent:]
        self.end.sendall(data)

    def receive(self) -> dict[str, Any]:
        """The next message. Raises EOFError when the other end has gone, Malformed."""
        while not self.waiting:
            chunk, descriptors, _, _ = socket.recv_fds(self.end, 1 << 16, 8)
            self.handed += descriptors
            if not chunk:
                raise EOFError
            self.waiting += self._inbox.take(chunk)
        return self.waiting.pop(0)
