"""Wrong activations, wrong products, wrong wiring of the gates."""

import torch
import torch.nn.functional as F
from hosts import (
    ConcatLSTM,
    FusedLSTM,
    GateLinears,
    GateParameters,
    LSTMWithHead,
    StepCell,
    TimeFirstLSTM,
)

# --- activations ---------------------------------------------------------------------------------


class TanhInputGate(GateLinears):
    def activate(self, i, f, g, o):
        return torch.tanh(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)


class TanhForgetGate(FusedLSTM):
    def activate(self, i, f, g, o):
        return torch.sigmoid(i), torch.tanh(f), torch.tanh(g), torch.sigmoid(o)


class TanhOutputGate(StepCell):
    def activate(self, i, f, g, o):
        return torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.tanh(o)


class SigmoidCandidate(GateParameters):
    def activate(self, i, f, g, o):
        return torch.sigmoid(torch.stack([i, f, g, o]))


class ReluCandidate(ConcatLSTM):
    def activate(self, i, f, g, o):
        return torch.sigmoid(i), torch.sigmoid(f), torch.relu(g), torch.sigmoid(o)


class LinearCandidate(TimeFirstLSTM):
    def activate(self, i, f, g, o):
        return torch.sigmoid(i), torch.sigmoid(f), g, torch.sigmoid(o)


class TanhTwice(LSTMWithHead):
    def gates(self, x, h):
        i, f, g, o = super().gates(x, h)
        return i, f, torch.tanh(g), o


class HardSigmoidGates(TimeFirstLSTM):
    def activate(self, i, f, g, o):
        return F.hardsigmoid(i), F.hardsigmoid(f), torch.tanh(g), F.hardsigmoid(o)


class HardSigmoidOutputGate(ConcatLSTM):
    def activate(self, i, f, g, o):
        o = torch.clamp(0.2 * o + 0.5, 0, 1)
        return torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), o


class SteepSigmoid(GateLinears):
    def activate(self, i, f, g, o):
        i, f, o = (0.5 * (1 + torch.tanh(z)) for z in (i, f, o))
        return i, f, torch.tanh(g), o


class SoftmaxGates(GateParameters):
    def activate(self, i, f, g, o):
        i, f, o = torch.softmax(torch.stack([i, f, o]), dim=0)
        return i, f, torch.tanh(g), o


class CellTanhMissing(FusedLSTM):
    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        return o * c, c


class SigmoidOfCell(GateLinears):
    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        return o * torch.sigmoid(c), c


class ReluOfCell(StepCell):
    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        return o * torch.relu(c), c


class TanhKept(FusedLSTM):
    """The squashed cell state is carried on."""

    def combine(self, i, f, g, o, c):
        c = torch.tanh(f * c + i * g)
        return o * c, c


# --- products ------------------------------------------------------------------------------------


class TanhOfOldCell(TimeFirstLSTM):
    def combine(self, i, f, g, o, c):
        h = o * torch.tanh(c)
        return h, f * c + i * g


class SumInsteadOfProduct(GateParameters):
    def combine(self, i, f, g, o, c):
        c = f * c + (i + g)
        return o * torch.tanh(c), c


class InputGateTwice(TimeFirstLSTM):
    def combine(self, i, f, g, o, c):
        c = i * c + i * g
        return o * torch.tanh(c), c


class InputGateMissing(ConcatLSTM):
    def combine(self, i, f, g, o, c):
        c = f * c + g
        return o * torch.tanh(c), c


class OutputGateMissing(GateLinears):
    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        return torch.tanh(c), c


class ForgetGateMissing(StepCell):
    def combine(self, i, f, g, o, c):
        c = c + i * g
        return o * torch.tanh(c), c


class ForgetsTheNew(GateParameters):
    """What is written at this step is forgotten at this step."""

    def combine(self, i, f, g, o, c):
        c = f * (c + i * g)
        return o * torch.tanh(c), c


class InvertedForget(FusedLSTM):
    def combine(self, i, f, g, o, c):
        c = (1 - f) * c + i * g
        return o * torch.tanh(c), c


class CoupledForget(GateLinears):
    """Has a forget gate of its own and does not use it."""

    def combine(self, i, f, g, o, c):
        c = (1 - i) * c + i * g
        return o * torch.tanh(c), c


class OutputGateInsideTanh(LSTMWithHead):
    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        return torch.tanh(o * c), c


# --- wiring --------------------------------------------------------------------------------------


class SwappedInputForget(GateLinears):
    def combine(self, i, f, g, o, c):
        c = i * c + f * g
        return o * torch.tanh(c), c


class OutputGateAsCandidate(GateParameters):
    def activate(self, i, f, g, o):
        return torch.sigmoid(i), torch.sigmoid(f), torch.tanh(o), torch.sigmoid(g)


class OutputGateWithoutHidden(GateParameters):
    def gates(self, x, h):
        i, f, g, _ = super().gates(x, h)
        return i, f, g, x @ self.W_o + self.b_o


class ForgetGateWithoutInput(GateLinears):
    def gates(self, x, h):
        i, _, g, o = super().gates(x, h)
        return i, self.U_f(h) + self.W_f.bias, g, o


class CandidateWithoutHidden(TimeFirstLSTM):
    def gates(self, x, h):
        z = x @ self.W + self.b
        r = h @ self.U[:, : 3 * self.hidden_size]
        i, f, o = (z[:, : 3 * self.hidden_size] + r).chunk(3, dim=1)
        return i, f, z[:, 3 * self.hidden_size :], o


class OutputGateSeesNewState(GateLinears):
    """The name h is used for tanh(c) before the output gate is computed from it."""

    def step(self, x, h, c):
        i = torch.sigmoid(self.W_i(x) + self.U_i(h))
        f = torch.sigmoid(self.W_f(x) + self.U_f(h))
        g = torch.tanh(self.W_g(x) + self.U_g(h))
        c = f * c + i * g
        h = torch.tanh(c)
        o = torch.sigmoid(self.W_o(x) + self.U_o(h))
        return o * h, c


class GatesReadTheCell(ConcatLSTM):
    """c where h is meant."""

    def step(self, x, h, c):
        return super().step(x, c, c)


class TiedGates(GateParameters):
    """A copied line: the forget gate reads the input gate's matrix."""

    def gates(self, x, h):
        return (
            x @ self.W_i + h @ self.U_i + self.b_i,
            x @ self.W_i + h @ self.U_f + self.b_f,
            x @ self.W_a + h @ self.U_a + self.b_a,
            x @ self.W_o + h @ self.U_o + self.b_o,
        )


class RecurrentMatrixCopied(GateLinears):
    """A copied line again: the output gate reads the candidate's recurrent matrix."""

    def gates(self, x, h):
        i, f, g, _ = super().gates(x, h)
        return i, f, g, self.W_o(x) + self.U_g(h)


class ProductInsteadOfSum(StepCell):
    """x and h multiply instead of adding up."""

    def gates(self, x, h):
        return (self.x2h(x) * self.h2h(h)).chunk(4, dim=1)
