"""Single steps: the caller owns the loop over time."""

import math
from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LSTMCell(nn.Module):
    """The cell of the custom-RNN benchmarks: hy, (hy, cy) and a required pair."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.randn(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.randn(4 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.randn(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.randn(4 * hidden_size))

    def forward(self, input: Tensor, state: tuple[Tensor, Tensor]):
        hx, cx = state
        gates = (
            torch.mm(input, self.weight_ih.t())
            + self.bias_ih
            + torch.mm(hx, self.weight_hh.t())
            + self.bias_hh
        )
        ingate, forgetgate, cellgate, outgate = gates.chunk(4, 1)
        ingate = torch.sigmoid(ingate)
        forgetgate = torch.sigmoid(forgetgate)
        cellgate = torch.tanh(cellgate)
        outgate = torch.sigmoid(outgate)
        cy = (forgetgate * cx) + (ingate * cellgate)
        hy = outgate * torch.tanh(cy)
        return hy, (hy, cy)


class TutorialCell(nn.Module):
    def __init__(self, input_size, hidden_size, bias=True):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self.xh = nn.Linear(input_size, hidden_size * 4, bias=bias)
        self.hh = nn.Linear(hidden_size, hidden_size * 4, bias=bias)
        self.reset_parameters()

    def reset_parameters(self):
        std = 1.0 / math.sqrt(self.hidden_size)
        for w in self.parameters():
            w.data.uniform_(-std, std)

    def forward(self, input, hx=None):
        # Inputs:  input: of shape (batch_size, input_size)
        #          hx: of shape (batch_size, hidden_size)
        # Outputs: hy, cy: of shape (batch_size, hidden_size)
        if hx is None:
            hx = input.new_zeros(input.size(0), self.hidden_size)
            hx = (hx, hx)
        hx, cx = hx
        gates = self.xh(input) + self.hh(hx)
        i_t, f_t, g_t, o_t = torch.chunk(gates, 4, dim=1)
        cy = cx * torch.sigmoid(f_t) + torch.sigmoid(i_t) * torch.tanh(g_t)
        hy = torch.sigmoid(o_t) * torch.tanh(cy)
        return (hy, cy)


class CatCell(nn.Module):
    """One Linear over [x, h]; h and c as two positional arguments."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.gates = nn.Linear(in_features + out_features, 4 * out_features)

    def forward(self, x, h, c):
        i, f, o, g = self.gates(torch.cat([x, h], dim=-1)).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, c


class CarryCell(nn.Module):
    """After flax: the carry comes first, is (c, h), and goes out first as well."""

    def __init__(self, features: int, in_features: int):
        super().__init__()
        gates = ("i", "f", "g", "o")
        self.i = nn.ModuleDict({g: nn.Linear(in_features, features, bias=False) for g in gates})
        self.h = nn.ModuleDict({g: nn.Linear(features, features) for g in gates})

    def forward(self, carry, inputs):
        c, h = carry
        i = torch.sigmoid(self.i["i"](inputs) + self.h["i"](h))
        f = torch.sigmoid(self.i["f"](inputs) + self.h["f"](h))
        g = torch.tanh(self.i["g"](inputs) + self.h["g"](h))
        o = torch.sigmoid(self.i["o"](inputs) + self.h["o"](h))
        new_c = f * c + i * g
        new_h = o * torch.tanh(new_c)
        return (new_c, new_h), new_h


class LSTMState(NamedTuple):
    hidden: Tensor
    cell: Tensor


class NamedStateCell(nn.Module):
    """After haiku: gates i g f o, a constant 1 on the forget gate, a NamedTuple as state."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.linear = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def initial_state(self, inputs: Tensor) -> LSTMState:
        zeros = inputs.new_zeros(inputs.shape[0], self.hidden_size)
        return LSTMState(hidden=zeros, cell=zeros)

    def forward(self, inputs: Tensor, prev_state: Optional[LSTMState] = None):
        if prev_state is None:
            prev_state = self.initial_state(inputs)
        gated = self.linear(torch.cat([inputs, prev_state.hidden], -1))
        i, g, f, o = gated.chunk(4, -1)
        f = torch.sigmoid(f + 1)  # Forget bias, see Jozefowicz et al.
        c = f * prev_state.cell + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, LSTMState(h, c)


class BasicLSTMCell(nn.Module):
    """After TensorFlow 1: num_units first, kernel over [x, h], state = concat(c, h)."""

    def __init__(self, num_units, input_depth, forget_bias=1.0):
        super().__init__()
        self._num_units = num_units
        self._forget_bias = forget_bias
        self.register_parameter(
            "kernel", nn.Parameter(torch.empty(input_depth + num_units, 4 * num_units))
        )
        self.register_parameter("bias", nn.Parameter(torch.zeros(4 * num_units)))
        nn.init.xavier_uniform_(self.kernel)

    @property
    def state_size(self):
        return 2 * self._num_units

    def zero_state(self, batch_size, dtype=None):
        return torch.zeros(batch_size, self.state_size, dtype=dtype)

    def forward(self, inputs, state):
        c, h = state.split(self._num_units, dim=1)
        gate_inputs = torch.cat([inputs, h], 1) @ self.kernel + self.bias
        # i = input_gate, j = new_input, f = forget_gate, o = output_gate
        i, j, f, o = gate_inputs.split(self._num_units, dim=1)
        new_c = c * torch.sigmoid(f + self._forget_bias) + torch.sigmoid(i) * torch.tanh(j)
        new_h = torch.tanh(new_c) * torch.sigmoid(o)
        return new_h, torch.cat([new_c, new_h], 1)


class StackedStateCell(nn.Module):
    """One tensor (2, batch, hidden) carries both states in and out."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.Wx = nn.Linear(input_dim, 4 * hidden_dim)
        self.Wh = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)

    def forward(self, x, state=None):
        if state is None:
            state = torch.zeros(2, x.shape[0], self.hidden_dim, dtype=x.dtype, device=x.device)
        h, c = state.unbind(0)
        f, i, o, g = torch.tensor_split(self.Wx(x) + self.Wh(h), 4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return torch.stack((h, c))


class DictStateCell(nn.Module):
    """The memory is a dict, as in many agents."""

    def __init__(self, obs_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.core = nn.Linear(hidden_dim + obs_dim, 4 * hidden_dim)
        nn.init.orthogonal_(self.core.weight)
        nn.init.zeros_(self.core.bias)

    def forward(self, obs, memory=None):
        if memory is None:
            zeros = obs.new_zeros(obs.shape[0], self.hidden_dim)
            memory = {"h": zeros, "c": zeros}
        pre = self.core(torch.cat((memory["h"], obs), dim=1))
        f, i, o, g = pre.chunk(4, dim=1)
        c = torch.sigmoid(f) * memory["c"] + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return {"h": h, "c": c}


def extract_gates(x):
    r = x.reshape(x.shape[0], x.shape[1] // 4, 4)
    return r[:, :, 0], r[:, :, 1], r[:, :, 2], r[:, :, 3]


class StatelessLSTM(nn.Module):
    """After chainer: (c, h, x) in, (c, h) out, gates a i f o interleaved per unit."""

    def __init__(self, in_size, out_size):
        super().__init__()
        self.state_size = out_size
        self.upward = nn.Linear(in_size, 4 * out_size)
        self.lateral = nn.Linear(out_size, 4 * out_size, bias=False)

    def forward(self, c, h, x):
        lstm_in = self.upward(x)
        if h is not None:
            lstm_in = lstm_in + self.lateral(h)
        if c is None:
            c = x.new_zeros((x.shape[0], self.state_size))
        a, i, f, o = extract_gates(lstm_in)
        c_next = torch.tanh(a) * torch.sigmoid(i) + torch.sigmoid(f) * c
        y = torch.sigmoid(o) * torch.tanh(c_next)
        return c_next, y


class RNNBaseCell(nn.RNNCellBase):
    """A subclass of torch's own cell base, with the reset it inherits."""

    def __init__(self, input_size, hidden_size, bias=True):
        super().__init__(input_size, hidden_size, bias, num_chunks=4)

    def forward(self, input, hx):
        h, c = hx
        gates = F.linear(input, self.weight_ih, self.bias_ih)
        gates = gates + F.linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = gates.view(input.size(0), 4, self.hidden_size).unbind(1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class NoBiasCell(nn.Module):
    """Gates i f o g, no bias anywhere, orthogonal recurrence."""

    def __init__(self, nin: int, nhid: int):
        super().__init__()
        self.nhid = nhid
        self.weight_xh = nn.Parameter(torch.empty(nin, 4 * nhid))
        self.weight_hh = nn.Parameter(torch.empty(nhid, 4 * nhid))
        nn.init.xavier_normal_(self.weight_xh)
        for block in self.weight_hh.data.split(nhid, dim=1):
            block.copy_(nn.init.orthogonal_(torch.empty(nhid, nhid)))

    def forward(self, x, hc):
        h, c = hc
        a = x.mm(self.weight_xh).addmm(h, self.weight_hh)
        n = self.nhid
        i, f, o = torch.sigmoid(a[:, : 3 * n]).split(n, dim=1)
        c = torch.addcmul(f * c, i, torch.tanh(a[:, 3 * n :]))
        return (o * torch.tanh(c), c)
