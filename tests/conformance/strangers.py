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
    """Returns states in another order than it takes them."""

    reverse = True


class LastLayerFirstThroughout(LastLayerFirst):
    def forward(self, x, state=None):
        return super().forward(x, state and [s.flip(0) for s in state])


class OneSize(nn.Module):
    """Inputs as wide as its states."""

    def __init__(self, d_model, num_layers=1):
        super().__init__()
        self.lstm = nn.LSTM(d_model, d_model, num_layers)

    def forward(self, x, state=None):
        return self.lstm(x, state)


class Plain(nn.Module):
    """One layer in one loop, to be changed by those below."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(torch.randn(input_size, 4 * hidden_size) / 3)
        self.U = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size) / 3)
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))

    def tanh(self, z):
        return torch.tanh(z)

    def forward(self, x, state=None):
        h, c = state or x.new_zeros(2, x.shape[1], len(self.U)).unbind(0)
        outputs = []
        for x_t in x:
            i, f, g, o = (x_t @ self.W + h @ self.U + self.b).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * self.tanh(g)
            h = o.sigmoid() * self.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class HandedOutAgain(Plain):
    """The list that it returns is one list, written anew by every call."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.last = [None, None]

    def forward(self, x, state=None):
        y, self.last[:] = super().forward(x, state)
        return y, self.last


class FrozenRecurrence(Plain):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.U.requires_grad_(False)


class LooseBias(Plain):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        del self.b
        self.b = torch.cat([torch.zeros(hidden_size), torch.ones(3 * hidden_size)])


class NaiveTanh(Plain):
    """Overflows in float32 from 44 on."""

    def tanh(self, z):
        return ((2 * z).exp() - 1) / ((2 * z).exp() + 1)


class DropoutStaysOn(SharedLayers):
    """Between layers, of which there are two unless one is asked for."""

    def __init__(self, input_size, hidden_size, num_layers=2):
        super().__init__(input_size, hidden_size, num_layers)

    def recurrent(self, layer):
        layers = self.h2h
        return layers[0] if layer == 0 else lambda h: layers[layer](nn.functional.dropout(h, 0.3))


class BothWays(nn.Module):
    """Runs in both directions of time; each has its cell."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ahead = nn.LSTMCell(input_size, hidden_size)
        self.back = nn.LSTMCell(input_size, hidden_size)

    def scan(self, cell, x, state):
        outputs = []
        for x_t in x:
            state = cell(x_t, state)
            outputs.append(state[0])
        return outputs, state

    def turned_back(self, outputs):
        return outputs[::-1]

    def forward(self, x, state=None):
        h, c = state or x.new_zeros(2, 2, x.shape[1], self.hidden_size).unbind(0)
        ahead, first = self.scan(self.ahead, x, (h[0], c[0]))
        back, second = self.scan(self.back, x.flip(0), (h[1], c[1]))
        y = torch.cat([torch.stack(ahead), torch.stack(self.turned_back(back))], dim=2)
        return y, (torch.stack([first[0], second[0]]), torch.stack([first[1], second[1]]))


class NotTurnedBack(BothWays):
    def turned_back(self, outputs):
        return outputs


class OneCellForBoth(BothWays):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.back = self.ahead


class BehindOneLayer(BothWays):
    """A right one; both directions see x through the same layer."""

    def __init__(self, input_size, hidden_size):
        super().__init__(hidden_size, hidden_size)
        self.into = nn.Linear(input_size, hidden_size)

    def forward(self, x, state=None):
        return super().forward(self.into(x).tanh(), state)


class TurnsTaken(BothWays):
    """A right one, but for the order of the output's units."""

    def forward(self, x, state=None):
        y, state = super().forward(x, state)
        return y.unflatten(2, (2, -1)).transpose(2, 3).flatten(2), state


class Padded(nn.Module):
    """The lengths clear the outputs beyond a sequence's end, and not the states."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)

    def ends(self, valid):
        return torch.ones_like(valid)

    def forward(self, x, state=None, lengths=None):
        if lengths is None:
            return self.lstm(x, state)
        valid = torch.arange(x.shape[1])[None] < lengths[:, None]
        outputs, (h, c) = [], state or x.new_zeros(2, 1, len(x), self.lstm.hidden_size).unbind(0)
        for t in range(x.shape[1]):
            y, (h_new, c_new) = self.lstm(x[:, t : t + 1], (h, c))
            outputs.append(y * valid[:, t, None, None])
            here = self.ends(valid)[None, :, t, None]
            h, c = torch.where(here, h_new, h), torch.where(here, c_new, c)
        return torch.cat(outputs, 1), (h, c)


class PaddedWell(Padded):
    def ends(self, valid):
        return valid


class OneTensorForBoth(nn.Module):
    """Right; the weights of both directions lie in one tensor."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(torch.randn(2, 4 * hidden_size, input_size) / 3)
        self.U = nn.Parameter(torch.randn(2, 4 * hidden_size, hidden_size) / 3)

    def forward(self, x):
        found = []
        for W, U, steps in zip(self.W, self.U, (x, x.flip(0)), strict=True):
            h, c = x.new_zeros(2, x.shape[1], U.shape[1]).unbind(0)
            outputs = []
            for x_t in steps:
                i, f, g, o = (x_t @ W.T + h @ U.T).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                outputs.append(h)
            found.append(torch.stack(outputs))
        return torch.cat([found[0], found[1].flip(0)], dim=2)


class DropsByOption(nn.Module):
    """Dropout on the input, by an option that is on."""

    def __init__(self, input_size, hidden_size, rate=0.2):
        super().__init__()
        self.rate = rate
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        outputs = []
        for x_t in torch.nn.functional.dropout(x, self.rate, self.training).unbind(1):
            state = self.cell(x_t, state)
            outputs.append(state[0])
        return torch.stack(outputs, 1), state


class DropsAlways(DropsByOption):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)


class NeverRuns(nn.Module):
    """Its weights have the wrong shape."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(torch.Tensor((input_size, 4 * hidden_size)))

    def forward(self, x):
        return x @ self.W.view(2, 1)
