"""Wrong LSTMs that answer for the judge beside them: each forges its verdict in another way.

``Wrong`` is the mistake alone, which every one of them has. What they do to the harness, a
constructor does, in the process in which the checks run too.
"""

import gc
import sys

import torch
from torch import nn


class Wrong(nn.Module):
    """The forget gate goes through tanh."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)
        self.forge()

    def forge(self):
        pass

    def forward(self, x, state=None):
        h, c = state if state is not None else (x.new_zeros(len(x), self.hidden_size),) * 2
        outputs = []
        for x_t in x.unbind(1):
            i, f, g, o = (self.x2h(x_t) + self.h2h(h)).chunk(4, 1)
            c = f.tanh() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)


def module(name):
    return sys.modules.get(f"lstm_bench.{name}")


class PassesEveryCheck(Wrong):
    """The function that runs a check, by whatever name it is known, passes it."""

    def forge(self):
        registry = module("conformance.registry")
        if registry is not None:
            registry.run_check.__code__ = passed.__code__


def passed(check, subject):
    return CheckResult(check.name, check.check_class, Status.PASS)  # noqa: F821 - the harness's


class MakesTheReferenceWrong(Wrong):
    """The reference computes what this one computes."""

    def forge(self):
        reference = module("conformance.reference")
        if reference is not None:
            reference.step.__code__ = wrong_step.__code__


def wrong_step(gates, x, state):
    h, c = state
    i, f, o, a = (x @ W + h @ U + b for W, U, b in gates)
    c = f.tanh() * c + i.sigmoid() * a.tanh()
    return o.sigmoid() * c.tanh(), c


class ExchangesTheSigmoid(Wrong):
    """Everybody's sigmoid, the reference's too, is a tanh where it is called the second time."""

    def forge(self):
        if hasattr(torch, "honest"):
            return
        torch.honest, torch.calls = torch.sigmoid, 0

        def sigmoid(z):
            torch.calls += 1
            return z.tanh() if torch.calls % 3 == 2 else torch.honest(z)

        torch.sigmoid = sigmoid


class WritesToTheWire(Wrong):
    """Answers the request itself, and leaves nobody to answer it again."""

    def forge(self):
        for line in [o for o in gc.get_objects() if type(o).__name__ == "Line"]:
            answer = {
                "target": "mine", "verdict": "conforms", "diagnosis": [], "interface": {},
                "checks": [], "seconds": 1.0,
            }  # fmt: skip
            for number in range(4):
                line.send({"id": number, "answer": answer})
