import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence, unpack_sequence


class DeepLSTM(nn.Module):
    """Layers of LSTM over (batch, time, features) with lengths. State: pair of (num_layers, batch, hidden)."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.first = nn.LSTMCell(input_size, hidden_size)
        self.rest = nn.ModuleList(nn.LSTMCell(hidden_size, hidden_size) for _ in range(num_layers - 1))

    def _unroll(self, cell, x, h, c, alive=None):
        out = []
        for t in range(x.size(1)):
            h_t, c_t = cell(x[:, t], (h, c))
            if alive is None:
                out.append(h_t)
                h, c = h_t, c_t
            else:
                a = alive[:, t].unsqueeze(-1)
                out.append(h_t.masked_fill(~a, 0.0))
                h = torch.where(a, h_t, h)
                c = torch.where(a, c_t, c)
        return torch.stack(out, 1), h, c

    def forward(self, x, lengths=None, state=None):
        B, T, _ = x.shape
        if state is None:
            zeros = x.new_zeros(self.num_layers, B, self.hidden_size)
            state = (zeros, zeros)
        h0, c0 = state
        alive = None
        if lengths is not None:
            lengths = torch.as_tensor(lengths, device=x.device)
            alive = torch.arange(T, device=x.device).expand(B, T) < lengths.view(B, 1)
        out, h, c = self._unroll(self.first, x, h0[0], c0[0], alive)
        hs, cs = [h], [c]
        for k, cell in enumerate(self.rest, start=1):
            out, h, c = self._unroll(cell, out, h0[k], c0[k])
            hs.append(h)
            cs.append(c)
        return out, (torch.stack(hs), torch.stack(cs))


class TrajectoryLSTM(nn.Module):
    """Cuts each row of (batch, time, features) into trajectories, runs them all at once, and joins them again.

    is_init: (batch, time) bool, true at the first step of a trajectory. A row that does not begin with one goes on from
    the state given, (1, batch, hidden) each.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lstm = nn.LSTM(input_size, hidden_size)

    def forward(self, x, is_init, state=None):
        B, T, _ = x.shape
        blank = x.new_zeros(self.hidden_size)
        pieces, h0, c0, last = [], [], [], []
        for b, flags in enumerate(is_init.bool().tolist()):
            cuts = [0] + [t for t in range(1, T) if flags[t]] + [T]
            for begin, end in zip(cuts[:-1], cuts[1:]):
                pieces.append(x[b, begin:end])
                carried = begin == 0 and not flags[0] and state is not None
                h0.append(state[0][0, b] if carried else blank)
                c0.append(state[1][0, b] if carried else blank)
            last.append(len(pieces) - 1)
        packed = pack_sequence(pieces, enforce_sorted=False)
        packed, (h, c) = self.lstm(packed, (torch.stack(h0).unsqueeze(0), torch.stack(c0).unsqueeze(0)))
        out = torch.cat(unpack_sequence(packed)).view(B, T, self.hidden_size)
        last = torch.tensor(last, device=x.device)
        return out, (h.index_select(1, last), c.index_select(1, last))


class GatedLSTM(nn.Module):
    """Batch-first LSTM; mask: (batch, time, 1), 1 for real steps. On masked steps the state is carried over unchanged."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.Wh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bx = nn.Parameter(torch.empty(4 * hidden_size))
        self.bh = nn.Parameter(torch.empty(4 * hidden_size))
        for p in self.parameters():
            nn.init.uniform_(p, -hidden_size ** -0.5, hidden_size ** -0.5)

    def step(self, x, h, c):
        gates = nn.functional.linear(x, self.Wx, self.bx) + nn.functional.linear(h, self.Wh, self.bh)
        i, f, g, o = gates.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, x, mask=None, state=None):
        B, T, _ = x.shape
        h, c = state if state is not None else (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        outputs = []
        for t in range(T):
            h_new, c_new = self.step(x[:, t], h, c)
            outputs.append(h_new)
            if mask is None:
                h, c = h_new, c_new
            else:
                m = mask[:, t] != 0
                h = torch.where(m, h_new, h)
                c = torch.where(m, c_new, c)
        return torch.stack(outputs, dim=1), (h, c)


class PackedStack(nn.Module):
    """nn.LSTM's call on PackedSequence, written out: layers, directions, (num_layers * directions, batch, hidden) states."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_directions = 2 if bidirectional else 1
        self.x_maps = nn.ModuleList()
        self.h_maps = nn.ModuleList()
        for layer in range(num_layers):
            size = input_size if layer == 0 else hidden_size * self.num_directions
            for _ in range(self.num_directions):
                self.x_maps.append(nn.Linear(size, 4 * hidden_size))
                self.h_maps.append(nn.Linear(hidden_size, 4 * hidden_size, bias=False))

    def _direction(self, k, x, valid, h, c, steps):
        pre = self.x_maps[k](x)
        out = [None] * x.size(0)
        for t in steps:
            i, f, g, o = (pre[t] + self.h_maps[k](h)).chunk(4, dim=-1)
            c_t = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h_t = o.sigmoid() * c_t.tanh()
            h = torch.where(valid[t], h_t, h)
            c = torch.where(valid[t], c_t, c)
            out[t] = h
        return torch.stack(out), h, c

    def forward(self, packed, hx=None):
        x, lengths = pad_packed_sequence(packed)
        T, B, _ = x.shape
        valid = (torch.arange(T).unsqueeze(1) < lengths.unsqueeze(0)).unsqueeze(-1).to(x.device)
        if hx is None:
            zeros = x.new_zeros(self.num_layers * self.num_directions, B, self.hidden_size)
            hx = (zeros, zeros)
        h_n, c_n = [], []
        for layer in range(self.num_layers):
            outs = []
            for d in range(self.num_directions):
                k = layer * self.num_directions + d
                steps = range(T) if d == 0 else range(T - 1, -1, -1)
                out, h, c = self._direction(k, x, valid, hx[0][k], hx[1][k], steps)
                outs.append(out)
                h_n.append(h)
                c_n.append(c)
            x = torch.cat(outs, dim=-1)
        if packed.sorted_indices is not None:
            x = x.index_select(1, packed.sorted_indices)
        data = torch.cat([x[t, :n] for t, n in enumerate(packed.batch_sizes.tolist())])
        out = PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        return out, (torch.stack(h_n), torch.stack(c_n))


class ActorLSTM(nn.Module):
    """obs: (T, B, features); not_done: (T, B), 1 if the episode goes on into step t, 0 if step t begins another."""

    def __init__(self, obs_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.i2h = nn.Linear(obs_dim, 4 * hidden_dim)
        self.h2h = nn.Linear(hidden_dim, 4 * hidden_dim)

    def forward(self, obs, state=None, not_done=None):
        T, B, _ = obs.shape
        if state is None:
            state = (obs.new_zeros(B, self.hidden_dim), obs.new_zeros(B, self.hidden_dim))
        h, c = state
        if not_done is None:
            not_done = obs.new_ones(T, B)
        keep = not_done.to(obs.dtype).unsqueeze(-1)
        hs = []
        for t in range(T):
            i, f, g, o = (self.i2h(obs[t]) + self.h2h(h)).chunk(4, dim=-1)
            c = torch.sigmoid(f) * (keep[t] * c) + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs), (h, c)
