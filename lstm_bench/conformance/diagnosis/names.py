"""Parameters called as nn.LSTM calls its own promise nn.LSTM's meaning. Is it kept?

Checkpoints travel by name. A module whose parameters have nn.LSTM's names and shapes loads
nn.LSTM's checkpoints without a word, and must then give nn.LSTM's results.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from impls.parameters import Parameters
from lstm_bench.conformance.diagnosis.match import explaining
from lstm_bench.conformance.diagnosis.scenes import PLAIN, play
from lstm_bench.conformance.problem import pose
from lstm_bench.subject import Instance, Subject

TORCH_ORDER = [0, 1, 3, 2]
"""Where the gates i, f, o, a stand in nn.LSTM's tensors (i, f, candidate, o)."""

_NAME = re.compile(r"^(?P<prefix>.*\.)?(?P<kind>weight|bias)_(?P<side>ih|hh)(_l0)?$")


def promised(instance: Instance) -> Parameters | None:
    """The canonical parameters by nn.LSTM's names; None where the names are others."""
    if not isinstance(instance.module, torch.nn.Module):
        return None
    found: dict[str, Tensor] = {}
    for name, tensor in instance.module.named_parameters():
        match = _NAME.match(name)
        if not match:
            return None  # one bias called otherwise, say: no checkpoint of nn.LSTM's fits
        found[f"{match['kind']}_{match['side']}"] = tensor.detach()
    if not _has_torch_shapes(found, instance.input_size, instance.hidden_size):
        return None
    I, H = instance.input_size, instance.hidden_size  # noqa: E741
    W = found["weight_ih"].reshape(4, H, I).transpose(1, 2)[TORCH_ORDER]
    U = found["weight_hh"].reshape(4, H, H).transpose(1, 2)[TORCH_ORDER]
    biases = [found[n].reshape(4, H)[TORCH_ORDER] for n in ("bias_ih", "bias_hh") if n in found]
    b = sum(biases, torch.zeros(4, H, dtype=W.dtype))
    return Parameters(W.contiguous(), U.contiguous(), b)


def _has_torch_shapes(found: Mapping[str, Tensor], input_size: int, hidden_size: int) -> bool:
    shapes = {
        "weight_ih": (4 * hidden_size, input_size),
        "weight_hh": (4 * hidden_size, hidden_size),
        "bias_ih": (4 * hidden_size,),
        "bias_hh": (4 * hidden_size,),
    }
    weights = {"weight_ih", "weight_hh"}
    return set(found) in (weights, set(shapes)) and all(
        tuple(tensor.shape) == shapes[name] for name, tensor in found.items()
    )


def broken_promise(subject: Subject) -> list[str]:
    """Where names are nn.LSTM's and results are not: which meaning the parameters have."""
    instance = subject.build(PLAIN.input_size, PLAIN.hidden_size, dtype=subject.dtype)
    pose(instance, batch=1, steps=1, seed=17, dtype=subject.dtype)
    if promised(instance) is None or instance.head_size is not None:
        return []
    played = play(subject, PLAIN)
    if played is None or played.error:
        return []
    pose(instance, batch=3, steps=7, seed=17, dtype=subject.dtype)  # what play() loaded
    parameters = promised(instance)
    assert parameters is not None
    by_name = replace(played, problem=replace(played.problem, parameters=parameters))
    if by_name.fine:
        return []
    told = "the parameters have nn.LSTM's names and shapes but not their meaning"
    found = explaining(by_name)
    if found is None:
        return [told]
    return [f"{told}: read as nn.LSTM reads them, {found.sentence}"]
