import torch
import torch.nn as nn
import torch.nn.functional as F


def init_(module, hidden):
    for p in module.parameters():
        nn.init.uniform_(p, -hidden ** -0.5, hidden ** -0.5)


def check_state(h, c, batch, hidden):
    if tuple(h.shape) != (batch, hidden) or tuple(c.shape) != (batch, hidden):
        raise ValueError("h and c must be of shape ({}, {})".format(batch, hidden))


class SimpleLSTMCell(nn.Module):
    """(x, (h, c)) -> (h, c)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size))
        h, c = state
        check_state(h, c, x.size(0), self.hidden_size)
        f, i, o, u = torch.split(self.W(x) + self.U(h), self.hidden_size, dim=1)
        update = torch.sigmoid(i) + torch.tanh(u)
        c = torch.sigmoid(f) * c + update
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class LeanLSTM(nn.Module):
    """Time-first LSTM that saves allocations where no gradients are recorded."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.w_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.w_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.b_ih = nn.Parameter(torch.empty(4 * hidden_size))
        self.b_hh = nn.Parameter(torch.empty(4 * hidden_size))
        init_(self, hidden_size)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        check_state(h, c, B, self.hidden_size)
        ys = []
        for t in range(T):
            z = F.linear(x[t], self.w_ih, self.b_ih) + F.linear(h, self.w_hh, self.b_hh)
            i, f, g, o = z.chunk(4, 1)
            if torch.is_grad_enabled():
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            else:
                c.mul_(f.sigmoid_()).addcmul_(i.sigmoid_(), g.tanh_())
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class KernelLSTM(nn.Module):
    """LSTM over x (T, B, I) with states (B, H); gates i, f, g, o."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.kernel = nn.Parameter(torch.empty(input_size + hidden_size, 4 * hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        init_(self, hidden_size)

    def forward(self, x, state=None):
        x = x.reshape(x.shape[0], -1, self.input_size)
        T, B, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        check_state(h, c, B, self.hidden_size)
        ys = []
        for x_t in x:
            z = torch.addmm(self.bias, torch.cat((x_t, h), 1), self.kernel)
            i, f, g, o = z.chunk(4, 1)
            c = i.sigmoid() * g.tanh() + f.sigmoid() * c
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)


class HiddenStatesLSTM(nn.Module):
    """Batch-first LSTM; gives (B, T, H) of hidden states, and (h, c) after the last step."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        B, T, _ = x.shape
        H = self.cell.hidden_size
        h, c = state if state is not None else (x.new_zeros(B, H), x.new_zeros(B, H))
        check_state(h, c, B, H)
        hs = []
        for t in range(T):
            hs.append(h)
            h, c = self.cell(x[:, t, :], (h, c))
        return torch.stack(hs, dim=1), (h, c)


class MeterLSTM(nn.Module):
    """Time-first LSTM on nn.LSTM, for measured data; states (1, B, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.core = nn.LSTM(input_size, hidden_size)

    def forward(self, x, state=None):
        if x.dim() != 3:
            raise ValueError("x must be (time, batch, features)")
        x = torch.where(torch.isnan(x), torch.zeros_like(x), x)
        return self.core(x, state)
