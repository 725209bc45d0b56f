"""The text to learn, as character ids, and the batches in which every implementation sees it.

Without a file of the user's it is the English prose of Python's own language reference, which
every Python carries in ``pydoc_data.topics``: real sentences, and nothing to download.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lstm_bench.errors import UsageError

HELD_OUT = 0.1
"""The share of the text, at its end, that no update sees."""

_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})


@dataclass(frozen=True)
class Corpus:
    """A text as ids. ``vocabulary[id]`` is the character; training and held-out part: (N,)."""

    name: str
    sha256: str
    vocabulary: str
    training: Tensor
    held_out: Tensor

    @property
    def unigram_perplexity(self) -> float:
        """Of the held-out part, under the training part's character frequencies (add-one).

        What is reached by learning how often each character occurs, and no order at all.
        """
        counts = torch.bincount(self.training, minlength=len(self.vocabulary)).double() + 1
        log_probability = (counts / counts.sum()).log()
        return math.exp(-log_probability[self.held_out].mean().item())

    def encode(self, text: str) -> Tensor:
        """Ids (N,) of ``text``. Raises UsageError for a character that the text never had."""
        index = {character: k for k, character in enumerate(self.vocabulary)}
        unknown = sorted(set(text) - set(index))
        if unknown:
            raise UsageError(f"not a character of the text: {', '.join(map(repr, unknown))}")
        return torch.tensor([index[character] for character in text], dtype=torch.long)

    def decode(self, ids: Tensor) -> str:
        return "".join(self.vocabulary[int(k)] for k in ids)


def make_corpus(name: str, text: str) -> Corpus:
    """The vocabulary is every character of the whole text, in code-point order."""
    vocabulary = "".join(sorted(set(text)))
    index = {character: k for k, character in enumerate(vocabulary)}
    ids = torch.tensor([index[character] for character in text], dtype=torch.long)
    split = len(text) - round(HELD_OUT * len(text))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Corpus(name, digest, vocabulary, ids[:split], ids[split:])


def read_file(path: Path) -> str:
    """A text file in UTF-8. Raises UsageError where there is none to read."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text in UTF-8") from None
    if "\0" in text:
        raise UsageError(f"{path} is binary, not text")
    return text.replace("\r\n", "\n")


def python_prose() -> str:
    """The prose paragraphs of Python's language reference, one a line.

    Raises UsageError where this Python was packaged without it.
    """
    try:
        from pydoc_data.topics import topics  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise UsageError("this Python comes without pydoc_data: name a text by --text") from None
    paragraphs = (p for key in sorted(topics) for p in re.split(r"\n\s*\n", topics[key]))
    prose = (line for line in map(_unwrap, paragraphs) if _is_prose(line))
    return "\n".join(dict.fromkeys(prose)) + "\n"  # topics repeat each other's paragraphs


def _unwrap(paragraph: str) -> str:
    """One line, without reStructuredText's asterisks and with plain quotes and dashes."""
    line = re.sub(r"-\n\s*", "-", paragraph.replace("*", ""))
    return " ".join(line.translate(_PLAIN).split())


def _is_prose(line: str) -> bool:
    """Leaves out headings, grammar, signatures, tables and code: they end or look otherwise."""
    words = sum(character.isalpha() or character == " " for character in line)
    return len(line) >= 60 and line[-1] in ".:!?" and words >= 0.88 * len(line)


@dataclass(frozen=True)
class Batch:
    """inputs: ids (B, T). targets: the ids that follow, (T·B,) in time-major rows.

    ``fresh``: a new pass over the text starts here, so the state carried over is void.
    """

    inputs: Tensor
    targets: Tensor
    fresh: bool


class Batches:
    """B streams, side by side through the text; batch n + 1 goes on where batch n ended.

    A batch is a function of its number alone: however fast an implementation is, and whenever
    it is stopped, it sees the same data in the same order.
    """

    def __init__(self, ids: Tensor, batch_size: int, steps: int) -> None:
        length = len(ids) // batch_size
        self.per_pass = (length - 1) // steps
        if self.per_pass < 1:
            raise UsageError(
                f"the text is too short: batches of {batch_size} × {steps} need at least "
                f"{shortest_text(batch_size, steps)} characters"
            )
        self.steps, self.ids = steps, ids
        self._streams = ids[: length * batch_size].view(batch_size, length)  # (B, length)

    def __getitem__(self, number: int) -> Batch:
        start = number % self.per_pass * self.steps
        window = self._streams[:, start : start + self.steps + 1]  # (B, T + 1)
        return Batch(window[:, :-1], window[:, 1:].T.reshape(-1), fresh=start == 0)


def shortest_text(batch_size: int, steps: int) -> int:
    """Characters needed for one batch of the held-out part, the smaller one."""
    return math.ceil(batch_size * (steps + 1) / HELD_OUT)


def perplexity(loss: float) -> float:
    """exp(loss); infinite where the loss is too large, or no number."""
    return math.exp(loss) if loss < 700 else math.inf
