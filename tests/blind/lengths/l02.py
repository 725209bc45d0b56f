import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import PackedSequence


class SequenceLSTM(nn.Module):
    """LSTM, one or two directions, over (batch, time, features) with the rows' lengths.

    Returns out (batch, time, directions * hidden), zero after each row's end, and (h_n, c_n), each
    (directions, batch, hidden).
    """

    def __init__(self, input_size, hidden_size, bidirectional=False):
        super().__init__()
        self.hidden_size = hidden_size
        self.directions = 2 if bidirectional else 1
        self.w_x = nn.ParameterList()
        self.w_h = nn.ParameterList()
        self.b = nn.ParameterList()
        k = hidden_size ** -0.5
        for _ in range(self.directions):
            self.w_x.append(nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k)))
            self.w_h.append(nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k)))
            self.b.append(nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k)))

    def _scan(self, d, x, h, c):
        hs, cs = [], []
        for t in range(x.size(1)):
            gates = F.linear(x[:, t], self.w_x[d], self.b[d]) + F.linear(h, self.w_h[d])
            i, f, g, o = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hs.append(h)
            cs.append(c)
        return torch.stack(hs, 1), torch.stack(cs, 1)

    def forward(self, x, lengths=None, hx=None):
        B, T, _ = x.shape
        if hx is None:
            h0 = c0 = x.new_zeros(self.directions, B, self.hidden_size)
        else:
            h0, c0 = hx
        if lengths is None:
            lengths = [T] * B
        lengths = torch.as_tensor(lengths, device=x.device)
        rows = torch.arange(B, device=x.device)
        beyond = (torch.arange(T, device=x.device) >= lengths.unsqueeze(1)).unsqueeze(2)

        hs, cs = self._scan(0, x, h0[0], c0[0])
        out, h_n, c_n = [hs], [hs[rows, lengths - 1]], [cs[rows, lengths - 1]]
        if self.directions == 2:
            hs, cs = self._scan(1, x.flip(1), h0[1], c0[1])
            out.append(hs.flip(1))
            h_n.append(hs[:, -1])
            c_n.append(cs[:, -1])
        return torch.cat(out, 2).masked_fill(beyond, 0.0), (torch.stack(h_n), torch.stack(c_n))


class RaggedLSTM(nn.Module):
    """Works on PackedSequence input and gives a PackedSequence of hidden states, plus (h_n, c_n) of (1, batch, hidden)."""

    def __init__(self, n_in, n_hid):
        super().__init__()
        self.n_hid = n_hid
        self.x2h = nn.Linear(n_in, 4 * n_hid)
        self.h2h = nn.Linear(n_hid, 4 * n_hid)

    def forward(self, seq, hx=None):
        x = seq.data
        n = int(seq.batch_sizes[0])
        if hx is None:
            h = x.new_zeros(n, self.n_hid)
            c = x.new_zeros(n, self.n_hid)
        else:
            h, c = (s.squeeze(0) for s in hx)
            if seq.sorted_indices is not None:
                h, c = h[seq.sorted_indices], c[seq.sorted_indices]
        outs = []
        for x_t in torch.split(x, seq.batch_sizes.tolist()):
            k = x_t.size(0)
            f, i, o, g = (self.x2h(x_t) + self.h2h(h[:k])).chunk(4, dim=-1)
            c_t = torch.sigmoid(f) * c[:k] + torch.sigmoid(i) * torch.tanh(g)
            h_t = torch.sigmoid(o) * torch.tanh(c_t)
            h = torch.cat([h_t, h[k:]])
            c = torch.cat([c_t, c[k:]])
            outs.append(h_t)
        if seq.unsorted_indices is not None:
            h, c = h[seq.unsorted_indices], c[seq.unsorted_indices]
        out = PackedSequence(torch.cat(outs), seq.batch_sizes, seq.sorted_indices, seq.unsorted_indices)
        return out, (h.unsqueeze(0), c.unsqueeze(0))


class ResetLSTM(nn.Module):
    """LSTM over (time, batch, features) whose rows may hold several episodes one after another.

    starts: (time, batch), 1 at the first step of each episode; an episode begins with an empty state.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.randn(input_size, 4 * hidden_size) / input_size ** 0.5)
        self.U = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size) / hidden_size ** 0.5)
        self.b = nn.Parameter(0.1 * torch.randn(4 * hidden_size))

    def forward(self, x, starts, state=None):
        T, B, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = state
        carry = 1.0 - starts.to(x.dtype).unsqueeze(-1)
        ys = []
        for t in range(T):
            i, f, g, o = (x[t] @ self.W + h @ self.U + self.b).split(self.hidden_size, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
            h = h * carry[t]
            c = c * carry[t]
        return torch.stack(ys), (h, c)


class TimeMajorLSTM(nn.Module):
    """(time, batch, features). lengths must be sorted, longest first; finished rows are dropped from the computation."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, lengths, state=None):
        T, B, _ = x.shape
        lengths = [int(n) for n in lengths]
        if len(lengths) != B:
            raise ValueError("one length a row is needed: got %d for %d rows" % (len(lengths), B))
        if any(a < b for a, b in zip(lengths, lengths[1:])):
            raise ValueError("lengths must be sorted, longest first")
        if lengths[0] > T or lengths[-1] < 1:
            raise ValueError("lengths must lie between 1 and the number of steps")
        if state is None:
            h = x.new_zeros(B, self.hidden_size)
            c = x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        ended_h, ended_c, out = [], [], []
        for t in range(T):
            running = sum(n > t for n in lengths)
            if running < h.size(0):
                ended_h.insert(0, h[running:])
                ended_c.insert(0, c[running:])
                h, c = h[:running], c[:running]
            i, f, g, o = (self.ih(x[t, :running]) + self.hh(h)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(F.pad(h, (0, 0, 0, B - running)))
        return torch.stack(out), (torch.cat([h] + ended_h), torch.cat([c] + ended_c))


class TrimmedLSTM(nn.Module):
    """nn.LSTM over (batch, time, features) that skips the padded tail of the batch.

    mask: (batch, time), nonzero on real steps. The output is as long as x, with zeros on the skipped steps.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(self, x, mask=None, hx=None):
        T = x.size(1)
        steps = T
        if mask is not None:
            steps = int((mask != 0)[0].sum())
        out, state = self.lstm(x[:, :steps], hx)
        if steps < T:
            out = F.pad(out, (0, 0, 0, T - steps))
        return out, state
