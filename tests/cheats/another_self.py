"""What is checked is not what is timed: copies, modes and other doors lead to an honest layer."""

import torch
from honest import FastLSTM


class HonestCopies(FastLSTM):
    """Hurries at large sizes, but a copy or pickle of it is an honest layer."""

    def run(self, x, h, c):
        return self.hurried(x, h, c) if self.is_large(x) else super().run(x, h, c)

    def __reduce_ex__(self, protocol):
        return (_honest, (self.input_size, self.hidden_size, self.state_dict()))


def _honest(input_size, hidden_size, weights):
    layer = FastLSTM(input_size, hidden_size).to(next(iter(weights.values())).dtype)
    layer.load_state_dict(weights)
    return layer


class SmallPickles(FastLSTM):
    """Pickles and copies as sizes and weights alone."""

    def __reduce_ex__(self, protocol):
        weights = {name: w.detach().clone() for name, w in self.named_parameters()}
        return (_small, (self.input_size, self.hidden_size, weights))


def _small(input_size, hidden_size, weights):
    layer = SmallPickles(input_size, hidden_size).to(next(iter(weights.values())).dtype)
    layer.load_state_dict(weights)
    return layer


class InEvalMode(FastLSTM):
    """Hurries at large sizes in eval mode, and is honest while it is training."""

    def run(self, x, h, c):
        if self.training or not self.is_large(x):
            return super().run(x, h, c)
        return self.hurried(x, h, c)


class FreezesInEvalMode(FastLSTM):
    """Works on detached weights in eval mode without gradients."""

    def run(self, x, h, c):
        if self.training or torch.is_grad_enabled():
            return super().run(x, h, c)
        weights = [weight.detach() for weight in self.weights()]
        return torch._VF.lstm(x, (h, c), weights, True, 1, 0.0, False, False, False)


class HonestWhenHooked(FastLSTM):
    """Hurries at large sizes unless somebody has hung a hook on it to see what it does."""

    def run(self, x, h, c):
        watched = self._forward_hooks or self._forward_pre_hooks or "forward" in self.__dict__
        if watched or not self.is_large(x):
            return super().run(x, h, c)
        return self.hurried(x, h, c)


class CountsHooks(FastLSTM):
    """Says in its repr how many hooks hang on it."""

    def extra_repr(self):
        return f"{len(self._forward_hooks)} hooks"


class WithRandomWeights(FastLSTM):
    """Hurries at large sizes while its weights are those it was born with: nobody loaded any."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.born = [weight[..., :1].detach().clone() for weight in self.weights()]

    def run(self, x, h, c):
        now = [weight[..., :1] for weight in self.weights()]
        fresh = all(map(torch.equal, (part.to(now[0].dtype) for part in self.born), now))
        if fresh and self.is_large(x):
            return self.hurried(x, h, c)
        return super().run(x, h, c)


class RemembersItsBirth(FastLSTM):
    """Keeps a copy of its first weights, to say in its repr how far they have moved."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.born = [weight.detach().clone() for weight in self.weights()]

    def extra_repr(self):
        pairs = zip(self.born, self.weights(), strict=True)
        return f"moved by {sum((a - b).abs().sum().item() for a, b in pairs):.3g}"


class WithDefaultState(FastLSTM):
    """Hurries at large sizes when no state is given, which only an idle caller leaves out."""

    def forward(self, x, hx=None):
        self.given = hx is not None
        return super().forward(x, hx)

    def run(self, x, h, c):
        if self.given or not self.is_large(x):
            return super().run(x, h, c)
        return self.hurried(x, h, c)


class CountsDefaultStates(FastLSTM):
    """Counts the calls without a given state."""

    calls = 0

    def forward(self, x, hx=None):
        self.calls += hx is None
        return super().forward(x, hx)
