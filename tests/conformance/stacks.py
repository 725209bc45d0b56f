"""Stacks of layers and directions, right in many forms, and with one mistake each."""

import torch
from torch import nn


def over(cell, x):
    """A cell run over a sequence from zeros. x: (T, B, I)."""
    h = c = x.new_zeros(x.shape[1], cell.hidden_size)
    outputs = []
    for x_t in x:
        h, c = cell(x_t, (h, c))
        outputs.append(h)
    return torch.stack(outputs)


class Deep(nn.Module):
    """Layers in both directions if wanted, each a cell in a list; changed by those below."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.hidden_size, self.ways = hidden_size, 1 + bidirectional
        wide = [input_size] + [self.width(hidden_size)] * (num_layers - 1)
        self.cells = nn.ModuleList(
            nn.LSTMCell(w, hidden_size) for w in wide for _ in range(self.ways)
        )

    def width(self, hidden_size):
        return self.ways * hidden_size

    def cell(self, layer, way):
        return self.cells[layer * self.ways + way]

    def given(self, state, layer, way):
        k = layer * self.ways + way
        return state[0][k], state[1][k]

    def start(self, x, state, layer, way, ends):
        if state is None:
            return x.new_zeros(2, x.shape[1], self.hidden_size).unbind(0)
        return self.given(state, layer, way)

    def one_way(self, cell, x, h, c, back):
        """x: (T, B, I). Outputs in the order of time, and the state in the end."""
        outputs = []
        for x_t in x.flip(0) if back else x:
            h, c = cell(x_t, (h, c))
            outputs.append(h)
        y = torch.stack(outputs)
        return (y.flip(0) if back else y), (h, c)

    def between(self, x, inputs, first):
        """What a layer hands on, of its output, what it read, and the input of all."""
        return x

    def joined(self, outputs):
        return torch.cat(outputs, -1)

    def returned(self, ends):
        h, c = zip(*ends, strict=True)
        return torch.stack(h), torch.stack(c)

    def forward(self, x, state=None):
        first, ends, layers = x, [], len(self.cells) // self.ways
        for layer in range(layers):
            outputs = []
            for way in range(self.ways):
                h, c = self.start(x, state, layer, way, ends)
                y, end = self.one_way(self.cell(layer, way), x, h, c, way == 1)
                outputs.append(y)
                ends.append(end)
            inputs, x = x, self.joined(outputs)
            if layer + 1 < layers:
                x = self.between(x, inputs, first)
        return x, self.returned(ends)


# -- right ---------------------------------------------------------------------------------------


class BatchFirst(Deep):
    def forward(self, x, state=None):
        y, state = super().forward(x.transpose(0, 1), state)
        return y.transpose(0, 1), state


class PairsOfStates(Deep):
    """[(h, c), …], a pair for each layer and direction."""

    def given(self, state, layer, way):
        return state[layer * self.ways + way]

    def returned(self, ends):
        return ends


class ThreeResults(Deep):
    """h and c are results, and arguments, of their own."""

    def forward(self, x, h0=None, c0=None):
        y, (h, c) = super().forward(x, None if h0 is None else (h0, c0))
        return y, h, c


class ByName(Deep):
    """A dict of lists."""

    def given(self, state, layer, way):
        k = layer * self.ways + way
        return state["h"][k], state["c"][k]

    def returned(self, ends):
        return {"h": [h for h, _ in ends], "c": [c for _, c in ends]}


class OutputsAlone(Deep):
    def forward(self, x):
        return super().forward(x)[0]


class Summed(Deep):
    def width(self, hidden_size):
        return hidden_size

    def joined(self, outputs):
        return sum(outputs)


class Averaged(Summed):
    def joined(self, outputs):
        return sum(outputs) / len(outputs)


class BackwardBefore(Deep):
    """The backward direction's outputs first, in every layer."""

    def joined(self, outputs):
        return torch.cat(outputs[::-1], -1)


class StatesBatchFirst(Deep):
    """States are (B, layers, H)."""

    def given(self, state, layer, way):
        k = layer * self.ways + way
        return state[0][:, k], state[1][:, k]

    def returned(self, ends):
        return [torch.stack(s, 1) for s in zip(*ends, strict=True)]


class TwoLists(nn.Module):
    """Weights over x in one list, recurrent ones in another, no state in or out."""

    def __init__(self, n_in, n_hid, depth=2):
        super().__init__()
        wide = [n_in] + [n_hid] * (depth - 1)
        self.over_x = nn.ParameterList(nn.Parameter(torch.randn(w, 4 * n_hid)) for w in wide)
        self.over_h = nn.ParameterList(nn.Parameter(torch.randn(n_hid, 4 * n_hid)) for _ in wide)
        self.bias = nn.ParameterList(nn.Parameter(torch.zeros(4 * n_hid)) for _ in wide)

    def forward(self, x):
        for W, U, b in zip(self.over_x, self.over_h, self.bias, strict=True):
            h = c = x.new_zeros(x.shape[0], len(U))
            outputs = []
            for x_t in x.unbind(1):
                i, g, f, o = (x_t @ W + h @ U + b).chunk(4, -1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                outputs.append(h)
            x = torch.stack(outputs, 1)
        return x


class TorchsNames(nn.LSTM):
    pass


class Dropping(Deep):
    """Dropout between layers, as it should be."""

    def __init__(self, input_size, hidden_size, num_layers=1, p=0.0):
        super().__init__(input_size, hidden_size, num_layers)
        self.p = p

    def between(self, x, inputs, first):
        return nn.functional.dropout(x, self.p, self.training)


class Locked(Dropping):
    """One mask for all steps."""

    def between(self, x, inputs, first):
        return x * nn.functional.dropout(torch.ones_like(x[:1]), self.p, self.training)


class LastAlone(nn.Module):
    """A classifier of sequences over a stack of torch's: each direction's last output."""

    def __init__(self, n_in, n_hid, n_layers=1, both=False):
        super().__init__()
        self.lstm = nn.LSTM(n_in, n_hid, n_layers, batch_first=True, bidirectional=both)
        self.out = nn.Linear((1 + both) * n_hid, 7)

    def shown(self, y):
        if not self.lstm.bidirectional:
            return y[:, -1]
        one, other = y.chunk(2, -1)
        return torch.cat([one[:, -1], other[:, 0]], -1)

    def forward(self, x):
        return self.out(self.shown(self.lstm(x)[0]))


class Chunked(Deep):
    """Takes no number of chunks below two, which has nothing to do with layers."""

    def __init__(self, input_size, hidden_size, num_layers=1, chunks=2):
        if chunks < 2:
            raise ValueError("chunks must be two at least")
        super().__init__(input_size, hidden_size, num_layers)


class Ensemble(nn.Module):
    """Several LSTMs side by side, whose mean is returned: neither layers nor directions."""

    def __init__(self, input_size, hidden_size, members=1):
        super().__init__()
        self.members = nn.ModuleList(nn.LSTM(input_size, hidden_size) for _ in range(members))

    def forward(self, x):
        return sum(member(x)[0] for member in self.members) / len(self.members)


RIGHT = (
    "Deep", "BatchFirst", "PairsOfStates", "ThreeResults", "ByName", "OutputsAlone", "Summed",
    "Averaged", "TwoLists", "TorchsNames", "Dropping", "Locked", "LastAlone",
    "StatesBatchFirst",
)  # fmt: skip


# -- wrong ---------------------------------------------------------------------------------------


class FirstsState(Deep):
    def given(self, state, layer, way):
        return super().given(state, 0, way)


class NoStateFromTheThirdOn(Deep):
    def start(self, x, state, layer, way, ends):
        return super().start(x, state if layer < 2 else None, layer, way, ends)


class GoesOnFromBelow(Deep):
    """Without a state, a layer begins where the one below has ended."""

    def start(self, x, state, layer, way, ends):
        if state is None and layer:
            return ends[-self.ways]
        return super().start(x, state, layer, way, ends)


class BackwardGoesOn(Deep):
    def start(self, x, state, layer, way, ends):
        if state is None and way:
            return ends[-1]
        return super().start(x, state, layer, way, ends)


class OneStateForAll(nn.Module):
    """One h and c, which each layer overwrites."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        wide = [input_size] + [hidden_size] * (num_layers - 1)
        self.hidden_size = hidden_size
        self.cells = nn.ModuleList(nn.LSTMCell(w, hidden_size) for w in wide)

    def forward(self, x, state=None):
        if state is None:
            state = x.new_zeros(2, x.shape[1], self.hidden_size).unbind(0)
        h, c = state
        outputs = []
        for x_t in x:
            value = x_t
            for cell in self.cells:
                h, c = cell(value, (h, c))
                value = h
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class Residual(Deep):
    def between(self, x, inputs, first):
        return x + inputs if x.shape == inputs.shape else x


class Tanh(Deep):
    def between(self, x, inputs, first):
        return torch.tanh(x)


class CutBetween(Deep):
    def between(self, x, inputs, first):
        return x.detach()


class LastOutputs(Deep):
    def between(self, x, inputs, first):
        return x[-1:].expand_as(x)


class OneStepLate(Deep):
    def between(self, x, inputs, first):
        return torch.cat([torch.zeros_like(x[:1]), x[:-1]])


class SecondsWeights(Deep):
    def cell(self, layer, way):
        return super().cell(min(layer, 1), way)


class OneLayerLess(Deep):
    def forward(self, x, state=None):
        cells = self.cells
        if len(cells) > self.ways:
            self.cells = cells[: -self.ways]
        y, (h, c) = super().forward(x, state)
        self.cells = cells
        last = torch.zeros_like(h[: len(cells) - len(h)])
        return y, (torch.cat([h, last]), torch.cat([c, last]))


class ReturnsTheLast(Deep):
    def returned(self, ends):
        return super().returned([ends[k % self.ways - self.ways] for k in range(len(ends))])


class ForwardHalf(Deep):
    def between(self, x, inputs, first):
        if self.ways == 1:
            return x
        one, other = x.chunk(2, -1)
        return torch.cat([one, torch.zeros_like(other)], -1)


class NotTurnedBack(Deep):
    def one_way(self, cell, x, h, c, back):
        y, end = super().one_way(cell, x, h, c, back)
        return (y.flip(0) if back else y), end


class ForwardTwice(Deep):
    def one_way(self, cell, x, h, c, back):
        return super().one_way(cell, x, h, c, False)


class WrongEnd(Deep):
    def one_way(self, cell, x, h, c, back):
        y, end = super().one_way(cell, x, h, c, back)
        return y, (super().one_way(cell, x[-1:], h, c, back)[1] if back else end)


class SharedWeights(Deep):
    def cell(self, layer, way):
        return super().cell(layer, 0)


class Exchanged(Deep):
    """Each direction starts from the other one's state."""

    def given(self, state, layer, way):
        return super().given(state, layer, self.ways - 1 - way)


class LastStepOfBoth(LastAlone):
    def shown(self, y):
        return y[:, -1]


class CellsReversed(Deep):
    def returned(self, ends):
        h, c = super().returned(ends)
        return h, c.flip(0)


class OffByLayer(Deep):
    """Finds a direction's state at layer + direction."""

    def given(self, state, layer, way):
        return state[0][layer + way], state[1][layer + way]


class NarrowForward(Deep):
    """Only the forward direction of a layer is read by the next."""

    def width(self, hidden_size):
        return hidden_size

    def between(self, x, inputs, first):
        return x[..., : self.hidden_size]


class LooseLayers(nn.Module):
    """The cells above the first are in a list, of which PyTorch knows nothing."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.first = nn.LSTMCell(input_size, hidden_size)
        self.others = [nn.LSTMCell(hidden_size, hidden_size) for _ in range(num_layers - 1)]

    def forward(self, x):
        for cell in (self.first, *self.others):
            x = over(cell, x)
        return x


class OneCell(nn.Module):
    """However many layers are wanted, there is one cell from the second on."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.first = nn.LSTMCell(input_size, hidden_size)
        self.rest = nn.LSTMCell(hidden_size, hidden_size) if num_layers > 1 else None
        self.num_layers = num_layers

    def forward(self, x):
        for layer in range(self.num_layers):
            cell = self.rest if layer else self.first
            x = over(cell, x)
        return x


class MisnamedDirections(nn.LSTM):
    """Has nn.LSTM's names, and uses the forward direction's weights for the backward one."""

    def forward(self, x, state=None):
        if not self.bidirectional:
            return super().forward(x, state)
        y, (h, c) = super().forward(x.flip(0), state and [self.turned(s) for s in state])
        one, other = y.flip(0).chunk(2, -1)
        return torch.cat([other, one], -1), (self.turned(h), self.turned(c))

    def turned(self, states):
        return states.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)


class NotScaled(Dropping):
    def between(self, x, inputs, first):
        return x * (torch.rand_like(x) >= self.p) if self.training else x


class ScaledDown(Dropping):
    def between(self, x, inputs, first):
        return x * (torch.rand_like(x) >= self.p) * (1 - self.p) if self.training else x


class Keeps(Dropping):
    def between(self, x, inputs, first):
        return nn.functional.dropout(x, 1 - self.p if self.p else 0.0, self.training)


class AfterTheLast(Dropping):
    def forward(self, x, state=None):
        y, state = super().forward(x, state)
        return nn.functional.dropout(y, self.p, self.training), state

    def between(self, x, inputs, first):
        return x


class AfterEvery(Dropping):
    def joined(self, outputs):
        if len(self.cells) == 1:
            return outputs[0]
        return nn.functional.dropout(outputs[0], self.p, self.training)

    def between(self, x, inputs, first):
        return x


class OnesForAllRows(Dropping):
    def between(self, x, inputs, first):
        return x * nn.functional.dropout(torch.ones_like(x[:, :1]), self.p, self.training)


class OnTheInput(Dropping):
    def forward(self, x, state=None):
        if len(self.cells) > 1:
            x = nn.functional.dropout(x, self.p, self.training)
        return super().forward(x, state)

    def between(self, x, inputs, first):
        return x


class HalfAsOften(Dropping):
    def between(self, x, inputs, first):
        if not self.training:
            return x
        drop = (torch.rand_like(x) < self.p) & (torch.rand_like(x) < 0.6)
        return x * ~drop / (1 - self.p)


WRONG = {
    "NotScaled": "what is left between the layers is not scaled",
    "ScaledDown": "is multiplied by 1 - p",
    "Keeps": "p is taken for the share that is kept",
    "AfterTheLast": "dropout acts after the last layer, not between",
    "AfterEvery": "dropout acts after the last layer too",
    "OnesForAllRows": "the same units are dropped in every sequence",
    "OnTheInput": "what the second layer reads is not the first layer's output",
    "HalfAsOften": "of the entries where p is 25%",
    "FirstsState": "starts from the state given for the first layer",
    "NoStateFromTheThirdOn": "the third layer starts from zeros",
    "GoesOnFromBelow": "starts from the state in which the layer below ended",
    "BackwardGoesOn": "starts from the state in which the forward direction ended",
    "OneStateForAll": "all layers go on from one and the same state",
    "Residual": "a residual connection between layers",
    "Tanh": "through tanh",
    "CutBetween": "cuts back-propagation",
    "LastOutputs": "reads the last output of the layer below at every step",
    "OneStepLate": "one step earlier",
    "SecondsWeights": "the third layer uses the weights of the layer below",
    "OneLayerLess": "the last layer is not run",
    "ReturnsTheLast": "the last layer's state is returned for every layer",
    "ForwardHalf": "reads the forward direction of the layer below alone",
    "NotTurnedBack": "outputs are not turned back in time",
    "ForwardTwice": "reads the sequence from the first step to the last, like the forward one",
    "WrongEnd": "returned state is that after its first step",
    "SharedWeights": "both directions use the forward direction's weights",
    "Exchanged": "each direction starts from the state that the other returns",
    "LastStepOfBoth": "which has seen that step alone",
    "CellsReversed": "lists the layers first to last, the cell state the layers last first",
    "OffByLayer": "the second layer's forward direction starts from the state that is returned for "
    "the first layer's backward direction",
    "NarrowForward": "the second layer reads the forward direction of the layer below alone",
    "LooseLayers": "is not a registered parameter",
    "OneCell": "it has the parameters of 2 layers, where 3 were asked for",
    "MisnamedDirections": "belongs to layer 0, in the backward direction",
}
