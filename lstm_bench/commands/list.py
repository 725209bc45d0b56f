"""``lstm-bench list``: what there is to run."""

from __future__ import annotations

import json
from typing import Any

import click

from lstm_bench.commands.options import options_of
from lstm_bench.plain import plain


@click.command("list")
@options_of("list")
def list_(as_json: bool) -> None:
    """Show implementations (available here, or why not), presets and devices.

    What is listed here is what `run`, `train` and `check` take by name. Beside the names, `run`
    and `check` take anybody's class or factory: package.module:Class or path/to/file.py:Class.
    """
    found = _found()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.echo("Implementations (--impl)")
    for name, impl in found["implementations"].items():
        click.echo(plain(f"  {name:16} {impl['unavailable'] or impl['summary']}"))
    click.echo("  or package.module:Class, or path/to/file.py:Class")
    click.echo("\nPresets (--preset), single layer and one direction so far")
    for name, preset in found["presets"].items():
        click.echo(f"  {name:16} {preset['cells']:3} cells  {preset['source']}")
    click.echo("\nDevices (--device)")
    for name, note in found["devices"].items():
        click.echo(f"  {name:16} {note}")


def _found() -> dict[str, dict[str, Any]]:
    import torch

    from impls.registry import implementations
    from lstm_bench.measure.workloads import PRESETS

    gpu = torch.cuda.is_available()
    return {
        "implementations": {
            name: {"summary": impl.summary, "unavailable": _why(impl.unavailable())}
            for name, impl in implementations().items()
        },
        "presets": {
            name: {"cells": len(preset.workloads), "source": preset.source}
            for name, preset in PRESETS.items()
        },
        "devices": {
            "cpu": f"available, {torch.get_num_threads()} threads",
            "cuda": torch.cuda.get_device_name() if gpu else "not available: no CUDA device",
        },
    }


def _why(reason: str | None) -> str | None:
    return None if reason is None else f"not available: {reason}"
