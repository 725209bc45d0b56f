import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class NoisyCell(nn.Module):
    """LSTM cell with dropout on its input."""

    def __init__(self, input_size, hidden_size, dropout=0.2):
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.fc_x = nn.Linear(input_size, hidden_size * 4)
        self.fc_h = nn.Linear(hidden_size, hidden_size * 4)

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state
        if self.training and self.dropout > 0:
            mask = torch.bernoulli(torch.full_like(x, self.dropout)) / self.dropout
            x = x * mask
        i, f, g, o = (self.fc_x(x) + self.fc_h(h)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class LeanCell(nn.Module):
    """LSTM cell that allocates little when no gradient is wanted."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = 1.0 / math.sqrt(hidden_size)
        self.w_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.w_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.b_ih = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))
        self.b_hh = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))
        self._c = None

    def forward(self, x, hx=None):
        if hx is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = hx
        z = F.linear(x, self.w_ih, self.b_ih) + F.linear(h, self.w_hh, self.b_hh)
        i, f, g, o = z.chunk(4, 1)
        if torch.is_grad_enabled():
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        else:
            if self._c is None or self._c.shape != c.shape or self._c.dtype != c.dtype or self._c.device != c.device:
                self._c = torch.empty_like(c)
            torch.mul(f.sigmoid(), c, out=self._c)
            c = self._c.addcmul_(i.sigmoid(), g.tanh())
        h = o.sigmoid() * c.tanh()
        return h, c


class BatchMajorLSTM(nn.Module):
    """Batch-first LSTM with one bias; matrices as nn.LSTM keeps them."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = 1.0 / math.sqrt(hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.register_buffer("bias", torch.empty(4 * hidden_size).uniform_(-k, k))

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state[0].squeeze(0), state[1].squeeze(0)
        out = []
        for t in range(x.size(1)):
            z = torch.addmm(self.bias, x[:, t], self.weight_ih.t()) + torch.mm(h, self.weight_hh.t())
            i, f, g, o = z.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out, 1), (h.unsqueeze(0), c.unsqueeze(0))


class SentenceLSTM(nn.Module):
    """Time-first LSTM with dropout on the outputs, for the layer above."""

    def __init__(self, input_size, hidden_size, dropout=0.3):
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.step = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, hx=None):
        if hx is None:
            hx = (x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
        h, c = hx
        output = []
        for xt in x:
            h, c = self.step(xt, (h, c))
            output.append(h)
        output = torch.stack(output, 0)
        if self.dropout > 0:
            F.dropout(output, self.dropout, training=self.training)
        return output, (h, c)


class KerasStyleLSTM(nn.Module):
    """Batch-first LSTM that is built on the device and in the dtype of its data."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.kernel = None
        self.recurrent_kernel = None
        self.bias = None

    def build(self, x):
        H = self.hidden_size
        new = dict(dtype=x.dtype, device=x.device)
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(self.input_size, 4 * H, **new)))
        self.recurrent_kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(H, 4 * H, **new)))
        self.bias = nn.Parameter(torch.empty(4 * H, **new).uniform_(-0.1, 0.1))

    def forward(self, x, state=None):
        if self.kernel is None:
            self.build(x)
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = state
        ys = []
        for t in range(x.size(1)):
            z = x[:, t] @ self.kernel + h @ self.recurrent_kernel + self.bias
            i, f, g, o = z.chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, dim=1), (h, c)
