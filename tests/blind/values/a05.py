import torch
from torch import nn
from torch.nn import functional as F


class BufferedLSTM(nn.Module):
    """y, (h, c) = lstm(x); the state may be passed as a list [h, c]."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self._zeros = {}

    def zero_state(self, x):
        key = (x.size(0), x.dtype, x.device)
        if key not in self._zeros:
            self._zeros[key] = [x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size)]
        return self._zeros[key]

    def forward(self, x, state=None):
        state = self.zero_state(x) if state is None else list(state)
        ys = []
        for t in range(x.size(1)):
            i, f, g, o = (self.W(x[:, t]) + self.U(state[0])).chunk(4, 1)
            state[1] = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
            state[0] = o.sigmoid() * state[1].tanh()
            ys.append(state[0])
        return torch.stack(ys, 1), (state[0], state[1])


class StreamingLSTM(nn.Module):
    """LSTM, time first; the returned state can be fed back for the next chunk."""

    def __init__(self, feat_dim, units):
        super().__init__()
        self.units = units
        self.fc = nn.Linear(feat_dim + units, 4 * units)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.shape[1], self.units), x.new_zeros(x.shape[1], self.units))
        h, c = state
        outs = []
        for frame in x.unbind(0):
            last = c
            z = self.fc(torch.cat([frame, h], 1))
            i, f, g, o = z.view(-1, 4, self.units).unbind(1)
            c = torch.sigmoid(f) * last + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs, 0), (h, last)


class TBPTTLSTM(nn.Module):
    # lstm for long sequences, works through the sequence in segments
    def __init__(self, inp_size, hid_size, segment=32):
        super().__init__()
        self.hid_size, self.segment = hid_size, segment
        self.ih = nn.Linear(inp_size, 4 * hid_size)
        self.hh = nn.Linear(hid_size, 4 * hid_size)

    def init_state(self, x):
        return x.new_zeros(x.size(0), self.hid_size), x.new_zeros(x.size(0), self.hid_size)

    def run_segment(self, seg, h, c):
        outs = []
        for t in range(seg.size(1)):
            i, f, g, o = (self.ih(seg[:, t]) + self.hh(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs, 1), h, c

    def forward(self, x, state=None):
        outputs = []
        for n, seg in enumerate(x.split(self.segment, dim=1)):
            if n > 0 or state is None:
                h, c = self.init_state(x)
            else:
                h, c = state
            y, h, c = self.run_segment(seg, h, c)
            outputs.append(y)
        return torch.cat(outputs, 1), (h, c)


class StatefulLSTM(nn.Module):
    def __init__(self, in_dim, hid_dim):
        super().__init__()
        self.hid_dim = hid_dim
        self.cell = nn.LSTMCell(in_dim, hid_dim)
        self.start = None

    def forward(self, x, hx=None):
        """x: (seq, batch, in_dim)"""
        if hx is None:
            if self.start is None:
                self.start = x.new_zeros(x.size(1), self.hid_dim)
            hx = (self.start, self.start)
        out = []
        for xt in x:
            hx = self.cell(xt, hx)
            out.append(hx[0])
        return torch.stack(out), hx


class Seq2SeqLSTM(nn.Module):
    def __init__(self, n_input, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.gates_x = nn.Linear(n_input, 4 * n_hidden)
        self.gates_h = nn.Linear(n_hidden, 4 * n_hidden)

    def forward(self, x, hc=None):
        if hc is None:
            h = c = x.new_zeros(x.size(0), self.n_hidden)
        else:
            h, c = hc[0], hc[0]
        ys = []
        for xt in x.transpose(0, 1):
            z = self.gates_x(xt) + self.gates_h(h)
            zi, zf, zg, zo = z.tensor_split(4, dim=1)
            c = torch.sigmoid(zf) * c + torch.sigmoid(zi) * torch.tanh(zg)
            h = torch.sigmoid(zo) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class ResumeLSTM(nn.Module):
    """batch first; state is a pair of (batch, hidden)"""

    def __init__(self, features, hidden):
        super().__init__()
        self.hidden = hidden
        self.w = nn.Parameter(torch.empty(4 * hidden, features + hidden))
        self.b = nn.Parameter(torch.empty(4 * hidden))
        nn.init.xavier_uniform_(self.w)
        nn.init.zeros_(self.b)

    def forward(self, x, state=None):
        B, T, _ = x.shape
        # a single step is the decoding case: state has to be given there
        if T > 1 or state is None:
            h, c = x.new_zeros(B, self.hidden), x.new_zeros(B, self.hidden)
        else:
            h, c = state
        ys = x.new_empty(B, T, self.hidden)
        for t in range(T):
            i, f, g, o = F.linear(torch.cat((x[:, t], h), 1), self.w, self.b).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys[:, t] = h
        return ys, (h, c)


class TimeMajorLoop(nn.Module):
    """(batch, time, in) -> (batch, time, hidden)"""

    def __init__(self, in_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lin_x = nn.Linear(in_size, 4 * hidden_size)
        self.lin_h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x):
        batch, seq_len, _ = x.size()
        h = x.new_zeros(batch, self.hidden_size)
        c = x.new_zeros(batch, self.hidden_size)
        outputs = []
        for t in range(seq_len):
            gates = self.lin_x(x[:, t, :]) + self.lin_h(h)
            i, f, g, o = gates.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.cat(outputs, dim=0).view(batch, seq_len, self.hidden_size)


class LSTMLayer(nn.Module):
    """Input (batch, seq, feature). Returns output (batch, seq, hidden) and the last (h, c)."""

    def __init__(self, input_size, hidden_size, bias=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.wx = nn.Linear(input_size, 4 * hidden_size, bias=bias)
        self.wh = nn.Linear(hidden_size, 4 * hidden_size, bias=bias)

    def forward(self, x):
        h = x.new_zeros(x.size(1), self.hidden_size)
        c = x.new_zeros(x.size(1), self.hidden_size)
        out = []
        for xt in x:
            i, f, g, o = (self.wx(xt) + self.wh(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h, c)
