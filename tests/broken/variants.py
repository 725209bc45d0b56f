"""Other recurrences, right in their own way: none of them claims to be the plain LSTM."""

import torch
import torch.nn.functional as F
from hosts import ConcatLSTM, FusedLSTM, GateLinears, GateParameters, Recurrence, TimeFirstLSTM
from torch import nn

# --- LSTMs with something more, or less ----------------------------------------------------------


class PeepholeLSTM(GateLinears):
    """Gates see the cell state, element by element (Gers and Schmidhuber, 2000)."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.p_i = nn.Parameter(0.3 * torch.randn(hidden_size))
        self.p_f = nn.Parameter(0.3 * torch.randn(hidden_size))
        self.p_o = nn.Parameter(0.3 * torch.randn(hidden_size))

    def step(self, x, h, c):
        i, f, g, o = self.gates(x, h)
        i, f = torch.sigmoid(i + self.p_i * c), torch.sigmoid(f + self.p_f * c)
        c = f * c + i * torch.tanh(g)
        o = torch.sigmoid(o + self.p_o * c)
        return o * torch.tanh(c), c


class CoupledLSTM(Recurrence):
    """One gate both writes and forgets: f = 1 - i; no parameters of a forget gate."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.x2h = nn.Linear(input_size, 3 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 3 * hidden_size)

    def step(self, x, h, c):
        i, g, o = (self.x2h(x) + self.h2h(h)).chunk(3, dim=1)
        i = torch.sigmoid(i)
        c = (1 - i) * c + i * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class NoForgetGateLSTM(Recurrence):
    """The LSTM of 1997: c only adds up."""

    time_axis = 0

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Parameter(torch.empty(input_size, 3 * hidden_size))
        self.U = nn.Parameter(torch.empty(hidden_size, 3 * hidden_size))
        self.b = nn.Parameter(torch.empty(3 * hidden_size))
        self.reset_parameters()

    def step(self, x, h, c):
        i, o, g = (x @ self.W + h @ self.U + self.b).chunk(3, dim=1)
        c = c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class LayerNormLSTM(GateLinears):
    """Each gate's pre-activation and the cell state are normalised over the units."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_size) for _ in "ifgo")
        self.norm_c = nn.LayerNorm(hidden_size)

    def gates(self, x, h):
        return [norm(z) for norm, z in zip(self.norms, super().gates(x, h))]

    def combine(self, i, f, g, o, c):
        c = f * c + i * g
        return o * torch.tanh(self.norm_c(c)), c


class ProjectedLSTM(nn.Module):
    """h is projected to half its width before it is fed back (Sak et al., 2014)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.proj_size = max(1, hidden_size // 2)
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(self.proj_size, 4 * hidden_size, bias=False)
        self.projection = nn.Linear(hidden_size, self.proj_size, bias=False)

    def forward(self, x, state=None):
        B = x.size(0)
        if state is None:
            state = x.new_zeros(B, self.proj_size), x.new_zeros(B, self.hidden_size)
        r, c = state
        outputs = []
        for x_t in x.unbind(1):
            i, f, g, o = (self.x2h(x_t) + self.h2h(r)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            r = self.projection(torch.sigmoid(o) * torch.tanh(c))
            outputs.append(r)
        return torch.stack(outputs, dim=1), (r, c)


class WideProjectedLSTM(Recurrence):
    """The width of h is an argument of its own, by default as wide as c."""

    def __init__(self, input_size, hidden_size, recurrent_size=None):
        super().__init__(input_size, hidden_size)
        recurrent_size = recurrent_size or hidden_size
        self.weight_ih = nn.Parameter(0.4 * torch.randn(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(0.4 * torch.randn(4 * hidden_size, recurrent_size))
        self.weight_hr = nn.Parameter(0.4 * torch.randn(recurrent_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))

    def step(self, x, h, c):
        z = x @ self.weight_ih.T + h @ self.weight_hh.T + self.bias
        i, f, g, o = z.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return (torch.sigmoid(o) * torch.tanh(c)) @ self.weight_hr.T, c


class StatelessProjectedLSTM(nn.Module):
    """Neither takes nor returns a state; the projection has a bias."""

    def __init__(self, n_in, n_units):
        super().__init__()
        self.n_units, self.n_out = n_units, max(1, n_units // 2)
        self.gates = nn.Linear(n_in + self.n_out, 4 * n_units)
        self.proj = nn.Linear(n_units, self.n_out)

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.n_out)
        c = x.new_zeros(x.size(0), self.n_units)
        outputs = []
        for x_t in x.unbind(1):
            i, f, o, g = self.gates(torch.cat((x_t, h), dim=1)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = self.proj(torch.sigmoid(o) * torch.tanh(c))
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class ClippedLSTM(TimeFirstLSTM):
    """The cell state is clipped, and the constructor says so."""

    def __init__(self, input_size, hidden_size, cell_clip=1.0):
        super().__init__(input_size, hidden_size)
        self.cell_clip = cell_clip

    def combine(self, i, f, g, o, c):
        c = torch.clamp(f * c + i * g, -self.cell_clip, self.cell_clip)
        return o * torch.tanh(c), c


class ResidualLSTM(Recurrence):
    """The input is added to the output; a projection where the sizes differ."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.shortcut = nn.Linear(input_size, hidden_size, bias=False)

    def forward(self, x, state=None):
        y, state = self.lstm(x, state)
        return y + self.shortcut(x), state


class ZoneoutLSTM(ConcatLSTM):
    """In evaluation each unit keeps a fixed share of its old state (Krueger et al., 2016)."""

    def __init__(self, input_dim, hidden_dim, zoneout=0.1):
        super().__init__(input_dim, hidden_dim)
        self.zoneout = zoneout

    def step(self, x, h, c):
        new_h, new_c = super().step(x, h, c)
        return torch.lerp(new_h, h, self.zoneout), torch.lerp(new_c, c, self.zoneout)


class MultiplicativeLSTM(GateLinears):
    """An intermediate state m = (W_m x) * (U_m h) takes h's place (Krause et al., 2016)."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W_m = nn.Linear(input_size, hidden_size, bias=False)
        self.U_m = nn.Linear(hidden_size, hidden_size, bias=False)

    def gates(self, x, h):
        return super().gates(x, self.W_m(x) * self.U_m(h))


class DiagonalLSTM(Recurrence):
    """Each unit hears only itself: recurrent weights are vectors."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.u = nn.Parameter(torch.rand(4, hidden_size))

    def gates(self, x, h):
        return self.x2h(x).unflatten(1, (4, -1)).transpose(0, 1) + self.u.unsqueeze(1) * h


class ExponentialLSTM(FusedLSTM):
    """sLSTM: exponential input gate, with a normaliser beside the cell (Beck et al., 2024)."""

    def run(self, x, h, c):
        n = torch.ones_like(c)
        outputs = []
        for x_t in x.unbind(1):
            i, f, g, o = self.gates(x_t, h)
            i, f = torch.exp(i.clamp(max=8)), torch.sigmoid(f)
            c = f * c + i * torch.tanh(g)
            n = f * n + i
            h = torch.sigmoid(o) * c / n
            outputs.append(h)
        return outputs, h, c


# --- more than one -------------------------------------------------------------------------------


class BidirectionalLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.forwards = GateParameters(input_size, hidden_size)
        self.backwards = GateParameters(input_size, hidden_size)

    def forward(self, x):
        y, _ = self.forwards(x)
        z, _ = self.backwards(x.flip(0))
        return torch.cat([y, z.flip(0)], dim=2)


class TwoLayerLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.first = GateLinears(input_size, hidden_size)
        self.second = GateLinears(hidden_size, hidden_size)

    def forward(self, x, state=None):
        below, above = state if state is not None else (None, None)
        y, below = self.first(x, below)
        y, above = self.second(y, above)
        return y, (below, above)


# --- other recurrences ---------------------------------------------------------------------------


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 3 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x, h=None):
        h = x.new_zeros(x.size(0), self.hidden_size) if h is None else h
        outputs = []
        for x_t in x.unbind(1):
            x_r, x_z, x_n = self.x2h(x_t).chunk(3, dim=1)
            h_r, h_z, h_n = self.h2h(h).chunk(3, dim=1)
            r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
            h = (1 - z) * torch.tanh(x_n + r * h_n) + z * h
            outputs.append(h)
        return torch.stack(outputs, dim=1), h


class VanillaRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h=None):
        h = x.new_zeros(x.size(1), self.hidden_size) if h is None else h
        outputs = []
        for x_t in x:
            h = torch.tanh(self.x2h(x_t) + self.h2h(h))
            outputs.append(h)
        return torch.stack(outputs), h


class MinimalGatedUnit(nn.Module):
    """One gate forgets and resets (Zhou et al., 2016)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h=None):
        h = x.new_zeros(x.size(0), self.hidden_size) if h is None else h
        outputs = []
        for x_t in x.unbind(1):
            f = torch.sigmoid(self.gate(torch.cat([x_t, h], dim=1)))
            n = torch.tanh(self.candidate(torch.cat([x_t, f * h], dim=1)))
            h = (1 - f) * h + f * n
            outputs.append(h)
        return torch.stack(outputs, dim=1), h


class SRU(Recurrence):
    """Gates depend on the input alone; no nonlinearity on c (Lei et al., 2018)."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.linear = nn.Linear(input_size, 4 * hidden_size)

    def step(self, x, h, c):
        g, f, r, skip = self.linear(x).chunk(4, dim=1)
        f, r = torch.sigmoid(f), torch.sigmoid(r)
        c = f * c + (1 - f) * g
        return r * c + (1 - r) * skip, c


class QRNN(nn.Module):
    """Gates by a causal convolution over two steps, then pooling (Bradbury et al., 2016)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.convolution = nn.Conv1d(input_size, 3 * hidden_size, kernel_size=2)

    def forward(self, x, c=None):
        z = self.convolution(F.pad(x.transpose(1, 2), (1, 0))).transpose(1, 2)
        c = x.new_zeros(x.size(0), self.hidden_size) if c is None else c
        outputs = []
        for z_t in z.unbind(1):
            g, f, o = z_t.chunk(3, dim=1)
            f = torch.sigmoid(f)
            c = f * c + (1 - f) * torch.tanh(g)
            outputs.append(torch.sigmoid(o) * c)
        return torch.stack(outputs, dim=1), c
