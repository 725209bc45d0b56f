import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class CustomLSTM(nn.Module):
    """LSTM over a (batch, time, features) sequence, all four gates in one matrix."""

    def __init__(self, input_sz, hidden_sz):
        super().__init__()
        self.input_sz = input_sz
        self.hidden_size = hidden_sz
        self.W = nn.Parameter(torch.Tensor(input_sz, hidden_sz * 4))
        self.U = nn.Parameter(torch.Tensor(hidden_sz, hidden_sz * 4))
        self.bias = nn.Parameter(torch.Tensor(hidden_sz * 4))
        self.init_weights()

    def init_weights(self):
        stdv = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            weight.data.uniform_(-stdv, stdv)

    def forward(self, x, init_states=None):
        bs, seq_sz, _ = x.size()
        hidden_seq = []
        if init_states is None:
            h_t = torch.zeros(bs, self.hidden_size, dtype=torch.float32, device=x.device)
            c_t = torch.zeros(bs, self.hidden_size, dtype=torch.float32, device=x.device)
        else:
            h_t, c_t = init_states
        HS = self.hidden_size
        for t in range(seq_sz):
            gates = x[:, t, :] @ self.W + h_t @ self.U + self.bias
            i_t = torch.sigmoid(gates[:, :HS])
            f_t = torch.sigmoid(gates[:, HS:HS * 2])
            g_t = torch.tanh(gates[:, HS * 2:HS * 3])
            o_t = torch.sigmoid(gates[:, HS * 3:])
            c_t = f_t * c_t + i_t * g_t
            h_t = o_t * torch.tanh(c_t)
            hidden_seq.append(h_t.unsqueeze(1))
        return torch.cat(hidden_seq, dim=1), (h_t, c_t)


class RegularisedLSTM(nn.Module):
    """nn.LSTM with dropout on what it gives out (for a softmax layer on top)."""

    def __init__(self, input_size, hidden_size, dropout=0.25, batch_first=False):
        super().__init__()
        self.dropout = dropout
        self.rnn = nn.LSTM(input_size, hidden_size, batch_first=batch_first)

    def forward(self, x, hx=None):
        out, state = self.rnn(x, hx)
        if self.dropout > 0:
            out = F.dropout(out, self.dropout)
        return out, state


def _logistic(z):
    e = torch.exp(z)
    return e / (1 + e)


class PlainCell(nn.Module):
    """One step. Returns (h, c)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = hidden_size ** -0.5
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.bias_ih = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))
        self.bias_hh = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))

    def forward(self, input, hx=None):
        if hx is None:
            zero = input.new_zeros(input.size(0), self.hidden_size)
            hx = (zero, zero)
        h, c = hx
        z = F.linear(input, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = z.chunk(4, dim=1)
        c = _logistic(f) * c + _logistic(i) * torch.tanh(g)
        h = _logistic(o) * torch.tanh(c)
        return h, c


class GateLSTM(nn.Module):
    """One pair of linear maps for each gate; time first."""

    GATES = ("forget", "input", "output", "candidate")

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.from_input = nn.ModuleList([nn.Linear(n_in, n_hidden) for _ in self.GATES])
        self.from_hidden = [nn.Linear(n_hidden, n_hidden, bias=False) for _ in self.GATES]

    def forward(self, xs, state=None):
        T, B, _ = xs.shape
        if state is None:
            h = xs.new_zeros(B, self.n_hidden)
            c = xs.new_zeros(B, self.n_hidden)
        else:
            h, c = state[0].squeeze(0), state[1].squeeze(0)
        ys = []
        for x in xs.unbind(0):
            pre = [a(x) + b(h) for a, b in zip(self.from_input, self.from_hidden)]
            f, i, o = (torch.sigmoid(p) for p in pre[:3])
            c = f * c + i * torch.tanh(pre[3])
            h = o * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h.unsqueeze(0), c.unsqueeze(0))


class InspectableLSTM(nn.Module):
    """LSTM whose gate activations can be looked at afterwards (see `gates`)."""

    def __init__(self, input_size, hidden_size, batch_first=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        self.cell_x = nn.Linear(input_size, 4 * hidden_size)
        self.cell_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.gates = []

    def forward(self, x, hc=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        T, B = x.size(0), x.size(1)
        if hc is None:
            h = x.new_zeros(B, self.hidden_size)
            c = torch.zeros_like(h)
        else:
            h, c = hc[0][0], hc[1][0]
        proj = self.cell_x(x)
        out = []
        for t in range(T):
            i, f, g, o = (proj[t] + self.cell_h(h)).chunk(4, -1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            self.gates.append({"i": i.detach(), "f": f.detach(), "g": g.detach(), "o": o.detach()})
            c = f * c + i * g
            h = o * c.tanh()
            out.append(h)
        y = torch.stack(out, dim=1 if self.batch_first else 0)
        return y, (h[None], c[None])
