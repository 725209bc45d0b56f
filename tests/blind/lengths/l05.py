import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence


class LengthLSTM(nn.Module):
    """Batch-first LSTM; runs all steps and then picks each row's state at its own end.

    lengths: tensor or list of the rows' lengths. Outputs past the end are zero.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, lengths=None, init=None):
        B, T, _ = x.shape
        if init is None:
            h, c = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        else:
            h, c = init
        all_h, all_c = [], []
        for t in range(T):
            i, f, o, g = self.gates(torch.cat((h, x[:, t]), dim=-1)).chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            all_h.append(h)
            all_c.append(c)
        out, cells = torch.stack(all_h, 1), torch.stack(all_c, 1)
        if lengths is None:
            return out, (h, c)
        lengths = torch.as_tensor(lengths, device=x.device)
        index = lengths.clamp(max=T - 1).view(B, 1, 1).expand(B, 1, self.hidden_size)
        h = out.gather(1, index).squeeze(1)
        c = cells.gather(1, index).squeeze(1)
        past = torch.arange(T, device=x.device)[None] >= lengths[:, None]
        return out.masked_fill(past.unsqueeze(-1), 0.0), (h, c)


class RolloutLSTM(nn.Module):
    """Core for rollouts of (time, batch, features); starts (time, batch) is true at the first step of an episode."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def blank(self, x, batch):
        return x.new_zeros(batch, self.hidden_size), x.new_zeros(batch, self.hidden_size)

    def forward(self, x, starts=None, state=None):
        T, B = x.shape[0], x.shape[1]
        if state is None:
            state = self.blank(x, B)
        outputs = []
        for t in range(T):
            if starts is not None and bool((starts[t] != 0).any()):
                state = self.blank(x, B)
            state = self.cell(x[t], state)
            outputs.append(state[0])
        return torch.stack(outputs), state


class HoldLSTM(nn.Module):
    """forward(x, mask, state): x (T, B, I); mask (T, B, 1), 1.0 on real steps; state [h, c]. The state waits on padding."""

    def __init__(self, nin, nhid):
        super().__init__()
        self.nhid = nhid
        self.lstm_cell = nn.LSTMCell(nin, nhid)

    def forward(self, x, mask, state=None):
        if state is None:
            state = [x.new_zeros(x.shape[1], self.nhid) for _ in range(2)]
        h, c = state
        ys = []
        for x_t, m_t in zip(x, mask.to(x.dtype)):
            h1, c1 = self.lstm_cell(x_t, (h, c))
            h = m_t * h1 + (1.0 - m_t) * h
            c = m_t * c1 + (1.0 - m_t) * c
            ys.append(h)
        return torch.stack(ys, 0), [h, c]


class ReverseSequenceLSTM(nn.Module):
    """(batch, time, features). With bidirectional=True each row is turned round within its own length."""

    def __init__(self, input_size, hidden_size, bidirectional=False):
        super().__init__()
        self.hidden_size = hidden_size
        self.bidirectional = bidirectional
        n = 2 if bidirectional else 1
        self.cells = nn.ModuleList(nn.LSTMCell(input_size, hidden_size) for _ in range(n))

    @staticmethod
    def _turned(lengths, T):
        steps = torch.arange(T, device=lengths.device).unsqueeze(0)
        ends = lengths.unsqueeze(1)
        return torch.where(steps < ends, ends - 1 - steps, steps)

    @staticmethod
    def _take(seq, index):
        return seq.gather(1, index.unsqueeze(-1).expand(-1, -1, seq.size(-1)))

    def _run(self, cell, x, h, c, lengths):
        hs, cs = [], []
        for t in range(x.size(1)):
            h, c = cell(x[:, t], (h, c))
            hs.append(h)
            cs.append(c)
        hs, cs = torch.stack(hs, 1), torch.stack(cs, 1)
        last = (lengths - 1).unsqueeze(1)
        return hs, self._take(hs, last).squeeze(1), self._take(cs, last).squeeze(1)

    def forward(self, x, lengths=None, hx=None):
        B, T, _ = x.shape
        lengths = torch.as_tensor([T] * B if lengths is None else lengths, dtype=torch.long, device=x.device)
        if hx is None:
            zeros = x.new_zeros(len(self.cells), B, self.hidden_size)
            hx = (zeros, zeros)
        outs, h_n, c_n = [], [], []
        for d, cell in enumerate(self.cells):
            if d == 1:
                turned = self._turned(lengths, T)
                hs, h, c = self._run(cell, self._take(x, turned), hx[0][d], hx[1][d], lengths)
                hs = self._take(hs, turned)
            else:
                hs, h, c = self._run(cell, x, hx[0][d], hx[1][d], lengths)
            outs.append(hs)
            h_n.append(h)
            c_n.append(c)
        past = torch.arange(T, device=x.device).unsqueeze(0) >= lengths.unsqueeze(1)
        out = torch.cat(outs, -1).masked_fill(past.unsqueeze(-1), 0.0)
        return out, (torch.stack(h_n), torch.stack(c_n))


class ShrinkingLSTM(nn.Module):
    """PackedSequence in and out; the batch gets smaller as sequences end. Final states come in the rows' own order."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, packed, state=None):
        sizes = packed.batch_sizes.tolist()
        if state is None:
            h = packed.data.new_zeros(sizes[0], self.hidden_size)
            c = packed.data.new_zeros(sizes[0], self.hidden_size)
        else:
            h, c = state
            if packed.sorted_indices is not None:
                h, c = h[packed.sorted_indices], c[packed.sorted_indices]
        out, last_h, last_c = [], [], []
        for x_t, n_next in zip(packed.data.split(sizes), sizes[1:] + [0]):
            n = x_t.size(0)
            last_h.append(h[n_next:n])
            last_c.append(c[n_next:n])
            h, c = self.cell(x_t, (h[:n], c[:n]))
            out.append(h)
        h = torch.cat(last_h[::-1])
        c = torch.cat(last_c[::-1])
        if packed.unsorted_indices is not None:
            h, c = h[packed.unsorted_indices], c[packed.unsorted_indices]
        out = PackedSequence(torch.cat(out), packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        return out, (h, c)
