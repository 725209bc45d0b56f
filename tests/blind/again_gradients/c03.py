import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call


# ============================ 1 ============================

class LSTMSequenceFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, hx, cx, weight_ih, weight_hh, bias_ih, bias_hh):
        seq_len = inp.size(0)
        saved, outputs = [], []
        h, c = hx, cx
        for t in range(seq_len):
            gates = F.linear(inp[t], weight_ih, bias_ih) + F.linear(h, weight_hh, bias_hh)
            ingate, forgetgate, cellgate, outgate = gates.chunk(4, 1)
            ingate = torch.sigmoid(ingate)
            forgetgate = torch.sigmoid(forgetgate)
            cellgate = torch.tanh(cellgate)
            outgate = torch.sigmoid(outgate)
            saved.append((h, c, ingate, forgetgate, cellgate, outgate))
            c = forgetgate * c + ingate * cellgate
            h = outgate * torch.tanh(c)
            outputs.append(h)
        ctx.seq_len = seq_len
        ctx.save_for_backward(inp, weight_ih, weight_hh, *[v for step in saved for v in step])
        return torch.stack(outputs), h.clone(), c.clone()

    @staticmethod
    def backward(ctx, grad_output, grad_hy, grad_cy):
        if torch.is_grad_enabled():
            raise RuntimeError("LSTMSequenceFunction does not support double backward")
        inp, weight_ih, weight_hh, *rest = ctx.saved_tensors
        grad_wih = torch.zeros_like(weight_ih)
        grad_whh = torch.zeros_like(weight_hh)
        grad_b = weight_ih.new_zeros(weight_ih.size(0))
        grad_inp = torch.empty_like(inp)
        grad_h, grad_c = grad_hy, grad_cy
        for t in reversed(range(ctx.seq_len)):
            h, c, i, f, g, o = rest[6 * t: 6 * t + 6]
            tanh_c = torch.tanh(f * c + i * g)
            grad_h = grad_h + grad_output[t]
            grad_c = grad_c + grad_h * o * (1 - tanh_c ** 2)
            grad_gates = torch.cat([
                grad_c * g * i * (1 - i),
                grad_c * c * f * (1 - f),
                grad_c * i * (1 - g ** 2),
                grad_h * tanh_c * o * (1 - o),
            ], dim=1)
            grad_wih += grad_gates.t() @ inp[t]
            grad_whh += grad_gates.t() @ h
            grad_b += grad_gates.sum(0)
            grad_inp[t] = grad_gates @ weight_ih
            grad_h = grad_gates @ weight_hh
            grad_c = grad_c * f
        return grad_inp, grad_c, grad_h, grad_wih, grad_whh, grad_b, grad_b.clone()


class CustomLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        stdv = 1.0 / math.sqrt(hidden_size)
        for p in self.parameters():
            nn.init.uniform_(p, -stdv, stdv)

    def forward(self, input, hx=None):
        if input.dim() != 3 or input.size(2) != self.input_size:
            raise ValueError("input must be (T, B, %d)" % self.input_size)
        size = (1, input.size(1), self.hidden_size)
        if hx is None:
            hx = (input.new_zeros(size), input.new_zeros(size))
        if hx[0].shape != size or hx[1].shape != size:
            raise ValueError("h_0 and c_0 must be %s" % (size,))
        out, hy, cy = LSTMSequenceFunction.apply(
            input, hx[0][0], hx[1][0], self.weight_ih_l0, self.weight_hh_l0,
            self.bias_ih_l0, self.bias_hh_l0)
        return out, (hy[None], cy[None])


# ============================ 2 ============================

class _BatchFirst(torch.autograd.Function):
    @staticmethod
    def _run(x, h, c, W, U, b):
        trace = []
        for t in range(x.shape[1]):
            f, i, g, o = (x[:, t] @ W + h @ U + b).chunk(4, 1)
            f, i, g, o = f.sigmoid(), i.sigmoid(), g.tanh(), o.sigmoid()
            h_prev, c_prev = h, c
            c = f * c + i * g
            h = o * c.tanh()
            trace.append((h_prev, c_prev, f, i, g, o, c.tanh(), h))
        return trace, h, c

    @staticmethod
    def forward(ctx, x, h0, c0, W, U, b):
        ctx.save_for_backward(x, h0, c0, W, U, b)
        trace, h, c = _BatchFirst._run(x, h0, c0, W, U, b)
        return torch.stack([s[-1] for s in trace], 1), h.clone(), c.clone()

    @staticmethod
    def backward(ctx, gy, gh, gc):
        x, h0, c0, W, U, b = ctx.saved_tensors
        trace, _, _ = _BatchFirst._run(x, h0, c0, W, U, b)
        B, T, I = x.shape
        gz, gU = [], 0
        for t in range(T - 1, -1, -1):
            h_prev, c_prev, f, i, g, o, th, _ = trace[t]
            gh = gh + gy[:, t]
            gc = gc + gh * o * (1 - th * th)
            z = torch.cat([gc * c_prev * f * (1 - f), gc * g * i * (1 - i),
                           gc * i * (1 - g * g), gh * th * o * (1 - o)], 1)
            gz.insert(0, z)
            gU = gU + h_prev.t() @ z
            gh = z @ U.t()
            gc = gc * f
        gz = torch.cat(gz)                                   # (T*B, 4H)
        gx = (gz @ W.t()).reshape(B, T, I)
        gW = x.transpose(0, 1).reshape(T * B, I).t() @ gz
        return gx, gh, gc, gW, gU, gz.sum(0)


class BatchFirstLSTM(nn.Module):
    def __init__(self, dim_in, dim_hidden):
        super().__init__()
        self.dim_hidden = dim_hidden
        self.W = nn.Parameter(torch.randn(dim_in, 4 * dim_hidden) * dim_in ** -0.5)
        self.U = nn.Parameter(torch.randn(dim_hidden, 4 * dim_hidden) * dim_hidden ** -0.5)
        self.b = nn.Parameter(torch.zeros(4 * dim_hidden))

    def forward(self, x, h0=None, c0=None):
        if x.dim() != 3:
            raise ValueError("x is (batch, time, features)")
        shape = (x.shape[0], self.dim_hidden)
        h0 = x.new_zeros(shape) if h0 is None else h0
        c0 = x.new_zeros(shape) if c0 is None else c0
        if h0.shape != shape or c0.shape != shape:
            raise ValueError("h0 and c0 are (batch, hidden)")
        return _BatchFirst.apply(x, h0, c0, self.W, self.U, self.b)


# ============================ 3 ============================

class GateNonlinearity(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pre, c):
        ctx.save_for_backward(pre, c)
        n = c.size(-1)
        i, f, g, o = (pre[..., k * n:(k + 1) * n] for k in range(4))
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    @staticmethod
    def backward(ctx, grad_h, grad_c):
        pre, c = ctx.saved_tensors
        i, f, g, o = pre.chunk(4, -1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        tc = torch.tanh(f * c + i * g)
        d_o = grad_h * tc
        d_c = grad_c + grad_h * o * (1 - tc ** 2)
        d_i, d_f, d_g = d_c * g, d_c * c, d_c * i
        d_pre = torch.cat([
            d_i * i * (1 - i),
            d_f * f * (1 - f),
            d_o * o * (1 - o),
            d_g * (1 - g ** 2),
        ], dim=-1)
        return d_pre, d_c * f


class LSTMLayer(nn.Module):
    def __init__(self, embed_dim, state_dim):
        super().__init__()
        self.state_dim = state_dim
        self.embed_to_gates = nn.Linear(embed_dim, 4 * state_dim)
        self.state_to_gates = nn.Linear(state_dim, 4 * state_dim)

    def forward(self, tokens, memory=None):
        steps, batch, _ = tokens.shape
        if memory is None:
            memory = tokens.new_zeros(2, batch, self.state_dim).unbind(0)
        h, c = memory
        if c.shape != (batch, self.state_dim):
            raise ValueError("memory does not match the batch")
        hs = []
        for tok in self.embed_to_gates(tokens):
            h, c = GateNonlinearity.apply(tok + self.state_to_gates(h), c)
            hs.append(h)
        return torch.stack(hs), (h, c)


# ============================ 4 ============================

class _BPTT(torch.autograd.Function):
    """Textbook back-propagation through time. Shapes: x (T, B, I)."""

    @staticmethod
    def forward(ctx, x, h0, c0, W, R, b):
        T = len(x)
        H, C, A = [h0], [c0], []
        for t in range(T):
            a = x[t] @ W.T + H[t] @ R.T + b
            i, o, f = torch.sigmoid(a[:, :3 * h0.shape[1]]).chunk(3, 1)
            g = torch.tanh(a[:, 3 * h0.shape[1]:])
            C.append(f * C[t] + i * g)
            H.append(o * torch.tanh(C[-1]))
            A.append(torch.stack((i, o, f, g)))
        ctx.save_for_backward(x, W, R, torch.stack(H), torch.stack(C), torch.stack(A))
        return torch.stack(H[1:]), H[-1].clone(), C[-1].clone()

    @staticmethod
    def backward(ctx, dY, dhT, dcT):
        if torch.is_grad_enabled():
            raise RuntimeError("no second derivative for _BPTT")
        x, W, R, H, C, A = ctx.saved_tensors
        T = len(x)
        dW, dR, db = torch.zeros_like(W), torch.zeros_like(R), torch.zeros_like(W[:, 0])
        dx = torch.zeros_like(x)
        dh_next = dY[T - 1] + dhT
        dc_next = dcT
        for t in range(T - 1, -1, -1):
            i, o, f, g = A[t]
            dh = dY[t] + dh_next
            th = torch.tanh(C[t + 1])
            dc = dh * o * (1 - th ** 2) + dc_next
            da = torch.cat((dc * g * i * (1 - i), dh * th * o * (1 - o),
                            dc * C[t] * f * (1 - f), dc * i * (1 - g ** 2)), 1)
            dW += da.T @ x[t]
            dR += da.T @ H[t]
            db += da.sum(0)
            dx[t] = da @ W
            dh_next = da @ R
            dc_next = dc * f
        return dx, dh_next, dc_next, dW, dR, db


class TextbookLSTM(nn.Module):
    def __init__(self, n_x, n_h):
        super().__init__()
        self.n_h = n_h
        self.W = nn.Parameter(torch.empty(4 * n_h, n_x))
        self.R = nn.Parameter(torch.empty(4 * n_h, n_h))
        self.b = nn.Parameter(torch.zeros(4 * n_h))
        nn.init.xavier_normal_(self.W)
        nn.init.xavier_normal_(self.R)

    def forward(self, x, state=None):
        if x.dim() != 3:
            raise ValueError("x: (T, B, I)")
        if state is None:
            state = [torch.zeros(x.size(1), self.n_h).to(x) for _ in range(2)]
        h0, c0 = state
        if h0.size() != (x.size(1), self.n_h) or c0.size() != h0.size():
            raise ValueError("state: two (B, H) tensors")
        y, h, c = _BPTT.apply(x, h0, c0, self.W, self.R, self.b)
        return y, h, c


# ============================ 5 ============================

class StableLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        # x: (B, T, I)
        if state is None:
            h = x.new_zeros(x.size(0), self.hidden_size)
            c = torch.zeros_like(h)
        else:
            h, c = state
        out = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t, :], (h, c))
            if h.requires_grad:
                h.register_hook(torch.nan_to_num)
            out.append(h)
        return torch.stack(out, dim=1), (h, c)


# ============================ 6 ============================

class MonitoredLSTM(nn.Module):
    """Keeps the norm of the last gradient of the recurrent matrix for logging."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.inp = nn.Linear(input_size, 4 * hidden_size)
        self.rec = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.last_grad_norm = 0.0

    def _note(self, grad):
        self.last_grad_norm = grad.detach().norm().item()

    def forward(self, x, state=None):
        if self.rec.weight.requires_grad:
            self.rec.weight.register_hook(self._note)
        T, B, _ = x.shape
        h, c = state if state is not None else (x.new_zeros(B, self.hidden_size),) * 2
        if h.shape != (B, self.hidden_size) or c.shape != (B, self.hidden_size):
            raise ValueError("state must be two (B, H) tensors")
        outs = []
        for t in range(T):
            i, f, o, g = (self.inp(x[t]) + self.rec(h)).chunk(4, -1)
            c = torch.addcmul(torch.sigmoid(f) * c, torch.sigmoid(i), torch.tanh(g))
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs), (h, c)


# ============================ 7 ============================

class _Core(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.n_out = n_out
        self.x_to_gates = nn.Linear(n_in, 4 * n_out)
        self.h_to_gates = nn.Linear(n_out, 4 * n_out, bias=False)

    def forward(self, x, h, c):
        ys = []
        for x_t in x:
            i, g, f, o = (self.x_to_gates(x_t) + self.h_to_gates(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h, c


class FunctionalLSTM(nn.Module):
    """Stateless call of the core, so that weights can be swapped for an average."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.core = _Core(n_in, n_out)

    def forward(self, x, h0, c0, weights=None):
        B = x.size(1)
        if x.dim() != 3 or h0.shape != (B, self.core.n_out) or c0.shape != h0.shape:
            raise ValueError("x (T, B, I), h0 and c0 (B, H)")
        if weights is None:
            weights = self.core.state_dict()
        return functional_call(self.core, weights, (x, h0, c0))


# ============================ 8 ============================

class PackedWeightLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        k = hidden_size ** -0.5
        self.kernels = nn.ParameterDict({
            gate: nn.Parameter(torch.empty(input_size + hidden_size + 1, hidden_size).uniform_(-k, k))
            for gate in ("forget", "input", "output", "candidate")})
        self._packed = None
        self._versions = None

    def packed(self):
        versions = [(id(p), p._version, p.dtype, p.device) for p in self.kernels.values()]
        if self._packed is None or versions != self._versions:
            self._packed = torch.cat([self.kernels[k] for k in ("forget", "input", "output", "candidate")], 1)
            self._versions = versions
        return self._packed

    def __getstate__(self):
        state = self.__dict__.copy()
        state["_packed"] = state["_versions"] = None
        return state

    def forward(self, x, state=None):
        if x.dim() != 3 or x.size(2) != self.input_size:
            raise ValueError("bad input")
        B, T, _ = x.shape
        if state is None:
            state = (x.new_zeros(B, self.hidden_size), x.new_zeros(B, self.hidden_size))
        h, c = state
        if h.shape != (B, self.hidden_size) or c.shape != (B, self.hidden_size):
            raise ValueError("bad state")
        W = self.packed()
        one = x.new_ones(B, 1)
        ys = []
        for t in range(T):
            f, i, o, g = (torch.cat([x[:, t], h, one], 1) @ W).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)
