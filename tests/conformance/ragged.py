"""LSTMs that are told which steps count, right in many forms, and with one mistake each."""

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class Masked(nn.Module):
    """Batch first; mask (B, T) is 1 where a step counts. Changed by those below."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.hidden_size, self.ways = hidden_size, 1 + bidirectional
        wide = [input_size] + [self.ways * hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(
            nn.LSTMCell(w, hidden_size) for w in wide for _ in range(self.ways)
        )

    def counts(self, mask, layer, way):
        return mask

    def beyond(self, old, new):
        """The state after a step that does not count."""
        return old

    def before(self, state, mask, first, layer):
        return state

    def after(self, state, mask):
        return state

    def one_way(self, cell, x, state, mask, back, layer=0):
        outputs, first = [None] * x.shape[1], state
        steps = range(x.shape[1])
        for t in reversed(steps) if back else steps:
            state = self.before(state, mask[:, t, None], first, layer)
            new = cell(x[:, t], state)
            held = self.beyond(state, new)
            m = self.counts(mask, layer, back)[:, t, None].bool()
            state = tuple(torch.where(m, n, o) for n, o in zip(new, held, strict=True))
            state = self.after(state, mask[:, t, None])
            outputs[t] = self.shown(new[0], m)
        return torch.stack(outputs, 1), state

    def shown(self, h, m):
        return h * m

    def run(self, x, state, mask):
        ends = []
        for layer in range(len(self.cells) // self.ways):
            outputs = []
            for way in range(self.ways):
                k = layer * self.ways + way
                y, end = self.one_way(
                    self.cells[k], x, (state[0][k], state[1][k]), mask, way == 1, layer
                )
                outputs.append(y)
                ends.append(end)
            x = torch.cat(outputs, -1)
        return x, tuple(torch.stack(parts) for parts in zip(*ends, strict=True))

    def zeros(self, x):
        return x.new_zeros(2, len(self.cells), len(x), self.hidden_size).unbind(0)

    def forward(self, x, state=None, mask=None):
        mask = torch.ones(x.shape[:2]) if mask is None else mask
        return self.run(x, state or self.zeros(x), mask)


# -- right ---------------------------------------------------------------------------------------


class TimeFirst(Masked):
    """A mask (T, B, 1)."""

    def forward(self, x, state=None, mask=None):
        mask = None if mask is None else mask.squeeze(-1).T
        y, state = super().forward(x.transpose(0, 1), state, mask)
        return y.transpose(0, 1), state


class PaddingIsOne(Masked):
    def forward(self, x, state=None, padding=None):
        return super().forward(x, state, None if padding is None else ~padding.bool())


class BoolAlone(Masked):
    def forward(self, x, state=None, valid=None):
        if valid is not None and valid.dtype != torch.bool:
            raise TypeError("valid is a mask of bools")
        return super().forward(x, state, valid)


class HeldOutputs(Masked):
    def one_way(self, cell, x, state, mask, back, layer=0):
        y, end = super().one_way(cell, x, state, mask, back, layer)
        last = y[:, 0]
        steps = [
            last := torch.where(mask[:, t, None].bool(), y[:, t], last) for t in range(y.shape[1])
        ]
        return (y if back else torch.stack(steps, 1)), end


class Lengths(Masked):
    """Lengths as a tensor; batch first."""

    def mask(self, x, lengths):
        return torch.arange(x.shape[1])[None] < torch.as_tensor(lengths)[:, None]

    def forward(self, x, state=None, lengths=None):
        return super().forward(x, state, None if lengths is None else self.mask(x, lengths))


class ListOfLengths(Lengths):
    def forward(self, x, state=None, lengths=None):
        if isinstance(lengths, torch.Tensor):
            raise TypeError("a list, please")
        return super().forward(x, state, lengths)


class LengthsRequired(Lengths):
    def forward(self, x, lengths, state=None):
        return super().forward(x, state, lengths)


class AllRequired(Lengths):
    def forward(self, x, lengths, state):
        return super().forward(x, state, lengths)


class LastOutput(Lengths):
    """The output of each sequence's last step alone."""

    def forward(self, x, lengths=None):
        (h, _) = super().forward(x, None, lengths)[1]
        return torch.cat(list(h[-self.ways :]), -1)


class ByTorch(nn.Module):
    """Packed inside; lengths are required."""

    sorted = False

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, bidirectional=bidirectional)

    def forward(self, x, lengths, state=None):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=self.sorted)
        y, state = self.lstm(packed, state)
        return pad_packed_sequence(y)[0], state


class SortedFirst(ByTorch):
    sorted = True


class Packed(Masked):
    """x comes packed, and so does the output."""

    def forward(self, x, state=None):
        x, lengths = pad_packed_sequence(x, batch_first=True)
        mask = torch.arange(x.shape[1])[None] < lengths[:, None]
        y, state = self.run(x, state or self.zeros(x), mask)
        return pack_padded_sequence(y, lengths, batch_first=True, enforce_sorted=False), state


class PackedOrNot(Packed):
    """The output is padded either way."""

    def forward(self, x, state=None):
        if not isinstance(x, PackedSequence):
            return self.run(x, state or self.zeros(x), x.new_ones(x.shape[:2]))
        y, state = super().forward(x, state)
        return pad_packed_sequence(y, batch_first=True)[0], state


class Anew(Masked):
    """is_init (B, T): before a step marked so the state is set back to zeros."""

    def set_back(self, state, marked, first):
        return tuple(s * ~marked for s in state)

    def before(self, state, mask, first, layer):
        return self.set_back(state, mask.bool(), first)

    def counts(self, mask, layer, way):
        return torch.ones_like(mask)

    def forward(self, x, state=None, is_init=None):
        is_init = torch.zeros(x.shape[:2]) if is_init is None else is_init
        return self.run(x, state or self.zeros(x), is_init)


class GoesOn(Anew):
    """masks are 0 where the state starts anew, as the recurrent policies of many have them."""

    def forward(self, x, state=None, masks=None):
        return super().forward(x, state, None if masks is None else 1 - masks.float())


RIGHT = (
    "Masked", "TimeFirst", "PaddingIsOne", "BoolAlone", "HeldOutputs", "Lengths",
    "ListOfLengths", "LengthsRequired", "AllRequired", "LastOutput", "ByTorch", "SortedFirst",
    "Packed", "PackedOrNot", "Anew", "GoesOn",
)  # fmt: skip


# -- wrong ---------------------------------------------------------------------------------------


class RunsOn(Masked):
    def beyond(self, old, new):
        return new


class HiddenHeld(Masked):
    def beyond(self, old, new):
        return old[0], new[1]


class CellHeld(Masked):
    def beyond(self, old, new):
        return new[0], old[1]


class Zeroed(Masked):
    def beyond(self, old, new):
        return 0 * old[0], 0 * old[1]


class HiddenZeroed(Masked):
    def beyond(self, old, new):
        return 0 * old[0], old[1]


class CellZeroed(Masked):
    def beyond(self, old, new):
        return old[0], 0 * old[1]


class FirstLayerAlone(Masked):
    def counts(self, mask, layer, way):
        return mask if layer == 0 else torch.ones_like(mask)


class LastLayerAlone(Masked):
    def counts(self, mask, layer, way):
        return mask if layer == len(self.cells) // self.ways - 1 else torch.ones_like(mask)


class BackwardInThePadding(Masked):
    def counts(self, mask, layer, way):
        return torch.ones_like(mask) if way else mask


class BackwardInverted(Masked):
    def one_way(self, cell, x, state, mask, back, layer=0):
        if not back or mask.all():
            return super().one_way(cell, x, state, mask, back, layer)
        outputs = []
        for t in reversed(range(x.shape[1])):
            new, here = cell(x[:, t], state), mask[:, t, None].bool()
            state = tuple(torch.where(here, o, n) for n, o in zip(new, state, strict=True))
            outputs.append(state[0])
        return torch.stack(outputs[::-1], 1), state


class ShowsPadding(Masked):
    """What stands in the padding is seen in the output there."""

    def shown(self, h, m):
        return h


class Gathered(Lengths):
    """All steps are run, and the states picked afterwards."""

    def at(self, lengths, steps):
        return lengths - 1

    def one_way(self, cell, x, state, mask, back, layer=0):
        if back or mask.all():
            return super().one_way(cell, x, state, mask, back, layer)
        outputs, states = [], []
        for t in range(x.shape[1]):
            state = cell(x[:, t], state)
            states.append(torch.stack(state))
            outputs.append(state[0] * mask[:, t, None])
        places = self.at(mask.sum(1).long(), x.shape[1])
        end = torch.stack(states)[places, :, torch.arange(len(x))]
        return torch.stack(outputs, 1), tuple(end.unbind(1))


class OneEarly(Gathered):
    def at(self, lengths, steps):
        return (lengths - 2).clamp(min=0)


class OneLate(Gathered):
    def at(self, lengths, steps):
        return lengths.clamp(max=steps - 1)


class Shortest(Gathered):
    def at(self, lengths, steps):
        return (lengths - 1).min().expand_as(lengths)


class FirstRows(Gathered):
    def at(self, lengths, steps):
        return lengths[:1].expand_as(lengths) - 1


class HiddenGathered(Gathered):
    """Of the hidden state alone; the cell state is that of the last step."""

    picks = 0

    def one_way(self, cell, x, state, mask, back, layer=0):
        y, end = super().one_way(cell, x, state, mask, back, layer)
        for t in range(x.shape[1]):
            state = cell(x[:, t], state)
        mixed = list(state)
        mixed[self.picks] = end[self.picks]
        return y, tuple(mixed)


class CellGathered(HiddenGathered):
    picks = 1


class AllAsLongAsTheFirst(Lengths):
    def taken(self, lengths, steps):
        return lengths[:1].expand_as(lengths)

    def mask(self, x, lengths):
        return super().mask(x, self.taken(torch.as_tensor(lengths), x.shape[1]))


class AllAsShortAsTheShortest(AllAsLongAsTheFirst):
    def taken(self, lengths, steps):
        return lengths.min().expand_as(lengths)


class OneLess(AllAsLongAsTheFirst):
    def taken(self, lengths, steps):
        return (lengths - 1).clamp(min=1)


class InputsCleared(RunsOn):
    """x is cleared where a step does not count, and run all the same."""

    def forward(self, x, state=None, mask=None):
        return super().forward(x if mask is None else x * mask[..., None], state, mask)


class Sorted(Lengths):
    """The rows are sorted by length, and put back."""

    def put_back(self, y, state, order):
        back = order.argsort()
        return y[back], tuple(s[:, back] for s in state)

    def along(self, state, order):
        return tuple(s[:, order] for s in state)

    def forward(self, x, state=None, lengths=None):
        if lengths is None:
            return super().forward(x, state)
        order = lengths.argsort(descending=True)
        state = self.along(state or self.zeros(x), order)
        y, state = super().forward(x[order], state, lengths[order])
        return self.put_back(y, state, order)


class NotPutBack(Sorted):
    def put_back(self, y, state, order):
        return y, state


class OutputsNotPutBack(Sorted):
    def put_back(self, y, state, order):
        return y, super().put_back(y, state, order)[1]


class StatesNotPutBack(Sorted):
    def put_back(self, y, state, order):
        return super().put_back(y, state, order)[0], state


class PutBackByTheOrder(Sorted):
    def put_back(self, y, state, order):
        return y[order], tuple(s[:, order] for s in state)


class OutputsByTheOrder(Sorted):
    def put_back(self, y, state, order):
        return y[order], super().put_back(y, state, order)[1]


class StatesByTheOrder(Sorted):
    def put_back(self, y, state, order):
        return super().put_back(y, state, order)[0], tuple(s[:, order] for s in state)


class GivenNotSorted(Sorted):
    def along(self, state, order):
        return state


class GivenSortedTwice(Sorted):
    def along(self, state, order):
        return super().along(super().along(state, order), order)


class After(Anew):
    def before(self, state, mask, first, layer):
        return state

    def after(self, state, mask):
        return tuple(s * ~mask.bool() for s in state)


class HiddenAlone(Anew):
    def set_back(self, state, marked, first):
        return state[0] * ~marked, state[1]


class CellAlone(Anew):
    def set_back(self, state, marked, first):
        return state[0], state[1] * ~marked


class AllRows(Anew):
    def set_back(self, state, marked, first):
        return tuple(s * ~marked.any() for s in state)


class Late(Anew):
    def forward(self, x, state=None, is_init=None):
        if is_init is not None:
            is_init = torch.cat([0 * is_init[:, :1], is_init[:, :-1]], 1)
        return super().forward(x, state, is_init)


class Early(Anew):
    def forward(self, x, state=None, is_init=None):
        if is_init is not None:
            is_init = torch.cat([is_init[:, 1:], 0 * is_init[:, :1]], 1)
        return super().forward(x, state, is_init)


class StartAlone(Anew):
    def forward(self, x, state=None, is_init=None):
        if is_init is not None:
            is_init = torch.cat([is_init[:, :1], 0 * is_init[:, 1:]], 1)
        return super().forward(x, state, is_init)


class GivenBack(Anew):
    def set_back(self, state, marked, first):
        return tuple(torch.where(marked, f, s) for s, f in zip(state, first, strict=True))


class FirstLayerAnew(Anew):
    def before(self, state, mask, first, layer):
        return super().before(state, mask, first, layer) if layer == 0 else state


class LastLayerAnew(Anew):
    def before(self, state, mask, first, layer):
        last = layer == len(self.cells) // self.ways - 1
        return super().before(state, mask, first, layer) if last else state


class Ignored(Lengths):
    def forward(self, x, state=None, lengths=None):
        return super().forward(x, state)


WRONG = {
    "RunsOn": "those of the last step, not of each sequence's last valid one",
    "HiddenHeld": "the hidden state is held and the cell state is not",
    "CellHeld": "the cell state is held and the hidden state is not",
    "Zeroed": "the states are set to zero, so what is returned of a short one is zeros",
    "HiddenZeroed": "the hidden state is set to zero, not held",
    "CellZeroed": "the cell state is set to zero, not held",
    "FirstLayerAlone": "in the first layer alone sequences end where they should",
    "LastLayerAlone": "in the last layer alone sequences end where they should",
    "BackwardInThePadding": "the backward direction starts in the padding",
    "BackwardInverted": "takes the steps that count for padding, and padding for steps that count",
    "OneEarly": "those of the step before each sequence's last valid one",
    "OneLate": "those of the step after each sequence's last valid one",
    "Shortest": "those at the shortest sequence's end",
    "FirstRows": "those at the end of the first sequence",
    "HiddenGathered": "the cell state that of the last step of all",
    "CellGathered": "the hidden state that of the last step of all",
    "AllAsLongAsTheFirst": "all sequences are taken to be as long as the first one",
    "AllAsShortAsTheShortest": "all sequences are taken to be as short as the shortest one",
    "OneLess": "every sequence is taken to be one step shorter than it is",
    "InputsCleared": "are run with zeros for x, and move the states",
    "NotPutBack": "outputs and states come back sorted by length",
    "OutputsNotPutBack": "the outputs come back sorted by length",
    "StatesNotPutBack": "the states come back sorted by length",
    "PutBackByTheOrder": "the order of the rows is restored by the order itself",
    "OutputsByTheOrder": "the order of the outputs' rows is restored by the order itself",
    "StatesByTheOrder": "the order of the states' rows is restored by the order itself",
    "GivenNotSorted": "the given states are not sorted along",
    "GivenSortedTwice": "the given states are taken in another order than the rows",
    "After": "starts anew after a marked step, not before it",
    "HiddenAlone": "the cell state goes on: the hidden state alone is set back",
    "CellAlone": "the hidden state goes on: the cell state alone is set back",
    "AllRows": "where one sequence starts anew, all of the batch do",
    "Late": "starts anew one step after the marked one",
    "Early": "starts anew one step before the marked one",
    "StartAlone": "at the first step alone; marks further on play no part",
    "GivenBack": "it goes back to the given state, not to zeros",
    "FirstLayerAnew": "in the first layer alone the state starts anew",
    "LastLayerAnew": "in the last layer alone the state starts anew",
    "ShowsPadding": "the output beyond a sequence's end moves with what stands in the padding",
    "Ignored": "it has no effect",
}
