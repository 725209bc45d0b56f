"""Thin modules around torch's own LSTMs, and one of torch's others."""

import torch
from torch import nn


class Encoder(nn.Module):
    """nn.LSTM behind a batch-first face; hands its state through."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(self, x, hidden=None):
        return self.lstm(x, hidden)


class Tagger(nn.Module):
    """nn.LSTM and a Linear to another width; state out but none in."""

    def __init__(self, input_dim, hidden_dim, num_classes=6):
        super().__init__()
        self.rnn = nn.LSTM(input_dim, hidden_dim)
        self.head = nn.Linear(hidden_dim, num_classes)

    def forward(self, x):
        out, (hn, cn) = self.rnn(x)
        return self.head(out), (hn, cn)


class ExtractOutput(nn.Module):
    """For nn.Sequential: only the output goes on."""

    def __init__(self, input_size, hidden_size, **kwargs):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True, **kwargs)

    def forward(self, x):
        return self.lstm(x)[0]


class CellLoop(nn.Module):
    """nn.LSTMCell in a loop, hx and cx by keyword."""

    def __init__(self, embedding_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.lstm_cell = nn.LSTMCell(embedding_dim, hidden_dim)

    def forward(self, embedded, *, hx=None, cx=None):
        if hx is None:
            hx = embedded.new_zeros(embedded.size(0), self.hidden_dim)
        if cx is None:
            cx = embedded.new_zeros(embedded.size(0), self.hidden_dim)
        output = []
        for i in range(embedded.size(1)):
            hx, cx = self.lstm_cell(embedded[:, i], (hx, cx))
            output.append(hx)
        return torch.stack(output, dim=1), (hx, cx)


class AnyCellLayer(nn.Module):
    """A recurrent layer that is told which cell class to loop over."""

    def __init__(self, input_size, hidden_size, cell_class=nn.LSTMCell, **cell_args):
        super().__init__()
        self.cell = cell_class(input_size, hidden_size, **cell_args)

    def forward(self, input, state=None):
        outputs = []
        for x in input:
            state = self.cell(x, state)
            outputs.append(state[0])
        return torch.stack(outputs), state


class WithLengths(nn.Module):
    """lengths before the state, as speech toolkits have it; packs only when lengths are given."""

    def __init__(self, idim, hdim, dropout=0.0):
        super().__init__()
        self.lstm = nn.LSTM(idim, hdim, batch_first=True)
        self.dropout = nn.Dropout(dropout) if dropout > 0 else nn.Identity()

    def forward(self, xs, ilens=None, prev_states=None):
        if ilens is None:
            ys, states = self.lstm(xs, prev_states)
        else:
            packed = nn.utils.rnn.pack_padded_sequence(
                xs, ilens, batch_first=True, enforce_sorted=False
            )
            packed, states = self.lstm(packed, prev_states)
            ys, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
        return self.dropout(ys), states


class RowsDecoder(nn.Module):
    """The word-language-model example without its embedding: decoded rows and a required pair."""

    def __init__(self, ninp, nhid, nlayers=1):
        super().__init__()
        self.nhid, self.nlayers = nhid, nlayers
        self.rnn = nn.LSTM(ninp, nhid, nlayers)
        self.decoder = nn.Linear(nhid, nhid)

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        return (
            weight.new_zeros(self.nlayers, bsz, self.nhid),
            weight.new_zeros(self.nlayers, bsz, self.nhid),
        )

    def forward(self, input, hidden):
        output, hidden = self.rnn(input, hidden)
        decoded = self.decoder(output)
        return decoded.view(-1, decoded.size(2)), hidden


class StackedStates(nn.LSTM):
    """A subclass that changes the state's form only: one tensor (2, layers, batch, hidden)."""

    def forward(self, input, state=None):
        hx = (state[0], state[1]) if state is not None else None
        output, (h, c) = super().forward(input, hx)
        return output, torch.stack([h, c])


class NoBias(nn.Module):
    """Keyword only, nn.LSTM without biases, on a chosen device."""

    def __init__(self, *, input_dim, output_dim, device):
        super().__init__()
        self.core = nn.LSTM(input_dim, output_dim, bias=False, device=device)

    def forward(self, inputs, state=None):
        return self.core(inputs, state)


def quantizable_lstm(input_size, hidden_size):
    """The LSTM of torch.ao that stands ready for quantization."""
    from torch.ao.nn.quantizable import LSTM

    return LSTM(input_size, hidden_size)
