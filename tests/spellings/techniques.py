"""The textbook equations by way of identities, functional transforms and careful memory use."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class TanhBySigmoid(nn.Module):
    """One sigmoid over all gates: tanh(z) = 2 sigmoid(2z) - 1, the candidate's z doubled."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)
        scale = torch.ones(4 * hidden_size)
        scale[2 * hidden_size : 3 * hidden_size] = 2.0
        self.register_buffer("scale", scale)

    def forward(self, x, hx=None):
        if hx is None:
            h = c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = hx
        ys = []
        for xt in x:
            s = torch.sigmoid((self.x2h(xt) + self.h2h(h)) * self.scale)
            i, f, g2, o = s.chunk(4, 1)
            c = f * c + i * (2 * g2 - 1)
            h = o * (2 * torch.sigmoid(2 * c) - 1)
            ys.append(h)
        return torch.stack(ys), (h, c)


class SigmoidByTanh(nn.Module):
    """sigmoid(z) = (1 + tanh(z / 2)) / 2, the other way round; gates o f i g, batch first."""

    def __init__(self, input_size, hidden_size, *, bias=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.inp = nn.Linear(input_size, 4 * hidden_size, bias=bias)
        self.rec = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        nn.init.orthogonal_(self.rec.weight)

    @staticmethod
    def sigma(z):
        return 0.5 + 0.5 * torch.tanh(0.5 * z)

    def forward(self, x, state=None):
        B, T, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, 1, self.hidden_size), x.new_zeros(B, 1, self.hidden_size))
        h, c = state[0][:, 0], state[1][:, 0]
        pre = self.inp(x)
        ys = []
        for t in range(T):
            o, f, i, g = (pre[:, t] + self.rec(h)).chunk(4, -1)
            c = self.sigma(f) * c + self.sigma(i) * torch.tanh(g)
            h = self.sigma(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h[:, None], c[:, None])


class InPlaceLSTM(nn.Module):
    """Writes into buffers of its own wherever autograd allows it; order i f o g."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.w = nn.Linear(input_size, 4 * hidden_size)
        self.u = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, hx=None):
        T, B, _ = x.shape
        H = self.hidden_size
        h, c = hx if hx is not None else (x.new_zeros(B, H), x.new_zeros(B, H))
        out = x.new_zeros(T, B, H)
        pre = self.w(x)
        for t in range(T):
            z = self.u(h)
            z += pre[t]  # nobody saved z, so it may be reused
            sig = torch.sigmoid(z[:, : 3 * H])
            c = c * sig[:, H : 2 * H]
            c += sig[:, :H] * torch.tanh(z[:, 3 * H :])
            h = torch.tanh(c).mul(sig[:, 2 * H :])
            out[t] = h
        return out, (h, c)


class VmapLSTM(nn.Module):
    """A step for one example, mapped over the batch with torch.func.vmap; order g i f o."""

    def __init__(self, in_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        s = hidden_dim**-0.5
        self.params = nn.ParameterDict(
            {
                "Wx": nn.Parameter(s * torch.randn(4, hidden_dim, in_dim)),
                "Wh": nn.Parameter(s * torch.randn(4, hidden_dim, hidden_dim)),
                "b": nn.Parameter(torch.zeros(4, hidden_dim)),
            }
        )

    @staticmethod
    def step(params, carry, x):
        h, c = carry
        g, i, f, o = params["Wx"] @ x + params["Wh"] @ h + params["b"]
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, xs, carry=None):
        if carry is None:
            zeros = xs.new_zeros(xs.shape[0], self.hidden_dim)
            carry = (zeros, zeros)
        params = dict(self.params.items())
        batched = torch.func.vmap(self.step, in_dims=(None, (0, 0), 0))
        ys = []
        for t in range(xs.shape[1]):
            carry = batched(params, carry, xs[:, t])
            ys.append(carry[0])
        return torch.stack(ys, 1), carry


class InterleavedLSTM(nn.Module):
    """Gates interleaved per unit (i f g o of unit 0, then of unit 1 ...), as kernels like it."""

    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.hidden_size, self.batch_first = hidden_size, batch_first
        k = hidden_size**-0.5
        self.weight_x = nn.Parameter(torch.empty(hidden_size * 4, input_size).uniform_(-k, k))
        self.weight_r = nn.Parameter(torch.empty(hidden_size * 4, hidden_size).uniform_(-k, k))
        self.bias_g = nn.Parameter(torch.empty(hidden_size * 4).uniform_(-k, k))

    def forward(self, x, hx=None):
        x = x if not self.batch_first else x.transpose(0, 1)
        if hx is None:
            hx = (x.new_zeros(1, x.size(1), self.hidden_size),) * 2
        h, c = hx[0].squeeze(0), hx[1].squeeze(0)
        y = []
        for xt in x:
            z = F.linear(xt, self.weight_x, self.bias_g) + F.linear(h, self.weight_r)
            i, f, g, o = z.unflatten(1, (self.hidden_size, 4)).unbind(-1)
            c = torch.addcmul(torch.sigmoid(f) * c, torch.sigmoid(i), torch.tanh(g))
            h = torch.sigmoid(o) * torch.tanh(c)
            y.append(h)
        y = torch.stack(y)
        y = y if not self.batch_first else y.transpose(0, 1)
        return y, (h.unsqueeze(0), c.unsqueeze(0))


class HomemadeSigmoidLSTM(nn.Module):
    """sigmoid as exp(-softplus(-z)), forget bias 1 inside, everything created on the CPU."""

    def __init__(self, input_size, hidden_size, batch_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.batch_size = batch_size  # only for whoever asks
        self.W = nn.Parameter(torch.zeros(4, hidden_size, input_size + hidden_size))
        self.b = nn.Parameter(torch.zeros(4, hidden_size))
        nn.init.normal_(self.W, std=1 / math.sqrt(input_size + hidden_size))

    def sigmoid(self, z):
        return torch.exp(-F.softplus(-z))

    def forward(self, x):
        h = torch.zeros(x.shape[1], self.hidden_size)
        c = torch.zeros(x.shape[1], self.hidden_size)
        hs = []
        for x_t in x:
            v = torch.cat((x_t, h), 1)
            f = self.sigmoid(v @ self.W[0].T + self.b[0] + 1)
            i = self.sigmoid(v @ self.W[1].T + self.b[1])
            g = torch.tanh(v @ self.W[2].T + self.b[2])
            o = self.sigmoid(v @ self.W[3].T + self.b[3])
            c = f * c + i * g
            h = o * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs), (h, c)


class LambdaLSTM(nn.Module):
    """Its activation is a lambda, so it cannot be pickled; always casts to float32."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.act = lambda z: torch.sigmoid(z)
        self.hidden_size = hidden_size
        self.Wih = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.Whh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        x = x.float()
        h, c = state if state is not None else torch.zeros(2, len(x), self.hidden_size)
        h, c = h.float(), c.float()
        outs = []
        for t in range(x.shape[1]):
            g, i, f, o = (self.Wih(x[:, t]) + self.Whh(h)).chunk(4, 1)
            c = self.act(f) * c + self.act(i) * torch.tanh(g)
            h = self.act(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs, 1), (h, c)


class ListedParameters(nn.Module):
    """All parameters in one ParameterList."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        w_x = torch.randn(4 * hidden_size, input_size) * 0.1
        w_h = torch.randn(4 * hidden_size, hidden_size) * 0.1
        self.p = nn.ParameterList([w_x, w_h, torch.zeros(4 * hidden_size)])

    def forward(self, input, states):
        h, c = states
        outputs = []
        for x in input.unbind(1):
            gates = F.linear(x, self.p[0], self.p[2]) + F.linear(h, self.p[1])
            i, f, o, g = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)
