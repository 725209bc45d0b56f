"""TorchScript: scripted steps, scripted modules, and the classes of torch's own benchmark."""

import math
from typing import List, Optional, Tuple

import torch
import torch.jit as jit
from torch import Tensor, nn
from torch.nn import Parameter


@torch.jit.script
def lstm_step(
    x: Tensor, h: Tensor, c: Tensor, w_ih: Tensor, w_hh: Tensor, b: Tensor
) -> Tuple[Tensor, Tensor]:
    gates = torch.addmm(b, x, w_ih.t()) + torch.mm(h, w_hh.t())
    i, f, g, o = gates.chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


class ScriptedStepLSTM(nn.Module):
    """A Python module around a scripted step; one bias; batch first."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        k = 1 / math.sqrt(hidden_size)
        self.w_ih = Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.w_hh = Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.b = Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))

    def forward(self, x: Tensor, hx: Optional[Tuple[Tensor, Tensor]] = None):
        if hx is None:
            h = c = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype, device=x.device)
        else:
            h, c = hx
        outputs = []
        for t in range(x.size(1)):
            h, c = lstm_step(x[:, t], h, c, self.w_ih, self.w_hh, self.b)
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)


class JitLSTMCell(jit.ScriptModule):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = Parameter(torch.randn(4 * hidden_size, input_size))
        self.weight_hh = Parameter(torch.randn(4 * hidden_size, hidden_size))
        self.bias_ih = Parameter(torch.randn(4 * hidden_size))
        self.bias_hh = Parameter(torch.randn(4 * hidden_size))

    @jit.script_method
    def forward(
        self, input: Tensor, state: Tuple[Tensor, Tensor]
    ) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        hx, cx = state
        gates = (
            torch.mm(input, self.weight_ih.t())
            + self.bias_ih
            + torch.mm(hx, self.weight_hh.t())
            + self.bias_hh
        )
        ingate, forgetgate, cellgate, outgate = gates.chunk(4, 1)
        cy = torch.sigmoid(forgetgate) * cx + torch.sigmoid(ingate) * torch.tanh(cellgate)
        hy = torch.sigmoid(outgate) * torch.tanh(cy)
        return hy, (hy, cy)


class JitLSTMLayer(jit.ScriptModule):
    """Takes a cell class and its arguments; time first, state required."""

    def __init__(self, cell, *cell_args):
        super().__init__()
        self.cell = cell(*cell_args)

    @jit.script_method
    def forward(
        self, input: Tensor, state: Tuple[Tensor, Tensor]
    ) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        inputs = input.unbind(0)
        outputs = torch.jit.annotate(List[Tensor], [])
        for i in range(len(inputs)):
            out, state = self.cell(inputs[i], state)
            outputs += [out]
        return torch.stack(outputs), state


def script_lstm(input_size, hidden_size):
    """Returns a ScriptModule that mimics a PyTorch native LSTM."""
    return JitLSTMLayer(JitLSTMCell, input_size, hidden_size)


class TracedStyleLSTM(nn.Module):
    """Written to be scripted whole: Optional state, typed list, gates f i g o."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.fc = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(
        self, x: Tensor, state: Optional[Tuple[Tensor, Tensor]] = None
    ) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        if state is None:
            zeros = torch.zeros(x.size(1), self.hidden_size, dtype=x.dtype, device=x.device)
            state = (zeros, zeros)
        h, c = state
        outs: List[Tensor] = []
        for t in range(x.size(0)):
            f, i, g, o = self.fc(torch.cat([x[t], h], dim=1)).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outs.append(h)
        return torch.stack(outs), (h, c)


def scripted_lstm(input_size: int, hidden_size: int):
    return torch.jit.script(TracedStyleLSTM(input_size, hidden_size))
