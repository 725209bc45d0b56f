"""One weight per gate, stored in every way that torch offers."""

import torch
from torch import nn


class LinearPairs(nn.Module):
    """Two Linears per gate, names as in torch's documentation: W_ii x + b_ii + W_hi h + b_hi."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        for gate in ("i", "f", "g", "o"):
            self.add_module(f"W_i{gate}", nn.Linear(input_size, hidden_size))
            self.add_module(f"W_h{gate}", nn.Linear(hidden_size, hidden_size))

    def forward(self, x, state=None):
        if state is None:
            h = torch.zeros(x.size(0), self.hidden_size, device=x.device, dtype=x.dtype)
            c = torch.zeros_like(h)
        else:
            h, c = state[0].squeeze(0), state[1].squeeze(0)
        outputs = []
        for t in range(x.size(1)):
            xt = x[:, t]
            i = torch.sigmoid(self.W_ii(xt) + self.W_hi(h))
            f = torch.sigmoid(self.W_if(xt) + self.W_hf(h))
            g = torch.tanh(self.W_ig(xt) + self.W_hg(h))
            o = torch.sigmoid(self.W_io(xt) + self.W_ho(h))
            c = f * c + i * g
            h = o * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h.unsqueeze(0), c.unsqueeze(0))


class ConcatGates(nn.Module):
    """Colah's blog post: four layers on [h, x]; time first; p=0 dropout on the way out."""

    def __init__(self, input_dim, hidden_dim, dropout=0.0):
        super().__init__()
        self.hidden_dim = hidden_dim
        combined = hidden_dim + input_dim
        self.forget_gate = nn.Linear(combined, hidden_dim)
        self.input_gate = nn.Linear(combined, hidden_dim)
        self.candidate = nn.Linear(combined, hidden_dim)
        self.output_gate = nn.Linear(combined, hidden_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs, hidden=None, cell=None):
        if hidden is None:
            hidden = inputs.new_zeros(inputs.size(1), self.hidden_dim)
        if cell is None:
            cell = inputs.new_zeros(inputs.size(1), self.hidden_dim)
        outputs = []
        for step in inputs:
            z = torch.cat((hidden, step), dim=1)
            f = self.forget_gate(z).sigmoid()
            i = self.input_gate(z).sigmoid()
            cell = f * cell + i * self.candidate(z).tanh()
            hidden = self.output_gate(z).sigmoid() * cell.tanh()
            outputs.append(hidden)
        outputs = torch.stack(outputs)
        if self.dropout.p > 0:
            outputs = self.dropout(outputs)
        return outputs, hidden, cell


class ParamDictLSTM(nn.Module):
    """ParameterDict, weights (hidden, input), 1 added to the forget gate inside."""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.w = nn.ParameterDict()
        for gate in ("forget", "input", "output", "cell"):
            self.w[f"{gate}_x"] = nn.Parameter(0.1 * torch.randn(n_hidden, n_in))
            self.w[f"{gate}_h"] = nn.Parameter(0.1 * torch.randn(n_hidden, n_hidden))
            self.w[f"{gate}_b"] = nn.Parameter(torch.zeros(n_hidden))

    def gate(self, name, x, h):
        return x @ self.w[f"{name}_x"].T + h @ self.w[f"{name}_h"].T + self.w[f"{name}_b"]

    def forward(self, seq, state=None):
        B = seq.shape[1]
        if state is None:
            state = (seq.new_zeros(B, self.n_hidden), seq.new_zeros(B, self.n_hidden))
        h, c = state
        hs = []
        for x in seq:
            f = torch.sigmoid(self.gate("forget", x, h) + 1.0)
            i = torch.sigmoid(self.gate("input", x, h))
            o = torch.sigmoid(self.gate("output", x, h))
            c = f * c + i * torch.tanh(self.gate("cell", x, h))
            h = o * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs), (h, c)


class ParamListLSTM(nn.Module):
    """Three ParameterLists indexed by gate number: forget, input, candidate, output."""

    FORGET, INPUT, CANDIDATE, OUTPUT = range(4)

    def __init__(self, input_width, hidden_width):
        super().__init__()
        self.hidden_width = hidden_width
        scale = hidden_width**-0.5

        def uniform(*shape):
            return nn.Parameter(torch.empty(*shape).uniform_(-scale, scale))

        self.input_weights = nn.ParameterList(
            [uniform(input_width, hidden_width) for _ in range(4)]
        )
        self.recurrent_weights = nn.ParameterList(
            [uniform(hidden_width, hidden_width) for _ in range(4)]
        )
        self.biases = nn.ParameterList([uniform(1, hidden_width) for _ in range(4)])

    def forward(self, batch):
        batch_size, steps, _ = batch.shape
        hidden = batch.new_zeros(batch_size, self.hidden_width)
        cell = batch.new_zeros(batch_size, self.hidden_width)
        history = torch.empty(
            batch_size, steps, self.hidden_width, dtype=batch.dtype, device=batch.device
        )
        for step in range(steps):
            pre = [
                torch.matmul(batch[:, step], wx) + torch.matmul(hidden, wh) + b
                for wx, wh, b in zip(self.input_weights, self.recurrent_weights, self.biases)
            ]
            cell = torch.sigmoid(pre[self.FORGET]) * cell + torch.sigmoid(
                pre[self.INPUT]
            ) * torch.tanh(pre[self.CANDIDATE])
            hidden = torch.sigmoid(pre[self.OUTPUT]) * torch.tanh(cell)
            history[:, step] = hidden
        return history, (hidden, cell)


class Gate(nn.Module):
    """W_in x + W_hid h + b behind a nonlinearity, as in lasagne."""

    def __init__(self, num_inputs, num_units, nonlinearity=torch.sigmoid, b=0.0):
        super().__init__()
        self.W_in = nn.Parameter(torch.randn(num_inputs, num_units) * 0.1)
        self.W_hid = nn.Parameter(torch.randn(num_units, num_units) * 0.1)
        self.b = nn.Parameter(torch.full((num_units,), b))
        self.nonlinearity = nonlinearity

    def forward(self, x, h):
        return self.nonlinearity(x @ self.W_in + h @ self.W_hid + self.b)


class LSTMLayer(nn.Module):
    """After lasagne: gate objects, hid_init and cell_init by keyword, a mask nobody gives."""

    def __init__(self, num_inputs, num_units, grad_clipping=0):
        super().__init__()
        if grad_clipping:
            raise NotImplementedError("grad_clipping")
        self.num_units = num_units
        self.ingate = Gate(num_inputs, num_units)
        self.forgetgate = Gate(num_inputs, num_units, b=1.0)
        self.cell = Gate(num_inputs, num_units, nonlinearity=torch.tanh)
        self.outgate = Gate(num_inputs, num_units)

    def forward(self, input, mask=None, *, hid_init=None, cell_init=None):
        hid = hid_init if hid_init is not None else input.new_zeros(len(input), self.num_units)
        cell = cell_init if cell_init is not None else input.new_zeros(len(input), self.num_units)
        out = []
        for n in range(input.shape[1]):
            x = input[:, n]
            new_cell = self.forgetgate(x, hid) * cell + self.ingate(x, hid) * self.cell(x, hid)
            new_hid = self.outgate(x, hid) * torch.tanh(new_cell)
            if mask is not None:
                keep = mask[:, n, None]
                new_cell = torch.where(keep, new_cell, cell)
                new_hid = torch.where(keep, new_hid, hid)
            hid, cell = new_hid, new_cell
            out.append(hid)
        return torch.stack(out, 1), hid, cell


class GateTableLSTM(nn.Module):
    """A ModuleDict of one Linear per gate over [x, h]; returns a dict."""

    def __init__(self, input_channels, hidden_channels):
        super().__init__()
        self.hidden_channels = hidden_channels
        width = input_channels + hidden_channels
        self.gates = nn.ModuleDict(
            {name: nn.Linear(width, hidden_channels) for name in ("o", "g", "f", "i")}
        )

    def forward(self, x, h0=None, c0=None):
        shape = (x.shape[1], self.hidden_channels)
        h = h0 if h0 is not None else torch.zeros(shape).to(x)
        c = c0 if c0 is not None else torch.zeros(shape).to(x)
        ys = []
        for t in range(len(x)):
            xh = torch.cat([x[t], h], -1)
            pre = {name: gate(xh) for name, gate in self.gates.items()}
            c = pre["f"].sigmoid() * c + pre["i"].sigmoid() * pre["g"].tanh()
            h = pre["o"].sigmoid() * c.tanh()
            ys.append(h)
        return {"output": torch.stack(ys), "h": h, "c": c}
