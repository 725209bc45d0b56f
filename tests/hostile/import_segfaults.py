"""Crashes while it is imported."""

import ctypes

ctypes.string_at(0)


class Anything:
    """Never reached."""
