"""Waits for an answer at the keyboard."""

input("Proceed? ")


class Anything:
    """Never reached."""
