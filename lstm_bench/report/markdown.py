"""A document as Markdown that fits a comment on a pull request."""

from __future__ import annotations

from lstm_bench.report.document import Document, Table

MOST_ROWS = 40
"""Of a table; a comment is no place for hundreds."""


def markdown(document: Document, most: int = MOST_ROWS) -> str:
    """The answer, the verdicts, what has no figure and why, and the command."""
    parts = [f"**{_inert(document.title)}**", _inert(document.answer)]
    parts.append(table(document.verdicts, most))
    if document.notes:
        parts.append("\n".join(f"- {_inert(note)}" for note in document.notes[:most]))
    if document.command:
        parts.append(f"`{document.command}`")
    return "\n\n".join(parts) + "\n"


def table(found: Table, most: int = MOST_ROWS) -> str:
    """One Markdown table; rows beyond ``most`` are counted."""
    lines = [_row(found.head)]
    lines.append(
        "|"
        + "|".join("---" if n < found.text_columns else "---:" for n in range(len(found.head)))
        + "|"
    )
    lines += [_row(row) for row in found.rows[:most]]
    if len(found.rows) > most:
        lines.append(f"\n… and {len(found.rows) - most} more rows.")
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_inert(cell).replace("|", "\\|") for cell in cells) + " |"


def _inert(text: str) -> str:
    """One line in which no HTML begins."""
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").split())
