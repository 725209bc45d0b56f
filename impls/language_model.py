"""The documented character model: one-hot ids → a recurrent layer → logits over the vocabulary.

It takes the layers of this package and torch's own ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN``
(several layers and two directions included), and differs from the documented listing in three
places, where the listing is wrong:

1. The listing feeds every layer (T, B, V). A layer that reads (B, T, I) then runs its
   recurrence over the batch, without a word. Here the layer gets the layout that it reads.
2. The listing's ``begin_state`` asks for ``rnn.num_layers``, which the documented layer does
   not have, and would hand it one tensor where it needs a pair. Here the layer's own
   ``init_state`` is asked where there is one.
3. The listing's states are float32 on the CPU. Here they follow the parameters.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AnyState: TypeAlias = Any
"""(h, c) for an LSTM, one tensor for ``nn.GRU`` and ``nn.RNN``: whatever the layer takes."""


class RNNModel(nn.Module):
    """Token ids (B, T) → logits (T·B, V) in time-major rows, and the new state.

    rnn_layer: a layer with ``input_size == vocab_size``.
    """

    def __init__(self, rnn_layer: nn.Module, vocab_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rnn = rnn_layer
        self.vocab_size = vocab_size
        self.num_hiddens: int = rnn_layer.hidden_size  # type: ignore[assignment]
        self.num_directions = 2 if getattr(rnn_layer, "bidirectional", False) else 1
        if rnn_layer.input_size != vocab_size:
            raise ValueError(
                f"rnn_layer: expected input_size {vocab_size} (one-hot ids), "
                f"got {rnn_layer.input_size}"
            )
        self.linear = nn.Linear(self.num_hiddens * self.num_directions, vocab_size)

    def forward(self, inputs: Tensor, state: AnyState = None) -> tuple[Tensor, AnyState]:
        """inputs: integer ids (B, T). state: as `begin_state` returns it; zeros where None."""
        one_hot = F.one_hot(inputs.long(), self.vocab_size).to(
            self.linear.weight.dtype
        )  # (B, T, V)
        if isinstance(self.rnn, nn.RNNBase):
            hidden, state = self._run_torch_layer(one_hot, state)
        else:
            hidden, state = self.rnn(one_hot, state)  # (T·B, H), time-major already
        return self.linear(hidden), state

    def _run_torch_layer(self, one_hot: Tensor, state: AnyState) -> tuple[Tensor, AnyState]:
        batch_first = bool(self.rnn.batch_first)
        hidden, state = self.rnn(one_hot if batch_first else one_hot.transpose(0, 1), state)
        if batch_first:
            hidden = hidden.transpose(0, 1)  # (T, B, D·H)
        return hidden.reshape(-1, hidden.shape[-1]), state

    def begin_state(
        self, device: torch.device | str | None = None, batch_size: int = 1
    ) -> AnyState:
        """Zeros in the form that the layer takes, on ``device`` (default: the parameters').

        torch's layers: (layers · directions, B, H), a pair of them for ``nn.LSTM``.
        Layers of this package: their own ``init_state``, a pair (B, H).
        """
        if not isinstance(self.rnn, nn.RNNBase):
            state = self.rnn.init_state(batch_size)  # type: ignore[operator]
            return tuple(part.to(device or part.device) for part in state)
        weight = self.linear.weight
        h = torch.zeros(
            self.num_directions * self.rnn.num_layers,
            batch_size,
            self.num_hiddens,
            device=device or weight.device,
            dtype=weight.dtype,
        )
        return (h, torch.zeros_like(h)) if isinstance(self.rnn, nn.LSTM) else h
