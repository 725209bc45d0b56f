"""Matrices of the wrong layout: transposed, reshaped, in an order that their names deny."""

import torch
import torch.nn.functional as F
from hosts import FusedLSTM, GateParameters, Recurrence, StepCell
from torch import nn


class OtherOrderThanNamed(FusedLSTM):
    """nn.LSTM's checkpoints load without a word, and every gate but two means another."""

    def gates(self, x, h):
        i, f, o, g = super().gates(x, h)
        return i, f, g, o


class OtherOrderThanNamedCell(nn.LSTMCell):
    """nn.LSTMCell with a forward of its own."""

    def forward(self, input, hx=None):
        if hx is None:
            zeros = input.new_zeros(input.size(0), self.hidden_size)
            hx = (zeros, zeros)
        h, c = hx
        from_x = F.linear(input, self.weight_ih, self.bias_ih)
        from_h = F.linear(h, self.weight_hh, self.bias_hh)
        i, g, f, o = (from_x + from_h).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class InterleavedUnlikeNamed(FusedLSTM):
    """Gates of one unit side by side, under names that promise gate after gate."""

    def gates(self, x, h):
        z = torch.cat(super().gates(x, h), dim=1)
        return z.unflatten(1, (self.hidden_size, 4)).unbind(2)


class ViewInsteadOfTranspose(FusedLSTM):
    def gates(self, x, h):
        weight = self.weight_ih_l0.view(self.input_size, 4 * self.hidden_size)
        from_x = x @ weight + self.bias_ih_l0
        from_h = F.linear(h, self.weight_hh_l0, self.bias_hh_l0)
        return (from_x + from_h).chunk(4, dim=1)


class RecurrentTransposed(FusedLSTM):
    """The square blocks hide that each is applied from the wrong side."""

    def gates(self, x, h):
        from_x = F.linear(x, self.weight_ih_l0, self.bias_ih_l0).chunk(4, dim=1)
        from_h = [h @ block for block in self.weight_hh_l0.chunk(4)]
        biases = self.bias_hh_l0.chunk(4)
        return [a + b + bias for a, b, bias in zip(from_x, from_h, biases)]


class RightOnlyWhenSquare(GateParameters):
    """F.linear transposes, and these matrices are stored (I, H)."""

    def gates(self, x, h):
        return (
            F.linear(x, self.W_i) + h @ self.U_i + self.b_i,
            F.linear(x, self.W_f) + h @ self.U_f + self.b_f,
            F.linear(x, self.W_a) + h @ self.U_a + self.b_a,
            F.linear(x, self.W_o) + h @ self.U_o + self.b_o,
        )


class ShapeAsValues(Recurrence):
    """torch.Tensor takes a tuple for values: two numbers instead of a matrix."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Parameter(torch.Tensor((input_size, 4 * hidden_size)))
        self.U = nn.Parameter(torch.Tensor((hidden_size, 4 * hidden_size)))
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))

    def gates(self, x, h):
        return (x @ self.W + h @ self.U + self.b).chunk(4, dim=1)


class InputSizeForBoth(StepCell):
    """The recurrent layer was made for inputs, which shows as soon as I and H differ."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.h2h = nn.Linear(input_size, 4 * hidden_size)
