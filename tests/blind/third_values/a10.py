import torch
import torch.nn as nn
import torch.nn.functional as F

GATES = ("input", "forget", "cell", "output")


class DictLSTM(nn.Module):
    """LSTM, time first, with its weights in dictionaries by gate."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = hidden_size ** -0.5
        u = lambda *s: torch.empty(*s).uniform_(-k, k)
        self.W = nn.ParameterDict({g: nn.Parameter(u(hidden_size, input_size)) for g in GATES})
        self.R = nn.ParameterDict({g: nn.Parameter(u(hidden_size, hidden_size)) for g in GATES})
        self.B = nn.ParameterDict({g: nn.Parameter(u(hidden_size)) for g in GATES})

    def pre(self, gate, x, h):
        return F.linear(x, self.W[gate], self.B[gate]) + F.linear(h, self.R[gate])

    def forward(self, x, state=None):
        T, N, _ = x.shape
        if state is None:
            state = {"h": x.new_zeros(N, self.hidden_size), "c": x.new_zeros(N, self.hidden_size)}
        h, c = state["h"], state["c"]
        if h.shape != (N, self.hidden_size) or c.shape != (N, self.hidden_size):
            raise ValueError("the state's h and c must be (N, H)")
        ys = []
        for t in range(T):
            i = torch.sigmoid(self.pre("input", x[t], h))
            f = torch.sigmoid(self.pre("forget", x[t], h))
            g = torch.tanh(self.pre("cell", x[t], h))
            o = torch.sigmoid(self.pre("output", x[t], h))
            c = f * c + i * g
            h = i * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), {"h": h, "c": c}


class EitherStateLSTM(nn.Module):
    """LSTM, time first; h_0 and c_0 may be (1, N, H) as nn.LSTM has them, or simply (N, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.xg = nn.Linear(input_size, 4 * hidden_size)
        self.hg = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        T, N, _ = x.shape
        H = self.hidden_size
        if state is None:
            state = (x.new_zeros(1, N, H), x.new_zeros(1, N, H))
        h, c = state
        for s in (h, c):
            if tuple(s.shape) not in ((1, N, H), (N, H)):
                raise ValueError("states must be (1, N, H) or (N, H)")
        h, c = h[0], c[0]
        ys = []
        for z in self.xg(x):
            i, f, g, o = (z + self.hg(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h.unsqueeze(0), c.unsqueeze(0))


class ConcatLSTM(nn.Module):
    """Batch-first LSTM, gates i, f, g, o; states (N, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.to_gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        N, T, _ = x.shape
        H = self.hidden_size
        h, c = (x.new_zeros(N, H), x.new_zeros(N, H)) if state is None else state
        if h.shape != (N, H) or c.shape != (N, H):
            raise ValueError("states must be (N, H)")
        ys = []
        for t in range(T):
            z = self.to_gates(torch.cat((x[:, t], h), dim=1))
            if z.requires_grad:
                z.register_hook(lambda g: g.clamp(-1.0, 1.0))
            i, f, g, o = z.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, dim=1), (h, c)


class FastInferenceLSTM(nn.Module):
    """Time-first LSTM. For inference both kernels are laid out side by side in memory, once."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        k = hidden_size ** -0.5
        self.w_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
        self.w_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size).uniform_(-k, k))
        self._packed = None

    def _kernel(self):
        if torch.is_grad_enabled():
            return torch.cat((self.w_ih, self.w_hh), dim=1).t(), self.bias
        p = self._packed
        if p is None or p[0].dtype != self.bias.dtype or p[0].device != self.bias.device:
            p = torch.cat((self.w_ih, self.w_hh), dim=1).t().contiguous(), self.bias.clone()
            self._packed = p
        return p

    def forward(self, x, state=None):
        T, N, _ = x.shape
        H = self.hidden_size
        h, c = (x.new_zeros(N, H), x.new_zeros(N, H)) if state is None else state
        if h.shape != (N, H) or c.shape != (N, H):
            raise ValueError("states must be (N, H)")
        kernel, bias = self._kernel()
        ys = []
        for x_t in x:
            z = torch.addmm(bias, torch.cat((x_t, h), 1), kernel)
            i, f, g, o = z.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)


class FlatInputLSTM(nn.Module):
    """Time-first LSTM; the input half of all steps is one matrix product over T * N rows."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.inp = nn.Linear(input_size, 4 * hidden_size)
        self.rec = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, state=None):
        T, N, I = x.shape
        if I != self.input_size:
            raise ValueError("x must have input_size features")
        H = self.hidden_size
        if state is None:
            h, c = x.new_zeros(N, H), x.new_zeros(N, H)
        else:
            h, c = state[0], state[1]
            if h.shape != (N, H) or c.shape != (N, H):
                raise ValueError("states must be (N, H)")
        rows = torch.as_strided(x, (T * N, I), (I, 1))
        pre = self.inp(rows).view(T, N, 4 * H)
        ys = []
        for t in range(T):
            i, f, o, g = torch.split(pre[t] + self.rec(h), H, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)
