# LSTM variants written out with plain tensor operations.
import torch
import torch.nn as nn
import torch.nn.functional as F


class MyLSTMCell(nn.Module):
    """The same parameters as nn.LSTMCell, spelled out."""

    def __init__(self, input_size, hidden_size):
        super(MyLSTMCell, self).__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.Tensor(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.Tensor(4 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.Tensor(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.Tensor(4 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / self.hidden_size ** 0.5
        for weight in self.parameters():
            weight.data.uniform_(-stdv, stdv)

    def forward(self, input, hx=None):
        if hx is None:
            zeros = input.new_zeros(input.size(0), self.hidden_size)
            hx = (zeros, zeros)
        hx, cx = hx
        if hx.size() != (input.size(0), self.hidden_size) or cx.size() != hx.size():
            raise RuntimeError("hidden state has the wrong size")
        gates = F.linear(input, self.weight_ih, self.bias_ih)
        gates = gates + F.linear(hx, self.weight_hh, self.bias_ih)
        ingate, forgetgate, cellgate, outgate = gates.chunk(4, 1)
        ingate = torch.sigmoid(ingate)
        forgetgate = torch.sigmoid(forgetgate)
        cellgate = torch.tanh(cellgate)
        outgate = torch.sigmoid(outgate)
        cy = (forgetgate * cx) + (ingate * cellgate)
        hy = outgate * torch.tanh(cy)
        return hy, cy


class LSTMNet(nn.Module):
    """LSTM layer, x of (T, B, I). A state may be given; otherwise it starts from zeros."""

    def __init__(self, n_in, n_hidden):
        super(LSTMNet, self).__init__()
        self.n_hidden = n_hidden
        self.ix = nn.Linear(n_in, n_hidden)
        self.fx = nn.Linear(n_in, n_hidden)
        self.ox = nn.Linear(n_in, n_hidden)
        self.cx = nn.Linear(n_in, n_hidden)
        self.ih = nn.Linear(n_hidden, n_hidden, bias=False)
        self.fh = nn.Linear(n_hidden, n_hidden, bias=False)
        self.oh = nn.Linear(n_hidden, n_hidden, bias=False)
        self.ch = nn.Linear(n_hidden, n_hidden, bias=False)
        self.h = None
        self.c = None

    def forward(self, x, state=None):
        T, B, _ = x.size()
        if state is not None:
            h, c = state
            if h.size() != (B, self.n_hidden) or c.size() != (B, self.n_hidden):
                raise ValueError("state must be two (B, H) tensors")
        elif self.h is None or self.h.size(0) != B or self.h.dtype != x.dtype or self.h.device != x.device:
            h = torch.zeros(B, self.n_hidden, dtype=x.dtype, device=x.device)
            c = torch.zeros_like(h)
        else:
            h, c = self.h, self.c
        hs = []
        for t in range(T):
            xt = x[t]
            i = torch.sigmoid(self.ix(xt) + self.ih(h))
            f = torch.sigmoid(self.fx(xt) + self.fh(h))
            o = torch.sigmoid(self.ox(xt) + self.oh(h))
            c = f * c + i * torch.tanh(self.cx(xt) + self.ch(h))
            h = o * torch.tanh(c)
            hs.append(h)
        self.h, self.c = h.detach(), c.detach()
        return torch.stack(hs), (h, c)


class UnrolledLSTM(nn.Module):
    """Batch-first LSTM; the time loop is unrolled by two so that fewer Python steps are needed."""

    def __init__(self, input_size, hidden_size):
        super(UnrolledLSTM, self).__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        B, T, _ = x.size()
        if state is None:
            h = x.new_zeros(B, self.hidden_size)
            c = x.new_zeros(B, self.hidden_size)
        else:
            h, c = state
        y = x.new_zeros(B, T, self.hidden_size)
        for t in range(0, T - 1, 2):
            h, c = self.cell(x[:, t], (h, c))
            y[:, t] = h
            h, c = self.cell(x[:, t + 1], (h, c))
            y[:, t + 1] = h
        return y, (h, c)


class NarrowLSTM(nn.Module):
    """Time-first LSTM. Weights (4H, I) and (4H, H) in the order i, f, o, g."""

    LIMIT = 8.0

    def __init__(self, input_size, hidden_size):
        super(NarrowLSTM, self).__init__()
        self.hidden_size = hidden_size
        k = hidden_size ** -0.5
        self.w_x = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.w_h = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.b = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))

    def forward(self, x, h0=None, c0=None):
        T, B, _ = x.size()
        shape = (B, self.hidden_size)
        h = x.new_zeros(shape) if h0 is None else h0
        c = x.new_zeros(shape) if c0 is None else c0
        if h.shape != shape or c.shape != shape:
            raise ValueError("h0 and c0 must be (B, H)")
        out = []
        for t in range(T):
            z = F.linear(x[t], self.w_x, self.b) + F.linear(h, self.w_h)
            s = torch.sigmoid(z[:, : 3 * self.hidden_size])
            i, f, o = s.chunk(3, 1)
            g = torch.tanh(z[:, 3 * self.hidden_size:])
            c = torch.clamp(f * c + i * g, -self.LIMIT, self.LIMIT)
            h = o * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h, c)


class GateMajorLSTM(nn.Module):
    """LSTM whose weights carry the gate as their first axis: (4, H, I), (4, H, H)."""

    def __init__(self, input_size, hidden_size):
        super(GateMajorLSTM, self).__init__()
        self.hidden_size = hidden_size
        k = hidden_size ** -0.5
        self.wx = nn.Parameter(torch.empty(4, hidden_size, input_size).uniform_(-k, k))
        self.wh = nn.Parameter(torch.empty(4, hidden_size, hidden_size).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(4, hidden_size).uniform_(-k, k))

    def forward(self, x, state=None):
        T, B, I = x.size()
        if I != self.wx.size(2):
            raise ValueError("x has the wrong number of features")
        H = self.hidden_size
        if state is None:
            h, c = x.new_zeros(B, H), x.new_zeros(B, H)
        else:
            h, c = state
            if h.shape != (B, H) or c.shape != (B, H):
                raise ValueError("state must be two (B, H) tensors")
        ys = []
        for t in range(T):
            z = torch.einsum("bi,ghi->bgh", x[t], self.wx) + torch.einsum("bk,ghk->bgh", h, self.wh)
            z = z + self.bias[0]
            i, f, g, o = z.unbind(1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)
