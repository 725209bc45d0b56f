"""Biases that count twice, not at all, or for the wrong gate."""

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


class OneBiasForAllGates(GateParameters):
    def gates(self, x, h):
        return (
            x @ self.W_i + h @ self.U_i + self.b_i,
            x @ self.W_f + h @ self.U_f + self.b_i,
            x @ self.W_a + h @ self.U_a + self.b_i,
            x @ self.W_o + h @ self.U_o + self.b_i,
        )


class BiasTwice(TimeFirstLSTM):
    """Added to the hoisted product and again in the loop."""

    def gates(self, x, h):
        from_x = x @ self.W + self.b
        i, f, o, g = (from_x + h @ self.U + self.b).chunk(4, dim=1)
        return i, f, g, o


class BiasOfOneGateTwice(GateLinears):
    def gates(self, x, h):
        i, f, g, o = super().gates(x, h)
        return i, f, g, o + self.W_o.bias


class BiasIgnored(ConcatLSTM):
    def gates(self, x, h):
        f, i, o, g = F.linear(torch.cat([x, h], dim=1), self.linear.weight).chunk(4, dim=1)
        return i, f, g, o


class SecondBiasIgnored(FusedLSTM):
    def gates(self, x, h):
        from_x = F.linear(x, self.weight_ih_l0, self.bias_ih_l0)
        return (from_x + F.linear(h, self.weight_hh_l0)).chunk(4, dim=1)


class ForgetBiasMissing(GateParameters):
    def gates(self, x, h):
        i, _, g, o = super().gates(x, h)
        return i, x @ self.W_f + h @ self.U_f, g, o


class BiasOnFirstStepOnly(TimeFirstLSTM):
    """The accumulator starts from the bias once, before the loop."""

    def run(self, x, h, c):
        bias = self.b
        outputs = []
        for x_t in x:
            i, f, o, g = (x_t @ self.W + h @ self.U + bias).chunk(4, dim=1)
            h, c = self.combine(*self.activate(i, f, g, o), c)
            bias = torch.zeros_like(bias)
            outputs.append(h)
        return outputs, h, c


class HiddenForgetBias(FusedLSTM):
    """A checkpoint of nn.LSTM loads and gives other results."""

    def gates(self, x, h):
        i, f, g, o = super().gates(x, h)
        return i, f + 1.0, g, o


class CandidateBiasOutside(StepCell):
    """The candidate's bias is added behind its tanh."""

    def step(self, x, h, c):
        bias = self.x2h.bias.chunk(4)[2]
        i, f, g, o = self.gates(x, h)
        i, f, g, o = self.activate(i, f, g - bias, o)
        return self.combine(i, f, g + bias, o, c)


class HeadBiasIgnored(LSTMWithHead):
    def write_output(self, outputs):
        return torch.cat(outputs, dim=0) @ self.head.weight.t()
