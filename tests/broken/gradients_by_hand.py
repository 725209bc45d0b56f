"""Right values, wrong gradients: a slip in a hand-written backward pass.

Each layer has a kernel of its own, with one slip in it.
"""

import torch
from hosts import HandBackwardLSTM, Kernel, KernelFunction
from torch.autograd import Function

# --- one term of one step ------------------------------------------------------------------------


class NoOutputGatePath(HandBackwardLSTM):
    class kernel_class(Kernel):
        def step_backward(self, gates, c_before, c, dh, dc):
            dz, dc = super().step_backward(gates, c_before, c, dh, dc)
            d_i, d_f, d_g, d_o = dz.chunk(4, dim=1)
            return torch.cat([d_i, d_f, d_g, torch.zeros_like(d_o)], dim=1), dc


class ForgetGateSign(HandBackwardLSTM):
    class kernel_class(Kernel):
        def step_backward(self, gates, c_before, c, dh, dc):
            dz, dc = super().step_backward(gates, c_before, c, dh, dc)
            d_i, d_f, d_g, d_o = dz.chunk(4, dim=1)
            return torch.cat([d_i, -d_f, d_g, d_o], dim=1), dc


class ForgetGateNewCell(HandBackwardLSTM):
    """The forget gate multiplied the old cell state, not the new one."""

    class kernel_class(Kernel):
        def step_backward(self, gates, c_before, c, dh, dc):
            dz, dc_before = super().step_backward(gates, c_before, c, dh, dc)
            wrong, _ = super().step_backward(gates, c, c, dh, dc)
            d_i, _, d_g, d_o = dz.chunk(4, dim=1)
            return torch.cat([d_i, wrong.chunk(4, dim=1)[1], d_g, d_o], dim=1), dc_before


class CellTanhNotDifferentiated(HandBackwardLSTM):
    class kernel_class(Kernel):
        def step_backward(self, gates, c_before, c, dh, dc):
            i, f, g, o = gates
            dc = dc + dh * o
            d_i = dc * g * i * (1 - i)
            d_f = dc * c_before * f * (1 - f)
            d_g = dc * i * (1 - g**2)
            d_o = dh * c.tanh() * o * (1 - o)
            return torch.cat([d_i, d_f, d_g, d_o], dim=1), dc * f


class CandidateSlope(HandBackwardLSTM):
    """The slope of tanh is 1 - g², not 1 - g."""

    class kernel_class(Kernel):
        def step_backward(self, gates, c_before, c, dh, dc):
            dz, dc = super().step_backward(gates, c_before, c, dh, dc)
            d_i, d_f, d_g, d_o = dz.chunk(4, dim=1)
            return torch.cat([d_i, d_f, d_g / (1 + gates[2]), d_o], dim=1), dc


class CellNotForgottenBackwards(HandBackwardLSTM):
    """dc goes back undiminished."""

    class kernel_class(Kernel):
        def step_backward(self, gates, c_before, c, dh, dc):
            dz, dc_before = super().step_backward(gates, c_before, c, dh, dc)
            return dz, dc_before / gates[1]


# --- between steps -------------------------------------------------------------------------------


class HiddenPathDropped(HandBackwardLSTM):
    """Each step sees the gradient of its own output only."""

    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            dz = [None] * len(dy)
            for t in reversed(range(len(dy))):
                dz[t], dc = self.step_backward(gates[t], cs[t], cs[t + 1], dh + dy[t], dc)
                dh = torch.zeros_like(dh)
            return torch.stack(dz), dz[0] @ U.t(), dc


class CellPathDropped(HandBackwardLSTM):
    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            dz = [None] * len(dy)
            for t in reversed(range(len(dy))):
                dz[t], dc = self.step_backward(gates[t], cs[t], cs[t + 1], dh + dy[t], dc)
                dh = dz[t] @ U.t()
                dc = dc if t == 0 else torch.zeros_like(dc)
            return torch.stack(dz), dh, dc


class LastOutputOnly(HandBackwardLSTM):
    """Gradients of all outputs but the last are not looked at."""

    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            only_last = torch.cat([torch.zeros_like(dy[:-1]), dy[-1:]])
            return super().backward_through_time(U, cs, gates, only_last, dh, dc)


class HiddenCotangentTwice(HandBackwardLSTM):
    """dh_n is put into the last output's gradient and passed on besides."""

    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            dy = torch.cat([dy[:-1], dy[-1:] + dh])
            return super().backward_through_time(U, cs, gates, dy, dh, dc)


class HiddenCotangentIgnored(HandBackwardLSTM):
    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            return super().backward_through_time(U, cs, gates, dy, torch.zeros_like(dh), dc)


class CellCotangentIgnored(HandBackwardLSTM):
    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            return super().backward_through_time(U, cs, gates, dy, dh, torch.zeros_like(dc))


# --- to one thing --------------------------------------------------------------------------------


class NoInputGradient(HandBackwardLSTM):
    class kernel_class(Kernel):
        def input_gradient(self, dz, W):
            return None


class InputGradientLastStep(HandBackwardLSTM):
    class kernel_class(Kernel):
        def input_gradient(self, dz, W):
            dx = torch.zeros(*dz.shape[:2], len(W), dtype=dz.dtype, device=dz.device)
            dx[-1] = dz[-1] @ W.t()
            return dx


class NoInitialHiddenGradient(HandBackwardLSTM):
    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            dz, dh, dc = super().backward_through_time(U, cs, gates, dy, dh, dc)
            return dz, torch.zeros_like(dh), dc


class InitialHiddenOffByOne(HandBackwardLSTM):
    """h0 gets the gradient of the state after the first step; right for one step only."""

    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            dz, dh, dc = super().backward_through_time(U, cs, gates, dy, dh, dc)
            return dz, dz[:2][-1] @ U.t(), dc


class NoInitialCellGradient(HandBackwardLSTM):
    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            dz, dh, _ = super().backward_through_time(U, cs, gates, dy, dh, dc)
            return dz, dh, None


class ZeroBiasGradient(HandBackwardLSTM):
    class kernel_class(Kernel):
        def weight_gradients(self, x, h_before, dz):
            dW, dU, db = super().weight_gradients(x, h_before, dz)
            return dW, dU, torch.zeros_like(db)


class BiasGradientOfFirstRow(HandBackwardLSTM):
    """Right for a batch of one."""

    class kernel_class(Kernel):
        def weight_gradients(self, x, h_before, dz):
            dW, dU, _ = super().weight_gradients(x, h_before, dz)
            return dW, dU, dz[:, 0].sum(0)


class DoubledWeightGradient(HandBackwardLSTM):
    class kernel_class(Kernel):
        def weight_gradients(self, x, h_before, dz):
            dW, dU, db = super().weight_gradients(x, h_before, dz)
            return 2 * dW, dU, db


class MeanOverBatch(HandBackwardLSTM):
    """The mean over the batch belongs to the loss."""

    class kernel_class(Kernel):
        def weight_gradients(self, x, h_before, dz):
            return [grad / x.size(1) for grad in super().weight_gradients(x, h_before, dz)]


class RecurrentGradientOfNewHidden(HandBackwardLSTM):
    """dU is taken with h after the step instead of before it."""

    class kernel_class(Kernel):
        def backward(self, x, W, U, hs, cs, gates, dy, dh, dc):
            dz, dh, dc = self.backward_through_time(U, cs, gates, dy, dh, dc)
            return self.input_gradient(dz, W), dh, dc, *self.weight_gradients(x, hs[1:], dz)


class RecurrentGradientWithoutFirstStep(HandBackwardLSTM):
    """The first step has no predecessor, unless a state was given."""

    class kernel_class(Kernel):
        def weight_gradients(self, x, h_before, dz):
            dW, _, db = super().weight_gradients(x, h_before, dz)
            _, dU, _ = super().weight_gradients(x[1:], h_before[1:], dz[1:])
            return dW, dU, db


class GradientBeyondOneBlock(HandBackwardLSTM):
    """dU of the hidden units beyond the 128th is left at zero."""

    class kernel_class(Kernel):
        def weight_gradients(self, x, h_before, dz):
            dW, dU, db = super().weight_gradients(x, h_before, dz)
            dU[128:] = 0
            return dW, dU, db


class ClippedInBackward(HandBackwardLSTM):
    class kernel_class(Kernel):
        def weight_gradients(self, x, h_before, dz):
            return [grad.clamp(-1, 1) for grad in super().weight_gradients(x, h_before, dz)]


# --- more than one call --------------------------------------------------------------------------


class CotangentOverwritten(HandBackwardLSTM):
    """The caller's gradient of y serves as scratch space."""

    class kernel_class(Kernel):
        def backward_through_time(self, U, cs, gates, dy, dh, dc):
            dz = [None] * len(dy)
            for t in reversed(range(len(dy))):
                dy[t].add_(dh)
                dz[t], dc = self.step_backward(gates[t], cs[t], cs[t + 1], dy[t], dc)
                dh = dz[t] @ U.t()
            return torch.stack(dz), dh, dc


class InputOverwritten(HandBackwardLSTM):
    """dx is written over x, which has served its purpose when only one backward pass comes."""

    class kernel_class(Kernel):
        def backward(self, x, W, U, hs, cs, gates, dy, dh, dc):
            dx, *others = super().backward(x, W, U, hs, cs, gates, dy, dh, dc)
            return x.data.copy_(dx), *others


class OneBackwardOnly(HandBackwardLSTM):
    """The saved gates are overwritten by their slopes; a second backward pass reads those."""

    class kernel_class(Kernel):
        def backward(self, x, W, U, hs, cs, gates, dy, dh, dc):
            gradients = super().backward(x, W, U, hs, cs, gates, dy, dh, dc)
            gates.data.mul_(1 - gates)
            return gradients


class KeptOnTheModule(HandBackwardLSTM):
    """What backward needs is kept on the kernel, where the next forward overwrites it."""

    class kernel_class(Kernel):
        def forward(self, x, h, c, W, U, b):
            self.saved = super().forward(x, h, c, W, U, b)
            return self.saved

        def backward(self, x, W, U, hs, cs, gates, dy, dh, dc):
            return super().backward(x, W, U, *self.saved, dy, dh, dc)


class WritesGradItself(HandBackwardLSTM):
    """W.grad is set, not added to, and autograd is told nothing."""

    class kernel_class(Kernel):
        def backward(self, x, W, U, hs, cs, gates, dy, dh, dc):
            dx, dh, dc, dW, dU, db = super().backward(x, W, U, hs, cs, gates, dy, dh, dc)
            W.grad = dW
            return dx, dh, dc, None, dU, db


class Differentiable(Function):
    """As KernelFunction, without the mark that backward cannot itself be differentiated."""

    forward = staticmethod(KernelFunction.forward)

    @staticmethod
    def backward(ctx, dy, dh, dc):
        return None, *ctx.kernel.backward(*ctx.saved_tensors, dy, dh, dc)


class SilentSecondDerivative(HandBackwardLSTM):
    """The saved gates count as constants when the gradient is differentiated again."""

    function = Differentiable
