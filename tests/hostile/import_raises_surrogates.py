"""Raises an exception that cannot be written as UTF-8, nor shown on a terminal."""

raise BaseException("\ud800 \x1b[2J [/red] \r\n " * 100_000)  # noqa: TRY002


class Anything:
    """Never reached."""
