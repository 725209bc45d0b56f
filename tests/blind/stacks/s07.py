import torch
import torch.nn.functional as F
from torch import nn


class PlainDeepLSTM(nn.Module):
    """Deep LSTM with optional second direction, written with explicit index loops.

    All gate weights of layer l and direction d are found in ``self.W[l][d]`` as one matrix
    over [x, h, 1].
    """

    def __init__(self, nx, nh, nlayers=1, bidirectional=False):
        super().__init__()
        self.nh = nh
        self.nlayers = nlayers
        self.ndir = 2 if bidirectional else 1
        self.W = nn.ModuleList()
        for l in range(nlayers):
            fan = nx if l == 0 else nh * self.ndir
            self.W.append(nn.ParameterList([
                nn.Parameter(torch.randn(4 * nh, fan + nh + 1) * 0.08) for _ in range(self.ndir)
            ]))

    def forward(self, x, h=None, c=None):
        T, B = x.shape[0], x.shape[1]
        nh = self.nh
        if h is None:
            h = [[x.new_zeros(B, nh) for _ in range(self.ndir)] for _ in range(self.nlayers)]
        else:
            h = [list(row) for row in h]
        if c is None:
            c = [[x.new_zeros(B, nh) for _ in range(self.ndir)] for _ in range(self.nlayers)]
        else:
            c = [list(row) for row in c]
        one = x.new_ones(B, 1)

        below = x
        for l in range(self.nlayers):
            grid = [[None] * self.ndir for _ in range(T)]
            for d in range(self.ndir):
                for s in range(T):
                    t = s if d == 0 else T - 1 - s
                    a = torch.cat([below[t], h[l][d], one], dim=1) @ self.W[l][d].T
                    gi = torch.sigmoid(a[:, 0 * nh:1 * nh])
                    go = torch.sigmoid(a[:, 1 * nh:2 * nh])
                    gf = torch.sigmoid(a[:, 2 * nh:3 * nh])
                    gg = torch.tanh(a[:, 3 * nh:4 * nh])
                    c[l][d] = gf * c[l][d] + gi * gg
                    h[l][d] = go * torch.tanh(c[l][d])
                    grid[t][d] = h[l][d]
            below = torch.stack([torch.cat(row, dim=1) for row in grid])
        return below, h, c


class TaggerLSTM(nn.Module):
    """LSTM for sequence tagging, batch first."""

    def __init__(self, word_dim, lstm_dim, bidirectional=False):
        super().__init__()
        self.lstm_dim = lstm_dim
        self.cells = nn.ModuleList([nn.LSTMCell(word_dim, lstm_dim)])
        if bidirectional:
            self.cells.append(nn.LSTMCell(word_dim, lstm_dim))

    def _read(self, cell, words, h, c, reverse):
        if reverse:
            words = words.flip(1)
        hs, cs = [], []
        for w in words.unbind(1):
            h, c = cell(w, (h, c))
            hs.append(h)
            cs.append(c)
        hs, cs = torch.stack(hs, 1), torch.stack(cs, 1)
        if reverse:
            hs, cs = hs.flip(1), cs.flip(1)
        return hs, cs

    def forward(self, words, state=None):
        if state is None:
            zeros = words.new_zeros(len(self.cells), words.size(0), self.lstm_dim)
            state = (zeros, zeros)
        outputs, h_n, c_n = [], [], []
        for d, cell in enumerate(self.cells):
            hs, cs = self._read(cell, words, state[0][d], state[1][d], reverse=d > 0)
            outputs.append(hs)
            h_n.append(hs[:, -1])
            c_n.append(cs[:, -1])
        return torch.cat(outputs, -1), (torch.stack(h_n), torch.stack(c_n))


class HoistedLSTM(nn.Module):
    """LSTM layers with the input products computed for the whole sequence at once."""

    def __init__(self, input_channels, hidden_channels, num_layers=1, bias=True, batch_first=False,
                 forget_bias=1.0):
        super().__init__()
        self.hidden_channels = hidden_channels
        self.num_layers = num_layers
        self.batch_first = batch_first
        for l in range(num_layers):
            cols = hidden_channels if l else input_channels
            self.register_parameter(f"wx{l}", nn.Parameter(torch.empty(4 * hidden_channels, cols)))
            self.register_parameter(
                f"wh{l}", nn.Parameter(torch.empty(4 * hidden_channels, hidden_channels)))
            self.register_parameter(
                f"b{l}", nn.Parameter(torch.zeros(4 * hidden_channels)) if bias else None)
        self.reset_parameters(forget_bias)

    def reset_parameters(self, forget_bias):
        for name, p in self.named_parameters():
            if name.startswith("wx"):
                nn.init.xavier_uniform_(p)
            elif name.startswith("wh"):
                nn.init.orthogonal_(p)
            else:
                nn.init.constant_(p.data[self.hidden_channels:2 * self.hidden_channels], forget_bias)

    def forward(self, x, hc=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        finals = []
        for l in range(self.num_layers):
            wx, wh, b = (getattr(self, k + str(l)) for k in ("wx", "wh", "b"))
            if hc is None:
                h = x.new_zeros(x.size(1), self.hidden_channels)
                c = h
            else:
                h, c = hc[0][l], hc[1][l]
            pre = F.linear(x, wx, b)
            seq = []
            for t in range(pre.size(0)):
                gates = torch.addmm(pre[t], h, wh.t())
                i, f, g, o = gates.chunk(4, dim=1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                seq.append(h)
            x = torch.stack(seq, dim=0)
            finals.append(torch.stack((h, c)))
        if self.batch_first:
            x = x.transpose(0, 1)
        h_n, c_n = torch.stack(finals, dim=1)
        return x, (h_n, c_n)


class FeatureLSTM(nn.Module):
    """Deep LSTM for feature sequences of shape (batch, frames, n_feat)."""

    def __init__(self, n_feat, n_cells, n_layers=1):
        super().__init__()
        self.n_cells = n_cells
        self.n_layers = n_layers
        self.layers = nn.ModuleList(nn.LSTMCell(n_feat, n_cells) for _ in range(n_layers))

    def forward(self, feats, state=None):
        if state is None:
            h_prev = feats.new_zeros(self.n_layers, feats.size(0), self.n_cells)
            c_prev = feats.new_zeros(self.n_layers, feats.size(0), self.n_cells)
        else:
            h_prev, c_prev = state
        h, c = list(h_prev), list(c_prev)
        outputs = []
        for frame in feats.transpose(0, 1):
            for k, layer in enumerate(self.layers):
                h[k], c[k] = layer(frame, (h[k], c[k]))
            outputs.append(h[-1])
        return torch.stack(outputs, dim=1), (torch.stack(h), torch.stack(c))


class UnrolledLSTM(nn.Module):
    """Three-layer (by default) LSTM, unrolled in Python. Returns output, h and c."""

    def __init__(self, ninp, nhid, nlayers=3, dropout=0.0, bidirectional=False):
        super().__init__()
        self.nhid = nhid
        self.nlayers = nlayers
        self.p = dropout
        self.bidirectional = bidirectional
        self.names = []
        width = ninp
        for layer in range(nlayers):
            group = []
            for way in ("f", "b") if bidirectional else ("f",):
                name = "cell_{}{}".format(way, layer)
                self.add_module(name, nn.LSTMCell(width, nhid))
                group.append(name)
            self.names.append(group)
            width = nhid * len(group)

    def forward(self, x, h0=None, c0=None):
        k = 0
        h_n, c_n = [], []
        for depth, group in enumerate(self.names):
            if depth:
                x = F.dropout(x, p=self.p, training=self.training)
            sides = []
            for name in group:
                cell = getattr(self, name)
                h = x.new_zeros(x.shape[1], self.nhid) if h0 is None else h0[k]
                c = x.new_zeros(x.shape[1], self.nhid) if c0 is None else c0[k]
                k += 1
                flip = name.startswith("cell_b")
                seq = []
                for x_t in (reversed(x.unbind(0)) if flip else x.unbind(0)):
                    h, c = cell(x_t, (h, c))
                    seq.append(h)
                if flip:
                    seq.reverse()
                sides.append(torch.stack(seq))
                h_n.append(h)
                c_n.append(c)
            x = torch.cat(sides, dim=-1)
        return x, torch.stack(h_n), torch.stack(c_n)
