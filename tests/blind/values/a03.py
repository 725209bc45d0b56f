import math

import torch
import torch.nn.functional as F
from torch import nn


class LSTMCell(nn.Module):
    """Reimplementation of torch.nn.LSTMCell; loads its state_dict."""

    def __init__(self, input_size, hidden_size, bias=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.randn(4 * hidden_size, input_size) / math.sqrt(hidden_size))
        self.weight_hh = nn.Parameter(torch.randn(4 * hidden_size, hidden_size) / math.sqrt(hidden_size))
        if bias:
            self.bias_ih = nn.Parameter(torch.zeros(4 * hidden_size))
            self.bias_hh = nn.Parameter(torch.zeros(4 * hidden_size))
        else:
            self.bias_ih = self.bias_hh = None

    def forward(self, input, hx=None):
        if hx is None:
            zeros = torch.zeros(input.size(0), self.hidden_size, dtype=input.dtype, device=input.device)
            hx = (zeros, zeros)
        h, c = hx
        gates = F.linear(input, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
        forgetgate, ingate, cellgate, outgate = gates.chunk(4, 1)
        ingate = torch.sigmoid(ingate)
        forgetgate = torch.sigmoid(forgetgate)
        cellgate = torch.tanh(cellgate)
        outgate = torch.sigmoid(outgate)
        cy = forgetgate * c + ingate * cellgate
        hy = outgate * torch.tanh(cy)
        return hy, cy


class MatrixLSTM(nn.Module):
    def __init__(self, input_units, hidden_units):
        super().__init__()
        self.hidden_units = hidden_units
        self.Wf = nn.Parameter(torch.randn(hidden_units, input_units) * 0.1)
        self.Wi = nn.Parameter(torch.randn(hidden_units, input_units) * 0.1)
        self.Wo = nn.Parameter(torch.randn(hidden_units, input_units) * 0.1)
        self.Wg = nn.Parameter(torch.randn(hidden_units, input_units) * 0.1)
        self.Uf = nn.Parameter(torch.randn(hidden_units, hidden_units) * 0.1)
        self.Ui = nn.Parameter(torch.randn(hidden_units, hidden_units) * 0.1)
        self.Uo = nn.Parameter(torch.randn(hidden_units, hidden_units) * 0.1)
        self.Ug = nn.Parameter(torch.randn(hidden_units, hidden_units) * 0.1)

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.hidden_units)
        c = x.new_zeros(x.size(0), self.hidden_units)
        out = []
        for t in range(x.size(1)):
            xt = x[:, t]
            f = torch.sigmoid(torch.mm(xt, self.Wf) + torch.mm(h, self.Uf))
            i = torch.sigmoid(torch.mm(xt, self.Wi) + torch.mm(h, self.Ui))
            o = torch.sigmoid(torch.mm(xt, self.Wo) + torch.mm(h, self.Uo))
            g = torch.tanh(torch.mm(xt, self.Wg) + torch.mm(h, self.Ug))
            c = f * c + i * g
            h = o * torch.tanh(c)
            out.append(h)
        return torch.stack(out, 1), (h, c)


class PretrainedLSTM(nn.Module):
    """LSTM (seq, batch, feature) meant to run checkpoints of nn.LSTM."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        ref = nn.LSTM(input_size, hidden_size)
        self.I, self.H = input_size, hidden_size
        self.weight_ih_l0 = nn.Parameter(ref.weight_ih_l0.detach().clone())
        self.weight_hh_l0 = nn.Parameter(ref.weight_hh_l0.detach().clone())
        self.bias_ih_l0 = nn.Parameter(ref.bias_ih_l0.detach().clone())
        self.bias_hh_l0 = nn.Parameter(ref.bias_hh_l0.detach().clone())

    def forward(self, x, hx=None):
        T, B, _ = x.size()
        if hx is None:
            h, c = x.new_zeros(B, self.H), x.new_zeros(B, self.H)
        else:
            h, c = hx[0][0], hx[1][0]
        w = self.weight_ih_l0.view(self.I, 4 * self.H)
        u = self.weight_hh_l0.t()
        b = self.bias_ih_l0 + self.bias_hh_l0
        xp = x @ w + b
        ys = []
        for t in range(T):
            i, f, g, o = (xp[t] + h @ u).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h.unsqueeze(0), c.unsqueeze(0))


class ReshapeLSTM(nn.Module):
    # parameters named as in nn.LSTM -> can load torch checkpoints, batch_first
    def __init__(self, n_features, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        k = 1 / n_hidden ** 0.5
        self.weight_ih_l0 = nn.Parameter((torch.rand(4 * n_hidden, n_features) * 2 - 1) * k)
        self.weight_hh_l0 = nn.Parameter((torch.rand(4 * n_hidden, n_hidden) * 2 - 1) * k)
        self.bias_ih_l0 = nn.Parameter((torch.rand(4 * n_hidden) * 2 - 1) * k)
        self.bias_hh_l0 = nn.Parameter((torch.rand(4 * n_hidden) * 2 - 1) * k)

    def forward(self, x, state=None):
        bsz = x.shape[0]
        if state is None:
            h, c = x.new_zeros(bsz, self.n_hidden), x.new_zeros(bsz, self.n_hidden)
        else:
            h, c = state[0].view(bsz, -1), state[1].view(bsz, -1)
        ys = []
        for t in range(x.shape[1]):
            a = F.linear(x[:, t], self.weight_ih_l0, self.bias_ih_l0) + F.linear(h, self.weight_hh_l0, self.bias_hh_l0)
            i, f, g, o = a.reshape(bsz, self.n_hidden, 4).unbind(-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h[None], c[None])


class ExportableLSTM(nn.Module):
    """Unrolled version of nn.LSTM for export. Use load_state_dict() with the weights of a
    trained single layer nn.LSTM(batch_first=True)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        for name, p in nn.LSTM(input_size, hidden_size).named_parameters():
            self.register_parameter(name, nn.Parameter(p.detach().clone()))

    def forward(self, x):
        hs = self.hidden_size
        h = torch.zeros_like(x[:, 0, :1]).expand(-1, hs)
        c = h
        wi, wf, wg, wo = self.weight_ih_l0.split(hs)
        ui, uf, ug, uo = self.weight_hh_l0.split(hs)
        bi, bf, bg, bo = (self.bias_ih_l0 + self.bias_hh_l0).split(hs)
        out = []
        for t in range(x.size(1)):
            xt = x[:, t]
            i = torch.sigmoid(xt @ wi.T + h @ ui + bi)
            f = torch.sigmoid(xt @ wf.T + h @ uf + bf)
            g = torch.tanh(xt @ wg.T + h @ ug + bg)
            o = torch.sigmoid(xt @ wo.T + h @ uo + bo)
            c = f * c + i * g
            h = o * torch.tanh(c)
            out.append(h)
        return torch.stack(out, dim=1), (h[None], c[None])


class FusedLSTM(nn.Module):
    """One GEMM per step. Parameter names match nn.LSTM (time major)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        s = hidden_size ** -0.5
        for p in self.parameters():
            nn.init.uniform_(p, -s, s)

    def forward(self, x, hx=None):
        if hx is None:
            z = x.new_zeros(1, x.size(1), self.hidden_size)
            hx = (z, z)
        h, c = hx[0][0], hx[1][0]
        W = torch.cat([self.weight_ih_l0, self.weight_hh_l0], dim=1)
        b = self.bias_ih_l0 + self.bias_hh_l0
        outputs = []
        for x_t in x:
            z = F.linear(torch.cat([h, x_t], dim=1), W, b)
            i, f, g, o = z.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h.unsqueeze(0), c.unsqueeze(0))


class NaiveCustomLSTM(nn.Module):
    def __init__(self, input_sz: int, hidden_sz: int):
        super().__init__()
        self.input_size = input_sz
        self.hidden_size = hidden_sz

        # i_t
        self.W_i = nn.Parameter(torch.Tensor((input_sz, hidden_sz)))
        self.U_i = nn.Parameter(torch.Tensor(hidden_sz, hidden_sz))
        self.b_i = nn.Parameter(torch.Tensor(hidden_sz))
        # f_t
        self.W_f = nn.Parameter(torch.Tensor(input_sz, hidden_sz))
        self.U_f = nn.Parameter(torch.Tensor(hidden_sz, hidden_sz))
        self.b_f = nn.Parameter(torch.Tensor(hidden_sz))
        # c_t
        self.W_c = nn.Parameter(torch.Tensor(input_sz, hidden_sz))
        self.U_c = nn.Parameter(torch.Tensor(hidden_sz, hidden_sz))
        self.b_c = nn.Parameter(torch.Tensor(hidden_sz))
        # o_t
        self.W_o = nn.Parameter(torch.Tensor(input_sz, hidden_sz))
        self.U_o = nn.Parameter(torch.Tensor(hidden_sz, hidden_sz))
        self.b_o = nn.Parameter(torch.Tensor(hidden_sz))
        stdv = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            weight.data.uniform_(-stdv, stdv)

    def forward(self, x, init_states=None):
        """x.shape is (batch_size, sequence_size, input_size)"""
        bs, seq_sz, _ = x.size()
        hidden_seq = []
        if init_states is None:
            h_t, c_t = (x.new_zeros(bs, self.hidden_size), x.new_zeros(bs, self.hidden_size))
        else:
            h_t, c_t = init_states
        for t in range(seq_sz):
            x_t = x[:, t, :]
            i_t = torch.sigmoid(x_t @ self.W_i + h_t @ self.U_i + self.b_i)
            f_t = torch.sigmoid(x_t @ self.W_f + h_t @ self.U_f + self.b_f)
            g_t = torch.tanh(x_t @ self.W_c + h_t @ self.U_c + self.b_c)
            o_t = torch.sigmoid(x_t @ self.W_o + h_t @ self.U_o + self.b_o)
            c_t = f_t * c_t + i_t * g_t
            h_t = o_t * torch.tanh(c_t)
            hidden_seq.append(h_t.unsqueeze(1))
        return torch.cat(hidden_seq, dim=1), (h_t, c_t)


class TorchCompatLSTM(nn.Module):
    """time-first LSTM with the parameters of torch.nn.LSTM"""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        tmp = nn.LSTM(input_size, hidden_size)
        self.weight_ih_l0, self.weight_hh_l0 = tmp.weight_ih_l0, tmp.weight_hh_l0
        self.bias_ih_l0, self.bias_hh_l0 = tmp.bias_ih_l0, tmp.bias_hh_l0

    def forward(self, x, hx=None):
        hs = self.hidden_size
        if hx is None:
            hx = (x.new_zeros(1, x.shape[1], hs), x.new_zeros(1, x.shape[1], hs))
        h, c = hx[0][0], hx[1][0]
        b_i, b_f, b_o, b_g = (self.bias_ih_l0 + self.bias_hh_l0).chunk(4)
        seq = []
        for xt in x:
            a_i, a_f, a_g, a_o = (xt @ self.weight_ih_l0.t() + h @ self.weight_hh_l0.t()).chunk(4, 1)
            c = torch.sigmoid(a_f + b_f) * c + torch.sigmoid(a_i + b_i) * torch.tanh(a_g + b_g)
            h = torch.sigmoid(a_o + b_o) * torch.tanh(c)
            seq.append(h)
        return torch.stack(seq, 0), (h[None], c[None])


class GateBankLSTM(nn.Module):
    def __init__(self, in_size, state_size):
        super().__init__()
        self.state_size = state_size
        init = lambda r, c: nn.Parameter(nn.init.xavier_uniform_(torch.empty(r, c)))
        self.w_ii, self.w_hi = init(in_size, state_size), init(state_size, state_size)
        self.w_if, self.w_hf = init(in_size, state_size), init(state_size, state_size)
        self.w_ig, self.w_hg = init(in_size, state_size), init(state_size, state_size)
        self.w_io, self.w_ho = init(in_size, state_size), init(in_size, state_size)
        self.bias = nn.Parameter(torch.zeros(4, state_size))

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.shape[0], self.state_size), x.new_zeros(x.shape[0], self.state_size))
        h, c = state
        ys = []
        for xt in torch.unbind(x, 1):
            i = torch.sigmoid(xt @ self.w_ii + h @ self.w_hi + self.bias[0])
            f = torch.sigmoid(xt @ self.w_if + h @ self.w_hf + self.bias[1])
            g = torch.tanh(xt @ self.w_ig + h @ self.w_hg + self.bias[2])
            o = torch.sigmoid(xt @ self.w_io + h @ self.w_ho + self.bias[3])
            c = f * c + i * g
            h = o * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)
