from collections import namedtuple

import torch
from torch import nn
from torch.nn import functional as F

LSTMState = namedtuple("LSTMState", ["hx", "cx"])


class ScriptLikeCell(nn.Module):
    """``out, state = cell(x, state)``; state is a namedtuple (hx, cx) of (B, H) tensors."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        bound = hidden_size ** -0.5
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-bound, bound))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-bound, bound))
        self.bias_ih = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-bound, bound))
        self.bias_hh = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-bound, bound))

    def forward(self, x, state):
        hx, cx = state
        if hx.shape != (x.shape[0], self.hidden_size) or cx.shape != hx.shape:
            raise ValueError("state does not fit the batch")
        gates = torch.mm(x, self.weight_ih.t()) + self.bias_ih + torch.mm(hx, self.weight_hh.t()) + self.bias_hh
        ingate, forgetgate, cellgate, outgate = gates.chunk(4, 1)
        cy = torch.sigmoid(forgetgate) * cx + torch.sigmoid(ingate) * torch.tanh(cellgate)
        hy = torch.sigmoid(outgate) * cy
        return hy, LSTMState(hy, cy)


class Encoder(nn.Module):
    """LSTM encoder, x (T, B, I) -> out (T, B, H), (h_n, c_n) of (1, B, H)."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.proj = nn.Linear(input_dim, 4 * hidden_dim)
        self.rec = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)

    def step(self, z, c):
        i, f, o, g = z.chunk(4, dim=-1)
        c = torch.addcmul(i.sigmoid() * g.tanh(), f.sigmoid(), c)
        return o.sigmoid() * c.tanh(), c

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h = x.new_zeros(B, self.hidden_dim)
            c = x.new_zeros(B, self.hidden_dim)
        else:
            h, c = state
            if h.shape != (1, B, self.hidden_dim) or c.shape != h.shape:
                raise ValueError("state does not fit the batch")
            h, c = h[0], c[0]
        outputs = []
        for z in self.proj(x).unbind(0):
            h, c = self.step(z + self.rec(h), c)
            outputs.append(h)
        h_n = outputs[-1].unsqueeze(0)
        c_n = outputs[-1].unsqueeze(0)
        return torch.stack(outputs), (h_n, c_n)


class PortableLSTM(nn.Module):
    """Single-layer LSTM that reads checkpoints of nn.LSTM.

    The gates are kept in the order i, f, o, g, so that one sigmoid serves three of them;
    nn.LSTM's order is put right on loading.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        for p in self.parameters():
            nn.init.uniform_(p, -hidden_size ** -0.5, hidden_size ** -0.5)

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs):
        for name, _ in self.named_parameters():
            if prefix + name in state_dict:
                i, f, g, o = state_dict[prefix + name].chunk(4, 0)
                state_dict[prefix + name] = torch.cat((i, f, o, g), 0)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def forward(self, x, hx=None):
        T, B, _ = x.shape
        H = self.hidden_size
        if hx is None:
            hx = (x.new_zeros(1, B, H), x.new_zeros(1, B, H))
        if hx[0].shape != (1, B, H) or hx[1].shape != (1, B, H):
            raise ValueError("state does not fit the batch")
        h, c = hx[0].squeeze(0), hx[1].squeeze(0)
        out = []
        for x_t in x:
            z = F.linear(x_t, self.weight_ih_l0, self.bias_ih_l0) + F.linear(h, self.weight_hh_l0, self.bias_hh_l0)
            i, f, o = torch.sigmoid(z[:, :3 * H]).chunk(3, 1)
            c = f * c + i * torch.tanh(z[:, 3 * H:])
            h = o * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h.unsqueeze(0), c.unsqueeze(0))


class PipelinedLSTM(nn.Module):
    """Time-first LSTM; the input half of the gates is fetched one step ahead."""

    def __init__(self, *, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.input_proj = nn.Linear(input_size, 4 * hidden_size)
        self.state_proj = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
            if h.shape != (B, self.hidden_size) or c.shape != h.shape:
                raise ValueError("state does not fit the batch")
        current = self.input_proj(x[0])
        outs = []
        for t in range(T):
            if t + 1 < T:
                current = self.input_proj(x[t + 1])
            i, f, g, o = (current + self.state_proj(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs), (h, c)


class ContextLSTM(nn.Module):
    """Wraps nn.LSTM, batch first: ``out, (h, c) = m(x, h, c)``, h and c of (B, H) or left out."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(self, x, h=None, c=None):
        shape = (x.size(0), self.rnn.hidden_size)
        h = x.new_zeros(shape) if h is None else h
        c = x.new_zeros(shape) if c is None else c
        state = tuple(s.detach().unsqueeze(0).contiguous() for s in (h, c))
        out, (h, c) = self.rnn(x, state)
        return out, (h.squeeze(0), c.squeeze(0))
