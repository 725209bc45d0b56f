import torch
import torch.nn as nn


class WindowLSTM(nn.Module):
    """LSTM over fixed-size windows of sensor readings.

    windows: (batch, steps, n_sensors)
    state:   (h_0, c_0), each (directions, batch, n_hidden), zeros if omitted
    """

    def __init__(self, n_sensors, n_hidden, bidirectional=False):
        super().__init__()
        self.n_hidden = n_hidden
        self.bidirectional = bidirectional
        self.forward_gates = nn.Linear(n_sensors + n_hidden, 4 * n_hidden)
        if bidirectional:
            self.backward_gates = nn.Linear(n_sensors + n_hidden, 4 * n_hidden)

    def _start(self, windows, state):
        if state is None:
            z = windows.new_zeros(windows.size(0), self.n_hidden)
            return z, z
        h_0, c_0 = state
        return h_0[0], c_0[0]

    def _pass(self, gates, windows, start, steps):
        h, c = start
        seen = {}
        for t in steps:
            i, f, o, g = gates(torch.cat([h, windows[:, t]], dim=1)).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            seen[t] = h
        return torch.stack([seen[t] for t in sorted(seen)], dim=1), h, c

    def forward(self, windows, state=None):
        n = windows.size(1)
        start = self._start(windows, state)
        out, h, c = self._pass(self.forward_gates, windows, start, range(n))
        if not self.bidirectional:
            return out, (h[None], c[None])
        out_b, h_b, c_b = self._pass(self.backward_gates, windows, start, range(n)[::-1])
        return torch.cat([out, out_b], dim=-1), (torch.stack([h, h_b]), torch.stack([c, c_b]))


class CellStackLSTM(nn.Module):
    """LSTM with a bottom cell that reads the input and further cells on top of it."""

    def __init__(self, n_features, n_hidden, num_layers=1):
        super().__init__()
        self.n_hidden = n_hidden
        self.num_layers = num_layers
        self.bottom = nn.LSTMCell(n_features, n_hidden)
        self.upper = [nn.LSTMCell(n_hidden, n_hidden) for _ in range(num_layers - 1)]

    def forward(self, x, state=None):
        if state is None:
            zero = x.new_zeros(x.size(0), self.n_hidden)
            state = [(zero, zero) for _ in range(self.num_layers)]
        state = list(state)
        outputs = []
        for t in range(x.size(1)):
            state[0] = self.bottom(x[:, t], state[0])
            for k, cell in enumerate(self.upper, start=1):
                state[k] = cell(state[k - 1][0], state[k])
            outputs.append(state[-1][0])
        return torch.stack(outputs, dim=1), state


class MergeModeLSTM(nn.Module):
    """LSTM layers with a choice of how the two directions are merged after every layer.

    merge_mode: 'concat', 'sum' or 'ave'
    """

    def __init__(self, input_dim, units, layers=1, bidirectional=False, merge_mode="concat"):
        super().__init__()
        if merge_mode not in ("concat", "sum", "ave"):
            raise ValueError("unknown merge_mode: %r" % (merge_mode,))
        self.units = units
        self.layers = layers
        self.bidirectional = bidirectional
        self.merge_mode = merge_mode
        self.num_dirs = 2 if bidirectional else 1
        merged = 2 * units if bidirectional and merge_mode == "concat" else units

        self.cells = nn.ModuleDict()
        for layer in range(layers):
            n_in = input_dim if layer == 0 else merged
            self.cells["fwd_%d" % layer] = nn.LSTMCell(n_in, units)
            if bidirectional:
                self.cells["bwd_%d" % layer] = nn.LSTMCell(n_in, units)

    def merge(self, a, b):
        if self.merge_mode == "concat":
            return torch.cat((a, b), dim=-1)
        if self.merge_mode == "sum":
            return a + b
        return (a + b) / 2

    def scan(self, cell, x, state):
        h, c = state
        out = []
        for t in range(x.size(1)):
            h, c = cell(x[:, t], (h, c))
            out.append(h)
        return torch.stack(out, dim=1), (h, c)

    def forward(self, x, h_0=None, c_0=None):
        if h_0 is None:
            h_0 = x.new_zeros(self.layers * self.num_dirs, x.size(0), self.units)
        if c_0 is None:
            c_0 = torch.zeros_like(h_0)
        starts = iter(zip(h_0.unbind(0), c_0.unbind(0)))
        ends = []
        for layer in range(self.layers):
            out, end = self.scan(self.cells["fwd_%d" % layer], x, next(starts))
            ends.append(end)
            if self.bidirectional:
                back, end = self.scan(self.cells["bwd_%d" % layer], x.flip(1), next(starts))
                ends.append(end)
                out = self.merge(out, back.flip(1))
            x = out
        h_n, c_n = (torch.stack(s) for s in zip(*ends))
        return x, h_n, c_n


class RollingLSTM(nn.Module):
    """Layer-by-layer LSTM on (time, batch, channels)."""

    def __init__(self, channels, hidden_channels, num_layers=1):
        super().__init__()
        self.hidden_channels = hidden_channels
        self.num_layers = num_layers
        widths = [channels] + [hidden_channels] * num_layers
        self.weight_x = nn.ParameterList(
            [nn.Parameter(torch.empty(4 * hidden_channels, w)) for w in widths[:-1]])
        self.weight_h = nn.ParameterList(
            [nn.Parameter(torch.empty(4 * hidden_channels, hidden_channels)) for w in widths[1:]])
        self.offset = nn.ParameterList(
            [nn.Parameter(torch.zeros(4 * hidden_channels)) for w in widths[1:]])
        for w in list(self.weight_x) + list(self.weight_h):
            nn.init.xavier_normal_(w)

    def forward(self, x, state=None):
        h = x.new_zeros(x.shape[1], self.hidden_channels)
        c = x.new_zeros(x.shape[1], self.hidden_channels)
        h_out, c_out = [], []
        for layer in range(self.num_layers):
            if state is not None:
                h, c = state[0][layer], state[1][layer]
            wx, wh, b = self.weight_x[layer], self.weight_h[layer], self.offset[layer]
            seq = []
            for x_t in x:
                i, f, g, o = torch.chunk(x_t @ wx.t() + h @ wh.t() + b, 4, dim=1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                seq.append(h)
            x = torch.stack(seq)
            h_out.append(h)
            c_out.append(c)
        return x, (torch.stack(h_out), torch.stack(c_out))


class BatchMajorLSTM(nn.Module):
    """Everything batch first: x is (batch, time, in), the states are (batch, depth, hidden)."""

    def __init__(self, in_size, hidden, depth=2, bias=True):
        super().__init__()
        self.hidden = hidden
        self.depth = depth
        self.wi = nn.ModuleList()
        self.wf = nn.ModuleList()
        self.wo = nn.ModuleList()
        self.wc = nn.ModuleList()
        for level in range(depth):
            size = hidden + (hidden if level else in_size)
            for group in (self.wi, self.wf, self.wo, self.wc):
                group.append(nn.Linear(size, hidden, bias=bias))

    def forward(self, x, h=None, c=None):
        b, t_max, _ = x.shape
        if h is None:
            h = x.new_zeros(b, self.depth, self.hidden)
        if c is None:
            c = x.new_zeros(b, self.depth, self.hidden)
        hs, cs = list(h.unbind(1)), list(c.unbind(1))

        result = []
        for t in range(t_max):
            for level in range(self.depth):
                source = hs[level - 1] if level else x[:, t]
                hx = torch.cat((hs[level], source), dim=1)
                forget = torch.sigmoid(self.wf[level](hx))
                write = torch.sigmoid(self.wi[level](hx))
                read = torch.sigmoid(self.wo[level](hx))
                cs[level] = forget * cs[level] + write * torch.tanh(self.wc[level](hx))
                hs[level] = read * torch.tanh(cs[level])
            result.append(hs[-1])
        return torch.stack(result, 1), (torch.stack(hs, 1), torch.stack(cs, 1))
