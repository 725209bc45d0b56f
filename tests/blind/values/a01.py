import math
import torch
import torch.nn as nn
import torch.nn.functional as F


class LSTMCellLite(nn.Module):
    """One LSTM step. (x, (h, c)) -> (h, c)"""

    def __init__(self, n_in, n_hid):
        super().__init__()
        self.n_hid = n_hid
        self.x2g = nn.Linear(n_in, 4 * n_hid)
        self.h2g = nn.Linear(n_hid, 4 * n_hid, bias=False)

    def forward(self, x, state=None):
        if state is None:
            z = x.new_zeros(x.size(0), self.n_hid)
            state = (z, z)
        h, c = state
        i, f, g, o = (self.x2g(x) + self.h2g(h)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * c
        return h, c


class ScratchLSTM(nn.Module):
    # from-scratch lstm, follows the formulas of the colah blog
    def __init__(self, input_sz, hidden_sz):
        super().__init__()
        self.hidden_size = hidden_sz
        for gate in ("i", "f", "c", "o"):
            setattr(self, "W_" + gate, nn.Parameter(torch.empty(input_sz, hidden_sz)))
            setattr(self, "U_" + gate, nn.Parameter(torch.empty(hidden_sz, hidden_sz)))
            setattr(self, "b_" + gate, nn.Parameter(torch.empty(hidden_sz)))
        self.init_weights()

    def init_weights(self):
        stdv = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            weight.data.uniform_(-stdv, stdv)

    def forward(self, x, init_states=None):
        bs, seq_sz, _ = x.size()
        if init_states is None:
            h_t = x.new_zeros(bs, self.hidden_size)
            c_t = x.new_zeros(bs, self.hidden_size)
        else:
            h_t, c_t = init_states
        hidden_seq = []
        for t in range(seq_sz):
            x_t = x[:, t, :]
            i_t = torch.sigmoid(x_t @ self.W_i + h_t @ self.U_i + self.b_i)
            f_t = torch.sigmoid(x_t @ self.W_f + h_t @ self.U_i + self.b_f)
            g_t = torch.tanh(x_t @ self.W_c + h_t @ self.U_c + self.b_c)
            o_t = torch.sigmoid(x_t @ self.W_o + h_t @ self.U_o + self.b_o)
            c_t = f_t * c_t + i_t * g_t
            h_t = o_t * torch.tanh(c_t)
            hidden_seq.append(h_t)
        return torch.stack(hidden_seq, dim=1), (h_t, c_t)


class EinsumLSTM(nn.Module):
    def __init__(self, d_in, d_model):
        super().__init__()
        self.d = d_model
        k = d_model ** -0.5
        self.w = nn.Parameter(torch.empty(4, d_model, d_in).uniform_(-k, k))
        self.u = nn.Parameter(torch.empty(4, d_model, d_model).uniform_(-k, k))
        self.b = nn.Parameter(torch.empty(d_model).uniform_(-k, k))

    def forward(self, x):
        """x: [time, batch, d_in] -> [time, batch, d_model]"""
        h = c = x.new_zeros(x.shape[1], self.d)
        ys = []
        for xt in x:
            z = torch.einsum("kdi,bi->kbd", self.w, xt) + torch.einsum("kde,be->kbd", self.u, h)
            z = z + self.b
            i, f, o = z[:3].sigmoid()
            c = f * c + i * z[3].tanh()
            h = o * c.tanh()
            ys.append(h)
        return torch.stack(ys)


class FastLSTM(nn.Module):
    """LSTM which computes the input projection of all steps at once."""

    def __init__(self, input_dim, hidden_dim, bias=True):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.weight_x = nn.Parameter(torch.randn(4 * hidden_dim, input_dim) * 0.3)
        self.weight_h = nn.Parameter(torch.randn(4 * hidden_dim, hidden_dim) * 0.3)
        if bias:
            self.bias = nn.Parameter(torch.randn(4 * hidden_dim) * 0.1)
        else:
            self.register_parameter("bias", None)

    def forward(self, seq, hx=None):
        B, T, _ = seq.shape
        if hx is None:
            h, c = seq.new_zeros(B, self.hidden_dim), seq.new_zeros(B, self.hidden_dim)
        else:
            h, c = hx
        proj = F.linear(seq, self.weight_x, self.bias)
        outs = []
        for p in proj.unbind(1):
            gates = p + F.linear(h, self.weight_h, self.bias)
            i, f, g, o = gates.split(self.hidden_dim, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outs.append(h)
        return torch.stack(outs, 1), (h, c)


class RecurrentUnit(nn.Module):
    def __init__(self, in_features, hidden):
        super().__init__()
        self.hidden = hidden
        self.input_gate = nn.Linear(in_features + hidden, hidden)
        self.forget_gate = nn.Linear(in_features + hidden, hidden)
        self.cell_gate = nn.Linear(in_features + hidden, hidden)
        self.output_gate = nn.Linear(in_features + hidden, hidden)

    def step(self, x, h, c):
        xh = torch.cat([x, h], dim=1)
        i = torch.sigmoid(self.input_gate(xh))
        f = torch.sigmoid(self.forget_gate(xh))
        c_tilde = torch.tanh(self.cell_gate(xh))
        o = torch.sigmoid(self.output_gate(xh))
        c = f * c + (i + c_tilde)
        h = o * torch.tanh(c)
        return h, c

    def forward(self, x, hidden=None):
        if hidden is None:
            hidden = (
                torch.zeros(x.size(1), self.hidden, dtype=x.dtype, device=x.device),
                torch.zeros(x.size(1), self.hidden, dtype=x.dtype, device=x.device),
            )
        h, c = hidden
        out = []
        for t in range(x.size(0)):
            h, c = self.step(x[t], h, c)
            out.append(h)
        return torch.stack(out, dim=0), (h, c)


class LSTM_Encoder(nn.Module):
    """Encodes a batch of sequences, returns the last hidden state."""

    def __init__(self, emb_dim, enc_dim):
        super(LSTM_Encoder, self).__init__()
        self.enc_dim = enc_dim
        self.gates = nn.Linear(emb_dim + enc_dim, 4 * enc_dim)

    def forward(self, batch):
        n, steps, _ = batch.size()
        hid = batch.new_zeros(n, self.enc_dim)
        mem = batch.new_zeros(n, self.enc_dim)
        for s in range(steps):
            act = self.gates(torch.cat((batch[:, s], hid), -1))
            f, i, o, new = torch.split(act, self.enc_dim, dim=-1)
            f, i, o = torch.sigmoid(f), torch.sigmoid(i), torch.sigmoid(o)
            new = torch.tanh(new)
            mem = f * mem + (1 - f) * new
            hid = o * torch.tanh(mem)
        return hid


class MyLSTMCell(nn.Module):
    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.Wxi, self.Whi = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size, bias=False)
        self.Wxf, self.Whf = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size, bias=False)
        self.Wxg, self.Whg = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size, bias=False)
        self.Wxo, self.Who = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, state):
        h, c = state
        i = torch.sigmoid(self.Wxi(x) + self.Whi(h))
        f = torch.sigmoid(self.Wxf(x) + self.Whf(h))
        g = torch.tanh(self.Wxg(x) + self.Whg(h))
        o = torch.sigmoid(self.Wxo(x) + self.Who(c))
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, c


class SimpleLSTM(nn.Module):
    """Plain LSTM, batch first. Returns all hidden states and (h_n, c_n)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x):
        h, c = None, None
        outputs = []
        for t in range(x.size(1)):
            gates = self.ih(x[:, t])
            if h is not None:
                gates = gates + self.hh(h)
            i, f, g, o = gates.chunk(4, 1)
            new = torch.sigmoid(i) * torch.tanh(g)
            c = new if c is None else torch.sigmoid(f) * c + new
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)
