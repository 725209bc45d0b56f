"""Sequence layers over one fused weight, in the layouts the public stores it in."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


class PlainLSTM(nn.Module):
    """torch.nn.LSTM's names, argument list and states, written out in Python."""

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False):
        super().__init__()
        if num_layers != 1:
            raise NotImplementedError("one layer only")
        self.input_size, self.hidden_size = input_size, hidden_size
        self.num_layers, self.bias, self.batch_first = num_layers, bias, batch_first
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        if bias:
            self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
            self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        else:
            self.register_parameter("bias_ih_l0", None)
            self.register_parameter("bias_hh_l0", None)
        self.reset_parameters()

    def reset_parameters(self):
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    def check(self, input, hx):
        if input.dim() != 3:
            raise RuntimeError(f"input must have 3 dimensions, got {input.dim()}")
        if input.size(-1) != self.input_size:
            raise RuntimeError(f"expected {self.input_size} features, got {input.size(-1)}")
        batch = input.size(0 if self.batch_first else 1)
        expected = (1, batch, self.hidden_size)
        for state in hx or ():
            if tuple(state.shape) != expected:
                raise RuntimeError(f"Expected state size {expected}, got {tuple(state.shape)}")

    def forward(self, input, hx=None):
        self.check(input, hx)
        steps = input.unbind(1 if self.batch_first else 0)
        if hx is None:
            h = c = input.new_zeros(steps[0].size(0), self.hidden_size)
        else:
            h, c = (state.squeeze(0) for state in hx)
        outputs = []
        for x in steps:
            gates = F.linear(x, self.weight_ih_l0, self.bias_ih_l0)
            gates = gates + F.linear(h, self.weight_hh_l0, self.bias_hh_l0)
            i, f, g, o = gates.chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        output = torch.stack(outputs, dim=1 if self.batch_first else 0)
        return output, (h.unsqueeze(0), c.unsqueeze(0))


class KerasLSTM(nn.Module):
    """After Keras: units first, gates i f c o, (input, 4 units) kernels, unit forget bias."""

    def __init__(self, units, input_dim, unit_forget_bias=True):
        super().__init__()
        self.units = units
        self.register_parameter("kernel", nn.Parameter(torch.empty(input_dim, 4 * units)))
        self.register_parameter("recurrent_kernel", nn.Parameter(torch.empty(units, 4 * units)))
        self.register_parameter("bias", nn.Parameter(torch.zeros(4 * units)))
        nn.init.xavier_uniform_(self.kernel)
        nn.init.orthogonal_(self.recurrent_kernel)
        if unit_forget_bias:
            with torch.no_grad():
                self.bias[units : 2 * units].fill_(1.0)

    def forward(self, inputs, initial_state=None):
        batch, _, _ = inputs.shape
        if initial_state is None:
            initial_state = [inputs.new_zeros(batch, self.units) for _ in range(2)]
        h, c = initial_state
        projected = torch.matmul(inputs, self.kernel) + self.bias  # hoisted out of the loop
        ys = []
        for z in projected.unbind(1):
            z = z + torch.matmul(h, self.recurrent_kernel)
            z0, z1, z2, z3 = torch.split(z, self.units, dim=1)
            i, f, o = torch.sigmoid(z0), torch.sigmoid(z1), torch.sigmoid(z3)
            c = f * c + i * torch.tanh(z2)
            h = o * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), h, c


class TheanoLSTM(nn.Module):
    """After the Theano tutorials: mask before the states, all hiddens and all cells out."""

    def __init__(self, dim_proj_in, dim):
        super().__init__()
        self.dim = dim
        self.lstm_W = nn.Parameter(torch.randn(dim_proj_in, 4 * dim) / math.sqrt(dim))
        self.lstm_U = nn.Parameter(torch.cat([self.ortho(dim) for _ in range(4)], dim=1))
        self.lstm_b = nn.Parameter(torch.zeros(4 * dim))

    @staticmethod
    def ortho(n):
        u, _, _ = torch.linalg.svd(torch.randn(n, n))
        return u

    def forward(self, state_below, mask=None, init_state=None, init_memory=None):
        n_samples = state_below.shape[1]

        def _slice(_x, n):
            return _x[:, n * self.dim : (n + 1) * self.dim]

        if init_state is None:
            init_state = state_below.new_zeros(n_samples, self.dim)
        if init_memory is None:
            init_memory = state_below.new_zeros(n_samples, self.dim)
        if mask is None:
            mask = state_below.new_ones(state_below.shape[0], n_samples)
        state_below = state_below @ self.lstm_W + self.lstm_b
        h_, c_ = init_state, init_memory
        hs, cs = [], []
        for m_, x_ in zip(mask, state_below):
            preact = h_ @ self.lstm_U + x_
            i = torch.sigmoid(_slice(preact, 0))
            f = torch.sigmoid(_slice(preact, 1))
            o = torch.sigmoid(_slice(preact, 2))
            c = f * c_ + i * torch.tanh(_slice(preact, 3))
            c_ = m_[:, None] * c + (1.0 - m_)[:, None] * c_
            h = o * torch.tanh(c_)
            h_ = m_[:, None] * h + (1.0 - m_)[:, None] * h_
            hs.append(h_)
            cs.append(c_)
        return torch.stack(hs), torch.stack(cs)


class MLXStyleLSTM(nn.Module):
    """After mlx: Wx, Wh, bias; hidden and cell separately; every hidden and every cell out."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        super().__init__()
        self.hidden_size = hidden_size
        scale = 1.0 / math.sqrt(hidden_size)
        self.Wx = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-scale, scale))
        self.Wh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-scale, scale))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size)) if bias else None

    def forward(self, x, hidden=None, cell=None):
        if self.bias is not None:
            x = torch.addmm(self.bias, x.flatten(0, 1), self.Wx.T).unflatten(0, x.shape[:2])
        else:
            x = x @ self.Wx.T
        all_hidden, all_cell = [], []
        for idx in range(x.shape[-2]):
            ifgo = x[..., idx, :]
            if hidden is not None:
                ifgo = ifgo + hidden @ self.Wh.T
            i, f, g, o = torch.chunk(ifgo, 4, dim=-1)
            i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
            cell = f * cell + i * g if cell is not None else i * g
            hidden = o * torch.tanh(cell)
            all_cell.append(cell)
            all_hidden.append(hidden)
        return torch.stack(all_hidden, dim=-2), torch.stack(all_cell, dim=-2)


class GateStackLSTM(nn.Module):
    """Weights (4, input, hidden), multiplied for all gates by einsum and baddbmm."""

    def __init__(self, d_in, d_hidden):
        super().__init__()
        self.d_hidden = d_hidden
        self.weight_x = nn.Parameter(torch.randn(4, d_in, d_hidden) * d_in**-0.5)
        self.weight_h = nn.Parameter(torch.randn(4, d_hidden, d_hidden) * d_hidden**-0.5)
        self.bias = nn.Parameter(torch.zeros(4, 1, d_hidden))

    def forward(self, x, hx):
        h, c = hx
        px = torch.einsum("tbi,gih->tgbh", x, self.weight_x) + self.bias
        ys = []
        for p in px:
            z = torch.baddbmm(p, h.expand(4, *h.shape), self.weight_h)
            f, i, g, o = z.unbind(0)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class FlatLSTM(nn.Module):
    """All parameters in one vector, as cuDNN packs them; sliced up at every call."""

    def __init__(self, input_size, hidden_size, batch_first):
        super().__init__()
        self.input_size, self.hidden_size, self.batch_first = input_size, hidden_size, batch_first
        h4 = 4 * hidden_size
        self.shapes = [(h4, input_size), (h4, hidden_size), (h4,), (h4,)]
        total = sum(math.prod(s) for s in self.shapes)
        stdv = hidden_size**-0.5
        self.flat_weights = nn.Parameter(torch.empty(total).uniform_(-stdv, stdv))

    def unpack(self):
        chunks = self.flat_weights.split([math.prod(s) for s in self.shapes])
        return [chunk.view(shape) for chunk, shape in zip(chunks, self.shapes)]

    def forward(self, x, state=None):
        w_x, w_h, b_x, b_h = self.unpack()
        if self.batch_first:
            x = x.transpose(0, 1)
        if state is None:
            state = x.new_zeros(2, 1, x.size(1), self.hidden_size)
        h, c = state[0][0], state[1][0]
        out = []
        for xt in x:
            i, f, g, o = (F.linear(xt, w_x, b_x) + F.linear(h, w_h, b_h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        out = torch.stack(out, 1 if self.batch_first else 0)
        return out, torch.stack((h, c)).unsqueeze(1)


class AugmentedLSTM(nn.Module):
    """One matrix times (x, h, 1): the bias is its last column. Order o f i g."""

    def __init__(self, num_features, num_cells):
        super().__init__()
        self.num_cells = num_cells
        self.theta = nn.Parameter(torch.empty(4 * num_cells, num_features + num_cells + 1))
        nn.init.xavier_uniform_(self.theta)

    def forward(self, x, state=None):
        T, B, _ = x.shape
        h, c = state if state is not None else (x.new_zeros(B, self.num_cells),) * 2
        ones = x.new_ones(B, 1)
        hs = []
        for t in range(T):
            z = torch.cat([x[t], h, ones], dim=1) @ self.theta.t()
            o, f, i, g = z.split(self.num_cells, dim=1)
            c = c * f.sigmoid() + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hs.append(h)
        return torch.stack(hs), (h, c)


class HasteLSTM(nn.Module):
    """After haste: kernel (input, 4 hidden), order i g f o, the forget bias in the parameter."""

    def __init__(
        self,
        input_size,
        hidden_size,
        batch_first=False,
        forget_bias=1.0,
        dropout=0.0,
        zoneout=0.0,
    ):
        super().__init__()
        if dropout or zoneout:
            raise NotImplementedError("not in this build")
        self.hidden_size, self.batch_first, self.forget_bias = hidden_size, batch_first, forget_bias
        self.kernel = nn.Parameter(torch.empty(input_size, hidden_size * 4))
        self.recurrent_kernel = nn.Parameter(torch.empty(hidden_size, hidden_size * 4))
        self.bias = nn.Parameter(torch.zeros(hidden_size * 4))
        self.reset_parameters()

    def reset_parameters(self):
        hs = self.hidden_size
        for i in range(4):
            nn.init.xavier_uniform_(self.kernel.data[:, i * hs : (i + 1) * hs])
            nn.init.orthogonal_(self.recurrent_kernel.data[:, i * hs : (i + 1) * hs])
        nn.init.constant_(self.bias.data[2 * hs : 3 * hs], self.forget_bias)

    def forward(self, input, state=None, lengths=None):
        if lengths is not None:
            raise NotImplementedError("lengths")
        if self.batch_first:
            input = input.permute(1, 0, 2)
        if state is None:
            h = c = input.new_zeros(input.shape[1], self.hidden_size)
        else:
            h, c = state[0][0], state[1][0]
        Wx = input @ self.kernel
        output = []
        for t in range(input.shape[0]):
            v = h @ self.recurrent_kernel + Wx[t] + self.bias
            i, g, f, o = torch.chunk(v, 4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            output.append(h)
        output = torch.stack(output)
        if self.batch_first:
            output = output.permute(1, 0, 2)
        return output, (h.unsqueeze(0), c.unsqueeze(0))


@dataclass
class LSTMConfig:
    d_input: int = 16
    d_model: int = 32
    forget_bias: float = 1.0
    use_bias: bool = True


class ConfiguredLSTM(nn.Module):
    """Everything comes from a config; one projection of [x; h], order f i g o."""

    def __init__(self, config: LSTMConfig):
        super().__init__()
        self.config = config
        self.in_proj = nn.Linear(
            config.d_input + config.d_model, 4 * config.d_model, bias=config.use_bias
        )
        if config.use_bias:
            nn.init.zeros_(self.in_proj.bias)
            self.in_proj.bias.data[: config.d_model] = config.forget_bias

    def forward(self, hidden_states, past_state=None):
        bsz, seqlen, _ = hidden_states.shape
        if past_state is None:
            past_state = hidden_states.new_zeros(bsz, 2 * self.config.d_model)
        h, c = past_state.chunk(2, dim=-1)
        out = []
        for t in range(seqlen):
            fused = self.in_proj(torch.cat((hidden_states[:, t], h), dim=-1))
            f, i, g, o = fused.chunk(4, dim=-1)
            c = c * torch.sigmoid(f) + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.stack(out, dim=1), torch.cat((h, c), dim=-1)


def build_lstm(input_size, hidden_size):
    return ConfiguredLSTM(LSTMConfig(d_input=input_size, d_model=hidden_size))
