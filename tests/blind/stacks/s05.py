import torch
from torch import nn
from torch.nn import functional as F


class TextLSTM(nn.Module):
    """Multi-layer, optionally bidirectional LSTM for (batch, length, emb_dim) inputs.

    Args:
        emb_dim: size of the token embeddings
        hid_dim: size of the hidden state in each direction
        n_layers: number of layers
        bidirectional: read the sequence in both directions

    ``hidden`` is a tuple (h_0, c_0), each (n_layers * n_directions, batch, hid_dim).
    """

    def __init__(self, emb_dim, hid_dim, n_layers=1, bidirectional=False):
        super().__init__()
        self.hid_dim = hid_dim
        self.n_layers = n_layers
        self.n_directions = 2 if bidirectional else 1
        self.layers = nn.ModuleList()
        for layer in range(n_layers):
            d_in = emb_dim if layer == 0 else hid_dim * self.n_directions
            self.layers.append(
                nn.ModuleList([nn.LSTMCell(d_in, hid_dim) for _ in range(self.n_directions)]))

    def forward(self, x, hidden=None):
        batch, length = x.size(0), x.size(1)
        if hidden is None:
            z = x.new_zeros(self.n_layers * self.n_directions, batch, self.hid_dim)
            hidden = (z, z)
        h_n, c_n = [], []
        for layer, cells in enumerate(self.layers):
            halves = []
            for direction, cell in enumerate(cells):
                h = hidden[0][layer + direction]
                c = hidden[1][layer + direction]
                positions = range(length) if direction == 0 else range(length - 1, -1, -1)
                states = {}
                for pos in positions:
                    h, c = cell(x[:, pos], (h, c))
                    states[pos] = h
                halves.append(torch.stack([states[pos] for pos in range(length)], dim=1))
                h_n.append(h)
                c_n.append(c)
            x = torch.cat(halves, dim=-1)
        return x, (torch.stack(h_n, dim=0), torch.stack(c_n, dim=0))


class StepwiseLSTM(nn.Module):
    """LSTM stack with its own (inverted) dropout between successive layers."""

    def __init__(self, n_in, n_hid, num_layers=1, p_drop=0.0):
        super().__init__()
        assert 0.0 <= p_drop < 1.0
        self.n_hid = n_hid
        self.num_layers = num_layers
        self.p_drop = p_drop
        self.w = nn.ParameterList()
        self.b = nn.ParameterList()
        for k in range(num_layers):
            fan_in = (n_in if k == 0 else n_hid) + n_hid
            self.w.append(nn.Parameter(torch.randn(fan_in, 4, n_hid) / fan_in ** 0.5))
            self.b.append(nn.Parameter(torch.zeros(4, n_hid)))

    def _mask(self, v):
        keep = 1.0 - self.p_drop
        return v * torch.rand_like(v).lt(keep).to(v.dtype) / keep

    def _update(self, k, v, h, c):
        z = torch.einsum("bi,igh->gbh", torch.cat([h, v], dim=1), self.w[k])
        z = z + self.b[k].unsqueeze(1)
        o, g, f, i = z[0].sigmoid(), z[1].tanh(), z[2].sigmoid(), z[3].sigmoid()
        c = torch.addcmul(f * c, i, g)
        return o * c.tanh(), c

    def forward(self, x, states=None):
        steps, batch, _ = x.shape
        if states is None:
            states = [None] * self.num_layers
        states = [
            s if s is not None else (x.new_zeros(batch, self.n_hid), x.new_zeros(batch, self.n_hid))
            for s in states
        ]
        collected = []
        for t in range(steps):
            v = x[t]
            for k in range(self.num_layers):
                if k and self.training and self.p_drop:
                    v = self._mask(v)
                h, c = self._update(k, v, *states[k])
                states[k] = (h, c)
                v = h
            collected.append(v)
        return torch.stack(collected), states


class ContextLSTM(nn.Module):
    """Stacked LSTM. In the bidirectional case every layer holds a forward and a backward cell,
    and the output is the concatenation of the two halves of the top layer."""

    def __init__(self, input_dim, hidden_dim, num_layers=1, bidirectional=False):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        dims = [input_dim] + [hidden_dim] * (num_layers - 1)
        self.fw = nn.ModuleList([nn.LSTMCell(d, hidden_dim) for d in dims])
        if bidirectional:
            self.bw = nn.ModuleList([nn.LSTMCell(d, hidden_dim) for d in dims])

    def _unroll(self, cell, inputs):
        h = inputs[0].new_zeros(inputs[0].size(0), self.hidden_dim)
        c = torch.zeros_like(h)
        hs = []
        for inp in inputs:
            h, c = cell(inp, (h, c))
            hs.append(h)
        return hs

    def forward(self, x):
        inputs = [x[:, t] for t in range(x.size(1))]
        for layer in range(self.num_layers):
            left = self._unroll(self.fw[layer], inputs)
            out = torch.stack(left, dim=1)
            if self.bidirectional:
                right = self._unroll(self.bw[layer], inputs[::-1])[::-1]
                out = torch.cat([out, torch.stack(right, dim=1)], dim=-1)
            inputs = left
        return out


class OutputOnlyLSTM(nn.Module):
    """LSTM layers that start from zero and give back the top layer's hidden sequence only."""

    def __init__(self, d_in, d_model, depth=3):
        super().__init__()
        self.d_model = d_model
        self.input_maps = nn.ModuleList(
            [nn.Linear(d, 4 * d_model) for d in [d_in] + [d_model] * (depth - 1)])
        self.state_maps = nn.ModuleList(
            [nn.Linear(d_model, 4 * d_model, bias=False) for _ in range(depth)])

    def forward(self, x):
        for to_gates, recur in zip(self.input_maps, self.state_maps):
            pre = to_gates(x)
            h = c = x.new_zeros(x.shape[0], self.d_model)
            ys = []
            for p in pre.unbind(1):
                p = p + recur(h)
                g, i, f, o = p.split(self.d_model, dim=-1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                ys.append(h)
            x = torch.stack(ys, dim=1)
        return x


class ForwardBackwardLSTM(nn.Module):
    """Time-major LSTM layer, h0 and c0 of shape (num_directions, batch, size)."""

    def __init__(self, inp_size, size, bidirectional=False, bias=True):
        super().__init__()
        self.size = size
        self.bias = bias
        self.bidirectional = bidirectional
        for tag in self._tags():
            setattr(self, "w_x_" + tag, nn.Parameter(torch.empty(4 * size, inp_size)))
            setattr(self, "w_h_" + tag, nn.Parameter(torch.empty(4 * size, size)))
            if bias:
                setattr(self, "b_" + tag, nn.Parameter(torch.empty(4 * size)))
        for p in self.parameters():
            nn.init.uniform_(p, -size ** -0.5, size ** -0.5)

    def _tags(self):
        return ("forward", "backward") if self.bidirectional else ("forward",)

    def forward(self, x, h0=None, c0=None):
        T, N = x.shape[:2]
        n_dir = len(self._tags())
        h0 = x.new_zeros(n_dir, N, self.size) if h0 is None else h0
        c0 = x.new_zeros(n_dir, N, self.size) if c0 is None else c0

        y = []
        h_last, c_last = [], []
        for k, tag in enumerate(self._tags()):
            w_x, w_h = getattr(self, "w_x_" + tag), getattr(self, "w_h_" + tag)
            b = getattr(self, "b_" + tag) if self.bias else None
            h, c = h0[k], c0[k]
            track = []
            for step in range(T):
                t = step if tag == "forward" else T - 1 - step
                i, f, g, o = (F.linear(x[t], w_x, b) + F.linear(h, w_h)).chunk(4, -1)
                c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()))
                h = o.sigmoid().mul(c.tanh())
                if tag == "forward":
                    track.append(h)
                else:
                    track.insert(0, h)
            y.append(torch.stack(track))
            h_last.append(h)
            c_last.append(c)
        return torch.cat(y, 2), torch.stack(h_last), torch.stack(c_last)
