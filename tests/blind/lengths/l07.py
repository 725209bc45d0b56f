import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class LastStepLSTM(nn.Module):
    """Batch-first LSTM; `lengths` picks the step whose state is returned for each row, as (1, batch, hidden) each."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.w_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.w_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.b_ih = nn.Parameter(torch.empty(4 * hidden_size))
        self.b_hh = nn.Parameter(torch.empty(4 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self):
        bound = self.hidden_size ** -0.5
        for w in self.parameters():
            nn.init.uniform_(w, -bound, bound)

    def forward(self, x, state=None, *, lengths=None):
        B, T, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        else:
            h, c = state[0][0], state[1][0]
        H = self.hidden_size
        hs, cs = [], []
        for t in range(T):
            z = x[:, t] @ self.w_ih.T + self.b_ih + h @ self.w_hh.T + self.b_hh
            i, f, o = torch.sigmoid(z[:, :3 * H]).chunk(3, dim=1)
            g = torch.tanh(z[:, 3 * H:])
            c = f * c + i * g
            h = o * torch.tanh(c)
            hs.append(h)
            cs.append(c)
        hs, cs = torch.stack(hs, dim=1), torch.stack(cs, dim=1)
        if lengths is not None:
            lengths = torch.as_tensor(lengths, device=x.device)
            row = torch.arange(B, device=x.device)
            h, c = hs[row, lengths - 1], cs[row, lengths - 1]
            past = torch.arange(T, device=x.device).view(1, T, 1) >= lengths.view(B, 1, 1)
            hs = hs.masked_fill(past, 0.0)
        return hs, (h.unsqueeze(0), c.unsqueeze(0))


class MaskScanLSTM(nn.Module):
    """x: (batch, time, features), mask: (batch, time) of ints, 1 = valid. Optionally in both directions."""

    def __init__(self, input_dim, hidden_dim, bidirectional=False):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.fw = nn.LSTMCell(input_dim, hidden_dim)
        self.bw = nn.LSTMCell(input_dim, hidden_dim) if bidirectional else None

    def _scan(self, cell, x, mask, h, c, reverse=False):
        order = range(x.size(1))
        ys = {}
        for t in reversed(order) if reverse else order:
            nh, nc = cell(x[:, t], (h, c))
            if mask is not None:
                m = mask[:, t].to(torch.bool)[:, None]
                nh, nc = torch.where(m, nh, h), torch.where(m, nc, c)
            h, c = nh, nc
            ys[t] = h
        return torch.stack([ys[t] for t in order], 1), h, c

    def forward(self, x, mask=None, hx=None):
        n = 1 if self.bw is None else 2
        if hx is None:
            hx = x.new_zeros(n, x.size(0), self.hidden_dim), x.new_zeros(n, x.size(0), self.hidden_dim)
        h0, c0 = hx
        y, h, c = self._scan(self.fw, x, mask, h0[0], c0[0])
        if self.bw is None:
            return y, (h[None], c[None])
        y_b, h_b, c_b = self._scan(self.bw, x, mask, h0[1], c0[1], reverse=True)
        return torch.cat((y, y_b), -1), (torch.stack((h, h_b)), torch.stack((c, c_b)))


class PackedEncoder(nn.Module):
    """nn.LSTM for PackedSequence input, sorted or not; gives the packed outputs and the final states by row."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.rnn = nn.LSTM(input_size, hidden_size, num_layers, bidirectional=bidirectional)

    def forward(self, packed, hx=None):
        dtype = self.rnn.weight_ih_l0.dtype
        inner = PackedSequence(packed.data.to(dtype), packed.batch_sizes)
        if hx is not None and packed.sorted_indices is not None:
            hx = tuple(s.index_select(1, packed.sorted_indices) for s in hx)
        out, (h, c) = self.rnn(inner, hx)
        if packed.unsorted_indices is not None:
            h = h.index_select(1, packed.unsorted_indices)
            c = c.index_select(1, packed.unsorted_indices)
        return PackedSequence(out.data, out.batch_sizes), (h, c)


class DynamicLSTM(nn.Module):
    """Variable-length nn.LSTM (batch first): forward(x, lengths, hx) with lengths in any order."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True, bidirectional=bidirectional)

    def forward(self, x, lengths, hx=None):
        lengths = torch.as_tensor(lengths, device=x.device)
        sort_idx = torch.argsort(lengths, descending=True)
        unsort_idx = torch.argsort(sort_idx)
        packed = pack_padded_sequence(x[sort_idx], lengths[sort_idx].cpu(), batch_first=True)
        packed, (h, c) = self.lstm(packed, hx)
        out, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.size(1))
        out = out[unsort_idx]
        h = h.index_select(1, unsort_idx)
        c = c.index_select(1, unsort_idx)
        return out, (h, c)


class EpisodeStack(nn.Module):
    """Layers of cells, time first. cont: (T, B), 1 where a row goes on and 0 where it begins an episode.

    state and the second result: a list of (h, c), one a layer.
    """

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.hidden_size = hidden_size
        self.layers = nn.ModuleList([nn.LSTMCell(n, hidden_size) for n in sizes])

    def forward(self, x, state=None, cont=None):
        if state is None:
            state = [(x.new_zeros(x.size(1), self.hidden_size), x.new_zeros(x.size(1), self.hidden_size))
                     for _ in self.layers]
        state = list(state)
        outputs = []
        for t in range(x.size(0)):
            if cont is not None:
                k = cont[t].to(x.dtype).unsqueeze(1)
                state = [(k * h, k * c) for h, c in state]
            y = x[t]
            for n, layer in enumerate(self.layers):
                state[n] = layer(y, state[n])
                y = state[n][0]
            outputs.append(y)
        return torch.stack(outputs), state
