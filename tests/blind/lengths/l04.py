import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class PaddedLSTM(nn.Module):
    """nn.LSTM on padded batches (batch, time, features); outputs are zero past each sequence's length."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(self, x, hx=None, lengths=None):
        out, (h, c) = self.lstm(x, hx)
        if lengths is not None:
            lengths = torch.as_tensor(lengths, device=x.device)
            valid = torch.arange(x.size(1), device=x.device)[None, :] < lengths[:, None]
            out = out.masked_fill(~valid[:, :, None], 0.0)
        return out, (h, c)


class UnrolledLSTM(nn.Module):
    """PackedSequence in; out: (time, batch, hidden), each row's last state repeated after its end, and (h, c)."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.cell = nn.LSTMCell(input_dim, hidden_dim)

    def forward(self, packed, hidden=None):
        x, lengths = pad_packed_sequence(packed)
        lengths = lengths.to(x.device)
        if hidden is None:
            zeros = x.new_zeros(x.size(1), self.hidden_dim)
            hidden = (zeros, zeros)
        h, c = hidden
        out = []
        for t, x_t in enumerate(x):
            h_t, c_t = self.cell(x_t, (h, c))
            running = (lengths > t)[:, None]
            h = torch.where(running, h_t, h)
            c = torch.where(running, c_t, c)
            out.append(h)
        return torch.stack(out), (h, c)


class _Direction(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.input_proj = nn.Linear(input_size, 4 * hidden_size)
        self.state_proj = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, keep, h, c):
        out = []
        for t in range(x.size(0)):
            i, g, f, o = (self.input_proj(x[t]) + self.state_proj(h)).chunk(4, dim=-1)
            c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h_t = torch.sigmoid(o) * torch.tanh(c_t)
            if keep is not None:
                h_t = torch.where(keep[t], h_t, h)
                c_t = torch.where(keep[t], c_t, c)
            h, c = h_t, c_t
            out.append(h)
        return torch.stack(out), h, c


class MaskedBiLSTM(nn.Module):
    """LSTM over (time, batch, features) in one or two directions.

    padding: (time, batch), True (or 1) on padded steps, on which the state stays as it is.
    """

    def __init__(self, input_size, hidden_size, bidirectional=False):
        super().__init__()
        self.hidden_size = hidden_size
        self.bidirectional = bidirectional
        self.forward_rnn = _Direction(input_size, hidden_size)
        if bidirectional:
            self.backward_rnn = _Direction(input_size, hidden_size)

    def forward(self, x, padding=None, state=None):
        D = 2 if self.bidirectional else 1
        if state is None:
            zeros = x.new_zeros(D, x.size(1), self.hidden_size)
            state = (zeros, zeros)
        h0, c0 = state
        keep = reverse = None
        if padding is not None:
            padding = padding.bool().unsqueeze(-1)
            keep, reverse = ~padding, padding.flip(0)
        out, h, c = self.forward_rnn(x, keep, h0[0], c0[0])
        if not self.bidirectional:
            return out, (h.unsqueeze(0), c.unsqueeze(0))
        out_b, h_b, c_b = self.backward_rnn(x.flip(0), reverse, h0[1], c0[1])
        out = torch.cat([out, out_b.flip(0)], dim=-1)
        return out, (torch.stack([h, h_b]), torch.stack([c, c_b]))


class SortingEncoder(nn.Module):
    """nn.LSTM that sorts by length, packs, runs, and puts everything back in the rows' order."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers=num_layers, batch_first=True,
                            bidirectional=bidirectional)

    def forward(self, x, lengths, state=None):
        lengths = torch.as_tensor(lengths)
        order = torch.argsort(lengths, descending=True)
        back = torch.empty_like(order)
        back[order] = torch.arange(order.numel(), device=order.device)
        if state is not None:
            state = tuple(s.index_select(1, order.to(s.device)) for s in state)
        packed = pack_padded_sequence(x.index_select(0, order.to(x.device)), lengths[order].cpu(), batch_first=True)
        packed, (h, c) = self.lstm(packed, state)
        out, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.size(1))
        back = back.to(x.device)
        return out.index_select(0, back), (h.index_select(1, back), c.index_select(1, back))


class SegmentLSTM(nn.Module):
    """x: (B, T, features); is_init: (B, T, 1), nonzero where a row starts anew at that step. state: (2, B, hidden)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        for gate in "ifgo":
            self.register_parameter("W_" + gate, nn.Parameter(torch.randn(input_size, hidden_size) * input_size ** -0.5))
            self.register_parameter("U_" + gate, nn.Parameter(torch.randn(hidden_size, hidden_size) * hidden_size ** -0.5))
            self.register_parameter("b_" + gate, nn.Parameter(torch.randn(hidden_size) * 0.1))

    def _gate(self, name, x, h):
        return x @ getattr(self, "W_" + name) + h @ getattr(self, "U_" + name) + getattr(self, "b_" + name)

    def forward(self, x, is_init=None, state=None):
        B, T, _ = x.shape
        if state is None:
            state = x.new_zeros(2, B, self.hidden_size)
        out = []
        for t in range(T):
            if is_init is not None:
                state = state * (is_init[:, t] == 0).to(state.dtype)
            h, c = state[0], state[1]
            i = torch.sigmoid(self._gate("i", x[:, t], h))
            f = torch.sigmoid(self._gate("f", x[:, t], h))
            g = torch.tanh(self._gate("g", x[:, t], h))
            o = torch.sigmoid(self._gate("o", x[:, t], h))
            c = f * c + i * g
            h = o * torch.tanh(c)
            state = torch.stack([h, c])
            out.append(h)
        return torch.stack(out, dim=1), state
