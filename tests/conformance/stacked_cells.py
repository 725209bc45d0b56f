"""Several cells, one on the other, that take one step: right ones and with one mistake each."""

import torch
from torch import nn


class ListOfPairs(nn.Module):
    """[(h, c), …], a pair for each layer."""

    def __init__(self, input_size, hidden_size, num_layers=2):
        super().__init__()
        self.cells = nn.ModuleList(
            nn.LSTMCell(hidden_size if layer else input_size, hidden_size)
            for layer in range(num_layers)
        )

    def given(self, states, layer, ends):
        return states[layer]

    def forward(self, x, states):
        ends = []
        for layer, cell in enumerate(self.cells):
            x, c = cell(x, self.given(states, layer, ends))
            ends.append((x, c))
        return x, ends


class OneTensorEach(ListOfPairs):
    """(h, c), (layers, B, H) each."""

    def given(self, states, layer, ends):
        return states[0][layer], states[1][layer]

    def forward(self, x, states):
        y, ends = super().forward(x, states)
        return y, self.returned(*(torch.stack(parts) for parts in zip(*ends, strict=True)))

    def returned(self, h, c):
        return h, c


class StatesAlone(ListOfPairs):
    """Lists of states go in and come out, and nothing else."""

    def given(self, states, layer, ends):
        return states[0][layer], states[1][layer]

    def forward(self, x, hs, cs):
        _, ends = super().forward(x, (hs, cs))
        return [h for h, _ in ends], [c for _, c in ends]


class FirstStateForAll(ListOfPairs):
    def given(self, states, layer, ends):
        return states[0]


class StateOfTheLayerBelow(ListOfPairs):
    def given(self, states, layer, ends):
        return ends[-1] if ends else states[0]


class HiddenLastFirst(OneTensorEach):
    def returned(self, h, c):
        return h.flip(0), c


RIGHT = ("ListOfPairs", "OneTensorEach", "StatesAlone")

WRONG = {
    "FirstStateForAll": "starts from the state given for the first layer",
    "StateOfTheLayerBelow": "starts from the state in which the layer below ended",
    "HiddenLastFirst": "the returned hidden state lists the layers last first",
}
