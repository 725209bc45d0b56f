"""Workloads: sets of sizes, and the presets that others measure, by name.

Only single-layer, one-directional shapes so far. This file does not import torch, so that
``lstm-bench list`` and ``--help`` stay quick.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

PASSES = ("forward", "forward_train", "backward", "step")
"""Inference mode; graph recorded; backward alone; training forward and backward together."""

WITH_GRADIENTS = frozenset(("backward", "step"))
"""Those whose results are gradients."""

RECORDED = WITH_GRADIENTS | {"forward_train"}
"""Those in which a graph is recorded; it must lead to the right gradients."""


@dataclass(frozen=True)
class Workload:
    """Sizes of one measurement. head: with the output layer on top."""

    batch: int
    steps: int
    input_size: int
    hidden_size: int
    head: bool = True

    @property
    def name(self) -> str:
        head = "" if self.head else "-nohead"
        return f"B{self.batch}-T{self.steps}-I{self.input_size}-H{self.hidden_size}{head}"

    @property
    def forward_flops(self) -> int:
        """2·T·B·4H·(I + H), plus 2·T·B·H·H for the output layer."""
        rows, H = self.steps * self.batch, self.hidden_size
        return 2 * rows * 4 * H * (self.input_size + H) + (2 * rows * H * H if self.head else 0)

    def flops(self, pass_name: str) -> int:
        """Of one pass; a backward costs twice its forward."""
        times = {"forward": 1, "forward_train": 1, "backward": 2, "step": 3}
        return times[pass_name] * self.forward_flops


def grid(
    batches: Iterable[int],
    steps: Iterable[int],
    hidden: Iterable[int],
    inputs: Iterable[int] = (),
    *,
    head: bool = True,
) -> tuple[Workload, ...]:
    """Every combination. Without ``inputs``, I = H."""
    wide = tuple(inputs)
    return tuple(
        Workload(b, t, i, h, head)
        for h, t, b in product(hidden, steps, batches)
        for i in (wide or (h,))
    )


@dataclass(frozen=True)
class Preset:
    """A named set of workloads and where its shapes come from."""

    name: str
    source: str
    workloads: tuple[Workload, ...]


def _haste() -> tuple[Workload, ...]:
    return grid(
        (1, 16, 32, 64, 128),
        (50,),
        (128, 256, 512, 1024, 2048, 4096),
        (64, 128, 256, 512),
        head=False,
    )


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            "this project: six cells, tiny to large, under a minute on two cores",
            (
                Workload(1, 1, 16, 16),
                Workload(1, 35, 28, 64),
                Workload(8, 16, 64, 128),
                Workload(32, 35, 28, 256),
                Workload(64, 10, 256, 256, head=False),
                Workload(16, 25, 512, 512, head=False),
            ),
        ),
        Preset(
            "guard",
            "this project: what a step costs by itself, and a small batch; for `guard`",
            (Workload(1, 8, 32, 32), Workload(16, 8, 64, 64)),
        ),
        Preset(
            "documented",
            "the article's series: characters, 28 symbols",
            (Workload(32, 35, 28, 256),),
        ),
        Preset(
            "fastrnns",
            "pytorch benchmarks/fastrnns/bench.py",
            (Workload(64, 100, 512, 512, head=False),),
        ),
        Preset(
            "deepbench-train",
            "baidu-research/DeepBench code/kernels/rnn_problems.h",
            (
                *grid((16, 32, 64, 128), (25,), (512, 1024, 2048, 4096), head=False),
                *grid((8, 16, 32), (50,), (1536,), head=False),
                *grid((16, 32, 64), (150,), (256,), head=False),
            ),
        ),
        Preset(
            "deepbench-infer",
            "baidu-research/DeepBench code/kernels/rnn_problems.h",
            (
                *grid((1, 2, 4), (25,), (512, 1024, 2048), head=False),
                *grid((1, 2, 4), (50,), (1536,), head=False),
                *grid((1, 2, 4), (150,), (256,), head=False),
            ),
        ),
        Preset(
            "stefbraun",
            "stefbraun/rnn_benchmarks",
            (Workload(64, 100, 123, 320, False), Workload(32, 1000, 123, 320, False)),
        ),
        Preset(
            "flashrnn",
            "NX-AI/flashrnn",
            (
                *grid((2, 4, 8, 16, 32, 64, 128, 256), (1024,), (768,), head=False),
                *grid((16,), (256, 512, 2048), (768,), head=False),
            ),
        ),
        Preset("haste-grid", "lmnt-com/haste", _haste()),
        Preset(
            "cpu-mkldnn",
            "oneDNN rnn inputs; pytorch#26387",
            (
                Workload(64, 50, 500, 500, False),
                Workload(1, 1, 250, 200, False),
                Workload(1, 15, 250, 200, False),
            ),
        ),
        Preset(
            "edge",
            "small and odd sizes, after oneDNN's benchdnn",
            (
                Workload(1, 1, 3, 1, False),
                Workload(1, 2, 1, 3, False),
                Workload(2, 1, 16, 17, False),
                Workload(2, 2, 32, 34, False),
                Workload(1, 2, 127, 129, False),
                Workload(2, 1, 257, 127, False),
            ),
        ),
    )
}
