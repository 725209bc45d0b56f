import math

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class VarLenLSTM(nn.Module):
    """LSTM over padded batches.

    x: (batch, time, features); lengths: number of real steps of each row (tensor or list, any order).
    Returns the hidden states (batch, time, hidden), zero on padded steps, and the pair (h, c), each (batch, hidden).
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.input_gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.forget_gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.cell_gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.output_gate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, lengths=None, state=None):
        B, T, _ = x.shape
        if state is None:
            h = x.new_zeros(B, self.hidden_size)
            c = x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        if lengths is None:
            lengths = [T] * B
        lengths = torch.as_tensor(lengths, device=x.device)

        outputs = []
        for t in range(T):
            z = torch.cat([x[:, t], h], dim=1)
            i = torch.sigmoid(self.input_gate(z))
            f = torch.sigmoid(self.forget_gate(z))
            g = torch.tanh(self.cell_gate(z))
            o = torch.sigmoid(self.output_gate(z))
            c_new = f * c + i * g
            h_new = o * torch.tanh(c_new)
            alive = (lengths > t).unsqueeze(1)
            h = torch.where(alive, h_new, h)
            c = torch.where(alive, c_new, c)
            outputs.append(torch.where(alive, h_new, torch.zeros_like(h_new)))
        return torch.stack(outputs, dim=1), (h, c)


class MaskedLSTM(nn.Module):
    """Time-first LSTM. mask: (time, batch), 1 where the step is real and 0 where it is padding."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.cell = nn.LSTMCell(input_dim, hidden_dim)

    def forward(self, inputs, mask=None, hx=None):
        steps, batch = inputs.shape[:2]
        if hx is None:
            zeros = inputs.new_zeros(batch, self.hidden_dim)
            hx = (zeros, zeros)
        h, c = hx
        outputs = []
        for t in range(steps):
            h_next, c_next = self.cell(inputs[t], (h, c))
            if mask is not None:
                m = mask[t].unsqueeze(-1).to(h_next.dtype)
                h_next = m * h_next + (1 - m) * h
            h, c = h_next, c_next
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class EpisodicLSTM(nn.Module):
    """Recurrent core of an agent that is trained on stretches of several episodes.

    obs: (time, batch, features). is_init[t, b] is true where step t is the first of a new episode in row b:
    the memory of that row is blank before the step.
    """

    def __init__(self, obs_size, hidden_size):
        super().__init__()
        self.core = nn.LSTMCell(obs_size, hidden_size)

    def initial_state(self, batch, like):
        return (like.new_zeros(batch, self.core.hidden_size), like.new_zeros(batch, self.core.hidden_size))

    def forward(self, obs, is_init, state=None):
        h, c = self.initial_state(obs.size(1), obs) if state is None else state
        hs = []
        for x, first in zip(obs.unbind(0), is_init.bool().unbind(0)):
            first = first.unsqueeze(-1)
            h = h.masked_fill(first, 0.0)
            c = c.masked_fill(first, 0.0)
            h, c = self.core(x, (h, c))
            hs.append(h)
        return torch.stack(hs, 0), (h, c)


class PackedLSTM(nn.Module):
    """LSTM on a PackedSequence, without padding it. State: pair of (batch, hidden)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        bound = 1.0 / math.sqrt(hidden_size)
        for p in self.parameters():
            nn.init.uniform_(p, -bound, bound)

    def forward(self, packed, hx=None):
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        if hx is None:
            h = data.new_zeros(int(batch_sizes[0]), self.hidden_size)
            c = data.new_zeros(int(batch_sizes[0]), self.hidden_size)
        else:
            h, c = hx
            if sorted_indices is not None:
                h = h.index_select(0, sorted_indices)
                c = c.index_select(0, sorted_indices)

        projected = data @ self.weight_ih.t() + self.bias
        outputs, finished, start = [], [], 0
        for n in batch_sizes.tolist():
            if n < h.size(0):
                finished.append((h[n:], c[n:]))
                h, c = h[:n], c[:n]
            gates = projected[start:start + n] + h @ self.weight_hh.t()
            start += n
            i, f, g, o = gates.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        finished.append((h, c))

        h_n = torch.cat([pair[0] for pair in reversed(finished)])
        c_n = torch.cat([pair[1] for pair in reversed(finished)])
        output = PackedSequence(torch.cat(outputs), batch_sizes, sorted_indices, unsorted_indices)
        return output, (h_n, c_n)


class BatchEncoder(nn.Module):
    """nn.LSTM over (batch, time, features) with a mask (batch, time) that is 1 on the real steps, which come first."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.rnn = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True, bidirectional=bidirectional)

    def forward(self, x, mask=None, hx=None):
        if mask is None:
            return self.rnn(x, hx)
        lengths = mask.long().sum(dim=1).cpu()
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        packed_out, state = self.rnn(packed, hx)
        out, _ = pad_packed_sequence(packed_out, batch_first=True, total_length=x.size(1))
        return out, state
