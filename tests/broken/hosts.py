"""Intact LSTMs of eight spellings, cut into small methods so that one of them can be got wrong.

Every host is an ordinary correct module: it checks its sizes, makes its default state like its
input, keeps nothing between calls. A defect elsewhere in this folder replaces one method.

    step(x, h, c)  =  combine(*activate(*gates(x, h)), c)

``gates`` always hands over pre-activations in the order i, f, g, o (g the candidate), whatever
the order in which a host stores them.
"""

import math

import torch
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Recurrence(nn.Module):
    """What all layers share: checks, the loop over time, the step. Batch first, states (B, H)."""

    time_axis = 1
    layers = ()  # a leading axis of the states

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size

    def reset_parameters(self):
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def check(self, x, state):
        if x.dim() != 3 or x.size(-1) != self.input_size:
            raise ValueError(f"expected 3-D input, {self.input_size} features; got {x.shape}")
        expected = (*self.layers, x.size(1 - self.time_axis), self.hidden_size)
        for part in state or ():
            if part.shape != expected:
                raise ValueError(f"expected states of shape {expected}, got {tuple(part.shape)}")

    def initial_state(self, x):
        zeros = x.new_zeros(x.size(1 - self.time_axis), self.hidden_size)
        return zeros, zeros

    def read_state(self, state):
        h, c = state
        return h, c

    def gates(self, x, h):
        raise NotImplementedError

    def activate(self, i, f, g, o):
        return torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)

    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        return o * torch.tanh(c), c

    def step(self, x, h, c):
        return self.combine(*self.activate(*self.gates(x, h)), c)

    def run(self, x, h, c):
        outputs = []
        for x_t in x.unbind(self.time_axis):
            h, c = self.step(x_t, h, c)
            outputs.append(h)
        return outputs, h, c

    def write_output(self, outputs):
        return torch.stack(outputs, dim=self.time_axis)

    def write_state(self, h, c):
        return h, c

    def forward(self, x, state=None):
        self.check(x, state)
        h, c = self.initial_state(x) if state is None else self.read_state(state)
        outputs, h, c = self.run(x, h, c)
        return self.write_output(outputs), self.write_state(h, c)


class FusedLSTM(Recurrence):
    """The parameters of nn.LSTM by name, shape and meaning; batch first; states (1, B, H)."""

    layers = (1,)

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.reset_parameters()

    def read_state(self, state):
        h, c = state
        return h[0], c[0]

    def gates(self, x, h):
        from_x = nn.functional.linear(x, self.weight_ih_l0, self.bias_ih_l0)
        from_h = nn.functional.linear(h, self.weight_hh_l0, self.bias_hh_l0)
        return (from_x + from_h).chunk(4, dim=1)

    def write_state(self, h, c):
        return h.unsqueeze(0), c.unsqueeze(0)

    def forward(self, input, hx=None):
        return super().forward(input, hx)


class TimeFirstLSTM(Recurrence):
    """Time first; one (I, 4H), one (H, 4H) and one bias in the order i, f, o, g."""

    time_axis = 0

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Parameter(torch.empty(input_size, 4 * hidden_size))
        self.U = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size))
        self.b = nn.Parameter(torch.empty(4 * hidden_size))
        self.reset_parameters()

    def gates(self, x, h):
        i, f, o, g = (x @ self.W + h @ self.U + self.b).chunk(4, dim=1)
        return i, f, g, o


class GateLinears(Recurrence):
    """Two Linears a gate, the second without bias; batch first."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        for gate in "ifgo":
            setattr(self, f"W_{gate}", nn.Linear(input_size, hidden_size))
            setattr(self, f"U_{gate}", nn.Linear(hidden_size, hidden_size, bias=False))
        self.reset_parameters()

    def gates(self, x, h):
        return (
            self.W_i(x) + self.U_i(h),
            self.W_f(x) + self.U_f(h),
            self.W_g(x) + self.U_g(h),
            self.W_o(x) + self.U_o(h),
        )


class GateParameters(Recurrence):
    """Three parameters a gate, (I, H), (H, H) and (1, H); time first; the candidate is a."""

    time_axis = 0

    def __init__(self, num_inputs, num_hiddens):
        super().__init__(num_inputs, num_hiddens)
        for gate in "ifoa":
            setattr(self, f"W_{gate}", nn.Parameter(torch.empty(num_inputs, num_hiddens)))
            setattr(self, f"U_{gate}", nn.Parameter(torch.empty(num_hiddens, num_hiddens)))
            setattr(self, f"b_{gate}", nn.Parameter(torch.empty(1, num_hiddens)))
        self.reset_parameters()

    def gates(self, x, h):
        return (
            x @ self.W_i + h @ self.U_i + self.b_i,
            x @ self.W_f + h @ self.U_f + self.b_f,
            x @ self.W_a + h @ self.U_a + self.b_a,
            x @ self.W_o + h @ self.U_o + self.b_o,
        )


class ConcatLSTM(Recurrence):
    """One Linear over [x, h] in the order f, i, o, g; batch first."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__(input_dim, hidden_dim)
        self.linear = nn.Linear(input_dim + hidden_dim, 4 * hidden_dim)

    def gates(self, x, h):
        f, i, o, g = self.linear(torch.cat([x, h], dim=1)).chunk(4, dim=1)
        return i, f, g, o


class LSTMWithHead(Recurrence):
    """An output layer on top; its rows are time-major: step t of sequence b is at t * B + b."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.head = nn.Linear(hidden_size, hidden_size)

    def gates(self, x, h):
        return (self.x2h(x) + self.h2h(h)).chunk(4, dim=1)

    def write_output(self, outputs):
        return self.head(torch.cat(outputs, dim=0))


class StepCell(Recurrence):
    """A single step: x (B, I) and a pair of (B, H) in, a pair out."""

    time_axis = 1  # so that axis 0 is the batch

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def gates(self, x, h):
        return (self.x2h(x) + self.h2h(h)).chunk(4, dim=1)

    def check(self, x, state):
        if x.dim() != 2:
            raise ValueError(f"expected 2-D input, got {tuple(x.shape)}")
        super().check(x.unsqueeze(1), state)

    def forward(self, x, state=None):
        self.check(x, state)
        h, c = self.initial_state(x) if state is None else self.read_state(state)
        return self.write_state(*self.step(x, h, c))


class Kernel:
    """Forward and backward of a whole sequence by hand. T steps; gates in the order i, f, g, o."""

    def forward(self, x, h, c, W, U, b):
        hs, cs, gates = [h], [c], []
        for x_t in x.unbind(0):
            i, f, g, o = (x_t @ W + hs[-1] @ U + b).chunk(4, dim=1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            cs.append(f * cs[-1] + i * g)
            hs.append(o * cs[-1].tanh())
            gates.append(torch.stack([i, f, g, o]))
        return torch.stack(hs), torch.stack(cs), torch.stack(gates)

    def step_backward(self, gates, c_before, c, dh, dc):
        i, f, g, o = gates
        tanh_c = c.tanh()
        dc = dc + dh * o * (1 - tanh_c**2)
        d_i = dc * g * i * (1 - i)
        d_f = dc * c_before * f * (1 - f)
        d_g = dc * i * (1 - g**2)
        d_o = dh * tanh_c * o * (1 - o)
        return torch.cat([d_i, d_f, d_g, d_o], dim=1), dc * f

    def backward_through_time(self, U, cs, gates, dy, dh, dc):
        dz = [None] * len(dy)
        for t in reversed(range(len(dy))):
            dz[t], dc = self.step_backward(gates[t], cs[t], cs[t + 1], dh + dy[t], dc)
            dh = dz[t] @ U.t()
        return torch.stack(dz), dh, dc

    def input_gradient(self, dz, W):
        return dz @ W.t()

    def weight_gradients(self, x, h_before, dz):
        flat = dz.flatten(0, 1)
        dW = x.reshape(len(flat), -1).t() @ flat
        dU = h_before.reshape(len(flat), -1).t() @ flat
        return dW, dU, flat.sum(0)

    def backward(self, x, W, U, hs, cs, gates, dy, dh, dc):
        dz, dh, dc = self.backward_through_time(U, cs, gates, dy, dh, dc)
        return self.input_gradient(dz, W), dh, dc, *self.weight_gradients(x, hs[:-1], dz)


class KernelFunction(Function):
    """Hands a kernel to autograd."""

    @staticmethod
    def forward(ctx, kernel, x, h, c, W, U, b):
        hs, cs, gates = kernel.forward(x, h, c, W, U, b)
        ctx.kernel = kernel
        ctx.save_for_backward(x, W, U, hs, cs, gates)
        return hs[1:].clone(), hs[-1].clone(), cs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, dh, dc):
        return None, *ctx.kernel.backward(*ctx.saved_tensors, dy, dh, dc)


class HandBackwardLSTM(TimeFirstLSTM):
    """A hand-written backward; time first; h0 and c0 as two arguments; returns y, h, c."""

    kernel_class = Kernel
    function = KernelFunction

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.kernel = self.kernel_class()

    def forward(self, x, h0=None, c0=None):
        zeros, _ = self.initial_state(x)
        h0 = zeros if h0 is None else h0
        c0 = zeros if c0 is None else c0
        self.check(x, (h0, c0))
        return self.function.apply(self.kernel, x, h0, c0, self.W, self.U, self.b)


HOSTS = (
    FusedLSTM,
    TimeFirstLSTM,
    GateLinears,
    GateParameters,
    ConcatLSTM,
    LSTMWithHead,
    StepCell,
    HandBackwardLSTM,
)
