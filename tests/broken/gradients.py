"""Right values, wrong gradients: by autograd, where something cuts or bends the graph."""

import torch
from hosts import (
    ConcatLSTM,
    FusedLSTM,
    GateLinears,
    GateParameters,
    LSTMWithHead,
    StepCell,
    TimeFirstLSTM,
)

# --- through time --------------------------------------------------------------------------------


class HiddenDetached(GateLinears):
    def run(self, x, h, c):
        outputs = []
        for x_t in x.unbind(1):
            h, c = self.step(x_t, h, c)
            outputs.append(h)
            h = h.detach()
        return outputs, outputs[-1], c


class CellDetached(TimeFirstLSTM):
    def combine(self, i, f, g, o, c):
        c = f * c.detach() + i * g
        return o * torch.tanh(c), c


class TruncatedSilently(FusedLSTM):
    """Back-propagation through at most 16 steps, which nobody asked for."""

    def run(self, x, h, c):
        outputs = []
        for t, x_t in enumerate(x.unbind(1)):
            if t % 16 == 0 and t > 0:
                h, c = h.detach(), c.detach()
            h, c = self.step(x_t, h, c)
            outputs.append(h)
        return outputs, h, c


class GradientClippedInside(TimeFirstLSTM):
    def step(self, x, h, c):
        h, c = super().step(x, h, c)
        if h.requires_grad:
            h.register_hook(lambda grad: grad.clamp(-0.1, 0.1))
        return h, c


class GradientScaledInside(ConcatLSTM):
    """Halves the recurrent gradient 'for stability'."""

    def step(self, x, h, c):
        half = 0.5 * h + 0.5 * h.detach()
        return super().step(x, half, c)


# --- to one thing --------------------------------------------------------------------------------


class ForgetGateDetached(GateParameters):
    def combine(self, i, f, g, o, c):
        return super().combine(i, f.detach(), g, o, c)


class OutputGateByData(StepCell):
    def combine(self, i, f, g, o, c):
        return super().combine(i, f, g, o.data, c)


class InputDetached(GateParameters):
    def gates(self, x, h):
        return super().gates(x.detach(), h)


class GivenStateDetached(ConcatLSTM):
    """'Repackaged' so that history ends here, in the layer instead of in the training loop."""

    def read_state(self, state):
        h, c = state
        return h.detach(), c.detach()


class GivenHiddenDetached(StepCell):
    def read_state(self, state):
        h, c = state
        return h.detach(), c


class GivenCellDetached(FusedLSTM):
    def read_state(self, state):
        h, c = super().read_state(state)
        return h, c.data


class ReturnedStateDetached(FusedLSTM):
    """A loss on the states alone has no gradient."""

    def write_state(self, h, c):
        return super().write_state(h.detach(), c.detach())


class ReturnedCellDetached(LSTMWithHead):
    def write_state(self, h, c):
        return h, c.detach()


class OutputDetached(GateLinears):
    """Only the returned state carries gradients."""

    def write_output(self, outputs):
        return torch.stack([y.detach() for y in outputs[:-1]] + outputs[-1:], dim=1)


class HoistedWithoutGradient(TimeFirstLSTM):
    """The product with x is hoisted out of the loop, and out of the graph."""

    def run(self, x, h, c):
        with torch.no_grad():
            from_x = x @ self.W
        outputs = []
        for z in from_x:
            i, f, o, g = (z + h @ self.U + self.b).chunk(4, dim=1)
            h, c = self.combine(*self.activate(i, f, g, o), c)
            outputs.append(h)
        return outputs, h, c


class BiasByData(FusedLSTM):
    def gates(self, x, h):
        from_x = torch.nn.functional.linear(x, self.weight_ih_l0, self.bias_ih_l0.data)
        from_h = torch.nn.functional.linear(h, self.weight_hh_l0, self.bias_hh_l0.data)
        return (from_x + from_h).chunk(4, dim=1)


class HeadOfDetachedHidden(LSTMWithHead):
    def write_output(self, outputs):
        return self.head(torch.cat(outputs, dim=0).detach())


class RecurrentWeightFrozen(GateLinears):
    """One matrix of eight is used through .data."""

    def gates(self, x, h):
        i, _, g, o = super().gates(x, h)
        return i, self.W_f(x) + h @ self.U_f.weight.data.t(), g, o


class StraightThroughSigmoid(TimeFirstLSTM):
    """The input gate's sigmoid counts in the values only."""

    def activate(self, i, f, g, o):
        i = i + (torch.sigmoid(i) - i).detach()
        return i, torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
