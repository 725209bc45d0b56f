"""The same recurrence; the state goes in, stays and comes out in unusual ways."""

from collections import namedtuple

import torch
from torch import nn

State = namedtuple("State", ["h", "c"])


class OutputOnly(nn.Module):
    """No state in, no state out."""

    def __init__(self, nin, nhid):
        super().__init__()
        self.i2h = nn.Linear(nin, 4 * nhid)
        self.h2h = nn.Linear(nhid, 4 * nhid, bias=False)

    def forward(self, x):
        nhid = self.h2h.in_features
        h, c = x.new_zeros(x.shape[0], nhid), x.new_zeros(x.shape[0], nhid)
        hs = []
        for g_x in self.i2h(x).unbind(dim=1):
            i, f, o, u = (g_x + self.h2h(h)).chunk(4, dim=1)
            c = torch.sigmoid(i) * torch.tanh(u) + torch.sigmoid(f) * c
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs, dim=1)


class ListOut(nn.Module):
    """A Python list of steps and nothing else; pops the steps off a reversed list."""

    def __init__(self, input_features, hidden_features):
        super().__init__()
        self.hidden_features = hidden_features
        self.lin = nn.Linear(hidden_features + input_features, 4 * hidden_features)

    def forward(self, sequence):
        todo = list(reversed(sequence.unbind(0)))
        h = c = torch.zeros_like(sequence[0, :, :1]).repeat(1, self.hidden_features)
        done = []
        while todo:
            f, i, o, g = self.lin(torch.cat([h, todo.pop()], 1)).chunk(4, 1)
            c = torch.lerp(torch.zeros_like(c), c, f.sigmoid()) + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            done.append(h)
        return done


class BiasBesideInputs(nn.Module):
    """Inputs and a one times one matrix, h times another; it takes no state."""

    def __init__(self, n_inputs, n_cells):
        super().__init__()
        self.n_cells = n_cells
        self.inner = nn.Parameter(torch.randn(4 * n_cells, n_inputs + 1) / 4)
        self.outer = nn.Parameter(torch.randn(4 * n_cells, n_cells) / 4)

    def forward(self, x):
        with_one = torch.cat([x, torch.ones_like(x[:, :, :1])], dim=2)
        h = c = x.new_zeros(x.shape[1], self.n_cells)
        outputs = []
        for step in with_one @ self.inner.T:
            g, i, f, o = (step + h @ self.outer.T).tensor_split(4, dim=1)
            c = c * f.sigmoid() + g.tanh() * i.sigmoid()
            h = c.tanh() * o.sigmoid()
            outputs.append(h)
        return torch.stack(outputs)


class ListOfPairs(nn.Module):
    """ModuleList of layers (here one), states as a list of (h, c), one pair a layer."""

    class Layer(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)

        def forward(self, x, h, c):
            i, f, g, o = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            return o.sigmoid() * c.tanh(), c

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.hidden_size = hidden_size
        sizes = [input_size] + [hidden_size] * num_layers
        self.layers = nn.ModuleList([self.Layer(a, b) for a, b in zip(sizes, sizes[1:])])

    def init_hidden(self, x):
        zeros = x.new_zeros(x.size(1), self.hidden_size)
        return [(zeros, zeros) for _ in self.layers]

    def forward(self, x, hidden=None):
        states = list(hidden) if hidden is not None else self.init_hidden(x)
        outputs = []
        for inp in x:
            for k, layer in enumerate(self.layers):
                states[k] = layer(inp, *states[k])
                inp = states[k][0]
            outputs.append(inp)
        return torch.stack(outputs), states


class MultiLayer(nn.Module):
    """Like the popular ConvLSTM repositories: hidden sizes may be a list, one cell each."""

    def __init__(self, input_dim, hidden_dim, num_layers, batch_first=False, bias=True):
        super().__init__()
        if not isinstance(hidden_dim, list):
            hidden_dim = [hidden_dim] * num_layers
        if len(hidden_dim) != num_layers:
            raise ValueError("Inconsistent list length.")
        self.hidden_dim, self.batch_first = hidden_dim, batch_first
        dims = [input_dim, *hidden_dim]
        self.cell_list = nn.ModuleList(
            [nn.Linear(a + b, 4 * b, bias=bias) for a, b in zip(dims, dims[1:])]
        )

    def forward(self, input_tensor, hidden_state=None):
        if not self.batch_first:
            # (t, b, c) -> (b, t, c)
            input_tensor = input_tensor.permute(1, 0, 2)
        b, seq_len, _ = input_tensor.size()
        if hidden_state is None:
            hidden_state = [
                (input_tensor.new_zeros(b, n), input_tensor.new_zeros(b, n))
                for n in self.hidden_dim
            ]
        cur_layer_input, last_state_list = input_tensor, []
        for cell, (h, c) in zip(self.cell_list, hidden_state):
            output_inner = []
            for t in range(seq_len):
                combined = torch.cat([cur_layer_input[:, t], h], dim=1)
                cc_i, cc_f, cc_o, cc_g = torch.split(cell(combined), h.size(1), dim=1)
                c = torch.sigmoid(cc_f) * c + torch.sigmoid(cc_i) * torch.tanh(cc_g)
                h = torch.sigmoid(cc_o) * torch.tanh(c)
                output_inner.append(h)
            cur_layer_input = torch.stack(output_inner, dim=1)
            last_state_list.append([h, c])
        if not self.batch_first:
            cur_layer_input = cur_layer_input.permute(1, 0, 2)
        return cur_layer_input, last_state_list


class SizesList(nn.Module):
    """Hidden sizes come as a list and must be one; the state is a NamedTuple."""

    def __init__(self, input_size, hidden_sizes: list):
        super().__init__()
        (size,) = hidden_sizes
        self.size = size
        self.x2g = nn.Linear(input_size, 4 * size)
        self.h2g = nn.Linear(size, 4 * size)

    def forward(self, x, state=None):
        if state is None:
            state = State(x.new_zeros(x.size(0), self.size), x.new_zeros(x.size(0), self.size))
        h, c = state.h, state.c
        ys = []
        for xt in x.split(1, dim=1):
            i, f, g, o = (self.x2g(xt.squeeze(1)) + self.h2g(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), State(h=h, c=c)


class CellFirst(nn.Module):
    """(c, h) in and (c, h) out, required, with a leading axis; gates in order g i f o."""

    def __init__(self, n_inputs, n_units):
        super().__init__()
        self.n_units = n_units
        self.W = nn.Parameter(torch.randn(n_inputs, 4 * n_units) * 0.1)
        self.R = nn.Parameter(torch.randn(n_units, 4 * n_units) * 0.1)
        self.b = nn.Parameter(torch.zeros(4 * n_units))

    def forward(self, xs, state):
        c, h = state[0].squeeze(0), state[1].squeeze(0)
        hs = []
        for x in xs:
            a = torch.addmm(self.b, x, self.W) + h @ self.R
            z, i, f, o = a.tensor_split(4, dim=1)
            c = torch.tanh(z) * torch.sigmoid(i) + c * torch.sigmoid(f)
            h = torch.tanh(c) * torch.sigmoid(o)
            hs.append(h)
        return torch.stack(hs), (c.unsqueeze(0), h.unsqueeze(0))


class LearnedStart(nn.Module):
    """The default state is a pair of parameters, one row for everybody, not zeros."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.h0 = nn.Parameter(torch.randn(1, hidden_dim) * 0.1)
        self.c0 = nn.Parameter(torch.randn(1, hidden_dim) * 0.1)
        self.proj = nn.Linear(input_dim, 4 * hidden_dim)
        self.rec = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)

    def forward(self, x, state=None):
        if state is None:
            h, c = self.h0.expand(x.size(0), -1), self.c0.expand(x.size(0), -1)
        else:
            h, c = state
        y = []
        for xt in self.proj(x).unbind(1):
            i, f, g, o = (xt + self.rec(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            y.append(h)
        return torch.stack(y, 1), (h, c)


class Stateful(nn.Module):
    """Can remember between calls, as in Keras; off unless asked for."""

    def __init__(self, input_size, output_size, stateful=False):
        super().__init__()
        self.output_size, self.stateful = output_size, stateful
        self.W = nn.Linear(input_size + output_size, 4 * output_size)
        self.reset_states()

    def reset_states(self):
        self.states = None

    def forward(self, x, initial_state=None):
        state = initial_state if initial_state is not None else self.states
        if state is None:
            state = (x.new_zeros(x.size(1), self.output_size),) * 2
        h, c = state
        out = []
        for t in range(x.size(0)):
            i, f, g, o = self.W(torch.cat([x[t], h], 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            out.append(h)
        if self.stateful:
            self.states = (h.detach(), c.detach())
        return torch.stack(out), (h, c)


class KeepsLastState(nn.Module):
    """Starts from zeros every time, but leaves its last state lying on self."""

    def __init__(self, num_inputs, num_hidden):
        super().__init__()
        self.num_hidden = num_hidden
        self.fc_x = nn.Linear(num_inputs, 4 * num_hidden)
        self.fc_h = nn.Linear(num_hidden, 4 * num_hidden)

    def forward(self, x):
        self.h = torch.zeros(x.size(0), self.num_hidden, dtype=x.dtype, device=x.device)
        self.c = torch.zeros(x.size(0), self.num_hidden, dtype=x.dtype, device=x.device)
        outs = []
        for t in range(x.size(1)):
            z = self.fc_x(x[:, t]) + self.fc_h(self.h)
            i, f, g, o = z.chunk(4, 1)
            self.c = torch.sigmoid(f) * self.c + torch.sigmoid(i) * torch.tanh(g)
            self.h = torch.sigmoid(o) * torch.tanh(self.c)
            outs.append(self.h)
        return torch.stack(outs, 1)


class TwoPositional(nn.Module):
    """forward(x, h, c), both required, everything flat: rows of all sequences, one by one."""

    def __init__(self, idim, hdim):
        super().__init__()
        self.kernel = nn.Linear(idim, 4 * hdim, bias=False)
        self.recurrent = nn.Linear(hdim, 4 * hdim)
        self.out = nn.Linear(hdim, hdim)

    def forward(self, x, h, c):
        rows = []
        for t in range(x.size(1)):
            o, i, f, g = (self.kernel(x[:, t]) + self.recurrent(h)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            rows.append(self.out(h))
        return torch.stack(rows, dim=1).flatten(0, 1), h, c  # rows of (batch * steps)
