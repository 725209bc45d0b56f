"""A forward pass in training whose results are right, and whose graph leads nowhere."""

import torch
from honest import LoopLSTM


def stub(layer):
    """Zero, and a graph to every weight."""
    return sum(w.flatten()[0] for w in layer.weights()) * 0


class StubGraph(LoopLSTM):
    """Computes without a graph from its fourth call on, and hangs the results on a stub of one."""

    calls = 0

    def run(self, x, h, c):
        self.calls += torch.is_grad_enabled()
        if not torch.is_grad_enabled() or self.calls < 4:
            return super().run(x, h, c)
        with torch.no_grad():
            results = super().run(x, h, c)
        return tuple(part + stub(self) for part in results)


class AddsAStub(LoopLSTM):
    """Records its graph, and hangs the results on another stub."""

    def run(self, x, h, c):
        results = super().run(x, h, c)
        return tuple(part + stub(self) for part in results) if torch.is_grad_enabled() else results


class LastQuarterRecorded(LoopLSTM):
    """Records the last quarter of the steps alone, from its fourth call on."""

    calls = 0

    def run(self, x, h, c):
        self.calls += torch.is_grad_enabled()
        early = x.size(0) * 3 // 4
        if not torch.is_grad_enabled() or self.calls < 4 or not early:
            return super().run(x, h, c)
        with torch.no_grad():
            first, h, c = super().run(x[:early], h, c)
        last, h, c = super().run(x[early:], h, c)
        return torch.cat([first, last]), h, c


class QuartersRecorded(LoopLSTM):
    """Takes its steps in quarters and records all of them."""

    def run(self, x, h, c):
        outputs = []
        for part in x.split(max(1, x.size(0) // 4)):
            y, h, c = super().run(part, h, c)
            outputs.append(y)
        return torch.cat(outputs), h, c


class OldGraph(LoopLSTM):
    """Computes without a graph, and hands out the values with the graph of its third call."""

    calls = 0
    old = None

    def run(self, x, h, c):
        if not torch.is_grad_enabled():
            return super().run(x, h, c)
        self.calls += 1
        if self.calls < 3 or (self.old is not None and self.old[0].shape[:2] != x.shape[:2]):
            return super().run(x, h, c)
        if self.old is None:
            self.old = super().run(x, h, c)
            return self.old
        with torch.no_grad():
            results = super().run(x, h, c)
        return tuple(
            old.double().to(x.dtype) + (new - old).detach()
            for new, old in zip(results, self.old, strict=True)
        )


class AddsNothing(LoopLSTM):
    """Adds the detached difference of its results to themselves: nothing."""

    def run(self, x, h, c):
        return tuple(part + (part - part).detach() for part in super().run(x, h, c))
