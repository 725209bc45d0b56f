import math

import torch
import torch.nn as nn


class TranslatorLSTM(nn.Module):
    """Deep LSTM used on the encoder side of a translation model.

    src: (src_len, batch, emb_size); returns the annotations of the top layer and, for the
    decoder, the list of final (h, c) of every layer.
    """

    def __init__(self, emb_size, hidden_size, n_layers=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.cells = nn.ModuleList(
            [nn.LSTMCell(emb_size if k == 0 else hidden_size, hidden_size) for k in range(n_layers)])

    def run_layer(self, k, inputs, state):
        annotations = []
        for x in inputs:
            state = self.cells[k](x, state)
            annotations.append(state[0])
        return torch.stack(annotations), state

    def forward(self, src, states=None):
        if states is None:
            zeros = src.new_zeros(src.size(1), self.hidden_size)
            states = [(zeros, zeros)] * self.n_layers
        final = []
        seq = src
        for k in range(self.n_layers):
            out, last = self.run_layer(k, seq, states[k])
            final.append(last)
            if 0 < k < self.n_layers - 1:
                out = out + seq
            seq = out
        return seq, final


class CompactLSTM(nn.Module):
    """LSTM with all weights of all layers and directions in one flat parameter vector.

    The blocks follow each other as (w_ih, w_hh, bias) for layer 0 forward, layer 0 backward,
    layer 1 forward, and so on.
    """

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False,
                 batch_first=False):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_directions = 2 if bidirectional else 1
        self.batch_first = batch_first
        self.layout = []
        for layer in range(num_layers):
            width = input_size if layer == 0 else self.num_directions * hidden_size
            for _ in range(self.num_directions):
                self.layout += [(4 * hidden_size, width), (4 * hidden_size, hidden_size),
                                (4 * hidden_size,)]
        total = sum(math.prod(shape) for shape in self.layout)
        k = 1 / math.sqrt(hidden_size)
        self.flat = nn.Parameter(torch.empty(total).uniform_(-k, k))

    def unpack(self):
        sizes = [math.prod(shape) for shape in self.layout]
        pieces = [v.view(shape) for v, shape in zip(self.flat.split(sizes), self.layout)]
        return [pieces[n:n + 3] for n in range(0, len(pieces), 3)]

    def forward(self, x, hx=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        T, B, _ = x.shape
        rows = self.num_layers * self.num_directions
        if hx is None:
            h_in = c_in = x.new_zeros(rows, B, self.hidden_size)
        else:
            h_in, c_in = hx
        h_out, c_out = [], []
        for row, (w_ih, w_hh, b) in enumerate(self.unpack()):
            layer, direction = divmod(row, self.num_directions)
            if direction == 0:
                source = x if layer == 0 else torch.cat(sides, dim=2)
                sides = []
            h, c = h_in[row], c_in[row]
            ys = []
            for t in range(T):
                x_t = source[-1 - t] if direction else source[t]
                i, f, g, o = (w_ih @ x_t.t() + w_hh @ h.t() + b[:, None]).t().chunk(4, dim=1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                ys.append(h)
            sides.append(torch.stack(ys[::-1] if direction else ys))
            h_out.append(h)
            c_out.append(c)
        y = torch.cat(sides, dim=2)
        if self.batch_first:
            y = y.transpose(0, 1)
        return y, (torch.stack(h_out), torch.stack(c_out))


class MemoryLSTM(nn.Module):
    """Multi-layer LSTM, x: (batch, time, dim), h and c: (n_layers, batch, mem_dim)."""

    def __init__(self, in_dim, mem_dim, n_layers=1):
        super().__init__()
        self.mem_dim = mem_dim
        self.n_layers = n_layers
        self.ix = nn.ModuleList()
        self.ih = nn.ModuleList()
        self.fx = nn.ModuleList()
        self.fh = nn.ModuleList()
        self.ox = nn.ModuleList()
        self.oh = nn.ModuleList()
        self.ux = nn.ModuleList()
        self.uh = nn.ModuleList()
        for layer in range(n_layers):
            d = in_dim if layer == 0 else mem_dim
            for x_map, h_map in self._groups():
                x_map.append(nn.Linear(d, mem_dim))
                h_map.append(nn.Linear(mem_dim, mem_dim))

    def _groups(self):
        return ((self.ix, self.ih), (self.fx, self.fh), (self.ox, self.oh), (self.ux, self.uh))

    def node(self, layer, x, h, c):
        i, f, o, u = (x_map[layer](x) + h_map[layer](h) for x_map, h_map in self._groups())
        c = torch.sigmoid(i) * torch.tanh(u) + torch.sigmoid(f) * c
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c

    def forward(self, x, h_0=None, c_0=None):
        shape = (self.n_layers, x.size(0), self.mem_dim)
        h_0 = x.new_zeros(shape) if h_0 is None else h_0
        c_0 = x.new_zeros(shape) if c_0 is None else c_0
        h_n = x.new_zeros((0,) + shape[1:])
        c_n = x.new_zeros((0,) + shape[1:])
        for layer in range(self.n_layers):
            h, c = h_0[layer], c_0[layer]
            seq = []
            for t in range(x.size(1)):
                h, c = self.node(layer, x[:, t], h, c)
                seq.append(h)
            x = torch.stack(seq, dim=1)
            h_n = torch.cat((h_n, h.unsqueeze(0)))
            c_n = torch.cat((c.unsqueeze(0), c_n))
        return x, h_n, c_n


class SpeechLSTM(nn.Module):
    """LSTM layers with dropout in between, for (batch, frames, n_mels) input."""

    def __init__(self, n_mels, n_hidden, n_layers=2, dropout=0.0):
        super().__init__()
        self.n_hidden = n_hidden
        self.n_layers = n_layers
        self.dropout = dropout
        self.cells = nn.ModuleList()
        for n in range(n_layers):
            self.cells.append(nn.LSTMCell(n_mels if n == 0 else n_hidden, n_hidden))

    def drop(self, x):
        if not self.training or self.dropout == 0.0:
            return x
        mask = torch.bernoulli(torch.full_like(x, 1.0 - self.dropout))
        return x * mask

    def forward(self, x, state=None):
        if state is None:
            state = tuple(x.new_zeros(self.n_layers, x.size(0), self.n_hidden) for _ in range(2))
        h_0, c_0 = state
        h_n, c_n = torch.zeros_like(h_0), torch.zeros_like(c_0)
        h_n, c_n = list(h_n), list(c_n)
        for n, cell in enumerate(self.cells):
            if n > 0:
                x = self.drop(x)
            h, c = h_0[n], c_0[n]
            ys = []
            for t in range(x.size(1)):
                h, c = cell(x[:, t], (h, c))
                ys.append(h)
            x = torch.stack(ys, 1)
            h_n[n], c_n[n] = h, c
        return x, (torch.stack(h_n), torch.stack(c_n))


class LanguageLSTM(nn.Module):
    """LSTM layers for a word level language model. ``hidden`` is a list with an (h, c) pair
    for each layer, both of shape (1, batch, nhid), as produced by ``init_hidden``."""

    def __init__(self, ninp, nhid, nlayers=1, dropouth=0.0):
        super().__init__()
        self.nhid = nhid
        self.nlayers = nlayers
        self.w = nn.ParameterDict()
        for l in range(nlayers):
            n = ninp if l == 0 else nhid
            self.w["x%d" % l] = nn.Parameter(torch.empty(n, 4 * nhid).uniform_(-0.1, 0.1))
            self.w["h%d" % l] = nn.Parameter(torch.empty(nhid, 4 * nhid).uniform_(-0.1, 0.1))
            self.w["b%d" % l] = nn.Parameter(torch.zeros(4 * nhid))
        self.hdrop = nn.Dropout(dropouth)

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        return [(weight.new_zeros(1, bsz, self.nhid), weight.new_zeros(1, bsz, self.nhid))
                for _ in range(self.nlayers)]

    def forward(self, emb, hidden=None):
        if hidden is None:
            hidden = self.init_hidden(emb.size(1))
        raw_output, new_hidden = emb, []
        for l in range(self.nlayers):
            wx, wh, b = (self.w[k + str(l)] for k in "xhb")
            h, c = (s.squeeze(0) for s in hidden[l])
            ins = torch.matmul(raw_output, wx) + b
            outs = []
            for t in range(ins.size(0)):
                o, f, i, g = (ins[t] + torch.matmul(h, wh)).chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                outs.append(h)
            raw_output = torch.stack(outs)
            new_hidden.append((h.unsqueeze(0), c.unsqueeze(0)))
            if l != self.nlayers - 1:
                raw_output = self.hdrop(raw_output)
        return raw_output, new_hidden
