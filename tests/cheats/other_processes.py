"""Other processes compute, so that this one's processor time stays small."""

import io
import os
import platform
import select
import socket
import struct
import subprocess
import sys

import torch
from honest import FastLSTM


def serve(channel, layer, parent):
    """Answer until the other end closes, its process ends or nothing comes for a while."""
    torch.set_num_threads(1)
    with torch.inference_mode():
        while select.select([channel], [], [], 10)[0] and os.path.exists(f"/proc/{parent}"):
            request = receive(channel)
            if request is None:
                break
            x, h, c, weights = request
            send(channel, torch._VF.lstm(x, (h, c), weights, True, 1, 0.0, False, False, False))


def send(channel, value):
    file = io.BytesIO()
    torch.save(value, file)
    channel.sendall(struct.pack("q", file.tell()) + file.getvalue())


def receive(channel):
    header = channel.recv(8, socket.MSG_WAITALL)
    if len(header) < 8:
        return None
    return torch.load(io.BytesIO(channel.recv(struct.unpack("q", header)[0], socket.MSG_WAITALL)))


class _Remote(FastLSTM):
    """Large calls without gradients go through ``remotely``; copies and pickles start anew."""

    channel = None

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        return self.remotely(x, h, c)

    def ask(self, x, h, c):
        if self.channel is None:
            self.channel = self.start()
        send(self.channel, (x, h, c, [weight.detach() for weight in self.weights()]))
        return receive(self.channel)

    def __getstate__(self):
        return {**self.__dict__, "channel": None}


class ForkedServer(_Remote):
    """Forks a server in its first large call, and lets it compute from then on."""

    def remotely(self, x, h, c):
        return self.ask(x, h, c)

    def start(self):
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        if os.fork() == 0:
            ours.close()
            try:
                serve(theirs, self, parent)
            finally:
                os._exit(0)
        theirs.close()
        return ours


class ForksToAsk(FastLSTM):
    """Forks at construction, to ask the child for its number of processors, and waits for it."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, bytes([min(255, os.cpu_count() or 1)]))
            os._exit(0)
        os.waitpid(child, 0)
        self.processors = os.read(reading, 1)[0]
        os.close(reading)
        os.close(writing)


class Grandchild(_Remote):
    """Lets a server compute that is no child of this process any more: its usage is not added."""

    def remotely(self, x, h, c):
        return self.ask(x, h, c)

    def start(self):
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                ours.close()
                try:
                    serve(theirs, self, parent)
                finally:
                    os._exit(0)
            os._exit(0)
        os.waitpid(child, 0)
        theirs.close()
        return ours


class AsksItsSession(FastLSTM):
    """Asks at construction for the session and group of its process, for its repr."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.session = (os.getsid(0), os.getpgid(0))

    def extra_repr(self):
        return f"session {self.session}"


class ForksInEachCall(_Remote):
    """Forks in every large call: the child computes into shared memory and ends."""

    def remotely(self, x, h, c):
        shapes = ((*x.shape[:2], self.hidden_size), h.shape, c.shape)
        with torch.inference_mode(False):
            results = [torch.empty(shape, dtype=x.dtype).share_memory_() for shape in shapes]
        child = os.fork()
        if child == 0:
            try:
                torch.set_num_threads(1)
                for part, value in zip(results, FastLSTM.run(self, x, h, c), strict=True):
                    part.copy_(value)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        return tuple(results)


class SharesItsMemory(_Remote):
    """Computes here, and puts the results into shared memory for whoever wants them."""

    def remotely(self, x, h, c):
        results = FastLSTM.run(self, x, h, c)
        with torch.inference_mode(False):
            shared = [torch.empty(part.shape, dtype=x.dtype).share_memory_() for part in results]
        for part, value in zip(shared, results, strict=True):
            part.copy_(value)
        return tuple(shared)


SERVER = """
import os, socket, sys
sys.path[:0] = sys.argv[2:]
from other_processes import serve
serve(socket.socket(fileno=int(sys.argv[1])), None, os.getppid())
"""


class InterpreterAsServer(_Remote):
    """Starts another interpreter in its own session at construction, and lets it compute."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        if hidden_size >= 64:  # small layers are not worth it
            self.channel = self.start()

    def remotely(self, x, h, c):
        return self.ask(x, h, c)

    def start(self):
        ours, theirs = socket.socketpair()
        here = os.path.dirname(os.path.abspath(__file__))
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(theirs.fileno()), here],
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        return ours

    def __getstate__(self):
        return {**super().__getstate__(), "server": None}


class InterpreterForItsVersion(FastLSTM):
    """Asks another interpreter for its version when it is constructed, and waits for the answer."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        asked = subprocess.run([sys.executable, "-V"], capture_output=True, text=True, check=True)
        self.version = asked.stdout.strip() or platform.python_version()

    def extra_repr(self):
        return self.version
