import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class StackedLSTM(nn.Module):
    """Multi-layer LSTM made of LSTMCells.

    x: (batch, time, features), hx: optional (h_0, c_0), each (num_layers, batch, hidden).
    """

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        cells = []
        for i in range(num_layers):
            cells.append(nn.LSTMCell(input_size if i == 0 else hidden_size, hidden_size))
        self.cells = nn.ModuleList(cells)

    def forward(self, x, hx=None):
        batch, steps, _ = x.shape
        if hx is None:
            zeros = x.new_zeros(self.num_layers, batch, self.hidden_size)
            hx = (zeros, zeros)
        h = list(hx[0].unbind(0))
        c = list(hx[1].unbind(0))

        top = []
        for t in range(steps):
            inp = x[:, t]
            for i, cell in enumerate(self.cells):
                h[i], c[i] = cell(inp, (h[i], c[i]))
                inp = h[i]
            top.append(inp)
        return torch.stack(top, dim=1), (torch.stack(h), torch.stack(c))


class DeepSequenceLSTM(nn.Module):
    """LSTM for sequences of shape (seq_len, batch, n_inputs)."""

    def __init__(self, n_inputs, n_hidden, depth=1):
        super().__init__()
        self.n_hidden = n_hidden
        self.depth = depth
        self.gates = nn.ModuleList()
        width = n_inputs
        for _ in range(depth):
            self.gates.append(nn.Linear(width + n_hidden, 4 * n_hidden))
            width = n_hidden

    def forward(self, x, state=None):
        seq_len, batch, _ = x.size()
        if state is None:
            h = torch.zeros(batch, self.n_hidden, dtype=x.dtype, device=x.device)
            c = torch.zeros(batch, self.n_hidden, dtype=x.dtype, device=x.device)
        else:
            h, c = state

        outputs = []
        for t in range(seq_len):
            inp = x[t]
            for gate in self.gates:
                z = gate(torch.cat([inp, h], dim=1))
                i, f, o, g = torch.split(z, self.n_hidden, dim=1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                inp = h
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class TwoWayLSTM(nn.Module):
    """Single layer LSTM, optionally bidirectional, with fused weights.

    Parameters are kept in lists, one entry per direction.
    """

    def __init__(self, in_dim, hid_dim, bidirectional=False):
        super().__init__()
        self.hid_dim = hid_dim
        self.directions = 2 if bidirectional else 1
        self.w = nn.ParameterList()
        self.u = nn.ParameterList()
        self.b = nn.ParameterList()
        for _ in range(self.directions):
            self.w.append(nn.Parameter(torch.empty(in_dim, 4 * hid_dim)))
            self.u.append(nn.Parameter(torch.empty(hid_dim, 4 * hid_dim)))
            self.b.append(nn.Parameter(torch.zeros(4 * hid_dim)))
        bound = 1.0 / math.sqrt(hid_dim)
        for p in list(self.w) + list(self.u):
            nn.init.uniform_(p, -bound, bound)

    def _scan(self, k, seq, h, c):
        proj = seq @ self.w[k] + self.b[k]
        hs = []
        for t in range(seq.size(1)):
            f, i, g, o = (proj[:, t] + h @ self.u[k]).chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hs.append(h)
        return torch.stack(hs, dim=1), h, c

    def forward(self, x, state=None):
        if state is None:
            h0 = x.new_zeros(self.directions, x.size(0), self.hid_dim)
            c0 = torch.zeros_like(h0)
        else:
            h0, c0 = state

        y, h, c = self._scan(0, x, h0[0], c0[0])
        if self.directions == 1:
            return y, (h.unsqueeze(0), c.unsqueeze(0))

        yr, hr, cr = self._scan(1, x.flip(1), h0[1], c0[1])
        y = torch.cat((y, yr.flip(1)), dim=-1)
        return y, (torch.stack((h, hr)), torch.stack((c, cr)))


class LayeredLSTM(nn.Module):
    """Stack of LSTM layers with dropout on the connections between them."""

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList([nn.LSTMCell(s, hidden_size) for s in sizes])

    def forward(self, x, h_0=None, c_0=None):
        # x is (seq, batch, feature)
        T, B = x.shape[0], x.shape[1]
        if h_0 is None:
            h_0 = x.new_zeros(self.num_layers, B, self.hidden_size)
        if c_0 is None:
            c_0 = x.new_zeros(self.num_layers, B, self.hidden_size)

        h_n, c_n = [], []
        out = x
        for idx, cell in enumerate(self.layers):
            if idx > 0 and self.dropout > 0:
                out = F.dropout(out, self.dropout)
            h, c = h_0[idx], c_0[idx]
            steps = []
            for t in range(T):
                h, c = cell(out[t], (h, c))
                steps.append(h)
            out = torch.stack(steps, 0)
            h_n.append(h)
            c_n.append(c)
        return out, torch.stack(h_n, 0), torch.stack(c_n, 0)


class GatewiseLSTM(nn.Module):
    """LSTM written gate by gate, after the equations in Graves (2013) without peepholes.

    Returns the outputs of the top layer together with one hidden and one cell
    state for each layer, as two lists.
    """

    def __init__(self, input_dim, hidden_dim, n_layers=1):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.n_layers = n_layers
        self.x_gates = nn.ModuleList()
        self.h_gates = nn.ModuleList()
        for layer in range(n_layers):
            d = input_dim if layer == 0 else hidden_dim
            self.x_gates.append(nn.ModuleDict({k: nn.Linear(d, hidden_dim) for k in "ifgo"}))
            self.h_gates.append(
                nn.ModuleDict({k: nn.Linear(hidden_dim, hidden_dim, bias=False) for k in "ifgo"})
            )

    def cell(self, layer, x, h, c):
        xg, hg = self.x_gates[layer], self.h_gates[layer]
        i = torch.sigmoid(xg["i"](x) + hg["i"](h))
        f = torch.sigmoid(xg["f"](x) + hg["f"](h))
        g = torch.tanh(xg["g"](x) + hg["g"](h))
        o = torch.sigmoid(xg["o"](x) + hg["o"](h))
        c = f * c + i * g
        return o * torch.tanh(c), c

    def init_state(self, x):
        shape = (x.size(1), self.hidden_dim)
        h = [x.new_zeros(shape) for _ in range(self.n_layers)]
        c = [x.new_zeros(shape) for _ in range(self.n_layers)]
        return h, c

    def forward(self, x, states=None):
        h, c = self.init_state(x) if states is None else (list(states[0]), list(states[1]))
        ys = []
        for x_t in x:
            for layer in range(self.n_layers):
                below = x_t if layer == 0 else h[layer - 1]
                h[layer], c[layer] = self.cell(layer, below, h[layer], c[layer])
            ys.append(h[-1])
        return torch.stack(ys), h, c
