import torch
import torch.nn as nn
from torch.nn import Parameter


class CombinedBiLSTM(nn.Module):
    """One LSTM layer. With ``bidirectional=True`` a second LSTM reads the sequence from
    its end, and the outputs of the two are added element-wise (as in Deep Speech 2)."""

    def __init__(self, input_size, hidden_size, bidirectional=False, batch_first=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.bidirectional = bidirectional
        self.batch_first = batch_first
        self.left_x = nn.Linear(input_size, 4 * hidden_size)
        self.left_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        if bidirectional:
            self.right_x = nn.Linear(input_size, 4 * hidden_size)
            self.right_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    @staticmethod
    def _walk(seq, x_proj, h_proj, h, c):
        pre = x_proj(torch.stack(list(seq)))
        hidden = []
        for p in pre:
            i, o, f, g = torch.chunk(p + h_proj(h), 4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hidden.append(h)
        return hidden, h, c

    def forward(self, x, state=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        frames = list(x)
        n = 2 if self.bidirectional else 1
        if state is None:
            h0 = c0 = x.new_zeros(n, x.shape[1], self.hidden_size)
        else:
            h0, c0 = state

        hidden, h, c = self._walk(frames, self.left_x, self.left_h, h0[0], c0[0])
        h_n, c_n = [h], [c]
        if self.bidirectional:
            other, h, c = self._walk(frames[::-1], self.right_x, self.right_h, h0[1], c0[1])
            hidden = [a + b for a, b in zip(hidden, other[::-1])]
            h_n.append(h)
            c_n.append(c)

        y = torch.stack(hidden, dim=1 if self.batch_first else 0)
        return y, (torch.stack(h_n), torch.stack(c_n))


class DirectionalLSTM(nn.Module):
    """LSTM layer over (batch, time, features) in one or two directions.

    State and return value follow torch.nn.LSTM: h_0, c_0 are (directions, batch, hidden).
    """

    def __init__(self, nin, nhid, bidirectional=False):
        super().__init__()
        self.nin = nin
        self.nhid = nhid
        self.num_directions = 1 + int(bidirectional)
        self.cells = nn.ModuleList(nn.LSTMCell(nin, nhid) for _ in range(self.num_directions))

    def forward(self, x, hx=None):
        bsz, steps = x.shape[:2]
        if hx is None:
            zeros = x.new_zeros(self.num_directions, bsz, self.nhid)
            hx = zeros, zeros

        outputs, h_n, c_n = {}, [], []
        for d in reversed(range(self.num_directions)):
            order = list(range(steps))
            if d == 1:
                order.reverse()
            h, c = hx[0][d], hx[1][d]
            out = [None] * steps
            for t in order:
                h, c = self.cells[d](x[:, t], (h, c))
                out[t] = h
            outputs[d] = torch.stack(out, dim=1)
            h_n.append(h)
            c_n.append(c)

        y = torch.cat([outputs[d] for d in range(self.num_directions)], dim=2)
        return y, (torch.stack(h_n), torch.stack(c_n))


class RegularizedLSTM(nn.Module):
    """Stacked LSTM with dropout on the non-recurrent connections between layers
    (Zaremba et al., 2014)."""

    def __init__(self, num_inputs, num_hiddens, num_layers=2, dropout=0.0):
        super().__init__()
        self.num_hiddens = num_hiddens
        self.num_layers = num_layers
        self.cells = nn.ModuleList()
        for i in range(num_layers):
            self.cells.append(nn.LSTMCell(num_inputs if i == 0 else num_hiddens, num_hiddens))
        self.drop = nn.Dropout(dropout)

    def forward(self, inputs, state=None):
        # inputs: (num_steps, batch_size, num_inputs)
        if state is None:
            state = [
                (inputs.new_zeros(inputs.shape[1], self.num_hiddens),
                 inputs.new_zeros(inputs.shape[1], self.num_hiddens))
                for _ in self.cells
            ]
        state = list(state)
        outputs = []
        for X in inputs:
            for i, cell in enumerate(self.cells):
                state[i] = cell(X, state[i])
                X = state[i][0]
                if i < self.num_layers - 1:
                    X = self.drop(X)
            outputs.append(X)
        return torch.stack(outputs), state


class PipelineLSTM(nn.Module):
    """Stack of LSTM layers advanced together, one time step after the other."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.Wx = nn.ModuleList()
        self.Wh = nn.ModuleList()
        for l in range(num_layers):
            self.Wx.append(nn.Linear(input_size if l == 0 else hidden_size, 4 * hidden_size))
            self.Wh.append(nn.Linear(hidden_size, 4 * hidden_size, bias=False))

    def cell_step(self, l, x, h, c):
        i, f, g, o = (self.Wx[l](x) + self.Wh[l](h)).chunk(4, dim=-1)
        c_new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h_new = torch.sigmoid(o) * torch.tanh(c_new)
        return h_new, c_new

    def forward(self, x, h=None, c=None):
        batch, T, _ = x.shape
        if h is None:
            h = x.new_zeros(self.num_layers, batch, self.hidden_size)
        if c is None:
            c = x.new_zeros(self.num_layers, batch, self.hidden_size)

        y = []
        for t in range(T):
            h_next, c_next = [], []
            for l in range(self.num_layers):
                inp = x[:, t] if l == 0 else h[l - 1]
                h_l, c_l = self.cell_step(l, inp, h[l], c[l])
                h_next.append(h_l)
                c_next.append(c_l)
            h, c = torch.stack(h_next), torch.stack(c_next)
            y.append(h[-1])
        return torch.stack(y, dim=1), h, c


class ParamDictLSTM(nn.Module):
    """LSTM whose weights live in one ParameterDict, under names such as ``W_f_0`` or ``b_o_1``."""

    GATES = ("f", "i", "o", "c")

    def __init__(self, feature_dim, state_dim, n_layers=1, bias=True):
        super().__init__()
        self.state_dim = state_dim
        self.n_layers = n_layers
        self.bias = bias
        self.params = nn.ParameterDict()
        for n in range(n_layers):
            rows = (feature_dim if n == 0 else state_dim)
            for gate in self.GATES:
                self.params[f"W_{gate}_{n}"] = Parameter(torch.randn(rows, state_dim) * 0.1)
                self.params[f"U_{gate}_{n}"] = Parameter(torch.randn(state_dim, state_dim) * 0.1)
                if bias:
                    self.params[f"b_{gate}_{n}"] = Parameter(torch.zeros(state_dim))

    def _pre(self, gate, n, x, h):
        p = self.params
        z = x @ p[f"W_{gate}_{n}"] + h @ p[f"U_{gate}_{n}"]
        return z + p[f"b_{gate}_{n}"] if self.bias else z

    def forward(self, x, init_states=None):
        """x: (sequence, batch, features); init_states: tuple of two (n_layers, batch, state_dim)"""
        if init_states is None:
            h_all = x.new_zeros(self.n_layers, x.size(1), self.state_dim)
            c_all = x.new_zeros(self.n_layers, x.size(1), self.state_dim)
        else:
            h_all, c_all = init_states

        last_h, last_c = [], []
        hidden_seq = x
        for n in range(self.n_layers):
            h_t, c_t = h_all[n], c_all[n]
            layer_seq = []
            for t in range(hidden_seq.size(0)):
                x_t = hidden_seq[t]
                f_t = torch.sigmoid(self._pre("f", n, x_t, h_t))
                i_t = torch.sigmoid(self._pre("i", n, x_t, h_t))
                o_t = torch.sigmoid(self._pre("o", n, x_t, h_t))
                c_hat = torch.tanh(self._pre("c", n, x_t, h_t))
                c_t = f_t * c_t + i_t * c_hat
                h_t = o_t * torch.tanh(c_t)
                layer_seq.append(h_t.unsqueeze(0))
            hidden_seq = torch.cat(layer_seq, dim=0)
            last_h.append(h_t)
            last_c.append(c_t)
        return hidden_seq, (torch.stack(last_h, 0), torch.stack(last_c, 0))
