"""The documented listing's three defects, re-created in a few lines to show that they are seen.

1. `FeedsTimeMajor`: every layer gets (T, B, V), those too that read (B, T, I).
2. `AsksForLayers`: ``begin_state`` reads ``rnn.num_layers`` and makes a pair for nn.LSTM only.
3. `PlainZeros`: the layer's ``init_state`` makes float32 zeros on the CPU, whatever the weights.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impls.documented_loop import DocumentedLoop
from impls.language_model import RNNModel


class FeedsTimeMajor(RNNModel):
    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        one_hot = F.one_hot(inputs.T, self.vocab_size).to(self.linear.weight.dtype)  # (T, B, V)
        hidden, state = self.rnn(one_hot, state)
        return self.linear(hidden.reshape(-1, hidden.shape[-1])), state


class AsksForLayers(RNNModel):
    def begin_state(self, device: Any = None, batch_size: int = 1) -> Any:
        shape = (self.num_directions * self.rnn.num_layers, batch_size, self.num_hiddens)
        zeros = torch.zeros(shape, device=device)
        return (zeros, zeros.clone()) if isinstance(self.rnn, nn.LSTM) else zeros


class PlainZeros(DocumentedLoop):
    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        zeros = torch.zeros(batch_size, self.hidden_size)
        return zeros, zeros.clone()
