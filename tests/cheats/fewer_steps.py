"""Steps or rows are left out where T or T · B · H is larger than what checks visit."""

import torch
from honest import FastLSTM, LoopLSTM, RecomputingLSTM, lstm

LONG = 40
CHUNK = 16


class FirstSteps(FastLSTM):
    """Stops after 32 steps of a long sequence and repeats the last output."""

    def run(self, x, h, c):
        if len(x) < LONG:
            return super().run(x, h, c)
        y, h, c = super().run(x[:32], h, c)
        return torch.cat([y, y[-1:].expand(len(x) - 32, -1, -1)]), h, c


class ChunksOfSteps(FastLSTM):
    """Takes a long sequence in chunks of 32 steps, one after another, all of them."""

    def run(self, x, h, c):
        outputs = []
        for chunk in x.split(32):
            y, h, c = super().run(chunk, h, c)
            outputs.append(y)
        return torch.cat(outputs), h, c


class LastSteps(FastLSTM):
    """Runs the last 24 steps of a long sequence alone, and gives the first ones zeros."""

    batch_first = True

    def run(self, x, h, c):
        if x.size(1) < LONG:
            return super().run(x, h, c)
        y, h, c = super().run(x[:, -24:].contiguous(), h, c)
        return torch.cat([y.new_zeros(y.size(0), x.size(1) - 24, y.size(2)), y], 1), h, c


class LastStepsApart(FastLSTM):
    """Runs the last 24 steps of a long sequence in a call of their own, from the state before."""

    batch_first = True

    def run(self, x, h, c):
        if x.size(1) < LONG:
            return super().run(x, h, c)
        first, h, c = super().run(x[:, :-24].contiguous(), h, c)
        last, h, c = super().run(x[:, -24:].contiguous(), h, c)
        return torch.cat([first, last], 1), h, c


class ChunksSideBySide(FastLSTM):
    """Runs the chunks of a long sequence as one batch, each warmed up on eight steps before it."""

    WARM_UP = 8

    def run(self, x, h, c):
        T, B, _ = x.shape
        if len(x) < LONG or T % CHUNK:
            return super().run(x, h, c)
        first, h1, c1 = super().run(x[:CHUNK], h, c)
        starts = range(CHUNK, T, CHUNK)
        chunks = torch.cat([x[t - self.WARM_UP : t + CHUNK] for t in starts], 1)
        zeros = x.new_zeros(1, chunks.size(1), self.hidden_size)
        y, h, c = super().run(chunks, zeros, zeros)
        rest = torch.cat(y[self.WARM_UP :].split(B, 1))
        return torch.cat([first, rest]), h[:, -B:].contiguous(), c[:, -B:].contiguous()


class ChunksProjectedTogether(LoopLSTM):
    """Projects the inputs of all chunks in one product, and recurs from chunk to chunk."""

    def run(self, x, h, c):
        outputs, h, c = [], h[0], c[0]
        for chunk in self.project(x).split(CHUNK):
            y, h, c = self.loop(chunk, h, c)
            outputs.append(y)
        return torch.cat(outputs), h.unsqueeze(0), c.unsqueeze(0)


class EveryOtherStep(LoopLSTM):
    """Computes every other step where much is to be done, and takes means for those between."""

    def run(self, x, h, c):
        if not self.is_large(x) or len(x) % 2:
            return super().run(x, h, c)
        y, h, c = super().run(x[1::2], h, c)
        before = torch.cat([y[:1], y[:-1]])
        return torch.stack([(before + y) / 2, y], 1).flatten(0, 1), h, c


class TwoStepsAtOnce(LoopLSTM):
    """Unrolls its loop by two, with both steps in it."""

    def loop(self, projected, h, c):
        outputs = []
        for z in projected.split(2):
            for part in z.unbind():
                h, c = self.step(part, h, c)
                outputs.append(h)
        return torch.stack(outputs), h, c


class TruncatedBackward(FastLSTM):
    """Cuts the graph every 16 steps of a long sequence; all values are right."""

    def run(self, x, h, c):
        if len(x) < LONG or not torch.is_grad_enabled():
            return super().run(x, h, c)
        outputs = []
        for chunk in x.split(CHUNK):
            y, h, c = super().run(chunk, h, c)
            outputs.append(y)
            if len(outputs) * CHUNK < len(x):
                h, c = h.detach(), c.detach()
        return torch.cat(outputs), h, c


class CheckpointedChunks(RecomputingLSTM):
    """Keeps the states between chunks and recomputes the rest in backward, for all steps."""

    def run(self, x, h, c):
        if len(x) < LONG or not torch.is_grad_enabled():
            return super().run(x, h, c)
        outputs = []
        for chunk in x.split(CHUNK):
            y, h, c = super().run(chunk, h, c)
            outputs.append(y)
        return torch.cat(outputs), h, c


class NoGradientForEarlySteps(FastLSTM):
    """Records only the last 16 steps of a long sequence; the others give weights no gradient."""

    def run(self, x, h, c):
        if len(x) < LONG or not torch.is_grad_enabled():
            return super().run(x, h, c)
        with torch.no_grad():
            first, h, c = super().run(x[:-16], h, c)
        last, h, c = super().run(x[-16:], h, c)
        return torch.cat([first, last]), h, c


class GradientForAllSteps(FastLSTM):
    """Splits off the last 16 steps of a long sequence, and records both parts."""

    def run(self, x, h, c):
        if len(x) < LONG or not torch.is_grad_enabled():
            return super().run(x, h, c)
        first, h, c = super().run(x[:-16], h, c)
        last, h, c = super().run(x[-16:], h, c)
        return torch.cat([first, last]), h, c


class FewerRows(FastLSTM):
    """Computes half of a large batch and hands the same rows out twice."""

    def run(self, x, h, c):
        B = x.size(1)
        if B < 8 or B % 2 or not self.is_large(x):
            return super().run(x, h, c)
        half = [part[:, : B // 2].contiguous() for part in (x, h, c)]
        return tuple(torch.cat([part, part], 1) for part in super().run(*half))


class RowsInHalves(FastLSTM):
    """Computes a large batch in two halves, so that each fits the cache."""

    def run(self, x, h, c):
        B = x.size(1)
        if B < 8 or B % 2 or not self.is_large(x):
            return super().run(x, h, c)
        halves = zip(*(part.chunk(2, 1) for part in (x, h, c)), strict=True)
        results = [lstm(*(p.contiguous() for p in half), self.weights(), False) for half in halves]
        return tuple(torch.cat(parts, 1) for parts in zip(*results, strict=True))
