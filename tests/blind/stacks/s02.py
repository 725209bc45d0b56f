import math
from typing import Dict, List, Optional, Tuple

import torch
from torch import Tensor, nn


class SentenceLSTM(nn.Module):
    """(Bi)directional LSTM over time-major input.

    Returns the sequence of hidden states, of size hidden_dim or 2 * hidden_dim.
    """

    def __init__(self, embedding_dim, hidden_dim, bidirectional=False):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.bidirectional = bidirectional
        self.fwd_cell = nn.LSTMCell(embedding_dim, hidden_dim)
        if bidirectional:
            self.bwd_cell = nn.LSTMCell(embedding_dim, hidden_dim)

    def forward(self, embeds):
        T, B, _ = embeds.shape
        h_f = embeds.new_zeros(B, self.hidden_dim)
        c_f = embeds.new_zeros(B, self.hidden_dim)
        forward_out = []
        for t in range(T):
            h_f, c_f = self.fwd_cell(embeds[t], (h_f, c_f))
            forward_out.append(h_f)
        forward_out = torch.stack(forward_out)
        if not self.bidirectional:
            return forward_out

        h_b = embeds.new_zeros(B, self.hidden_dim)
        c_b = embeds.new_zeros(B, self.hidden_dim)
        backward_out = []
        for t in reversed(range(T)):
            h_b, c_b = self.bwd_cell(embeds[t], (h_b, c_b))
            backward_out.append(h_b)
        backward_out = torch.stack(backward_out)
        return torch.cat([forward_out, backward_out], dim=2)


class PairStateLSTM(nn.Module):
    """Stack of LSTM layers. The state is a list with one (h, c) pair per layer, bottom first."""

    def __init__(self, n_in: int, n_out: int, n_layers: int = 1):
        super().__init__()
        self.n_out = n_out
        self.n_layers = n_layers
        self.ih = nn.ModuleList(
            [nn.Linear(n_in if k == 0 else n_out, 4 * n_out) for k in range(n_layers)]
        )
        self.hh = nn.ModuleList([nn.Linear(n_out, 4 * n_out) for _ in range(n_layers)])

    def _zeros(self, x: Tensor) -> List[Tuple[Tensor, Tensor]]:
        z = torch.zeros(x.size(0), self.n_out, dtype=x.dtype, device=x.device)
        return [(z, z) for _ in range(self.n_layers)]

    def forward(self, x: Tensor, state: Optional[List[Tuple[Tensor, Tensor]]] = None):
        remaining = list(state) if state is not None else self._zeros(x)
        final = []
        for ih, hh in zip(self.ih, self.hh):
            h, c = remaining.pop()
            out = []
            for x_t in x.unbind(dim=1):
                i, f, g, o = (ih(x_t) + hh(h)).chunk(4, dim=1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                out.append(h)
            x = torch.stack(out, dim=1)
            final.append((h, c))
        return x, final


class NaiveLSTM(nn.Module):
    """Plain Python counterpart of torch.nn.LSTM, with the same parameter names."""

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False,
                 bidirectional=False):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.bidirectional = bidirectional
        num_directions = 2 if bidirectional else 1

        for layer in range(num_layers):
            layer_input_size = input_size if layer == 0 else hidden_size * num_directions
            for direction in range(num_directions):
                suffix = "l%d%s" % (layer, "_reverse" if direction == 1 else "")
                self.register_parameter(
                    "weight_ih_" + suffix, nn.Parameter(torch.empty(4 * hidden_size, layer_input_size)))
                self.register_parameter(
                    "weight_hh_" + suffix, nn.Parameter(torch.empty(4 * hidden_size, hidden_size)))
                if bias:
                    self.register_parameter(
                        "bias_ih_" + suffix, nn.Parameter(torch.empty(4 * hidden_size)))
                    self.register_parameter(
                        "bias_hh_" + suffix, nn.Parameter(torch.empty(4 * hidden_size)))
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            weight.data.uniform_(-stdv, stdv)

    def _weights(self, layer, direction):
        suffix = "l%d%s" % (layer, "_reverse" if direction == 1 else "")
        names = ["weight_ih_", "weight_hh_"]
        if self.bias:
            names += ["bias_ih_", "bias_hh_"]
        return [getattr(self, n + suffix) for n in names]

    def _run(self, x, h, c, weights, reverse):
        w_ih, w_hh = weights[:2]
        b_ih, b_hh = weights[2:] if self.bias else (None, None)
        steps = range(x.size(0) - 1, -1, -1) if reverse else range(x.size(0))
        out = [None] * x.size(0)
        for t in steps:
            gates = nn.functional.linear(x[t], w_ih, b_ih) + nn.functional.linear(h, w_hh, b_hh)
            i, f, g, o = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            out[t] = h
        return torch.stack(out), h, c

    def forward(self, input, hx=None):
        if self.batch_first:
            input = input.transpose(0, 1)
        num_directions = 2 if self.bidirectional else 1
        if hx is None:
            h0 = input.new_zeros(self.num_layers * num_directions, input.size(1), self.hidden_size)
            c0 = h0
        else:
            h0, c0 = hx

        h_n, c_n = [], []
        for layer in range(self.num_layers):
            outs = []
            for direction in range(num_directions):
                k = layer * num_directions + direction
                out, h, c = self._run(input, h0[k], c0[k], self._weights(layer, direction),
                                      reverse=direction == 1)
                outs.append(out)
                h_n.append(h)
                c_n.append(c)
            input = torch.cat(outs, dim=-1)

        output = input.transpose(0, 1) if self.batch_first else input
        return output, (torch.stack(h_n), torch.stack(c_n))


class TowerLSTM(nn.Module):
    """Recurrent tower: an input cell followed by (layers - 1) hidden-to-hidden cells."""

    def __init__(self, in_features, hidden_features, layers=1):
        super().__init__()
        self.hidden_features = hidden_features
        self.num_layers = layers
        cells = [nn.LSTMCell(in_features, hidden_features)]
        cells += [nn.LSTMCell(hidden_features, hidden_features)] * (layers - 1)
        self.cells = nn.ModuleList(cells)

    def forward(self, x, h0=None, c0=None):
        if h0 is None:
            h0 = x.new_zeros(self.num_layers, x.size(0), self.hidden_features)
        if c0 is None:
            c0 = x.new_zeros(self.num_layers, x.size(0), self.hidden_features)
        hs, cs = [], []
        seq = x
        for n, cell in enumerate(self.cells):
            h, c = h0[n], c0[n]
            collected = []
            for t in range(seq.size(1)):
                h, c = cell(seq[:, t, :], (h, c))
                collected.append(h.unsqueeze(1))
            seq = torch.cat(collected, dim=1)
            hs.append(h)
            cs.append(c)
        return seq, torch.stack(hs), torch.stack(cs)


class NamedStateLSTM(nn.Module):
    """Stacked LSTM whose state is a dict ``{"h": [...], "c": [...]}`` with a tensor per layer."""

    def __init__(self, x_dim: int, h_dim: int, num_layers: int = 2):
        super().__init__()
        self.h_dim = h_dim
        self.num_layers = num_layers
        dims = [x_dim] + [h_dim] * num_layers
        self.kernels = nn.ParameterList(
            nn.Parameter(torch.empty(dims[k] + h_dim, 4 * h_dim)) for k in range(num_layers)
        )
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(4 * h_dim)) for _ in range(num_layers)
        )
        for w in self.kernels:
            nn.init.xavier_uniform_(w)
        for b in self.biases:
            b.data[h_dim:2 * h_dim].fill_(1.0)

    def zero_state(self, batch: int, like: Tensor) -> Dict[str, List[Tensor]]:
        return {
            key: [like.new_zeros(batch, self.h_dim) for _ in range(self.num_layers)]
            for key in ("h", "c")
        }

    def step(self, x: Tensor, state: Dict[str, List[Tensor]]):
        new = {"h": [], "c": []}
        for k in range(self.num_layers):
            h, c = state["h"][k], state["c"][k]
            z = torch.cat((x, h), dim=-1).matmul(self.kernels[k]) + self.biases[k]
            n = self.h_dim
            i, f = z[:, :n].sigmoid(), z[:, n:2 * n].sigmoid()
            g, o = z[:, 2 * n:3 * n].tanh(), z[:, 3 * n:].sigmoid()
            c = i * g + f * c
            x = o * torch.tanh(c)
            new["h"].append(x)
            new["c"].append(c)
        return x, new

    def forward(self, x: Tensor, state: Optional[Dict[str, List[Tensor]]] = None):
        if state is None:
            state = self.zero_state(x.size(0), x)
        out = []
        for t in range(x.size(1)):
            y, state = self.step(x[:, t], state)
            out.append(y)
        return torch.stack(out, dim=1), state
