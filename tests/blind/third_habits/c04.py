import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
import torch.nn.functional as F
from torch.nn.modules.module import _IncompatibleKeys


class TaggerLSTM(nn.Module):
    """Batch-first LSTM with dropout on the way in and on the way out."""

    def __init__(self, input_size, hidden_size, dropout_in=0.1, dropout_out=0.2):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.dropouts = {"in": nn.Dropout(dropout_in), "out": nn.Dropout(dropout_out)}

    def forward(self, x, hx=None):
        x = self.dropouts["in"](x)
        y, hx = self.lstm(x, hx)
        return self.dropouts["out"](y), hx


class ListStateLSTM(nn.Module):
    """Time-first LSTM; states travel as a list [h, c]."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size * 4)
        self.h2h = nn.Linear(hidden_size, hidden_size * 4)

    def begin_state(self, x):
        return [x.new_zeros(x.size(1), self.hidden_size) for _ in range(2)]

    def forward(self, inputs, states=None):
        if states is None:
            states = self.begin_state(inputs)
        elif not isinstance(states, list):
            states = list(states)
        i2h = self.i2h(inputs)
        outputs = []
        for t in range(inputs.size(0)):
            gates = i2h[t] + self.h2h(states[0])
            in_gate, forget_gate, in_transform, out_gate = gates.chunk(4, dim=-1)
            states[1] = (torch.sigmoid(forget_gate) * states[1]
                         + torch.sigmoid(in_gate) * torch.tanh(in_transform))
            states[0] = torch.sigmoid(out_gate) * torch.tanh(states[1])
            outputs.append(states[0])
        return torch.stack(outputs), [states[0], states[1]]


class CheckpointLSTM(nn.Module):
    """LSTM whose checkpoints may be of another dtype or on another device."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.kernel = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.recurrent_kernel = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        for p in self.parameters():
            nn.init.uniform_(p, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def load_state_dict(self, state_dict, strict=True, assign=False):
        own = OrderedDict(self.named_parameters())
        missing = [k for k in own if k not in state_dict]
        unexpected = [k for k in state_dict if k not in own]
        if strict and (missing or unexpected):
            raise RuntimeError(f"missing keys {missing}, unexpected keys {unexpected}")
        for name, param in own.items():
            if name not in state_dict:
                continue
            value = state_dict[name]
            if value.shape != param.shape:
                raise RuntimeError(f"{name}: {tuple(value.shape)} in the checkpoint, {tuple(param.shape)} here")
            param.data = value.to(dtype=param.dtype, device=param.device)
        return _IncompatibleKeys(missing, unexpected)

    def forward(self, x: Tensor, state=None):
        if state is None:
            zeros = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype, device=x.device)
            state = (zeros, zeros)
        h, c = state
        outs = []
        for t in range(x.size(1)):
            z = F.linear(x[:, t], self.kernel) + F.linear(h, self.recurrent_kernel) + self.bias
            i, f, g, o = torch.split(z, self.hidden_size, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs, dim=1), (h, c)


class ByHandCell(nn.Module):
    """The textbook equations, step by step."""

    def __init__(self, in_features, hidden_features):
        super().__init__()
        self.hidden_features = hidden_features
        self.x2f = nn.Linear(in_features, hidden_features)
        self.x2i = nn.Linear(in_features, hidden_features)
        self.x2c = nn.Linear(in_features, hidden_features)
        self.x2o = nn.Linear(in_features, hidden_features)
        self.h2f = nn.Linear(hidden_features, hidden_features, bias=False)
        self.h2i = nn.Linear(hidden_features, hidden_features, bias=False)
        self.h2c = nn.Linear(hidden_features, hidden_features, bias=False)
        self.h2o = nn.Linear(hidden_features, hidden_features, bias=False)

    @staticmethod
    def sigma(a):
        return 1.0 / (1.0 + torch.exp(-a))

    def forward(self, x, h_prev=None, c_prev=None):
        if h_prev is None:
            h_prev = x.new_zeros(x.size(0), self.hidden_features)
        if c_prev is None:
            c_prev = x.new_zeros(x.size(0), self.hidden_features)
        f = self.sigma(self.x2f(x) + self.h2f(h_prev))
        i = self.sigma(self.x2i(x) + self.h2i(h_prev))
        c_hat = torch.tanh(self.x2c(x) + self.h2c(h_prev))
        o = self.sigma(self.x2o(x) + self.h2o(h_prev))
        c = f * c_prev + i * c_hat
        h = o * torch.tanh(c)
        return h, c


class TraceLSTM(nn.Module):
    """Gives all hidden states and all cell states, (time, batch, hidden) each."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lin = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h = x.new_zeros(B, self.hidden_size)
            c = x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        hs = torch.zeros(T, B, self.hidden_size, device=x.device)
        cs = torch.zeros(T, B, self.hidden_size, device=x.device)
        for t in range(T):
            i, f, g, o = self.lin(torch.cat([x[t], h], -1)).tensor_split(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs[t] = h
            cs[t] = c
        return hs, cs
