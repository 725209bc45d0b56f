import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class StackedLSTM(nn.Module):
    """Multi-layer LSTM, batch first. padding_mask: (batch, time), True on padding (as in nn.MultiheadAttention)."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.kernels = nn.ParameterList()
        self.recurrent_kernels = nn.ParameterList()
        self.biases = nn.ParameterList()
        for k in range(num_layers):
            fan_in = input_size if k == 0 else hidden_size
            self.kernels.append(nn.Parameter(nn.init.xavier_uniform_(torch.empty(fan_in, 4 * hidden_size))))
            self.recurrent_kernels.append(nn.Parameter(nn.init.orthogonal_(torch.empty(hidden_size, 4 * hidden_size))))
            self.biases.append(nn.Parameter(nn.init.normal_(torch.empty(4 * hidden_size), std=0.1)))

    def forward(self, x, padding_mask=None, state=None):
        B, T, _ = x.shape
        if state is None:
            zeros = x.new_zeros(self.num_layers, B, self.hidden_size)
            state = (zeros, zeros)
        if padding_mask is None:
            padding_mask = torch.zeros(B, T, dtype=torch.bool, device=x.device)
        padding_mask = padding_mask.bool().unsqueeze(-1)
        hidden, cell = list(state[0].unbind(0)), list(state[1].unbind(0))
        outputs = []
        for t in range(T):
            inp, pad = x[:, t], padding_mask[:, t]
            for k in range(self.num_layers):
                z = inp @ self.kernels[k] + hidden[k] @ self.recurrent_kernels[k] + self.biases[k]
                i, f, g, o = z.chunk(4, dim=-1)
                c = torch.sigmoid(f) * cell[k] + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                cell[k] = torch.where(pad, cell[k], c)
                hidden[k] = torch.where(pad, hidden[k], h)
                inp = hidden[k]
            outputs.append(inp.masked_fill(pad, 0.0))
        return torch.stack(outputs, 1), (torch.stack(hidden), torch.stack(cell))


class SortedLSTM(nn.Module):
    """Time-first nn.LSTM on sequences of any lengths in any order; sorts them itself for packing."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size)

    def forward(self, x, lengths, hx=None):
        lengths = torch.as_tensor(lengths, device=x.device)
        sorted_lengths, order = lengths.sort(descending=True)
        restore = order.argsort()
        if hx is not None:
            hx = (hx[0].index_select(1, order), hx[1].index_select(1, order))
        packed = pack_padded_sequence(x.index_select(1, order), sorted_lengths.cpu())
        packed_out, (h, c) = self.lstm(packed, hx)
        out, _ = pad_packed_sequence(packed_out, total_length=x.size(0))
        return out, (h.index_select(1, restore), c.index_select(1, restore))


class ChunkedLSTM(nn.Module):
    """LSTM for rollouts. x: (T, N, features); masks: (T, N), 0 where an episode begins and 1 where it goes on.

    The stretches between two beginnings are run in one call each.
    """

    def __init__(self, num_inputs, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(num_inputs, hidden_size)

    def forward(self, x, masks, hxs=None):
        T, N, _ = x.shape
        if hxs is None:
            hxs = (x.new_zeros(1, N, self.lstm.hidden_size), x.new_zeros(1, N, self.lstm.hidden_size))
        h, c = hxs
        has_zeros = (masks[1:] == 0).any(dim=1).nonzero().flatten().tolist()
        bounds = [0] + [t + 1 for t in has_zeros] + [T]
        outputs = []
        for start, end in zip(bounds[:-1], bounds[1:]):
            keep = masks[start].to(x.dtype).view(1, N, 1)
            out, (h, c) = self.lstm(x[start:end], (h * keep, c * keep))
            outputs.append(out)
        return torch.cat(outputs, dim=0), (h, c)


class PackedToPaddedLSTM(nn.Module):
    """Takes a PackedSequence and gives padded hidden states (batch, time, hidden) and the final state of each sequence."""

    def __init__(self, in_features, units):
        super().__init__()
        self.units = units
        self.cell = nn.LSTMCell(in_features, units)

    def forward(self, packed, state=None):
        x, lengths = pad_packed_sequence(packed, batch_first=True)
        lengths = lengths.to(x.device)
        B, T, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.units), x.new_zeros(B, self.units))
        h, c = state
        steps = []
        for t in range(T):
            h, c = self.cell(x[:, t], (h, c))
            steps.append(h)
        out = torch.stack(steps, dim=1)
        h = out[torch.arange(B, device=x.device), lengths - 1]
        valid = torch.arange(T, device=x.device).unsqueeze(0) < lengths.unsqueeze(1)
        out = out * valid.unsqueeze(-1).to(out.dtype)
        return out, (h, c)


class AgentLSTM(nn.Module):
    """Batch-first LSTM for reinforcement learning. reset: (batch, time), nonzero where memory is cleared before a step."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.from_input = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.from_hidden = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, reset=None, state=None):
        B, T, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = state
        xp = self.from_input(x)
        out = []
        for t in range(T):
            if reset is not None:
                h = h.masked_fill(reset[:, t].bool().unsqueeze(-1), 0.0)
            gates = xp[:, t] + self.from_hidden(h)
            i, f, o, g = gates.chunk(4, dim=-1)
            i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
            c = f * c + i * g.tanh()
            h = o * c.tanh()
            out.append(h)
        return torch.stack(out, dim=1), (h, c)
