"""Unusual designs around torch's own cell, so that what is right about them is right for sure."""

import torch
from torch import nn


class LastLogits(nn.Module):
    """A classifier of sequences: the last output alone, through a layer; as wide as a state."""

    def __init__(self, n_features, n_hidden, n_classes=3):
        super().__init__()
        self.lstm = nn.LSTM(n_features, n_hidden, batch_first=True)
        self.out = nn.Linear(n_hidden, n_classes)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


class WrongLastLogits(LastLogits):
    """Its twin reads the last step but one."""

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, max(0, x.shape[1] - 2)])


class LastHidden(nn.Module):
    def __init__(self, n_features, n_hidden):
        super().__init__()
        self.lstm = nn.LSTM(n_features, n_hidden)

    def forward(self, x, state=None):
        return self.lstm(x, state)[0][-1]


class Directions(nn.Module):
    """An axis for directions in everything, as ONNX has it; reads its states by [0]."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, X, initial_h=None, initial_c=None):
        blank = X.new_zeros(1, X.shape[1], self.cell.hidden_size)
        h = (blank if initial_h is None else initial_h)[0]
        c = (blank if initial_c is None else initial_c)[0]
        outputs = []
        for x in X:
            h, c = self.cell(x, (h, c))
            outputs.append(h)
        return torch.stack(outputs).unsqueeze(1), h[None], c[None]


class OnlyH0(nn.Module):
    """Takes h0, starts from c = 0, returns the outputs."""

    def __init__(self, D, H):
        super().__init__()
        self.cell = nn.LSTMCell(D, H)

    def forward(self, x, h0=None):
        h = x.new_zeros(x.shape[0], self.cell.hidden_size) if h0 is None else h0
        c, outputs = torch.zeros_like(h), []
        for x_t in x.unbind(1):
            h, c = self.cell(x_t, (h, c))
            outputs.append(h)
        return torch.stack(outputs, 1)


class OneForBoth(nn.Module):
    """One tensor (layers, B, H) is both h0 and c0."""

    def __init__(self, input_size, hidden_size, output_size=4):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)
        self.fc = nn.Linear(hidden_size, output_size)

    def forward(self, x, hx=None):
        if hx is None:
            hx = x.new_zeros(1, x.shape[0], self.cell.hidden_size)
        h = c = hx[0]
        for x_t in x.unbind(1):
            h, c = self.cell(x_t, (h, c))
        return self.fc(h)


class IgnoresC0(OnlyH0):
    """Takes two, and uses one: no design, but a mistake."""

    def forward(self, x, h0=None, c0=None):
        return super().forward(x, h0)


class Attributes(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.rnn = nn.LSTM(config.input_size, config.hidden_size, bias=getattr(config, "b", True))

    def forward(self, x, state=None):
        return self.rnn(x, state)


class Items(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.rnn = nn.LSTM(args["n_in"], args["n_hidden"], num_layers=args.get("num_layers", 1))

    def forward(self, x, state=None):
        return self.rnn(x, state)


class PlainList(nn.Module):
    """Layers in a plain list, where nothing is registered."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cells = [nn.LSTMCell(input_size, hidden_size)]

    def forward(self, x, state=None):
        outputs = []
        for x_t in x:
            state = self.cells[0](x_t, state)
            outputs.append(state[0])
        return torch.stack(outputs), state


class Mixed(nn.Module):
    """Reads batch first, gives time first."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size)

    def forward(self, x, state=None):
        return self.lstm(x.transpose(0, 1), state)


class MixedDespiteOption(Mixed):
    def __init__(self, input_size, hidden_size, batch_first=True):
        super().__init__(input_size, hidden_size)
        self.batch_first = batch_first

    def forward(self, x, state=None):
        return self.lstm(x.transpose(0, 1) if self.batch_first else x, state)


class SeedsItself(Mixed):
    def forward(self, x, state=None):
        torch.manual_seed(1234)
        return self.lstm(x, state)


class Fours(nn.Module):
    """Works in fours."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size)

    def forward(self, x, state=None):
        if self.lstm.hidden_size % 4:
            raise RuntimeError("hidden size must be a multiple of 4")
        return self.lstm(x, state)


class SharedLayers(nn.Module):
    """All layers use the first one's recurrent weights."""

    reverse = False

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.x2h = nn.ModuleList(nn.Linear(n, 4 * hidden_size) for n in sizes)
        self.h2h = nn.ModuleList(nn.Linear(hidden_size, 4 * hidden_size) for _ in sizes)
        self.hidden_size = hidden_size

    def recurrent(self, layer):
        return self.h2h[0]

    def forward(self, x, state=None):
        if state is None:
            state = x.new_zeros(2, len(self.x2h), x.shape[1], self.hidden_size).unbind(0)
        ends = []
        for layer, x2h in enumerate(self.x2h):
            h, c = state[0][layer], state[1][layer]
            outputs = []
            for x_t in x:
                i, f, g, o = (x2h(x_t) + self.recurrent(layer)(h)).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                outputs.append(h)
            x = torch.stack(outputs)
            ends.append((h, c))
        ends = ends[::-1] if self.reverse else ends
        h, c = zip(*ends, strict=True)
        return x, (torch.stack(h), torch.stack(c))


class OwnLayers(SharedLayers):
    def recurrent(self, layer):
        return self.h2h[layer]


class LastLayerFirst(OwnLayers):
    reverse = True
