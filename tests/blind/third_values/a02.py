import torch
from torch import nn, Tensor
from typing import List, Optional, Tuple


def _uniform(*shape, bound):
    return nn.Parameter((torch.rand(*shape) * 2 - 1) * bound)


class FusedKernelLSTM(nn.Module):
    """Time-first LSTM, one kernel (I, 4H) and one recurrent kernel (H, 4H)."""

    def __init__(self, input_size: int, units: int):
        super().__init__()
        self.units = units
        b = units ** -0.5
        self.kernel = _uniform(input_size, 4 * units, bound=b)
        self.recurrent_kernel = _uniform(units, 4 * units, bound=b)
        self.bias = _uniform(4 * units, bound=b)

    def forward(self, inputs: Tensor, initial_state: Optional[List[Tensor]] = None):
        n, batch, _ = inputs.shape
        u = self.units
        if initial_state is None:
            h, c = inputs.new_zeros(batch, u), inputs.new_zeros(batch, u)
        else:
            h, c = initial_state
            assert h.shape == (batch, u) and c.shape == (batch, u), "state shape"
        outputs = []
        for x in inputs.unbind(0):
            z = torch.addmm(self.bias, x, self.kernel) + h @ self.recurrent_kernel
            act = torch.cat((torch.sigmoid(z[:, : 3 * u]), torch.tanh(z[:, 3 * u:])), dim=1)
            i, f, g, o = act.chunk(4, dim=1)
            c = f * c + i * g
            h = o * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), [h, c]


class TextLSTM(nn.Module):
    """LSTM for batches of embedded text, (B, T, E) -> (B, T, H).

    hidden: optional (h_0, c_0), each (1, B, H).
    """

    def __init__(self, embed_dim: int, hidden_dim: int):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.cell = nn.LSTMCell(embed_dim, hidden_dim)

    def init_hidden(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        shape = (1, x.size(0), self.hidden_dim)
        return x.new_zeros(shape), x.new_zeros(shape)

    def check_hidden(self, hidden, x):
        want = (1, x.size(0), self.hidden_dim)
        if any(tuple(s.shape) != want for s in hidden):
            raise ValueError(f"hidden must be two tensors of shape {want}")

    def forward(self, x: Tensor, hidden=None):
        if x.dim() != 3:
            raise ValueError("x must be (batch, time, features)")
        if hidden is not None:
            self.check_hidden(hidden, x)
        hidden = self.init_hidden(x)
        h, c = hidden[0].squeeze(0), hidden[1].squeeze(0)
        ys = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            ys.append(h)
        return torch.stack(ys, 1), (h.unsqueeze(0), c.unsqueeze(0))


class PairCell(nn.Module):
    """LSTM cell, ``h, c = cell(x, (h, c))``; without a state it starts from zeros."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.x2g = nn.Linear(input_size, 4 * hidden_size)
        self.h2g = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def _state(self, x: Tensor, s: Optional[Tensor]) -> Tensor:
        if s is None or s.shape != (x.shape[0], self.hidden_size):
            return x.new_zeros(x.shape[0], self.hidden_size)
        return s

    def forward(self, x: Tensor, state=None):
        if x.dim() != 2 or x.shape[1] != self.input_size:
            raise ValueError(f"expected x of shape (batch, {self.input_size}), got {tuple(x.shape)}")
        h, c = state if state is not None else (None, None)
        h, c = self._state(x, h), self._state(x, c)
        i, f, g, o = (self.x2g(x) + self.h2g(h)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class TiledLSTM(nn.Module):
    """Time-first LSTM that works through large batches in tiles of rows, to bound its memory."""

    tile = 64

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        b = hidden_size ** -0.5
        self.w = _uniform(4 * hidden_size, input_size, bound=b)
        self.u = _uniform(4 * hidden_size, hidden_size, bound=b)
        self.b = _uniform(4 * hidden_size, bound=b)

    def _rows(self, x, h, c):
        gx = x @ self.w.t() + self.b
        ys = []
        for g in gx:
            i, f, n, o = (g + h @ self.u.t()).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(n)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), h, c

    def forward(self, x: Tensor, state=None):
        T, B, _ = x.shape
        if state is None:
            h0 = x.new_zeros(B, self.hidden_size)
            c0 = x.new_zeros(B, self.hidden_size)
        else:
            h0, c0 = state
            if h0.shape != (B, self.hidden_size) or c0.shape != (B, self.hidden_size):
                raise ValueError("state: two tensors (B, H)")
        parts = []
        for part in x.split(self.tile, dim=1):
            rows = part.size(1)
            parts.append(self._rows(part, h0[:rows], c0[:rows]))
        out, h, c = zip(*parts)
        return torch.cat(out, 1), (torch.cat(h, 0), torch.cat(c, 0))


class LSTMBlock(nn.Module):
    """``out, (h_n, c_n) = block(x, (h_0, c_0))`` with x (T, B, I) and states (1, B, H)."""

    def __init__(self, n_inputs: int, n_units: int):
        super().__init__()
        self.n_units = n_units
        self.gates = nn.Linear(n_units + n_inputs, 4 * n_units)

    def forward(self, x: Tensor, state=None):
        T, B, _ = x.shape
        if state is None:
            h = c = x.new_zeros(B, self.n_units)
        else:
            if any(s.shape != (1, B, self.n_units) for s in state):
                raise ValueError("state: two tensors (1, B, H)")
            h, c = state[0][0], state[1][0]
        seq = []
        for t in range(T):
            z = self.gates(torch.cat([h, x[t]], dim=-1))
            f, i, g, o = torch.split(z, self.n_units, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            squashed = torch.tanh(c)
            h = torch.sigmoid(o) * squashed
            seq.append(h)
        out = torch.stack(seq)
        return out, (h.unsqueeze(0), squashed.unsqueeze(0))
