import torch
from torch import nn
from torch.nn import Parameter


class NeuralMemory(nn.Module):
    """An LSTM layer. x: (T, B, I); state: (h, c), each (B, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x_map = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.h_map = nn.Linear(hidden_size, 4 * hidden_size)

    def _gates(self, x, h):
        z = (self.x_map(x) + self.h_map(h)).view(-1, 4, self.hidden_size)
        return z[:, 0].sigmoid(), z[:, 1].sigmoid(), z[:, 2].tanh(), z[:, 3].sigmoid()

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size),) * 2
        h, c = state
        if h.shape != (B, self.hidden_size) or c.shape != h.shape:
            raise ValueError("wrong state shape")
        ys = []
        for t in range(T):
            i, f, g, o = self._gates(x[t], h)
            c = f * c + i * torch.tanh(g)
            h = o * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class ServingLSTM(nn.Module):
    """Time-first LSTM for serving: without gradients the outputs go to storage that is set up once."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)
        self.hidden_size = hidden_size
        self._store = None

    def _storage(self, x):
        shape = (x.size(0), x.size(1), self.hidden_size)
        s = self._store
        if s is None or s.shape != shape or s.dtype != x.dtype or s.device != x.device:
            self._store = x.new_empty(shape)
        return self._store

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            h, c = x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        if torch.is_grad_enabled():
            ys = []
            for t in range(T):
                h, c = self.cell(x[t], (h, c))
                ys.append(h)
            return torch.stack(ys), (h, c)
        out = self._storage(x)
        for t in range(T):
            h, c = self.cell(x[t], (h, c))
            out[t] = h
        return out, (h, c)


class OneKernelLSTM(nn.Module):
    """LSTM with one kernel (I + H, 4H), its rows for x first and those for h after them."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        bound = hidden_size ** -0.5
        self.kernel = Parameter(torch.empty(input_size + hidden_size, 4 * hidden_size).uniform_(-bound, bound))
        self.bias = Parameter(torch.empty(4 * hidden_size).uniform_(-bound, bound))

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size),) * 2
        h, c = state
        if h.shape != (B, self.hidden_size) or c.shape != h.shape:
            raise ValueError("wrong state shape")
        w_x = self.kernel[: self.input_size]
        w_h = self.kernel[: self.hidden_size]
        gx = x @ w_x + self.bias
        ys = []
        for t in range(T):
            j, i, f, o = (gx[t] + h @ w_h).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(j)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class ShardedLSTM(nn.Module):
    """Time-first LSTM; batches of more than 32 rows are dealt out over shards and run one after another."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        bound = hidden_size ** -0.5
        self.weight_x = Parameter(torch.empty(4, input_size, hidden_size).uniform_(-bound, bound))
        self.weight_h = Parameter(torch.empty(4, hidden_size, hidden_size).uniform_(-bound, bound))
        self.offset = Parameter(torch.empty(4, 1, hidden_size).uniform_(-bound, bound))

    def _shard(self, x, h, c):
        ys = []
        for x_t in x:
            z = torch.matmul(x_t, self.weight_x) + torch.matmul(h, self.weight_h) + self.offset
            f, i, g, o = z
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h, c

    def forward(self, x, state=None):
        T, B, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size),) * 2
        h, c = state
        if h.shape != (B, self.hidden_size) or c.shape != h.shape:
            raise ValueError("wrong state shape")
        n = -(-B // 32)
        parts = [self._shard(x[:, k::n], h[k::n], c[k::n]) for k in range(n)]
        y = torch.cat([p[0] for p in parts], dim=1)
        h = torch.cat([p[1] for p in parts])
        c = torch.cat([p[2] for p in parts])
        return y, (h, c)


class ElementwiseCell(nn.Module):
    """LSTM cell without matrix multiplication calls: products are written out and summed. Returns (h, c)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        bound = hidden_size ** -0.5
        self.weight_ih = Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-bound, bound))
        self.weight_hh = Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-bound, bound))
        self.bias_ih = Parameter(torch.empty(4 * hidden_size).uniform_(-bound, bound))
        self.bias_hh = Parameter(torch.empty(4 * hidden_size).uniform_(-bound, bound))

    def forward(self, x, hx=None):
        if x.dim() != 2:
            raise ValueError("x must be (batch, input_size)")
        B = x.shape[0]
        if hx is None:
            hx = (x.new_zeros(B, self.hidden_size),) * 2
        h, c = hx
        if h.shape != (B, self.hidden_size) or c.shape != h.shape:
            raise ValueError("wrong state shape")
        a = (x.unsqueeze(1) * self.weight_ih).sum(-1) + self.bias_ih
        r = (h.unsqueeze(1) * self.weight_hh).sum(-1) + self.bias_hh
        i, f, g, o = (a + r).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c
