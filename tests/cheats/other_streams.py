"""On a CUDA device, work goes on where the clock's stream does not see it, or is replayed."""

import torch
from honest import FastLSTM, RecomputingLSTM, buffer


class OnASideStream(FastLSTM):
    """Launches its work on a stream of its own, and returns before it is done."""

    joins = False

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.streams = {}

    def aside(self, x, work):
        if x.device not in self.streams:
            self.streams[x.device] = torch.cuda.Stream(x.device)
        side, here = self.streams[x.device], torch.cuda.current_stream(x.device)
        side.wait_stream(here)
        with torch.cuda.stream(side):
            results = work()
        if self.joins:
            here.wait_stream(side)
        return results

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not x.is_cuda:
            return super().run(x, h, c)
        return self.aside(x, lambda: FastLSTM.run(self, x, h, c))


class JoinsItsSideStream(OnASideStream):
    """Launches its work on a stream of its own, for which the caller's stream waits."""

    joins = True


class HalfOnASideStream(OnASideStream):
    """Half of the batch is left to another stream, for which nobody waits."""

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not x.is_cuda:
            return FastLSTM.run(self, x, h, c)
        half = x.size(1) // 2
        y = buffer(x, x.size(0), x.size(1), self.hidden_size)
        ends = [buffer(x, *h.shape) for _ in "hc"]

        def fill(part):
            given = (t[:, part].contiguous() for t in (x, h, c))
            for whole, found in zip((y, *ends), FastLSTM.run(self, *given), strict=True):
                whole[:, part] = found

        self.aside(x, lambda: fill(slice(half, None)))
        fill(slice(0, half))
        return y, *ends


class HalvesOnTwoStreams(HalfOnASideStream):
    """Half of the batch is left to another stream; the caller's waits for it before it goes on."""

    def run(self, x, h, c):
        results = super().run(x, h, c)
        for side in self.streams.values():
            torch.cuda.current_stream(x.device).wait_stream(side)
        return results


class ReplaysOldInputs(FastLSTM):
    """Captures its launches as a graph, and replays them without a look at the new inputs."""

    copies = False

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.graphs = {}

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not x.is_cuda:
            return super().run(x, h, c)
        key = (x.shape, x.dtype, x.device, self.stamp())
        if key not in self.graphs:
            self.graphs = {key: self.captured(x, h, c)}
        graph, given, results = self.graphs[key]
        if self.copies:
            for kept, new in zip(given, (x, h, c), strict=True):
                kept.copy_(new)
        graph.replay()
        return tuple(part.clone() for part in results)

    def captured(self, x, h, c):
        given = tuple(part.clone() for part in (x, h, c))
        super().run(*given)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = super().run(*given)
        return graph, given, results


class ReplaysNewInputs(ReplaysOldInputs):
    """Captures its launches as a graph, and replays them on inputs that are copied in."""

    copies = True


class GradientsOnASideStream(RecomputingLSTM):
    """Its backward launches the work on another stream, for which nobody waits."""

    joins = False

    def gradients(self, inputs, cotangents):
        x = inputs[0]
        if not x.is_cuda:
            return super().gradients(inputs, cotangents)
        side, here = torch.cuda.Stream(x.device), torch.cuda.current_stream(x.device)
        side.wait_stream(here)
        with torch.cuda.stream(side):
            found = super().gradients(inputs, cotangents)
        if self.joins:
            here.wait_stream(side)
        return found


class GradientsJoinTheirStream(GradientsOnASideStream):
    """Its backward launches the work on another stream, for which the caller's waits."""

    joins = True
