"""What torch expects of a module: registered parameters, copies, checkpoints, train and eval."""

import torch
from hosts import ConcatLSTM, FusedLSTM, GateLinears, GateParameters, StepCell, TimeFirstLSTM
from torch import nn


class PlainTensorBias(TimeFirstLSTM):
    """No optimiser, checkpoint or to() knows of the bias."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        del self.b
        self.b = torch.zeros(4 * hidden_size, requires_grad=True)


class LinearsInAList(GateLinears):
    """A Python list hides the recurrent layers."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        for gate in "ifgo":
            delattr(self, f"U_{gate}")
        self.U = [nn.Linear(hidden_size, hidden_size, bias=False) for _ in "ifgo"]

    def gates(self, x, h):
        W = self.W_i, self.W_f, self.W_g, self.W_o
        return [from_x(x) + from_h(h) for from_x, from_h in zip(W, self.U)]


class BiasNotInCheckpoint(ConcatLSTM):
    """Part of the model, and not of its state_dict."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__(input_dim, hidden_dim)
        bias = self.linear.bias.detach().clone()
        self.linear = nn.Linear(input_dim + hidden_dim, 4 * hidden_dim, bias=False)
        self.register_buffer("bias", bias, persistent=False)

    def gates(self, x, h):
        f, i, o, g = (self.linear(torch.cat([x, h], dim=1)) + self.bias).chunk(4, dim=1)
        return i, f, g, o


class LambdaActivation(ConcatLSTM):
    """A lambda cannot be pickled."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__(input_dim, hidden_dim)
        self.squash = lambda z: torch.tanh(z)

    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        return o * self.squash(c), c


class KeepsTheGraph(FusedLSTM):
    """The last state with its whole graph stays on the module, which cannot be copied then."""

    def write_state(self, h, c):
        self.hidden = h, c
        return super().write_state(h, c)


class CopyWithOtherWeights(GateParameters):
    """A copy is made by calling the constructor, and weights are forgotten."""

    def __deepcopy__(self, memo):
        return type(self)(self.input_size, self.hidden_size)


class EvalShortcut(GateParameters):
    """Evaluation takes a cheaper sigmoid than training."""

    def activate(self, i, f, g, o):
        if self.training:
            return super().activate(i, f, g, o)
        i, f, o = (torch.clamp(z / 4 + 0.5, 0, 1) for z in (i, f, o))
        return i, f, torch.tanh(g), o


class TrainsWithOpenGate(TimeFirstLSTM):
    """Trains another cell than it evaluates: the output gate stays open."""

    def activate(self, i, f, g, o):
        i, f, g, o = super().activate(i, f, g, o)
        return i, f, g, torch.ones_like(o) if self.training else o


class StaleFusedWeights(GateLinears):
    """The matrices are joined once, at the first call; training goes by unnoticed."""

    fused = None

    def gates(self, x, h):
        if self.fused is None:
            W = torch.cat([getattr(self, f"W_{gate}").weight for gate in "ifgo"]).detach()
            self.fused = W.t().contiguous()
        from_h = [getattr(self, f"U_{gate}")(h) for gate in "ifgo"]
        bias = [getattr(self, f"W_{gate}").bias for gate in "ifgo"]
        z = x @ self.fused + torch.cat(from_h, dim=1) + torch.cat(bias)
        return z.chunk(4, dim=1)


class FusedAtConstruction(StepCell):
    """What the step uses is a copy; loading a checkpoint changes nothing."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        both = torch.cat([self.x2h.weight, self.h2h.weight], dim=1).detach().clone()
        self.register_buffer("both", both, persistent=False)

    def gates(self, x, h):
        z = torch.cat([x, h], dim=1) @ self.both.t() + self.x2h.bias + self.h2h.bias
        return z.chunk(4, dim=1)


class ForgetBiasOnLoading(ConcatLSTM):
    """1 is added to the forget gate's bias whenever a checkpoint is loaded."""

    def load_state_dict(self, state_dict, *args, **kwargs):
        result = super().load_state_dict(state_dict, *args, **kwargs)
        with torch.no_grad():
            self.linear.bias[: self.hidden_size] += 1.0
        return result


class NoGradientInEval(FusedLSTM):
    """eval() switches gradients off: no input of a trained layer can be optimised."""

    def run(self, x, h, c):
        with torch.set_grad_enabled(self.training):
            return super().run(x, h, c)


class LoadsWhatIsThere(FusedLSTM):
    """Names that lack in a checkpoint stay as they are, whatever strict says."""

    def load_state_dict(self, state_dict, strict=True, assign=False):
        return super().load_state_dict(state_dict, strict=False, assign=assign)


class KeepsTheCheckpoint(TimeFirstLSTM):
    """The tensors of the checkpoint become its own."""

    def load_state_dict(self, state_dict, strict=True, assign=False):
        found = super().load_state_dict(state_dict, strict, assign)
        for name, parameter in self.named_parameters():
            parameter.data = state_dict[name]
        return found


class EvalGivesNothing(StepCell):
    """``model = model.eval()`` leaves None."""

    def train(self, mode=True):
        super().train(mode)


class NewParameters(GateParameters):
    """What an optimiser was given is another object after the first call."""

    def forward(self, x, state=None):
        self.W_i = nn.Parameter(self.W_i.detach().clone())
        return super().forward(x, state)


class CopyUsesTheOriginal(ConcatLSTM):
    """The product is bound once, to this module's own layer."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__(input_dim, hidden_dim)
        layer = self.linear
        self.product = lambda xh: layer(xh)

    def gates(self, x, h):
        f, i, o, g = self.product(torch.cat([x, h], dim=1)).chunk(4, dim=1)
        return i, f, g, o
