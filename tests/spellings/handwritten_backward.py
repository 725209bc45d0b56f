"""Forward and backward both by hand, in autograd Functions."""

import math

import torch
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class LSTMPointwise(Function):
    """The elementwise half of a step, like a fused kernel's Python twin."""

    @staticmethod
    def forward(ctx, gates, c_prev):
        i, f, g, o = gates.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c_prev + i * g
        tc = c.tanh()
        ctx.save_for_backward(i, f, g, o, c_prev, tc)
        return o * tc, c

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dc):
        i, f, g, o, c_prev, tc = ctx.saved_tensors
        dc = dc + dh * o * (1 - tc * tc)
        d_gates = torch.cat(
            [
                dc * g * i * (1 - i),
                dc * c_prev * f * (1 - f),
                dc * i * (1 - g * g),
                dh * tc * o * (1 - o),
            ],
            dim=1,
        )
        return d_gates, dc * f


class FusedLSTM(nn.Module):
    """Matrix products by autograd, the pointwise part by hand; batch first."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, input, hx=None):
        if hx is None:
            h = c = input.new_zeros(input.size(0), self.hidden_size)
        else:
            h, c = hx
        x_gates = self.ih(input)
        out = []
        for t in range(input.size(1)):
            h, c = LSTMPointwise.apply(x_gates[:, t] + self.hh(h), c)
            out.append(h)
        return torch.stack(out, 1), (h, c)


def d_sigmoid(z):
    s = torch.sigmoid(z)
    return (1 - s) * s


def d_tanh(z):
    t = torch.tanh(z)
    return 1 - t * t


class LLTMStyleFunction(Function):
    """In the manner of the C++ extension tutorial: X = [old_h, input], keeps pre-activations."""

    @staticmethod
    def forward(ctx, input, weights, bias, old_h, old_cell):
        X = torch.cat([old_h, input], dim=1)
        gate_weights = torch.addmm(bias, X, weights.transpose(0, 1))
        gates = gate_weights.chunk(4, dim=1)
        input_gate = torch.sigmoid(gates[0])
        output_gate = torch.sigmoid(gates[1])
        candidate_cell = torch.tanh(gates[2])
        forget_gate = torch.sigmoid(gates[3])
        new_cell = forget_gate * old_cell + candidate_cell * input_gate
        new_h = torch.tanh(new_cell) * output_gate
        ctx.save_for_backward(X, weights, gate_weights, old_cell, new_cell)
        return new_h, new_cell

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_h, grad_cell):
        X, weights, gate_weights, old_cell, new_cell = ctx.saved_tensors
        z_i, z_o, z_g, z_f = gate_weights.chunk(4, dim=1)
        d_output_gate = torch.tanh(new_cell) * grad_h * d_sigmoid(z_o)
        d_new_cell = d_tanh(new_cell) * torch.sigmoid(z_o) * grad_h + grad_cell
        d_old_cell = torch.sigmoid(z_f) * d_new_cell
        d_forget_gate = old_cell * d_new_cell * d_sigmoid(z_f)
        d_input_gate = torch.tanh(z_g) * d_new_cell * d_sigmoid(z_i)
        d_candidate = torch.sigmoid(z_i) * d_new_cell * d_tanh(z_g)
        d_gates = torch.cat([d_input_gate, d_output_gate, d_candidate, d_forget_gate], dim=1)
        d_weights = d_gates.t().mm(X)
        d_bias = d_gates.sum(dim=0, keepdim=True)
        d_X = d_gates.mm(weights)
        state_size = old_cell.size(1)
        return d_X[:, state_size:], d_weights, d_bias, d_X[:, :state_size], d_old_cell


class LLTMStyleCell(nn.Module):
    def __init__(self, input_features, state_size):
        super().__init__()
        self.input_features = input_features
        self.state_size = state_size
        self.weights = nn.Parameter(torch.empty(4 * state_size, input_features + state_size))
        self.bias = nn.Parameter(torch.empty(1, 4 * state_size))
        stdv = 1.0 / math.sqrt(state_size)
        for weight in self.parameters():
            weight.data.uniform_(-stdv, +stdv)

    def forward(self, input, state):
        return LLTMStyleFunction.apply(input, self.weights, self.bias, *state)


class WholeSequence(Function):
    """Back-propagation through time in one Function; weight products hoisted out of the loop."""

    @staticmethod
    def forward(ctx, x, h0, c0, w, r, b):
        T, B, _ = x.shape
        H = h0.shape[1]
        px = x @ w + b
        hs = x.new_empty(T + 1, B, H)
        cs = x.new_empty(T + 1, B, H)
        acts = x.new_empty(T, 4, B, H)
        hs[0], cs[0] = h0, c0
        for t in range(T):
            f, i, o, g = (px[t] + hs[t] @ r).chunk(4, dim=1)
            acts[t, 0], acts[t, 1], acts[t, 2] = f.sigmoid(), i.sigmoid(), o.sigmoid()
            acts[t, 3] = g.tanh()
            cs[t + 1] = acts[t, 0] * cs[t] + acts[t, 1] * acts[t, 3]
            hs[t + 1] = acts[t, 2] * cs[t + 1].tanh()
        ctx.save_for_backward(x, w, r, hs, cs, acts)
        return hs[1:].clone(), hs[-1].clone(), cs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, dh, dc):
        x, w, r, hs, cs, acts = ctx.saved_tensors
        T, B, _ = x.shape
        H = hs.shape[2]
        dz = x.new_empty(T, B, 4 * H)
        dh, dc = dh.clone(), dc.clone()
        for t in reversed(range(T)):
            f, i, o, g = acts[t]
            tc = cs[t + 1].tanh()
            dh = dh + dy[t]
            dc = dc + dh * o * (1 - tc**2)
            dz[t, :, :H] = dc * cs[t] * f * (1 - f)
            dz[t, :, H : 2 * H] = dc * g * i * (1 - i)
            dz[t, :, 2 * H : 3 * H] = dh * tc * o * (1 - o)
            dz[t, :, 3 * H :] = dc * i * (1 - g**2)
            dh = dz[t] @ r.t()
            dc = dc * f
        flat = dz.reshape(T * B, 4 * H)
        dw = x.reshape(T * B, -1).t() @ flat
        dr = hs[:-1].reshape(T * B, H).t() @ flat
        return dz @ w.t(), dh, dc, dw, dr, flat.sum(0)


class BPTTLSTM(nn.Module):
    """Time first; hidden and cell as two optional arguments; output, h, c out."""

    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D, 4 * H) / math.sqrt(D))
        self.R = nn.Parameter(torch.randn(H, 4 * H) / math.sqrt(H))
        self.b = nn.Parameter(torch.zeros(4 * H))

    def forward(self, x, h0=None, c0=None):
        if h0 is None:
            h0 = x.new_zeros(x.size(1), self.H)
        if c0 is None:
            c0 = x.new_zeros(x.size(1), self.H)
        return WholeSequence.apply(x, h0, c0, self.W, self.R, self.b)
