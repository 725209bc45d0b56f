from collections import namedtuple
from typing import NamedTuple, Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F


class PhonemeLSTM(nn.Module):
    """LSTM encoder for (batch, time, n_feats) sequences in one or both directions."""

    def __init__(self, n_feats, n_units, bidirectional=False):
        super().__init__()
        self.n_units = n_units
        self.num_directions = 2 if bidirectional else 1
        cell = nn.LSTMCell(n_feats, n_units)
        self.cells = nn.ModuleList([cell for _ in range(self.num_directions)])

    def forward(self, x, h0=None, c0=None):
        if h0 is None:
            h0 = x.new_zeros(self.num_directions, x.size(0), self.n_units)
        if c0 is None:
            c0 = x.new_zeros(self.num_directions, x.size(0), self.n_units)

        outs, hs, cs = [], [], []
        for d, cell in enumerate(self.cells):
            seq = x if d == 0 else torch.flip(x, dims=[1])
            h, c = h0[d], c0[d]
            out = []
            for x_t in torch.unbind(seq, dim=1):
                h, c = cell(x_t, (h, c))
                out.append(h)
            out = torch.stack(out, dim=1)
            outs.append(out if d == 0 else torch.flip(out, dims=[1]))
            hs.append(h)
            cs.append(c)
        return torch.cat(outs, dim=-1), torch.stack(hs), torch.stack(cs)


class TransducerLSTM(nn.Module):
    """Encoder used for the transducer experiments.

    The state is a flat list of (h, c) pairs, ordered layer by layer and, inside a layer,
    forward direction first.
    """

    def __init__(self, input_dim, hidden_dim, n_layers=2, bidirectional=False, dropout=0.0):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.n_layers = n_layers
        self.n_dirs = 2 if bidirectional else 1
        self.dropout = dropout
        self.cells = nn.ModuleList()
        size = input_dim
        for _ in range(n_layers):
            for _ in range(self.n_dirs):
                self.cells.append(nn.LSTMCell(size, hidden_dim))
            size = hidden_dim * self.n_dirs

    def forward(self, x, states=None):
        T, B, _ = x.shape
        if states is None:
            states = [(x.new_zeros(B, self.hidden_dim),) * 2] * len(self.cells)
        new_states = []
        feats = list(x)
        for layer in range(self.n_layers):
            columns = []
            for d in range(self.n_dirs):
                k = layer * self.n_dirs + d
                state = states[k]
                hist = []
                for x_t in (feats if d == 0 else feats[::-1]):
                    state = self.cells[k](x_t, state)
                    hist.append(state[0])
                columns.append(hist if d == 0 else hist[::-1])
                new_states.append(tuple(state))
            feats = [torch.cat(hs, dim=-1) for hs in zip(*columns)]
            if layer + 1 < self.n_layers:
                feats = list(F.dropout(torch.stack(feats), self.dropout, self.training))
        return torch.stack(feats), new_states


class CharLSTM(nn.Module):
    """Character level LSTM, all layers in plain parameters.

    inp: (seq_len, batch, n_chars)
    """

    def __init__(self, input_size, hidden_size, n_layers=1):
        super(CharLSTM, self).__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        for n in range(n_layers):
            in_size = input_size if n == 0 else hidden_size
            setattr(self, 'i2h_%d' % n, nn.Linear(in_size, 4 * hidden_size))
            setattr(self, 'h2h_%d' % n, nn.Linear(hidden_size, 4 * hidden_size))

    def step(self, n, x, h, c):
        preact = getattr(self, 'i2h_%d' % n)(x) + getattr(self, 'h2h_%d' % n)(h)
        gates = preact[:, :3 * self.hidden_size].sigmoid()
        g_t = preact[:, 3 * self.hidden_size:].tanh()
        i_t = gates[:, :self.hidden_size]
        f_t = gates[:, self.hidden_size:2 * self.hidden_size]
        o_t = gates[:, -self.hidden_size:]
        c_t = torch.mul(c, f_t) + torch.mul(i_t, g_t)
        h_t = torch.mul(o_t, c_t.tanh())
        return h_t, c_t

    def forward(self, inp, hidden=None):
        if hidden is None:
            zeros = torch.zeros(self.n_layers, inp.size(1), self.hidden_size).to(inp)
            hidden = (zeros, zeros.clone())
        h_list, c_list = [], []
        seq = inp
        for n in range(self.n_layers):
            h, c = hidden[0][n], hidden[1][n]
            outputs = []
            for t in range(seq.size(0)):
                h, c = self.step(n, seq[t], h, c)
                outputs.append(h)
            output = torch.stack(outputs, 0)
            seq = output.data
            h_list.append(h)
            c_list.append(c)
        return output, (torch.stack(h_list, 0), torch.stack(c_list, 0))


class RecurrentOutput(NamedTuple):
    output: torch.Tensor
    hidden: torch.Tensor
    cell: torch.Tensor


class AveragedBiLSTM(nn.Module):
    """LSTM layer; with ``bidirectional`` the two directions are averaged so that the output
    size is ``units`` in either case."""

    def __init__(self, in_features: int, units: int, bidirectional: bool = True,
                 time_major: bool = False):
        super().__init__()
        self.units = units
        self.bidirectional = bidirectional
        self.time_major = time_major
        n = 2 if bidirectional else 1
        self.kernel = nn.Parameter(torch.empty(n, in_features, 4 * units))
        self.recurrent_kernel = nn.Parameter(torch.empty(n, units, 4 * units))
        self.bias = nn.Parameter(torch.zeros(n, 4 * units))
        for d in range(n):
            nn.init.xavier_uniform_(self.kernel[d])
            nn.init.orthogonal_(self.recurrent_kernel[d])
        with torch.no_grad():
            self.bias[:, units:2 * units] = 1.0

    def forward(self, x: torch.Tensor,
                initial_state: Optional[Tuple[torch.Tensor, torch.Tensor]] = None):
        if not self.time_major:
            x = x.transpose(0, 1)
        steps, batch = x.shape[0], x.shape[1]
        if self.bidirectional:
            seq = torch.stack([x, x.flip(0)], dim=1)
        else:
            seq = x.unsqueeze(1)
        n = seq.shape[1]
        if initial_state is None:
            h = c = x.new_zeros(n, batch, self.units)
        else:
            h, c = initial_state

        # both directions advance together: seq[t] is (directions, batch, features)
        outs = []
        for t in range(steps):
            z = torch.bmm(seq[t], self.kernel) + torch.bmm(h, self.recurrent_kernel)
            i, f, g, o = (z + self.bias.unsqueeze(1)).chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        outs = torch.stack(outs, dim=0)
        y = outs[:, 0]
        if self.bidirectional:
            y = 0.5 * (y + outs[:, 1].flip(0))
        if not self.time_major:
            y = y.transpose(0, 1)
        return RecurrentOutput(y, h, c)


LSTMState = namedtuple("LSTMState", ["hx", "cx"])


class AcousticLSTM(nn.Module):
    """Deep LSTM. ``dropout`` is the probability used between the LSTM layers."""

    def __init__(self, idim, hdim, num_layers=1, dropout=0.0, batch_first=False):
        super().__init__()
        self.hdim = hdim
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.rnns = nn.ModuleList(
            [nn.LSTMCell(idim if i == 0 else hdim, hdim) for i in range(num_layers)])
        self.drops = nn.ModuleList([nn.Dropout(dropout) for _ in range(num_layers)])

    def forward(self, xs, state=None):
        if self.batch_first:
            xs = xs.transpose(0, 1)
        if state is None:
            zeros = xs.new_zeros(xs.size(1), self.hdim)
            state = LSTMState([zeros] * self.num_layers, [zeros] * self.num_layers)
        hx, cx = list(state[0]), list(state[1])
        ys = []
        for x in xs:
            for i, (rnn, drop) in enumerate(zip(self.rnns, self.drops)):
                hx[i], cx[i] = rnn(x, (hx[i], cx[i]))
                x = drop(hx[i])
            ys.append(x)
        ys = torch.stack(ys, dim=1 if self.batch_first else 0)
        return ys, LSTMState(hx, cx)
