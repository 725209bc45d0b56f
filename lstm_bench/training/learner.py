"""One implementation learning a text: truncated back-propagation through time, one update each.

The weights that are trained are the *canonical* ones (:class:`impls.parameters.Parameters`),
not the layer's own tensors. Each update reads the layer's gradients in canonical form, clips
and steps there, and loads the result. An optimiser on the layer's own tensors would not train
the same thing everywhere: ``nn.LSTM`` stores two biases that act as their sum, so each of them
would take the step, and the gradient's norm would count the bias twice.

The optimiser is stochastic gradient descent with Nesterov momentum, after clipping the norm of
the whole gradient. Plain gradient descent is what the documented series trains with; momentum
makes a few hundred updates enough. Adam is left out on purpose: it divides each gradient by its
own size, so where a gradient is nearly zero its rounding error becomes a full step, and curves
would part for no implementation's fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impls.language_model import AnyState, RNNModel
from impls.parameters import CanonicalParameters, Parameters, Tensors, standard_normal, uniform
from lstm_bench.conformance import reference
from lstm_bench.training.text import Batch, Batches, perplexity

INITIALISATIONS = {"uniform": uniform, "documented": standard_normal}


@dataclass(frozen=True)
class Recipe:
    """How everybody is trained. Sizes: the ``documented`` workload's."""

    hidden: int = 256
    batch: int = 32
    steps: int = 35
    learning_rate: float = 1.0
    momentum: float = 0.9
    clip: float = 0.15
    init: str = "uniform"
    seed: int = 0


@dataclass
class Curve:
    """One entry an update: its loss in nats a character, and the seconds of learning so far."""

    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.losses)

    def append(self, loss: float, seconds: float) -> None:
        self.losses.append(loss)
        self.seconds.append(seconds + (self.seconds[-1] if self.seconds else 0.0))


class Learner:
    """A layer inside the language model, its canonical weights, its optimiser and its curve."""

    def __init__(
        self,
        name: str,
        factory: Callable[..., Any],
        vocabulary_size: int,
        recipe: Recipe,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        nudged: bool = False,
    ) -> None:
        """nudged: start with every weight of the layer one unit in the last place aside."""
        self.name = name
        self.device = torch.device(device)
        self.curve = Curve()
        self.layer = factory(vocabulary_size, recipe.hidden, head=True).to(device, dtype)
        self.model = RNNModel(self.layer, vocabulary_size).to(device, dtype)
        # Everybody starts from the same float32 numbers, those who compute in float64 too.
        draw = INITIALISATIONS[recipe.init]
        weights = draw(vocabulary_size, recipe.hidden, seed=recipe.seed)
        if nudged:
            weights = weights.map(_nudge)
        weights = weights.to(device=device, dtype=dtype)
        _initialise(self.model.linear, recipe.seed + 1)
        self._weights = weights.map(nn.Parameter)
        self.layer.load_parameters(self._weights)
        self._trained = [*_fields(self._weights), *self.model.linear.parameters()]
        self._clip = recipe.clip
        self._optimiser = torch.optim.SGD(
            self._trained,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
        )
        self._state: AnyState = None

    def update(self, batch: Batch) -> float:
        """One forward, backward and step on a batch. Returns the loss before the step."""
        if batch.fresh:
            self._state = self.model.begin_state(self.device, len(batch.inputs))
        inputs, targets = batch.inputs.to(self.device), batch.targets.to(self.device)
        self.model.zero_grad()
        logits, state = self.model(inputs, self._state)  # (T·B, V)
        loss = F.cross_entropy(logits, targets)
        loss.backward()  # type: ignore[no-untyped-call]
        # The state is carried over, its history is not: that is the truncation.
        self._state = tuple(part.detach() for part in state)
        self._step()
        return loss.item()

    def _step(self) -> None:
        gradients = _fields(self.layer.read_gradients())
        for weight, gradient in zip(self._trained, gradients, strict=False):
            weight.grad = gradient  # the model's own linear layer, at the end, has its gradients
        nn.utils.clip_grad_norm_(self._trained, self._clip)
        self._optimiser.step()
        self.layer.load_parameters(self._weights)

    @torch.no_grad()
    def held_out_perplexity(self, batches: Batches, batch_size: int) -> float:
        """Exp of the mean loss over one pass through ``batches``, from the zero state on."""
        state = self.model.begin_state(self.device, batch_size)
        losses = []
        for number in range(batches.per_pass):
            batch = batches[number]
            logits, state = self.model(batch.inputs.to(self.device), state)
            losses.append(F.cross_entropy(logits, batch.targets.to(self.device)).item())
        return perplexity(sum(losses) / len(losses))

    @torch.no_grad()
    def continue_text(self, prefix: Tensor, length: int, temperature: float, seed: int) -> Tensor:
        """``length`` ids drawn one by one after ``prefix`` (N,); lower temperature, safer text."""
        generator = torch.Generator().manual_seed(seed)
        state = self.model.begin_state(self.device, 1)
        drawn, ids = [], prefix.view(1, -1)
        for _ in range(length):
            logits, state = self.model(ids.to(self.device), state)
            likely = (logits[-1].double().cpu() / temperature).softmax(dim=0)
            ids = torch.multinomial(likely, 1, generator=generator).view(1, 1)
            drawn.append(ids.view(()))
        return torch.stack(drawn) if drawn else prefix[:0]


class ReferenceLayer(CanonicalParameters):
    """The step-by-step reference as a layer, so that the judge trains by the same lines."""

    def __init__(self, input_size: int, hidden_size: int, *, head: bool = True) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.has_head = head
        for name, value in self.pack(uniform(input_size, hidden_size, seed=0, head=head)).items():
            self.register_parameter(name, nn.Parameter(value))

    def init_state(self, batch_size: int) -> reference.State:
        zeros = next(self.parameters()).new_zeros(batch_size, self.hidden_size)
        return zeros, zeros.clone()

    def forward(
        self, inputs: Tensor, states: reference.State | None = None
    ) -> tuple[Tensor, reference.State]:
        trace = reference.run(self.unpack(dict(self.named_parameters())), inputs, states)
        assert trace.y is not None
        assert trace.h is not None
        assert trace.c is not None
        return trace.y.transpose(0, 1).flatten(0, 1), (trace.h, trace.c)  # (T·B, H)

    def pack(self, parameters: Parameters) -> Tensors:
        names = ("W", "U", "b", "W_h", "b_h")
        return dict(zip(names, _fields(parameters), strict=False))

    def unpack(self, tensors: Tensors) -> Parameters:
        return Parameters(**tensors)


def _fields(parameters: Parameters) -> list[Tensor]:
    return [parameters.W, parameters.U, parameters.b, *(parameters.head or ())]


def _nudge(tensor: Tensor) -> Tensor:
    """Every other entry up to the next number, the rest down to the one before."""
    up = torch.arange(tensor.numel()).view(tensor.shape) % 2 == 0
    infinity = torch.full_like(tensor, math.inf)
    return torch.nextafter(tensor, infinity.where(up, -infinity))


@torch.no_grad()
def _initialise(linear: nn.Linear, seed: int) -> None:
    """U(-1/√fan-in, 1/√fan-in), ``nn.Linear``'s own, but from a seed and rounded to float32."""
    generator = torch.Generator().manual_seed(seed)
    bound = 1 / math.sqrt(linear.in_features)
    for parameter in linear.parameters():
        drawn = torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator)
        parameter.copy_(drawn)
