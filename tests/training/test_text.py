"""The text, its batches, and what is said of texts that will not do."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from lstm_bench.errors import UsageError
from lstm_bench.training.text import (
    Batches,
    make_corpus,
    perplexity,
    python_prose,
    read_file,
    shortest_text,
)


def test_pythons_prose_is_prose() -> None:
    """Sentences, enough of them, without headings, grammar and markup; the same every time."""
    text = python_prose()
    lines = text.splitlines()
    assert len(text) > 100_000
    assert all(line[-1] in ".:!?" for line in lines)
    assert not any("::=" in line or "****" in line or "====" in line for line in lines)
    assert len(lines) == len(set(lines))
    assert text == python_prose()
    letters = sum(character.isalpha() or character == " " for character in text)
    assert letters > 0.9 * len(text)


def test_corpus_holds_the_whole_text() -> None:
    """Training and held-out part, decoded, are the text; the vocabulary has each character once."""
    text = "the quick brown fox\n" * 10
    corpus = make_corpus("fox", text)
    assert corpus.decode(corpus.training) + corpus.decode(corpus.held_out) == text
    assert len(corpus.held_out) == 20
    assert sorted(set(text)) == list(corpus.vocabulary)
    assert corpus.decode(corpus.encode("fox")) == "fox"


def test_unknown_characters_are_named() -> None:
    """A prefix that the text cannot spell is the user's to mend."""
    with pytest.raises(UsageError, match="not a character of the text: 'é', 'ü'"):
        make_corpus("x", "abc").encode("aüé")


def test_unigram_perplexity_by_hand() -> None:
    """Half a, half b: a perplexity of two, up to the one that is added to each count."""
    assert make_corpus("x", "ab" * 1000).unigram_perplexity == pytest.approx(2, rel=1e-6)


def test_batches_read_the_streams_on() -> None:
    """Stream b is the b-th stretch of the text; each batch goes on where the last one ended."""
    batches = Batches(torch.arange(100), batch_size=3, steps=4)  # streams of 33
    assert batches.per_pass == 8
    first, second = batches[0], batches[1]
    assert first.inputs.tolist() == [[0, 1, 2, 3], [33, 34, 35, 36], [66, 67, 68, 69]]
    assert second.inputs.tolist() == [[4, 5, 6, 7], [37, 38, 39, 40], [70, 71, 72, 73]]
    assert first.fresh
    assert not second.fresh


def test_targets_are_the_next_characters_in_time_major_rows() -> None:
    """Row t·B + b is the character after step t of sequence b."""
    batch = Batches(torch.arange(100), batch_size=3, steps=4)[1]
    assert batch.targets.view(4, 3).T.tolist() == (batch.inputs + 1).tolist()


def test_a_batch_depends_on_its_number_alone() -> None:
    """After a pass the text starts again, whoever asked for what before."""
    batches = Batches(torch.arange(100), batch_size=3, steps=4)
    again = batches[8]
    assert again.fresh
    assert torch.equal(again.inputs, batches[0].inputs)


def test_too_short_a_text_says_what_is_needed() -> None:
    """The bound in the message is enough, and nothing shorter by a batch is."""
    needed = shortest_text(4, 6)
    with pytest.raises(UsageError, match=f"at least {needed} characters"):
        Batches(make_corpus("x", "ab" * 20).held_out, 4, 6)
    assert Batches(make_corpus("x", "a" * needed).held_out, 4, 6).per_pass == 1


def test_files_that_are_no_text(tmp_path: Path) -> None:
    """Missing, a folder, not UTF-8, binary: one line that names the file."""
    (tmp_path / "latin").write_bytes("déjà".encode("latin-1"))
    (tmp_path / "binary").write_bytes(b"ab\0cd")
    for name, reason in (
        ("missing", "cannot read .*missing: No such file"),
        (".", "cannot read .*: Is a directory"),
        ("latin", "latin is not text in UTF-8"),
        ("binary", "binary is binary, not text"),
    ):
        with pytest.raises(UsageError, match=reason):
            read_file(tmp_path / name)


def test_line_ends_and_byte_order_mark_are_no_characters(tmp_path: Path) -> None:
    """A text from Windows is the same text."""
    (tmp_path / "dos").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert read_file(tmp_path / "dos") == "one\ntwo\n"


def test_perplexity_of_a_loss_that_is_no_number() -> None:
    """Infinite, so that it never looks learned."""
    assert perplexity(0.0) == 1
    assert perplexity(math.log(5)) == pytest.approx(5)
    assert perplexity(math.nan) == perplexity(1e9) == perplexity(math.inf) == math.inf
