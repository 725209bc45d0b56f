import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence, unpack_sequence


class MaskLSTM(nn.Module):
    """Time-first LSTM with a mask (time, batch) of ones on real steps and zeros on padding."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.linear_x = nn.Linear(input_size, 4 * hidden_size)
        self.linear_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, hx=None, mask=None):
        T, B, _ = x.size()
        if hx is None:
            hx = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = hx
        outs = []
        for t in range(T):
            gates = self.linear_x(x[t]) + self.linear_h(h)
            f, i, g, o = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            if mask is not None:
                m = mask[t].to(x.dtype).view(B, 1)
                h = h * m
                c = c * m
            outs.append(h)
        return torch.stack(outs, 0), (h, c)


class RowwiseLSTM(nn.Module):
    """Runs nn.LSTM on each row of (batch, time, features) up to its length: slow and plain."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(self, x, lengths=None, hx=None):
        B, T, _ = x.shape
        if lengths is None:
            lengths = [T] * B
        outs, hs, cs = [], [], []
        for b, n in enumerate(lengths):
            n = int(n)
            own = None if hx is None else (hx[0][:, b:b + 1].contiguous(), hx[1][:, b:b + 1].contiguous())
            out, (h, c) = self.lstm(x[b:b + 1, :n], own)
            outs.append(F.pad(out, (0, 0, 0, T - n)))
            hs.append(h)
            cs.append(c)
        return torch.cat(outs, 0), (torch.cat(hs, 1), torch.cat(cs, 1))


class RecurrentAgentCore(nn.Module):
    """(time, batch, features) with `first` (time, batch), 1 at the first step of an episode. State: (layers, batch, hidden)."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.cells = nn.ModuleList(
            nn.LSTMCell(input_size if k == 0 else hidden_size, hidden_size) for k in range(num_layers))

    def forward(self, x, first=None, state=None):
        T, B, _ = x.shape
        if state is None:
            zeros = x.new_zeros(self.num_layers, B, self.hidden_size)
            state = (zeros, zeros)
        h, c = list(state[0]), list(state[1])
        out = []
        for t in range(T):
            if first is not None:
                keep = 1 - first[t].to(x.dtype).unsqueeze(-1)
                h[0], c[0] = h[0] * keep, c[0] * keep
            y = x[t]
            for k, cell in enumerate(self.cells):
                h[k], c[k] = cell(y, (h[k], c[k]))
                y = h[k]
            out.append(y)
        return torch.stack(out), (torch.stack(h), torch.stack(c))


class LatchLSTM(nn.Module):
    """Batch-first LSTM; padding (batch, time), 1 = padding. There the input gate is shut and the forget gate wide open."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.wi = nn.Linear(input_size, hidden_size)
        self.wf = nn.Linear(input_size, hidden_size)
        self.wg = nn.Linear(input_size, hidden_size)
        self.wo = nn.Linear(input_size, hidden_size)
        self.ui = nn.Linear(hidden_size, hidden_size, bias=False)
        self.uf = nn.Linear(hidden_size, hidden_size, bias=False)
        self.ug = nn.Linear(hidden_size, hidden_size, bias=False)
        self.uo = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, padding=None, state=None):
        B, T, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = state
        if padding is None:
            padding = x.new_zeros(B, T)
        p = padding.to(x.dtype).unsqueeze(-1)
        out = []
        for t in range(T):
            x_t, p_t = x[:, t], p[:, t]
            i = torch.sigmoid(self.wi(x_t) + self.ui(h)) * (1 - p_t)
            f = torch.sigmoid(self.wf(x_t) + self.uf(h)) * (1 - p_t) + p_t
            g = torch.tanh(self.wg(x_t) + self.ug(h))
            o = torch.sigmoid(self.wo(x_t) + self.uo(h))
            c = f * c + i * g
            h = (1 - p_t) * (o * torch.tanh(c)) + p_t * h
            out.append(h)
        return torch.stack(out, 1), (h, c)


class UnpackingLSTM(nn.Module):
    """PackedSequence in; each sequence is run by itself. Out: (batch, longest, hidden) with zeros behind, and (h, c)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight = nn.Parameter(torch.randn(4 * hidden_size, input_size + hidden_size) / (input_size + hidden_size) ** 0.5)
        self.bias = nn.Parameter(torch.randn(4 * hidden_size) * 0.1)

    def _sequence(self, seq, h, c):
        hs = []
        for x in seq:
            i, f, g, o = F.linear(torch.cat([x, h]), self.weight, self.bias).chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs), h, c

    def forward(self, packed, state=None):
        sequences = unpack_sequence(packed)
        if state is None:
            zeros = packed.data.new_zeros(len(sequences), self.hidden_size)
            state = (zeros, zeros)
        outs, hs, cs = zip(*(self._sequence(seq, h, c) for seq, h, c in zip(sequences, *state)))
        return pad_sequence(outs, batch_first=True), (torch.stack(hs), torch.stack(cs))
