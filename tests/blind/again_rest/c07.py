import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


class DropConnectLSTM(nn.Module):
    """AWD-style LSTM: DropConnect on the hidden-to-hidden matrix, one draw per call."""

    def __init__(self, n_input, n_hidden, weight_p=0.3):
        super().__init__()
        self.n_hidden = n_hidden
        self.weight_p = weight_p
        self.w_ih = nn.Parameter(torch.empty(4 * n_hidden, n_input))
        self.w_hh = nn.Parameter(torch.empty(4 * n_hidden, n_hidden))
        self.b_ih = nn.Parameter(torch.zeros(4 * n_hidden))
        self.b_hh = nn.Parameter(torch.zeros(4 * n_hidden))
        for w in (self.w_ih, self.w_hh):
            nn.init.uniform_(w, -n_hidden ** -0.5, n_hidden ** -0.5)

    def _setweights(self):
        if self.training:
            raw = self.w_hh.data
            self.w_hh.data = F.dropout(raw, p=self.weight_p, training=True)

    def forward(self, x, hx=None):
        self._setweights()
        if hx is None:
            h = x.new_zeros(x.size(1), self.n_hidden)
            c = x.new_zeros(x.size(1), self.n_hidden)
        else:
            h, c = hx
        out = []
        for x_t in x:
            gates = F.linear(x_t, self.w_ih, self.b_ih) + F.linear(h, self.w_hh, self.b_hh)
            i, f, g, o = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            out.append(h)
        return torch.stack(out), (h, c)


class ReproducibleLSTM(nn.Module):
    """Weights come out the same in every run."""

    def __init__(self, input_size, hidden_size, seed=1234):
        super().__init__()
        self.hidden_size = hidden_size
        self.kernel = nn.Parameter(torch.empty(input_size, 4, hidden_size))
        self.recurrent_kernel = nn.Parameter(torch.empty(hidden_size, 4, hidden_size))
        self.bias = nn.Parameter(torch.zeros(4, hidden_size))
        self._init(seed)

    def _init(self, seed):
        torch.manual_seed(seed)
        nn.init.normal_(self.kernel, std=0.2)
        nn.init.normal_(self.recurrent_kernel, std=0.2)
        with torch.no_grad():
            self.bias[1].fill_(1.0)

    def forward(self, x, initial_state=None):
        if initial_state is None:
            h = c = x.new_zeros(x.size(0), self.hidden_size)
        else:
            h, c = initial_state
        ys = []
        for t in range(x.size(1)):
            z = (torch.einsum("bi,igh->gbh", x[:, t], self.kernel)
                 + torch.einsum("bk,kgh->gbh", h, self.recurrent_kernel)
                 + self.bias.unsqueeze(1))
            c = torch.sigmoid(z[1]) * c + torch.sigmoid(z[0]) * torch.tanh(z[2])
            h = torch.sigmoid(z[3]) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class StableLSTM(nn.Module):
    """The pointwise part runs apart from the matrix products."""

    def __init__(self, features_in, features_hidden):
        super().__init__()
        self.features_hidden = features_hidden
        self.wx = nn.Linear(features_in, 4 * features_hidden)
        self.wh = nn.Linear(features_hidden, 4 * features_hidden, bias=False)

    @staticmethod
    def _pointwise(gates, c):
        dtype = gates.dtype
        i, f, g, o = gates.float().chunk(4, dim=1)
        c = torch.sigmoid(f) * c.float() + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h.to(dtype), c.to(dtype)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(x.size(0), self.features_hidden),) * 2
        h, c = state
        ys = []
        for t in range(x.size(1)):
            h, c = self._pointwise(self.wx(x[:, t]) + self.wh(h), c)
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class LeanLSTM(nn.Module):
    """Saves allocations at inference, where nothing is needed for a backward pass."""

    def __init__(self, idim, hdim):
        super().__init__()
        self.hdim = hdim
        self.inp = nn.Linear(idim, 4 * hdim)
        self.rec = nn.Linear(hdim, 4 * hdim)

    def forward(self, x, h=None, c=None):
        if h is None:
            h = x.new_zeros(x.size(1), self.hdim)
        if c is None:
            c = x.new_zeros(x.size(1), self.hdim)
        ys = []
        for x_t in x.unbind(0):
            gates = self.inp(x_t) + self.rec(h)
            if torch.is_grad_enabled():
                o, f, i, g = gates.chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            else:
                o, f, i, g = gates.chunk(4, 1)
                c.mul_(f.sigmoid_()).addcmul_(i.sigmoid_(), g.tanh_())
                h = o.sigmoid_() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h, c


class ImportableLSTM(nn.Module):
    """Gate order i, f, g, o inside; checkpoints of the older release had i, g, f, o."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight = nn.Parameter(torch.empty(4 * hidden_size, input_size + hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.xavier_uniform_(self.weight)

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name in ("weight", "bias"):
            key = prefix + name
            if key in state_dict:
                i, g, f, o = state_dict[key].chunk(4, 0)
                state_dict[key] = torch.cat([i, f, g, o], 0)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, x, state=None):
        if state is None:
            h = x.new_zeros(x.shape[0], self.hidden_size)
            c = x.new_zeros(x.shape[0], self.hidden_size)
        else:
            h, c = state
        ys = []
        for t in range(x.shape[1]):
            z = F.linear(torch.cat((x[:, t], h), 1), self.weight, self.bias)
            i, f, g, o = z.split(self.hidden_size, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class FusedLSTM(nn.Module):
    """Eight small matrices, fused into one for the loop."""

    def __init__(self, n_in, n_hid):
        super().__init__()
        self.n_hid = n_hid
        self.Wi, self.Wf, self.Wg, self.Wo = (
            nn.Parameter(torch.randn(n_hid, n_in + n_hid) / (n_in + n_hid) ** 0.5) for _ in range(4))
        self.bi, self.bf, self.bg, self.bo = (nn.Parameter(torch.zeros(n_hid)) for _ in range(4))
        self._ready = None

    def _fuse(self):
        W = torch.cat([self.Wi, self.Wf, self.Wo, self.Wg]).t()
        b = torch.cat([self.bi, self.bf, self.bo, self.bg])
        return W, b

    def forward(self, x, state=None):
        if self.training:
            W, b = self._fuse()
        else:
            if self._ready is None:
                self._ready = self._fuse()
            W, b = self._ready
        n, H = x.size(0), self.n_hid
        h, c = (x.new_zeros(n, H), x.new_zeros(n, H)) if state is None else state
        ys = []
        for x_t in x.unbind(1):
            z = torch.cat([x_t, h], 1) @ W + b
            s, g = z[:, :3 * H].sigmoid(), z[:, 3 * H:].tanh()
            c = s[:, H:2 * H] * c + s[:, :H] * g
            h = s[:, 2 * H:] * c.tanh()
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class FrugalLSTM(nn.Module):
    """Recomputes each step in the backward pass to save memory in training."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def _step(self, x, h, c):
        return self.cell(x, (h, c))

    def forward(self, x, hx=None):
        if hx is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
            c = x.new_zeros(x.size(1), self.hidden_size)
        else:
            h, c = hx
        ys = []
        for t in range(x.size(0)):
            if self.training:
                h, c = checkpoint(self._step, x[t], h, c, use_reentrant=True)
            else:
                h, c = self._step(x[t], h, c)
            ys.append(h)
        return torch.stack(ys, 0), (h, c)


class ConfigurableLSTM(nn.Module):
    """The two non-linearities can be exchanged by a subclass."""

    def __init__(self, hidden_dim, input_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.gate = lambda v: torch.sigmoid(v)
        self.squash = lambda v: torch.tanh(v)
        self.W = nn.Linear(input_dim, 4 * hidden_dim)
        self.U = nn.Linear(hidden_dim, 4 * hidden_dim)

    def forward(self, x, state=None):
        if state is None:
            state = (x.new_zeros(len(x), self.hidden_dim), x.new_zeros(len(x), self.hidden_dim))
        h, c = state
        expected = (x.shape[0], self.hidden_dim)
        if x.ndim != 3 or tuple(h.shape) != expected or tuple(c.shape) != expected:
            raise ValueError("x must be (batch, time, features) and the states (batch, hidden)")
        ys = []
        for t in range(x.shape[1]):
            f, o, i, g = torch.tensor_split(self.W(x[:, t]) + self.U(h), 4, dim=1)
            c = self.gate(f) * c + self.gate(i) * self.squash(g)
            h = self.gate(o) * self.squash(c)
            ys.append(h)
        return torch.stack(ys, dim=1), (h, c)
