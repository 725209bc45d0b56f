"""One self-contained HTML page: it refers to nothing outside, and can be read without script."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lstm_bench.report.document import Document, word_class
from lstm_bench.report.figures.svg import unique_ids

SPELT = {"cpu": "CPU", "gpu": "GPU", "gib": "GiB", "tf32": "TF32", "cudnn": "cuDNN"}


def page(document: Document) -> str:
    """The document as HTML."""
    environment = Environment(
        loader=PackageLoader("lstm_bench.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["word_class"] = word_class
    figures = [f for section in document.sections for f in section.figures]
    drawn = {id(f): unique_ids(f.svg, f"f{number}-") for number, f in enumerate(figures)}
    return environment.get_template("page.html.j2").render(
        d=document,
        svg_of=lambda figure: drawn[id(figure)],
        facts=[
            (" ".join(SPELT.get(word, word) for word in name.split("_")), _text(value))
            for name, value in document.facts.items()
            if value not in (None, {}, "")
        ],
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={held}" for name, held in value.items())
    return str(value)
