"""The proof of stacks: every host is there once, and the page tells what was missed."""

from importlib import import_module

from bench.stacks import is_right, rows, summary


def test_every_host_is_a_class_and_has_one_row():
    found = list(rows(2))
    assert len({(module, name) for module, name, _, _ in found}) == len(found)
    for module, name, words, seeds in found:
        assert isinstance(getattr(import_module(f"tests.conformance.{module}"), name), type)
        assert seeds == (1 if words else 2)


def row(name, mistake, verdicts, *, named=False):
    said = [mistake] if named else []
    return {
        "host": "ragged", "name": name, "mistake": mistake, "verdicts": verdicts, "named": named,
        "said": said,
    }  # fmt: skip


def test_the_page_counts_and_lists_what_was_missed():
    found = [
        row("A", "", ["conforms", "conforms"]),
        row("B", "", ["conforms", "defective"]),
        row("C", "late", ["defective"], named=True),
        row("D", "early", ["defective"]),
        row("E", "never", ["conforms"]),
    ]
    assert [is_right(one) for one in found] == [True, False, True, True, False]
    page = summary(found)
    assert "| all | 2 | 4 | 1 | 3 | 2 | 1 |" in page
    assert [line[2:13] for line in page.splitlines() if line.startswith("- ")] == [
        "ragged.py:B", "ragged.py:D", "ragged.py:E",
    ]  # fmt: skip
